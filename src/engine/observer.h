#pragma once

#include "cpu/cpu_observer.h"

namespace zvisor {

namespace isa {
struct Row;
}

/// Sees what CPUs in careful mode do: tracing and debugging. Called on each CPU's own thread, so possibly concurrently.
class Observer : public CpuObserver {
public:
    /// Before an instruction; `bits` left-aligned, `row` null when there is none. May block (a debugger's stop).
    /// False leaves the engine's loop to look at pending work without executing the instruction.
    virtual bool before_instruction(Cpu& cpu, u64 address, u64 bits, const isa::Row* row) = 0;
};

} // namespace zvisor
