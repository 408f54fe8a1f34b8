#include "program_maker.h"

#include "base/big_endian.h"
#include "isa/text.h"

#include <algorithm>
#include <fmt/format.h>
#include <ranges>
#include <string_view>

namespace zvisor::engines {

namespace {

using isa::OperandInfo;
using isa::OperandKind;
using isa::Row;
using isa::RowFlag;

/// Executed by handlers in the middle of what is recorded, and found in every real program.
constexpr std::string_view frequent[]
    = { "LMG", "STMG", "LM", "STM", "MVC", "CLC", "XC", "OC", "IPM", "MLGR", "DLGR", "CSG", "NI", "SLA", "LAM", "EX", "EXRL", "LTDBR" };
/// What the condition code, or a register, decides.
constexpr std::string_view conditional[] = { "BRC", "LOCGR", "LOCHI", "SELGR", "IPM" };
/// Of strings in the data that end with the character in general register 0.
constexpr std::string_view strings[] = { "CLST", "MVST", "SRST" };
/// What changes how the instructions behind it are executed or translated.
constexpr std::string_view system_rows[]
    = { "LCTLG", "SAC", "SACF", "SAM24", "SAM31", "SAM64", "SPKA", "IPK", "EPSW", "MVCOS", "MVCP", "MVCS", "MVCK", "SPM" };
/// Orders to CPUs and clocks.
constexpr std::string_view excluded[] = { "SIGP", "SCK", "SPT", "SCKPF", "STPT", "STCKC", "SCKC", "DIAG", "SERVC" };

/// SUPERVISOR CALL with a number that ends the program.
constexpr u16 end_of_program = 0x0aff;
/// Wherever a branch over the end goes.
constexpr unsigned ends_behind = 32;

[[nodiscard]] bool is_in(std::span<const std::string_view> names, const Row& row)
{
    return std::ranges::find(names, std::string_view(row.mnemonic)) != names.end();
}

void put(u64& bits, unsigned at, unsigned width, u64 value)
{
    u64 mask = ((u64 { 1 } << width) - 1) << (64 - at - width);
    bits = (bits & ~mask) | (value << (64 - at - width) & mask);
}

/// The bits of a format that are the opcode's.
[[nodiscard]] u64 opcode_mask(isa::OpcodePlace place)
{
    constexpr u64 first_byte = 0xff00000000000000;
    switch (place) {
    case isa::OpcodePlace::byte:
        return first_byte;
    case isa::OpcodePlace::nibble:
        return first_byte | 0x000f000000000000;
    case isa::OpcodePlace::second_byte:
        return first_byte | 0x00ff000000000000;
    case isa::OpcodePlace::last_byte:
        return first_byte | 0x0000000000ff0000;
    }
    return first_byte;
}

[[nodiscard]] u64 general_register(Random& random, const Row& row, bool pair)
{
    // Branches to a register go into the program.
    if (row.has(RowFlag::branch) && random.below(4) != 0 && !pair)
        return random.below(2) ? unsigned { Reserved::code } : random.below(9);
    if (is_in(strings, row) && random.below(8))
        return Reserved::first_data + random.below(3);
    u64 number = random.below(16);
    bool reserved = number >= Reserved::loop_counter && number <= Reserved::inner_counter;
    if (reserved && random.below(12) != 0)
        number &= 7;
    return pair && random.below(24) ? number & 14 : number;
}

[[nodiscard]] u64 relative_offset(Random& random, const Row& row)
{
    if (row.has(RowFlag::branch))
        return random.below(8) == 0 ? ~u64 { 0 } - random.below(24) : 2 + random.below(20);
    return random.below(8) == 0 ? random.below(512) : 2 + random.below(30);
}

[[nodiscard]] u64 base_register(Random& random, const Row& row)
{
    if (random.below(24) == 0)
        return random.below(16);
    if (row.has(RowFlag::branch) && random.below(4) != 0)
        return Reserved::code;
    if (random.below(24) == 0)
        return 0;
    return random.below(32) == 0 ? u64 { Reserved::code } : u64 { Reserved::first_data } + random.below(3);
}

/// The counter of a loop goes through storage.
[[nodiscard]] u64 index_register(Random& random)
{
    u32 kind = random.below(8);
    return kind == 0 ? random.below(16) : kind == 1 ? u64 { Reserved::loop_counter } : 0;
}

void put_storage(Random& random, const Row& row, const OperandInfo& operand, u64& bits)
{
    put(bits, operand.base, 4, base_register(random, row));
    bool in_code = row.has(RowFlag::branch);
    put(bits, operand.base + 4U, 12, in_code ? random.below(48) * 2 : random.below(3) ? random.below(128) * 8 : random.below(4096));
    if (operand.long_displacement)
        put(bits, 32, 8, random.below(10) ? 0 : 0xff);
    if (operand.kind == OperandKind::base_index)
        put(bits, operand.at, operand.width, index_register(random));
    if (operand.kind == OperandKind::base_length)
        put(bits, operand.at, operand.width, random.below(3) ? random.below(16) : random.next());
    if (operand.kind == OperandKind::base_register_length)
        put(bits, operand.at, 4, random.below(16));
}

/// Modifiers are often zero.
[[nodiscard]] u64 mask(Random& random, const Row& row)
{
    if (row.has(RowFlag::vector) && random.below(8))
        return random.below(5);
    return row.has(RowFlag::branch) || random.below(2) ? random.next() : random.below(2) * random.below(4);
}

void put_operand(Random& random, const Row& row, const OperandInfo& operand, u64& bits)
{
    switch (operand.kind) {
    case OperandKind::gr:
    case OperandKind::gr_pair:
        return put(bits, operand.at, 4, general_register(random, row, operand.kind == OperandKind::gr_pair));
    case OperandKind::fr_pair:
        return put(bits, operand.at, 4, random.below(16) & (random.below(24) ? 13 : 15));
    case OperandKind::vr:
        put(bits, operand.at, 4, random.next());
        return put(bits, 36U + operand.rxb, 1, random.below(2));
    case OperandKind::mask:
        return put(bits, operand.at, operand.width, mask(random, row));
    case OperandKind::relative:
        return put(bits, operand.at, operand.width, relative_offset(random, row));
    case OperandKind::base_vector_index:
        put(bits, operand.at, 4, random.next());
        [[fallthrough]];
    case OperandKind::base_displacement:
    case OperandKind::base_index:
    case OperandKind::base_length:
    case OperandKind::base_register_length:
        return put_storage(random, row, operand, bits);
    default:
        return put(bits, operand.at, operand.width, random.next());
    }
}

/// Lets the two storage operands of an SS instruction overlap.
void bring_together(Random& random, u64& bits)
{
    put(bits, 32, 16, (bits >> 32 & 0xffff) + random.below(9) - 4);
    if (random.below(2))
        put(bits, 8, 8, random.below(20));
}

[[nodiscard]] u64 instruction(Random& random, const Row& row)
{
    // Bits of no operand are mostly zero.
    u64 bits = random.below(4) ? 0 : random.next() & ~u64 { 0xffff };
    for (const auto& operand : row.format->operands)
        put_operand(random, row, operand, bits);
    if (row.format->length == 6 && row.format->place == isa::OpcodePlace::byte && random.below(3) == 0)
        bring_together(random, bits);
    return (bits & ~opcode_mask(row.format->place)) | isa::opcode_bits(row);
}

void append(std::vector<u8>& out, u64 bits, unsigned length)
{
    for (unsigned at = 0; at < length; ++at)
        out.push_back(static_cast<u8>(bits >> (56 - 8 * at)));
}

/// LGHI: the translator knows the value.
void append_constant(std::vector<u8>& out, unsigned r1, u64 value)
{
    append(out, u64 { 0xa7090000 | r1 << 20 | (value & 0xffff) } << 32, 4);
}

/// A counted loop over some of a program's instructions.
struct Loop {
    unsigned first { 0 };
    unsigned last { 0 };
    u32 rounds { 1 };
    unsigned counter { Reserved::loop_counter };
    /// Where it begins in the program.
    std::size_t at { 0 };
};

/// Instructions that a program's loops may execute, so that most of them end.
constexpr u32 most_in_loops = 8000;

[[nodiscard]] u32 some_rounds(Random& random)
{
    switch (random.below(4)) {
    case 0:
        return 1 + random.below(20);
    case 1:
        return 100 + random.below(900);
    default:
        return 1 + random.below(250);
    }
}

/// None, one, or one with another in it.
[[nodiscard]] std::vector<Loop> some_loops(Random& random, unsigned count)
{
    if (random.below(4) == 0)
        return {};
    Loop outer { .first = random.below(count) };
    outer.last = std::min(outer.first + random.below(16), count - 1);
    u32 length = outer.last - outer.first + 2;
    outer.rounds = std::min(some_rounds(random), most_in_loops / length);
    if (random.below(4))
        return { outer };
    Loop inner { .first = outer.first + random.below(length - 1), .rounds = 1 + random.below(20), .counter = Reserved::inner_counter };
    inner.last = inner.first + random.below(outer.last - inner.first + 1);
    outer.rounds = std::min(outer.rounds, std::max(most_in_loops / (length * inner.rounds), 1U));
    return { outer, inner };
}

void begin_loop(std::vector<u8>& out, Loop& loop)
{
    append_constant(out, loop.counter, loop.rounds);
    loop.at = out.size();
}

/// BRCTG or BRCT on the counter, back to the beginning.
void end_loop(Random& random, std::vector<u8>& out, const Loop& loop)
{
    u32 opcode = random.below(4) ? 0xa7070000 : 0xa7060000;
    auto back = static_cast<u16>((static_cast<i64>(loop.at) - static_cast<i64>(out.size())) / 2);
    append(out, u64 { opcode | loop.counter << 20 | back } << 32, 4);
}

/// BCR, BC and BRCL that never branch, as they stand for what was taken out.
[[nodiscard]] bool is_no_operation(u64 bits)
{
    return bits >> 48 == 0x0707 || bits >> 32 == 0x47000000 || bits >> 16 == 0xc00400000000;
}

[[nodiscard]] bool has_number(const Row& row)
{
    return std::ranges::any_of(row.format->operands,
        [](const OperandInfo& operand) { return operand.kind == OperandKind::fr || operand.kind == OperandKind::vr; });
}

} // namespace

ProgramMaker::ProgramMaker()
{
    for (const Row* row : isa::all_rows()) {
        if (row->has(RowFlag::volatile_result) || is_in(excluded, *row))
            continue;
        if (is_in(system_rows, *row) || row->has(RowFlag::privileged))
            m_system.push_back(row);
        if (row->has(RowFlag::privileged))
            continue;
        if (is_in(frequent, *row))
            m_frequent.push_back(row);
        if (is_in(strings, *row))
            m_strings.push_back(row);
        if (is_in(conditional, *row))
            m_conditional.push_back(row);
        if (row->record && has_number(*row))
            m_numbers.push_back(row);
        if (row->record)
            m_recorded.push_back(row);
        else if (row->has(RowFlag::vector))
            m_vector.push_back(row);
        else
            m_others.push_back(row);
    }
}

const Row& ProgramMaker::choose(Random& random, const Theme& theme) const
{
    struct Share {
        const Rows& rows;
        u32 percent;
    };
    const Share shares[] { { m_system, theme.system ? 12U : 0U }, { m_numbers, theme.numbers ? 60U : 0U }, { m_conditional, 6 },
        { m_strings, 3 }, { m_frequent, 14 }, { m_others, 8 }, { m_vector, 8 } };
    u32 kind = random.below(100);
    for (const Share& share : shares) {
        if (kind < share.percent)
            return *share.rows[random.below(static_cast<u32>(share.rows.size()))];
        kind -= share.percent;
    }
    return *m_recorded[random.below(static_cast<u32>(m_recorded.size()))];
}

void ProgramMaker::append_chosen(Random& random, std::vector<u8>& out, const Theme& theme) const
{
    if (random.below(8) == 0)
        append_constant(out, random.below(9), random.below(4) ? random.below(3) - 1U : random.next());
    const Row& row = choose(random, theme);
    if (is_in(strings, row) && random.below(8))
        append_constant(out, 0, random.below(260));
    append(out, instruction(random, row), row.format->length);
}

std::vector<u8> ProgramMaker::make(Random& random, bool system) const
{
    std::vector<u8> out;
    Theme theme { .system = system, .numbers = random.below(4) == 0 };
    unsigned count = 1 + random.below(40);
    std::vector<Loop> loops = some_loops(random, count);
    for (unsigned i = 0; i < count; ++i) {
        for (Loop& loop : loops)
            if (loop.first == i)
                begin_loop(out, loop);
        append_chosen(random, out, theme);
        for (const Loop& loop : loops | std::views::reverse)
            if (loop.last == i)
                end_loop(random, out, loop);
    }
    for (unsigned i = 0; i < ends_behind; ++i)
        append(out, u64 { end_of_program } << 48, 2);
    return out;
}

std::string listing(const std::vector<u8>& program, u64 address)
{
    std::string out;
    for (std::size_t at = 0; at + 8 <= program.size();) {
        u64 bits = load_be<u64>(program.data() + at);
        if (bits >> 48 == end_of_program)
            break;
        const Row* row = isa::find_row(bits);
        u8 length = isa::instruction_length(static_cast<u8>(bits >> 56));
        if (!is_no_operation(bits))
            out += fmt::format("  {:x}: {:0{}x} {} {}\n", address + at, bits >> (64 - 8 * length), 2 * length, row ? row->mnemonic : "?",
                row ? isa::print_operands(*row, bits, address + at, false) : "");
        at += length;
    }
    return out;
}

} // namespace zvisor::engines
