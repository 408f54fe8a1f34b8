#include "channel/test_bench.h"

#include <gtest/gtest.h>
#include <random>

namespace zvisor {
namespace {

/// Keeps what is written and gives it back.
class Notebook final : public DeviceOf<Notebook> {
public:
    [[nodiscard]] SenseId identification() const override { return { 0xff, u16 { 0x1234 }, 0x56, u16 { 0x789a }, 0xbc }; }

    DeviceStatus read(ByteStream& data)
    {
        data.store(std::as_bytes(std::span { text }));
        return normal_ending;
    }
    DeviceStatus write(ByteStream& data)
    {
        std::string bytes(64, '\0');
        bytes.resize(data.fetch(std::as_writable_bytes(std::span { bytes })));
        text = bytes;
        return normal_ending;
    }
    DeviceStatus skip_next(ByteStream&) { return { static_cast<u8>(normal_ending.value | DeviceStatus::status_modifier) }; }

    static constexpr Command<Notebook> commands[] = {
        { 0x01, "WRITE", &Notebook::write },
        { 0x02, "READ", &Notebook::read },
        { 0x0c, "READ BACKWARD", &Notebook::read },
        { 0x0b, "SKIP NEXT", &Notebook::skip_next },
    };

    std::string text { "0123456789ABCDEF" };
};

constexpr u8 chain = Ccw::chain_command;
constexpr u8 chain_data = Ccw::chain_data;
constexpr u8 sli = Ccw::suppress_length_indication;
constexpr u8 ida = Ccw::indirect_data_address;
constexpr u32 data = ChannelBench::data_address;

Ccw1 ccw(u8 command, u8 flags, u16 count, u32 address = data)
{
    return { command, flags, count, address };
}

class Channel : public ::testing::Test {
protected:
    Channel()
    {
        auto device = std::make_unique<Notebook>();
        notebook = device.get();
        sid = bench.add(std::move(device));
    }

    /// Runs a program that ends at once and checks device and subchannel status.
    void expect_status(std::initializer_list<Ccw1> program, u8 device_status, u8 subchannel_status, u32 flags = ChannelBench::orb_flags)
    {
        irb = bench.run(sid, program, flags);
        EXPECT_EQ(irb.scsw.device_status, device_status);
        EXPECT_EQ(irb.scsw.subchannel_status, subchannel_status);
    }
    void expect_normal(std::initializer_list<Ccw1> program, u32 flags = ChannelBench::orb_flags) { expect_status(program, 0x0c, 0, flags); }
    void expect_program_check(std::initializer_list<Ccw1> program, u32 flags = ChannelBench::orb_flags)
    {
        irb = bench.run(sid, program, flags);
        EXPECT_EQ(irb.scsw.subchannel_status, SubchannelStatus::program_check);
    }

