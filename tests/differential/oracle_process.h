#pragma once

#include "protocol.h"

#include "base/result.h"

#include <string>
#include <sys/types.h>

namespace zvisor::differential {

/// The program oracle.c under an emulator of s390x Linux programs, with which it shares memory.
class OracleProcess {
public:
    /// `emulator` and `program` are paths; the process is started by the first run.
    [[nodiscard]] static Result<OracleProcess> create(std::string emulator, std::string program);
    OracleProcess(OracleProcess&& other) noexcept;
    ~OracleProcess();

    [[nodiscard]] Memory& memory() { return *m_memory; }

    /// Outcome::signal of a case during which the emulator ended, or did not come back.
    static constexpr u32 ended = 0xffff;

    /// Executes `count` cases in memory from `first` on; the outcomes are there afterwards.
    [[nodiscard]] Result<void> run(u32 first, u32 count);

private:
    OracleProcess(std::string emulator, std::string program, int descriptor, Memory* memory);
    [[nodiscard]] Result<void> start();
    void stop();
    /// False when the process ended or was stopped for taking too long.
    [[nodiscard]] bool run_to_end();

    std::string m_emulator;
    std::string m_program;
    int m_descriptor;
    Memory* m_memory;
    pid_t m_process { -1 };
    int m_to { -1 };
    int m_from { -1 };
};

} // namespace zvisor::differential
