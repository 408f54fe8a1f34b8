// CONVERT FROM and TO SIGNED PACKED, UNSIGNED PACKED, PACKED and ZONED: PoP ch. 20.
#include "isa/dfp/operation.h"

namespace zvisor::isa {

namespace {

using namespace decimal_float;

constexpr u8 preferred_plus = 0xc;
constexpr u8 alternate_plus = 0xf;
constexpr u8 preferred_minus = 0xd;

/// Digits from the right of a number, zeros in front of it.
class DigitSource {
public:
    explicit DigitSource(u128 value)
        : m_value(value)
    {
    }
    [[nodiscard]] u8 next()
    {
        auto digit = static_cast<u8>(m_value % 10);
        m_value /= 10;
        return digit;
    }
    /// True when only zeros are left.
    [[nodiscard]] bool done() const { return m_value == 0; }

private:
    u128 m_value;
};

/// The number digit by digit from the left; raises the data exception for an invalid digit.
class DigitSink {
public:
    explicit DigitSink(Cpu& c)
        : m_cpu(c)
    {
    }
    void take(unsigned digit)
    {
        if (digit > 9)
            m_cpu.data_exception(DataCode::decimal_operand);
        m_value = m_value * 10 + digit;
    }
    [[nodiscard]] u128 value() const { return m_value; }

private:
    Cpu& m_cpu;
    u128 m_value { 0 };
};

/// True for a minus sign code; raises the data exception for what is none.
[[nodiscard]] bool is_minus(Cpu& c, unsigned code)
{
    if (code < 0xa)
        c.data_exception(DataCode::decimal_operand);
    return code == 0xb || code == 0xd;
}

// ---- General registers ---------------------------------------------------------------------------------------

/// A general register or, for extended operands, a pair.
template<class F>
[[nodiscard]] u128 get_packed(Cpu& c, u8 r)
{
    if constexpr (std::is_same_v<F, Long>)
        return c.g(r);
    else
        return u128 { c.g(r) } << 64 | c.g(static_cast<u8>(r + 1));
}
template<class F>
void put_packed(Cpu& c, u8 r, u128 value)
{
    if constexpr (std::is_same_v<F, Long>) {
        c.g(r, static_cast<u64>(value));
    } else {
        c.g(r, static_cast<u64>(value >> 64));
        c.g(static_cast<u8>(r + 1), static_cast<u64>(value));
    }
}
template<class F>
inline constexpr unsigned packed_width = std::is_same_v<F, Long> ? 64 : 128;

/// Digits in the bits from `at` to the left.
template<class F>
[[nodiscard]] u128 to_packed(u128 coefficient, unsigned at)
{
    DigitSource digits(coefficient);
    u128 packed = 0;
    for (; at < packed_width<F>; at += 4)
        packed |= u128 { digits.next() } << at;
    return packed;
}
template<class F>
[[nodiscard]] u128 from_packed(Cpu& c, u128 packed, unsigned at)
{
    DigitSink digits(c);
    for (unsigned left = packed_width<F>; left > at; left -= 4)
        digits.take(static_cast<unsigned>(packed >> (left - 4)) & 0xf);
    return digits.value();
}

template<class F>
constexpr auto to_signed_packed = [](Cpu& c, auto r1, auto r2, Mask m4) {
    Number value = number<F>(c, r2);
    u8 plus = m4 & 1 ? alternate_plus : preferred_plus;
    put_packed<F>(c, r1, to_packed<F>(value.coefficient, 4) | (value.sign ? preferred_minus : plus));
};
template<class F>
constexpr auto to_unsigned_packed = [](Cpu& c, auto r1, auto r2) { put_packed<F>(c, r1, to_packed<F>(number<F>(c, r2).coefficient, 0)); };
template<class F>
constexpr auto from_signed_packed = [](Cpu& c, auto r1, auto r2) {
    u128 packed = get_packed<F>(c, r2);
    bool minus = is_minus(c, static_cast<unsigned>(packed) & 0xf);
    put<F>(c, r1, { Kind::finite, minus, 0, from_packed<F>(c, packed, 4) });
};
template<class F>
constexpr auto from_unsigned_packed
    = [](Cpu& c, auto r1, auto r2) { put<F>(c, r1, { Kind::finite, false, 0, from_packed<F>(c, get_packed<F>(c, r2), 0) }); };

// ---- Storage -------------------------------------------------------------------------------------------------

// Bits of the M3 field.
constexpr u8 has_sign = 8;
constexpr u8 ascii_zone = 4;
constexpr u8 plus_is_alternate = 2;
constexpr u8 zero_is_plus = 1;
constexpr u8 ignores_sign = 1;

/// The longest operands, 34 zoned digits.
using Buffer = std::array<u8, 34>;

/// Raises specification for an operand of more than `most` bytes.
[[nodiscard]] u64 length_of(Cpu& c, StorageLength operand, int most)
{
    if (operand.length >= most)
        c.specification();
    return u64 { operand.length } + 1;
}

[[nodiscard]] u8 sign_code(const Number& value, u8 m3)
{
    bool minus = value.sign && !(value.zero() && (m3 & zero_is_plus));
    u8 plus = m3 & plus_is_alternate ? alternate_plus : preferred_plus;
    return minus ? preferred_minus : plus;
}

/// Stores, then says what became of the number: code 3 for special data and for digits that had no room.
void store_decimal(Cpu& c, StorageLength to, const Buffer& bytes, const Number& value, bool complete)
{
    c.store_bytes(c.ea(to), bytes.data(), u64 { to.length } + 1);
    c.cc(value.finite() && complete ? value.condition_code() : 3);
}

template<class F>
constexpr auto to_zoned = [](Cpu& c, auto r1, StorageLength to, Mask m3) {
    u64 length = length_of(c, to, F::digits);
    Number value = number<F>(c, r1);
    DigitSource digits(value.coefficient);
    Buffer bytes;
    for (u64 i = length; i-- > 0;)
        bytes[i] = static_cast<u8>((m3 & ascii_zone ? 0x30 : 0xf0) | digits.next());
    if (m3 & has_sign)
        bytes[length - 1] = static_cast<u8>(sign_code(value, m3) << 4 | (bytes[length - 1] & 0xf));
    store_decimal(c, to, bytes, value, digits.done());
};

template<class F>
constexpr auto from_zoned = [](Cpu& c, auto r1, StorageLength from, Mask m3) {
    u64 length = length_of(c, from, F::digits);
    Buffer bytes;
    c.load_bytes(c.ea(from), bytes.data(), length);
    bool minus = (m3 & has_sign) && is_minus(c, bytes[length - 1] >> 4);
    DigitSink digits(c);
    for (u64 i = 0; i < length; ++i)
        digits.take(bytes[i] & 0xf);
    put<F>(c, r1, { Kind::finite, minus, 0, digits.value() });
};

/// Bytes of the longest packed operand.
template<class F>
inline constexpr int most_packed_bytes = F::digits / 2 + 1;

template<class F>
constexpr auto to_packed_storage = [](Cpu& c, auto r1, StorageLength to, Mask m3) {
    u64 length = length_of(c, to, most_packed_bytes<F>);
    Number value = number<F>(c, r1);
    DigitSource digits(value.coefficient);
    Buffer bytes;
    for (u64 i = length; i-- > 0;) {
        bool sign = i == length - 1 && (m3 & has_sign);
        u8 right = sign ? sign_code(value, m3) : digits.next();
        bytes[i] = static_cast<u8>(digits.next() << 4 | right);
    }
    store_decimal(c, to, bytes, value, digits.done());
};

template<class F>
constexpr auto from_packed_storage = [](Cpu& c, auto r1, StorageLength from, Mask m3) {
    u64 length = length_of(c, from, most_packed_bytes<F>);
    Buffer bytes;
    c.load_bytes(c.ea(from), bytes.data(), length);
    bool is_signed = m3 & has_sign;
    bool minus = is_signed && !(m3 & ignores_sign) && is_minus(c, bytes[length - 1] & 0xf);
    DigitSink digits(c);
    for (u64 i = 0; i < length; ++i) {
        digits.take(bytes[i] >> 4);
        if (i < length - 1 || !is_signed)
            digits.take(bytes[i] & 0xf);
    }
    if (digits.value() >= power_of_ten(F::digits))
        c.data_exception(DataCode::decimal_operand);
    put<F>(c, r1, { Kind::finite, minus, 0, digits.value() });
};

constexpr Facility facility = Facility::decimal_floating_point;
constexpr Facility zoned = Facility::decimal_floating_point_zoned_conversion;
constexpr Facility packed = Facility::decimal_floating_point_packed_conversion;

constexpr Row rows[] = {
    insn("CSDTR", 0xB3E3, RRF_d_RF, facility, dfp, to_signed_packed<Long>, "1,2,0 | f2=2234000000000025 -> r1=25c",
        "1,2,1 | f2=2234000000000025 -> r1=25f", "1,2,1 | f2=6e38ff3fcff3fcff -> r1=999999999999999f",
        "1,2,0 | f2=fc00000000000025 -> r1=25d"),
    insn("CSXTR", 0xB3EB, RRF_d_PX, facility, dfp, to_signed_packed<Extended>,
        "2,4,0 | f4=a208000000000000 f6=948df20da5cfd42e -> r2=9223 r3=372036854775808d"),
    insn("CUDTR", 0xB3E2, RRE_RF, facility, dfp, to_unsigned_packed<Long>, "1,2 | f2=a234000000000025 -> r1=25",
        "1,2 | f2=6e38ff3fcff3fcff -> r1=9999999999999999"),
    insn("CUXTR", 0xB3EA, RRE_PX, facility, dfp, to_unsigned_packed<Extended>, "2,4 | f4=2208000000000000 f6=400 -> r2=0 r3=1000"),
    insn("CDSTR", 0xB3F3, RRE_FR, facility, dfp, from_signed_packed<Long>, "1,2 | r2=25d -> f1=a238000000000025",
        "1,2 | r2=999999999999999a -> f1=2238ff3fcff3fcff", "1,2 | r2=251 -> pgm=7", "1,2 | r2=2a1c -> pgm=7"),
    insn("CXSTR", 0xB3FB, RRE_XP, facility, dfp, from_signed_packed<Extended>, "0,2 | r2=0 r3=1000f -> f0=2208000000000000 f2=400"),
    insn("CDUTR", 0xB3F2, RRE_FR, facility, dfp, from_unsigned_packed<Long>, "1,2 | r2=9999999999999999 -> f1=6e38ff3fcff3fcff",
        "1,2 | r2=a -> pgm=7"),
    insn("CXUTR", 0xB3FA, RRE_XP, facility, dfp, from_unsigned_packed<Extended>, "0,2 | r2=0 r3=1000 -> f0=2208000000000000 f2=400"),

    insn("CZDT", 0xEDA8, RSL_F, zoned, dfp, to_zoned<Long>,
        "1,0(3,2),8 | f1=a238000000000025 r2=2000 m2000=00000000 -> m2000=f0f2d500 cc=1",
        "1,0(1,2),4 | f1=a238000000000025 r2=2000 m2000=0000 -> m2000=3500 cc=3",
        "1,0(2,2),11 | f1=a238000000000000 r2=2000 m2000=0000 -> m2000=f0f0 cc=0", "1,0(17,2),0 | -> pgm=6"),
    insn("CZXT", 0xEDA9, RSL_X, zoned, dfp, to_zoned<Extended>,
        "0,0(4,2),9 | f0=2208000000000000 f2=400 r2=2000 m2000=00000000 -> m2000=f1f0f0c0 cc=2"),
    insn("CDZT", 0xEDAA, RSL_F, zoned, dfp, from_zoned<Long>, "1,0(2,2),8 | r2=2000 m2000=f2d5 -> f1=a238000000000025",
        "1,0(2,2),0 | r2=2000 m2000=02d5 -> f1=2238000000000025", "1,0(2,2),8 | r2=2000 m2000=f215 -> pgm=7",
        "1,0(2,2),0 | r2=2000 m2000=fada -> pgm=7"),
    insn("CXZT", 0xEDAB, RSL_X, zoned, dfp, from_zoned<Extended>, "0,0(4,2),8 | r2=2000 m2000=f1f0f0c0 -> f0=2208000000000000 f2=400",
        "0,0(35,2),8 | -> pgm=6"),
    insn("CPDT", 0xEDAC, RSL_F, packed, dfp, to_packed_storage<Long>,
        "1,0(2,2),8 | f1=a238000000000025 r2=2000 m2000=0000 -> m2000=025d cc=1",
        "1,0(1,2),0 | f1=a238000000000400 r2=2000 m2000=0000 -> m2000=0000 cc=3",
        "1,0(2,2),11 | f1=a238000000000000 r2=2000 m2000=0000 -> m2000=000f cc=0", "1,0(10,2),0 | -> pgm=6"),
    insn("CPXT", 0xEDAD, RSL_X, packed, dfp, to_packed_storage<Extended>,
        "0,0(3,2),0 | f0=2208000000000000 f2=400 r2=2000 m2000=ffffff -> m2000=001000 cc=2"),
    insn("CDPT", 0xEDAE, RSL_F, packed, dfp, from_packed_storage<Long>, "1,0(2,2),8 | r2=2000 m2000=025d -> f1=a238000000000025",
        "1,0(2,2),9 | r2=2000 m2000=0250 -> f1=2238000000000025", "1,0(2,2),0 | r2=2000 m2000=0025 -> f1=2238000000000025",
        "1,0(9,2),8 | r2=2000 m2000=10000000000000025c -> pgm=7"),
    insn("CXPT", 0xEDAF, RSL_X, packed, dfp, from_packed_storage<Extended>,
        "0,0(3,2),8 | r2=2000 m2000=01000c -> f0=2208000000000000 f2=400", "0,0(19,2),8 | -> pgm=6"),
};

} // namespace

extern constexpr Group dfp_packed { rows };

} // namespace zvisor::isa
