#include "cpu/cpu_group.h"
#include "cpu/null_services.h"
#include "engine/interpreter/interpreter.h"
#include "engine/translator/translator.h"
#include "isa/text.h"

#include <algorithm>
#include <array>
#include <atomic>
#include <chrono>
#include <cstring>
#include <fmt/format.h>
#include <gtest/gtest.h>
#include <set>
#include <thread>

namespace zvisor::engines {
namespace {

constexpr u64 storage_bytes = 0x100000;
constexpr u64 waiting_psw = 0xf00;
constexpr u64 interruption_count = 0xf20;
constexpr u64 handler_at = 0x2000;
constexpr u64 code_at = 0x3000;
constexpr u64 data_at = 0x20000;
constexpr u64 long_mode = Psw::extended_addressing_bit | Psw::basic_addressing_bit;

/// Raises an external call where the program asks for it the `at`th time.
class Services : public NullMachineServices {
public:
    bool diagnose(Cpu& cpu, u16, u8, u8) override
    {
        if (++asked == at)
            cpu.order_external_call(0);
        return true;
    }
    u64 at { 0 };
    u64 asked { 0 };
};

/// Raises an external call in front of the instruction number `at`, up to which the CPU is careful, and notes what interruptions find.
class Injector : public Observer {
public:
    bool before_instruction(Cpu& cpu, u64, u64, const isa::Row*) override
    {
        if (executed++ != at)
            return true;
        cpu.order_external_call(0);
        cpu.set_careful(false);
        return false;
    }
    void interruption(Cpu&, u64 old_at, const Psw& old) override
    {
        if (old_at == lowcore::external_old_psw)
            old_addresses.push_back(old.address);
    }
    u64 at { ~u64 { 0 } };
    u64 executed { 0 };
    std::vector<u64> old_addresses;
};

/// Instructions one behind the other; `@` in a line is the address of the latest line that is only a colon.
std::vector<u8> assembled(std::initializer_list<const char*> lines, u64 address, std::set<u64>* boundaries = nullptr)
{
    std::vector<u8> out;
    std::string label;
    for (std::string line : lines) {
        u64 at = address + out.size();
        if (line == ":") {
            label = fmt::format("{:#x}", at);
            continue;
        }
        if (auto place = line.find('@'); place != std::string::npos)
            line.replace(place, 1, label);
        u64 bits = isa::assemble(line, at).value();
        if (boundaries)
            boundaries->insert(at);
        for (unsigned i = 0; i < isa::instruction_length(static_cast<u8>(bits >> 56)); ++i)
            out.push_back(static_cast<u8>(bits >> (56 - 8 * i)));
    }
    return out;
}

/// What a program leaves, besides what interruptions do.
struct End {
    std::array<u64, 17> gr;
    u64 psw_mask;
    u64 psw_address;
    std::vector<u8> storage;
    friend bool operator==(const End&, const End&) = default;
};

/// A CPU and a program of loops, calls, stores and interruptible instructions, under external interruptions that are only counted.
class Machine {
public:
    explicit Machine(bool translated)
    {
        if (translated) {
            auto engine = std::make_unique<Translator>(*storage, EngineOptions { .observer = &injector });
            engine->set_patience(0);
            engine->set_path_patience(3);
            cpu.set_engine(std::move(engine));
        } else {
            cpu.set_engine(std::make_unique<Interpreter>(*storage, &injector));
        }
        m_group.set_observer(&injector);
    }

    void prepare(u64 rounds)
    {
        cpu.clear_reset();
        cpu.engine().forget_all();
        std::memset(storage->host(), 0, storage_bytes);
        for (u64 i = 0; i < 0x3000; ++i)
            storage->host()[data_at + i] = static_cast<u8>(i * 7 + i / 256);
        put(handler_at, assembled({ "AGSI 3872(0),1", "LPSWE 304(0)" }, handler_at));
        boundaries.clear();
        put(code_at, program());
        put_psw(lowcore::external_new_psw, { long_mode, handler_at });
        put_psw(waiting_psw, { Psw::wait_bit | long_mode, 0xdead });
        cpu.gr[9] = rounds;
        cpu.gr[10] = data_at;
        cpu.gr[11] = data_at + 0x1000;
        cpu.cr[0] |= cr0::external_call;
        cpu.control_registers_changed();
        cpu.load_psw({ Psw::external_bit | long_mode, m_start });
        services.asked = 0;
        injector.executed = 0;
        injector.old_addresses.clear();
    }

    End run()
    {
        cpu.retired = 0;
        cpu.engine().run(cpu);
        const u8* host = storage->host();
        return { cpu.gr, cpu.psw().mask, cpu.psw().address, { host + code_at, host + storage_bytes } };
    }

    [[nodiscard]] u64 counted() const { return load_be<u64>(storage->host() + interruption_count); }
    void expect_boundaries() const
    {
        for (u64 address : injector.old_addresses)
            EXPECT_TRUE(boundaries.contains(address)) << std::hex << address;
    }

