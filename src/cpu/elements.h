#pragma once

#include "cpu/cpu.h"

// Operands of up to sixteen elements, fetched or stored as a whole.

namespace zvisor {

/// Hands `put` the `count` elements of type T at `a` in turn, after all of them have been fetched.
template<class T, class Put>
inline void load_elements(Cpu& c, Address a, unsigned count, Put put)
{
    u8 buffer[16 * sizeof(T)];
    const TlbEntry& entry = c.data_space().entry(a.at);
    const u8* from = reinterpret_cast<const u8*>(a.at + entry.delta);
    if (a.at - entry.read_tag > page_size - count * sizeof(T)) [[unlikely]] {
        c.load_bytes(a, buffer, count * sizeof(T));
        from = buffer;
    }
    for (unsigned i = 0; i < count; ++i)
        put(i, load_shared<T>(from + i * sizeof(T)));
}

template<class T, class Get>
inline void store_elements(Cpu& c, Address a, unsigned count, Get get)
{
    u8 buffer[16 * sizeof(T)];
    const TlbEntry& entry = c.data_space().entry(a.at);
    bool at_hand = a.at - entry.write_tag <= page_size - count * sizeof(T);
    u8* to = at_hand ? reinterpret_cast<u8*>(a.at + entry.delta) : buffer;
    for (unsigned i = 0; i < count; ++i)
        store_shared<T>(to + i * sizeof(T), get(i));
    if (!at_hand) [[unlikely]]
        c.store_bytes(a, buffer, count * sizeof(T));
}

} // namespace zvisor
