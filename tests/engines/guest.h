#pragma once

#include "case.h"
#include "cpu/cpu_group.h"
#include "cpu/null_services.h"
#include "engine/interpreter/interpreter.h"
#include "engine/translator/translator.h"

#include <atomic>
#include <bitset>
#include <thread>

namespace zvisor::engines {

/// Notes what each interruption finds, and stops a CPU that does nothing but take them.
class InterruptionLog : public CpuObserver {
public:
    static constexpr u64 most = 1000;
    /// An instruction that raised an exception; with EXECUTE, that.
    struct Instruction {
        u64 address;
        u8 length;
    };

    void interruption(Cpu& cpu, u64 old_at, const Psw& old) override;
    void clear() { *this = {}; }

    u64 taken { 0 };
    /// Of every old PSW, general register and program-interruption parameter so far.
    u64 hash { 0 };
    std::vector<Instruction> excepted;
};

/// A CPU with storage and without a machine. What ends a program is a disabled wait.
class Guest {
public:
    enum class EngineKind : u8 { interpreter, translator };

    /// `options`: a translator's.
    explicit Guest(EngineKind kind, const EngineOptions& options = {});
    ~Guest();
    Guest(const Guest&) = delete;
    Guest& operator=(const Guest&) = delete;

    /// The CPU and its storage as the case has them.
    void prepare(const Case& made);
    void prepare(const Part& part);
    /// With an interpreter, from the PSW: false when `most` instructions were not enough for the program to end.
    [[nodiscard]] bool run_bounded(u64 most);
    /// With any engine, a program that is known to end.
    void run() { cpu.engine().run(cpu); }

    /// A program stored into its translation tables, so that nothing is said about what it does.
    [[nodiscard]] bool changed_tables() const;

    /// Pages some program may have changed since prepare(case).
    using Pages = std::bitset<Layout::storage_bytes / page_size>;
    /// By patches, or with a change bit.
    [[nodiscard]] Pages touched() const;
    /// Some instructions of the control program change storage without change bits.
    [[nodiscard]] bool changes_unnoticed() const { return m_changes_unnoticed; }

    InterruptionLog log;
    std::unique_ptr<AbsoluteStorage> storage { std::move(AbsoluteStorage::create(Layout::storage_bytes)).value() };

private:
    void clear_touched();
    void put(const Patch& patch);

    FacilitySet m_facilities;
    NullChannelServices m_channels;
    NullMachineServices m_machine;
    CpuGroup m_group { *storage, m_facilities, m_channels, m_machine };
    Interpreter* m_interpreter { nullptr };
    Translator* m_translator { nullptr };
    Pages m_patched;
    std::vector<u8> m_tables;
    bool m_changes_unnoticed { true };

public:
    Cpu& cpu { m_group.add() };
};

} // namespace zvisor::engines
