#pragma once

#include "cpu/cpu.h"
#include "cpu/cpu_group.h"
#include "cpu/null_services.h"
#include "engine/interpreter/interpreter.h"
#include "isa/text.h"

#include <gtest/gtest.h>

namespace zvisor::debug {

/// A machine without channels or services whose CPU 0 begins at `start` with a program from assembler lines; for tests.
class TestGuest {
public:
    static constexpr u64 start = 0x1000;

    TestGuest(std::initializer_list<std::string_view> program, Observer& observer, unsigned cpus = 1)
    {
        for (unsigned bit = 0; bit < FacilitySet::size; ++bit)
            m_facilities.set(static_cast<Facility>(bit));
        group.set_observer(&observer);
        for (unsigned i = 0; i < cpus; ++i)
            group.add().set_engine(std::make_unique<Interpreter>(*storage, &observer));
        u64 at = start;
        for (auto line : program) {
            auto bits = isa::assemble(line, at);
            EXPECT_TRUE(bits) << line;
            u8 bytes[8];
            store_be<u64>(bytes, bits.value_or(0));
            auto length = isa::instruction_length(bytes[0]);
            EXPECT_TRUE(storage->write(at, std::as_bytes(std::span(bytes, length))));
            at += length;
        }
        cpu().load_psw({ Psw::extended_addressing_bit | Psw::basic_addressing_bit, start });
        cpu().order_start();
    }

    [[nodiscard]] Cpu& cpu() { return *group.cpus()[0]; }

    std::unique_ptr<AbsoluteStorage> storage { std::move(AbsoluteStorage::create(1 << 20)).value() };

private:
    FacilitySet m_facilities;
    NullChannelServices m_channels;
    NullMachineServices m_machine;

public:
    CpuGroup group { *storage, m_facilities, m_channels, m_machine };
};

} // namespace zvisor::debug
