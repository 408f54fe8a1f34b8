#pragma once

#include "generator.h"
#include "machine.h"

#include <string>
#include <vector>

namespace zvisor::differential {

/// One case with both outcomes.
struct Trial {
    const Instruction& instruction;
    const State& before;
    const End& end;
    const Outcome& ours;
    const Outcome& theirs;
};

/// What differs, by the names of the known list: signal gr vr ar fpc cc pm branch storage outside. Empty when both agree.
[[nodiscard]] std::vector<std::string> differences(const Trial& trial);

/// The same with numbers, for people.
[[nodiscard]] std::string describe(const Trial& trial);

/// The case in the syntax of the examples in instruction rows, with our outcome; only what is not zero before.
[[nodiscard]] std::string reproduction(const Trial& trial);

/// How the oracle reports one of our ends: signal << 8 | code.
[[nodiscard]] u32 signal_of(const End& end);

} // namespace zvisor::differential
