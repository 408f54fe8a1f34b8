// Explicit tracing and TRAP (PoP ch. 10, TRACE, TRAP; ch. 4, "Tracing").

#include "isa/control/asn.h"

#include <algorithm>
#include <span>

namespace zvisor::isa {

namespace {

constexpr u64 trace_entry_address = bit_mask<2, 61>;
constexpr u64 explicit_trace_control = bit_mask<63>;

struct TraceHeader {
    Be<u64> format_and_clock;
    Be<u32> clock_low;
    Be<u32> operand;
};

/// Real address of the entry that tracing forms next, which has `length` bytes at most.
[[nodiscard]] u64 trace_entry(Cpu& c, u64 length)
{
    u64 at = c.cr[12] & trace_entry_address;
    if (is_low_address_protected(c, at))
        throw ProgramInterruption { .code = ProgramCode::protection, .translation_exception = at & page_mask };
    (void)available_real(c, at);
    if (at % page_size + length >= page_size)
        c.program(trace_table_exception);
    return at;
}

/// The operand of TRACE, or nothing when tracing is off or the operand says so.
[[nodiscard]] std::optional<u32> trace_operand(Cpu& c, Storage operand)
{
    auto a = c.ea(operand);
    c.require_aligned(a.at, 4);
    if (!(c.cr[12] & explicit_trace_control))
        return {};
    u32 word = c.load32(a);
    if (word & 0x80000000)
        return {};
    return word;
}

template<class Entry>
void form_entry(Cpu& c, u64 at, const Entry& entry, u64 length)
{
    serialize();
    u64 absolute = c.real_to_absolute(at);
    auto bytes = std::as_bytes(std::span { &entry, 1 }).first(length);
    if (!c.storage().write(absolute, bytes))
        c.program(ProgramCode::addressing);
    c.cr[12] = (c.cr[12] & ~trace_entry_address) | ((at + length) & trace_entry_address);
    serialize();
}

constexpr auto trace = [](Cpu& c, Gr r1, Gr r3, Storage operand) {
    struct Entry {
        Be<u64> format_and_clock;
        Be<u32> operand;
        std::array<Be<u32>, 16> registers;
    };
    auto word = trace_operand(c, operand);
    if (!word)
        return;
    u64 at = trace_entry(c, sizeof(Entry));
    u64 last = (r3 - r1) & 15u;
    Entry entry {};
    entry.format_and_clock = (0x70 | last) << 56 | bits<16, 63>(c.tod());
    entry.operand = *word;
    for (unsigned i = 0; i <= last; ++i)
        entry.registers[i] = c.w((r1 + i) & 15);
    form_entry(c, at, entry, 12 + (last + 1) * 4);
};

/// The clock has 16 more bits than TRACE's: TOD bits 0-79 after a byte of format and one of kind.
constexpr auto tracg = [](Cpu& c, Gr r1, Gr r3, Storage operand) {
    struct Entry {
        TraceHeader header;
        std::array<Be<u64>, 16> registers;
    };
    auto word = trace_operand(c, operand);
    if (!word)
        return;
    u64 at = trace_entry(c, sizeof(Entry));
    u64 last = (r3 - r1) & 15u;
    u64 clock = c.tod();
    Entry entry {};
    entry.header.format_and_clock = (0x70 | last) << 56 | u64 { 0x80 } << 48 | clock >> 16;
    entry.header.clock_low = static_cast<u32>(clock << 16);
    entry.header.operand = *word;
    for (unsigned i = 0; i <= last; ++i)
        entry.registers[i] = c.g((r1 + i) & 15);
    form_entry(c, at, entry, sizeof(TraceHeader) + (last + 1) * 8);
};

// ---- TRAP --------------------------------------------------------------------------------------------------

/// What TRAP stores in the trap save area.
struct TrapSaveArea {
    Be<u32> flags;
    Be<u32> reserved;
    Be<u32> operand;
    Be<u32> access_register_15;
    Be<u64> psw_mask;
    Be<u64> psw_address;
    std::array<u8, 128> registers;
};

/// The trap control block, in the home space like the save area: flags, save-area address, program address.
struct TrapControl {
    u32 address;
    u32 flags;
    u32 save_area;
    u32 program;

