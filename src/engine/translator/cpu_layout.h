#pragma once

#include "cpu/cpu.h"

namespace zvisor {

/// Where the parts of a Cpu are that translated code uses: byte offsets.
struct CpuLayout {
    explicit CpuLayout(const Cpu& cpu);

    u32 general_registers;
    u32 vector_registers;
    u32 access_registers;
    u32 fpc;
    u32 next;
    u32 op;
    u32 retired;
    u32 condition_code;
    u32 program_mask;
    u32 mode;
    u32 pending;
    u32 data_space;
    u32 code_space;
    /// Within a Space.
    u32 generation;
    u32 tlb_mask;
    u32 tlb;
    u32 sites;
};

} // namespace zvisor
