// Moves between address spaces and keys (PoP ch. 10, MOVE TO PRIMARY to MOVE WITH SOURCE KEY).

#include "isa/control/control.h"

#include <algorithm>
#include <array>
#include <cstring>

namespace zvisor::isa {

namespace {

constexpr u64 most_moved = page_size;

/// An operand accessed in a space and with a key of its own.
struct KeyedOperand {
    AddressSpaceControl space;
    u8 key;
    Address address;
};

/// The host views of up to a page of an operand, which lies in two pages at most.
struct Views {
    std::array<u8*, 2> part {};
    std::array<u64, 2> length {};

    [[nodiscard]] bool is_one_piece() const { return length[1] == 0; }
    void gather(u8* to) const
    {
        std::memcpy(to, part[0], length[0]);
        std::memcpy(to + length[0], part[1], length[1]);
    }
};

[[nodiscard]] Views views_in(Cpu& c, Space& space, const KeyedOperand& operand, u64 length, Access access)
{
    auto indication = c.psw_fields().dat() ? static_cast<u8>(operand.space) : u8 { 0 };
    Address a = operand.address;
    Views views;
    views.length[0] = std::min(length, page_size - a.at % page_size);
    views.length[1] = length - views.length[0];
    views.part[0] = c.host_view_in(space, a.at, access, indication);
    views.part[1] = views.is_one_piece() ? views.part[0] : c.host_view_in(space, c.offset(a, views.length[0]).at, access, indication);
    return views;
}

[[nodiscard]] Views views_of(Cpu& c, const KeyedOperand& operand, u64 length, Access access)
{
    if (!c.psw_fields().dat())
        return views_in(c, c.space_of({ bit_mask<58> }, operand.key), operand, length, access);
    if (operand.space != AddressSpaceControl::access_register)
        return views_in(c, c.space_of(c.asce_of(operand.space), operand.key), operand, length, access);
    try {
        return views_in(c, c.space_of(c.operand_asce(operand.space, operand.address.base), operand.key), operand, length, access);
    } catch (ProgramInterruption& interruption) {
        interruption.access_id = operand.address.base & 0xf;
        throw;
    }
}

void scatter(Cpu& c, const Views& to, const u8* from)
{
    std::memmove(to.part[0], from, to.length[0]);
    c.stored(to.part[0], to.length[0]);
    if (to.is_one_piece())
        return;
    std::memmove(to.part[1], from + to.length[0], to.length[1]);
    c.stored(to.part[1], to.length[1]);
}

/// Moves up to a page; nothing is stored unless all of it may be fetched and stored.
void move(Cpu& c, const KeyedOperand& to, const KeyedOperand& from, u64 length)
{
    if (length == 0)
        return;
    Views source = views_of(c, from, length, Access::fetch);
    Views target = views_of(c, to, length, Access::store);
    if (source.is_one_piece()) {
        if (target.is_one_piece() || source.part[0] != target.part[0]) {
            scatter(c, target, source.part[0]);
            return;
        }
    }
    std::array<u8, most_moved> bytes;
    source.gather(bytes.data());
    scatter(c, target, bytes.data());
}

/// The true length in a register: 32 or 64 bits by the addressing mode.
[[nodiscard]] u64 true_length(const Cpu& c, u8 r)
{
    return c.psw_fields().addressing_mode() == 64 ? c.g(r) : c.w(r);
}

/// Condition code 3 says that only `most` bytes of a longer operand are moved.
[[nodiscard]] u64 length_and_code(u64 length, u64 most, u8& code)
{
    code = length > most ? 3 : 0;
    return std::min(length, most);
}

// ---- MOVE WITH OPTIONAL SPECIFICATIONS ---------------------------------------------------------------------

/// Operand-access control: half of bits 32-63 of register 0.
struct OperandAccessControl {
    u16 value;

    [[nodiscard]] bool key_valid() const { return value & 2; }
    [[nodiscard]] bool space_valid() const { return value & 1; }
    [[nodiscard]] u8 key() const { return static_cast<u8>(value >> 12); }
    [[nodiscard]] AddressSpaceControl space() const { return static_cast<AddressSpaceControl>(value >> 6 & 3); }

