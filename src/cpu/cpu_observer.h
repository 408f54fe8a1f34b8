#pragma once

#include "arch/psw.h"
#include "base/types.h"

namespace zvisor {

class Cpu;

/// Sees what CPUs do besides instructions: tracing and debugging. Called on each CPU's own thread, so possibly concurrently.
class CpuObserver {
public:
    virtual ~CpuObserver() = default;

    /// Whether the CPU is to run in careful mode, one instruction at a time; asked when it begins to run and after `paused`.
    [[nodiscard]] virtual bool wants_careful(const Cpu&) { return false; }
    /// PSWs were swapped: `old_at` is where the old one went in the prefix area and so names the class of interruption
    /// (lowcore::program_old_psw …), `old` is what went there; codes and parameters stand in the prefix area.
    virtual void interruption(Cpu&, [[maybe_unused]] u64 old_at, [[maybe_unused]] const Psw& old) { }
    /// Somebody raised Pending::pause. May block, answering requests meanwhile (Cpu::answer_requests); until it returns the CPU
    /// does not count as running and its state may be looked at and changed.
    virtual void paused(Cpu&) { }
};

} // namespace zvisor
