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
    if (condition == "fpc-mask" || condition == "pm")
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
