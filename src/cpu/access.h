#pragma once

#include "cpu/cpu.h"

// Storage access whose translation is not at hand, and interlocked updates: host atomics on bytes in guest order. Part of cpu/cpu.h.

namespace zvisor {

template<class T>
T Cpu::load_slow(Address a)
{
    if (a.at % page_size <= page_size - sizeof(T))
        return load_shared<T>(host_view(a, sizeof(T), Access::fetch));
    T value;
    load_bytes(a, &value, sizeof value);
    return swap_if_little(value);
}

template<class T>
void Cpu::store_slow(Address a, T value)
{
    if (a.at % page_size <= page_size - sizeof(T)) {
        u8* host = host_view(a, sizeof(T), Access::store);
        store_shared<T>(host, value);
        return stored(host, sizeof(T));
    }
    value = swap_if_little(value);
    store_bytes(a, &value, sizeof value);
}

template<class T>
T Cpu::swap_if_equal(Address a, T expected, T replacement)
{
    u8* host = host_view(a, sizeof(T), Access::store);
    // SAFETY: the view is as aligned as the address, and guest storage has no type. The builtin is one host instruction for 16 bytes too.
    T old = swap_if_little(__sync_val_compare_and_swap(reinterpret_cast<T*>(host), swap_if_little(expected), swap_if_little(replacement)));
    if (old == expected)
        stored(host, sizeof(T));
    return old;
}

template<class T>
T Cpu::fetch_update(StorageUpdate update, Address a, T operand)
{
    // Interlocked on an integral boundary (PoP ch. 7): for an operand in two of its cache lines the host would stop all its processors.
    if (a.at % sizeof(T) != 0) {
        probe(a, sizeof(T), Access::store);
        T old = load<T>(a);
        store<T>(a, updated(update, old, operand));
        return old;
    }
    u8* host = host_view(a, sizeof(T), Access::store);
    auto* place = reinterpret_cast<T*>(host);
    T old = __atomic_load_n(place, __ATOMIC_SEQ_CST);
    while (!__atomic_compare_exchange_n(
        place, &old, swap_if_little(updated(update, swap_if_little(old), operand)), false, __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST)) { }
    stored(host, sizeof(T));
    return swap_if_little(old);
}

} // namespace zvisor
