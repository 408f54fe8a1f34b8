// What a program in a partition, or a process of one that was taken over, cannot do; docs/isolation.md explains the clauses.

#include "machine/isolation.h"

#include <array>
#include <fmt/format.h>
#include <span>

namespace zvisor::isolation {
namespace {

using Attempt = void (*)(Checks&);

struct Clause {
    std::string_view name;
    std::string_view cannot;
    std::array<Attempt, 3> attempts;
};

constexpr std::size_t fewest_checks = 10;

constexpr std::array clauses {
    Clause {
        "Storage", "read or write another partition's storage", { implant_reaches_storage, link_reaches_blocks, guest_reaches_storage } },
    Clause { "Residue", "see what another left in what it is given", { link_finds_residue, guest_finds_residue } },
    Clause { "Others", "learn of another partition without the authority",
        { implant_looks_for_others, link_asks_for_activity, guest_looks_for_others } },
    Clause { "Weight", "stop another or slow it beyond its weight", { implant_disturbs_others, link_slows_others } },
    Clause { "Firmware", "crash or hang the firmware", { link_breaks_the_firmware } },
    Clause { "Exhaustion", "exhaust memory, descriptors or logs of the host", { implant_exhausts_the_host, link_exhausts_the_firmware } },
    Clause { "Host", "reach the host's files or network", { implant_reaches_the_host, frames_reach_the_host } },
};

class Isolation : public testing::TestWithParam<std::size_t> { };

TEST_P(Isolation, Holds)
{
    const Clause& clause = clauses.at(GetParam());
    Checks checks;
    for (Attempt attempt : clause.attempts)
        if (attempt)
            attempt(checks);
    EXPECT_GE(checks.count(), fewest_checks);
    fmt::print("clause {}: a partition cannot {}: {} checks\n", GetParam() + 1, clause.cannot, checks.count());
}

INSTANTIATE_TEST_SUITE_P(Clauses, Isolation, testing::Range(std::size_t { 0 }, clauses.size()),
    [](const testing::TestParamInfo<std::size_t>& tried) { return std::string(clauses.at(tried.param).name); });

} // namespace
} // namespace zvisor::isolation
