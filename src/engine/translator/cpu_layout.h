#pragma once

#include "cpu/cpu.h"

namespace zvisor {

/// Where the parts of a Cpu are that translated code uses: byte offsets.
struct CpuLayout {
    explicit CpuLayout(const Cpu& cpu);

    /// How far behind the Cpu's address is the one its parts are reached from: so displacements of one byte reach 256 bytes.
    static constexpr i32 bias = 128;
    i32 general_registers;
    i32 vector_registers;
    i32 access_registers;
    i32 fpc;
    i32 next;
    i32 op;
    i32 retired;
    i32 condition_code;
    i32 program_mask;
    i32 mode;
    i32 pending;
    i32 data_space;
    i32 code_space;
    // Within a Space, from its address:
    u32 generation;
    u32 tlb_mask;
    u32 tlb;
    u32 sites;
};

} // namespace zvisor
