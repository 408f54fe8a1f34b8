// PROGRAM CALL (PoP ch. 10; ch. 5, "PC-Number Translation").

#include "isa/control/linkage_stack.h"

namespace zvisor::isa {

namespace {

/// The PC number of an operand address: what indexes the tables, and what an exception identifies.
struct PcNumber {
    u32 number;
    u32 identification;
    bool has_first_index;
};

[[nodiscard]] PcNumber pc_number(const Cpu& c, u64 address)
{
    constexpr u32 twenty_bits = 0xfffff;
    constexpr u32 first_index_given = 0x80000;
    auto low = static_cast<u32>(address);
    if (!reuse_enabled(c) || !(low & first_index_given))
        return { low & twenty_bits, low & twenty_bits, false };
    return { (low & 0xfff00000) >> 1 | (low & 0x7ffff), low, true };
}

/// Where an entry table is, and how many groups of four entries it has besides the first.
struct EntryTable {
    u32 origin;
    u32 length;

    explicit EntryTable(u32 entry)
        : origin(entry & 0x7fffffc0)
        , length(entry & 0x3f)
    {
    }
};

constexpr u32 table_invalid = 0x80000000;

[[nodiscard]] EntryTable look_up_linkage(Cpu& c, u32 designation, const PcNumber& pc)
{
    u32 index = pc.number >> 8;
    if (index >> 5 > (designation & 0x7f))
        program_with_number(ProgramCode::lx_translation, pc.identification);
    u32 entry = read_real<Be<u32>>(c, (designation & 0x7fffff80) + index * 4u);
    if (entry & table_invalid)
        program_with_number(ProgramCode::lx_translation, pc.identification);
    return EntryTable { entry };
}

[[nodiscard]] EntryTable look_up_reusable_linkage(Cpu& c, u32 designation, const PcNumber& pc)
{
    u32 first_index = pc.number >> 13;
    if (pc.has_first_index && pc.number >> 19 > (designation & 0xff))
        program_with_number(lfx_translation, pc.identification);
    u32 first = read_real<Be<u32>>(c, (designation & 0x7fffff00) + first_index * 4u);
    if (first & table_invalid)
        program_with_number(lfx_translation, pc.identification);
    u64 second_at = (first & 0x7fffff00) + (pc.number >> 8 & 0x1f) * 8u;
    u64 second = read_real<Be<u64>>(c, second_at);
    if (c.hi(second) & table_invalid)
        program_with_number(lsx_translation, pc.identification);
    if (c.lo(second) != 0 && c.lo(second) != c.h(15))
        program_with_number(lste_sequence, pc.identification);
    return EntryTable { c.hi(second) };
}

/// Entry-table entry, read once.
struct Ete {
    std::array<Be<u32>, 8> word;

    [[nodiscard]] u64 wide_address() const { return u64 { word[0] } << 32 | (word[1] & 0xfffffffe); }
    [[nodiscard]] bool basic_mode() const { return word[1] & 0x80000000; }
    [[nodiscard]] u32 address() const { return word[1] & 0x7ffffffe; }
    [[nodiscard]] bool problem_state() const { return word[1] & 1; }
    [[nodiscard]] u16 authorization_key_mask() const { return static_cast<u16>(word[2] >> 16); }
    [[nodiscard]] u16 asn() const { return static_cast<u16>(word[2]); }
    [[nodiscard]] u16 entry_key_mask() const { return static_cast<u16>(word[3] >> 16); }
    [[nodiscard]] bool stacking() const { return word[4] & 0x80000000; }
    [[nodiscard]] bool extended_mode() const { return word[4] & 0x40000000; }
    [[nodiscard]] bool replaces_key() const { return word[4] & 0x10000000; }
    [[nodiscard]] bool replaces_key_mask() const { return word[4] & 0x08000000; }
    [[nodiscard]] bool replaces_index() const { return word[4] & 0x04000000; }
    [[nodiscard]] bool access_register_mode() const { return word[4] & 0x02000000; }
    [[nodiscard]] bool secondary_is_new() const { return word[4] & 0x01000000; }
    [[nodiscard]] u8 entry_key() const { return static_cast<u8>(word[4] >> 20 & 0xf); }
    [[nodiscard]] u16 entry_index() const { return static_cast<u16>(word[4]); }
    [[nodiscard]] u32 aste() const { return word[5]; }
    [[nodiscard]] u64 parameter() const { return u64 { word[6] } << 32 | word[7]; }

