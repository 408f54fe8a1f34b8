#pragma once

#include "cpu/engine_statistics.h"

namespace zvisor {

class Cpu;

/// A way to execute instructions on one CPU. All methods run on the CPU's thread.
class Engine {
public:
    virtual ~Engine() = default;

    /// Acquires of the host what execution on this CPU will need, if it is to be now; before the CPU's thread runs.
    virtual void prepare(Cpu&) { }
    /// Executes from the CPU's PSW until Cpu::handle_pending says to leave.
    virtual void run(Cpu& cpu) = 0;
    /// EXECUTE: runs the instruction `bits` (left-aligned in 64 bits) found at `address` in place of the current op.
    virtual void execute_target(Cpu& cpu, u64 bits, u64 address) = 0;
    /// Bytes of absolute storage that code was made from may have changed.
    virtual void code_stored(u64 absolute_address, u64 length) = 0;
    /// Everything made from storage is forgotten (resets).
    virtual void forget_all() = 0;
    /// Everything made from storage is forgotten, and its memory is the host's again; nothing of it is being executed.
    virtual void give_memory_back() { forget_all(); }
    /// Since then so little has been executed that it keeps only what costs next to nothing to make.
    [[nodiscard]] virtual bool rests() const { return false; }
    /// What it has counted, if it was made to count; not while it runs.
    [[nodiscard]] virtual EngineStatistics statistics() const { return {}; }
};

} // namespace zvisor
