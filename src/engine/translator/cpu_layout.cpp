#include "engine/translator/cpu_layout.h"

namespace zvisor {

namespace {

template<class Whole, class Part>
[[nodiscard]] u32 place(const Whole& whole, const Part& part)
{
    return static_cast<u32>(reinterpret_cast<const char*>(&part) - reinterpret_cast<const char*>(&whole));
}

template<class Part>
[[nodiscard]] std::size_t place_in(const Cpu& cpu, const Part& part)
{
    return place(cpu, part) - CpuLayout::bias;
}

} // namespace

CpuLayout::CpuLayout(const Cpu& cpu)
    : general_registers(place_in(cpu, cpu.gr))
    , vector_registers(place_in(cpu, cpu.vr))
    , access_registers(place_in(cpu, cpu.ar))
    , fpc(place_in(cpu, cpu.fpc))
    , next(place_in(cpu, cpu.next))
    , op(place_in(cpu, cpu.op))
    , retired(place_in(cpu, cpu.retired))
    , condition_code(place_in(cpu, cpu.m_cc))
    , program_mask(place_in(cpu, cpu.m_program_mask))
    , system_mask(place_in(cpu, cpu.m_psw.mask) + sizeof cpu.m_psw.mask - 1)
    , attention(place_in(cpu, cpu.m_attention))
    , mode(place_in(cpu, cpu.m_mode))
    , pending(place_in(cpu, cpu.m_pending))
    , data_space(place_in(cpu, cpu.m_data))
    , code_space(place_in(cpu, cpu.m_code))
    , generation(place(*cpu.m_code, cpu.m_code->generation))
    , tlb_mask(place(*cpu.m_code, cpu.m_code->m_mask))
    , tlb(place(*cpu.m_code, cpu.m_code->m_tlb[0]))
    , sites(place(*cpu.m_code, cpu.m_code->sites))
{
}

} // namespace zvisor