    [[nodiscard]] unsigned mode() const { return extended_mode() ? 64 : basic_mode() ? 31 : 24; }
    [[nodiscard]] u64 target() const { return extended_mode() ? wide_address() : address(); }
};

[[nodiscard]] Ete look_up_entry(Cpu& c, const PcNumber& pc)
{
    u32 designation = read_aste(c, static_cast<u32>(c.cr[5])).linkage();
    if (!(designation & 0x80000000))
        c.program(ProgramCode::special_operation);
    EntryTable table = reuse_enabled(c) ? look_up_reusable_linkage(c, designation, pc) : look_up_linkage(c, designation, pc);
    u32 index = pc.number & 0xff;
    if (index >> 2 > table.length)
        program_with_number(ProgramCode::ex_translation, pc.identification);
    return read_real<Ete>(c, table.origin + index * 32u);
}

void check_entry(Cpu& c, const Ete& entry)
{
    bool from_extended = c.psw_fields().addressing_mode() == 64;
    bool in_access_register_mode = c.psw_fields().space() == AddressSpaceControl::access_register;
    if (!entry.stacking() && (in_access_register_mode || entry.extended_mode() != from_extended))
        c.program(ProgramCode::special_operation);
    if (entry.mode() == 24 && entry.address() > 0xffffff)
        c.program(ProgramCode::pc_translation_specification);
    if (!(bits<32, 47>(c.cr[3]) & entry.authorization_key_mask()))
        c.require_supervisor();
}

/// The new primary space of a space-switching call.
[[nodiscard]] Aste called_space(Cpu& c, const Ete& entry)
{
    require_asn_translation(c);
    Aste aste = read_aste(c, entry.aste());
    if (aste.invalid())
        program_with_number(ProgramCode::asx_translation, entry.asn());
    return aste;
}

/// Basic linkage: registers 3 and 14 instead of the stack.
void link_in_registers(Cpu& c)
{
    c.w(3, static_cast<u32>(bits<32, 47>(c.cr[3]) << 16 | bits<48, 63>(c.cr[4])));
    c.put_link(14, c.next_address() | u64 { c.problem_state() });
}

void link_on_stack(Cpu& c, const Ete& entry, const PcNumber& pc, const Aste& aste)
{
    u32 instance = reuse_enabled(c) ? aste.instance() : aste.sequence();
    u32 called_space_identification = entry.asn() == 0 ? 0 : u32 { entry.asn() } << 16 | (instance & 0xffff);
    u32 number = pc.number | (entry.extended_mode() ? 0x80000000 : 0);
    Psw back = c.psw();
    back.address = c.next_address();
    StateEntry state = save_state(c, back);
    state.called = u64 { called_space_identification } << 32 | number;
    LinkageStack(c).push(state, EntryDescriptor::program_call_state);
}

void switch_spaces(Cpu& c, const Ete& entry, const Aste& aste, u64 asce)
{
    auto secondary_is_primary = [&c] {
        c.cr[3] = with_bits<48, 63>(c.cr[3], primary_asn(c));
        c.cr[7] = c.cr[1];
        if (reuse_enabled(c))
            c.cr[3] = with_bits<0, 31>(c.cr[3], c.hi(c.cr[4]));
    };
    secondary_is_primary();
    if (entry.asn() == 0)
        return;
    c.cr[4] = with_bits<32, 63>(c.cr[4], u64 { aste.authorization_index() } << 16 | entry.asn());
    if (reuse_enabled(c))
        c.cr[4] = with_bits<0, 31>(c.cr[4], aste.instance());
    c.cr[1] = asce;
    c.cr[5] = with_bits<32, 63>(c.cr[5], aste.origin);
    if (entry.stacking() && entry.secondary_is_new())
        secondary_is_primary();
}

/// What only a stacking call changes: key, extended authorization index, address-space control.
void enter_stacked(Cpu& c, const Ete& entry)
{
    u64 mask = c.psw_fields().mask;
    if (entry.replaces_key())
        mask = with_bits<8, 11>(mask, entry.entry_key());
    auto space = entry.access_register_mode() ? AddressSpaceControl::access_register : AddressSpaceControl::primary;
    c.set_psw_mask(with_bits<16, 17>(mask, static_cast<u64>(space)));
    if (entry.replaces_index())
        c.cr[8] = with_bits<32, 47>(c.cr[8], entry.entry_index());
}

constexpr auto pc = [](Cpu& c, Storage operand) {
    PcNumber number = pc_number(c, c.ea(operand).at);
    auto space = c.psw_fields().space();
    require_dat(c);
    if (space == AddressSpaceControl::secondary || space == AddressSpaceControl::home)
        c.program(ProgramCode::special_operation);
    serialize();
    Ete entry = look_up_entry(c, number);
    check_entry(c, entry);
    bool switches = entry.asn() != 0;
    Aste aste = switches ? called_space(c, entry) : Aste {};
    u64 asce = switches ? require_asce(c, aste) : c.cr[1];
    if (entry.stacking())
        link_on_stack(c, entry, number, aste);
    else
        link_in_registers(c);

    u64 old_asce = c.cr[1];
    u16 old_asn = primary_asn(c);
    u64 key_mask = entry.entry_key_mask();
    if (!(entry.stacking() && entry.replaces_key_mask()))
        key_mask |= bits<32, 47>(c.cr[3]);
    c.cr[3] = with_bits<32, 47>(c.cr[3], key_mask);
    switch_spaces(c, entry, aste, asce);
    if (entry.stacking())
        enter_stacked(c, entry);
    c.control_registers_changed();
    enter_program(c, entry.target(), entry.mode(), entry.problem_state());
    if (entry.extended_mode())
        c.g(4, entry.parameter());
    else
        c.w(4, c.lo(entry.parameter()));
    if (switches)
        space_switch_event(c, old_asce, old_asn);
};

constexpr Row rows[] = {
    insn("PC", 0xB218, S, base, context, pc, "0(0) | -> pgm=13"),
};

} // namespace

extern constexpr Group control_program_call { rows };

} // namespace zvisor::isa
