// General instructions (PoP ch. 7): conversion between UTF-8, UTF-16 and UTF-32. CUTFU and CUUTF are the older names of CU12 and CU21.

#include "isa/general/storage_operand.h"
#include "isa/insn.h"

#include <optional>
#include <span>

namespace zvisor::isa {

namespace {

/// The second operand, read byte by byte.
class Source {
public:
    Source(Cpu& c, const LongOperand& operand, bool checked)
        : well_formed(checked)
        , m_cpu(c)
        , m_operand(operand)
    {
    }
    [[nodiscard]] bool has(u64 bytes) const { return m_operand.length >= bytes; }
    [[nodiscard]] u32 byte(u64 i) { return m_cpu.load8(m_cpu.offset(m_operand.at, i)); }
    [[nodiscard]] u32 halfword(u64 i) { return byte(i) << 8 | byte(i + 1); }

    /// The control that asks for a check of well-formedness.
    bool well_formed;

private:
    Cpu& m_cpu;
    const LongOperand& m_operand;
};

/// A character and the bytes it takes, or why there is none: condition code 0 (the operand has no complete one) or 2 (invalid).
struct Character {
    u32 value { 0 };
    u64 length { 0 };
    std::optional<u8> outcome {};

    static Character none() { return { .outcome = u8 { 0 } }; }
    static Character invalid() { return { .outcome = u8 { 2 } }; }
};

struct Utf8 {
    /// By the first byte; 0 for one that begins no character.
    [[nodiscard]] static u64 length_of(u32 first, bool well_formed)
    {
        if (first < 0x80)
            return 1;
        if (first < (well_formed ? 0xc2u : 0xc0u))
            return 0;
        if (first < 0xe0)
            return 2;
        if (first < 0xf0)
            return 3;
        return first <= (well_formed ? 0xf4u : 0xf7u) ? 4 : 0;
    }
    [[nodiscard]] static bool is_well_formed(u32 value, u64 length)
    {
        if (length == 3)
            return value >= 0x800 && (value < 0xd800 || value > 0xdfff);
        return length != 4 || (value >= 0x10000 && value <= 0x10ffff);
    }
    static Character decode(Source source)
    {
        if (!source.has(1))
            return Character::none();
        u32 value = source.byte(0);
        u64 length = length_of(value, source.well_formed);
        if (length == 0)
            return Character::invalid();
        if (!source.has(length))
            return Character::none();
        value &= length == 1 ? 0x7f : 0x7f >> length;
        bool continued = true;
        for (u64 i = 1; i < length; ++i) {
            u32 next = source.byte(i);
            continued &= (next & 0xc0) == 0x80;
            value = value << 6 | (next & 0x3f);
        }
        if (source.well_formed && !(continued && is_well_formed(value, length)))
            return Character::invalid();
        return { value, length };
    }
    static u64 encode(u32 value, std::span<u8, 4> out)
    {
        if (value < 0x80) {
            out[0] = static_cast<u8>(value);
            return 1;
        }
        u64 length = value < 0x800 ? 2 : value < 0x10000 ? 3 : 4;
        for (u64 i = length; i-- > 1; value >>= 6)
            out[i] = static_cast<u8>(0x80 | (value & 0x3f));
        out[0] = static_cast<u8>(0xf00 >> length | value);
        return length;
    }
};

struct Utf16 {
    static Character decode(Source source)
    {
        if (!source.has(2))
            return Character::none();
        u32 first = source.halfword(0);
        if ((first & 0xfc00) != 0xd800)
            return { first, 2 };
        if (!source.has(4))
            return Character::none();
        u32 second = source.halfword(2);
        if (source.well_formed && (second & 0xfc00) != 0xdc00)
            return Character::invalid();
        return { (((first & 0x3ff) + 0x40) << 10) | (second & 0x3ff), 4 };
    }
    static u64 encode(u32 value, std::span<u8, 4> out)
    {
        if (value < 0x10000) {
            store_be<u16>(out.data(), static_cast<u16>(value));
            return 2;
        }
        u32 high = 0xd800 | (((value >> 10) - 0x40) & 0x3ff);
        store_be<u32>(out.data(), high << 16 | 0xdc00 | (value & 0x3ff));
        return 4;
    }
};

struct Utf32 {
    static Character decode(Source source)
    {
        if (!source.has(4))
            return Character::none();
        u32 value = source.halfword(0) << 16 | source.halfword(2);
        bool high_surrogate = value >= 0xd800 && value <= 0xdbff;
        if (high_surrogate || value > 0x10ffff)
            return Character::invalid();
        return { value, 4 };
    }
    static u64 encode(u32 value, std::span<u8, 4> out)
    {
        store_be<u32>(out.data(), value);
        return 4;
    }
};

template<class From, class To>
void convert_unicode(Cpu& c, u8 r1, u8 r2, bool well_formed)
{
    LongOperand to(c, r1);
    LongOperand from(c, r2);
    auto commit = [&] {
        from.put(c);
        to.put(c);
    };
    auto finish = [&](u8 outcome) {
        commit();
        c.cc(outcome);
        return true;
    };
    auto step = [&] {
        Character character = From::decode(Source(c, from, well_formed));
        if (character.outcome)
            return finish(*character.outcome);
        std::array<u8, 4> bytes;
        u64 length = To::encode(character.value, bytes);
        if (to.length < length)
            return finish(1);
        c.store_bytes(to.at, bytes.data(), length);
        to.advance(c, length);
        from.advance(c, character.length);
        return false;
    };
    cpu_determined(c, most_characters, step, commit);
}

template<class From, class To>
constexpr auto convert_checked
    = [](Cpu& c, GrPair r1, GrPair r2, Mask m3) { convert_unicode<From, To>(c, r1, r2, (m3 & 1) && c.has(Facility::etf3_enhancement)); };

template<class From, class To>
constexpr auto convert = [](Cpu& c, GrPair r1, GrPair r2) { convert_unicode<From, To>(c, r1, r2, false); };

constexpr auto translation_3 = Facility::extended_translation_3;

constexpr Row rows[] = {
    insn("CU12", 0xB2A7, RRF_co_PP, base, problem, (convert_checked<Utf8, Utf16>),
        "2,4 | r2=2000 r3=8 r4=3000 r5=6 m2000=0000000000000000 m3000=41c3a4e282ac -> m2000=004100e420ac0000 r2=2006 r3=2 r4=3006 r5=0 "
        "cc=0",
        "2,4 | r2=2000 r3=8 r4=3000 r5=4 m2000=0000000000000000 m3000=f09f9880 -> m2000=d83dde0000000000 r2=2004 r3=4 r4=3004 r5=0 cc=0",
        "2,4,1 | r2=2000 r3=8 r4=3000 r5=2 m3000=c080 -> cc=2", "2,4 | r2=2000 r3=1 r4=3000 r5=1 m3000=41 -> cc=1"),
    insn("CU21", 0xB2A6, RRF_co_PP, base, problem, (convert_checked<Utf16, Utf8>),
        "2,4 | r2=2000 r3=8 r4=3000 r5=8 m2000=0000000000000000 m3000=004120acd83dde00 -> m2000=41e282acf09f9880 r2=2008 r3=0 r4=3008 r5=0 "
        "cc=0",
        "2,4,1 | r2=2000 r3=8 r4=3000 r5=4 m3000=d83d0041 -> cc=2"),
    insn("CU14", 0xB9B0, RRF_co_PP, translation_3, problem, (convert_checked<Utf8, Utf32>),
        "2,4 | r2=2000 r3=8 r4=3000 r5=5 m2000=0000000000000000 m3000=f09f9880e2 -> m2000=0001f60000000000 r2=2004 r3=4 r4=3004 r5=1 cc=0"),
    insn("CU24", 0xB9B1, RRF_co_PP, translation_3, problem, (convert_checked<Utf16, Utf32>),
        "2,4 | r2=2000 r3=8 r4=3000 r5=4 m2000=0000000000000000 m3000=d83dde00 -> m2000=0001f60000000000 r2=2004 r3=4 r4=3004 r5=0 cc=0"),
    insn("CU41", 0xB9B2, RRE_PP, translation_3, problem, (convert<Utf32, Utf8>),
        "2,4 | r2=2000 r3=8 r4=3000 r5=4 m2000=00000000 m3000=0001f600 -> m2000=f09f9880 r2=2004 r3=4 r4=3004 r5=0 cc=0",
        "2,4 | r2=2000 r3=8 r4=3000 r5=4 m3000=0000d800 -> cc=2"),
    insn("CU42", 0xB9B3, RRE_PP, translation_3, problem, (convert<Utf32, Utf16>),
        "2,4 | r2=2000 r3=8 r4=3000 r5=4 m2000=00000000 m3000=0001f600 -> m2000=d83dde00 r2=2004 r3=4 r4=3004 r5=0 cc=0"),
};

} // namespace

extern constexpr Group general_unicode { rows };

} // namespace zvisor::isa