    ChannelBench bench;
    Notebook* notebook;
    u32 sid;
    Irb irb {};
};

TEST_F(Channel, StoreSubchannelShowsTheDeviceAndEndsTheScan)
{
    auto first = bench.channels->store_subchannel(0x10000).value();
    EXPECT_EQ(first.condition_code, 0);
    EXPECT_EQ(first.block.pmcw.device_number, 1);
    EXPECT_TRUE(first.block.pmcw.device_number_valid());
    EXPECT_EQ(first.block.pmcw.path_installed_mask, 0x80);
    EXPECT_EQ(bench.channels->store_subchannel(0x10001).value().condition_code, 3);
    EXPECT_EQ(bench.channels->store_subchannel(0).error(), ProgramCode::operand);
    EXPECT_EQ(bench.channels->store_subchannel(0x30000).error(), ProgramCode::operand) << "set 1 is not enabled";
}

TEST_F(Channel, SenseIdEndsNormallyWithResidualCount)
{
    expect_normal({ ccw(0xe4, sli, 20) });
    EXPECT_EQ(bench.get(data, 7), std::string("\xff\x12\x34\x56\x78\x9a\xbc", 7));
    EXPECT_EQ(irb.scsw.count, 13);
    EXPECT_EQ(irb.scsw.ccw_address, ChannelBench::program_address + 8);
    EXPECT_EQ(irb.scsw.control & 0xffff, 0x4007u) << "start function, primary, secondary, status pending";
    EXPECT_EQ(bench.channels->test_subchannel(sid)->condition_code, 1) << "status was cleared";
}

TEST_F(Channel, InterruptionCarriesParameterAndSubclass)
{
    bench.put_program({ ccw(0x03, 0, 0) });
    ASSERT_EQ(bench.start(sid), 0);
    ASSERT_TRUE(ChannelBench::eventually([&] { return bench.channels->pending(0x10); }));
    EXPECT_FALSE(bench.channels->pending(0xef)) << "only ISC 3";
    auto interruption = bench.channels->take(0xff).value();
    EXPECT_EQ(interruption.subsystem_id, sid);
    EXPECT_EQ(interruption.parameter, 0x12345678u);
    EXPECT_EQ(interruption.identification, 3u << 27);
    EXPECT_EQ(bench.start(sid), 1) << "status pending";
}

TEST_F(Channel, CommandAndDataChaining)
{
    bench.put(data, "abcdef");
    expect_normal({ ccw(0x01, chain_data, 4), ccw(0, chain | sli, 2, data + 4), ccw(0x02, 0, 6, data + 0x100) });
    EXPECT_EQ(notebook->text, "abcdef");
    EXPECT_EQ(bench.get(data + 0x100, 6), "abcdef");
}

TEST_F(Channel, IncorrectLengthStopsChainingUnlessSuppressed)
{
    expect_status({ ccw(0x02, chain, 20), ccw(0x03, 0, 0) }, 0x0c, SubchannelStatus::incorrect_length);
    EXPECT_EQ(irb.scsw.count, 4);
    expect_status({ ccw(0x02, 0, 8) }, 0x0c, SubchannelStatus::incorrect_length);
    expect_normal({ ccw(0x02, chain | sli, 20), ccw(0x03, sli, 1) });
    EXPECT_EQ(irb.scsw.ccw_address, ChannelBench::program_address + 16);
    expect_status({ ccw(0x02, chain_data, 16), ccw(0, sli | chain_data, 8), ccw(0, 0, 8) }, 0x0c, SubchannelStatus::incorrect_length);
}

TEST_F(Channel, SkipFlagStoresNothing)
{
    bench.put(data, "................");
    expect_normal({ ccw(0x02, chain_data | Ccw::skip, 6), ccw(0, 0, 10, data) });
    EXPECT_EQ(bench.get(data, 12), "6789ABCDEF..");
}

TEST_F(Channel, TransferInChannelAndStatusModifier)
{
    expect_normal({ ccw(0x0b, chain, 0), ccw(0xf7, 0, 0), ccw(0x08, 0, 0, ChannelBench::program_address + 32), {}, ccw(0x03, 0, 0) });
    expect_program_check({ ccw(0x08, 0, 0, ChannelBench::program_address + 8), ccw(0x03, 0, 0) });
    auto to_next = [](u32 index) { return ccw(0x08, 0, 0, ChannelBench::program_address + index * 8); };
    expect_program_check({ ccw(0x03, chain, 0), to_next(2), to_next(3), ccw(0x03, 0, 0) });
}

TEST_F(Channel, CommandRejectComesWithConcurrentSense)
{
    expect_status({ ccw(0x77, sli, 1) }, 0x0e, 0);
    EXPECT_EQ(irb.extended_control[0], SenseByte::command_reject);
    EXPECT_TRUE(irb.scsw.has(ScswBit::alert_status));
    EXPECT_TRUE(irb.esw.extended_report & Esw::concurrent_sense);
}

TEST_F(Channel, Format1IndirectAddressingUses2kBlocks)
{
    bench.put_as(0x3000, Be<u32> { 0x47fc });
    bench.put_as(0x3004, Be<u32> { 0x5000 });
    expect_normal({ ccw(0x02, ida, 16, 0x3000) });
    EXPECT_EQ(bench.get(0x47fc, 4) + bench.get(0x5000, 12), "0123456789ABCDEF");
    bench.put_as(0x3004, Be<u32> { 0x5004 });
    expect_program_check({ ccw(0x02, ida, 16, 0x3000) });
}

TEST_F(Channel, Format2IndirectAddressingUses4kBlocks)
{
    u32 flags = ChannelBench::orb_flags | word_mask<14>;
    bench.put_as(0x3000, Be<u64> { 0x4ff8 });
    bench.put_as(0x3008, Be<u64> { 0x6000 });
    expect_normal({ ccw(0x02, ida, 16, 0x3000) }, flags);
    EXPECT_EQ(bench.get(0x4ff8, 8) + bench.get(0x6000, 8), "0123456789ABCDEF");
    expect_program_check({ ccw(0x02, ida, 16, 0x3004) }, flags);
}

TEST_F(Channel, ModifiedIndirectAddressingSkipsAndChecksCounts)
{
    u32 flags = ChannelBench::orb_flags | word_mask<25>;
    auto midaw = [](u8 midaw_flags, u16 count, u64 address) { return Midaw { {}, midaw_flags, count, address }; };
    bench.put_as(0x3000, midaw(Midaw::skip, 4, 0));
    bench.put_as(0x3010, midaw(Midaw::last, 12, 0x4ff4));
    constexpr u8 mida = Ccw::modified_indirect_data_address;
    expect_normal({ ccw(0x02, mida, 16, 0x3000) }, flags);
    EXPECT_EQ(bench.get(0x4ff4, 12), "456789ABCDEF");
    bench.put_as(0x3010, midaw(Midaw::last, 12, 0x4ff8));
    expect_program_check({ ccw(0x02, mida, 16, 0x3000) }, flags);
    bench.put_as(0x3010, midaw(0, 12, 0x4ff4));
    expect_program_check({ ccw(0x02, mida, 16, 0x3000) }, flags);
    expect_program_check({ ccw(0x02, mida, 16, 0x3000) });
}

TEST_F(Channel, ReadBackwardStoresDescending)
{
    expect_normal({ ccw(0x0c, 0, 16, data + 15) });
    EXPECT_EQ(bench.get(data, 16), "FEDCBA9876543210");
}

TEST_F(Channel, StorageKeysProtectAgainstTheSubchannelKey)
{
    u32 key_2 = 0x20000000;
    bench.storage->set_key(data, { 0x30 });
    expect_status({ ccw(0x02, 0, 16) }, 0x0c, SubchannelStatus::protection_check, ChannelBench::orb_flags | key_2);
    bench.storage->set_key(data, { 0x20 });
    expect_normal({ ccw(0x02, 0, 16) }, ChannelBench::orb_flags | key_2);
    bench.storage->set_key(ChannelBench::program_address, { 0x38 });
    expect_status({ ccw(0x02, 0, 16) }, 0, SubchannelStatus::protection_check, ChannelBench::orb_flags | key_2);
}

TEST_F(Channel, InvalidCcwsAreProgramChecks)
{
    expect_program_check({ ccw(0x00, 0, 1) });
    expect_program_check({ ccw(0x02, chain_data, 0) });
    expect_program_check({ ccw(0x02, Ccw::suspend, 1) });
    expect_program_check({ ccw(0x02, 0, 1, 0x80000000) });
    expect_program_check({ ccw(0x02, sli, 1, 0x7ffffff0) });
    ASSERT_EQ(bench.start(sid, ChannelBench::orb_flags, ChannelBench::program_address + 4), 0);
    EXPECT_EQ(bench.wait(sid).scsw.subchannel_status, SubchannelStatus::program_check);
}

TEST_F(Channel, Format0Programs)
{
    bench.put(ChannelBench::program_address, std::string("\x02\x00\x20\x00\x40\x00\x00\x10\x18\x00\x10\x18\x00\x00\x00\x00", 16));
    bench.put(0x1018, std::string("\xe4\x00\x30\x00\x20\x00\x00\x07", 8));
    ASSERT_EQ(bench.start(sid, word_mask<16, 23>), 0);
    irb = bench.wait(sid);
    EXPECT_EQ(irb.scsw.device_status, 0x0c);
    EXPECT_EQ(irb.scsw.ccw_address, 0x1020u);
    EXPECT_EQ(bench.get(0x3001, 2), "\x12\x34");
}

TEST_F(Channel, ProgramControlledInterruptionComesBeforeTheEnd)
{
    irb = bench.run(sid, { ccw(0x03, chain | Ccw::program_controlled_interruption, 0), ccw(0x08, 0, 0, ChannelBench::program_address) });
    EXPECT_TRUE(irb.scsw.has(ScswBit::intermediate_status));
    EXPECT_EQ(irb.scsw.subchannel_status, SubchannelStatus::program_controlled_interruption);
    EXPECT_NE(bench.start(sid), 0) << "status pending again, or between two PCIs busy";
    EXPECT_EQ(bench.channels->clear_subchannel(sid).value(), 0);
    EXPECT_TRUE(ChannelBench::eventually([&] { return !bench.channels->store_subchannel(sid)->block.scsw.has(ScswBit::clear_pending); }));
}

TEST_F(Channel, SuspendAndResume)
{
    u32 flags = ChannelBench::orb_flags | word_mask<4>;
    irb = bench.run(sid, { ccw(0x03, chain, 0), ccw(0x02, Ccw::suspend, 16) }, flags);
    EXPECT_TRUE(irb.scsw.has(ScswBit::suspended));
    EXPECT_EQ(irb.scsw.status(), ScswBit::intermediate_status | ScswBit::status_pending);
    EXPECT_EQ(irb.scsw.ccw_address, ChannelBench::program_address + 16);
    EXPECT_EQ(bench.start(sid), 2) << "start function in progress";
    bench.put_as(ChannelBench::program_address + 8, ccw(0x02, 0, 16));
    EXPECT_EQ(bench.channels->resume_subchannel(sid).value(), 0);
    EXPECT_EQ(bench.wait(sid).scsw.device_status, 0x0c);
    EXPECT_EQ(bench.channels->resume_subchannel(sid).value(), 2) << "no function in progress";
}

TEST_F(Channel, LoopingProgramsAreHaltedAndDoNotBlockOthers)
{
    u32 second = bench.add(std::make_unique<Notebook>(), 2);
    u32 third = bench.add(std::make_unique<Notebook>(), 3);
    bench.put_program({ ccw(0x03, chain, 0), ccw(0x08, 0, 0, ChannelBench::program_address) });
    ASSERT_EQ(bench.start(sid), 0);
    ASSERT_EQ(bench.start(second), 0);
    bench.put_as(0x5000, ccw(0xe4, sli, 7));
    ASSERT_EQ(bench.start(third, ChannelBench::orb_flags, 0x5000), 0);
    EXPECT_EQ(bench.wait(third).scsw.device_status, 0x0c);
    EXPECT_EQ(bench.start(sid), 2);
    EXPECT_EQ(bench.channels->cancel_subchannel(sid).value(), 2) << "already active";
    EXPECT_EQ(bench.channels->halt_subchannel(sid).value(), 0);
    EXPECT_TRUE(bench.wait(sid).scsw.has(ScswBit::halt_function | ScswBit::primary_status));
    EXPECT_EQ(bench.channels->clear_subchannel(second).value(), 0);
    irb = bench.wait(second);
    EXPECT_EQ(irb.scsw.control & (ScswBit::functions | ScswBit::statuses), ScswBit::clear_function | ScswBit::status_pending);
    EXPECT_EQ(bench.start(sid), 0) << "usable again";
    bench.channels->reset();
    EXPECT_EQ(bench.start(sid), 3) << "disabled by the reset";
}

TEST_F(Channel, DisabledSubchannelsAreNotOperational)
{
    Schib schib = bench.channels->store_subchannel(sid)->block;
    schib.pmcw.flags = static_cast<u16>(schib.pmcw.flags & ~Pmcw::enabled_bit);
    EXPECT_EQ(bench.channels->modify_subchannel(sid, schib).value(), 0);
    EXPECT_EQ(bench.start(sid), 3);
    EXPECT_EQ(bench.channels->test_subchannel(sid)->condition_code, 3);
    schib.pmcw.flags = static_cast<u16>(schib.pmcw.flags | 0x0100);
    EXPECT_EQ(bench.channels->modify_subchannel(sid, schib).error(), ProgramCode::operand);
}

TEST_F(Channel, AddressLimitChecking)
{
    EXPECT_EQ(bench.channels->set_address_limit(0x123).error(), ProgramCode::operand);
    EXPECT_EQ(bench.channels->set_address_limit(0x10000).value(), 0);
    Schib schib = bench.channels->store_subchannel(sid)->block;
    schib.pmcw.flags = static_cast<u16>(schib.pmcw.flags | 1 << 5);
    EXPECT_EQ(bench.channels->modify_subchannel(sid, schib).value(), 0);
    u32 flags = ChannelBench::orb_flags | word_mask<11>;
    expect_normal({ ccw(0x02, 0, 16, 0x10000) }, flags);
    expect_status({ ccw(0x02, 0, 16, 0xfff8) }, 0x0c, SubchannelStatus::program_check, flags);
}

TEST_F(Channel, MeasurementBlocksCountFunctions)
{
    EXPECT_EQ(bench.channels->set_channel_monitor(0x4, 0).error(), ProgramCode::operand);
    EXPECT_EQ(bench.channels->set_channel_monitor(0x2, 0x8000).value(), 0);
    Schib schib = bench.channels->store_subchannel(sid)->block;
    schib.pmcw.flags = static_cast<u16>(schib.pmcw.flags | 0x0010);
    schib.pmcw.measurement_block_index = 2;
    EXPECT_EQ(bench.channels->modify_subchannel(sid, schib).value(), 0);
    expect_normal({ ccw(0x03, 0, 0) });
    expect_normal({ ccw(0x03, 0, 0) });
    EXPECT_EQ(bench.get(0x8040, 4), std::string("\0\2\0\2", 4));
    schib.pmcw.characteristics = Pmcw::measurement_block_format_bit;
    schib.measurement_block_address = 0x9000;
    EXPECT_EQ(bench.channels->modify_subchannel(sid, schib).value(), 0);
    expect_normal({ ccw(0x03, 0, 0) });
    EXPECT_EQ(bench.get(0x9000, 8), std::string("\0\0\0\1\0\0\0\1", 8));
}

TEST_F(Channel, DetachedDevicesLeaveAnEmptySubchannelAndAReport)
{
    bench.channels->detach({ sid });
    EXPECT_FALSE(bench.channels->store_subchannel(sid)->block.pmcw.device_number_valid());
    EXPECT_EQ(bench.channels->store_channel_report_word().block.word, 0x03040000u);
    EXPECT_EQ(bench.channels->store_channel_report_word().condition_code, 1);
}

TEST_F(Channel, DeviceNumbersAreUnique)
{
    auto again = bench.channels->attach(0, 1, std::make_unique<Notebook>());
    ASSERT_FALSE(again);
    EXPECT_EQ(again.error().message, "device number 0.0.0001 is given twice: each device needs its own");
}

class Chsc : public Channel {
protected:
    u16 call(std::initializer_list<u16> halfwords, u16 length)
    {
        block.fill({});
        std::size_t at = 0;
        for (u16 halfword : halfwords) {
            store_be(block.data() + at, halfword);
            at += 2;
        }
        EXPECT_TRUE(bench.channels->channel_subsystem_call(block));
        return load_be<u16>(block.data() + length + 2);
    }

