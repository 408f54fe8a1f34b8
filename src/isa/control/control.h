#pragma once

#include "arch/control.h"
#include "cpu/cpu_group.h"
#include "isa/insn.h"

#include <atomic>

/// What control instructions share: authorization, real storage and serialization (PoP ch. 5 and 10).
namespace zvisor::isa {

/// CPU serialization: no storage access moves across.
inline void serialize()
{
    std::atomic_thread_fence(std::memory_order_seq_cst);
}

inline void require_dat(Cpu& c)
{
    if (!c.psw_fields().dat())
        c.program(ProgramCode::special_operation);
}

inline void require_secondary_space_control(Cpu& c)
{
    if (!(c.cr[0] & cr0::secondary_space))
        c.program(ProgramCode::special_operation);
}

/// In the problem state the extraction-authority control must be one.
inline void require_extraction_authority(Cpu& c)
{
    if (!(c.cr[0] & cr0::extraction_authority))
        c.require_supervisor();
}

/// In the problem state the PSW-key mask (CR3 bits 32-47) must permit `key`.
inline void require_key_authority(Cpu& c, u8 key)
{
    if (!(c.cr[3] >> (31 - key) & 1))
        c.require_supervisor();
}

/// The access key in bits 56-59 of an address or register.
[[nodiscard]] inline u8 key_field(u64 value)
{
    return static_cast<u8>(bits<56, 59>(value));
}

/// Absolute address of a real one; raises addressing unless `length` bytes there are in the configuration.
[[nodiscard]] inline u64 available_real(Cpu& c, u64 real, u64 length = 1)
{
    u64 absolute = c.real_to_absolute(real);
    if (!c.storage().contains(absolute, length))
        c.program(ProgramCode::addressing);
    return absolute;
}

[[nodiscard]] inline bool is_low_address_protected(const Cpu& c, u64 address)
{
    return (c.cr[0] & cr0::low_address_protection) && (address & ~u64 { 0x11ff }) == 0;
}

/// Drops every cached translation of this CPU and of all others.
inline void purge_everywhere(Cpu& c)
{
    c.purge_all();
    c.group().purge_others(c);
}

} // namespace zvisor::isa
