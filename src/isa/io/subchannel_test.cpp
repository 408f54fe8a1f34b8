// I/O instructions and SIGNAL PROCESSOR against services and CPUs that answer.

#include "cpu/cpu_group.h"
#include "cpu/engine.h"
#include "cpu/null_services.h"
#include "isa/text.h"

#include <algorithm>
#include <gtest/gtest.h>

namespace zvisor::isa {
namespace {

class Channels final : public NullChannelServices {
public:
    u8 start_subchannel(u32 subchannel, std::span<const std::byte, 32> given) override
    {
        started = subchannel;
        std::ranges::copy(given, orb.begin());
        return 0;
    }
    u8 test_subchannel(u32, std::span<std::byte, 96> irb) override
    {
        std::ranges::fill(irb, std::byte { 0x11 });
        tested = true;
        return 0;
    }
    u8 store_channel_report_word(u32& word) override
    {
        word = 0x12345678;
        return 0;
    }
    std::optional<IoInterruption> take_io(u8 mask) override
    {
        return mask == 0x10 ? std::exchange(interruption, std::nullopt) : std::nullopt;
    }

    u32 started { 0 };
    std::array<std::byte, 32> orb {};
    bool tested { false };
    std::optional<IoInterruption> interruption;
};

class IdleEngine final : public Engine {
public:
    void run(Cpu&) override { }
    void execute_target(Cpu&, u64, u64) override { }
    void code_stored(u64, u64) override { }
    void forget_all() override { }
};

class IoInstructions : public testing::Test {
protected:
    IoInstructions()
    {
        for (unsigned bit = 0; bit < FacilitySet::size; ++bit)
            facilities.set(static_cast<Facility>(bit));
        for (const auto& cpu : group.cpus())
            cpu->set_engine(std::make_unique<IdleEngine>());
        c.load_psw({ Psw::extended_addressing_bit | Psw::basic_addressing_bit, 0x1000 });
    }

    [[nodiscard]] u64 get(u64 absolute) const { return load_be<u64>(storage->host() + absolute); }

    ProgramCode run(std::string_view mnemonic, std::string_view operands)
    {
        const Row& row = *find_row(mnemonic);
        Op op;
        const Row* found = nullptr;
        decode(op, assemble(row, operands, 0x1000).value(), 0x1000, c.mode(), facilities, found);
        Op ops[2] { op, {} };
        ops[1].run = [](Cpu&, const Op*) { };
        try {
            ops[0].run(c, &ops[0]);
        } catch (const ProgramInterruption& interruption) {
            return interruption.code;
        }
        return {};
    }

    std::unique_ptr<AbsoluteStorage> storage { std::move(AbsoluteStorage::create(4 << 20)).value() };
    FacilitySet facilities;
    Channels channels;
    NullMachineServices machine;
    CpuGroup group { *storage, facilities, channels, machine };
    Cpu& c { group.add() };
    Cpu& other { group.add() };
};

constexpr ProgramCode nothing {};

TEST_F(IoInstructions, TheExtensionOfAnOrbIsFetchedWhenItIsThere)
{
    u8* orb = storage->host() + 0x5000;
    std::fill_n(orb, 32, u8 { 0x22 });
    c.gr[1] = 0x00010003;
    c.gr[2] = 0x5000;
    EXPECT_EQ(run("SSCH", "0(2)"), nothing);
    EXPECT_EQ(channels.started, 0x00010003u);
    EXPECT_EQ(channels.orb[11], std::byte { 0x22 });
    EXPECT_EQ(channels.orb[12], std::byte { 0 });
    orb[7] |= 1;
    EXPECT_EQ(run("SSCH", "0(2)"), nothing);
    EXPECT_EQ(channels.orb[31], std::byte { 0x22 });
}

TEST_F(IoInstructions, StatusIsNotTakenWhenItCannotBeStored)
{
    c.gr[2] = (4 << 20) - 60;
    EXPECT_EQ(run("TSCH", "0(2)"), ProgramCode::addressing);
    EXPECT_FALSE(channels.tested);
    c.gr[2] = 0x5000;
    EXPECT_EQ(run("TSCH", "0(2)"), nothing);
    EXPECT_EQ(get(0x5038), 0x1111111111111111u);
    EXPECT_EQ(get(0x5040), 0u) << "sixteen words";
}

TEST_F(IoInstructions, TestPendingInterruptionStoresTwoOrThreeWords)
{
    c.gr[2] = 0x5000;
    channels.interruption = IoInterruption { 0x00010003, 0x1234, 0x18000000 };
    EXPECT_EQ(run("TPI", "0(2)"), nothing);
    EXPECT_EQ(c.cc(), 0) << "no subclass is enabled";
    c.cr[6] = 0x10000000;
    EXPECT_EQ(run("TPI", "0(2)"), nothing);
    EXPECT_EQ(c.cc(), 1);
    EXPECT_EQ(get(0x5000), 0x0001000300001234u);
    EXPECT_EQ(get(0x5008), 0u);
    channels.interruption = IoInterruption { 0x00010004, 0x5678, 0x18000000 };
    EXPECT_EQ(run("TPI", "0(0)"), nothing);
    EXPECT_EQ(get(0xb8), 0x0001000400005678u);
    EXPECT_EQ(get(0xc0) >> 32, 0x18000000u);
}

TEST_F(IoInstructions, ChannelReportWords)
{
    c.gr[2] = 0x5000;
    EXPECT_EQ(run("STCRW", "0(2)"), nothing);
    EXPECT_EQ(c.cc(), 0);
    EXPECT_EQ(get(0x5000) >> 32, 0x12345678u);
}

TEST_F(IoInstructions, SignalsToAStoppedCpu)
{
    auto signal = [&](u64 order, u64 parameter) {
        c.gr[2] = 0;
        c.gr[3] = parameter;
        c.gr[4] = 1;
        c.gr[5] = order;
        EXPECT_EQ(run("SIGP", "2,4,0(5)"), nothing);
        return c.cc();
    };
    EXPECT_EQ(signal(0x01, 0), 1);
    EXPECT_EQ(c.gr[2], 0x40u) << "stopped";
    EXPECT_EQ(signal(0x15, 0), 1);
    EXPECT_EQ(c.gr[2], 0x400u) << "not running";
    EXPECT_EQ(signal(0x0d, 0x300000), 0);
    EXPECT_EQ(other.prefix, 0x300000u);
    EXPECT_EQ(signal(0x0d, 0x7f000000), 1);
    EXPECT_EQ(c.gr[2], 0x100u) << "invalid parameter";
    other.gr[7] = 77;
    EXPECT_EQ(signal(0x0e, 0x6000), 0);
    EXPECT_EQ(get(0x6080 + 7 * 8), 77u);
    EXPECT_EQ(get(0x6118) >> 32, 0x300000u) << "prefix";
    other.vr[31] = { .lo = 2, .hi = 1 };
    EXPECT_EQ(signal(0x17, 0x6400), 0);
    EXPECT_EQ(get(0x6400 + 31 * 16 + 8), 2u);
    EXPECT_EQ(signal(0x02, 0), 0);
    EXPECT_EQ(signal(0x02, 0), 1);
    EXPECT_EQ(c.gr[2], 0x80u) << "external call pending";
    EXPECT_EQ(signal(0x12, 1), 1);
    EXPECT_EQ(c.gr[2], 0x100u) << "z/Architecture already";
    EXPECT_EQ(signal(0x06, 0), 0);
    EXPECT_EQ(signal(0x01, 0), 2) << "busy with the restart";
}

} // namespace
} // namespace zvisor::isa
