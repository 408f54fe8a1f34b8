// General instructions (PoP ch. 7): strings that end with a character, and searching.

#include "isa/general/storage_operand.h"
#include "isa/insn.h"

#include <bit>

namespace zvisor::isa {

namespace {

/// The highest bit of every byte of `x` that is zero; only the lowest one set is reliable.
[[nodiscard]] u64 zero_bytes(u64 x)
{
    constexpr u64 ones = 0x0101010101010101;
    return (x - ones) & ~x & ones << 7;
}

/// Eight bytes with the first one in storage order in the least significant place.
[[nodiscard]] u64 load_little(const u8* from)
{
    return std::byteswap(load_be<u64>(from));
}

/// Index of the first byte where the areas differ or the first one has the ending character; `length` when there is none.
[[nodiscard]] u64 first_difference_or_end(const u8* x, const u8* y, u8 ending, u64 length)
{
    u64 pattern = ending * u64 { 0x0101010101010101 };
    u64 i = 0;
    for (; i + 8 <= length; i += 8) {
        u64 first = load_little(x + i);
        u64 different = first ^ load_little(y + i);
        u64 ends = zero_bytes(first ^ pattern);
        auto stop = static_cast<u64>(std::min(std::countr_zero(different), std::countr_zero(ends)) / 8);
        if (stop < 8)
            return i + stop;
    }
    while (i < length && x[i] == y[i] && x[i] != ending)
        ++i;
    return i;
}

[[nodiscard]] u64 least(u64 x, u64 y)
{
    return std::min(x, y);
}

/// The operand whose character is the ending one is low; equal strings leave the registers.
void compare_strings(Cpu& c, Gr r1, Gr r2)
{
    u8 ending = character_in_register_0(c);
    Address first = c.register_address(r1);
    Address second = c.register_address(r2);
    auto commit = [&] {
        c.put_address(r2, second.at);
        c.put_address(r1, first.at);
    };
    auto step = [&] {
        u64 length = least(to_page_end(first), to_page_end(second));
        const u8* x = c.host_view(first, length, Access::fetch);
        const u8* y = c.host_view(second, length, Access::fetch);
        u64 stop = first_difference_or_end(x, y, ending, length);
        first = c.offset(first, stop);
        second = c.offset(second, stop);
        if (stop == length)
            return false;
        u8 p = x[stop];
        u8 q = y[stop];
        if (p == q) {
            c.cc(0);
            return true;
        }
        commit();
        c.cc(p == ending ? 1 : q == ending || p > q ? 2 : 1);
        return true;
    };
    cpu_determined(c, most_parts, step, commit);
}
void compare_strings(ir::Builder& c, Gr r1, Gr r2)
{
    if (~c.address_mask() != 0)
        return c.leave_to_handler();
    auto first = c.g(r1);
    auto second = c.g(r2);
    auto decided = c.string(ir::StringOperation::compare, { first, r1 }, second, c.w(0));
    auto code = c.lo(decided) & 3U;
    auto index = decided >> 2;
    auto equal = c.lt_u(code, 1U);
    c.g(r2, c.select(equal, second, second + index));
    c.g(r1, c.select(equal, first, first + index));
    c.cc(code);
}

constexpr auto compare_string = [](auto& c, Gr r1, Gr r2) { compare_strings(c, r1, r2); };

constexpr auto move_string = [](Cpu& c, Gr r1, Gr r2) {
    u8 ending = character_in_register_0(c);
    Address to = c.register_address(r1);
    Address from = c.register_address(r2);
    auto step = [&] {
        u64 length = least(to_page_end(to), to_page_end(from));
        const u8* source = c.host_view(from, length, Access::fetch);
        const void* end = std::memchr(source, ending, length);
        u64 moved = end ? static_cast<u64>(static_cast<const u8*>(end) - source) + 1 : length;
        u8* target = c.host_view(to, moved, Access::store);
        copy_left_to_right(target, source, moved);
        c.stored(target, moved);
        to = c.offset(to, end ? moved - 1 : moved);
        from = c.offset(from, moved);
        if (!end)
            return false;
        c.put_address(r1, to.at);
        c.cc(1);
        return true;
    };
    auto commit = [&] {
        c.put_address(r2, from.at);
        c.put_address(r1, to.at);
    };
    cpu_determined(c, most_parts, step, commit);
};

void find_character(Cpu& c, Gr r1, Gr r2)
{
    u8 character = character_in_register_0(c);
    Address at = c.register_address(r2);
    u64 left = (c.register_address(r1).at - at.at) & c.address_mask();
    auto step = [&] {
        if (left == 0) {
            c.cc(2);
            return true;
        }
        u64 length = least(left, to_page_end(at));
        const u8* view = c.host_view(at, length, Access::fetch);
        if (const void* found = std::memchr(view, character, length)) {
            c.put_address(r1, c.offset(at, static_cast<u64>(static_cast<const u8*>(found) - view)).at);
            c.cc(1);
            return true;
        }
        at = c.offset(at, length);
        left -= length;
        return false;
    };
    cpu_determined(c, most_parts, step, [&] { c.put_address(r2, at.at); });
}
void find_character(ir::Builder& c, Gr r1, Gr r2)
{
    if (~c.address_mask() != 0)
        return c.leave_to_handler();
    auto at = c.g(r2);
    auto end = c.g(r1);
    auto decided = c.string(ir::StringOperation::search, { at, r2 }, end - at, c.w(0));
    auto code = c.lo(decided) & 3U;
    c.g(r1, c.select(c.lt_u(code, 2U), at + (decided >> 2), end));
    c.cc(code);
}

constexpr auto search_string = [](auto& c, Gr r1, Gr r2) { find_character(c, r1, r2); };

/// Two-byte characters; an end at an odd distance counts as the next even one.
constexpr auto search_string_unicode = [](Cpu& c, Gr r1, Gr r2) {
    if (c.w(0) > 0xffff)
        c.specification();
    u32 character = c.w(0);
    Address at = c.register_address(r2);
    u64 end = c.register_address(r1).at;
    end = (end + ((end ^ at.at) & 1)) & c.address_mask();
    auto step = [&] {
        if (at.at == end) {
            c.cc(2);
            return true;
        }
        if (c.load16(at) == character) {
            c.put_address(r1, at.at);
            c.cc(1);
            return true;
        }
        at = c.offset(at, 2);
        return false;
    };
    cpu_determined(c, most_characters, step, [&] { c.put_address(r2, at.at); });
};

/// COMPARE UNTIL SUBSTRING EQUAL: what is known before each pair of bytes.
struct SubstringComparison {
    LongOperand first;
    LongOperand second;
    /// Where the run of equal bytes that ends here began.
    LongOperand first_run;
    LongOperand second_run;
    u64 run { 0 };
    bool last_equal { false };
};

/// Compares one pair of bytes, the shorter operand padded.
void compare_pair(Cpu& c, SubstringComparison& state, u8 padding)
{
    auto next = [&](LongOperand& operand) {
        u32 byte = operand.length > 0 ? c.load8(operand.at) : padding;
        return byte;
    };
    u32 x = next(state.first);
    u32 y = next(state.second);
    if (x == y && state.run == 0) {
        state.first_run = state.first;
        state.second_run = state.second;
    }
    state.first.advance(c, state.first.length > 0 ? 1 : 0);
    state.second.advance(c, state.second.length > 0 ? 1 : 0);
    state.last_equal = x == y;
    state.run = x == y ? state.run + 1 : 0;
}

void put_positions(Cpu& c, const LongOperand& first, const LongOperand& second)
{
    second.put(c);
    first.put(c);
}

constexpr auto compare_until_substring_equal = [](Cpu& c, GrPair r1, GrPair r2) {
    auto wanted = static_cast<u8>(c.w(0));
    auto padding = static_cast<u8>(c.w(1));
    LongOperand first(c, r1);
    LongOperand second(c, r2);
    SubstringComparison state { first, second, first, second };
    auto step = [&] {
        bool end = (state.first.length | state.second.length) == 0;
        if (wanted == 0 || (state.run == wanted)) {
            put_positions(c, state.first_run, state.second_run);
            c.cc(0);
            return true;
        }
        if (end) {
            bool in_run = state.run > 0;
            put_positions(c, in_run ? state.first_run : state.first, in_run ? state.second_run : state.second);
            c.cc(state.last_equal ? 1 : 2);
            return true;
        }
        compare_pair(c, state, padding);
        return false;
    };
    // A run of equal bytes is begun again by the next execution.
    auto commit = [&] {
        bool in_run = state.run > 0;
        put_positions(c, in_run ? state.first_run : state.first, in_run ? state.second_run : state.second);
    };
    for (unsigned done = 0; done < most_characters; ++done) {
        try {
            if (step())
                return;
        } catch (const ProgramInterruption&) {
            // A run from the first pair on would only be begun again.
            if (done == state.run)
                throw;
            break;
        }
    }
    commit();
    c.cc(3);
};

constexpr Row rows[] = {
    insn("CLST", 0xB25D, RRE, base, problem, compare_string,
        "2,4 | r2=2000 r4=3000 m2000=c1c2c3c4c5c6c7c8c900 m3000=c1c2c3c4c5c6c7c8c900 -> cc=0",
        "2,4 | r2=2000 r4=3000 m2000=c1c200 m3000=c1c2c3 -> r2=2002 r4=3002 cc=1",
        "2,4 | r0=40 r2=2000 r4=3000 m2000=c1c2c3 m3000=c1c240 -> r2=2002 r4=3002 cc=2", "2,4 | r0=100 -> pgm=6"),
    insn("MVST", 0xB255, RRE, base, problem, move_string,
        "2,4 | r2=2000 r4=3000 m2000=ffffffff m3000=c1c200c3 -> r2=2002 m2000=c1c200ff cc=1",
        "2,4 | r2=2ffe r4=3fff m2ffe=ffffffffff m3fff=c1c2c300 -> r2=3001 m2ffe=c1c2c300ff cc=1"),
    insn("SRST", 0xB25E, RRE, base, problem, search_string, "2,4 | r2=2004 r4=2000 m2000=c1c200c3 -> r2=2002 cc=1",
        "2,4 | r2=2002 r4=2000 m2000=c1c200c3 -> cc=2", "2,4 | r0=c3 r2=2001 r4=1fff m1fff=c1c2c3 -> cc=2"),
    insn("SRSTU", 0xB9BE, RRE, Facility::extended_translation_3, problem, search_string_unicode,
        "2,4 | r0=c3 r2=2008 r4=2000 m2000=c30000c300c3 -> r2=2002 cc=1", "2,4 | r0=c3 r2=2003 r4=2000 m2000=c3000fc300c3 -> r2=2003 cc=2"),
    insn("CUSE", 0xB257, RRE_PP, base, problem, compare_until_substring_equal,
        "2,4 | r0=2 r1=40 r2=2000 r3=4 r4=3000 r5=4 m2000=c1c2c3c4 m3000=00c2c300 -> r2=2001 r3=3 r4=3001 r5=3 cc=0",
        "2,4 | r0=3 r1=40 r2=2000 r3=4 r4=3000 r5=4 m2000=c1c2c3c4 m3000=0000c3c4 -> r2=2002 r3=2 r4=3002 r5=2 cc=1",
        "2,4 | r0=2 r1=40 r2=2000 r3=2 r4=3000 r5=2 m2000=c1c2 m3000=c1c3 -> r2=2002 r3=0 r4=3002 r5=0 cc=2",
        "2,4 | r0=3 r1=40 r2=ffffe r3=4 r4=ffffe r5=4 -> pgm=5"),
};

} // namespace

extern constexpr Group general_string { rows };

} // namespace zvisor::isa
