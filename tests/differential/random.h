#pragma once

#include "base/types.h"

#include <array>
#include <initializer_list>

namespace zvisor::differential {

/// A reproducible sequence (xorshift64*, seeded through splitmix64).
class Random {
public:
    explicit Random(u64 seed)
    {
        u64 z = seed + 0x9e3779b97f4a7c15;
        z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9;
        z = (z ^ z >> 27) * 0x94d049bb133111eb;
        m_state = (z ^ z >> 31) | 1;
    }

    [[nodiscard]] u64 next()
    {
        m_state ^= m_state >> 12;
        m_state ^= m_state << 25;
        m_state ^= m_state >> 27;
        return m_state * 0x2545f4914f6cdd1d;
    }
    /// 0 to n-1; n is not 0 and below 2^32.
    [[nodiscard]] u32 below(u32 n) { return static_cast<u32>((next() >> 32) * n >> 32); }
    [[nodiscard]] bool chance(u32 percent) { return below(100) < percent; }
    template<class T>
    [[nodiscard]] T pick(std::initializer_list<T> values)
    {
        return values.begin()[below(static_cast<u32>(values.size()))];
    }
    template<class T, std::size_t N>
    [[nodiscard]] T pick(const std::array<T, N>& values)
    {
        return values[below(N)];
    }

private:
    u64 m_state;
};

} // namespace zvisor::differential
