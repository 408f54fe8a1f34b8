// General instructions (PoP ch. 7): TRANSLATE ONE/TWO TO ONE/TWO and TRANSLATE AND TEST (REVERSE) EXTENDED.

#include "isa/general/storage_operand.h"
#include "isa/insn.h"

namespace zvisor::isa {

namespace {

template<u64 Size>
[[nodiscard]] u32 load_character(Cpu& c, Address a)
{
    return Size == 1 ? c.load8(a) : c.load16(a);
}

/// The table in general register 1 is on a doubleword boundary; for two-byte arguments once on a page boundary.
[[nodiscard]] Address translation_table(const Cpu& c, bool two_byte_arguments)
{
    bool page_boundary = two_byte_arguments && !c.has(Facility::etf2_enhancement);
    Address a = c.register_address(1);
    return { a.at & ~(page_boundary ? u64 { 4095 } : u64 { 7 }), a.base };
}

/// Characters of `From` bytes become characters of `To` bytes until one becomes the test character in GR0. R1: target and the
/// source's length, R2: source. A mask bit switches the test off.
template<u64 From, u64 To>
constexpr auto translate_characters = [](Cpu& c, GrPair r1, Gr r2, Mask m3) {
    LongOperand target(c, r1);
    Address source = c.register_address(r2);
    if (target.length % From != 0)
        c.specification();
    Address table = translation_table(c, From == 2);
    bool tested = !((m3 & 1) && c.has(Facility::etf2_enhancement));
    u32 test = To == 1 ? c.w(0) & 0xff : c.w(0) & 0xffff;
    auto commit = [&] {
        c.put_address(r2, source.at);
        target.put(c);
    };
    auto finish = [&](u8 outcome) {
        commit();
        c.cc(outcome);
        return true;
    };
    auto step = [&] {
        if (target.length == 0)
            return finish(0);
        u32 argument = load_character<From>(c, source);
        u32 function = load_character<To>(c, c.offset(table, argument * To));
        if (tested && function == test)
            return finish(1);
        if constexpr (To == 1)
            c.store8(target.at, function);
        else
            c.store16(target.at, function);
        target.at = c.offset(target.at, To);
        target.length -= From;
        source = c.offset(source, From);
        return false;
    };
    cpu_determined(c, most_characters, step, commit);
};

/// M3 of TRTE and TRTRE.
struct TestControls {
    bool two_byte_argument;
    bool two_byte_function;
    bool limited;

    explicit TestControls(u8 m3)
        : two_byte_argument(m3 & 8)
        , two_byte_function(m3 & 4)
        , limited(m3 & 2)
    {
    }
    [[nodiscard]] u64 argument_size() const { return two_byte_argument ? 2 : 1; }

    /// The function code of the argument character at `a`; zero for one beyond a limited table.
    [[nodiscard]] u32 function_code(Cpu& c, Address a, Address table) const
    {
        u32 argument = two_byte_argument ? c.load16(a) : c.load8(a);
        if (two_byte_argument && limited && argument > 255)
            return 0;
        return two_byte_function ? c.load16(c.offset(table, argument * u64 { 2 })) : c.load8(c.offset(table, argument));
    }
};

void put_function_code(Cpu& c, u8 r, u32 code)
{
    if (c.mode() & ExecutionMode::amode_64)
        c.g(r, code);
    else
        c.w(r, code);
}

/// Looks for an argument character with a function code that is not zero, to the right (Step 1) or to the left (Step -1).
template<int Step>
constexpr auto test_characters = [](Cpu& c, GrPair r1, Gr r2, Mask m3) {
    TestControls controls(m3);
    LongOperand operand(c, r1);
    u64 size = controls.argument_size();
    if (operand.length % size != 0)
        c.specification();
    Address table = translation_table(c, false);
    auto commit = [&] { operand.put(c); };
    auto step = [&] {
        u32 code = operand.length > 0 ? controls.function_code(c, operand.at, table) : 0;
        if (code == 0 && operand.length > 0) {
            operand.at = c.offset(operand.at, Step > 0 ? size : 0 - size);
            operand.length -= size;
            return false;
        }
        commit();
        if (code != 0)
            put_function_code(c, r2, code);
        c.cc(code != 0);
        return true;
    };
    cpu_determined(c, most_characters, step, commit);
};

constexpr auto translation_2 = Facility::extended_translation_2;

constexpr Row rows[] = {
    insn("TROO", 0xB993, RRF_co_PR, translation_2, problem, (translate_characters<1, 1>),
        "2,4 | r0=ff r1=4000 r2=2000 r3=3 r4=3000 m2000=000000 m3000=020001 m4000=c1c2c3 -> m2000=c3c1c2 r2=2003 r3=0 r4=3003 cc=0",
        "2,4 | r0=c2 r1=4000 r2=2000 r3=3 r4=3000 m2000=000000 m3000=000102 m4000=c1c2c3 -> m2000=c10000 r2=2001 r3=2 r4=3001 cc=1",
        "2,4,1 | r0=c2 r1=4000 r2=2000 r3=1 r4=3000 m2000=00 m3000=01 m4000=c1c2c3 -> m2000=c2 r2=2001 r3=0 r4=3001 cc=0"),
    insn("TROT", 0xB992, RRF_co_PR, translation_2, problem, (translate_characters<1, 2>),
        "2,4 | r0=ffff r1=4000 r2=2000 r3=2 r4=3000 m2000=00000000 m3000=0100 m4000=00c100c2 -> m2000=00c200c1 r2=2004 r3=0 r4=3002 cc=0"),
    insn("TRTO", 0xB991, RRF_co_PR, translation_2, problem, (translate_characters<2, 1>),
        "2,4 | r0=ff r1=4000 r2=2000 r3=4 r4=3000 m2000=0000 m3000=00010000 m4000=c1c2 -> m2000=c2c1 r2=2002 r3=0 r4=3004 cc=0",
        "2,4 | r1=4000 r2=2000 r3=3 -> pgm=6"),
    insn("TRTT", 0xB990, RRF_co_PR, translation_2, problem, (translate_characters<2, 2>),
        "2,4 | r0=ffff r1=4000 r2=2000 r3=2 r4=3000 m2000=0000 m3000=0001 m4000=00c100c2 -> m2000=00c2 r2=2002 r3=0 r4=3002 cc=0"),
    insn("TRTE", 0xB9BF, RRF_co_PR, Facility::parsing_enhancement, problem, test_characters<1>,
        "2,4 | r1=4000 r2=2000 r3=3 m2000=000100 m4000=0007 -> r2=2001 r3=2 r4=7 cc=1",
        "2,4 | r1=4000 r2=2000 r3=3 r4=5 m2000=000000 m4000=0007 -> r2=2003 r3=0 cc=0",
        "2,4,14 | r1=4000 r2=2000 r3=4 m2000=01010001 m4000=00000708 -> r2=2002 r3=2 r4=708 cc=1"),
    insn("TRTRE", 0xB9BD, RRF_co_PR, Facility::parsing_enhancement, problem, test_characters<-1>,
        "2,4 | r1=4000 r2=2002 r3=3 m2000=010000 m4000=0007 -> r2=2000 r3=1 r4=7 cc=1", "2,4,8 | r1=4000 r2=2000 r3=3 -> pgm=6"),
};

} // namespace

extern constexpr Group general_translate_characters { rows };

} // namespace zvisor::isa
