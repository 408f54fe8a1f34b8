// General instructions (PoP ch. 7): moving bytes, digits and pages between storage operands.

#include "isa/general/storage_operand.h"
#include "isa/insn.h"

#include <optional>

namespace zvisor::isa {

void propagate(u8* to, const u8* from, u64 length)
{
    auto distance = static_cast<u64>(to - from);
    if (distance == 1) {
        std::memset(to, *from, length);
        return;
    }
    // What is already there repeats with period `distance`, so each copy may take all of it.
    for (u64 done = 0; done < length;) {
        u64 part = std::min(length - done, done + distance);
        std::memcpy(to + done, from, part);
        done += part;
    }
}

namespace {

[[gnu::noinline]] void move_over_pages(Cpu& c, Address to, Address from, u64 length)
{
    StorageOperand source(c, from, length, Access::fetch);
    StorageOperand target(c, to, length, Access::store);
    for_each_piece(target, source, copy_left_to_right);
    target.stored(c);
}

void move_block(Cpu& c, StorageLength to, Storage from)
{
    u64 length = to.length + u64 { 1 };
    Address target = c.ea(to);
    Address source = c.ea(from);
    u8* target_view = cached_view<Access::store>(c, target, length);
    const u8* source_view = cached_view<Access::fetch>(c, source, length);
    if (target_view && source_view) [[likely]]
        copy_left_to_right(target_view, source_view, length);
    else
        move_over_pages(c, target, source, length);
}
/// A move to the next byte fills the operand with the first one.
void move_block(ir::Builder& c, StorageLength to, Storage from)
{
    bool fills = to.base == from.base && to.displacement == from.displacement + 1;
    auto target = c.ea(to);
    auto source = c.ea(from);
    c.change_block(fills ? ir::BlockOperation::fill : ir::BlockOperation::move, target, source, to.length + u64 { 1 });
}

constexpr auto move = [](auto& c, StorageLength to, Storage from) { move_block(c, to, from); };

/// MVN and MVZ: the bits of `Kept` stay in the first operand.
template<u8 Kept>
constexpr auto move_half_bytes = [](Cpu& c, StorageLength to, Storage from) {
    StorageOperand source(c, c.ea(from), to.length + u64 { 1 }, Access::fetch);
    StorageOperand target(c, c.ea(to), to.length + u64 { 1 }, Access::store);
    for (u64 i = 0; i < target.length(); ++i)
        target[i] = static_cast<u8>((target[i] & Kept) | (source[i] & ~Kept));
    target.stored(c);
};

constexpr auto move_inverse = [](Cpu& c, StorageLength to, Storage from) {
    u64 last = to.length;
    Address leftmost = c.offset(c.ea(from), -last);
    StorageOperand source(c, leftmost, last + 1, Access::fetch);
    StorageOperand target(c, c.ea(to), last + 1, Access::store);
    for (u64 i = 0; i <= last; ++i)
        target[i] = source[last - i];
    target.stored(c);
};

constexpr auto move_right_to_left = [](Cpu& c, Storage to, Storage from) {
    u64 length = (c.g(0) & 0xff) + 1;
    StorageOperand source(c, c.ea(from), length, Access::fetch);
    StorageOperand target(c, c.ea(to), length, Access::store);
    for (u64 i = length; i-- > 0;)
        target[i] = source[i];
    target.stored(c);
};

/// The second operand is moved one digit to the left of the first operand's rightmost digit, byte by byte from the right.
constexpr auto move_with_offset = [](Cpu& c, StorageLength to, StorageLength from) {
    StorageOperand source(c, c.ea(from), from.length + u64 { 1 }, Access::fetch);
    StorageOperand target(c, c.ea(to), to.length + u64 { 1 }, Access::store);
    unsigned digits = target[to.length] & 0xf;
    u64 left = source.length();
    for (u64 i = target.length(); i-- > 0;) {
        unsigned byte = left > 0 ? source[--left] : 0;
        target[i] = static_cast<u8>(byte << 4 | digits);
        digits = byte >> 4;
    }
    target.stored(c);
};

/// Moves or pads as much as lies in one page of each operand.
void move_part(Cpu& c, LongOperand& to, LongOperand& from, u8 padding)
{
    u64 length = to.part();
    if (from.length == 0) {
        u8* target = c.host_view(to.at, length, Access::store);
        std::memset(target, padding, length);
        c.stored(target, length);
    } else {
        length = std::min(length, from.part());
        const u8* source = c.host_view(from.at, length, Access::fetch);
        u8* target = c.host_view(to.at, length, Access::store);
        copy_left_to_right(target, source, length);
        c.stored(target, length);
        from.advance(c, length);
    }
    to.advance(c, length);
}

[[nodiscard]] bool same_space(const Cpu& c, u8 r1, u8 r2)
{
    return c.psw_fields().space() != AddressSpaceControl::access_register || c.a(r1) == c.a(r2);
}

constexpr auto move_long = [](Cpu& c, GrPair r1, GrPair r2) {
    auto to = short_length_operand(c, r1);
    auto from = short_length_operand(c, r2);
    auto padding = static_cast<u8>(c.w(static_cast<u8>(r2 + 1)) >> 24);
    u64 distance = (to.at.at - from.at.at) & c.address_mask();
    if (distance != 0 && distance < std::min(to.length, from.length) && same_space(c, r1, r2))
        return c.cc(3);
    u8 outcome = static_cast<u8>((to.length < from.length) | (from.length < to.length) << 1);
    while (to.length > 0) {
        move_part(c, to, from, padding);
        put_short_length_operand(c, from);
        put_short_length_operand(c, to);
        if (to.length > 0 && c.pending())
            return c.repeat();
    }
    put_short_length_operand(c, from);
    put_short_length_operand(c, to);
    c.cc(outcome);
};

constexpr auto move_long_extended = [](Cpu& c, GrPair r1, GrPair r3, Storage pad) {
    LongOperand to(c, r1);
    LongOperand from(c, r3);
    auto padding = static_cast<u8>(c.ea(pad).at);
    u8 outcome = static_cast<u8>((to.length < from.length) | (from.length < to.length) << 1);
    auto commit = [&] {
        from.put(c);
        to.put(c);
    };
    auto step = [&] {
        if (to.length > 0)
            move_part(c, to, from, padding);
        if (to.length > 0)
            return false;
        commit();
        c.cc(outcome);
        return true;
    };
    cpu_determined(c, most_parts, step, commit);
};

constexpr auto move_long_unicode = [](Cpu& c, GrPair r1, GrPair r3, Storage pad) {
    LongOperand to(c, r1);
    LongOperand from(c, r3);
    if ((to.length | from.length) & 1)
        c.specification();
    auto padding = static_cast<u32>(c.ea(pad).at & 0xffff);
    u8 outcome = static_cast<u8>((to.length < from.length) | (from.length < to.length) << 1);
    auto commit = [&] {
        from.put(c);
        to.put(c);
    };
    auto step = [&] {
        if (to.length > 0) {
            u32 character = from.length > 0 ? c.load16(from.at) : padding;
            c.store16(to.at, character);
            to.advance(c, 2);
            if (from.length > 0)
                from.advance(c, 2);
        }
        if (to.length > 0)
            return false;
        commit();
        c.cc(outcome);
        return true;
    };
    cpu_determined(c, most_characters, step, commit);
};

/// General register 0 of MOVE PAGE.
struct MovePageControls {
    bool reserved;
    bool condition_code_option;
    bool first_key;
    bool second_key;
    u8 key;