    [[nodiscard]] bool wide_psw() const { return flags & 0x00040000; }
    [[nodiscard]] bool wide_registers() const { return flags & 0x00020000; }
};

[[nodiscard]] u8* home_view(Cpu& c, u64 address, Access access)
{
    constexpr u8 home = 3;
    Space& space = c.space_of(c.asce_of(AddressSpaceControl::home), c.psw_fields().key());
    return c.host_view_in(space, address, access, home);
}

[[nodiscard]] u32 home_word(Cpu& c, u32 address)
{
    return load_be<u32>(home_view(c, address, Access::fetch));
}

[[nodiscard]] TrapControl read_trap_control(Cpu& c)
{
    auto space = c.psw_fields().space();
    if (!c.psw_fields().dat() || space == AddressSpaceControl::secondary || space == AddressSpaceControl::home)
        c.program(ProgramCode::special_operation);
    u32 designation = read_duct(c).word[11];
    if (!(designation & 1))
        c.program(ProgramCode::special_operation);
    u32 at = designation & 0x7ffffff8;
    TrapControl control { at, home_word(c, at), home_word(c, at + 12) & 0x7ffffff8, home_word(c, at + 20) & 0x7fffffff };
    if (!control.wide_psw() && c.psw_fields().addressing_mode() == 64)
        c.program(ProgramCode::special_operation);
    return control;
}

[[nodiscard]] TrapSaveArea trap_state(Cpu& c, const TrapControl& control, u32 kind, u32 operand)
{
    TrapSaveArea area {};
    area.flags = u32 { c.op->length } << 16 | kind;
    area.operand = operand;
    area.access_register_15 = c.a(15);
    Psw psw = c.psw();
    psw.address = c.next_address();
    area.psw_mask = control.wide_psw() ? psw.mask : with_bits<33, 63>(psw.mask | Psw::short_form_bit, psw.address);
    area.psw_address = control.wide_psw() ? psw.address : 0;
    for (unsigned r = 0; r < 16; ++r) {
        if (control.wide_registers())
            store_be<u64>(area.registers.data() + r * 8, c.gr[r]);
        else
            store_be<u32>(area.registers.data() + r * 4, static_cast<u32>(c.gr[r]));
    }
    return area;
}

void store_home(Cpu& c, u64 address, const u8* from, u64 length)
{
    for (u64 at = address & page_mask; at < address + length; at += page_size)
        (void)home_view(c, std::max(at, address), Access::store);
    for (u64 done = 0; done < length;) {
        u64 part = std::min(length - done, page_size - (address + done) % page_size);
        u8* host = home_view(c, address + done, Access::store);
        std::memcpy(host, from + done, part);
        c.stored(host, part);
        done += part;
    }
}

void trap(Cpu& c, u32 kind, u32 operand)
{
    TrapControl control = read_trap_control(c);
    TrapSaveArea area = trap_state(c, control, kind, operand);
    u64 length = control.wide_registers() ? sizeof area : sizeof area - 64;
    store_home(c, control.save_area, reinterpret_cast<const u8*>(&area), length);
    c.put_address(15, control.address);
    Psw psw = c.psw();
    c.set_psw_mask(with_bits<16, 17>(psw.mask, 0));
    enter_program(c, control.program, 31, c.problem_state());
}

constexpr auto trap2 = [](Cpu& c) { trap(c, 0, 0); };
constexpr auto trap4 = [](Cpu& c, Storage operand) {
    constexpr u32 is_trap4 = 0x40000000;
    trap(c, is_trap4, static_cast<u32>(c.ea(operand).at & 0x7fffffff));
};

constexpr Row rows[] = {
    insn("TRACE", 0x99, RS, base, privileged | volatile_result, trace, "2,3,0(1) | r1=100 c12=5000 ->", "2,3,2(1) | r1=100 -> pgm=6",
        "2,3,0(1) | r1=100 m100=80000000 c12=5001 ->",
        "2,3,0(1) | r1=100 r2=11223344 r3=55667788 m100=12345678 c12=5001 -> m5008=123456781122334455667788 c12=5015"),
    insn("TRACG", 0xEB0F, RSY, base, privileged | volatile_result, tracg, "2,3,0(1) | r1=100 c12=5000 ->",
        "2,2,0(1) | r1=100 r2=1122334455667788 m100=12345678 c12=5001 -> m500c=123456781122334455667788 c12=5019",
        "2,2,0(1) | r1=100 c12=5f71 -> pgm=16"),
    insn("TRAP2", 0x01FF, E, base, context, trap2, "| -> pgm=13"),
    insn("TRAP4", 0xB2FF, S, base, context, trap4, "0(0) | -> pgm=13"),
};

} // namespace

extern constexpr Group control_trace { rows };

} // namespace zvisor::isa
