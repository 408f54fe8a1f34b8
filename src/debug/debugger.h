#pragma once

#include "cpu/cpu_group.h"
#include "engine/observer.h"

#include <condition_variable>
#include <functional>
#include <map>
#include <mutex>
#include <optional>
#include <set>
#include <vector>

namespace zvisor::debug {

/// Stops and continues the CPUs of a group, all of them together: breakpoints, watchpoints, single steps.
///
/// Guest storage is never patched: addresses are looked at before each instruction, for which CPUs run in careful mode
/// while there is anything to look for, and at full speed otherwise. The methods without other word are for one controlling thread.
class Debugger final : public Observer {
public:
    enum class Reason : u8 { breakpoint, watchpoint, step, request };
    struct Stop {
        u16 cpu { 0 };
        Reason reason {};
        /// Of a watchpoint.
        u64 address { 0 };
    };
    enum class Action : u8 { run, step, stay };

    /// Before the group starts. `on_stop` is called on a CPU's thread when a CPU stopped by itself; with `hold` the CPUs do not
    /// begin before `resume`.
    void attach(CpuGroup& group, std::function<void()> on_stop, bool hold);

    /// Stops every CPU and returns when none executes, at the latest when the group ends.
    void stop();
    /// Returns when none executes, after `on_stop`; what stopped them.
    [[nodiscard]] Stop wait_until_stopped();
    [[nodiscard]] bool stopped();
    /// Continues; `actions` has one for each CPU.
    void resume(const std::vector<Action>& actions);

    // While stopped:
    void set_breakpoint(u64 address);
    void clear_breakpoint(u64 address);
    /// Stops when the contents change; false when `address`, as `cpu` sees it, is not in storage.
    [[nodiscard]] bool set_watchpoint(Cpu& cpu, u64 address, u64 length);
    void clear_watchpoint(u64 address, u64 length);
    /// Drops every breakpoint and watchpoint and lets the CPUs run.
    void detach();

    // Observer
    [[nodiscard]] bool wants_careful(const Cpu& cpu) override;
    bool before_instruction(Cpu& cpu, u64 address, u64 bits, const isa::Row* row) override;
    void paused(Cpu& cpu) override;

private:
    struct CpuState {
        bool paused { false };
        bool hold { false };
        bool stepping { false };
        bool stepped { false };
        /// The breakpoint the CPU stands at and goes on from.
        std::optional<u64> passes;
    };
    struct Watchpoint {
        u64 address { 0 };
        u64 absolute { 0 };
        std::vector<u8> contents;
    };

    void hold_all_locked();
    void stop_here(Cpu& cpu, Reason reason, u64 address);
    [[nodiscard]] bool all_paused_locked();
    [[nodiscard]] std::optional<u64> changed_watchpoint() const;

    CpuGroup* m_group { nullptr };
    std::function<void()> m_on_stop;
    std::mutex m_mutex;
    std::condition_variable m_changed;
    // Under m_mutex; `hold` aside, a CPU's own and the points change only while it is paused.
    std::vector<CpuState> m_cpus;
    std::set<u64> m_breakpoints;
    std::vector<Watchpoint> m_watchpoints;
    Stop m_stop { .reason = Reason::request };
};

} // namespace zvisor::debug
