#include "comparison.h"

#include <cstdlib>
#include <gtest/gtest.h>

namespace zvisor::engines {
namespace {

u64 setting(const char* name, u64 otherwise)
{
    const char* given = std::getenv(name);
    return given ? std::strtoull(given, nullptr, 0) : otherwise;
}

/// A quarter of the cases; the parameter is its number.
class Programs : public testing::TestWithParam<u64> { };

/// $ZVISOR_SEED is the first case, $ZVISOR_RUNS how many there are in each quarter.
TEST_P(Programs, DoWhatTheInterpreterDoes)
{
    Comparison comparison;
    Tally tally;
    u64 runs = setting("ZVISOR_RUNS", 75'000);
    u64 first = setting("ZVISOR_SEED", 1) + GetParam() * runs;
    for (u64 seed = first; seed < first + runs && !testing::Test::HasFailure(); ++seed)
        EXPECT_EQ(comparison.compare(seed, tally), "");
    EXPECT_GT(tally.instructions, tally.programs);
}

/// Some of them with code that is made while they go on, and is there some blocks later.
TEST(ProgramsBeside, DoWhatTheInterpreterDoes)
{
    Comparison comparison({ .beside = true });
    Tally tally;
    u64 runs = setting("ZVISOR_RUNS", 75'000) / 5;
    u64 first = setting("ZVISOR_SEED", 1);
    for (u64 seed = first; seed < first + runs && !testing::Test::HasFailure(); ++seed)
        EXPECT_EQ(comparison.compare(seed, tally), "");
    EXPECT_GT(tally.instructions, tally.programs);
}

/// Cases that the translator once failed at, as far as seeds still make them.
TEST(KnownPrograms, DoWhatTheInterpreterDoes)
{
    Comparison comparison;
    Tally tally;
    // Loops of which arms do not come back; a register that is stored and changed in part.
    for (u64 seed : { 2014922U, 289815U, 60560U })
        EXPECT_EQ(comparison.compare(seed, tally), "");
    EXPECT_GT(tally.instructions, 0U);
}

INSTANTIATE_TEST_SUITE_P(Translator, Programs, testing::Values(0, 1, 2, 3));

} // namespace
} // namespace zvisor::engines
