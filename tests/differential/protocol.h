// What driver and oracle share: the layout of the memory both map, and where test programs find things.
// Everything is in guest byte order. The oracle is C, the driver C++.
#ifndef ZVISOR_DIFFERENTIAL_PROTOCOL_H
#define ZVISOR_DIFFERENTIAL_PROTOCOL_H

#ifdef __cplusplus
#include "base/big_endian.h"
namespace zvisor::differential {
using Byte = u8;
using Word = Be<u32>;
using Doubleword = Be<u64>;
#else
typedef unsigned char Byte;
typedef unsigned int Word;
typedef unsigned long Doubleword;
#endif

enum {
    /// Storage operands: two pages with nothing mapped around them. The window is the part that differs from zero.
    area_at = 0x40000,
    area_size = 0x2000,
    window_offset = 0xe00,
    window_size = 0x400,
    /// Code, out of reach of the tables of TRANSLATE instructions: a slot for each instruction, which is `instruction_offset` into it; a
    /// branch goes to `landing_offset`, and
    /// EXECUTE finds its target at `target_offset`.
    slots_at = 0x80000,
    slot_size = 64,
    slot_count = 128,
    instruction_offset = 6,
    landing_offset = 32,
    target_offset = 48,
    cases_of_slot = 16,
    case_count = slot_count * cases_of_slot,
    /// File descriptor of the memory in the oracle.
    memory_descriptor = 3
};

/// Registers and storage. `program_mask` has condition code and program mask in bits 2-7, as INSERT PROGRAM MASK gives them.
struct State {
    Doubleword gr[16];
    Byte vr[32][16];
    Word ar[16];
    Word fpc;
    Word program_mask;
    Byte window[window_size];
};

struct Slot {
    Byte instruction[6];
    Byte length;
    /// Followed by a branch back to it while the condition code is 3.
    Byte repeats;
    Byte target[6];
    Byte unused[2];
};

struct Outcome {
    /// Signal and its code; 0 when the instruction completed.
    Word signal;
    Word code;
    /// 1 when the instruction branched to the landing.
    Word branched;
    /// A hash of what is outside the window; 0 when all of it is zero.
    Word outside;
    struct State after;
};

struct Memory {
    Word first;
    Word count;
    /// The case being executed, for when the oracle ends unexpectedly.
    Word current;
    Word unused;
    struct Slot slots[slot_count];
    struct State cases[case_count];
    struct Outcome outcomes[case_count];
};

#ifdef __cplusplus
} // namespace zvisor::differential
#endif

#endif
