// General instructions (PoP ch. 7): between binary and packed decimal numbers.

#include "isa/general/storage_operand.h"
#include "isa/insn.h"

namespace zvisor::isa {

namespace {

/// Digits and sign of a packed decimal number of `Bytes` bytes.
template<unsigned Bytes>
struct Packed {
    std::array<u8, Bytes> bytes {};

    [[nodiscard]] unsigned digit(unsigned i) const { return bytes[i / 2] >> (i % 2 ? 0 : 4) & 0xf; }
    [[nodiscard]] unsigned sign() const { return bytes[Bytes - 1] & 0xf; }
    [[nodiscard]] bool negative() const { return sign() == 0xb || sign() == 0xd; }
};

/// The magnitude; raises a data exception for an invalid digit or sign.
template<unsigned Bytes>
[[nodiscard]] u128 magnitude(Cpu& c, const Packed<Bytes>& packed)
{
    u128 value = 0;
    for (unsigned i = 0; i < Bytes * 2 - 1; ++i) {
        if (packed.digit(i) > 9)
            c.data_exception(DataCode::decimal_operand);
        value = value * 10 + packed.digit(i);
    }
    if (packed.sign() < 10)
        c.data_exception(DataCode::decimal_operand);
    return value;
}

template<unsigned Bytes>
[[nodiscard]] u128 convert_to_binary(Cpu& c, Storage op2, bool& negative)
{
    Packed<Bytes> packed;
    c.load_bytes(c.ea(op2), packed.bytes.data(), Bytes);
    u128 value = magnitude(c, packed);
    negative = packed.negative();
    return value;
}

/// A number outside the range sets the register to its rightmost bits and raises the fixed-point-divide exception.
constexpr auto convert_to_binary32 = [](Cpu& c, Gr r1, Storage op2) {
    bool negative = false;
    auto value = static_cast<u64>(convert_to_binary<8>(c, op2, negative));
    c.w(r1, static_cast<u32>(negative ? 0 - value : value));
    if (value > 0x7fffffffu + u64 { negative })
        c.program(ProgramCode::fixed_point_divide);
};

/// A number outside the range suppresses the operation.
constexpr auto convert_to_binary64 = [](Cpu& c, Gr r1, Storage op2) {
    bool negative = false;
    u128 value = convert_to_binary<16>(c, op2, negative);
    if (value > u128 { 0x7fffffffffffffff } + u128 { negative })
        c.program(ProgramCode::fixed_point_divide);
    auto low = static_cast<u64>(value);
    c.g(r1, negative ? 0 - low : low);
};

template<unsigned Bytes>
[[nodiscard]] Packed<Bytes> pack(i64 value)
{
    Packed<Bytes> packed;
    u64 left = value < 0 ? 0 - static_cast<u64>(value) : static_cast<u64>(value);
    unsigned low = value < 0 ? 0xd : 0xc;
    for (unsigned i = Bytes; i-- > 0;) {
        packed.bytes[i] = static_cast<u8>(left % 10 << 4 | low);
        left /= 10;
        low = static_cast<unsigned>(left % 10);
        left /= 10;
    }
    return packed;
}

constexpr auto convert_to_decimal32 = [](Cpu& c, Gr r1, Storage op2) {
    auto packed = pack<8>(static_cast<i32>(c.w(r1)));
    c.store_bytes(c.ea(op2), packed.bytes.data(), packed.bytes.size());
};

constexpr auto convert_to_decimal64 = [](Cpu& c, Gr r1, Storage op2) {
    auto packed = pack<16>(static_cast<i64>(c.g(r1)));
    c.store_bytes(c.ea(op2), packed.bytes.data(), packed.bytes.size());
};

constexpr Row rows[] = {
    insn("CVB", 0x4F, RX, base, problem, convert_to_binary32,
        "1,0(2) | r1=ffffffff00000000 r2=2000 m2000=000000000000025d -> r1=ffffffffffffffe7",
        "1,0(2) | r2=2000 m2000=000002147483648d -> r1=80000000", "1,0(2) | r2=2000 m2000=000002147483648c -> r1=80000000 pgm=9",
        "1,0(2) | r2=2000 m2000=00000000000002a9 -> pgm=7"),
    insn("CVBY", 0xE306, RXY, Facility::long_displacement, problem, convert_to_binary32,
        "1,-8(2) | r2=2008 m2000=000000000000025c -> r1=19"),
    insn("CVBG", 0xE30E, RXY, base, problem, convert_to_binary64,
        "1,0(2) | r2=2000 m2000=0000000000000000000000000000025d -> r1=ffffffffffffffe7",
        "1,0(2) | r2=2000 m2000=0000000000009223372036854775807c -> r1=7fffffffffffffff",
        "1,0(2) | r2=2000 m2000=0000000000009223372036854775808c -> pgm=9"),
    insn("CVD", 0x4E, RX, base, problem, convert_to_decimal32,
        "1,0(2) | r1=ffffffe7 r2=2000 m2000=ffffffffffffffff -> m2000=000000000000025d",
        "1,0(2) | r1=80000000 r2=2000 m2000=00 -> m2000=000002147483648d"),
    insn("CVDY", 0xE326, RXY, Facility::long_displacement, problem, convert_to_decimal32,
        "1,0(2) | r1=0 r2=2000 m2000=00 -> m2000=000000000000000c"),
    insn("CVDG", 0xE32E, RXY, base, problem, convert_to_decimal64,
        "1,0(2) | r1=8000000000000000 r2=2000 m2000=00 -> m2000=0000000000009223372036854775808d"),
};

} // namespace

extern constexpr Group general_convert { rows };

} // namespace zvisor::isa
