// Vector logical operations, shifts, rotations and TEST UNDER MASK (PoP ch. 22).

#include "isa/vector/recorded.h"

namespace zvisor::isa {

namespace {

// ---- Bitwise operations -------------------------------------------------------------------------------------

template<class F>
struct Bitwise {
    void operator()(Cpu& c, VrNumber v1, VrNumber v2, VrNumber v3) const { c.vr[v1] = map_elements<u64>(F {}, c.vr[v2], c.vr[v3]); }
};
template<class F>
constexpr Bitwise<F> bitwise(F)
{
    return {};
}
/// The recorded form with one more step: `Operation` of the third operand, complemented for VOC, and the second one.
template<VectorOperation Operation, bool Complemented>
constexpr auto with_complement = [](ir::Builder& c, VrNumber v1, VrNumber v2, VrNumber v3) {
    auto a = c.v(v2);
    auto b = Complemented ? complement(c, c.v(v3)) : c.v(v3);
    c.v(v1, c.vector(Operation, 8, b, a));
};
constexpr auto and_bits = both(bitwise([](u64 a, u64 b) { return a & b; }), RecordedBitwise<VectorOperation::bit_and> {});
constexpr auto and_with_complement
    = both(bitwise([](u64 a, u64 b) { return a & ~b; }), with_complement<VectorOperation::bit_and_not, false>);
constexpr auto or_bits = both(bitwise([](u64 a, u64 b) { return a | b; }), RecordedBitwise<VectorOperation::bit_or> {});
constexpr auto or_with_complement = both(bitwise([](u64 a, u64 b) { return a | ~b; }), with_complement<VectorOperation::bit_or, true>);
constexpr auto exclusive_or = both(bitwise([](u64 a, u64 b) { return a ^ b; }), RecordedBitwise<VectorOperation::bit_xor> {});
constexpr auto nand_bits = both(bitwise([](u64 a, u64 b) { return ~(a & b); }), RecordedBitwise<VectorOperation::bit_and, true> {});
constexpr auto nor_bits = both(bitwise([](u64 a, u64 b) { return ~(a | b); }), RecordedBitwise<VectorOperation::bit_or, true> {});
constexpr auto not_exclusive_or = both(bitwise([](u64 a, u64 b) { return ~(a ^ b); }), RecordedBitwise<VectorOperation::bit_xor, true> {});

/// Condition code 0: the selected bits are zeros or none is selected, 3 all ones, 1 mixed.
constexpr auto test_under_mask = [](Cpu& c, VrNumber v1, VrNumber v2) {
    u128 mask = as_quadword(c.vr[v2]);
    u128 selected = as_quadword(c.vr[v1]) & mask;
    c.cc(selected == 0 ? 0 : selected == mask ? 3 : 1);
};

// ---- Shifting elements --------------------------------------------------------------------------------------

struct ShiftLeft {
    template<class T>
    T operator()(T value, u64 count) const
    {
        return static_cast<T>(value << count % bit_count<T>);
    }
};
struct ShiftRight {
    template<class T>
    T operator()(T value, u64 count) const
    {
        return static_cast<T>(value >> count % bit_count<T>);
    }
};
struct ShiftRightArithmetic {
    template<class T>
    T operator()(T value, u64 count) const
    {
        return static_cast<T>(as_signed(value) >> count % bit_count<T>);
    }
};
struct RotateLeft {
    template<class T>
    T operator()(T value, u64 count) const
    {
        return std::rotl(value, static_cast<int>(count % bit_count<T>));
    }
};

/// By the count in the element of the third operand.
template<class Shift>
constexpr Elementwise<Sizes<0, 3>, Shift> shift_by_vector;
/// The host does not shift bytes, and doublewords not arithmetically.
template<class Shift>
void record_shift(ir::Builder& c, VrNumber v1, VrNumber v3, Storage s2, Mask m4)
{
    constexpr unsigned last = std::is_same_v<Shift, ShiftRightArithmetic> ? 2 : 3;
    constexpr auto operation = std::is_same_v<Shift, ShiftRightArithmetic> ? VectorOperation::shift_right_signed
        : std::is_same_v<Shift, ShiftRight>                                ? VectorOperation::shift_right
                                                                           : VectorOperation::shift_left;
    with_recorded_size<1, last>(c, m4, [&](auto zero) {
        using T = decltype(zero);
        auto count = c.lo(c.ea(s2).at) & (bit_count<T> - 1);
        auto from = c.v(v3);
        auto shifted = c.vector(operation, sizeof(T), from, count);
        if constexpr (std::is_same_v<Shift, RotateLeft>) {
            auto around = c.vector(VectorOperation::shift_right, sizeof(T), from, bit_count<T> - count);
            shifted = c.vector(VectorOperation::bit_or, sizeof(T), shifted, around);
        }
        c.v(v1, shifted);
    });
}
/// All by the second-operand address.
template<class Shift>
constexpr auto shift_by_address = both(
    [](Cpu& c, VrNumber v1, VrNumber v3, Storage s2, Mask m4) {
        u64 count = c.ea(s2).at;
        with_size<Sizes<0, 3>>(c, m4, [&](auto zero) {
            using T = decltype(zero);
            c.vr[v1] = map_elements<T>([&](T a) { return Shift {}(a, count); }, c.vr[v3]);
        });
    },
    [](ir::Builder& c, VrNumber v1, VrNumber v3, Storage s2, Mask m4) { record_shift<Shift>(c, v1, v3, s2, m4); });
constexpr auto rotate_and_insert_under_mask = [](Cpu& c, VrNumber v1, VrNumber v2, VrNumber v3, Unsigned i4, Mask m5) {
    with_size<Sizes<0, 3>>(c, m5, [&](auto zero) {
        using T = decltype(zero);
        auto insert = [&](T old, T value, T mask) { return (RotateLeft {}(value, i4.value) & mask) | (old & ~mask); };
        c.vr[v1] = map_elements<T>(insert, c.vr[v1], c.vr[v2], c.vr[v3]);
    });
};

// ---- Shifting registers -------------------------------------------------------------------------------------

// Each byte is shifted by the count in the byte of the third operand at its place, its neighbour's bits coming in.
constexpr auto shift_left = [](Cpu& c, VrNumber v1, VrNumber v2, VrNumber v3) {
    const Vr from = c.vr[v2];
    c.vr[v1] = make_elements<u8>([&](unsigned i) {
        unsigned pair = u32 { element<u8>(from, i) } << 8 | (i < 15 ? element<u8>(from, i + 1) : 0U);
        return pair << (element<u8>(c.vr[v3], i) & 7) >> 8;
    });
};
template<bool Arithmetic>
constexpr auto shift_right = [](Cpu& c, VrNumber v1, VrNumber v2, VrNumber v3) {
    const Vr from = c.vr[v2];
    const unsigned fill = Arithmetic && from.hi >> 63 ? 0xff : 0;
    c.vr[v1] = make_elements<u8>([&](unsigned i) {
        unsigned pair = (i > 0 ? element<u8>(from, i - 1) : fill) << 8 | element<u8>(from, i);
        return pair >> (element<u8>(c.vr[v3], i) & 7);
    });
};

/// Bits 1-4 of byte 7: how many bytes to shift.
unsigned byte_count(const Vr& v)
{
    return static_cast<unsigned>(v.hi) >> 3 & 15;
}

constexpr auto shift_left_by_byte
    = [](Cpu& c, VrNumber v1, VrNumber v2, VrNumber v3) { c.vr[v1] = from_quadword(as_quadword(c.vr[v2]) << 8 * byte_count(c.vr[v3])); };
constexpr auto shift_right_logical_by_byte
    = [](Cpu& c, VrNumber v1, VrNumber v2, VrNumber v3) { c.vr[v1] = from_quadword(as_quadword(c.vr[v2]) >> 8 * byte_count(c.vr[v3])); };
constexpr auto shift_right_arithmetic_by_byte = [](Cpu& c, VrNumber v1, VrNumber v2, VrNumber v3) {
    c.vr[v1] = from_quadword(static_cast<u128>(as_signed(as_quadword(c.vr[v2])) >> 8 * byte_count(c.vr[v3])));
};

/// 128 bits of a || b, from bit `start` (0-127).
Vr window(const Vr& a, const Vr& b, unsigned start)
{
    return start == 0 ? a : from_quadword(as_quadword(a) << start | as_quadword(b) >> (128 - start));
}

constexpr auto shift_left_double_by_byte = both(
    [](Cpu& c, VrNumber v1, VrNumber v2, VrNumber v3, Unsigned i4) {
        if (i4 > 15)
            c.specification();
        c.vr[v1] = window(c.vr[v2], c.vr[v3], i4 * 8);
    },
    [](ir::Builder& c, VrNumber v1, VrNumber v2, VrNumber v3, Unsigned i4) {
        if (i4 > 15)
            return c.leave_to_handler();
        if (i4 == 0)
            return c.v(v1, c.v(v2));
        auto a = c.v(v2);
        auto b = c.v(v3);
        c.v(v1, c.vector(static_cast<VectorOperation>(static_cast<u8>(VectorOperation::align_1) + i4 - 1), 1, a, b));
    });
constexpr auto shift_left_double_by_bit = [](Cpu& c, VrNumber v1, VrNumber v2, VrNumber v3, Unsigned i4) {
    if (i4 > 7)
        c.specification();
    c.vr[v1] = window(c.vr[v2], c.vr[v3], i4);
};
constexpr auto shift_right_double_by_bit = [](Cpu& c, VrNumber v1, VrNumber v2, VrNumber v3, Unsigned i4) {
    if (i4 > 7)
        c.specification();
    c.vr[v1] = i4 == 0 ? c.vr[v3] : window(c.vr[v2], c.vr[v3], 128 - i4);
};

constexpr Facility v = Facility::vector;
constexpr Facility ve1 = Facility::vector_enhancements_1;
constexpr Facility ve2 = Facility::vector_enhancements_2;

constexpr Row rows[] = {
    insn("VN", 0xE768, VRR_c, v, vector, and_bits,
        "17,18,19 | v18=00112233445566778899aabbccddeeff v19=ffff0000ffff0000ffff0000ffff0000 -> v17=001100004455000088990000ccdd0000"),
    insn("VNC", 0xE769, VRR_c, v, vector, and_with_complement,
        "1,2,3 | v2=00112233445566778899aabbccddeeff v3=ffff0000ffff0000ffff0000ffff0000 -> v1=00002233000066770000aabb0000eeff"),
    insn("VO", 0xE76A, VRR_c, v, vector, or_bits,
        "1,2,3 | v2=00112233445566778899aabbccddeeff v3=ffff0000ffff0000ffff0000ffff0000 -> v1=ffff2233ffff6677ffffaabbffffeeff"),
    insn("VOC", 0xE76F, VRR_c, ve1, vector, or_with_complement,
        "1,2,3 | v2=00112233445566778899aabbccddeeff v3=ffff0000ffff0000ffff0000ffff0000 -> v1=0011ffff4455ffff8899ffffccddffff"),
    insn("VX", 0xE76D, VRR_c, v, vector, exclusive_or,
        "1,2,3 | v2=00112233445566778899aabbccddeeff v3=ffff0000ffff0000ffff0000ffff0000 -> v1=ffee2233bbaa66777766aabb3322eeff"),
    insn("VNN", 0xE76E, VRR_c, ve1, vector, nand_bits,
        "1,2,3 | v2=00112233445566778899aabbccddeeff v3=ffff0000ffff0000ffff0000ffff0000 -> v1=ffeeffffbbaaffff7766ffff3322ffff"),
    insn("VNO", 0xE76B, VRR_c, v, vector, nor_bits,
        "1,2,3 | v2=00112233445566778899aabbccddeeff v3=ffff0000ffff0000ffff0000ffff0000 -> v1=0000ddcc000099880000554400001100"),
    insn("VNX", 0xE76C, VRR_c, ve1, vector, not_exclusive_or,
        "1,2,3 | v2=00112233445566778899aabbccddeeff v3=ffff0000ffff0000ffff0000ffff0000 -> v1=0011ddcc4455998888995544ccdd1100"),
    insn("VTM", 0xE7D8, VRR_a, v, vector, test_under_mask,
        "1,2 | v1=ff000000000000000000000000000001 v2=0f000000000000000000000000000001 -> cc=3",
        "1,2 | v1=01000000000000000000000000000001 v2=03000000000000000000000000000000 -> cc=1",
        "1,2 | v1=01000000000000000000000000000001 cc=3 -> cc=0"),

    insn("VESLV", 0xE770, VRR_c_m4, v, vector, shift_by_vector<ShiftLeft>,
        "1,2,3,1 | v2=00018001000100010001000100010001 v3=00000001000f00100011ffff00020003 -> v1=00010002800000010002800000040008"),
    insn("VESRLV", 0xE778, VRR_c_m4, v, vector, shift_by_vector<ShiftRight>,
        "1,2,3,2 | v2=80000000800000008000000080000000 v3=00000001000000210000001f00000000 -> v1=40000000400000000000000180000000"),
    insn("VESRAV", 0xE77A, VRR_c_m4, v, vector, shift_by_vector<ShiftRightArithmetic>,
        "1,2,3,2 | v2=80000000800000008000000040000000 v3=00000001000000210000001f00000001 -> v1=c0000000c0000000ffffffff20000000"),
    insn("VERLLV", 0xE773, VRR_c_m4, v, vector, shift_by_vector<RotateLeft>,
        "1,2,3,0 | v2=81818181818181818181818181818181 v3=00010203040506070809ff0000000000 -> v1=8103060c183060c08103c08181818181"),
    insn("VESL", 0xE730, VRS_a, v, vector, shift_by_address<ShiftLeft>,
        "1,2,17,1 | v2=80018001800180018001800180018001 -> v1=00020002000200020002000200020002", "1,2,0,4 | -> pgm=6"),
    insn("VESRL", 0xE738, VRS_a, v, vector, shift_by_address<ShiftRight>,
        "1,2,1(3),3 | r3=1 v2=80000000000000010000000000000007 -> v1=20000000000000000000000000000001"),
    insn("VESRA", 0xE73A, VRS_a, v, vector, shift_by_address<ShiftRightArithmetic>,
        "1,2,2,3 | v2=80000000000000010000000000000007 -> v1=e0000000000000000000000000000001"),
    insn("VERLL", 0xE733, VRS_a, v, vector, shift_by_address<RotateLeft>,
        "1,2,4,3 | v2=80000000000000010000000000000007 -> v1=00000000000000180000000000000070"),
    insn("VERIM", 0xE772, VRI_d_m5, v, vector, rotate_and_insert_under_mask,
        "1,2,3,20,1 | v1=ffffffffffffffffffffffffffffffff v2=12341234123412341234123412341234 v3=00ff00ff00ff00ffff0000000000ffff -> "
        "v1=ff41ff41ff41ff4123ffffffffff2341",
        "1,2,3,252,2 | v2=12345678123456781234567812345678 v3=ffffffff0000000000000000ffffffff -> v1=81234567000000000000000081234567"),

    insn("VSL", 0xE774, VRR_c, v, vector, shift_left,
        "1,2,3 | v2=01800000000000000000000000000081 v3=01010101010101010101010101010101 -> v1=03000000000000000000000000000102"),
    insn("VSRL", 0xE77C, VRR_c, v, vector, shift_right<false>,
        "1,2,3 | v2=81800000000000000000000000000081 v3=01010101010101010101010101010101 -> v1=40c00000000000000000000000000040"),
    insn("VSRA", 0xE77E, VRR_c, v, vector, shift_right<true>,
        "1,2,3 | v2=81800000000000000000000000000081 v3=01010101010101010101010101010101 -> v1=c0c00000000000000000000000000040"),
    insn("VSLB", 0xE775, VRR_c, v, vector, shift_left_by_byte,
        "1,2,3 | v2=00112233445566778899aabbccddeeff v3=00000000000000170000000000000000 -> v1=2233445566778899aabbccddeeff0000"),
    insn("VSRLB", 0xE77D, VRR_c, v, vector, shift_right_logical_by_byte,
        "1,2,3 | v2=80112233445566778899aabbccddeeff v3=00000000000000170000000000000000 -> v1=000080112233445566778899aabbccdd"),
    insn("VSRAB", 0xE77F, VRR_c, v, vector, shift_right_arithmetic_by_byte,
        "1,2,3 | v2=80112233445566778899aabbccddeeff v3=00000000000000170000000000000000 -> v1=ffff80112233445566778899aabbccdd"),
    insn("VSLDB", 0xE777, VRI_d, v, vector, shift_left_double_by_byte,
        "1,2,3,3 | v2=00112233445566778899aabbccddeeff v3=0102030405060708090a0b0c0d0e0f10 -> v1=33445566778899aabbccddeeff010203",
        "1,2,3,16 | -> pgm=6"),
    insn("VSLD", 0xE786, VRI_d, ve2, vector, shift_left_double_by_bit,
        "1,2,3,4 | v2=00112233445566778899aabbccddeeff v3=9102030405060708090a0b0c0d0e0f10 -> v1=0112233445566778899aabbccddeeff9",
        "1,2,3,8 | -> pgm=6"),
    insn("VSRD", 0xE787, VRI_d, ve2, vector, shift_right_double_by_bit,
        "1,2,3,4 | v2=00112233445566778899aabbccddeeff v3=9102030405060708090a0b0c0d0e0f10 -> v1=f9102030405060708090a0b0c0d0e0f1",
        "1,2,3,8 | -> pgm=6"),
};

} // namespace

extern constexpr Group vector_logical { rows };

} // namespace zvisor::isa