    std::array<std::byte, chsc_block_size> block {};
};

TEST_F(Chsc, DescribesPathsAndSubchannels)
{
    EXPECT_EQ(call({ 0x10, 0x02, 0, 0, 0, 0xff }, 0x10), 1);
    EXPECT_EQ(load_be<u16>(block.data() + 0x10), 16);
    EXPECT_EQ(load_be<u32>(block.data() + 0x18), 0x80003200u);
    EXPECT_EQ(call({ 0x10, 0x04, 0, 0, 0, 0xffff }, 0x10), 1);
    EXPECT_EQ(load_be<u16>(block.data() + 0x10), 8 + 32);
    EXPECT_EQ(load_be<u32>(block.data() + 0x18), 0xc0010001u);
}

TEST_F(Chsc, EnablesSubchannelSets)
{
    EXPECT_EQ(call({ 0x400, 0x31, 0, 2 }, 0x400), 1);
    EXPECT_EQ(bench.channels->store_subchannel(0x30000).value().condition_code, 3);
    EXPECT_EQ(call({ 0x400, 0x31, 0, 0 }, 0x400), 0x101);
}

TEST_F(Chsc, RefusesWhatItDoesNotProvide)
{
    EXPECT_EQ(call({ 0x10, 0x4c }, 0x10), 4);
    EXPECT_EQ(call({ 0x10, 0x0e }, 0x10), 5);
    EXPECT_EQ(call({ 0x18, 0x02 }, 0x18), 3);
    store_be(block.data(), u16 { 0x11 });
    EXPECT_EQ(bench.channels->channel_subsystem_call(block).error(), ProgramCode::operand);
}

TEST(InterruptionQueue, LowestSubclassFirstAndAdapterInterruptionsMerge)
{
    InterruptionQueue queue;
    int heard = 0;
    queue.on_interruption([&] { ++heard; });
    queue.add(SubsystemId::of(0, 5), 6, 0xabcd);
    queue.add_adapter(3, false);
    queue.add_adapter(3, false);
    EXPECT_EQ(heard, 2);
    EXPECT_EQ(queue.take(0xff)->identification, 0x98000000u);
    EXPECT_EQ(queue.take(0xff)->parameter, 0xabcdu);
    EXPECT_FALSE(queue.take(0xff));
    EXPECT_FALSE(queue.pending(0xff));
}

TEST(InterruptionQueue, SingleModeSuppressesAfterTheFirst)
{
    InterruptionQueue queue;
    queue.set_mode(2, InterruptionQueue::Mode::single);
    queue.add_adapter(2, true);
    EXPECT_TRUE(queue.take(0xff));
    queue.add_adapter(2, true);
    EXPECT_FALSE(queue.pending(0xff));
    queue.set_mode(2, InterruptionQueue::Mode::single);
    queue.add_adapter(2, true);
    EXPECT_TRUE(queue.pending(0x20));
}

TEST_F(Channel, GarbageProgramsOnlyGiveStatus)
{
    std::mt19937 generator { 4711 };
    auto random = [&] { return static_cast<u32>(generator()); };
    for (int round = 0; round < 400; ++round) {
        for (u32 at = 0; at < 0x200; at += 8) {
            bool plausible = random() % 2;
            u32 high = plausible ? ((random() % 16) << 24 | (random() % 128) << 16 | random() % 64) : random();
            u32 low = plausible ? 0x1000 + (random() % 64) * 8 : random();
            bench.put_as(0x1000 + at, Be<u32> { high });
            bench.put_as(0x1004 + at, Be<u32> { low });
        }
        u32 flags = (random() & ~(word_mask<5> | word_mask<13> | word_mask<26, 30>)) | word_mask<16>;
        ASSERT_EQ(bench.start(sid, flags), 0);
        (void)ChannelBench::eventually([&] { return bench.channels->pending(0xff); }, 2);
        ASSERT_EQ(bench.channels->clear_subchannel(sid).value(), 0);
        ASSERT_TRUE(ChannelBench::eventually([&] { return bench.channels->pending(0xff); }));
        (void)bench.wait(sid);
    }
}

} // namespace
} // namespace zvisor
