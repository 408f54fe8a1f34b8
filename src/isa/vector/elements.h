#pragma once

#include "isa/insn.h"
#include "isa/vector/formats.h"

#include <bit>

// Elements of vector registers and the loops over them (PoP ch. 21). Element types are the unsigned integers u8 … u128.

namespace zvisor::isa {

template<class T>
struct ElementTraits;
template<>
struct ElementTraits<u8> {
    using Signed = i8;
    using Double = u16;
};
template<>
struct ElementTraits<u16> {
    using Signed = i16;
    using Double = u32;
    using Half = u8;
};
template<>
struct ElementTraits<u32> {
    using Signed = i32;
    using Double = u64;
    using Half = u16;
};
template<>
struct ElementTraits<u64> {
    using Signed = i64;
    using Double = u128;
    using Half = u32;
};
template<>
struct ElementTraits<u128> {
    using Signed = i128;
    using Half = u64;
};

template<class T>
using SignedElement = typename ElementTraits<T>::Signed;
/// The element of twice the size, and of half of it.
template<class T>
using DoubleElement = typename ElementTraits<T>::Double;
template<class T>
using HalfElement = typename ElementTraits<T>::Half;

template<class T>
[[nodiscard]] constexpr SignedElement<T> as_signed(T value)
{
    return static_cast<SignedElement<T>>(value);
}
/// Sign-extended to the next size.
template<class T>
[[nodiscard]] constexpr DoubleElement<T> widen_signed(T value)
{
    return static_cast<DoubleElement<T>>(as_signed(value));
}

template<class T>
inline constexpr unsigned bit_count = sizeof(T) * 8;
template<class T>
inline constexpr unsigned element_count = sizeof(Vr) / sizeof(T);
template<class T>
inline constexpr T all_ones = static_cast<T>(~T { 0 });

/// Elements in the order the host has them: the rightmost first.
template<class T>
using Elements = std::array<T, element_count<T>>;

/// Element `index`, counted from the left.
template<class T>
[[nodiscard]] inline T element(const Vr& v, unsigned index)
{
    T value;
    std::memcpy(&value, reinterpret_cast<const u8*>(&v) + sizeof v - (index + 1) * sizeof value, sizeof value);
    return value;
}
template<class T>
inline void set_element(Vr& v, unsigned index, T value)
{
    std::memcpy(reinterpret_cast<u8*>(&v) + sizeof v - (index + 1) * sizeof value, &value, sizeof value);
}

[[nodiscard]] constexpr u128 as_quadword(const Vr& v)
{
    return u128 { v.hi } << 64 | v.lo;
}
[[nodiscard]] constexpr Vr from_quadword(u128 value)
{
    return { .lo = static_cast<u64>(value), .hi = static_cast<u64>(value >> 64) };
}
template<class T>
[[nodiscard]] inline Vr replicate(T value)
{
    Elements<T> out;
    out.fill(value);
    return std::bit_cast<Vr>(out);
}

/// The register whose elements are f(element of a …).
template<class T, class F, class... Registers>
[[nodiscard]] inline Vr map_elements(F f, const Registers&... registers)
{
    Elements<T> out;
    [&](const auto&... in) {
        for (unsigned i = 0; i < out.size(); ++i)
            out[i] = static_cast<T>(f(in[i]...));
    }(std::bit_cast<Elements<T>>(registers)...);
    return std::bit_cast<Vr>(out);
}
/// The register whose elements are f(index from the left).
template<class T, class F>
[[nodiscard]] inline Vr make_elements(F f)
{
    Elements<T> out;
    for (unsigned i = 0; i < out.size(); ++i)
        out[out.size() - 1 - i] = static_cast<T>(f(i));
    return std::bit_cast<Vr>(out);
}

/// Element-size controls an instruction takes: 0 byte … 4 quadword. Those above `last` need vector enhancements 3.
template<unsigned First, unsigned Last, unsigned LastEnhanced = Last>
struct Sizes {
    static constexpr unsigned first = First;
    static constexpr unsigned last = Last;
    static constexpr unsigned last_enhanced = LastEnhanced;

