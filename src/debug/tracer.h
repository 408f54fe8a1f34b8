#pragma once

#include "cpu/cpu.h"
#include "debug/symbols.h"
#include "debug/trace_options.h"
#include "engine/observer.h"

#include <array>
#include <functional>
#include <memory>
#include <mutex>

namespace zvisor::debug {

/// Writes one line for each thing the machine does that was asked for.
///
/// An instruction's line has the CPU, the address, the bytes, the instruction, where that is when symbols are known, and the
/// registers it changed with their new values; it appears when the CPU's next instruction or interruption begins.
class Tracer final : public Observer {
public:
    using Write = std::function<void(std::string_view line)>;

    /// `write` is called under a lock; `symbols` must outlive the tracer.
    Tracer(const TraceOptions& options, const Symbols& symbols, Write write);
    ~Tracer() override;

    /// A line of another part of the machine: channel commands, service calls. From any thread.
    void line(std::string_view kind, std::string_view text);

    // Observer
    [[nodiscard]] bool wants_careful(const Cpu&) override { return m_options.instructions; }
    bool before_instruction(Cpu& cpu, u64 address, u64 bits, const isa::Row* row) override;
    void interruption(Cpu& cpu, u64 old_at, const Psw& old) override;

private:
    struct Registers {
        std::array<u64, 16> gr {};
        std::array<u64, 16> cr {};
        std::array<u32, 16> ar {};
        std::array<Vr, 32> vr {};
        u32 fpc { 0 };
        Psw psw;
    };
    /// The instruction a CPU is executing and what its registers were before.
    struct Current {
        std::string text;
        Registers before;
    };

    void write(const std::string& text);
    void finish(Cpu& cpu);
    [[nodiscard]] static Registers registers_of(const Cpu& cpu);
    [[nodiscard]] static std::string changes(const Registers& before, const Registers& after);
    [[nodiscard]] std::string instruction_text(u16 cpu, u64 address, u64 bits) const;

    TraceOptions m_options;
    const Symbols& m_symbols;
    Write m_write;
    std::mutex m_mutex;
    /// By CPU address; each is for its CPU's thread.
    static constexpr std::size_t most_cpus = 1024;
    std::array<std::unique_ptr<Current>, most_cpus> m_current;
};

} // namespace zvisor::debug
