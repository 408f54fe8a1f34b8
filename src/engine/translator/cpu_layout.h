#pragma once

#include "cpu/cpu.h"

namespace zvisor {

/// Where the parts of a Cpu are that translated code uses: byte offsets.
struct CpuLayout {
    explicit CpuLayout(const Cpu& cpu);

    i32 general_registers;
    i32 vector_registers;
    i32 access_registers;
    i32 next;
    i32 op;
    i32 retired;
    i32 condition_code;
    i32 program_mask;
    i32 mode;
    i32 pending;
    i32 data_space;
    i32 code_space;
    /// Within a Space.
    i32 generation;
    i32 tlb;
};

} // namespace zvisor
