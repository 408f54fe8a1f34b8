#pragma once

#include "differential/random.h"
#include "isa/table.h"

#include <string>
#include <vector>

namespace zvisor::engines {

using differential::Random;

/// Registers with a purpose in random programs; the others hold anything.
struct Reserved {
    static constexpr unsigned loop_counter = 9;
    static constexpr unsigned first_data = 10;
    static constexpr unsigned last_data = 12;
    static constexpr unsigned code = 13;
    static constexpr unsigned inner_counter = 14;
};

/// Makes random programs: straight lines, branches forward and back, counted loops, over all rows of the instruction table whose
/// results do not depend on time.
class ProgramMaker {
public:
    ProgramMaker();

    /// 1 to 40 instructions, loops over some of them, and behind them what ends it. `system`: with rows that change spaces, keys and modes.
    [[nodiscard]] std::vector<u8> make(Random& random, bool system) const;

private:
    using Rows = std::vector<const isa::Row*>;
    /// What a program has beside the others.
    struct Theme {
        bool system { false };
        /// Mostly floating-point and vector registers.
        bool numbers { false };
    };

    void append_chosen(Random& random, std::vector<u8>& out, const Theme& theme) const;
    [[nodiscard]] const isa::Row& choose(Random& random, const Theme& theme) const;

    Rows m_recorded;
    Rows m_numbers;
    Rows m_conditional;
    Rows m_strings;
    Rows m_frequent;
    Rows m_others;
    Rows m_vector;
    Rows m_system;
};

/// The program's instructions up to its end, one a line, without no-operations.
[[nodiscard]] std::string listing(const std::vector<u8>& program, u64 address);

} // namespace zvisor::engines
