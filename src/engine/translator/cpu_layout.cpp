#include "engine/translator/cpu_layout.h"

namespace zvisor {

namespace {

template<class Whole, class Part>
[[nodiscard]] u32 place(const Whole& whole, const Part& part)
{
    return static_cast<u32>(reinterpret_cast<const char*>(&part) - reinterpret_cast<const char*>(&whole));
}

} // namespace

CpuLayout::CpuLayout(const Cpu& cpu)
    : general_registers(place(cpu, cpu.gr))
    , vector_registers(place(cpu, cpu.vr))
    , access_registers(place(cpu, cpu.ar))
    , fpc(place(cpu, cpu.fpc))
    , next(place(cpu, cpu.next))
    , op(place(cpu, cpu.op))
    , retired(place(cpu, cpu.retired))
    , condition_code(place(cpu, cpu.m_cc))
    , program_mask(place(cpu, cpu.m_program_mask))
    , mode(place(cpu, cpu.m_mode))
    , pending(place(cpu, cpu.m_pending))
    , data_space(place(cpu, cpu.m_data))
    , code_space(place(cpu, cpu.m_code))
    , generation(place(*cpu.m_code, cpu.m_code->generation))
    , tlb_mask(place(*cpu.m_code, cpu.m_code->m_mask))
    , tlb(place(*cpu.m_code, cpu.m_code->m_tlb[0]))
    , sites(place(*cpu.m_code, cpu.m_code->sites))
{
}

} // namespace zvisor
