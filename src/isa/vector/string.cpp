// Vector string instructions (PoP ch. 23).

#include "isa/vector/recorded.h"

#include <algorithm>
#include <emmintrin.h>

namespace zvisor::isa {

namespace {

/// Bits of the modifier field M5 or M6.
struct Modifier {
    static constexpr u8 invert = 8;
    static constexpr u8 result_type = 4;
    static constexpr u8 zero_search = 2;
    static constexpr u8 set_condition_code = 1;
};

using StringSizes = Sizes<0, 2>;

/// One bit for each byte of a register, the leftmost byte's the leftmost.
using ByteBits = u16;

/// The leftmost bit of every byte.
ByteBits sign_bits(const Vr& v)
{
    return static_cast<ByteBits>(_mm_movemask_epi8(std::bit_cast<__m128i>(v)));
}
template<class T>
ByteBits equal_bits(const Vr& a, const Vr& b)
{
    return sign_bits(map_elements<T>([](T x, T y) { return mask_of<T>(x == y); }, a, b));
}
template<class T>
ByteBits zero_bits(const Vr& a)
{
    return equal_bits<T>(a, {});
}
ir::W equal_bits(ir::Builder& c, u8 size, VrNumber v2, VrNumber v3)
{
    if (v2 == v3)
        return { 0xffff };
    auto a = c.v(v2);
    auto b = c.v(v3);
    return c.byte_signs(c.vector(VectorOperation::equal, size, a, b));
}
ir::W zero_bits(ir::Builder& c, u8 size, VrNumber v2)
{
    auto a = c.v(v2);
    return c.byte_signs(c.vector(VectorOperation::equal, size, a, c.pair(0, 0)));
}
/// Index of the first byte whose bit is one; 16 when there is none.
unsigned first_byte(ByteBits bits)
{
    return static_cast<unsigned>(std::countl_zero(bits));
}
void set_index(Cpu& c, VrNumber v1, unsigned byte_index)
{
    c.vr[v1] = { .lo = 0, .hi = byte_index };
}
void set_index(ir::Builder& c, VrNumber v1, ir::W byte_index)
{
    c.v(v1, c.pair(c.zx(byte_index), 0));
}

/// Condition code of a search: 0 a zero came first, 1 found and no zero, 2 found before a zero, 3 neither.
u8 search_code(unsigned found, unsigned zero)
{
    if (zero == 16)
        return found == 16 ? 3 : 1;
    return found < zero ? 2 : 0;
}

/// Stores what a search for any element found: an index or the mask itself.
template<class T>
void put_search_result(Cpu& c, VrNumber v1, const Vr& matches, const Vr& searched, Mask modifier)
{
    unsigned found = first_byte(sign_bits(matches));
    unsigned zero = modifier & Modifier::zero_search ? first_byte(zero_bits<T>(searched)) : 16;
    if (modifier & Modifier::result_type)
        c.vr[v1] = matches;
    else
        set_index(c, v1, std::min(found, zero));
    if (modifier & Modifier::set_condition_code)
        c.cc(search_code(found, zero));
}
Vr complement_if(bool condition, const Vr& v)
{
    return condition ? Vr { .lo = ~v.lo, .hi = ~v.hi } : v;
}
Vr either(const Vr& a, const Vr& b)
{
    return { .lo = a.lo | b.lo, .hi = a.hi | b.hi };
}

constexpr auto find_any_element_equal = [](Cpu& c, VrNumber v1, VrNumber v2, VrNumber v3, Mask m4, Mask m5) {
    with_size<StringSizes>(c, m4, [&](auto zero) {
        using T = decltype(zero);
        const Vr searched = c.vr[v2];
        Vr matches;
        for (unsigned i = 0; i < element_count<T>; ++i) {
            T wanted = element<T>(c.vr[v3], i);
            matches = either(matches, map_elements<T>([wanted](T e) { return mask_of<T>(e == wanted); }, searched));
        }
        put_search_result<T>(c, v1, complement_if(m5 & Modifier::invert, matches), searched, m5);
    });
};

/// One of a pair of comparisons: bits 0-2 of the control accept equal, low and high.
template<class T>
bool in_relation(T value, T bound, T control)
{
    T relation = value == bound ? 4 : value < bound ? 2 : 1;
    return control >> (bit_count<T> - 3) & relation;
}

constexpr auto range_compare = [](Cpu& c, VrNumber v1, VrNumber v2, VrNumber v3, VrNumber v4, Mask m5, Mask m6) {
    with_size<StringSizes>(c, m5, [&](auto zero) {
        using T = decltype(zero);
        const Vr searched = c.vr[v2];
        Vr matches;
        for (unsigned i = 0; i < element_count<T>; i += 2) {
            T bounds[] = { element<T>(c.vr[v3], i), element<T>(c.vr[v3], i + 1) };
            T controls[] = { element<T>(c.vr[v4], i), element<T>(c.vr[v4], i + 1) };
            auto in_range
                = [&](T e) { return mask_of<T>(in_relation(e, bounds[0], controls[0]) && in_relation(e, bounds[1], controls[1])); };
            matches = either(matches, map_elements<T>(in_range, searched));
        }
        put_search_result<T>(c, v1, complement_if(m6 & Modifier::invert, matches), searched, m6);
    });
};

void find_equal(Cpu& c, VrNumber v1, VrNumber v2, VrNumber v3, Mask m4, Mask m5)
{
    if (m5 > 3)
        c.specification();
    with_size<StringSizes>(c, m4, [&](auto tag) {
        using T = decltype(tag);
        unsigned found = first_byte(equal_bits<T>(c.vr[v2], c.vr[v3]));
        unsigned zero = m5 & Modifier::zero_search ? first_byte(zero_bits<T>(c.vr[v2])) : 16;
        set_index(c, v1, std::min(found, zero));
        if (m5 & Modifier::set_condition_code)
            c.cc(search_code(found, zero));
    });
}
void find_equal(ir::Builder& c, VrNumber v1, VrNumber v2, VrNumber v3, Mask m4, Mask m5)
{
    if (m4 > 2 || m5 > 3)
        return c.leave_to_handler();
    auto size = static_cast<u8>(1U << m4);
    auto found = equal_bits(c, size, v2, v3);
    auto zero = m5 & Modifier::zero_search ? zero_bits(c, size, v2) : ir::W { 0 };
    set_index(c, v1, isa::first_byte(c, found | zero));
    if (m5 & Modifier::set_condition_code)
        c.cc_search(zero, found & ~zero);
}

constexpr auto find_element_equal
    = [](auto& c, VrNumber v1, VrNumber v2, VrNumber v3, Mask m4, Mask m5) { find_equal(c, v1, v2, v3, m4, m5); };

void find_not_equal(Cpu& c, VrNumber v1, VrNumber v2, VrNumber v3, Mask m4, Mask m5)
{
    if (m5 > 3)
        c.specification();
    with_size<StringSizes>(c, m4, [&](auto tag) {
        using T = decltype(tag);
        const Vr a = c.vr[v2];
        const Vr b = c.vr[v3];
        unsigned found = first_byte(static_cast<ByteBits>(~equal_bits<T>(a, b)));
        unsigned zero = m5 & Modifier::zero_search ? first_byte(zero_bits<T>(a)) : 16;
        set_index(c, v1, std::min(found, zero));
        if (!(m5 & Modifier::set_condition_code))
            return;
        if (found == 16 || zero < found)
            return c.cc(zero == 16 ? 3 : 0);
        unsigned index = found / sizeof(T);
        c.cc(element<T>(a, index) < element<T>(b, index) ? 1 : 2);
    });
}
/// Condition code at byte `index`: 1 less in a, 2 greater, 0 a zero; 3 at 16.
ir::W difference_code(ir::Builder& c, u8 size, VrNumber v2, VrNumber v3, ir::W different, ir::W index)
{
    auto a = c.v(v2);
    auto least = c.vector(VectorOperation::least, size, a, c.v(v3));
    auto not_greater = c.byte_signs(c.vector(VectorOperation::equal, size, least, a));
    auto bit_at_index = [&](ir::W bits) { return (bits << index) >> 15 & 1U; };
    auto none = index >> 4;
    return bit_at_index(different & not_greater) | bit_at_index(different & ~not_greater) << 1 | none | none << 1;
}
void find_not_equal(ir::Builder& c, VrNumber v1, VrNumber v2, VrNumber v3, Mask m4, Mask m5)
{
    if (m4 > 2 || m5 > 3)
        return c.leave_to_handler();
    auto size = static_cast<u8>(1U << m4);
    auto different = equal_bits(c, size, v2, v3) ^ 0xffffU;
    auto zero = m5 & Modifier::zero_search ? zero_bits(c, size, v2) : ir::W { 0 };
    auto index = isa::first_byte(c, different | zero);
    if (m5 & Modifier::set_condition_code) {
        if (v2 == v3)
            c.cc_search(zero, 0);
        else
            c.cc(difference_code(c, size, v2, v3, different, index));
    }
    set_index(c, v1, index);
}

constexpr auto find_element_not_equal
    = [](auto& c, VrNumber v1, VrNumber v2, VrNumber v3, Mask m4, Mask m5) { find_not_equal(c, v1, v2, v3, m4, m5); };

/// Elements behind the first zero become zeros.
constexpr auto isolate_string = both(
    [](Cpu& c, VrNumber v1, VrNumber v2, Mask m3, Mask m5) {
        if (m5 > 1)
            c.specification();
        with_size<StringSizes>(c, m3, [&](auto tag) {
            unsigned zero = first_byte(zero_bits<decltype(tag)>(c.vr[v2]));
            c.vr[v1] = zero == 0 ? Vr {} : leftmost_bytes(c.vr[v2], zero);
            if (m5 & Modifier::set_condition_code)
                c.cc(zero == 16 ? 3 : 0);
        });
    },
    [](ir::Builder& c, VrNumber v1, VrNumber v2, Mask m3, Mask m5) {
        if (m3 > 2 || m5 > 1)
            return c.leave_to_handler();
        auto zero = zero_bits(c, static_cast<u8>(1U << m3), v2);
        c.v(v1, c.vector(VectorOperation::leftmost, 1, c.v(v2), isa::first_byte(c, zero)));
        if (m5 & Modifier::set_condition_code)
            c.cc_search(zero, 0);
    });

/// Where a substring is in a string: condition code 0 nowhere, 1 nowhere before the string's zero, 2 at `byte_index`, 3 its
/// beginning is at the end of the string, at `byte_index`.
struct Found {
    unsigned byte_index;
    u8 condition_code;
};

/// `string` ends at byte `end`; `wanted` bytes of `substring` (a multiple of the element size) are looked for.
template<class T>
Found search_string(u128 string, unsigned end, u128 substring, unsigned wanted)
{
    for (unsigned at = 0; at < end; at += sizeof(T)) {
        bool whole = at + wanted <= end;
        if (!whole && end < 16)
            break;
        unsigned compared = whole ? wanted : end - at;
        if (((string << 8 * at) ^ substring) >> (128 - 8 * compared) == 0)
            return { at, static_cast<u8>(whole ? 2 : 3) };
    }
    return { 16, static_cast<u8>(end < 16 ? 1 : 0) };
}

constexpr auto string_search = [](Cpu& c, VrNumber v1, VrNumber v2, VrNumber v3, VrNumber v4, Mask m5, Mask m6) {
    if (m6 & ~Modifier::zero_search)
        c.specification();
    with_size<StringSizes>(c, m5, [&](auto tag) {
        using T = decltype(tag);
        constexpr unsigned size = sizeof(T);
        unsigned wanted = std::min(16U, u32 { element<u8>(c.vr[v4], 7) }) / size * size;
        unsigned end = 16;
        if (m6 & Modifier::zero_search) {
            wanted = std::min(wanted, first_byte(zero_bits<T>(c.vr[v3])));
            end = first_byte(zero_bits<T>(c.vr[v2]));
        }
        Found found = wanted == 0 ? Found { 0, 2 } : search_string<T>(as_quadword(c.vr[v2]), end, as_quadword(c.vr[v3]), wanted);
        set_index(c, v1, found.byte_index);
        c.cc(found.condition_code);
    });
};

constexpr Facility v = Facility::vector;

constexpr Row rows[] = {
    insn("VFAE", 0xE782, VRR_b_o, v, vector, find_any_element_equal,
        "1,2,3,0,3 | v2=61626364650000000000000000000000 v3=64657878787878787878787878787878 -> v1=00000000000000030000000000000000 cc=2",
        "1,2,3,0,13 | v2=61626364650000000000000000000000 v3=64650000000000000000000000000000 -> v1=ffffff00000000000000000000000000 cc=1",
        "1,2,3,1 | v2=61626364650000000000000000000000 v3=ffffffffffffffffffffffffffffffff cc=2 -> v1=00000000000000100000000000000000",
        "1,2,3,3 | -> pgm=6"),
    insn("VFEE", 0xE780, VRR_b_o, v, vector, find_element_equal,
        "1,2,3,0,1 | v2=61626364650000000000000000000000 v3=ffff63ffffffffffffffffffffffffff -> v1=00000000000000020000000000000000 cc=1",
        "1,2,3,1,3 | v2=61626364000065660000000000000000 v3=ffffffffffff65660000000000000000 -> v1=00000000000000040000000000000000 cc=0",
        "1,2,3,0,3 | v2=61626364656667686162636465666768 v3=ffffffffffffffffffffffffffffffff -> v1=00000000000000100000000000000000 cc=3",
        "1,2,3,0,4 | -> pgm=6"),
    insn("VFENE", 0xE781, VRR_b_o, v, vector, find_element_not_equal,
        "1,2,3,0,3 | v2=61626364656667686162636465666768 v3=61626365656667686162636465666768 -> v1=00000000000000030000000000000000 cc=1",
        "1,2,3,0,3 | v2=61620064656667686162636465666768 v3=61620065656667686162636465666768 -> v1=00000000000000020000000000000000 cc=0",
        "1,2,3,2,1 | v2=61626364656667686162636465666768 v3=61626364656667686162636465666768 -> v1=00000000000000100000000000000000 cc=3",
        "1,2,3,2,1 | v2=71626364656667686162636465666768 v3=61626365656667686162636465666768 -> cc=2"),
    insn("VISTR", 0xE75C, VRR_a_m35o, v, vector, isolate_string,
        "1,2,0,1 | v2=61620064656667686162636465666768 -> v1=61620000000000000000000000000000 cc=0",
        "1,2,2,1 | v2=61620064656667686162636465666768 -> v1=61620064656667686162636465666768 cc=3",
        "1,2,0 | v2=00000064656667686162636465666768 cc=2 -> cc=2", "1,2,0,2 | -> pgm=6"),
    insn("VSTRC", 0xE78A, VRR_d_m56o, v, vector, range_compare,
        "1,2,3,4,0,3 | v2=40305a61000000000000000000000000 v3=617a415a000000000000000000000000 v4=a0c0a0c0000000000000000000000000 -> "
        "v1=00000000000000020000000000000000 cc=2",
        "1,2,3,4,1,12 | v2=00400030006100000000000000000000 v3=0061007a000000000000000000000000 v4=a000c000000000000000000000000000 -> "
        "v1=ffffffff0000ffffffffffffffffffff",
        "1,2,3,4,3,0 | -> pgm=6"),
    insn("VSTRS", 0xE78B, VRR_d_m56o, Facility::vector_enhancements_2, vector, string_search,
        "1,2,3,4,0,0 | v2=61626364656667686162636465666768 v3=63640000000000000000000000000000 v4=00000000000000020000000000000000 -> "
        "v1=00000000000000020000000000000000 cc=2",
        "1,2,3,4,0,2 | v2=61626364656667686162636465666768 v3=66676869000000000000000000000000 v4=00000000000000100000000000000000 -> "
        "v1=000000000000000d0000000000000000 cc=3",
        "1,2,3,4,0,2 | v2=61626364656667000066676869000000 v3=66676869000000000000000000000000 v4=00000000000000040000000000000000 -> "
        "v1=00000000000000100000000000000000 cc=1",
        "1,2,3,4,1 | v2=61626364656667686162636465666768 v3=62630000000000000000000000000000 v4=00000000000000020000000000000000 -> "
        "v1=00000000000000100000000000000000 cc=0"),
};

} // namespace

extern constexpr Group vector_string { rows };

} // namespace zvisor::isa
