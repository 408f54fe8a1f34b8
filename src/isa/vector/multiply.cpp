// Vector integer multiplication, division and Galois-field multiplication (PoP ch. 22).

#include "isa/vector/elements.h"

namespace zvisor::isa {

namespace {

// ---- Products of a whole element ----------------------------------------------------------------------------

// Signed products are made of signed factors: g++ 12 takes the unsigned instruction for sign-extended unsigned ones.
struct SignedProduct {
    template<class T>
    static SignedElement<DoubleElement<T>> extend(T a)
    {
        return as_signed(a);
    }
};
struct LogicalProduct {
    template<class T>
    static DoubleElement<T> extend(T a)
    {
        return a;
    }
};

template<class T>
T multiply_low(T a, T b)
{
    if constexpr (sizeof(T) < sizeof(u32))
        return static_cast<T>(u32 { a } * u32 { b });
    else
        return a * b;
}

/// The left half of a product of 256 bits, and the carry of `addend` into it.
u128 multiply_high_quadword(u128 a, u128 b, u128 addend)
{
    constexpr u128 mask = ~u64 { 0 };
    u128 low = (a & mask) * (b & mask);
    u128 middle = (a >> 64) * (b & mask) + (low >> 64);
    u128 other = (a & mask) * (b >> 64) + (middle & mask);
    u128 right = other << 64 | (low & mask);
    return (a >> 64) * (b >> 64) + (middle >> 64) + (other >> 64) + (right + addend < right);
}

/// The left half of a * b + c, all three extended in the way of `Kind`.
template<class Kind, class T>
T multiply_high(T a, T b, T c)
{
    if constexpr (sizeof(T) < sizeof(u128)) {
        return static_cast<T>((Kind::extend(a) * Kind::extend(b) + Kind::extend(c)) >> bit_count<T>);
    } else {
        T high = multiply_high_quadword(a, b, c);
        if constexpr (std::is_same_v<Kind, SignedProduct>) {
            auto sign = [](T value, T then) { return as_signed(value) < 0 ? then : T { 0 }; };
            high -= sign(a, b) + sign(b, a) + sign(c, 1);
        }
        return high;
    }
}

using HighSizes = Sizes<0, 2, 4>;

constexpr auto low_product = elementwise(HighSizes {}, [](auto a, auto b) { return multiply_low(a, b); });
constexpr auto low_product_and_add = elementwise(HighSizes {}, [](auto a, auto b, auto c) { return multiply_low(a, b) + c; });
template<class Kind>
struct HighPart {
    template<class T>
    T operator()(T a, T b, T c = 0) const
    {
        return multiply_high<Kind>(a, b, c);
    }
};
template<class Kind>
constexpr Elementwise<HighSizes, HighPart<Kind>> high_product;

// ---- Products twice as long ---------------------------------------------------------------------------------

/// Products of the even (Odd = 0) or odd elements.
template<class Kind, unsigned Odd, class T>
Vr double_products(const Vr& a, const Vr& b)
{
    return make_elements<DoubleElement<T>>(
        [&](unsigned i) { return Kind::extend(element<T>(a, 2 * i + Odd)) * Kind::extend(element<T>(b, 2 * i + Odd)); });
}
using DoubleSizes = Sizes<0, 2, 3>;

template<class Kind, unsigned Odd>
constexpr auto double_product = [](Cpu& c, VrNumber v1, VrNumber v2, VrNumber v3, Mask m4) {
    with_size<DoubleSizes>(c, m4, [&](auto zero) { c.vr[v1] = double_products<Kind, Odd, decltype(zero)>(c.vr[v2], c.vr[v3]); });
};
template<class Kind, unsigned Odd>
constexpr auto double_product_and_add = [](Cpu& c, VrNumber v1, VrNumber v2, VrNumber v3, VrNumber v4, Mask m5) {
    with_size<DoubleSizes>(c, m5, [&](auto zero) {
        using T = decltype(zero);
        Vr products = double_products<Kind, Odd, T>(c.vr[v2], c.vr[v3]);
        c.vr[v1] = map_elements<DoubleElement<T>>([](auto a, auto b) { return a + b; }, products, c.vr[v4]);
    });
};

/// Sum of the even and the odd product of doublewords, each doubled when M6 asks for it, and the fourth operand.
constexpr auto multiply_sum_logical = [](Cpu& c, VrNumber v1, VrNumber v2, VrNumber v3, VrNumber v4, Mask m5, Mask m6) {
    if (m5 != 3)
        c.specification();
    u128 even = u128 { c.vr[v2].hi } * c.vr[v3].hi << (m6 >> 3 & 1);
    u128 odd = u128 { c.vr[v2].lo } * c.vr[v3].lo << (m6 >> 2 & 1);
    c.vr[v1] = from_quadword(even + odd + as_quadword(c.vr[v4]));
};

// ---- Galois field -------------------------------------------------------------------------------------------

template<class T>
DoubleElement<T> carryless_product(T a, T b)
{
    using D = DoubleElement<T>;
    D product = 0;
    for (unsigned i = 0; i < bit_count<T>; ++i)
        product = static_cast<D>(product ^ (a >> i & 1 ? static_cast<D>(D { b } << i) : D { 0 }));
    return product;
}
template<class T>
Vr galois_products(const Vr& a, const Vr& b)
{
    return make_elements<DoubleElement<T>>([&](unsigned i) {
        auto even = carryless_product(element<T>(a, 2 * i), element<T>(b, 2 * i));
        auto odd = carryless_product(element<T>(a, 2 * i + 1), element<T>(b, 2 * i + 1));
        return even ^ odd;
    });
}
constexpr auto galois_multiply_sum = [](Cpu& c, VrNumber v1, VrNumber v2, VrNumber v3, Mask m4) {
    with_size<Sizes<0, 3>>(c, m4, [&](auto zero) { c.vr[v1] = galois_products<decltype(zero)>(c.vr[v2], c.vr[v3]); });
};
constexpr auto galois_multiply_sum_and_accumulate = [](Cpu& c, VrNumber v1, VrNumber v2, VrNumber v3, VrNumber v4, Mask m5) {
    with_size<Sizes<0, 3>>(c, m5, [&](auto zero) {
        Vr products = galois_products<decltype(zero)>(c.vr[v2], c.vr[v3]);
        c.vr[v1] = from_quadword(as_quadword(products) ^ as_quadword(c.vr[v4]));
    });
};

constexpr Facility v = Facility::vector;
constexpr Facility v1 = Facility::vector_enhancements_1;

constexpr Row rows[] = {
    insn("VML", 0xE7A2, VRR_c_m4, v, vector, low_product,
        "1,2,3,1 | v2=0001000200030004ffff000600070100 v3=0002000200020002ffff000200020100 -> v1=00020004000600080001000c000e0000",
        "1,2,3,3 | v2=ffffffffffffffff0000000000000007 v3=00000000000000020000000000000003 -> v1=fffffffffffffffe0000000000000015",
        "1,2,3,5 | -> pgm=6"),
    insn("VMH", 0xE7A3, VRR_c_m4, v, vector, high_product<SignedProduct>,
        "1,2,3,1 | v2=00017fff80004000ffff000600070100 v3=00027fff8000ffffffff000200020100 -> v1=00003fff4000ffff0000000000000001",
        "1,2,3,4 | v2=ffffffffffffffffffffffffffffffff v3=00000000000000000000000000000002 -> v1=ffffffffffffffffffffffffffffffff"),
    insn("VMLH", 0xE7A1, VRR_c_m4, v, vector, high_product<LogicalProduct>,
        "1,2,3,1 | v2=00017fff80004000ffff000600070100 v3=00027fff8000ffffffff000200020100 -> v1=00003fff40003ffffffe000000000001",
        "1,2,3,4 | v2=ffffffffffffffffffffffffffffffff v3=00000000000000000000000000000002 -> v1=00000000000000000000000000000001"),
    insn("VMAL", 0xE7AA, VRR_d_m5, v, vector, low_product_and_add,
        "1,2,3,4,1 | v2=0001000200030004ffff000600070100 v3=0002000200020002ffff000200020100 v4=0001000100010001ffff000100010001 -> "
        "v1=00030005000700090000000d000f0001"),
    insn("VMAH", 0xE7AB, VRR_d_m5, v, vector, high_product<SignedProduct>,
        "1,2,3,4,2 | v2=7fffffff80000000ffffffffffffffff v3=7fffffff80000000ffffffff00000001 v4=ffffffff00000000ffffffff00000001 -> "
        "v1=3fffffff400000000000000000000000",
        "1,2,3,4,4 | v2=ffffffffffffffffffffffffffffffff v3=00000000000000000000000000000002 v4=00000000000000000000000000000002 -> "
        "v1=00000000000000000000000000000000"),
    insn("VMALH", 0xE7A9, VRR_d_m5, v, vector, high_product<LogicalProduct>,
        "1,2,3,4,2 | v2=7fffffff80000000ffffffffffffffff v3=7fffffff80000000ffffffff00000001 v4=ffffffff00000000ffffffff00000001 -> "
        "v1=4000000040000000ffffffff00000001"),
    insn("VME", 0xE7A6, VRR_c_m4, v, vector, (double_product<SignedProduct, 0>),
        "1,2,3,1 | v2=ffff000000020000ffff000000030000 v3=00020000000300008000000000040000 -> v1=fffffffe00000006000080000000000c",
        "1,2,3,4 | -> pgm=6"),
    insn("VMLE", 0xE7A4, VRR_c_m4, v, vector, (double_product<LogicalProduct, 0>),
        "1,2,3,1 | v2=ffff000000020000ffff000000030000 v3=00020000000300008000000000040000 -> v1=0001fffe000000067fff80000000000c"),
    insn("VMO", 0xE7A7, VRR_c_m4, v, vector, (double_product<SignedProduct, 1>),
        "1,2,3,2 | v2=00000000ffffffff0000000000000003 v3=00000000000000020000000000000005 -> v1=fffffffffffffffe000000000000000f"),
    insn("VMLO", 0xE7A5, VRR_c_m4, v, vector, (double_product<LogicalProduct, 1>),
        "1,2,3,2 | v2=00000000ffffffff0000000000000003 v3=00000000000000020000000000000005 -> v1=00000001fffffffe000000000000000f"),
    insn("VMAE", 0xE7AE, VRR_d_m5, v, vector, (double_product_and_add<SignedProduct, 0>),
        "1,2,3,4,2 | v2=ffffffff000000000000000300000000 v3=00000002000000000000000500000000 v4=00000000000000030000000000000001 -> "
        "v1=00000000000000010000000000000010"),
    insn("VMALE", 0xE7AC, VRR_d_m5, v, vector, (double_product_and_add<LogicalProduct, 0>),
        "1,2,3,4,2 | v2=ffffffff000000000000000300000000 v3=00000002000000000000000500000000 v4=00000000000000030000000000000001 -> "
        "v1=00000002000000010000000000000010"),
    insn("VMAO", 0xE7AF, VRR_d_m5, v, vector, (double_product_and_add<SignedProduct, 1>),
        "1,2,3,4,2 | v2=00000000ffffffff0000000000000003 v3=00000000000000020000000000000005 v4=00000000000000030000000000000001 -> "
        "v1=00000000000000010000000000000010"),
    insn("VMALO", 0xE7AD, VRR_d_m5, v, vector, (double_product_and_add<LogicalProduct, 1>),
        "1,2,3,4,2 | v2=00000000ffffffff0000000000000003 v3=00000000000000020000000000000005 v4=00000000000000030000000000000001 -> "
        "v1=00000002000000010000000000000010"),
    insn("VMSL", 0xE7B8, VRR_d_m56, v1, vector, multiply_sum_logical,
        "1,2,3,4,3,8 | v2=00000000000000030000000000000004 v3=00000000000000050000000000000006 v4=00000000000000010000000000000001 -> "
        "v1=00000000000000010000000000000037",
        "1,2,3,4,3,4 | v2=ffffffffffffffff0000000000000004 v3=00000000000000020000000000000006 -> v1=0000000000000002000000000000002e",
        "1,2,3,4,2,0 | -> pgm=6"),
    insn("VGFM", 0xE7B4, VRR_c_m4, v, vector, galois_multiply_sum,
        "1,2,3,0 | v2=03050000000000000000000000000080 v3=03030000000000000000000000000080 -> v1=000a0000000000000000000000004000",
        "1,2,3,3 | v2=80000000000000000000000000000003 v3=80000000000000000000000000000003 -> v1=40000000000000000000000000000005"),
    insn("VGFMA", 0xE7BC, VRR_d_m5, v, vector, galois_multiply_sum_and_accumulate,
        "1,2,3,4,0 | v2=03050000000000000000000000000080 v3=03030000000000000000000000000080 v4=000f0000000000000000000000000001 -> "
        "v1=00050000000000000000000000004001"),
};

} // namespace

extern constexpr Group vector_multiply { rows };

} // namespace zvisor::isa
