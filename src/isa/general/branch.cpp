// BRANCH ON CONDITION, BRANCH AND SAVE, BRANCH AND LINK and mode-setting branches (PoP ch. 7).

#include "isa/general/target.h"

#include "cpu/cpu.h"

#include <atomic>

namespace zvisor::isa {

namespace {

constexpr auto branch_on_condition = [](auto& c, Mask m1, auto target) { c.branch_if(c.cc_in(m1), branch_target(c, target)); };

inline void serialize(Cpu&)
{
    std::atomic_thread_fence(std::memory_order_seq_cst);
}
template<class C>
void serialize(C& c)
{
    c.serialize();
}

/// Without a branch address no branch is made; masks 14 and 15 then ask for serialization.
constexpr auto branch_on_condition_register = [](auto& c, Mask m1, Gr r2) {
    if (r2 != 0)
        c.branch_if(c.cc_in(m1), branch_target(c, r2));
    else if (m1 >= 14)
        serialize(c);
};

constexpr auto branch_indirect_on_condition = [](Cpu& c, Mask m1, Storage s) {
    if (c.cc_in(m1))
        c.branch(c.load64(c.ea(s)) & c.address_mask());
};

constexpr auto branch_and_save = [](auto& c, Gr r1, auto target) {
    auto to = branch_target(c, target);
    c.put_link(r1, c.next_address());
    c.branch(to);
};
constexpr auto branch_and_save_register = [](auto& c, Gr r1, Gr r2) {
    auto to = branch_target(c, r2);
    c.put_link(r1, c.next_address());
    if (r2 != 0)
        c.branch(to);
};

/// In the 24-bit mode the link holds the instruction-length code, condition code and program mask.
void put_link_information(Cpu& c, Gr r1)
{
    if (c.address_mask() != 0xffffff)
        return c.put_link(r1, c.next_address());
    auto state = static_cast<u32>(c.op->length / 2 << 6 | c.cc() << 4 | c.program_mask());
    c.w(r1, state << 24 | c.lo(c.next_address()));
}
constexpr auto branch_and_link = [](Cpu& c, Gr r1, Storage s) {
    u64 to = branch_target(c, s);
    put_link_information(c, r1);
    c.branch(to);
};
constexpr auto branch_and_link_register = [](Cpu& c, Gr r1, Gr r2) {
    u64 to = branch_target(c, r2);
    put_link_information(c, r1);
    if (r2 != 0)
        c.branch(to);
};

/// Sets the addressing mode by the bits BASSM and BSM leave in a register, and branches.
void branch_and_set_mode(Cpu& c, u64 address)
{
    c.set_addressing_mode(address & 1 ? 64 : address & 0x80000000 ? 31 : 24);
    c.branch(address & ~u64 { 1 } & c.address_mask());
}
constexpr auto branch_and_save_and_set_mode = [](Cpu& c, Gr r1, Gr r2) {
    u64 address = c.g(r2);
    u64 in_64_bit_mode = c.mode() & ExecutionMode::amode_64 ? 1 : 0;
    c.put_link(r1, c.next_address() | in_64_bit_mode);
    if (r2 != 0)
        branch_and_set_mode(c, address);
};
constexpr auto branch_and_set_mode_only = [](Cpu& c, Gr r1, Gr r2) {
    u64 address = c.g(r2);
    if (r1 != 0) {
        if (c.mode() & ExecutionMode::amode_64)
            c.g(r1, c.g(r1) | 1);
        else
            c.w(r1, (c.w(r1) & 0x7fffffff) | (c.mode() & ExecutionMode::amode_31 ? 0x80000000 : 0));
    }
    if (r2 != 0)
        branch_and_set_mode(c, address);
};

constexpr auto preload = [](auto&, auto...) { };

constexpr Row rows[] = {
    insn("BC", 0x47, RX_m, base, branch, branch_on_condition, "8,16(5) | r5=2000 -> ia=2010", "7,16(5) | r5=2000 -> ia=1004"),
    insn("BCR", 0x07, RR_m, base, branch, branch_on_condition_register, "15,5 | r5=2000 cc=3 -> ia=2000", "15,0 | -> ia=1002",
        "2,5 | r5=2000 cc=1 -> ia=1002", "15,5 | r5=1122334480002000 amode=31 -> ia=2000"),
    insn("BRC", 0xA74, RI_c, base, branch, branch_on_condition, "4,0xff0 | cc=1 -> ia=ff0", "11,0xff0 | cc=1 -> ia=1004",
        "0,0xff0 | -> ia=1004"),
    insn("BRCL", 0xC04, RIL_c, base, branch, branch_on_condition, "1,0x20000 | cc=3 -> ia=20000", "14,0x20000 | cc=3 -> ia=1006"),
    insn("BIC", 0xE347, RXY_m, Facility::miscellaneous_instruction_extensions_2, branch, branch_indirect_on_condition,
        "15,0(5) | r5=2000 m2000=0000000000003000 -> ia=3000", "7,0(5) | r5=2000 m2000=0000000000003000 -> ia=1006"),

    insn("BAS", 0x4D, RX, base, branch, branch_and_save, "1,0(5) | r1=1122334455667788 r5=2000 -> r1=1004 ia=2000",
        "5,0(5) | r5=2000 -> r5=1004 ia=2000"),
    insn("BASR", 0x0D, RR, base, branch, branch_and_save_register, "1,5 | r5=2000 -> r1=1002 ia=2000",
        "1,0 | r1=1122334455667788 amode=31 -> r1=1122334480001002 ia=1002",
        "1,0 | r1=1122334455667788 amode=24 -> r1=1122334400001002 ia=1002"),
    insn("BRAS", 0xA75, RI_b, base, branch, branch_and_save, "1,0xff0 | -> r1=1004 ia=ff0"),
    insn("BRASL", 0xC05, RIL_b, base, branch, branch_and_save, "1,0x20000 | -> r1=1006 ia=20000"),
    insn("BAL", 0x45, RX, base, branch, branch_and_link, "1,0(5) | r5=2000 -> r1=1004 ia=2000",
        "1,0(5) | r1=1122334455667788 r5=2000 cc=2 pm=5 amode=24 -> r1=11223344a5001004 ia=2000"),
    insn("BALR", 0x05, RR, base, branch, branch_and_link_register, "1,5 | r5=2000 -> r1=1002 ia=2000",
        "1,0 | cc=1 pm=8 amode=24 -> r1=58001002 ia=1002"),
    insn("BASSM", 0x0C, RR, base, context, branch_and_save_and_set_mode, "1,5 | r5=2001 -> r1=1003 ia=2000",
        "1,5 | r5=80002000 -> r1=1003 ia=2000", "1,0 | -> r1=1003 ia=1002"),
    insn("BSM", 0x0B, RR, base, context, branch_and_set_mode_only, "0,5 | r5=2001 -> ia=2000", "1,5 | r1=10 r5=80002000 -> r1=11 ia=2000",
        "1,0 | r1=ffffffffffffffff amode=24 -> r1=ffffffff7fffffff ia=1002"),

    insn("BPP", 0xC7, SMI, Facility::execution_hint, problem, preload, "1,0x1010,0(5) | r5=2000 -> ia=1006"),
    insn("BPRP", 0xC5, MII, Facility::execution_hint, problem, preload, "1,0x1010,0x1020 | -> ia=1006"),
};

} // namespace

extern constexpr Group general_branch { rows };

} // namespace zvisor::isa
