#include "engine/lockstep/compared_state.h"

#include <fmt/format.h>
#include <numeric>

namespace zvisor {

ComparedState::ComparedState(const Cpu& cpu)
    : psw(cpu.psw())
    , gr(cpu.gr)
    , cr(cpu.cr)
    , ar(cpu.ar)
    , vr(cpu.vr)
    , fpc(cpu.fpc)
    , prefix(cpu.prefix)
    , retired(cpu.retired)
    , interruptions(cpu.interruptions)
{
}

void ComparedState::restore(Cpu& cpu) const
{
    bool other_controls = cpu.cr != cr;
    cpu.gr = gr;
    cpu.cr = cr;
    cpu.ar = ar;
    cpu.vr = vr;
    cpu.fpc = fpc;
    cpu.retired = retired;
    cpu.interruptions = interruptions;
    cpu.load_psw(psw);
    if (other_controls)
        cpu.control_registers_changed();
}

std::string ComparedState::differences(const ComparedState& wanted) const
{
    std::string out;
    auto check = [&](std::string_view what, unsigned number, u64 is, u64 should_be) {
        if (is != should_be)
            out += fmt::format("  {}{}: the interpreter has {:016x}, the translator {:016x}\n", what, number, should_be, is);
    };
    check("PSW mask ", 0, psw.mask, wanted.psw.mask);
    check("PSW address ", 0, psw.address, wanted.psw.address);
    for (unsigned r = 0; r < 16; ++r) {
        check("general register ", r, gr[r], wanted.gr[r]);
        check("control register ", r, cr[r], wanted.cr[r]);
        check("access register ", r, ar[r], wanted.ar[r]);
    }
    for (unsigned v = 0; v < 32; ++v) {
        check("left half of vector register ", v, vr[v].hi, wanted.vr[v].hi);
        check("right half of vector register ", v, vr[v].lo, wanted.vr[v].lo);
    }
    check("FPC register ", 0, fpc, wanted.fpc);
    check("prefix ", 0, prefix, wanted.prefix);
    check("instructions executed ", 0, retired, wanted.retired);
    for (unsigned i = 0; i < interruptions.size(); ++i)
        check("interruptions of class ", i, interruptions[i], wanted.interruptions[i]);
    return out;
}

u64 ComparedState::interruptions_taken() const
{
    return std::accumulate(interruptions.begin(), interruptions.end(), u64 { 0 });
}

} // namespace zvisor
