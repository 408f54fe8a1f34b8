#pragma once

#include "cpu/cpu.h"

#include <string>

namespace zvisor {

/// What an instruction may change of a CPU, besides storage and what only control instructions change.
struct ComparedState {
    explicit ComparedState(const Cpu& cpu);

    /// Makes this the state of the CPU it was taken from.
    void restore(Cpu& cpu) const;
    /// A line for each register that differs, or nothing.
    [[nodiscard]] std::string differences(const ComparedState& wanted) const;
    [[nodiscard]] u64 interruptions_taken() const;

    Psw psw;
    std::array<u64, 17> gr;
    std::array<u64, 16> cr;
    std::array<u32, 16> ar;
    std::array<Vr, 32> vr;
    u32 fpc;
    u64 prefix;
    u64 retired;
    std::array<u64, 6> interruptions;
};

} // namespace zvisor
