#pragma once

#include "cpu/cpu.h"

// Interlocked updates of storage operands: host atomics on bytes in guest order.

namespace zvisor::isa {

/// An operand in host memory for an interlocked update; naturally aligned, checked for storing.
template<class T>
struct Interlocked {
    T* host;

    Interlocked(Cpu& c, Address a)
    {
        c.require_aligned(a.at, sizeof(T));
        // SAFETY: the view is as aligned as the address, and guest storage has no type.
        host = reinterpret_cast<T*>(c.host_view(a, sizeof(T), Access::store));
    }

    /// True when the operand was `expected` and became `replacement`; else `expected` is what it was.
    [[nodiscard]] bool compare_and_swap(T& expected, T replacement) const
    {
        // The builtin is one host instruction for 16 bytes too.
        T old = swap(__sync_val_compare_and_swap(host, swap(expected), swap(replacement)));
        bool swapped = old == expected;
        expected = old;
        return swapped;
    }
    void stored(Cpu& c) const { c.stored(reinterpret_cast<u8*>(host), sizeof(T)); }

    [[nodiscard]] static T swap(T value)
    {
        if constexpr (sizeof(T) == 16)
            return static_cast<T>(swap_if_little(static_cast<u64>(value))) << 64 | swap_if_little(static_cast<u64>(value >> 64));
        else
            return swap_if_little(value);
    }
};

/// COMPARE AND SWAP: the condition code, and in `expected` what the operand was.
template<class T>
[[nodiscard]] inline u8 compare_and_swap(Cpu& c, Address a, T& expected, T replacement)
{
    Interlocked<T> operand(c, a);
    bool swapped = operand.compare_and_swap(expected, replacement);
    if (swapped)
        operand.stored(c);
    return !swapped;
}

/// A quadword read at once.
[[nodiscard]] inline u128 load_quadword(u8* host)
{
    // SAFETY: aligned by the caller; comparing with itself changes nothing.
    return Interlocked<u128>::swap(__sync_val_compare_and_swap(reinterpret_cast<u128*>(host), u128 { 0 }, u128 { 0 }));
}

[[nodiscard]] inline u128 join(u64 high, u64 low)
{
    return u128 { high } << 64 | low;
}

} // namespace zvisor::isa
