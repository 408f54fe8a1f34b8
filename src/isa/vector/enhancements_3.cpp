// Instructions of the vector-enhancements facility 3 that have no older form (PoP ch. 21 and 22).

#include "isa/vector/elements.h"

namespace zvisor::isa {

namespace {

/// The sign of the fourth operand's element selects: negative the second operand, else the third.
constexpr auto blend = elementwise(Sizes<0, 4> {}, [](auto a, auto b, auto control) { return as_signed(control) < 0 ? a : b; });

/// Leftmost bits become elements of all ones or zeros.
constexpr auto generate_element_masks = [](Cpu& c, VrNumber v1, VrNumber v2, Mask m3) {
    u64 bits = c.vr[v2].hi;
    with_size<Sizes<0, 4>>(c, m3, [&](auto zero) {
        using T = decltype(zero);
        c.vr[v1] = make_elements<T>([&](unsigned i) { return mask_of<T>(bits >> (63 - i) & 1); });
    });
};

/// Three bits, one of each operand, select a bit of the truth table I5.
constexpr auto evaluate = [](Cpu& c, VrNumber v1, VrNumber v2, VrNumber v3, VrNumber v4, Unsigned i5) {
    auto table = [&](u64 x, u64 y, u64 z) {
        u64 out = 0;
        for (unsigned row = 0; row < 8; ++row)
            out |= i5 >> (7 - row) & 1 ? (row & 4 ? x : ~x) & (row & 2 ? y : ~y) & (row & 1 ? z : ~z) : 0;
        return out;
    };
    c.vr[v1] = map_elements<u64>(table, c.vr[v2], c.vr[v3], c.vr[v4]);
};

// ---- Division -----------------------------------------------------------------------------------------------

/// Bit 0 of M5, the integer-divide control: an element that cannot be divided gives zero instead of an exception.
constexpr u8 suppress_integer_divide = 8;
constexpr u8 integer_divide_code = 8;

struct Quotient {
    template<class T>
    static T signed_result(T a, T b)
    {
        return static_cast<T>(as_signed(a) / as_signed(b));
    }
    template<class T>
    static T logical_result(T a, T b)
    {
        return a / b;
    }
    /// The quotient of the greatest negative number and -1 has no representation.
    static constexpr bool may_overflow = true;
};
struct Remainder {
    template<class T>
    static T signed_result(T a, T b)
    {
        return b == all_ones<T> ? 0 : static_cast<T>(as_signed(a) % as_signed(b));
    }
    template<class T>
    static T logical_result(T a, T b)
    {
        return a % b;
    }
    static constexpr bool may_overflow = false;
};

template<class Result, bool Signed>
constexpr auto divide = [](Cpu& c, VrNumber v1, VrNumber v2, VrNumber v3, Mask m4, Mask m5) {
    with_size<Sizes<2, 4>>(c, m4, [&](auto zero) {
        using T = decltype(zero);
        c.vr[v1] = make_elements<T>([&](unsigned i) {
            T a = element<T>(c.vr[v2], i);
            T b = element<T>(c.vr[v3], i);
            bool overflowed = Signed && Result::may_overflow && b == all_ones<T> && a == T { 1 } << (bit_count<T> - 1);
            if (b != 0 && !overflowed) [[likely]]
                return Signed ? Result::signed_result(a, b) : Result::logical_result(a, b);
            if (!(m5 & suppress_integer_divide))
                throw ProgramInterruption { .code = ProgramCode::vector_processing,
                    .data_code = static_cast<u8>(i << 4 | integer_divide_code) };
            return T { 0 };
        });
    });
};

constexpr Facility ve3 = Facility::vector_enhancements_3;

constexpr Row rows[] = {
    insn("VBLEND", 0xE789, VRR_d_m5, ve3, vector, blend,
        "1,2,3,4,3 | v2=00112233445566778899aabbccddeeff v3=0102030405060708090a0b0c0d0e0f10 v4=80000000000000007fffffffffffffff -> "
        "v1=0011223344556677090a0b0c0d0e0f10",
        "1,2,3,4,5 | -> pgm=6"),
    insn("VGEM", 0xE754, VRR_a_m3, ve3, vector, generate_element_masks,
        "1,2,0 | v2=80010000000000000000000000000000 -> v1=ff0000000000000000000000000000ff",
        "1,2,2 | v2=6fff0000000000000000000000000000 -> v1=00000000ffffffffffffffff00000000"),
    insn("VEVAL", 0xE788, VRI_k, ve3, vector, evaluate,
        "1,2,3,4,1 | v2=ff00000000000000000000000000000f v3=0f000000000000000000000000000003 v4=33000000000000000000000000000001 -> "
        "v1=03000000000000000000000000000001",
        "1,2,3,4,16 | v2=ff00000000000000000000000000000f v3=0f0000000000000000000000000000f3 v4=330000000000000000000000000000f1 -> "
        "v1=000000000000000000000000000000f0"),
    insn("VD", 0xE7B2, VRR_c_m45, ve3, vector, (divide<Quotient, true>),
        "1,2,3,3,0 | v2=fffffffffffffff90000000000000007 v3=0000000000000002fffffffffffffffe -> v1=fffffffffffffffdfffffffffffffffd",
        "1,2,3,2,0 | v2=00000001000000010000000180000000 v3=000000010000000100000001ffffffff -> fpc=3800 pgm=1b",
        "1,2,3,2,8 | v2=00000001000000020000000180000000 v3=000000010000000200000000ffffffff -> v1=00000001000000010000000000000000",
        "1,2,3,1,0 | -> pgm=6"),
    insn("VDL", 0xE7B0, VRR_c_m45, ve3, vector, (divide<Quotient, false>),
        "1,2,3,4,0 | v2=ffffffffffffffffffffffffffffffff v3=00000000000000010000000000000000 -> v1=0000000000000000ffffffffffffffff"),
    insn("VR", 0xE7B3, VRR_c_m45, ve3, vector, (divide<Remainder, true>),
        "1,2,3,3,0 | v2=fffffffffffffff98000000000000000 v3=0000000000000002ffffffffffffffff -> v1=ffffffffffffffff0000000000000000"),
    insn("VRL", 0xE7B1, VRR_c_m45, ve3, vector, (divide<Remainder, false>),
        "1,2,3,2,0 | v2=fffffff9000000070000000800000009 v3=00000002000000030000000500000004 -> v1=00000001000000010000000300000001",
        "1,2,3,3,0 | v3=00000000000000010000000000000000 -> fpc=1800 pgm=1b"),
};

} // namespace

extern constexpr Group vector_enhancements_3 { rows };

} // namespace zvisor::isa
