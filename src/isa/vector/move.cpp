// Generating, moving and rearranging elements of vector registers (PoP ch. 21).

#include "isa/vector/recorded.h"

#include <algorithm>
#include <limits>

namespace zvisor::isa {

namespace {

// ---- Generating ---------------------------------------------------------------------------------------------

[[nodiscard]] Vr byte_mask(u32 bits)
{
    return make_elements<u8>([&](unsigned i) { return mask_of<u8>(bits >> (15 - i) & 1); });
}

constexpr auto generate_byte_mask = both([](Cpu& c, VrNumber v1, Unsigned i2) { c.vr[v1] = byte_mask(i2); },
    [](ir::Builder& c, VrNumber v1, Unsigned i2) {
        Vr mask = byte_mask(i2);
        c.v(v1, c.pair(mask.hi, mask.lo));
    });

/// Ones in bits `first` to `last`, around the end when `first` is greater.
template<class T>
T bit_range(unsigned first, unsigned last)
{
    auto from_first = static_cast<T>(all_ones<T> >> first);
    auto to_last = static_cast<T>(all_ones<T> << (bit_count<T> - 1 - last));
    return static_cast<T>(first <= last ? from_first & to_last : from_first | to_last);
}

constexpr auto generate_mask = both(
    [](Cpu& c, VrNumber v1, Unsigned i2, Unsigned i3, Mask m4) {
        with_size<Sizes<0, 3>>(c, m4, [&](auto zero) {
            using T = decltype(zero);
            c.vr[v1] = replicate(bit_range<T>(i2 % bit_count<T>, i3 % bit_count<T>));
        });
    },
    [](ir::Builder& c, VrNumber v1, Unsigned i2, Unsigned i3, Mask m4) {
        with_recorded_size<0, 3>(c, m4, [&](auto zero) {
            using T = decltype(zero);
            c.v(v1, c.replicate(bit_range<T>(i2 % bit_count<T>, i3 % bit_count<T>), sizeof(T)));
        });
    });

constexpr auto replicate_immediate
    = both([](Cpu& c, VrNumber v1, Signed i2,
               Mask m3) { with_size<Sizes<0, 3>>(c, m3, [&](auto zero) { c.vr[v1] = replicate(static_cast<decltype(zero)>(i2.value)); }); },
        [](ir::Builder& c, VrNumber v1, Signed i2, Mask m3) {
            with_recorded_size<0, 3>(c, m3, [&](auto zero) { c.v(v1, c.replicate(static_cast<u64>(i64 { i2.value }), sizeof zero)); });
        });
constexpr auto replicate_element = both(
    [](Cpu& c, VrNumber v1, VrNumber v3, Unsigned i2, Mask m4) {
        with_size<Sizes<0, 3>>(c, m4, [&](auto zero) {
            using T = decltype(zero);
            if (i2 >= element_count<T>)
                c.specification();
            c.vr[v1] = replicate(element<T>(c.vr[v3], i2));
        });
    },
    [](ir::Builder& c, VrNumber v1, VrNumber v3, Unsigned i2, Mask m4) {
        with_recorded_size<0, 3>(c, m4, [&](auto zero) {
            using T = decltype(zero);
            if (i2 >= element_count<T>)
                return c.leave_to_handler();
            c.v(v1, c.replicate(get_element<T>(c, v3, i2), sizeof(T)));
        });
    });

template<class T>
constexpr auto load_element_immediate = both(
    [](Cpu& c, VrNumber v1, Signed i2, Mask m3) {
        if (m3 >= element_count<T>)
            c.specification();
        set_element<T>(c.vr[v1], m3, static_cast<T>(i2.value));
    },
    [](ir::Builder& c, VrNumber v1, Signed i2, Mask m3) {
        if (m3 >= element_count<T>)
            return c.leave_to_handler();
        put_element<T>(c, v1, m3, static_cast<u64>(i64 { i2.value }));
    });

// ---- General registers --------------------------------------------------------------------------------------

/// An index that is not constant is left to the handler.
constexpr auto load_gr_from_element = both(
    [](Cpu& c, Gr r1, VrNumber v3, Storage s2, Mask m4) {
        u64 index = c.ea(s2).at;
        with_size<Sizes<0, 3>>(c, m4, [&](auto zero) {
            using T = decltype(zero);
            c.g(r1, element<T>(c.vr[v3], index % element_count<T>));
        });
    },
    [](ir::Builder& c, Gr r1, VrNumber v3, Storage s2, Mask m4) {
        auto index = c.ea(s2).at;
        if (!index.is_constant())
            return c.leave_to_handler();
        with_recorded_size<0, 3>(c, m4, [&](auto zero) {
            using T = decltype(zero);
            c.g(r1, get_element<T>(c, v3, index.constant % element_count<T>));
        });
    });
constexpr auto load_element_from_gr = both(
    [](Cpu& c, VrNumber v1, Gr r3, Storage s2, Mask m4) {
        u64 index = c.ea(s2).at;
        with_size<Sizes<0, 3>>(c, m4, [&](auto zero) {
            using T = decltype(zero);
            set_element<T>(c.vr[v1], index % element_count<T>, static_cast<T>(c.g(r3)));
        });
    },
    [](ir::Builder& c, VrNumber v1, Gr r3, Storage s2, Mask m4) {
        auto index = c.ea(s2).at;
        if (!index.is_constant())
            return c.leave_to_handler();
        with_recorded_size<0, 3>(c, m4, [&](auto zero) {
            using T = decltype(zero);
            put_element<T>(c, v1, index.constant % element_count<T>, c.g(r3));
        });
    });
constexpr auto load_from_grs_disjoint = both([](Cpu& c, VrNumber v1, Gr r2, Gr r3) { c.vr[v1] = { .lo = c.g(r3), .hi = c.g(r2) }; },
    [](ir::Builder& c, VrNumber v1, Gr r2, Gr r3) { c.v(v1, c.pair(c.g(r2), c.g(r3))); });

// ---- Merging, selecting, permuting --------------------------------------------------------------------------

/// Alternates elements of one half of two registers.
template<bool Low>
constexpr auto merge = both(
    [](Cpu& c, VrNumber v1, VrNumber v2, VrNumber v3, Mask m4) {
        with_size<Sizes<0, 3>>(c, m4, [&](auto zero) {
            using T = decltype(zero);
            constexpr unsigned start = Low ? element_count<T> / 2 : 0;
            c.vr[v1] = make_elements<T>([&](unsigned i) { return element<T>(c.vr[i % 2 ? v3 : v2], start + i / 2); });
        });
    },
    [](ir::Builder& c, VrNumber v1, VrNumber v2, VrNumber v3, Mask m4) {
        constexpr auto operation = Low ? VectorOperation::merge_right : VectorOperation::merge_left;
        RecordedElementwise<operation, 0, 3> {}(c, v1, v3, v2, m4);
    });

/// The host takes the indexes from the right, and those of one register, with a zero for others.
void record_permute(ir::Builder& c, VrNumber v1, VrNumber v2, VrNumber v3, VrNumber v4)
{
    constexpr u64 ones = 0x0101010101010101;
    auto index = c.vector(VectorOperation::bit_and, 1, c.v(v4), replicated(c, 0x1f * ones));
    auto bias = replicated(c, 0x70 * ones);
    auto bytes_of = [&](VrNumber v, u64 reversal) {
        auto from_right = c.vector(VectorOperation::bit_xor, 1, index, replicated(c, reversal * ones));
        return c.vector(VectorOperation::shuffle, 1, c.v(v), c.vector(VectorOperation::add, 1, from_right, bias));
    };
    auto first = bytes_of(v2, 0x0f);
    auto second = bytes_of(v3, 0x1f);
    c.v(v1, c.vector(VectorOperation::bit_or, 1, first, second));
}

constexpr auto permute = both(
    [](Cpu& c, VrNumber v1, VrNumber v2, VrNumber v3, VrNumber v4) {
        c.vr[v1] = make_elements<u8>([&](unsigned i) {
            unsigned source = element<u8>(c.vr[v4], i) % 32;
            return element<u8>(c.vr[source < 16 ? v2 : v3], source % 16);
        });
    },
    [](ir::Builder& c, VrNumber v1, VrNumber v2, VrNumber v3, VrNumber v4) { record_permute(c, v1, v2, v3, v4); });
constexpr auto permute_doubleword_immediate = both(
    [](Cpu& c, VrNumber v1, VrNumber v2, VrNumber v3, Mask m4) {
        u64 hi = m4 & 4 ? c.vr[v2].lo : c.vr[v2].hi;
        u64 lo = m4 & 1 ? c.vr[v3].lo : c.vr[v3].hi;
        c.vr[v1] = { .lo = lo, .hi = hi };
    },
    [](ir::Builder& c, VrNumber v1, VrNumber v2, VrNumber v3, Mask m4) {
        auto hi = get_element<u64>(c, v2, m4 & 4 ? 1 : 0);
        auto lo = get_element<u64>(c, v3, m4 & 1 ? 1 : 0);
        c.v(v1, c.pair(hi, lo));
    });
/// Each byte of the third operand picks a bit of the second; 128 and more pick a zero.
constexpr auto bit_permute = [](Cpu& c, VrNumber v1, VrNumber v2, VrNumber v3) {
    u128 source = as_quadword(c.vr[v2]);
    u64 bits = 0;
    for (unsigned i = 0; i < 16; ++i) {
        unsigned index = element<u8>(c.vr[v3], i);
        bits = bits << 1 | (index < 128 ? static_cast<u64>(source >> (127 - index)) & 1 : 0);
    }
    c.vr[v1] = { .lo = 0, .hi = bits };
};
constexpr auto select = both(
    [](Cpu& c, VrNumber v1, VrNumber v2, VrNumber v3, VrNumber v4) {
        c.vr[v1] = map_elements<u64>([](u64 a, u64 b, u64 mask) { return (a & mask) | (b & ~mask); }, c.vr[v2], c.vr[v3], c.vr[v4]);
    },
    [](ir::Builder& c, VrNumber v1, VrNumber v2, VrNumber v3, VrNumber v4) {
        auto mask = c.v(v4);
        auto first = c.vector(VectorOperation::bit_and, 8, c.v(v2), mask);
        auto second = c.vector(VectorOperation::bit_and_not, 8, mask, c.v(v3));
        c.v(v1, c.vector(VectorOperation::bit_or, 8, first, second));
    });

// ---- Packing and unpacking ----------------------------------------------------------------------------------

/// Elements half as long, those of `a` before those of `b`; `narrow` is called once for each.
template<class T, class F>
Vr pack_elements(const Vr& a, const Vr& b, F narrow)
{
    constexpr unsigned half = element_count<T>;
    return make_elements<HalfElement<T>>([&](unsigned i) { return narrow(element<T>(i < half ? a : b, i % half)); });
}

constexpr auto pack = [](Cpu& c, VrNumber v1, VrNumber v2, VrNumber v3, Mask m4) {
    with_size<Sizes<1, 3>>(c, m4, [&](auto zero) {
        using T = decltype(zero);
        c.vr[v1] = pack_elements<T>(c.vr[v2], c.vr[v3], [](T e) { return static_cast<HalfElement<T>>(e); });
    });
};

struct SaturateSigned {
    template<class T>
    T operator()(T value) const
    {
        using Limits = std::numeric_limits<SignedElement<HalfElement<T>>>;
        return static_cast<T>(std::clamp(as_signed(value), SignedElement<T> { Limits::min() }, SignedElement<T> { Limits::max() }));
    }
};
struct SaturateLogical {
    template<class T>
    T operator()(T value) const
    {
        return std::min(value, T { all_ones<HalfElement<T>> });
    }
};

/// Condition code, when asked for: 0 no element was saturated, 1 some were, 3 all were.
template<class Saturate>
constexpr auto pack_saturate = [](Cpu& c, VrNumber v1, VrNumber v2, VrNumber v3, Mask m4, Mask m5) {
    with_size<Sizes<1, 3>>(c, m4, [&](auto zero) {
        using T = decltype(zero);
        unsigned saturated = 0;
        c.vr[v1] = pack_elements<T>(c.vr[v2], c.vr[v3], [&](T e) {
            T narrow = Saturate {}(e);
            saturated += narrow != e;
            return static_cast<HalfElement<T>>(narrow);
        });
        if (m5 & 1)
            c.cc(saturated == 0 ? 0 : saturated == 2 * element_count<T> ? 3 : 1);
    });
};

struct ExtendSigned {
    template<class T>
    DoubleElement<T> operator()(T value) const
    {
        return widen_signed(value);
    }
};
struct ExtendLogical {
    template<class T>
    DoubleElement<T> operator()(T value) const
    {
        return value;
    }
};
template<class Extend, bool Low>
constexpr auto unpack = [](Cpu& c, VrNumber v1, VrNumber v2, Mask m3) {
    with_size<Sizes<0, 2, 3>>(c, m3, [&](auto zero) {
        using T = decltype(zero);
        constexpr unsigned start = Low ? element_count<T> / 2 : 0;
        c.vr[v1] = make_elements<DoubleElement<T>>([&](unsigned i) { return Extend {}(element<T>(c.vr[v2], start + i)); });
    });
};

constexpr auto sign_extend_to_doubleword = [](Cpu& c, VrNumber v1, VrNumber v2, Mask m3) {
    with_size<Sizes<0, 2>>(c, m3, [&](auto zero) {
        using T = decltype(zero);
        c.vr[v1] = map_elements<u64>([](u64 e) { return static_cast<u64>(i64 { as_signed(static_cast<T>(e)) }); }, c.vr[v2]);
    });
};

constexpr Facility v = Facility::vector;

constexpr Row rows[] = {
    insn("VGBM", 0xE744, VRI_a, v, vector, generate_byte_mask, "17,32769 | -> v17=ff0000000000000000000000000000ff"),
    insn("VGM", 0xE746, VRI_b, v, vector, generate_mask, "1,4,11,1 | -> v1=0ff00ff00ff00ff00ff00ff00ff00ff0",
        "1,30,1,2 | -> v1=c0000003c0000003c0000003c0000003", "1,0,0,4 | -> pgm=6"),
    insn("VREPI", 0xE745, VRI_a_m3, v, vector, replicate_immediate, "1,-2,2 | -> v1=fffffffefffffffefffffffefffffffe", "1,0,4 | -> pgm=6"),
    insn("VREP", 0xE74D, VRI_c, v, vector, replicate_element,
        "17,18,7,1 | v18=00112233445566778899aabbccddeeff -> v17=eeffeeffeeffeeffeeffeeffeeffeeff", "1,2,8,1 | -> pgm=6"),
    insn("VLEIB", 0xE740, VRI_a_m3, v, vector, load_element_immediate<u8>, "1,-2,15 | -> v1=000000000000000000000000000000fe"),
    insn("VLEIH", 0xE741, VRI_a_m3, v, vector, load_element_immediate<u16>, "1,-2,1 | -> v1=0000fffe000000000000000000000000",
        "1,0,8 | -> pgm=6"),
    insn("VLEIF", 0xE743, VRI_a_m3, v, vector, load_element_immediate<u32>, "1,-2,1 | -> v1=00000000fffffffe0000000000000000",
        "1,0,4 | -> pgm=6"),
    insn("VLEIG", 0xE742, VRI_a_m3, v, vector, load_element_immediate<u64>, "1,-2,0 | -> v1=fffffffffffffffe0000000000000000",
        "1,0,2 | -> pgm=6"),

    insn("VLGV", 0xE721, VRS_c, v, vector, load_gr_from_element,
        "1,2,7,0 | r1=ffffffffffffffff v2=00112233445566778899aabbccddeeff -> r1=77",
        "1,2,1(3),3 | r3=0 v2=00112233445566778899aabbccddeeff -> r1=8899aabbccddeeff", "1,2,0,4 | -> pgm=6"),
    insn("VLVG", 0xE722, VRS_b_m4, v, vector, load_element_from_gr,
        "1,2,3(4),2 | r2=1122334455667788 -> v1=00000000000000000000000055667788", "1,2,0,4 | -> pgm=6"),
    insn("VLVGP", 0xE762, VRR_f, v, vector, load_from_grs_disjoint, "17,2,3 | r2=1 r3=2 -> v17=00000000000000010000000000000002"),

    insn("VMRH", 0xE761, VRR_c_m4, v, vector, merge<false>,
        "1,2,3,2 | v2=00112233445566778899aabbccddeeff v3=0102030405060708090a0b0c0d0e0f10 -> v1=00112233010203044455667705060708"),
    insn("VMRL", 0xE760, VRR_c_m4, v, vector, merge<true>,
        "1,2,3,2 | v2=00112233445566778899aabbccddeeff v3=0102030405060708090a0b0c0d0e0f10 -> v1=8899aabb090a0b0cccddeeff0d0e0f10"),
    insn("VPERM", 0xE78C, VRR_e, v, vector, permute,
        "1,2,3,4 | v2=00112233445566778899aabbccddeeff v3=0102030405060708090a0b0c0d0e0f10 v4=0f1f00102f3f01110f1f00102f3f0111 -> "
        "v1=ff100001ff101102ff100001ff101102"),
    insn("VPDI", 0xE784, VRR_c_m4, v, vector, permute_doubleword_immediate,
        "1,2,3,4 | v2=00112233445566778899aabbccddeeff v3=0102030405060708090a0b0c0d0e0f10 -> v1=8899aabbccddeeff0102030405060708"),
    insn("VBPERM", 0xE785, VRR_c, Facility::vector_enhancements_1, vector, bit_permute,
        "1,2,3 | v2=80000000000000000000000000000001 v3=007f01ff007f01ff007f01ff007f01ff -> v1=000000000000cccc0000000000000000"),
    insn("VSEL", 0xE78D, VRR_e, v, vector, select,
        "1,2,3,4 | v2=00112233445566778899aabbccddeeff v3=0102030405060708090a0b0c0d0e0f10 v4=ffffffff00000000f0f0f0f00f0f0f0f -> "
        "v1=0011223305060708899aabbc0c0d0e1f"),

    insn("VPK", 0xE794, VRR_c_m4, v, vector, pack,
        "1,2,3,1 | v2=00112233445566778899aabbccddeeff v3=0102030405060708090a0b0c0d0e0f10 -> v1=1133557799bbddff020406080a0c0e10",
        "1,2,3,0 | -> pgm=6"),
    insn("VPKS", 0xE797, VRR_b, v, vector, pack_saturate<SaturateSigned>,
        "1,2,3,2,1 | v2=00007fff00008000ffff8000ffff7fff v3=00000001000000020000000300000004 -> v1=7fff7fff800080000001000200030004 cc=1",
        "1,2,3,3,1 | v2=00000001000000007fffffffffffffff v3=8000000000000000ffffffff00000000 -> v1=7fffffff7fffffff8000000080000000 cc=3",
        "1,2,3,3,0 | cc=2 -> v1=00000000000000000000000000000000"),
    insn("VPKLS", 0xE795, VRR_b, v, vector, pack_saturate<SaturateLogical>,
        "1,2,3,2,1 | v2=0000ffff000100000000800000000000 v3=00000001000000020000000300000004 -> v1=ffffffff800000000001000200030004 cc=1",
        "1,2,3,1,1 | -> cc=0"),
    insn("VUPH", 0xE7D7, VRR_a_m3, v, vector, unpack<ExtendSigned, false>,
        "1,2,1 | v2=8001000270030004ffff000000000000 -> v1=ffff8001000000020000700300000004"),
    insn("VUPL", 0xE7D6, VRR_a_m3, v, vector, unpack<ExtendSigned, true>,
        "1,2,1 | v2=ffff0000000000008001000270030004 -> v1=ffff8001000000020000700300000004", "1,2,4 | -> pgm=6"),
    insn("VUPLH", 0xE7D5, VRR_a_m3, v, vector, unpack<ExtendLogical, false>,
        "1,2,1 | v2=8001000270030004ffff000000000000 -> v1=00008001000000020000700300000004"),
    insn("VUPLL", 0xE7D4, VRR_a_m3, v, vector, unpack<ExtendLogical, true>,
        "1,2,0 | v2=ffff0000000000008001000270030004 -> v1=00800001000000020070000300000004"),
    insn("VSEG", 0xE75F, VRR_a_m3, v, vector, sign_extend_to_doubleword,
        "1,2,0 | v2=11111111111111807f7f7f7f7f7f7f7f -> v1=ffffffffffffff80000000000000007f", "1,2,3 | -> pgm=6"),
};

} // namespace

extern constexpr Group vector_move { rows };

} // namespace zvisor::isa
