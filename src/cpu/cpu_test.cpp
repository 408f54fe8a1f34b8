#include "cpu/cpu.h"

#include "arch/control.h"
#include "cpu/cpu_group.h"
#include "cpu/engine.h"
#include "cpu/null_services.h"

#include <chrono>
#include <gtest/gtest.h>
#include <thread>

namespace zvisor {
namespace {

/// Idles at instruction boundaries.
class IdleEngine final : public Engine {
public:
    void run(Cpu& cpu) override
    {
        while (cpu.handle_pending())
            std::this_thread::yield();
    }
    void execute_target(Cpu&, u64, u64) override { }
    void code_stored(u64 address, u64) override { last_code_store = address; }
    void forget_all() override { }

    std::atomic<u64> last_code_store { 0 };
};

/// One interruption and one channel report, when a test makes them pending.
class Channels final : public NullChannelServices {
public:
    bool io_pending(u8 mask) override { return interruption && (mask & isc_bit); }
    std::optional<IoInterruption> take_io(u8 mask) override
    {
        return mask & isc_bit ? std::exchange(interruption, std::nullopt) : std::nullopt;
    }
    bool channel_report_pending() override { return report; }

    static constexpr u8 isc_bit = 0x10;
    std::optional<IoInterruption> interruption;
    bool report { false };
};

class Machine final : public NullMachineServices {
public:
    bool service_signal_pending() override { return signal.has_value(); }
    std::optional<u32> take_service_signal() override { return std::exchange(signal, std::nullopt); }
    void cpu_halted(Cpu&) override { halted = true; }

    std::optional<u32> signal;
    std::atomic<bool> halted { false };
};

[[nodiscard]] FacilitySet all_facilities()
{
    FacilitySet set;
    for (unsigned bit = 0; bit < FacilitySet::size; ++bit)
        set.set(static_cast<Facility>(bit));
    return set;
}

constexpr u64 mode_64 = Psw::extended_addressing_bit | Psw::basic_addressing_bit;
constexpr u64 invalid_entry = 0x20;
constexpr u64 invalid_page = 0x400;
constexpr u64 protect = 0x200;

class CpuTest : public testing::Test {
protected:
    static constexpr u64 segment_table = 0x10000;
    static constexpr u64 page_table = 0x14000;

    CpuTest()
    {
        group.add();
        for (const auto& each : group.cpus())
            each->set_engine(std::make_unique<IdleEngine>());
        // Virtual pages 0-255 are the real pages behind 1 MiB; all else is invalid.
        for (u64 entry = 0; entry < 2048; ++entry)
            put(segment_table + entry * 8, invalid_entry);
        put(segment_table, page_table);
        for (u64 page = 0; page < 256; ++page)
            put(page_table + page * 8, 0x100000 + page * page_size);
        cpu.load_psw({ mode_64, 0x2000 });
    }

    void put(u64 absolute, u64 value) { store_be<u64>(storage->host() + absolute, value); }
    [[nodiscard]] u64 get(u64 absolute) const { return load_be<u64>(storage->host() + absolute); }
    void set_key(u64 absolute, u8 key)
    {
        storage->set_key(absolute, { key });
        cpu.purge_all();
    }

    void dat_on(u64 asce = segment_table, u8 key = 0)
    {
        cpu.cr[1] = asce;
        cpu.control_registers_changed();
        cpu.set_psw_mask(with_bits<8, 11>(mode_64 | Psw::dat_bit, key));
    }
    void set_control_0(u64 bits)
    {
        cpu.cr[0] |= bits;
        cpu.control_registers_changed();
    }

    /// The program interruption an access raises.
    template<class Action>
    [[nodiscard]] ProgramInterruption raised(Action action)
    {
        try {
            action();
        } catch (const ProgramInterruption& interruption) {
            return interruption;
        }
        return {};
    }
    [[nodiscard]] ProgramCode fetch_code(u64 address)
    {
        return raised([&] { (void)cpu.load64({ address }); }).code;
    }
    [[nodiscard]] ProgramCode store_code(u64 address)
    {
        return raised([&] { cpu.store64({ address }, 1); }).code;
    }

