#pragma once

#include "base/verify.h"
#include "cpu/cpu_group.h"
#include "cpu/null_services.h"
#include "engine/make_engine.h"
#include "isa/text.h"

#include <initializer_list>
#include <span>
#include <string_view>

namespace zvisor {

/// A CPU with an engine, without a machine around it; for tests and benchmarks. A program interruption ends a run, and the
/// zeros behind a program are one.
class TestBench {
public:
    static constexpr u64 code_at = 0x3000;

    explicit TestBench(const EngineOptions& options, u64 storage_bytes = u64 { 1 } << 20)
        : storage(std::move(AbsoluteStorage::create(storage_bytes)).value())
    {
        for (unsigned bit = 0; bit < FacilitySet::size; ++bit)
            m_facilities.set(static_cast<Facility>(bit));
        cpu.set_engine(make_engine(*storage, options));
        cpu.clear_reset();
        cpu.cr[0] |= cr0::afp_register | cr0::vector;
        cpu.control_registers_changed();
        store_be<u64>(storage->host() + lowcore::program_new_psw, plain_mask | Psw::wait_bit);
    }

    /// Assembles lines such as "LGR 1,2"; returns the address behind them.
    u64 put(u64 at, std::initializer_list<std::string_view> lines)
    {
        for (auto line : lines)
            at = put(at, line);
        return at;
    }
    u64 put(u64 at, std::string_view line)
    {
        auto bits = isa::assemble(line, at);
        VERIFY(bits.has_value());
        u8 bytes[8];
        store_be<u64>(bytes, *bits);
        auto length = isa::instruction_length(bytes[0]);
        VERIFY(storage->write(at, std::as_bytes(std::span(bytes, length))));
        return at + length;
    }

    /// Executes from `address` to a program interruption. General registers stay as they are.
    void run(u64 address = code_at)
    {
        cpu.load_psw({ plain_mask, address });
        cpu.engine().run(cpu);
    }

    std::unique_ptr<AbsoluteStorage> storage;

private:
    static constexpr u64 plain_mask = Psw::extended_addressing_bit | Psw::basic_addressing_bit;

    FacilitySet m_facilities;
    NullChannelServices m_channels;
    NullMachineServices m_machine;
    CpuGroup m_group { *storage, m_facilities, m_channels, m_machine };

public:
    Cpu& cpu { m_group.add() };
};

} // namespace zvisor
