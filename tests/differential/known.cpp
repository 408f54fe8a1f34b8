#include "known.h"

#include "oracle_process.h"

#include <algorithm>
#include <csignal>
#include <cstdlib>
#include <fmt/format.h>
#include <fnmatch.h>
#include <fstream>
#include <sstream>

namespace zvisor::differential {

namespace {

struct Named {
    std::string_view name;
    u32 value;
};
constexpr Named signals[] = {
    { "none", 0 },
    { "ILL", SIGILL },
    { "TRAP", SIGTRAP },
    { "FPE", SIGFPE },
    { "SEGV", SIGSEGV },
    { "ended", OracleProcess::ended },
};

[[nodiscard]] std::vector<std::string> words(const std::string& text)
{
    std::istringstream stream(text);
    return { std::istream_iterator<std::string>(stream), {} };
}

[[nodiscard]] std::string_view value_of(std::string_view condition)
{
    return condition.substr(std::min(condition.find('='), condition.size() - 1) + 1);
}

/// bits=AT:WIDTH:VALUE of the instruction.
[[nodiscard]] bool bits_hold(std::string_view value, u64 bits)
{
    unsigned at = 0;
    unsigned width = 0;
    unsigned wanted = 0;
    if (std::sscanf(std::string(value).c_str(), "%u:%u:%u", &at, &width, &wanted) != 3)
        return false;
    return (bits >> (64 - at - width) & ((u64 { 1 } << width) - 1)) == wanted;
}

[[nodiscard]] bool has_address_of_code(const State& state)
{
    constexpr u64 reach = 0x2000;
    return std::ranges::any_of(state.gr, [](u64 gr) { return gr - (slots_at - reach) < slot_size * slot_count + 2 * reach; });
}

/// Whether two general-register operands or pairs have a register in common, or with general registers 0 and 1.
[[nodiscard]] bool shares_registers(const Instruction& instruction)
{
    u32 seen = 0;
    for (const auto& operand : instruction.row->format->operands) {
        if (operand.kind != isa::OperandKind::gr && operand.kind != isa::OperandKind::gr_pair)
            continue;
        auto number = static_cast<u32>(instruction.bits >> (60 - operand.at)) & 0xf;
        u32 used = operand.kind == isa::OperandKind::gr ? 1U << number : 3U << number;
        if ((seen & used) != 0 || number < 2)
            return true;
        seen |= used;
    }
    return false;
}

/// Whether the first pair's length, in its odd register, is zero.
[[nodiscard]] bool has_zero_length(const Trial& trial)
{
    for (const auto& operand : trial.instruction.row->format->operands)
        if (operand.kind == isa::OperandKind::gr_pair)
            return trial.before.gr[(trial.instruction.bits >> (60 - operand.at) & 0xf) | 1] == 0;
    return false;
}

[[nodiscard]] bool only(std::string_view names, std::span<const std::string> differing)
{
    std::string padded = fmt::format(",{},", names);
    return std::ranges::all_of(differing, [&](const auto& name) { return padded.find(fmt::format(",{},", name)) != std::string::npos; });
}

} // namespace

bool matches(const std::string& patterns, std::string_view mnemonic)
{
    std::string name(mnemonic);
    return std::ranges::any_of(words(patterns), [&](const auto& pattern) { return fnmatch(pattern.c_str(), name.c_str(), 0) == 0; });
}

bool KnownList::holds(std::string_view condition, const Trial& trial, std::span<const std::string> differing)
{
    auto value = value_of(condition);
    if (condition.starts_with("only="))
        return only(value, differing);
    if (condition.starts_with("ours="))
        return trial.end.program_code == std::strtoul(std::string(value).c_str(), nullptr, 16);
    if (condition.starts_with("theirs=")) {
        const auto* named = std::ranges::find(signals, value, &Named::name);
        return named != std::end(signals) && named->value == trial.theirs.signal;
    }
    if (condition.starts_with("bits="))
        return bits_hold(value, trial.instruction.bits);
    if (condition.starts_with("not-bits="))
        return !bits_hold(value, trial.instruction.bits);
    if (condition.starts_with("cc="))
        return trial.ours.after.program_mask >> 28 == std::strtoul(std::string(value).c_str(), nullptr, 10);
    if (condition == "fpc-mask")
        return trial.before.fpc >> 27 != 0;
    if (condition == "fpc-directed")
        return (trial.before.fpc & 7) != 0;
    if (condition == "near-code")
        return has_address_of_code(trial.before);
    if (condition == "shared-registers")
        return shares_registers(trial.instruction);
    if (condition == "zero-length")
        return has_zero_length(trial);
    if (condition == "pm")
        return (trial.before.program_mask >> 24 & 0xf) != 0;
    if (condition.starts_with("target="))
        return trial.instruction.target && matches(std::string(value), trial.instruction.target->mnemonic);
    return false;
}

Result<void> KnownList::check(const std::string& condition)
{
    for (const char* name : { "only=", "ours=", "theirs=", "bits=", "not-bits=", "cc=", "target=" })
        if (condition.starts_with(name))
            return {};
    for (const char* name : { "fpc-mask", "fpc-directed", "pm", "near-code", "shared-registers", "zero-length" })
        if (condition == name)
            return {};
    return fail(fmt::format("'{}' is no condition", condition));
}

Result<KnownList> KnownList::read(const std::string& path)
{
    std::ifstream file(path);
    if (!file)
        return fail(fmt::format("cannot open {}", path));
    KnownList list;
    std::string line;
    for (unsigned number = 1; std::getline(file, line); ++number) {
        if (line.empty() || line[0] == '#')
            continue;
        auto first = line.find('|');
        auto second = line.find('|', first + 1);
        if (first == std::string::npos || (second == std::string::npos && !line.starts_with("skip ")))
            return fail(fmt::format("{}:{}: expected 'ROWS | CONDITIONS | REASON' or 'skip ROWS | REASON'", path, number));
        if (line.starts_with("skip ")) {
            list.m_skipped.push_back(line.substr(5, first - 5));
            continue;
        }
        Entry entry { line.substr(0, first), words(line.substr(first + 1, second - first - 1)) };
        for (const auto& condition : entry.conditions)
            if (auto valid = check(condition); !valid)
                return fail(fmt::format("{}:{}: {}", path, number, valid.error().message));
        list.m_entries.push_back(std::move(entry));
    }
    return list;
}

bool KnownList::skips(std::string_view mnemonic) const
{
    return std::ranges::any_of(m_skipped, [&](const auto& patterns) { return matches(patterns, mnemonic); });
}

bool KnownList::covers(const Trial& trial, std::span<const std::string> differing) const
{
    return std::ranges::any_of(m_entries, [&](const Entry& entry) {
        return matches(entry.rows, trial.instruction.row->mnemonic)
            && std::ranges::all_of(entry.conditions, [&](const auto& condition) { return holds(condition, trial, differing); });
    });
}

} // namespace zvisor::differential
