// Storing vector registers and elements (PoP ch. 21).

#include "isa/vector/recorded.h"

#include <algorithm>

namespace zvisor::isa {

namespace {

constexpr auto store = both([](Cpu& c, VrNumber v1, Storage s2, Mask) { store_vector(c, c.ea(s2), c.vr[v1]); },
    [](ir::Builder& c, VrNumber v1, Storage s2, Mask) { c.store_vector(c.ea(s2), c.v(v1)); });

constexpr auto store_with_length = both(
    [](Cpu& c, VrNumber v1, Gr r3, Storage s2) {
        u8 bytes[sizeof(Vr)];
        vector_to_bytes(c.vr[v1], bytes);
        c.store_bytes(c.ea(s2), bytes, std::min(c.w(r3), 15U) + 1);
    },
    [](ir::Builder& c, VrNumber v1, Gr r3, Storage s2) {
        auto count = byte_count(c, r3);
        auto value = c.v(v1);
        c.store_leftmost(c.ea(s2), value, count);
    });

constexpr auto store_multiple = [](Cpu& c, VrNumber v1, VrNumber v3, Storage s2, Mask) {
    if (v3 < v1 || v3 - v1 > 15)
        c.specification();
    unsigned count = v3 - v1 + 1U;
    u8 bytes[16 * sizeof(Vr)];
    for (unsigned i = 0; i < count; ++i)
        vector_to_bytes(c.vr[v1 + i], bytes + i * sizeof(Vr));
    c.store_bytes(c.ea(s2), bytes, count * sizeof(Vr));
};

template<class T>
constexpr auto store_element = both(
    [](Cpu& c, VrNumber v1, Storage s2, Mask m3) {
        if (m3 >= element_count<T>)
            c.specification();
        c.store<T>(c.ea(s2), element<T>(c.vr[v1], m3));
    },
    [](ir::Builder& c, VrNumber v1, Storage s2, Mask m3) {
        if (m3 >= element_count<T>)
            return c.leave_to_handler();
        auto value = get_element<T>(c, v1, m3);
        store_element_at<T>(c, c.ea(s2), value);
    });

template<class T>
constexpr auto scatter_element = [](Cpu& c, VrNumber v1, StorageVectorIndex s2, Mask m3) {
    if (m3 >= element_count<T>)
        c.specification();
    Address a = c.offset(c.ea(s2), element<T>(c.vr[s2.vector], m3));
    c.store<T>(a, element<T>(c.vr[v1], m3));
};

template<class T>
constexpr auto store_byte_reversed_element = [](Cpu& c, VrNumber v1, Storage s2, Mask m3) {
    if (m3 >= element_count<T>)
        c.specification();
    c.store<T>(c.ea(s2), std::byteswap(element<T>(c.vr[v1], m3)));
};

/// All sixteen bytes reversed; a byte-reversed element of a smaller size is this with the elements in reversed order.
Vr reversed_bytes(const Vr& v)
{
    return { .lo = std::byteswap(v.hi), .hi = std::byteswap(v.lo) };
}
template<class T>
Vr reversed_elements(const Vr& v)
{
    return make_elements<T>([&](unsigned i) { return element<T>(v, element_count<T> - 1 - i); });
}

constexpr auto store_byte_reversed_elements = [](Cpu& c, VrNumber v1, Storage s2, Mask m3) {
    with_size<Sizes<1, 4>>(
        c, m3, [&](auto zero) { store_vector(c, c.ea(s2), reversed_bytes(reversed_elements<decltype(zero)>(c.vr[v1]))); });
};
constexpr auto store_elements_reversed = [](Cpu& c, VrNumber v1, Storage s2, Mask m3) {
    with_size<Sizes<1, 3>>(c, m3, [&](auto zero) { store_vector(c, c.ea(s2), reversed_elements<decltype(zero)>(c.vr[v1])); });
};

void store_rightmost_bytes(Cpu& c, VrNumber v1, Storage s2, unsigned count)
{
    u8 bytes[sizeof(Vr)];
    vector_to_bytes(c.vr[v1], bytes);
    c.store_bytes(c.ea(s2), bytes + sizeof bytes - count, count);
}

constexpr auto store_rightmost = [](Cpu& c, VrNumber v1, Storage s2, Unsigned i3) {
    if (i3 > 15)
        c.specification();
    store_rightmost_bytes(c, v1, s2, i3 + 1);
};
constexpr auto store_rightmost_register
    = [](Cpu& c, VrNumber v1, Gr r3, Storage s2) { store_rightmost_bytes(c, v1, s2, std::min(c.w(r3), 15U) + 1); };

constexpr Facility v = Facility::vector;
constexpr Facility v2 = Facility::vector_enhancements_2;
constexpr Facility vd = Facility::vector_packed_decimal;

constexpr Row rows[] = {
    insn("VST", 0xE70E, VRX_o, v, vector, store,
        "17,8(2,5),4 | r2=10 r5=2000 v17=00112233445566778899aabbccddeeff -> m2018=00112233445566778899aabbccddeeff",
        "1,0(5) | r5=2ff8 v1=00112233445566778899aabbccddeeff -> m2ff8=00112233445566778899aabbccddeeff",
        "1,0(5) | r5=ffff8 v1=00112233445566778899aabbccddeeff mffff8=0000000000000000 -> pgm=5"),
    insn("VSTL", 0xE73F, VRS_b, v, vector, store_with_length,
        "1,3,0(5) | r3=2 r5=2ffe v1=00112233445566778899aabbccddeeff m2ffe=ffffffff -> m2ffe=001122ff"),
    insn("VSTM", 0xE73E, VRS_a_o, v, vector, store_multiple,
        "15,16,0(5) | r5=2ff8 v15=00112233445566778899aabbccddeeff v16=0102030405060708090a0b0c0d0e0f10 -> "
        "m2ff8=00112233445566778899aabbccddeeff0102030405060708090a0b0c0d0e0f10",
        "1,17,0(5) | -> pgm=6",
        "15,16,0(5) | r5=ffff0 v15=00112233445566778899aabbccddeeff mffff0=00000000000000000000000000000000 -> pgm=5"),
    insn("VSTEB", 0xE708, VRX, v, vector, store_element<u8>,
        "1,0(5),15 | r5=2000 v1=00112233445566778899aabbccddeeff m2000=0000 -> m2000=ff00"),
    insn("VSTEH", 0xE709, VRX, v, vector, store_element<u16>, "1,0(5),1 | r5=2000 v1=00112233445566778899aabbccddeeff -> m2000=22330000",
        "1,0(5),8 | -> pgm=6"),
    insn("VSTEF", 0xE70B, VRX, v, vector, store_element<u32>, "1,0(5),3 | r5=2000 v1=00112233445566778899aabbccddeeff -> m2000=ccddeeff",
        "1,0(5),4 | -> pgm=6"),
    insn("VSTEG", 0xE70A, VRX, v, vector, store_element<u64>,
        "1,0(5),0 | r5=2000 v1=00112233445566778899aabbccddeeff -> m2000=0011223344556677", "1,0(5),2 | -> pgm=6"),
    insn("VSCEF", 0xE71B, VRV, v, vector, scatter_element<u32>,
        "1,8(2,5),1 | r5=2000 v1=00112233445566778899aabbccddeeff v2=00000000000001000000000000000000 -> m2108=44556677",
        "1,0(2,5),4 | -> pgm=6"),
    insn("VSCEG", 0xE71A, VRV, v, vector, scatter_element<u64>,
        "1,8(18,5),1 | r5=2000 v1=00112233445566778899aabbccddeeff v18=0000000000000000fffffffffffffff8 -> m2000=8899aabbccddeeff",
        "1,0(2,5),2 | -> pgm=6"),

    insn("VSTBR", 0xE60E, VRX, v2, vector, store_byte_reversed_elements,
        "1,0(5),2 | r5=2000 v1=00112233445566778899aabbccddeeff -> m2000=3322110077665544bbaa9988ffeeddcc",
        "1,0(5),4 | r5=2000 v1=00112233445566778899aabbccddeeff -> m2000=ffeeddccbbaa99887766554433221100", "1,0(5),0 | -> pgm=6"),
    insn("VSTER", 0xE60F, VRX, v2, vector, store_elements_reversed,
        "1,0(5),2 | r5=2000 v1=00112233445566778899aabbccddeeff -> m2000=ccddeeff8899aabb4455667700112233", "1,0(5),4 | -> pgm=6"),
    insn("VSTEBRH", 0xE609, VRX, v2, vector, store_byte_reversed_element<u16>,
        "1,0(5),1 | r5=2000 v1=00112233445566778899aabbccddeeff -> m2000=33220000"),
    insn("VSTEBRF", 0xE60B, VRX, v2, vector, store_byte_reversed_element<u32>,
        "1,0(5),3 | r5=2000 v1=00112233445566778899aabbccddeeff -> m2000=ffeeddcc"),
    insn("VSTEBRG", 0xE60A, VRX, v2, vector, store_byte_reversed_element<u64>,
        "1,0(5),0 | r5=2000 v1=00112233445566778899aabbccddeeff -> m2000=7766554433221100"),

    insn("VSTRL", 0xE63D, VSI, vd, vector, store_rightmost,
        "17,0(5),2 | r5=2000 v17=00112233445566778899aabbccddeeff m2000=00000000 -> m2000=ddeeff00", "1,0(5),16 | -> pgm=6"),
    insn("VSTRLR", 0xE63F, VRS_d, vd, vector, store_rightmost_register,
        "17,3,0(5) | r3=1 r5=2000 v17=00112233445566778899aabbccddeeff -> m2000=eeff0000"),
};

} // namespace

extern constexpr Group vector_store { rows };

} // namespace zvisor::isa
