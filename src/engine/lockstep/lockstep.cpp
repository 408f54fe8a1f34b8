#include "engine/lockstep/lockstep.h"

#include "isa/text.h"

#include <algorithm>
#include <fmt/format.h>
#include <string_view>

namespace zvisor {

namespace {

/// Privileged instructions that act on the CPU and storage alone.
constexpr std::string_view repeatable[] = { "LPSW", "LPSWE", "SSM", "STNSM", "STOSM", "LCTL", "LCTLG", "STCTL", "STCTG", "STAP", "STIDP",
    "LRA", "LRAG", "LRAY", "LURA", "LURAG", "STURA", "STURG", "TPROT", "PTLB" };
/// Others that do more: they use tables in storage without a translation.
constexpr std::string_view unrepeatable[] = { "BAKR", "PR", "PC", "PT", "PTI", "MSTA", "TRAP2", "TRAP4", "PLO" };

[[nodiscard]] bool is_in(std::span<const std::string_view> names, const isa::Row& row)
{
    return std::ranges::find(names, std::string_view(row.mnemonic)) != names.end();
}

/// Whether executing an instruction twice is not the same as executing it once.
[[nodiscard]] bool is_once_only(const isa::Row& row)
{
    if (row.has(isa::RowFlag::volatile_result))
        return true;
    return row.has(isa::RowFlag::privileged) ? !is_in(repeatable, row) : is_in(unrepeatable, row);
}

/// Thrown out of the interpreter by EXECUTE of such an instruction.
struct OnceOnly { };

} // namespace

Lockstep::Lockstep(AbsoluteStorage& storage)
    : m_translator(storage)
    , m_interpreter(storage, &m_way)
{
    m_translator.set_patience(0);
    m_translator.set_path_patience(10);
    for (const isa::Row* row : isa::all_rows())
        if (is_once_only(*row))
            m_way.once_only_rows.insert(row);
}

Lockstep::~Lockstep()
{
    fmt::print(stderr,
        "lockstep: {} blocks of {} instructions compared, {} blocks of {} instructions skipped, {} compared again, 0 differences\n",
        m_tally.blocks, m_tally.instructions, m_tally.skipped, m_tally.skipped_instructions, m_tally.unsteady);
}

bool Lockstep::Way::before_instruction(Cpu&, u64 address, u64 bits, const isa::Row* row)
{
    once_only = once_only || once_only_rows.contains(row);
    if (!once_only)
        instructions.push_back({ address, bits });
    return !once_only;
}

void Lockstep::run(Cpu& cpu)
{
    m_cpu = &cpu;
    cpu.set_store_watcher(&m_stores);
    for (;;) {
        if (cpu.pending() && !cpu.handle_pending())
            break;
        execute_block(cpu);
    }
    cpu.set_store_watcher(nullptr);
}

void Lockstep::execute_block(Cpu& cpu)
{
    constexpr unsigned tries = 3;
    ComparedState before(cpu);
    Verdict verdict = Verdict::different;
    for (unsigned i = 0; i < tries && verdict == Verdict::different; ++i) {
        if (i != 0) {
            m_stores.undo(cpu);
            before.restore(cpu);
            ++m_tally.unsteady;
        }
        verdict = compare(cpu, before);
    }
    if (verdict == Verdict::different)
        report(before);
    u64 instructions = cpu.retired - before.retired;
    bool skipped = verdict == Verdict::skipped;
    ++(skipped ? m_tally.skipped : m_tally.blocks);
    (skipped ? m_tally.skipped_instructions : m_tally.instructions) += instructions;
}

Lockstep::Verdict Lockstep::compare(Cpu& cpu, const ComparedState& before)
{
    m_stores.begin(cpu);
    // Loops within translated code are left when there is something to look at.
    cpu.notify(Pending::request);
    m_translator.execute_unlinked(cpu);
    ComparedState translated(cpu);
    // An invalid PSW is noted where it cannot be taken back; program-event recording is the interpreter's.
    if (!translated.psw.is_valid() || translated.prefix != before.prefix || translated.psw.per() || before.psw.per())
        return Verdict::skipped;
    m_stores.keep_and_undo(cpu);
    before.restore(cpu);
    interpret(cpu, translated);
    if (m_way.once_only) {
        m_stores.redo(cpu);
        translated.restore(cpu);
        cpu.purge_all(); // what the interpreter filled in would not record references that the instruction reset
        return Verdict::skipped;
    }
    m_differences = translated.differences(ComparedState(cpu)) + m_stores.differences(cpu);
    return m_differences.empty() ? Verdict::equal : Verdict::different;
}

/// Executes as many instructions and interruptions as there were `until` a state.
void Lockstep::interpret(Cpu& cpu, const ComparedState& until)
{
    m_way.instructions.clear();
    m_way.once_only = false;
    m_interpreting = true;
    cpu.set_careful(true);
    u64 most_steps = until.retired - cpu.retired + 2;
    for (u64 steps = 0; steps < most_steps && !m_way.once_only; ++steps) {
        if (cpu.retired >= until.retired && ComparedState(cpu).interruptions_taken() >= until.interruptions_taken())
            break;
        step(cpu);
    }
    cpu.set_careful(false);
    m_interpreting = false;
}

void Lockstep::step(Cpu& cpu)
{
    u64 retired = cpu.retired;
    try {
        m_interpreter.execute_block(cpu);
    } catch (const ProgramInterruption& interruption) {
        cpu.retired = retired;
        m_interpreter.interrupt(cpu, interruption);
    } catch (const OnceOnly&) {
        m_way.once_only = true;
    }
}

void Lockstep::report(const ComparedState& before) const
{
    std::string text = fmt::format(
        "lockstep: interpreter and translator differ in the block at {:x}, PSW mask {:016x}\n", before.psw.address, before.psw.mask);
    for (const auto& [address, bits] : m_way.instructions) {
        const isa::Row* row = isa::find_row(bits);
        text += fmt::format("  {:x}: {:012x} {} {}\n", address, bits >> 16, row ? row->mnemonic : "?",
            row ? isa::print_operands(*row, bits, address, false) : "");
    }
    for (unsigned r = 0; r < 16; ++r)
        text += fmt::format("{}r{}={:x}", r == 0 ? "  before: " : " ", r, before.gr[r]);
    fmt::print(stderr, "{}\n{}", text, m_differences);
    std::fflush(stderr);
    std::_Exit(1);
}

void Lockstep::execute_target(Cpu& cpu, u64 bits, u64 address)
{
    if (!m_interpreting)
        return m_translator.execute_target(cpu, bits, address);
    if (m_way.once_only_rows.contains(isa::find_row(bits)))
        throw OnceOnly {};
    m_interpreter.execute_target(cpu, bits, address);
}

void Lockstep::code_stored(u64 absolute_address, u64 length)
{
    m_translator.code_stored(absolute_address, length);
    m_interpreter.code_stored(absolute_address, length);
}

void Lockstep::forget_all()
{
    m_translator.forget_all();
    m_interpreter.forget_all();
}

} // namespace zvisor