    static void check(Cpu& c, unsigned size)
    {
        unsigned limit = last_enhanced > last && c.has(Facility::vector_enhancements_3) ? last_enhanced : last;
        if (size < first || size > limit) [[unlikely]]
            c.specification();
    }
};

/// Calls f with a zero of the element type an element-size control names; a size not among `S` is a specification exception.
template<class S, class F>
inline void with_size(Cpu& c, unsigned size, F f)
{
    auto call = [&]<class T>(T zero, auto number) {
        if constexpr (number >= S::first && number <= S::last_enhanced)
            f(zero);
    };
    S::check(c, size);
    switch (size) {
    case 0:
        return call(u8 {}, std::integral_constant<unsigned, 0> {});
    case 1:
        return call(u16 {}, std::integral_constant<unsigned, 1> {});
    case 2:
        return call(u32 {}, std::integral_constant<unsigned, 2> {});
    case 3:
        return call(u64 {}, std::integral_constant<unsigned, 3> {});
    default:
        return call(u128 {}, std::integral_constant<unsigned, 4> {});
    }
}

/// Semantics of an instruction that applies F to each element of its one, two or three operands; the last operand is the
/// element-size control.
template<class S, class F>
struct Elementwise {
    void operator()(Cpu& c, VrNumber v1, VrNumber v2, Mask size) const
    {
        with_size<S>(c, size, [&](auto zero) { c.vr[v1] = map_elements<decltype(zero)>(F {}, c.vr[v2]); });
    }
    void operator()(Cpu& c, VrNumber v1, VrNumber v2, VrNumber v3, Mask size) const
    {
        with_size<S>(c, size, [&](auto zero) { c.vr[v1] = map_elements<decltype(zero)>(F {}, c.vr[v2], c.vr[v3]); });
    }
    void operator()(Cpu& c, VrNumber v1, VrNumber v2, VrNumber v3, VrNumber v4, Mask size) const
    {
        with_size<S>(c, size, [&](auto zero) { c.vr[v1] = map_elements<decltype(zero)>(F {}, c.vr[v2], c.vr[v3], c.vr[v4]); });
    }
};
template<class S, class F>
[[nodiscard]] constexpr Elementwise<S, F> elementwise(S, F)
{
    return {};
}

/// A mask element: all ones or all zeros.
template<class T>
[[nodiscard]] constexpr T mask_of(bool condition)
{
    return condition ? all_ones<T> : T { 0 };
}

// ---- Storage -----------------------------------------------------------------------------------------------

[[nodiscard]] inline Vr vector_from_bytes(const u8* bytes)
{
    return { .lo = load_be<u64>(bytes + 8), .hi = load_be<u64>(bytes) };
}
inline void vector_to_bytes(const Vr& v, u8* bytes)
{
    store_be<u64>(bytes, v.hi);
    store_be<u64>(bytes + 8, v.lo);
}

[[nodiscard]] inline Vr load_vector(Cpu& c, Address a)
{
    TlbEntry& entry = c.data_space().entry(a.at);
    if (a.at - entry.read_tag <= page_size - sizeof(Vr)) [[likely]]
        return vector_from_bytes(reinterpret_cast<const u8*>(a.at + entry.delta));
    u8 bytes[sizeof(Vr)];
    c.load_bytes(a, bytes, sizeof bytes);
    return vector_from_bytes(bytes);
}
inline void store_vector(Cpu& c, Address a, const Vr& v)
{
    TlbEntry& entry = c.data_space().entry(a.at);
    if (a.at - entry.write_tag <= page_size - sizeof(Vr)) [[likely]]
        return vector_to_bytes(v, reinterpret_cast<u8*>(a.at + entry.delta));
    u8 bytes[sizeof(Vr)];
    vector_to_bytes(v, bytes);
    c.store_bytes(a, bytes, sizeof bytes);
}

/// Keeps the leftmost `count` (1-16) bytes.
[[nodiscard]] constexpr Vr leftmost_bytes(const Vr& v, unsigned count)
{
    return from_quadword(as_quadword(v) >> (128 - 8 * count) << (128 - 8 * count));
}
/// The leftmost `count` (1-16) bytes come from storage, the others are zero; nothing behind them is accessed.
[[nodiscard]] inline Vr load_leftmost(Cpu& c, Address a, unsigned count)
{
    TlbEntry& entry = c.data_space().entry(a.at);
    if (a.at - entry.read_tag <= page_size - sizeof(Vr)) [[likely]]
        return leftmost_bytes(vector_from_bytes(reinterpret_cast<const u8*>(a.at + entry.delta)), count);
    u8 bytes[sizeof(Vr)] {};
    c.load_bytes(a, bytes, count);
    return vector_from_bytes(bytes);
}

} // namespace zvisor::isa
