// Program mask, PSW and addressing mode; SUPERVISOR CALL, MONITOR CALL; hints without effect (PoP ch. 7).

#include "isa/insn.h"

#include "cpu/cpu.h"

namespace zvisor::isa {

namespace {

constexpr auto set_program_mask = [](Cpu& c, Gr r1) {
    u32 byte = c.w(r1) >> 24;
    c.cc(byte >> 4 & 3);
    c.set_program_mask(byte & 0xf);
};
constexpr auto extract_psw = [](Cpu& c, Gr r1, Gr r2) {
    u64 mask = c.psw().mask;
    c.w(r1, c.hi(mask));
    if (r2 != 0)
        c.w(r2, c.lo(mask));
};

/// The instruction itself must be where the new mode can address it.
template<unsigned Bits>
constexpr auto set_addressing_mode = [](Cpu& c) {
    if constexpr (Bits < 64) {
        if (c.op->address >> Bits != 0)
            c.specification();
    }
    c.set_addressing_mode(Bits);
};
constexpr auto test_addressing_mode = [](Cpu& c) {
    c.cc(c.mode() & ExecutionMode::amode_64 ? 3 : c.mode() & ExecutionMode::amode_31 ? 1 : 0);
};

constexpr auto supervisor_call = [](Cpu& c, Unsigned number) { c.supervisor_call(static_cast<u8>(number.value)); };

/// Bits 48-63 of control register 8 enable the sixteen monitor classes.
constexpr auto monitor_call = [](Cpu& c, Storage s, Unsigned i2) {
    u32 monitor_class = i2;
    if (monitor_class > 15)
        c.specification();
    if (c.cr[8] << monitor_class & 0x8000)
        throw ProgramInterruption {
            .code = ProgramCode::monitor_event, .monitor_class = static_cast<u8>(monitor_class), .monitor_code = c.ea(s).at
        };
};

constexpr auto no_operation = [](auto&, auto...) { };

constexpr Row rows[] = {
    insn("SPM", 0x04, RR_1, base, problem | branch, set_program_mask, "1 | r1=ffffffff1affffff cc=3 -> cc=1 pm=a"),
    insn("EPSW", 0xB98D, RRE, base, problem, extract_psw, "1,2 | r1=1122334455667788 cc=2 pm=5 -> r1=1122334400002501 r2=80000000",
        "1,0 | r0=5 -> r1=1"),
    insn("SAM24", 0x010C, E, base, context, set_addressing_mode<24>, " | -> ia=1002"),
    insn("SAM31", 0x010D, E, base, context, set_addressing_mode<31>, " | -> ia=1002"),
    insn("SAM64", 0x010E, E, base, context, set_addressing_mode<64>, " | amode=31 -> ia=1002"),
    insn("TAM", 0x010B, E, base, problem, test_addressing_mode, " | -> cc=3", " | amode=31 -> cc=1", " | amode=24 cc=1 -> cc=0"),
    insn("SVC", 0x0A, I_, base, context, supervisor_call, "5 | m88=00000000 m1c0=00000000000000000000000000003000 -> m88=00020005 ia=3000"),
    insn("MC", 0xAF, SI, base, problem, monitor_call, "0(5),1 | r5=2000 c8=4000 -> pgm=40", "0(5),1 | r5=2000 c8=8000 -> ia=1004",
        "0,16 | -> pgm=6"),

    insn("NIAI", 0xB2FA, IE, Facility::execution_hint, problem, no_operation, "1,2 | -> ia=1004"),
    insn("PFD", 0xE336, RXY_m, Facility::general_instructions_extension, problem, no_operation, "1,0(5) | r5=ffffffffffffff00 -> ia=1006"),
    insn("PFDRL", 0xC62, RIL_c, Facility::general_instructions_extension, problem, no_operation, "1,0x20000 | -> ia=1006"),
};

} // namespace

extern constexpr Group general_program_status { rows };

} // namespace zvisor::isa