    [[nodiscard]] KeyedOperand apply(Cpu& c, Address a) const
    {
        return { space_valid() ? space() : c.psw_fields().space(), key_valid() ? key() : c.psw_fields().key(), a };
    }
};

void check_authority(Cpu& c, const OperandAccessControl& control_1, const KeyedOperand& operand_1, const KeyedOperand& operand_2)
{
    require_dat(c);
    if (control_1.space_valid() && control_1.space() == AddressSpaceControl::home && c.problem_state())
        c.program(ProgramCode::special_operation);
    if (operand_1.space == AddressSpaceControl::secondary || operand_2.space == AddressSpaceControl::secondary)
        require_secondary_space_control(c);
    require_key_authority(c, operand_1.key);
    require_key_authority(c, operand_2.key);
}

constexpr auto mvcos = [](Cpu& c, Storage first, Storage second, Gr r3) {
    OperandAccessControl control_1 { static_cast<u16>(c.w(0) >> 16) };
    OperandAccessControl control_2 { static_cast<u16>(c.w(0)) };
    KeyedOperand operand_1 = control_1.apply(c, c.ea(first));
    KeyedOperand operand_2 = control_2.apply(c, c.ea(second));
    check_authority(c, control_1, operand_1, operand_2);
    u8 code = 0;
    u64 length = length_and_code(true_length(c, r3), most_moved, code);
    move(c, operand_1, operand_2, length);
    c.cc(code);
};

// ---- MOVE TO PRIMARY, MOVE TO SECONDARY, MOVE WITH KEY -----------------------------------------------------

constexpr u64 most_of_register_length = 256;

void move_between(Cpu& c, StorageLength first, AddressSpaceControl space_1, u8 key_1, Storage second, AddressSpaceControl space_2, u8 key_2)
{
    u8 code = 0;
    u64 length = length_and_code(true_length(c, first.length), most_of_register_length, code);
    move(c, { space_1, key_1, c.ea(first) }, { space_2, key_2, c.ea(second) }, length);
    c.cc(code);
}

/// Special-operation unless DAT is on in the primary- or secondary-space mode with the secondary-space control one.
void require_two_spaces(Cpu& c)
{
    require_dat(c);
    require_secondary_space_control(c);
    auto space = c.psw_fields().space();
    if (space == AddressSpaceControl::access_register || space == AddressSpaceControl::home)
        c.program(ProgramCode::special_operation);
}

constexpr auto mvcp = [](Cpu& c, StorageLength first, Storage second, Gr r3) {
    require_two_spaces(c);
    u8 key = key_field(c.g(r3));
    require_key_authority(c, key);
    move_between(c, first, AddressSpaceControl::primary, c.psw_fields().key(), second, AddressSpaceControl::secondary, key);
};

constexpr auto mvcs = [](Cpu& c, StorageLength first, Storage second, Gr r3) {
    require_two_spaces(c);
    u8 key = key_field(c.g(r3));
    require_key_authority(c, key);
    move_between(c, first, AddressSpaceControl::secondary, key, second, AddressSpaceControl::primary, c.psw_fields().key());
};

constexpr auto mvck = [](Cpu& c, StorageLength first, Storage second, Gr r3) {
    u8 key = key_field(c.g(r3));
    require_key_authority(c, key);
    auto space = c.psw_fields().space();
    move_between(c, first, space, c.psw_fields().key(), second, space, key);
};

// ---- MOVE WITH SOURCE KEY, MOVE WITH DESTINATION KEY -------------------------------------------------------

/// Bits 56-63 of register 0 are the length less one.
[[nodiscard]] u64 length_in_register_0(const Cpu& c)
{
    return bits<56, 63>(c.g(0)) + 1;
}

constexpr auto mvcsk = [](Cpu& c, Storage first, Storage second) {
    u8 key = key_field(c.g(1));
    require_key_authority(c, key);
    auto space = c.psw_fields().space();
    move(c, { space, c.psw_fields().key(), c.ea(first) }, { space, key, c.ea(second) }, length_in_register_0(c));
};

constexpr auto mvcdk = [](Cpu& c, Storage first, Storage second) {
    u8 key = key_field(c.g(1));
    require_key_authority(c, key);
    auto space = c.psw_fields().space();
    move(c, { space, key, c.ea(first) }, { space, c.psw_fields().key(), c.ea(second) }, length_in_register_0(c));
};

constexpr Row rows[] = {
    insn("MVCOS", 0xC80, SSF, Facility::move_with_optional_specifications, problem, mvcos, "0(1),0(2),3 | r1=100 r2=200 r3=4 -> pgm=13"),
    insn("MVCP", 0xDA, SS_d, base, problem, mvcp, "0(4,1),0(2),3 | r1=100 r2=200 -> pgm=13"),
    insn("MVCS", 0xDB, SS_d, base, problem, mvcs, "0(4,1),0(2),3 | r1=100 r2=200 -> pgm=13"),
    insn("MVCK", 0xD9, SS_d, base, problem, mvck, "0(4,1),0(2),3 | r1=100 r2=200 r4=2 m200=112233 m100=000000 cc=3 -> m100=112200 cc=0",
        "0(4,1),0(2),3 | r1=5ff0 r2=6ff0 r4=101 m6ff8=11223344 m5ff8=00000000 -> m5ff8=11223344 cc=3", "0(4,1),0(2),3 | problem=1 -> pgm=2",
        "0(4,1),0(2),3 | r1=100 r2=100000 r4=1 -> pgm=5"),
    insn("MVCSK", 0xE50E, SSE, base, problem, mvcsk, "0(3),0(2) | r0=1 r3=100 r2=200 m200=112233 m100=000000 -> m100=112200",
        "0(3),0(2) | problem=1 -> pgm=2"),
    insn("MVCDK", 0xE50F, SSE, base, problem, mvcdk, "0(3),0(2) | r0=1 r3=100 r2=200 m200=112233 m100=000000 -> m100=112200",
        "0(3),0(2) | problem=1 -> pgm=2"),
};

} // namespace

extern constexpr Group control_address_spaces { rows };

} // namespace zvisor::isa