    explicit MovePageControls(u64 r0)
        : reserved(bits<48, 51>(r0) != 0)
        , condition_code_option(bits<55>(r0))
        , first_key(bits<52>(r0))
        , second_key(bits<53>(r0))
        , key(static_cast<u8>(bits<56, 59>(r0)))
    {
    }
};

void check_move_page(Cpu& c, const MovePageControls& controls)
{
    if (controls.reserved || (controls.first_key && controls.second_key))
        c.specification();
    bool uses_key = controls.first_key || controls.second_key;
    bool authorized = c.cr[3] >> (31 - controls.key) & 1;
    if (uses_key && c.problem_state() && !authorized)
        c.program(ProgramCode::privileged_operation);
}

/// The view of a page under another key; the space is the one the register designates.
[[nodiscard]] u8* page_view(Cpu& c, Address page, Access access, std::optional<u8> key)
{
    const Psw& psw = c.psw_fields();
    if (!key || psw.space() == AddressSpaceControl::access_register)
        return c.host_view(page, page_size, access);
    Asce asce = psw.dat() ? c.asce_of(psw.space()) : Asce { bit_mask<58> };
    auto indication = static_cast<u8>(psw.dat() ? psw.space() : AddressSpaceControl::primary);
    return c.host_view_in(c.space_of(asce, *key), page.at, access, indication);
}

/// True when the page is there; a page-translation exception becomes false when `option` asks for a condition code.
template<class View>
[[nodiscard]] bool page_is_valid(bool option, View view)
{
    try {
        view();
        return true;
    } catch (const ProgramInterruption& interruption) {
        if (!option || interruption.code != ProgramCode::page_translation)
            throw;
        return false;
    }
}

constexpr auto move_page = [](Cpu& c, Gr r1, Gr r2) {
    MovePageControls controls(c.g(0));
    check_move_page(c, controls);
    Address to { c.register_address(r1).at & page_mask, r1 };
    Address from { c.register_address(r2).at & page_mask, r2 };
    u8* target = nullptr;
    const u8* source = nullptr;
    auto key_if = [&](bool wanted) { return wanted ? std::optional { controls.key } : std::nullopt; };
    bool option = controls.condition_code_option;
    if (!page_is_valid(option, [&] { source = page_view(c, from, Access::fetch, key_if(controls.second_key)); }))
        return c.cc(2);
    if (!page_is_valid(option, [&] { target = page_view(c, to, Access::store, key_if(controls.first_key)); }))
        return c.cc(1);
    std::memmove(target, source, page_size);
    c.stored(target, page_size);
    c.cc(0);
};

constexpr Row rows[] = {
    insn("MVC", 0xD2, SS_a, base, problem, move, "0(4,1),0(2) | r1=2000 r2=3000 m2000=00000000 m3000=01020304 -> m2000=01020304",
        "1(7,1),0(1) | r1=2000 m2000=4011223344556677 -> m2000=4040404040404040",
        "2(6,1),0(1) | r1=2000 m2000=a1b2000000000000 -> m2000=a1b2a1b2a1b2a1b2",
        "0(4,1),0(2) | r1=2ffe r2=3ffd m2ffe=00000000 m3ffd=01020304 -> m2ffe=01020304"),
    insn("MVCIN", 0xE8, SS_a, base, problem, move_inverse, "0(4,1),3(2) | r1=2000 r2=3000 m2000=00000000 m3000=01020304 -> m2000=04030201"),
    insn("MVN", 0xD1, SS_a, base, problem, move_half_bytes<0xf0>, "0(2,1),0(2) | r1=2000 r2=3000 m2000=1234 m3000=abcd -> m2000=1b3d"),
    insn("MVZ", 0xD3, SS_a, base, problem, move_half_bytes<0x0f>, "0(2,1),0(2) | r1=2000 r2=3000 m2000=1234 m3000=abcd -> m2000=a2c4"),
    insn("MVO", 0xF1, SS_b, base, problem, move_with_offset,
        "0(4,1),0(3,2) | r1=2000 r2=3000 m2000=7788990c m3000=123456 -> m2000=0123456c",
        "0(2,1),0(3,2) | r1=2000 r2=3000 m2000=990c m3000=123456 -> m2000=456c"),
    insn("MVCRL", 0xE50A, SSE, Facility::miscellaneous_instruction_extensions_3, problem, move_right_to_left,
        "1(1),0(1) | r0=3 r1=2000 m2000=0102030405 -> m2000=0101020304"),
    insn("MVCL", 0x0E, RR_PP, base, branch, move_long,
        "2,4 | r2=2000 r3=4 r4=3000 r5=40000002 m2000=00000000 m3000=0102 -> m2000=01024040 r2=2004 r3=0 r4=3002 r5=40000000 cc=2",
        "2,4 | r2=2000 r3=2 r4=3000 r5=3 m2000=0000 m3000=010203 -> m2000=0102 r2=2002 r3=0 r4=3002 r5=1 cc=1",
        "2,4 | r2=2001 r3=3 r4=2000 r5=3 m2000=01020304 -> cc=3", "2,4 | r2=2000 r3=0 r4=3000 r5=0 -> cc=0"),
    insn("MVCLE", 0xA8, RS_PP, base, problem, move_long_extended,
        "2,4,64 | r2=2000 r3=4 r4=3000 r5=2 m2000=00000000 m3000=0102 -> m2000=01024040 r2=2004 r3=0 r4=3002 r5=0 cc=2",
        "2,4,0 | r2=2ffe r3=4 r4=3fff r5=4 m2ffe=00000000 m3fff=01020304 -> m2ffe=01020304 r2=3002 r3=0 r4=4003 r5=0 cc=0",
        "2,4,0 | r2=ffffe r3=4 r4=3000 r5=4 mffffe=0000 m3000=01020304 -> mffffe=0102 r2=100000 r3=2 r4=3002 r5=2 cc=3",
        "2,4,0 | r2=100000 r3=2 r4=3000 r5=2 m3000=0304 -> pgm=5"),
    insn("MVCLU", 0xEB8E, RSY_PP, Facility::extended_translation_2, problem, move_long_unicode,
        "2,4,32 | r2=2000 r3=4 r4=3000 r5=2 m2000=00000000 m3000=0102 -> m2000=01020020 r2=2004 r3=0 r4=3002 r5=0 cc=2",
        "2,4,32 | r2=2000 r3=3 r4=3000 r5=2 -> pgm=6"),
    insn("MVPG", 0xB254, RRE, base, problem, move_page, "1,2 | r0=0 r1=2010 r2=3020 m2ffe=0000 m3ffe=1234 -> m2ffe=1234 cc=0",
        "1,2 | r0=8000 r1=2000 r2=3000 -> pgm=6"),
};

} // namespace

extern constexpr Group general_move { rows };

} // namespace zvisor::isa
