#include "difference.h"

#include "oracle_process.h"

#include "isa/text.h"

#include <csignal>
#include <cstring>
#include <fmt/format.h>

namespace zvisor::differential {

namespace {

// Codes of SIGILL and SIGFPE: <asm-generic/siginfo.h>.
constexpr u32 illegal_opcode = 1;
constexpr u32 illegal_operand = 2;
constexpr u32 integer_division = 1;
constexpr u32 integer_overflow = 2;

template<class Array>
[[nodiscard]] bool same(const Array& a, const Array& b)
{
    return std::memcmp(a, b, sizeof a) == 0;
}

[[nodiscard]] std::string hex(const u8* bytes, std::size_t size)
{
    std::string out;
    for (std::size_t i = 0; i < size; ++i)
        out += fmt::format("{:02x}", bytes[i]);
    return out;
}

[[nodiscard]] std::string signal_name(u32 signal, u32 code)
{
    if (signal == 0)
        return "completion";
    if (signal == OracleProcess::ended)
        return "end of the emulator";
    return fmt::format("{} code {}", sigabbrev_np(static_cast<int>(signal)), code);
}

/// Window bytes as m items, a run of 16-byte pieces each, where `wanted` says so.
template<class Wanted>
[[nodiscard]] std::string storage_items(const u8* window, Wanted wanted)
{
    std::string out;
    bool open = false;
    for (unsigned at = 0; at < window_size; at += 16) {
        bool take = wanted(at);
        if (take && !open)
            out += fmt::format(" m{:x}=", area_at + window_offset + at);
        if (take)
            out += hex(window + at, 16);
        open = take;
    }
    return out;
}

[[nodiscard]] std::string items(const State& state, const State& other, bool all)
{
    std::string out;
    for (unsigned r = 0; r < 16; ++r)
        if (all ? state.gr[r] != 0 : state.gr[r] != other.gr[r])
            out += fmt::format(" r{}={:x}", r, u64 { state.gr[r] });
    static constexpr u8 zero[16] {};
    for (unsigned r = 0; r < 32; ++r)
        if (std::memcmp(state.vr[r], all ? zero : other.vr[r], 16) != 0)
            out += fmt::format(" v{}={}", r, hex(state.vr[r], 16));
    for (unsigned r = 0; r < 16; ++r)
        if (all ? state.ar[r] != 0 : state.ar[r] != other.ar[r])
            out += fmt::format(" a{}={:x}", r, u32 { state.ar[r] });
    if (all ? state.fpc != 0 : state.fpc != other.fpc)
        out += fmt::format(" fpc={:x}", u32 { state.fpc });
    u32 cc = state.program_mask >> 28;
    u32 pm = state.program_mask >> 24 & 0xf;
    if (all ? cc != 0 : cc != other.program_mask >> 28)
        out += fmt::format(" cc={}", cc);
    if (all ? pm != 0 : pm != (other.program_mask >> 24 & 0xf))
        out += fmt::format(" pm={:x}", pm);
    return out
        + storage_items(state.window, [&](unsigned at) { return std::memcmp(state.window + at, all ? zero : other.window + at, 16) != 0; });
}

} // namespace

u32 signal_of(const End& end)
{
    auto code = [](int signal, u32 detail) { return static_cast<u32>(signal) << 8 | detail; };
    if (end.program_code == 0)
        return 0;
    switch (static_cast<ProgramCode>(end.program_code)) {
    case ProgramCode::operation:
    case ProgramCode::privileged_operation:
        return code(SIGILL, illegal_opcode);
    case ProgramCode::fixed_point_divide:
        return code(SIGFPE, integer_division);
    case ProgramCode::fixed_point_overflow:
        return code(SIGFPE, integer_overflow);
    case ProgramCode::protection:
    case ProgramCode::addressing:
    case ProgramCode::page_translation:
    case ProgramCode::segment_translation:
    case ProgramCode::asce_type:
    case ProgramCode::region_first_translation:
    case ProgramCode::region_second_translation:
    case ProgramCode::region_third_translation:
        return code(SIGSEGV, 0);
    case ProgramCode::data:
        if ((end.data_code & 0xf8) != 0)
            return code(SIGFPE, 0);
        return code(SIGILL, illegal_operand);
    default:
        return code(SIGILL, illegal_operand);
    }
}

std::vector<std::string> differences(const Trial& trial)
{
    std::vector<std::string> found;
    auto note = [&](bool differs, const char* name) {
        if (differs)
            found.emplace_back(name);
    };
    const State& ours = trial.ours.after;
    const State& theirs = trial.theirs.after;
    u32 expected = signal_of(trial.end);
    u32 signal = trial.theirs.signal;
    bool code_matters = (expected & 0xff) != 0;
    note(signal != expected >> 8 || (code_matters && trial.theirs.code != (expected & 0xff)), "signal");
    if (signal == OracleProcess::ended)
        return found;
    note(!same(ours.gr, theirs.gr), "gr");
    note(!same(ours.vr, theirs.vr), "vr");
    note(!same(ours.ar, theirs.ar), "ar");
    note(ours.fpc != theirs.fpc, "fpc");
    u32 changed = ours.program_mask ^ theirs.program_mask;
    note(changed >> 28 != 0, "cc");
    note((changed >> 24 & 0xf) != 0, "pm");
    note(trial.ours.branched != trial.theirs.branched, "branch");
    note(!same(ours.window, theirs.window), "storage");
    note(trial.ours.outside != trial.theirs.outside, "outside");
    return found;
}

std::string describe(const Trial& trial)
{
    std::string out;
    u32 expected = signal_of(trial.end);
    if (expected != 0 || trial.theirs.signal != 0)
        out += fmt::format(" end: ours pgm={:x} dxc={:x}, theirs {};", trial.end.program_code, trial.end.data_code,
            signal_name(trial.theirs.signal, trial.theirs.code));
    if (trial.theirs.signal == OracleProcess::ended)
        return out;
    if (trial.ours.branched != trial.theirs.branched)
        out += fmt::format(" branch: ours {}, theirs {};", u32 { trial.ours.branched }, u32 { trial.theirs.branched });
    if (trial.ours.outside != trial.theirs.outside)
        out += fmt::format(" outside: ours {:x}, theirs {:x};", u32 { trial.ours.outside }, u32 { trial.theirs.outside });
    auto mine = items(trial.ours.after, trial.theirs.after, false);
    return out + " ours" + mine + " theirs" + items(trial.theirs.after, trial.ours.after, false);
}

std::string reproduction(const Trial& trial)
{
    const Instruction& instruction = trial.instruction;
    std::string out = fmt::format("{} {} |{} ->{}", instruction.row->mnemonic,
        isa::print_operands(*instruction.row, instruction.bits, instruction.address(), false), items(trial.before, trial.before, true),
        items(trial.ours.after, trial.before, false));
    if (trial.end.program_code)
        out += fmt::format(" pgm={:x}", trial.end.program_code);
    if (instruction.target)
        out += fmt::format("  (at {:x}: {} {})", instruction.target_address(), instruction.target->mnemonic,
            isa::print_operands(*instruction.target, instruction.target_bits, instruction.target_address(), false));
    return out;
}

} // namespace zvisor::differential
