// General instructions (PoP ch. 7): between packed decimal, zoned decimal, ASCII and Unicode digits.

#include "isa/general/storage_operand.h"
#include "isa/insn.h"

namespace zvisor::isa {

namespace {

[[nodiscard]] constexpr u8 swap_digits(u8 byte)
{
    return static_cast<u8>(byte << 4 | byte >> 4);
}

// PACK and UNPACK go byte by byte from the right, each result byte stored as soon as its digits are fetched.

constexpr auto pack = [](Cpu& c, StorageLength op1, StorageLength op2) {
    StorageOperand from(c, c.ea(op2), op2.length + u64 { 1 }, Access::fetch);
    StorageOperand to(c, c.ea(op1), op1.length + u64 { 1 }, Access::store);
    u64 left = op2.length;
    to[op1.length] = swap_digits(from[left]);
    for (u64 i = op1.length; i-- > 0;) {
        unsigned right_digit = left > 0 ? from[--left] & 0xf : 0;
        unsigned left_digit = left > 0 ? from[--left] & 0xf : 0;
        to[i] = static_cast<u8>(left_digit << 4 | right_digit);
    }
    to.stored(c);
};

constexpr auto unpack = [](Cpu& c, StorageLength op1, StorageLength op2) {
    StorageOperand from(c, c.ea(op2), op2.length + u64 { 1 }, Access::fetch);
    StorageOperand to(c, c.ea(op1), op1.length + u64 { 1 }, Access::store);
    u64 left = op2.length;
    to[op1.length] = swap_digits(from[left]);
    for (u64 i = op1.length; i > 0;) {
        u8 byte = left > 0 ? from[--left] : 0;
        to[--i] = static_cast<u8>(0xf0 | (byte & 0xf));
        if (i > 0)
            to[--i] = static_cast<u8>(0xf0 | byte >> 4);
    }
    to.stored(c);
};

/// The packed operands of PKA, PKU, UNPKA and UNPKU have 31 digits and a sign.
constexpr u64 packed_length = 16;
using PackedBytes = std::array<u8, packed_length>;

/// Packs the digits of up to 32 characters of `Size` bytes with a plus sign.
template<u64 Size>
void pack_characters(Cpu& c, Storage op1, Address from, u64 length)
{
    std::array<u8, 64> characters;
    c.load_bytes(from, characters.data(), length);
    PackedBytes packed {};
    packed[packed_length - 1] = 0xc;
    unsigned place = 1;
    for (u64 at = length; at > 0 && place < 32; at -= Size, ++place) {
        unsigned digit = characters[at - 1] & 0xf;
        packed[packed_length - 1 - place / 2] |= static_cast<u8>(place % 2 ? digit << 4 : digit);
    }
    c.store_bytes(c.ea(op1), packed.data(), packed.size());
}

constexpr auto pack_ascii = [](Cpu& c, Storage op1, StorageLength op2) {
    if (op2.length > 31)
        c.specification();
    pack_characters<1>(c, op1, c.ea(op2), op2.length + u64 { 1 });
};

constexpr auto pack_unicode = [](Cpu& c, Storage op1, StorageLength op2) {
    if (op2.length > 63 || op2.length % 2 == 0)
        c.specification();
    pack_characters<2>(c, op1, c.ea(op2), op2.length + u64 { 1 });
};

/// Condition code: 0 plus, 1 minus, 3 no valid sign.
[[nodiscard]] u8 sign_outcome(unsigned sign)
{
    constexpr u8 outcome[16] = { 3, 3, 3, 3, 3, 3, 3, 3, 3, 3, 0, 1, 0, 1, 0, 0 };
    return outcome[sign];
}

/// Unpacks digits to characters of `Size` bytes, their rightmost byte 0011 and the digit; positions without a digit get zeros.
template<u64 Size>
void unpack_characters(Cpu& c, StorageLength op1, Storage op2)
{
    PackedBytes packed;
    c.load_bytes(c.ea(op2), packed.data(), packed.size());
    std::array<u8, 64> characters {};
    u64 length = op1.length + u64 { 1 };
    unsigned place = 1;
    for (u64 at = length; at > 0; at -= Size, ++place) {
        u8 byte = place < 32 ? packed[packed_length - 1 - place / 2] : 0;
        characters[at - 1] = static_cast<u8>(0x30 | (place % 2 ? byte >> 4 : byte & 0xf));
    }
    c.store_bytes(c.ea(op1), characters.data(), length);
    c.cc(sign_outcome(packed[packed_length - 1] & 0xf));
}

constexpr auto unpack_ascii = [](Cpu& c, StorageLength op1, Storage op2) {
    if (op1.length > 31)
        c.specification();
    unpack_characters<1>(c, op1, op2);
};

constexpr auto unpack_unicode = [](Cpu& c, StorageLength op1, Storage op2) {
    if (op1.length > 63 || op1.length % 2 == 0)
        c.specification();
    unpack_characters<2>(c, op1, op2);
};

constexpr Row rows[] = {
    insn("PACK", 0xF2, SS_b, base, problem, pack, "0(3,1),0(4,2) | r1=2000 r2=3000 m2000=ffffff m3000=f1f2f3c4 -> m2000=01234c",
        "0(2,1),0(4,2) | r1=2000 r2=3000 m2000=ffff m3000=f1f2f3c4 -> m2000=234c", "0(1,1),0(1,1) | r1=2000 m2000=12 -> m2000=21"),
    insn("UNPK", 0xF3, SS_b, base, problem, unpack, "0(5,1),0(3,2) | r1=2000 r2=3000 m2000=0000000000 m3000=12345d -> m2000=f1f2f3f4d5",
        "0(4,1),0(1,2) | r1=2000 r2=3000 m2000=00000000 m3000=5d -> m2000=f0f0f0d5"),
    insn("PKA", 0xE9, SS_f, Facility::extended_translation_2, problem, pack_ascii,
        "0(1),0(3,2) | r1=2000 r2=3000 m2000=00 m3000=313233 -> m2000=0000000000000000000000000000123c",
        "0(1),0(33,2) | r1=2000 r2=3000 -> pgm=6"),
    insn("PKU", 0xE1, SS_f, Facility::extended_translation_2, problem, pack_unicode,
        "0(1),0(6,2) | r1=2000 r2=3000 m2000=00 m3000=003100320033 -> m2000=0000000000000000000000000000123c",
        "0(1),0(5,2) | r1=2000 r2=3000 -> pgm=6"),
    insn("UNPKA", 0xEA, SS_a, Facility::extended_translation_2, problem, unpack_ascii,
        "0(3,1),0(2) | r1=2000 r2=3000 m2000=000000 m3000=0000000000000000000000000000123d -> m2000=313233 cc=1",
        "0(33,1),0(2) | r1=2000 r2=3000 -> pgm=6"),
    insn("UNPKU", 0xE2, SS_a, Facility::extended_translation_2, problem, unpack_unicode,
        "0(6,1),0(2) | r1=2000 r2=3000 m2000=000000000000 m3000=00000000000000000000000000001232 -> m2000=003100320033 cc=3",
        "0(5,1),0(2) | r1=2000 r2=3000 -> pgm=6"),
};

} // namespace

extern constexpr Group general_pack { rows };

} // namespace zvisor::isa
