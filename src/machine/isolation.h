#pragma once

#include <gtest/gtest.h>
#include <string>

namespace zvisor::isolation {

/// Counts the checks of a clause; what does not hold fails the test.
class Checks {
public:
    void check(bool holds, const std::string& what)
    {
        ++m_count;
        EXPECT_TRUE(holds) << what;
    }
    [[nodiscard]] std::size_t count() const { return m_count; }

private:
    std::size_t m_count { 0 };
};

// What is tried, for the clauses of isolation_test.cpp.

// By a process that was taken over, with system calls (isolation_implant_test.cpp).
void implant_reaches_storage(Checks& checks);
void implant_looks_for_others(Checks& checks);
void implant_disturbs_others(Checks& checks);
void implant_exhausts_the_host(Checks& checks);
void implant_reaches_the_host(Checks& checks);

// By a process that was taken over, over its link and dispatch cells (isolation_link_test.cpp).
void link_reaches_blocks(Checks& checks);
void link_finds_residue(Checks& checks);
void link_asks_for_activity(Checks& checks);
void link_slows_others(Checks& checks);
void link_breaks_the_firmware(Checks& checks);
void link_exhausts_the_firmware(Checks& checks);

// By a program (isolation_guest_test.cpp).
void guest_reaches_storage(Checks& checks);
void guest_finds_residue(Checks& checks);
void guest_looks_for_others(Checks& checks);

// By frames a program sends (isolation_network_test.cpp).
void frames_reach_the_host(Checks& checks);

} // namespace zvisor::isolation