    std::unique_ptr<AbsoluteStorage> storage { std::move(AbsoluteStorage::create(storage_bytes)).value() };
    Injector injector;
    Services services;
    std::set<u64> boundaries;

private:
    std::vector<u8> program()
    {
        auto code = assembled({ ":", "ST 2,8(0,10)", "AHI 2,3", "BCR 15,14" }, code_at, &boundaries);
        m_start = code_at + code.size();
        auto main = assembled(
            { ":", "BRAS 14,0x3000", "STG 2,16(0,10)", "LA 4,2048(0,10)", "LGHI 5,300", "LA 6,512(0,11)", "LGHI 7,280", "STNSM 200(10),252",
                "DIAG 0,0,0(0)", "AGR 8,2", "STOSM 201(10),3", "MVCL 4,6", "MVC 0(8,11),16(10)", "LA 4,2048(0,10)", "LGHI 5,280",
                "LA 6,512(0,11)", "LGHI 7,280", "CLCL 4,6", "LAA 3,2,24(10)", "XC 100(9,10),8(10)", "ALGR 3,2", "SLBGR 8,3", "CGR 8,2",
                "STOC 3,32(10),4", "DIAG 0,0,0(0)", "STMG 0,8,40(11)", "MSGR 8,9", "XGR 3,8", "BRCTG 9,@" },
            m_start, &boundaries);
        u64 at = m_start + main.size();
        auto last = assembled({ "LA 4,1024(0,10)", "LGHI 5,6000", "LA 6,0(0,11)", "LGHI 7,5000", ":", "MVCLE 4,6,0(0)", "BRC 1,@",
                                  "CLC 0(200,10),0(11)", "LPSWE 3840(0)" },
            at, &boundaries);
        code.insert(code.end(), main.begin(), main.end());
        code.insert(code.end(), last.begin(), last.end());
        return code;
    }
    void put(u64 address, const std::vector<u8>& bytes) { std::ranges::copy(bytes, storage->host() + address); }
    void put_psw(u64 address, const Psw& psw)
    {
        store_be<u64>(storage->host() + address, psw.mask);
        store_be<u64>(storage->host() + address + 8, psw.address);
    }

    FacilitySet m_facilities { [] {
        FacilitySet set;
        for (unsigned bit = 0; bit < FacilitySet::size; ++bit)
            set.set(static_cast<Facility>(bit));
        return set;
    }() };
    NullChannelServices m_channels;
    CpuGroup m_group { *storage, m_facilities, m_channels, services };
    u64 m_start { 0 };

public:
    Cpu& cpu { m_group.add() };
};

/// The parameter says whether it is the translator.
class Interruptions : public testing::TestWithParam<bool> {
protected:
    /// What the program leaves when nothing interrupts it.
    static End undisturbed(u64 rounds)
    {
        Machine machine(false);
        machine.prepare(rounds);
        End end = machine.run();
        EXPECT_EQ(end.psw_address, 0xdead);
        return end;
    }
};

TEST_P(Interruptions, AtEveryInstructionLeaveTheProgramAlone)
{
    constexpr u64 rounds = 6;
    End wanted = undisturbed(rounds);
    Machine machine(GetParam());
    u64 boundaries = 0;
    for (u64 n = 0;; ++n) {
        machine.prepare(rounds);
        machine.injector.at = n;
        machine.cpu.set_careful(true);
        End end = machine.run();
        machine.cpu.set_careful(false);
        ASSERT_TRUE(end == wanted) << "interrupted before instruction " << n;
        machine.expect_boundaries();
        if (machine.counted() == 0)
            break;
        ASSERT_EQ(machine.counted(), 1);
        ++boundaries;
    }
    EXPECT_GT(boundaries, 20 * rounds);
}

TEST_P(Interruptions, WhileHandlersAreExecutedLeaveTheProgramAlone)
{
    constexpr u64 rounds = 40;
    End wanted = undisturbed(rounds);
    Machine machine(GetParam());
    for (u64 n = 1; n <= 2 * rounds; ++n) {
        machine.prepare(rounds);
        machine.services.at = n;
        ASSERT_TRUE(machine.run() == wanted) << "interrupted at request " << n;
        ASSERT_EQ(machine.counted(), 1) << "request " << n;
        machine.expect_boundaries();
    }
}

TEST_P(Interruptions, AtAnyTimeLeaveTheProgramAlone)
{
    constexpr u64 rounds = 50'000;
    End wanted = undisturbed(rounds);
    Machine machine(GetParam());
    u64 counted = 0;
    for (unsigned i = 0; i < 10; ++i) {
        machine.prepare(rounds);
        {
            std::atomic<bool> started = false;
            std::jthread other([&](const std::stop_token& stop) {
                started = true;
                while (!stop.stop_requested()) {
                    machine.cpu.order_external_call(0);
                    std::this_thread::sleep_for(std::chrono::microseconds(10));
                }
            });
            while (!started)
                std::this_thread::yield();
            ASSERT_TRUE(machine.run() == wanted);
        }
        EXPECT_EQ(machine.counted(), machine.injector.old_addresses.size());
        counted += machine.counted();
        machine.expect_boundaries();
    }
    EXPECT_GT(counted, 0);
}

INSTANTIATE_TEST_SUITE_P(
    Engines, Interruptions, testing::Bool(), [](const auto& made) { return made.param ? "Translator" : "Interpreter"; });

} // namespace
} // namespace zvisor::engines
