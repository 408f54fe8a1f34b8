// Loading vector registers and elements from storage (PoP ch. 21); LOAD COUNT TO BLOCK BOUNDARY (ch. 7).

#include "isa/vector/recorded.h"

#include <algorithm>

namespace zvisor::isa {

namespace {

/// Bytes from `address` to the next 64 << `code` boundary, at most a register's worth.
unsigned bytes_to_boundary(Cpu& c, u64 address, unsigned code)
{
    if (code > 6)
        c.specification();
    u64 boundary = u64 { 64 } << code;
    return static_cast<unsigned>(std::min<u64>(sizeof(Vr), boundary - (address & (boundary - 1))));
}

constexpr auto load_count_to_block_boundary = both(
    [](Cpu& c, Gr r1, Storage s2, Mask m3) {
        unsigned count = bytes_to_boundary(c, c.ea(s2).at, m3);
        c.w(r1, count);
        c.cc(count == sizeof(Vr) ? 0 : 3);
    },
    [](ir::Builder& c, Gr r1, Storage s2, Mask m3) {
        if (m3 > 6)
            return c.leave_to_handler();
        u32 boundary = 64U << m3;
        auto left = boundary - (c.lo(c.ea(s2).at) & (boundary - 1));
        c.w(r1, c.select(c.lt_u(left, 16), left, ir::W { 16 }));
        c.cc_search(left >> 4, 0);
    });

constexpr auto load = both([](Cpu& c, VrNumber v1, Storage s2, Mask) { c.vr[v1] = load_vector(c, c.ea(s2)); },
    [](ir::Builder& c, VrNumber v1, Storage s2, Mask) { c.v(v1, c.load_vector(c.ea(s2), v1)); });
constexpr auto load_register = both(
    [](Cpu& c, VrNumber v1, VrNumber v2) { c.vr[v1] = c.vr[v2]; }, [](ir::Builder& c, VrNumber v1, VrNumber v2) { c.v(v1, c.v(v2)); });

constexpr auto load_to_block_boundary = both(
    [](Cpu& c, VrNumber v1, Storage s2, Mask m3) {
        Address a = c.ea(s2);
        c.vr[v1] = load_leftmost(c, a, bytes_to_boundary(c, a.at, m3));
    },
    // What a page ends is left to the handler anyway.
    [](ir::Builder& c, VrNumber v1, Storage s2, Mask m3) {
        if (u64 { 64 } << m3 != page_size)
            return c.leave_to_handler();
        c.v(v1, c.load_vector(c.ea(s2), v1));
    });

constexpr auto load_with_length = both(
    [](Cpu& c, VrNumber v1, Gr r3, Storage s2) {
        unsigned highest = std::min(c.w(r3), 15U);
        c.vr[v1] = load_leftmost(c, c.ea(s2), highest + 1);
    },
    [](ir::Builder& c, VrNumber v1, Gr r3, Storage s2) {
        auto bytes = c.load_vector(c.ea(s2), v1);
        c.v(v1, c.vector(VectorOperation::leftmost, 1, bytes, byte_count(c, r3)));
    });

constexpr auto load_multiple = [](Cpu& c, VrNumber v1, VrNumber v3, Storage s2, Mask) {
    if (v3 < v1 || v3 - v1 > 15)
        c.specification();
    unsigned count = v3 - v1 + 1U;
    u8 bytes[16 * sizeof(Vr)];
    c.load_bytes(c.ea(s2), bytes, count * sizeof(Vr));
    for (unsigned i = 0; i < count; ++i)
        c.vr[v1 + i] = vector_from_bytes(bytes + i * sizeof(Vr));
};

/// Raises specification for an element number that a register does not have.
template<class T>
void require_element(Cpu& c, unsigned index)
{
    if (index >= element_count<T>)
        c.specification();
}

template<class T>
constexpr auto load_one_element = both(
    [](Cpu& c, VrNumber v1, Storage s2, Mask m3) {
        require_element<T>(c, m3);
        set_element<T>(c.vr[v1], m3, c.load<T>(c.ea(s2)));
    },
    [](ir::Builder& c, VrNumber v1, Storage s2, Mask m3) {
        if (m3 >= element_count<T>)
            return c.leave_to_handler();
        put_element<T>(c, v1, m3, load_element<T>(c, c.ea(s2)));
    });

constexpr auto load_and_replicate
    = both([](Cpu& c, VrNumber v1, Storage s2,
               Mask m3) { with_size<Sizes<0, 3>>(c, m3, [&](auto zero) { c.vr[v1] = replicate(c.load<decltype(zero)>(c.ea(s2))); }); },
        [](ir::Builder& c, VrNumber v1, Storage s2, Mask m3) {
            with_recorded_size<0, 3>(c, m3, [&](auto zero) {
                auto value = load_element<decltype(zero)>(c, c.ea(s2));
                c.v(v1, c.replicate(value, sizeof zero));
            });
        });

/// The element goes to the rightmost place of the leftmost doubleword; the size control 6 puts a word leftmost.
constexpr auto load_logical_element_and_zero = both(
    [](Cpu& c, VrNumber v1, Storage s2, Mask m3) {
        if (m3 == 6 && c.has(Facility::vector_enhancements_1)) {
            c.vr[v1] = { .lo = 0, .hi = u64 { c.load32(c.ea(s2)) } << 32 };
            return;
        }
        with_size<Sizes<0, 3>>(c, m3, [&](auto zero) { c.vr[v1] = { .lo = 0, .hi = c.load<decltype(zero)>(c.ea(s2)) }; });
    },
    [](ir::Builder& c, VrNumber v1, Storage s2, Mask m3) {
        with_recorded_size<0, 3>(c, m3, [&](auto zero) {
            auto value = load_element<decltype(zero)>(c, c.ea(s2));
            c.v(v1, c.pair(value, 0));
        });
    });

template<class T>
constexpr auto gather_element = [](Cpu& c, VrNumber v1, StorageVectorIndex s2, Mask m3) {
    require_element<T>(c, m3);
    Address a = c.offset(c.ea(s2), element<T>(c.vr[s2.vector], m3));
    set_element<T>(c.vr[v1], m3, c.load<T>(a));
};

// ---- Byte-reversed ------------------------------------------------------------------------------------------

template<class T>
T reversed(T value)
{
    return std::byteswap(value);
}
template<>
u128 reversed(u128 value)
{
    return u128 { std::byteswap(static_cast<u64>(value)) } << 64 | std::byteswap(static_cast<u64>(value >> 64));
}

constexpr auto load_byte_reversed_elements = [](Cpu& c, VrNumber v1, Storage s2, Mask m3) {
    with_size<Sizes<1, 4>>(c, m3, [&](auto zero) {
        Vr v = load_vector(c, c.ea(s2));
        c.vr[v1] = map_elements<decltype(zero)>([](auto e) { return reversed(e); }, v);
    });
};

constexpr auto load_elements_reversed = [](Cpu& c, VrNumber v1, Storage s2, Mask m3) {
    with_size<Sizes<1, 3>>(c, m3, [&](auto zero) {
        using T = decltype(zero);
        Vr v = load_vector(c, c.ea(s2));
        c.vr[v1] = make_elements<T>([&](unsigned i) { return element<T>(v, element_count<T> - 1 - i); });
    });
};

template<class T>
constexpr auto load_byte_reversed_element = [](Cpu& c, VrNumber v1, Storage s2, Mask m3) {
    require_element<T>(c, m3);
    set_element<T>(c.vr[v1], m3, reversed(c.load<T>(c.ea(s2))));
};

constexpr auto load_byte_reversed_element_and_replicate = [](Cpu& c, VrNumber v1, Storage s2, Mask m3) {
    with_size<Sizes<1, 3>>(c, m3, [&](auto zero) { c.vr[v1] = replicate(reversed(c.load<decltype(zero)>(c.ea(s2)))); });
};

constexpr auto load_byte_reversed_element_and_zero = [](Cpu& c, VrNumber v1, Storage s2, Mask m3) {
    if (m3 == 6) {
        c.vr[v1] = { .lo = 0, .hi = u64 { reversed(c.load<u32>(c.ea(s2))) } << 32 };
        return;
    }
    with_size<Sizes<1, 3>>(c, m3, [&](auto zero) { c.vr[v1] = { .lo = 0, .hi = reversed(c.load<decltype(zero)>(c.ea(s2))) }; });
};

// ---- Rightmost bytes ----------------------------------------------------------------------------------------

void load_rightmost_bytes(Cpu& c, VrNumber v1, Storage s2, unsigned count)
{
    u8 bytes[sizeof(Vr)] {};
    c.load_bytes(c.ea(s2), bytes + sizeof bytes - count, count);
    c.vr[v1] = vector_from_bytes(bytes);
}

constexpr auto load_rightmost = [](Cpu& c, VrNumber v1, Storage s2, Unsigned i3) {
    if (i3 > 15)
        c.specification();
    load_rightmost_bytes(c, v1, s2, i3 + 1);
};
constexpr auto load_rightmost_register
    = [](Cpu& c, VrNumber v1, Gr r3, Storage s2) { load_rightmost_bytes(c, v1, s2, std::min(c.w(r3), 15U) + 1); };

constexpr Facility v = Facility::vector;
constexpr Facility v2 = Facility::vector_enhancements_2;
constexpr Facility vd = Facility::vector_packed_decimal;

constexpr Row rows[] = {
    insn("LCBB", 0xE727, RXE_m, v, problem, load_count_to_block_boundary,
        "1,0(5),0 | r1=1122334455667788 r5=203c -> r1=1122334400000004 cc=3", "1,0(5),6 | r5=2ff0 -> r1=10 cc=0", "1,0(5),7 | -> pgm=6"),
    insn("VL", 0xE706, VRX_o, v, vector, load,
        "17,8(2,5),3 | r2=10 r5=2000 m2018=00112233445566778899aabbccddeeff -> v17=00112233445566778899aabbccddeeff",
        "1,0(5) | r5=2ff8 m2ff8=00112233445566778899aabbccddeeff -> v1=00112233445566778899aabbccddeeff"),
    insn("VLR", 0xE756, VRR_a, v, vector, load_register,
        "17,2 | v2=00112233445566778899aabbccddeeff -> v17=00112233445566778899aabbccddeeff"),
    insn("VLBB", 0xE707, VRX, v, vector, load_to_block_boundary,
        "1,0(5),6 | r5=2ffd m2ffd=01020304 v1=ffffffffffffffffffffffffffffffff -> v1=01020300000000000000000000000000",
        "1,0(5),7 | -> pgm=6"),
    insn("VLL", 0xE737, VRS_b, v, vector, load_with_length, "1,3,0(5) | r3=2 r5=2ffd m2ffd=010203ff -> v1=01020300000000000000000000000000",
        "1,3,0(5) | r3=f0000000 r5=2000 m2000=00112233445566778899aabbccddeeff01 -> v1=00112233445566778899aabbccddeeff"),
    insn("VLM", 0xE736, VRS_a_o, v, vector, load_multiple,
        "15,16,0(5) | r5=2000 m2000=00112233445566778899aabbccddeeff m2010=0102030405060708090a0b0c0d0e0f10 -> "
        "v15=00112233445566778899aabbccddeeff "
        "v16=0102030405060708090a0b0c0d0e0f10",
        "1,17,0(5) | -> pgm=6", "2,1,0(5) | -> pgm=6"),
    insn("VLEB", 0xE700, VRX, v, vector, load_one_element<u8>, "1,0(5),15 | r5=2000 m2000=ab -> v1=000000000000000000000000000000ab"),
    insn("VLEH", 0xE701, VRX, v, vector, load_one_element<u16>, "1,0(5),1 | r5=2000 m2000=abcd -> v1=0000abcd000000000000000000000000",
        "1,0(5),8 | -> pgm=6"),
    insn("VLEF", 0xE703, VRX, v, vector, load_one_element<u32>, "1,0(5),2 | r5=2000 m2000=12345678 -> v1=00000000000000001234567800000000",
        "1,0(5),4 | -> pgm=6"),
    insn("VLEG", 0xE702, VRX, v, vector, load_one_element<u64>,
        "1,0(5),1 | r5=2000 m2000=0123456789abcdef -> v1=00000000000000000123456789abcdef", "1,0(5),2 | -> pgm=6"),
    insn("VLREP", 0xE705, VRX, v, vector, load_and_replicate, "1,0(5),1 | r5=2000 m2000=1234 -> v1=12341234123412341234123412341234",
        "1,0(5),4 | -> pgm=6"),
    insn("VLLEZ", 0xE704, VRX, v, vector, load_logical_element_and_zero,
        "1,0(5),1 | r5=2000 m2000=1234 v1=ffffffffffffffffffffffffffffffff -> v1=00000000000012340000000000000000",
        "1,0(5),6 | r5=2000 m2000=12345678 -> v1=12345678000000000000000000000000", "1,0(5),5 | -> pgm=6"),
    insn("VGEF", 0xE713, VRV, v, vector, gather_element<u32>,
        "1,8(2,5),1 | r5=2000 v2=00000000000001000000000000000000 m2108=12345678 -> v1=00000000123456780000000000000000",
        "1,0(2,5),4 | -> pgm=6"),
    insn("VGEG", 0xE712, VRV, v, vector, gather_element<u64>,
        "1,8(18,5),1 | r5=2000 v18=0000000000000000fffffffffffffff8 m2000=0123456789abcdef -> v1=00000000000000000123456789abcdef",
        "1,0(2,5),2 | -> pgm=6"),

    insn("VLBR", 0xE606, VRX, v2, vector, load_byte_reversed_elements,
        "1,0(5),1 | r5=2000 m2000=00112233445566778899aabbccddeeff -> v1=11003322554477669988bbaaddccffee",
        "1,0(5),4 | r5=2000 m2000=00112233445566778899aabbccddeeff -> v1=ffeeddccbbaa99887766554433221100", "1,0(5),0 | -> pgm=6"),
    insn("VLER", 0xE607, VRX, v2, vector, load_elements_reversed,
        "1,0(5),2 | r5=2000 m2000=00112233445566778899aabbccddeeff -> v1=ccddeeff8899aabb4455667700112233", "1,0(5),4 | -> pgm=6"),
    insn("VLEBRH", 0xE601, VRX, v2, vector, load_byte_reversed_element<u16>,
        "1,0(5),7 | r5=2000 m2000=abcd -> v1=0000000000000000000000000000cdab"),
    insn("VLEBRF", 0xE603, VRX, v2, vector, load_byte_reversed_element<u32>,
        "1,0(5),3 | r5=2000 m2000=12345678 -> v1=00000000000000000000000078563412"),
    insn("VLEBRG", 0xE602, VRX, v2, vector, load_byte_reversed_element<u64>,
        "1,0(5),0 | r5=2000 m2000=0123456789abcdef -> v1=efcdab89674523010000000000000000"),
    insn("VLBRREP", 0xE605, VRX, v2, vector, load_byte_reversed_element_and_replicate,
        "1,0(5),3 | r5=2000 m2000=0123456789abcdef -> v1=efcdab8967452301efcdab8967452301"),
    insn("VLLEBRZ", 0xE604, VRX, v2, vector, load_byte_reversed_element_and_zero,
        "1,0(5),1 | r5=2000 m2000=1234 v1=ffffffffffffffffffffffffffffffff -> v1=00000000000034120000000000000000",
        "1,0(5),6 | r5=2000 m2000=12345678 -> v1=78563412000000000000000000000000"),

    insn("VLRL", 0xE635, VSI, vd, vector, load_rightmost, "17,0(5),2 | r5=2000 m2000=123456ff -> v17=00000000000000000000000000123456",
        "1,0(5),16 | -> pgm=6"),
    insn("VLRLR", 0xE637, VRS_d, vd, vector, load_rightmost_register,
        "17,3,0(5) | r3=1 r5=2000 m2000=123456ff -> v17=00000000000000000000000000001234"),
};

} // namespace

extern constexpr Group vector_load { rows };

} // namespace zvisor::isa
