#pragma once

#include "protocol.h"

#include "base/result.h"

#include <memory>

namespace zvisor::differential {

/// How an instruction ended here.
struct End {
    /// Program-interruption code, 0 when the instruction completed.
    u16 program_code { 0 };
    u8 data_code { 0 };
};

/// The CPU under test: problem state, DAT on, 64-bit addressing; only the pages of the protocol are mapped. Slots are executed
/// by the engine, and end with a SUPERVISOR CALL or a program interruption.
class Machine {
public:
    Machine();
    ~Machine();

    void set_slot(unsigned index, const Slot& slot);
    /// Runs one case; `outcome` gets everything but signal and code.
    [[nodiscard]] End run(unsigned slot, const State& before, Outcome& outcome);

private:
    struct Parts;
    std::unique_ptr<Parts> m_parts;
};

/// Hash of what an area holds outside the window, which it clears; the oracle's function of the same name.
[[nodiscard]] u32 hash_outside(u8* area);

} // namespace zvisor::differential
