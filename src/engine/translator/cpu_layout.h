#pragma once

#include "cpu/cpu.h"

namespace zvisor {

/// Where the parts of a Cpu are that translated code uses: byte offsets; those below zero as the assembler takes them, modulo 2^64.
struct CpuLayout {
    explicit CpuLayout(const Cpu& cpu);

    /// How far behind the Cpu's address is the one its parts are reached from: so displacements of one byte reach 256 bytes.
    static constexpr std::size_t bias = 128;
    std::size_t general_registers;
    std::size_t vector_registers;
    std::size_t access_registers;
    std::size_t fpc;
    std::size_t next;
    std::size_t op;
    std::size_t retired;
    std::size_t condition_code;
    std::size_t program_mask;
    /// Bits 0-7 of the PSW.
    std::size_t system_mask;
    /// Not 0 when an interruption may be pending for which the CPU is not enabled.
    std::size_t attention;
    std::size_t mode;
    std::size_t pending;
    std::size_t data_space;
    std::size_t code_space;
    // Within a Space, from its address:
    u32 generation;
    u32 tlb_mask;
    u32 tlb;
    u32 sites;
};

} // namespace zvisor