    std::unique_ptr<AbsoluteStorage> storage { std::move(AbsoluteStorage::create(16 << 20)).value() };
    FacilitySet facilities { all_facilities() };
    Channels channels;
    Machine machine;
    CpuGroup group { *storage, facilities, channels, machine };
    Cpu& cpu { group.add() };
};

constexpr ProgramCode nothing {};

// ---- Storage access ----------------------------------------------------------------------------------------

TEST_F(CpuTest, PrefixingSwapsTheFirstTwoBlocksWithThePrefixArea)
{
    cpu.prefix = 0x200000;
    EXPECT_EQ(cpu.real_to_absolute(0x1ff8), 0x201ff8u);
    EXPECT_EQ(cpu.real_to_absolute(0x200008), 0x8u);
    EXPECT_EQ(cpu.real_to_absolute(0x2000), 0x2000u);
    cpu.store64({ 0x300 }, 0x1122334455667788);
    EXPECT_EQ(get(0x200300), 0x1122334455667788u);
}

TEST_F(CpuTest, TranslatesThroughSegmentAndPageTable)
{
    put(0x105010, 77);
    dat_on();
    EXPECT_EQ(cpu.load64({ 0x5010 }), 77u);
    put(page_table + 6 * 8, invalid_page);
    EXPECT_EQ(fetch_code(0x6000), ProgramCode::page_translation);
    EXPECT_EQ(fetch_code(0x100000), ProgramCode::segment_translation);
    EXPECT_EQ(fetch_code(0x20000000), ProgramCode::segment_translation) << "the table is 4 KiB long";
    EXPECT_EQ(fetch_code(u64 { 1 } << 31), ProgramCode::asce_type);
    put(page_table + 7 * 8, 0x107800);
    EXPECT_EQ(fetch_code(0x7000), ProgramCode::translation_specification);
    put(page_table + 8 * 8, 0x40000000);
    EXPECT_EQ(fetch_code(0x8000), ProgramCode::addressing);
}

TEST_F(CpuTest, TranslationExceptionTellsAddressAccessAndSpace)
{
    dat_on();
    cpu.cr[7] = segment_table;
    cpu.control_registers_changed();
    cpu.set_psw_mask(with_bits<16, 17>(cpu.psw_fields().mask, static_cast<u64>(AddressSpaceControl::secondary)));
    auto store = raised([&] { cpu.store8({ 0x123456 }, 0); });
    EXPECT_EQ(store.code, ProgramCode::segment_translation);
    EXPECT_EQ(store.translation_exception, 0x123402u);
    auto fetch = raised([&] { (void)cpu.load8({ 0x123456 }); });
    EXPECT_EQ(fetch.translation_exception, 0x123802u);
}

TEST_F(CpuTest, WalksRegionTablesAndTheirLengths)
{
    constexpr u64 region_third = 0x20000;
    put(region_third + 8, segment_table | 0x4 | 3);
    put(segment_table + 8, page_table);
    put(0x105000, 99);
    dat_on(region_third | 0x4);
    u64 address = (u64 { 1 } << 31) + (1 << 20) + 0x5000;
    // The region-third entry's own type is 1 (bits 60-61), a segment table below it is type 0.
    EXPECT_EQ(cpu.load64({ address }), 99u);
    EXPECT_EQ(fetch_code(u64 { 600 } << 31), ProgramCode::region_third_translation) << "beyond the table's length";
    EXPECT_EQ(fetch_code(u64 { 1 } << 42), ProgramCode::asce_type);
}

TEST_F(CpuTest, SegmentFramesBypassPrefixingAndBringTheirAccessControl)
{
    set_control_0(cr0::edat);
    cpu.prefix = 0x200000;
    constexpr u64 format_control = 0x400;
    constexpr u64 access_control_valid = 0x10000;
    put(segment_table + 8, 0 | format_control);
    put(segment_table + 16, 0x300000 | format_control | access_control_valid | 0x8000);
    put(0x40, 5);
    dat_on(segment_table, 1);
    EXPECT_EQ(cpu.load64({ 0x100040 }), 5u) << "absolute 40, not the prefix area";
    EXPECT_EQ(store_code(0x200000), ProgramCode::protection) << "access control 8 against key 1";
    EXPECT_EQ(fetch_code(0x200000), nothing);
}

TEST_F(CpuTest, DatProtectionRefusesStoresAlone)
{
    put(page_table + 5 * 8, 0x105000 | protect);
    dat_on();
    EXPECT_EQ(fetch_code(0x5000), nothing);
    auto interruption = raised([&] { cpu.store8({ 0x5000 }, 1); });
    EXPECT_EQ(interruption.code, ProgramCode::protection);
    EXPECT_TRUE(interruption.translation_exception & 4) << "told apart from key protection";
}

TEST_F(CpuTest, KeysProtectStoresAndFetches)
{
    set_key(0x5000, 0x30);
    set_key(0x6000, 0x38);
    cpu.set_psw_mask(with_bits<8, 11>(mode_64, 4));
    EXPECT_EQ(fetch_code(0x5000), nothing);
    EXPECT_EQ(store_code(0x5000), ProgramCode::protection);
    EXPECT_EQ(fetch_code(0x6000), ProgramCode::protection);
    cpu.set_psw_mask(with_bits<8, 11>(mode_64, 3));
    EXPECT_EQ(store_code(0x6000), nothing);
    cpu.set_psw_mask(mode_64);
    EXPECT_EQ(store_code(0x6000), nothing) << "key zero matches all";
}

TEST_F(CpuTest, OverridesOfKeyProtection)
{
    set_key(0x0000, 0x38);
    set_key(0x5000, 0x98);
    set_control_0(cr0::fetch_protection_override | cr0::storage_protection_override);
    cpu.set_psw_mask(with_bits<8, 11>(mode_64, 4));
    EXPECT_EQ(store_code(0x5000), nothing) << "key 9 under storage-protection override";
    EXPECT_EQ(fetch_code(0x7f8), nothing);
    EXPECT_EQ(fetch_code(0x800), ProgramCode::protection) << "fetch-protection override ends at 2048";
}

TEST_F(CpuTest, LowAddressProtectionCoversTwoRangesAndNoPrivateSpace)
{
    set_control_0(cr0::low_address_protection);
    EXPECT_EQ(store_code(0x200), nothing);
    EXPECT_EQ(store_code(0x1f8), ProgramCode::protection) << "though the page was just stored into";
    EXPECT_EQ(store_code(0x1000), ProgramCode::protection);
    EXPECT_EQ(store_code(0x1200), nothing);
    dat_on(segment_table | 0x100);
    EXPECT_EQ(store_code(0), nothing) << "private space";
}

TEST_F(CpuTest, ReferenceAndChangeAreRecordedAgainAfterAPurge)
{
    (void)cpu.load64({ 0x5000 });
    EXPECT_EQ(storage->key(0x5000).value, StorageKey::reference);
    cpu.store64({ 0x5000 }, 1);
    EXPECT_EQ(storage->key(0x5000).value, StorageKey::reference | StorageKey::change);
    set_key(0x5000, 0);
    cpu.store64({ 0x5000 }, 1);
    EXPECT_EQ(storage->key(0x5000).value, StorageKey::reference | StorageKey::change);
}

TEST_F(CpuTest, PurgingAPageDropsItsTranslationInEverySpace)
{
    dat_on();
    put(0x105000, 1);
    put(0x300000, 2);
    EXPECT_EQ(cpu.load64({ 0x5000 }), 1u);
    put(page_table + 5 * 8, 0x300000);
    EXPECT_EQ(cpu.load64({ 0x5000 }), 1u) << "a cached translation is used until it is purged";
    cpu.purge({ Purge::Kind::pages, 0x5000, page_table + 5 * 8 });
    EXPECT_EQ(cpu.load64({ 0x5000 }), 2u);
}

TEST_F(CpuTest, CodeStaysKnownOverAPurgeWhileItIsWhereItWas)
{
    dat_on();
    u64 before = cpu.code_stamp();
    EXPECT_EQ(cpu.fetch_view(0x5000), storage->host() + 0x105000);
    EXPECT_EQ(cpu.fetch_view(0x6004), storage->host() + 0x106004);
    cpu.purge_all();
    EXPECT_EQ(cpu.code_stamp(), before);
    put(page_table + 7 * 8, 0x300000);
    cpu.purge({ Purge::Kind::pages, 0x7000, page_table + 7 * 8 });
    EXPECT_EQ(cpu.code_stamp(), before) << "no code was fetched from there";
    put(page_table + 6 * 8, 0x300000);
    cpu.purge({ Purge::Kind::pages, 0x6000, page_table + 6 * 8 });
    EXPECT_NE(cpu.code_stamp(), before);
    EXPECT_EQ(cpu.fetch_view(0x6004), storage->host() + 0x300004);
}

TEST_F(CpuTest, CodeStaysKnownHoweverOftenAPageIsFetchedFrom)
{
    dat_on();
    u64 before = cpu.code_stamp();
    for (int i = 0; i < 20'000; ++i)
        (void)cpu.host_view_in(cpu.code_space(), 0x5000, Access::instruction, 0);
    cpu.purge_all();
    EXPECT_EQ(cpu.code_stamp(), before);
}

TEST_F(CpuTest, CodeThatMayNotBeFetchedAnyMoreIsNotKnownAfterAPurge)
{
    dat_on(segment_table, 4);
    (void)cpu.fetch_view(0x5000);
    set_key(0x105000, 0x34);
    u64 before = cpu.code_stamp();
    set_key(0x105000, StorageKey::reference | StorageKey::fetch_protection | 0x30);
    EXPECT_NE(cpu.code_stamp(), before);
    EXPECT_THROW((void)cpu.fetch_view(0x5000), ProgramInterruption);
}

TEST_F(CpuTest, CodeOfALargerFrameIsNotKnownWhenItIsMadeOfPages)
{
    constexpr u64 other_page_table = 0x18000;
    set_control_0(cr0::edat);
    put(segment_table + 8, 0x200000 | 0x400);
    dat_on();
    (void)cpu.fetch_view(0x105000);
    EXPECT_EQ(cpu.fetch_view(0x106000), storage->host() + 0x206000);
    u64 before = cpu.code_stamp();
    for (u64 page = 0; page < 256; ++page)
        put(other_page_table + page * 8, (page == 6 ? 0x100000 : 0x200000) + page * page_size);
    put(segment_table + 8, other_page_table);
    cpu.purge_all();
    EXPECT_NE(cpu.code_stamp(), before);
    EXPECT_EQ(cpu.fetch_view(0x106000), storage->host() + 0x106000);
}

TEST_F(CpuTest, CodeIsReferredToAgainAfterItsKeyWasReset)
{
    (void)cpu.fetch_view(0x5000);
    set_key(0x5000, 0);
    (void)cpu.fetch_view(0x5000);
    EXPECT_EQ(storage->key(0x5000).value, StorageKey::reference);
}

TEST_F(CpuTest, CodeOfASpaceThatIsNotInUseIsLookedAtWhenItIs)
{
    constexpr u64 other_table = 0x20000;
    dat_on();
    (void)cpu.fetch_view(0x5000);
    u64 before = cpu.code_stamp();
    std::memcpy(storage->host() + other_table, storage->host() + segment_table, 2048 * 8);
    dat_on(other_table);
    cpu.purge_all();
    put(page_table + 5 * 8, 0x300000);
    dat_on();
    EXPECT_NE(cpu.code_stamp(), before);
    EXPECT_EQ(cpu.fetch_view(0x5000), storage->host() + 0x300000);
}

TEST_F(CpuTest, NothingIsStoredUnlessAllMayBe)
{
    put(page_table + 6 * 8, invalid_page);
    dat_on();
    put(0x105ff8, 0x1111111111111111);
    EXPECT_EQ(store_code(0x5ffc), ProgramCode::page_translation);
    EXPECT_EQ(get(0x105ff8), 0x1111111111111111u);
}

TEST_F(CpuTest, AccessRegistersNameSpacesThroughTheAccessList)
{
    constexpr u64 control = 0x30000;
    constexpr u64 list = 0x31000;
    constexpr u64 second_table_entry = 0x32000;
    auto put32 = [&](u64 at, u32 value) { store_be<u32>(storage->host() + at, value); };
    put32(control + 16, list | 0);
    put32(list + 2 * 16, 0x00070000);
    put32(list + 2 * 16 + 8, second_table_entry);
    put32(list + 2 * 16 + 12, 9);
    put(second_table_entry + 8, segment_table);
    put32(second_table_entry + 20, 9);
    cpu.cr[2] = control;
    dat_on(0x18000);
    cpu.set_psw_mask(with_bits<16, 17>(cpu.psw_fields().mask, static_cast<u64>(AddressSpaceControl::access_register)));
    put(0x105000, 42);
    cpu.ar[3] = 0x00070002;
    EXPECT_EQ(cpu.load64({ 0x5000, 3 }), 42u);
    cpu.ar[3] = 0x00080002;
    auto interruption = raised([&] { (void)cpu.load64({ 0x5000, 3 }); });
    EXPECT_EQ(interruption.code, ProgramCode::ale_sequence);
    cpu.ar[3] = 0x00070009;
    EXPECT_EQ(raised([&] { (void)cpu.load64({ 0x5000, 3 }); }).code, ProgramCode::alen_translation);
}

// ---- Interruptions -----------------------------------------------------------------------------------------

class InterruptionTest : public CpuTest {
protected:
    InterruptionTest()
    {
        for (u64 at = lowcore::restart_new_psw; at <= lowcore::io_new_psw; at += 16) {
            put(at, mode_64);
            put(at + 8, 0x8000 + at);
        }
    }
    void enable(u64 psw_bits, u64 control_0 = 0)
    {
        set_control_0(control_0);
        cpu.load_psw({ mode_64 | psw_bits, 0x2000 });
    }
    [[nodiscard]] u16 halfword(u64 at) const { return load_be<u16>(storage->host() + at); }
};

TEST_F(InterruptionTest, ProgramOldPswIsThisInstructionWhenNullifiedElseTheNext)
{
    cpu.take_program_interruption({ .code = ProgramCode::page_translation, .translation_exception = 0x5000 }, 0x2000, 4);
    EXPECT_EQ(get(lowcore::program_old_psw + 8), 0x2000u);
    EXPECT_EQ(get(lowcore::translation_exception), 0x5000u);
    EXPECT_EQ(cpu.next, 0x8000 + lowcore::program_new_psw);
    cpu.take_program_interruption({ .code = ProgramCode::protection }, 0x2000, 4);
    EXPECT_EQ(get(lowcore::program_old_psw + 8), 0x2004u);
    EXPECT_EQ(halfword(lowcore::program_code), 4u);
    EXPECT_EQ(halfword(lowcore::program_length), 4u);
}

TEST_F(InterruptionTest, AnInvalidPswIsAnEarlySpecificationException)
{
    cpu.load_psw({ mode_64 | bit_mask<0>, 0x3000 });
    EXPECT_TRUE(cpu.handle_pending());
    EXPECT_EQ(halfword(lowcore::program_code), 6u);
    EXPECT_EQ(get(lowcore::program_old_psw), mode_64 | bit_mask<0>);
    EXPECT_EQ(get(lowcore::program_old_psw + 8), 0x3000u);
}

TEST_F(InterruptionTest, ExternalInterruptionsComeInTheirOrder)
{
    cpu.order_external_call(7);
    cpu.order_emergency(5);
    machine.signal = 0x11223340;
    cpu.set_clock_comparator(0);
    auto next_code = [&] {
        enable(Psw::external_bit, cr0::emergency_signal | cr0::external_call | cr0::clock_comparator | cr0::service_signal);
        cpu.notify(Pending::interruption);
        EXPECT_TRUE(cpu.handle_pending());
        return halfword(lowcore::external_code);
    };
    EXPECT_EQ(next_code(), 0x1201);
    EXPECT_EQ(halfword(lowcore::external_cpu_address), 5u) << "kept though other conditions were looked at";
    EXPECT_EQ(next_code(), 0x1202);
    EXPECT_EQ(halfword(lowcore::external_cpu_address), 7u);
    EXPECT_EQ(next_code(), 0x1004);
    cpu.set_clock_comparator(~u64 { 0 });
    EXPECT_EQ(next_code(), 0x2401);
    EXPECT_EQ(load_be<u32>(storage->host() + lowcore::external_parameter), 0x11223340u);
}

TEST_F(InterruptionTest, MaskedExternalInterruptionsStayPending)
{
    cpu.order_external_call(1);
    enable(Psw::external_bit);
    EXPECT_TRUE(cpu.handle_pending());
    EXPECT_TRUE(cpu.external_call_pending()) << "the subclass mask is zero";
    set_control_0(cr0::external_call);
    EXPECT_TRUE(cpu.handle_pending());
    EXPECT_FALSE(cpu.external_call_pending());
}

TEST_F(InterruptionTest, TheCpuTimerInterruptsWhenNegativeHoweverLargeItWas)
{
    cpu.set_cpu_timer(0x7fffffffffffffff);
    enable(Psw::external_bit, cr0::cpu_timer);
    cpu.notify(Pending::interruption);
    EXPECT_TRUE(cpu.handle_pending());
    EXPECT_EQ(halfword(lowcore::external_code), 0u);
    EXPECT_EQ(cpu.timer_deadline(), ~u64 { 0 });
    cpu.set_cpu_timer(~u64 { 0 });
    cpu.notify(Pending::interruption);
    EXPECT_TRUE(cpu.handle_pending());
    EXPECT_EQ(halfword(lowcore::external_code), 0x1005u);
}

TEST_F(InterruptionTest, SettingTheClockLeavesTheCpuTimer)
{
    cpu.set_cpu_timer(u64 { 1 } << 40);
    group.set_tod(cpu, 0xf000000000000000);
    EXPECT_GE(cpu.tod(), 0xf000000000000000u);
    EXPECT_LT((u64 { 1 } << 40) - cpu.cpu_timer(), TodClock::units_per_microsecond * 1'000'000);
}

TEST_F(InterruptionTest, IoInterruptionsObeyTheirSubclassMask)
{
    channels.interruption = IoInterruption { 0x10001, 0x1234, 0x18000000 };
    enable(Psw::io_bit);
    group.interruption_pending();
    EXPECT_TRUE(cpu.handle_pending());
    EXPECT_TRUE(channels.interruption);
    cpu.cr[6] = u64 { Channels::isc_bit } << 24;
    cpu.control_registers_changed();
    EXPECT_TRUE(cpu.handle_pending());
    EXPECT_EQ(get(lowcore::subsystem_id), 0x0001000100001234u);
    EXPECT_EQ(cpu.next, 0x8000 + lowcore::io_new_psw);
}

TEST_F(InterruptionTest, AChannelReportIsAMachineCheckForOneCpu)
{
    channels.report = true;
    group.channel_report_pending();
    cpu.cr[14] |= cr14::channel_report;
    cpu.gr[3] = 33;
    enable(Psw::machine_check_bit);
    EXPECT_TRUE(cpu.handle_pending());
    EXPECT_EQ(get(lowcore::machine_check_code) & bit_mask<9>, bit_mask<9>);
    EXPECT_EQ(get(lowcore::save_area + lowcore::save::general + 3 * 8), 33u);
    EXPECT_EQ(cpu.next, 0x8000 + lowcore::machine_check_new_psw);
    EXPECT_FALSE(group.claim_channel_report());
}

// ---- Orders between CPUs -----------------------------------------------------------------------------------

class OrderTest : public InterruptionTest {
protected:
    template<class Condition>
    [[nodiscard]] static bool eventually(Condition condition)
    {
        for (int i = 0; i < 2000 && !condition(); ++i)
            std::this_thread::sleep_for(std::chrono::milliseconds(1));
        return condition();
    }
    [[nodiscard]] static bool settled(Cpu& target, RunState state)
    {
        return eventually([&] { return !target.has_orders() && target.state() == state; });
    }

    void TearDown() override { group.finish(); }

    Cpu& other { *group.find(1) };
};

TEST_F(OrderTest, RestartStopAndStoreStatus)
{
    other.prefix = 0x200000;
    store_be<u64>(storage->host() + 0x200000 + lowcore::restart_new_psw, mode_64);
    store_be<u64>(storage->host() + 0x200000 + lowcore::restart_new_psw + 8, u64 { 0x4444 });
    other.gr[5] = 55;
    group.start();
    EXPECT_EQ(other.state(), RunState::stopped);
    other.order_restart();
    ASSERT_TRUE(settled(other, RunState::operating));
    other.order_stop(true);
    ASSERT_TRUE(settled(other, RunState::stopped));
    EXPECT_TRUE(eventually([&] { return machine.halted.load(); }));
    constexpr u64 area = lowcore::save_area;
    EXPECT_EQ(get(area + lowcore::save::general + 5 * 8), 55u) << "absolute, without prefixing";
    EXPECT_EQ(get(area + lowcore::save::psw + 8), 0x4444u);
    EXPECT_EQ(storage->host()[163], 1) << "architectural-mode identification";
}

TEST_F(OrderTest, PrefixSetAfterAnInitialResetStays)
{
    group.start();
    for (int i = 0; i < 20; ++i) {
        other.order_reset(true);
        ASSERT_TRUE(settled(other, RunState::stopped));
        EXPECT_EQ(other.prefix, 0u);
        other.order_set_prefix(0x300000);
        std::this_thread::yield();
        EXPECT_EQ(other.prefix, 0x300000u);
    }
}

TEST_F(OrderTest, PurgingOthersWaitsForARunningCpu)
{
    store_be<u64>(storage->host() + lowcore::restart_new_psw, mode_64);
    store_be<u64>(storage->host() + lowcore::restart_new_psw + 8, u64 { 0x4444 });
    group.start();
    other.order_restart();
    ASSERT_TRUE(settled(other, RunState::operating));
    ASSERT_TRUE(eventually([&] { return other.running(); }));
    u64 before = other.code_space().generation;
    group.purge_others(cpu);
    EXPECT_FALSE(other.running() && other.request_pending());
    EXPECT_NE(other.code_space().generation, before);
}

TEST_F(OrderTest, AWaitingCpuWakesForAnInterruptionAndADeadWaitHalts)
{
    store_be<u64>(storage->host() + lowcore::restart_new_psw, mode_64 | Psw::wait_bit | Psw::external_bit);
    store_be<u64>(storage->host() + lowcore::restart_new_psw + 8, u64 { 0x4444 });
    put(lowcore::external_new_psw, mode_64 | Psw::wait_bit);
    put(lowcore::external_new_psw + 8, 0xdead);
    other.cr[0] |= cr0::external_call;
    group.start();
    other.order_restart();
    ASSERT_TRUE(settled(other, RunState::operating));
    ASSERT_TRUE(eventually([&] { return !other.running(); })) << "an enabled wait gives up its host CPU";
    other.order_external_call(0);
    EXPECT_TRUE(eventually([&] { return other.state() == RunState::disabled_wait; }));
    EXPECT_EQ(other.next, 0xdeadu);
}

} // namespace
} // namespace zvisor
