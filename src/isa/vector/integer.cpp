// Vector integer arithmetic without multiplication (PoP ch. 22).

#include "isa/vector/recorded.h"

#include <algorithm>

namespace zvisor::isa {

namespace {

// ---- Adding and subtracting ---------------------------------------------------------------------------------

constexpr auto add
    = both(elementwise(Sizes<0, 4> {}, [](auto a, auto b) { return a + b; }), RecordedElementwise<VectorOperation::add, 0, 3> {});
constexpr auto subtract
    = both(elementwise(Sizes<0, 4> {}, [](auto a, auto b) { return a - b; }), RecordedElementwise<VectorOperation::subtract, 0, 3> {});
constexpr auto add_compute_carry = elementwise(Sizes<0, 4> {}, [](auto a, auto b) { return static_cast<decltype(a)>(a + b) < a; });
constexpr auto subtract_compute_borrow = elementwise(Sizes<0, 4> {}, [](auto a, auto b) { return a >= b; });

/// a + b + the rightmost bit of `carry`, of quadwords.
struct CarrySum {
    u128 sum;
    bool carry;

    CarrySum(u128 a, u128 b, u128 carry_in)
        : sum(a + b + (carry_in & 1))
        , carry(sum < a || (sum == a && (carry_in & 1) && b == all_ones<u128>))
    {
    }
};
constexpr auto add_with_carry = elementwise(Sizes<4, 4> {}, [](auto a, auto b, auto carry) { return CarrySum(a, b, carry).sum; });
constexpr auto add_with_carry_compute_carry
    = elementwise(Sizes<4, 4> {}, [](auto a, auto b, auto carry) { return CarrySum(a, b, carry).carry; });
constexpr auto subtract_with_borrow = elementwise(Sizes<4, 4> {}, [](auto a, auto b, auto carry) { return CarrySum(a, ~b, carry).sum; });
constexpr auto subtract_with_borrow_compute_borrow
    = elementwise(Sizes<4, 4> {}, [](auto a, auto b, auto carry) { return CarrySum(a, ~b, carry).carry; });

// (a + b + 1) / 2 without a carry out of the element.
constexpr auto average = elementwise(
    Sizes<0, 3, 4> {}, [](auto a, auto b) { return (a | b) - static_cast<decltype(a)>(as_signed(static_cast<decltype(a)>(a ^ b)) >> 1); });
constexpr auto average_logical
    = elementwise(Sizes<0, 3, 4> {}, [](auto a, auto b) { return (a | b) - static_cast<decltype(a)>((a ^ b) >> 1); });

/// Sums of the elements of type T within each element of type Sum, and the rightmost T of the third operand's.
template<class Sum, class T>
Vr sum_across(const Vr& a, const Vr& b)
{
    constexpr unsigned group = sizeof(Sum) / sizeof(T);
    return make_elements<Sum>([&](unsigned i) {
        Sum sum = element<T>(b, i * group + group - 1);
        for (unsigned j = 0; j < group; ++j)
            sum += element<T>(a, i * group + j);
        return sum;
    });
}

template<class Sum, unsigned First>
constexpr auto sum = [](Cpu& c, VrNumber v1, VrNumber v2, VrNumber v3, Mask m4) {
    with_size<Sizes<First, First + 1>>(c, m4, [&](auto zero) { c.vr[v1] = sum_across<Sum, decltype(zero)>(c.vr[v2], c.vr[v3]); });
};

/// Sum of five words with end-around carry.
constexpr auto checksum = [](Cpu& c, VrNumber v1, VrNumber v2, VrNumber v3) {
    u64 sum = element<u32>(c.vr[v3], 1);
    for (unsigned i = 0; i < 4; ++i)
        sum += element<u32>(c.vr[v2], i);
    sum = (sum & 0xffffffff) + (sum >> 32);
    sum = (sum & 0xffffffff) + (sum >> 32);
    c.vr[v1] = { .lo = 0, .hi = sum };
};

// ---- Sign, minimum and maximum ------------------------------------------------------------------------------

constexpr auto load_complement = elementwise(Sizes<0, 3, 4> {}, [](auto a) { return decltype(a) { 0 } - a; });
constexpr auto load_positive
    = elementwise(Sizes<0, 3, 4> {}, [](auto a) { return as_signed(a) < 0 ? static_cast<decltype(a)>(decltype(a) { 0 } - a) : a; });
constexpr auto minimum = elementwise(Sizes<0, 3, 4> {}, [](auto a, auto b) { return as_signed(a) < as_signed(b) ? a : b; });
constexpr auto maximum = elementwise(Sizes<0, 3, 4> {}, [](auto a, auto b) { return as_signed(a) > as_signed(b) ? a : b; });
constexpr auto minimum_logical = elementwise(Sizes<0, 3, 4> {}, [](auto a, auto b) { return std::min(a, b); });
constexpr auto maximum_logical = elementwise(Sizes<0, 3, 4> {}, [](auto a, auto b) { return std::max(a, b); });

// ---- Counting bits ------------------------------------------------------------------------------------------

template<class T>
unsigned leading_zeros(T a)
{
    if constexpr (sizeof(T) < 16) {
        return static_cast<unsigned>(std::countl_zero(a));
    } else {
        auto high = static_cast<u64>(a >> 64);
        return high ? leading_zeros(high) : 64 + leading_zeros(static_cast<u64>(a));
    }
}
template<class T>
unsigned trailing_zeros(T a)
{
    if constexpr (sizeof(T) < 16) {
        return static_cast<unsigned>(std::countr_zero(a));
    } else {
        auto low = static_cast<u64>(a);
        return low ? trailing_zeros(low) : 64 + trailing_zeros(static_cast<u64>(a >> 64));
    }
}

constexpr auto count_leading_zeros = elementwise(Sizes<0, 3, 4> {}, [](auto a) { return leading_zeros(a); });
constexpr auto count_trailing_zeros = elementwise(Sizes<0, 3, 4> {}, [](auto a) { return trailing_zeros(a); });
constexpr auto count_ones = elementwise(Sizes<0, 3> {}, [](auto a) { return std::popcount(a); });
constexpr auto population_count = [](Cpu& c, VrNumber v1, VrNumber v2, Mask m3) {
    if (m3 > 0 && !c.has(Facility::vector_enhancements_1))
        c.specification();
    count_ones(c, v1, v2, m3);
};

// ---- Comparing ----------------------------------------------------------------------------------------------

/// The element that ends at bit 63; a quadword is the whole register.
template<class T>
T compared_element(const Vr& v)
{
    return element<T>(v, sizeof(T) < 16 ? element_count<T> / 2 - 1 : 0);
}

constexpr auto element_compare = [](Cpu& c, VrNumber v1, VrNumber v2, Mask m3) {
    with_size<Sizes<0, 3, 4>>(c, m3, [&](auto zero) {
        using T = decltype(zero);
        auto a = as_signed(compared_element<T>(c.vr[v1]));
        auto b = as_signed(compared_element<T>(c.vr[v2]));
        c.cc(a == b ? 0 : a < b ? 1 : 2);
    });
};
constexpr auto element_compare_logical = [](Cpu& c, VrNumber v1, VrNumber v2, Mask m3) {
    with_size<Sizes<0, 3, 4>>(c, m3, [&](auto zero) {
        using T = decltype(zero);
        T a = compared_element<T>(c.vr[v1]);
        T b = compared_element<T>(c.vr[v2]);
        c.cc(a == b ? 0 : a < b ? 1 : 2);
    });
};

struct HighSigned {
    template<class T>
    bool operator()(T a, T b) const
    {
        return as_signed(a) > as_signed(b);
    }
};

/// Numbers without sign compare as signed ones do with bit 0 inverted.
template<class F, class T>
[[nodiscard]] ir::Vector compared(ir::Builder& c, ir::Vector a, ir::Vector b)
{
    if constexpr (std::is_same_v<F, std::equal_to<>>)
        return c.vector(VectorOperation::equal, sizeof(T), a, b);
    if constexpr (std::is_same_v<F, std::greater<>>) {
        auto sign = c.replicate(u64 { 1 } << (bit_count<T> - 1), sizeof(T));
        a = c.vector(VectorOperation::bit_xor, sizeof(T), a, sign);
        b = c.vector(VectorOperation::bit_xor, sizeof(T), b, sign);
    }
    return c.vector(VectorOperation::greater, sizeof(T), a, b);
}

/// Mask elements of a comparison; condition code, when asked for: 0 all true, 1 some, 3 none.
template<class F>
constexpr auto compare = both(
    [](Cpu& c, VrNumber v1, VrNumber v2, VrNumber v3, Mask m4, Mask m5) {
        with_size<Sizes<0, 3, 4>>(c, m4, [&](auto zero) {
            using T = decltype(zero);
            c.vr[v1] = map_elements<T>([](T a, T b) { return mask_of<T>(F {}(a, b)); }, c.vr[v2], c.vr[v3]);
            if (m5 & 1) {
                u128 result = as_quadword(c.vr[v1]);
                c.cc(result == 0 ? 3 : result == all_ones<u128> ? 0 : 1);
            }
        });
    },
    [](ir::Builder& c, VrNumber v1, VrNumber v2, VrNumber v3, Mask m4, Mask m5) {
        with_recorded_size<0, 3>(c, m4, [&](auto zero) {
            auto a = c.v(v2);
            auto b = c.v(v3);
            auto result = compared<F, decltype(zero)>(c, a, b);
            c.v(v1, result);
            if (m5 & 1) {
                auto next = c.byte_signs(result) + 1;
                c.cc_search(next >> 16, next & 0xfffe);
            }
        });
    });

constexpr Facility v = Facility::vector;

constexpr Row rows[] = {
    insn("VA", 0xE7F3, VRR_c_m4, v, vector, add,
        "1,2,3,0 | v2=00112233445566778899aabbccddeeff v3=01010101010101010101010101010101 -> v1=0112233445566778899aabbccddeef00",
        "17,18,19,4 | v18=0000000000000001ffffffffffffffff v19=00000000000000000000000000000001 -> v17=00000000000000020000000000000000",
        "1,2,3,5 | -> pgm=6"),
    insn("VACC", 0xE7F1, VRR_c_m4, v, vector, add_compute_carry,
        "1,2,3,1 | v2=fffffffe000100020003000480000005 v3=0001000100010001000100018000ffff -> v1=00010000000000000000000000010001"),
    insn("VAC", 0xE7BB, VRR_d_m5, v, vector, add_with_carry,
        "1,2,3,4,4 | v2=0000000000000001fffffffffffffffe v3=00000000000000000000000000000001 v4=ffffffffffffffffffffffffffffffff -> "
        "v1=00000000000000020000000000000000",
        "1,2,3,4,3 | -> pgm=6"),
    insn("VACCC", 0xE7B9, VRR_d_m5, v, vector, add_with_carry_compute_carry,
        "1,2,3,4,4 | v2=00000000000000000000000000000001 v3=ffffffffffffffffffffffffffffffff v4=00000000000000000000000000000001 -> "
        "v1=00000000000000000000000000000001"),
    insn("VS", 0xE7F7, VRR_c_m4, v, vector, subtract,
        "1,2,3,1 | v2=00010002000300040005000600070008 v3=00020002000200020002000200020002 -> v1=ffff0000000100020003000400050006"),
    insn("VSCBI", 0xE7F5, VRR_c_m4, v, vector, subtract_compute_borrow,
        "1,2,3,1 | v2=00010002000300040005000600070008 v3=00020002000200020002000200020002 -> v1=00000001000100010001000100010001"),
    insn("VSBI", 0xE7BF, VRR_d_m5, v, vector, subtract_with_borrow,
        "1,2,3,4,4 | v2=00000000000000010000000000000000 v3=00000000000000000000000000000001 v4=00000000000000000000000000000000 -> "
        "v1=0000000000000000fffffffffffffffe"),
    insn("VSBCBI", 0xE7BD, VRR_d_m5, v, vector, subtract_with_borrow_compute_borrow,
        "1,2,3,4,4 | v2=00000000000000010000000000000000 v3=00000000000000010000000000000000 v4=00000000000000000000000000000001 -> "
        "v1=00000000000000000000000000000001"),
    insn("VAVG", 0xE7F2, VRR_c_m4, v, vector, average,
        "1,2,3,2 | v2=00000001fffffffe7fffffff80000000 v3=00000002ffffffff7fffffff7fffffff -> v1=00000002ffffffff7fffffff00000000"),
    insn("VAVGL", 0xE7F0, VRR_c_m4, v, vector, average_logical,
        "1,2,3,2 | v2=00000001fffffffe7fffffff80000000 v3=00000002ffffffff7fffffff7fffffff -> v1=00000002ffffffff7fffffff80000000"),
    insn("VSUM", 0xE764, VRR_c_m4, v, vector, (sum<u32, 0>),
        "1,2,3,0 | v2=ff0203040506070801010101ffffffff v3=000000ff000000000000000000000001 -> v1=000002070000001a00000004000003fd",
        "1,2,3,2 | -> pgm=6"),
    insn("VSUMG", 0xE765, VRR_c_m4, v, vector, (sum<u64, 1>),
        "1,2,3,2 | v2=ffffffff000000020000000300000004 v3=00000000000000050000000000000006 -> v1=0000000100000006000000000000000d",
        "1,2,3,0 | -> pgm=6"),
    insn("VSUMQ", 0xE767, VRR_c_m4, v, vector, (sum<u128, 2>),
        "1,2,3,3 | v2=ffffffffffffffff0000000000000002 v3=00000000000000050000000000000006 -> v1=00000000000000010000000000000007",
        "1,2,3,1 | -> pgm=6"),
    insn("VCKSM", 0xE766, VRR_c, v, vector, checksum,
        "1,2,3 | v2=ffffffff000000020000000300000004 v3=ffffffff00000001ffffffffffffffff -> v1=000000000000000a0000000000000000"),

    insn("VLC", 0xE7DE, VRR_a_m3, v, vector, load_complement,
        "1,2,1 | v2=00018000ffff00000002000300040005 -> v1=ffff800000010000fffefffdfffcfffb"),
    insn("VLP", 0xE7DF, VRR_a_m3, v, vector, load_positive,
        "1,2,1 | v2=00018000ffff0000fffe000300040005 -> v1=00018000000100000002000300040005"),
    insn("VMN", 0xE7FE, VRR_c_m4, v, vector, minimum,
        "1,2,3,3 | v2=0000000000000001ffffffffffffffff v3=80000000000000000000000000000005 -> v1=8000000000000000ffffffffffffffff"),
    insn("VMX", 0xE7FF, VRR_c_m4, v, vector, maximum,
        "1,2,3,3 | v2=0000000000000001ffffffffffffffff v3=80000000000000000000000000000005 -> v1=00000000000000010000000000000005"),
    insn("VMNL", 0xE7FC, VRR_c_m4, v, vector, minimum_logical,
        "1,2,3,3 | v2=0000000000000001ffffffffffffffff v3=80000000000000000000000000000005 -> v1=00000000000000010000000000000005"),
    insn("VMXL", 0xE7FD, VRR_c_m4, v, vector, maximum_logical,
        "1,2,3,3 | v2=0000000000000001ffffffffffffffff v3=80000000000000000000000000000005 -> v1=8000000000000000ffffffffffffffff"),

    insn("VCLZ", 0xE753, VRR_a_m3, v, vector, count_leading_zeros,
        "1,2,2 | v2=00000001800000000000000000010000 -> v1=0000001f00000000000000200000000f"),
    insn("VCTZ", 0xE752, VRR_a_m3, v, vector, count_trailing_zeros,
        "1,2,2 | v2=00000001800000000000000000010000 -> v1=000000000000001f0000002000000010"),
    insn("VPOPCT", 0xE750, VRR_a_m3, v, vector, population_count,
        "1,2,0 | v2=00010307ff0000000000000000000055 -> v1=00010203080000000000000000000004",
        "1,2,3 | v2=00010307ff0000000000000000000055 -> v1=000000000000000e0000000000000004", "1,2,4 | -> pgm=6"),

    insn("VEC", 0xE7DB, VRR_a_m3, v, vector, element_compare,
        "1,2,0 | v1=0000000000000080ffffffffffffffff v2=00000000000000010000000000000000 -> cc=1",
        "1,2,3 | v1=0000000000000080ffffffffffffffff v2=00000000000000010000000000000000 -> cc=2", "1,2,2 | -> cc=0"),
    insn("VECL", 0xE7D9, VRR_a_m3, v, vector, element_compare_logical,
        "1,2,0 | v1=0000000000000080ffffffffffffffff v2=00000000000000010000000000000000 -> cc=2"),
    insn("VCEQ", 0xE7F8, VRR_b, v, vector, compare<std::equal_to<>>,
        "1,2,3,1,1 | v2=00010002000300040005000600070008 v3=00010000000000000000000000000008 -> v1=ffff000000000000000000000000ffff cc=1",
        "1,2,3,0,0 | cc=2 -> v1=ffffffffffffffffffffffffffffffff", "1,2,3,3,1 | v2=00000000000000010000000000000001 -> cc=3"),
    insn("VCH", 0xE7FB, VRR_b, v, vector, compare<HighSigned>,
        "1,2,3,3,1 | v2=8000000000000000fffffffffffffffe v3=0000000000000000ffffffffffffffff -> cc=3",
        "1,2,3,3,1 | v2=00000000000000000000000000000001 v3=80000000000000000000000000000000 -> v1=ffffffffffffffffffffffffffffffff cc=0"),
    insn("VCHL", 0xE7F9, VRR_b, v, vector, compare<std::greater<>>,
        "1,2,3,3,1 | v2=8000000000000000fffffffffffffffe v3=0000000000000000ffffffffffffffff -> v1=ffffffffffffffff0000000000000000 cc=1"),
};

} // namespace

extern constexpr Group vector_integer { rows };

} // namespace zvisor::isa
