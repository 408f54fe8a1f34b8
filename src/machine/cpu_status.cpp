#include "machine/cpu_status.h"

#include "cpu/cpu.h"

#include <algorithm>

namespace zvisor {

CpuStatus status_of(const Cpu& cpu)
{
    CpuStatus status;
    status.address = cpu.address();
    auto psw = cpu.psw();
    status.psw[0] = psw.mask;
    status.psw[1] = psw.address;
    std::ranges::copy(cpu.gr, status.general);
    std::ranges::copy(cpu.ar, status.access);
    std::ranges::copy(cpu.cr, status.control);
    for (std::size_t i = 0; i < cpu.vr.size(); ++i) {
        status.vector[i][0] = cpu.vr[i].hi;
        status.vector[i][1] = cpu.vr[i].lo;
    }
    status.floating_point_control = cpu.fpc;
    status.tod_programmable = cpu.tod_programmable;
    status.cpu_timer = cpu.cpu_timer();
    status.clock_comparator = cpu.clock_comparator();
    status.prefix = cpu.prefix;
    return status;
}

} // namespace zvisor
