// General instructions (PoP ch. 7): PERFORM PROCESSOR ASSIST.

#include "isa/insn.h"

namespace zvisor::isa {

namespace {

/// Assists are hints; only an unassigned or uninstalled function code is noticed.
constexpr auto perform_processor_assist = [](Cpu& c, Gr, Gr, Mask function) {
    constexpr u8 transaction_abort = 1;
    constexpr u8 in_order_execution = 15;
    bool installed = function == transaction_abort || (function == in_order_execution && c.has(Facility::ppa_in_order));
    if (!installed)
        c.specification();
};

constexpr Row rows[] = {
    insn("PPA", 0xB2E8, RRF_c, Facility::execution_hint, problem, perform_processor_assist, "1,2,1 | r1=5 -> r1=5", "1,2,15 | r1=5 -> r1=5",
        "1,2,2 | r1=5 -> pgm=6"),
};

} // namespace

extern constexpr Group general_miscellaneous { rows };

} // namespace zvisor::isa
