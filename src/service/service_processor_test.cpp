#include "service/service_processor.h"

#include "service/line_mode.h"

#include <atomic>
#include <gtest/gtest.h>
#include <random>
#include <thread>

namespace zvisor {
namespace {

constexpr u64 prefix = 0x8000;
constexpr u64 sccb_address = 0x10000;

constexpr u32 read_scp_info_forced = 0x00120001;
constexpr u32 read_cpu_info = 0x00010001;
constexpr u32 write_event_mask = 0x00780005;
constexpr u32 write_event_data = 0x00760005;
constexpr u32 read_event_data = 0x00770005;

constexpr u64 ascii_bit = event_bit(EventType::ascii_console);
constexpr u64 command_bit = event_bit(EventType::operator_command);
constexpr u64 quiesce_bit = event_bit(EventType::signal_quiesce);
constexpr u64 message_bit = event_bit(EventType::message);

struct Signals : ServiceSignalSink {
    void service_signal(u32 parameter) override { pending |= parameter; }
    [[nodiscard]] u32 pending_service_signal() const override { return pending; }
    u32 take() { return pending.exchange(0); }
    std::atomic<u32> pending { 0 };
};

struct Console : ConsoleSink {
    void output(ConsoleKind console, std::string_view text) override { (console == ConsoleKind::ascii ? ascii : lines) += text; }
    void input_room() override { ++rooms; }
    std::string ascii;
    std::string lines;
    int rooms { 0 };
};

struct Configuration : ConfigurationSink {
    bool configure_cpu(u16, u16 address) override
    {
        log += "+cpu" + std::to_string(address) + " ";
        return true;
    }
    bool deconfigure_cpu(u16, u16 address) override
    {
        log += "-cpu" + std::to_string(address) + " ";
        return allow;
    }
    bool assign_storage(u16, u64 start, u64 length) override
    {
        log += "+" + std::to_string(start >> 20) + "M," + std::to_string(length >> 20) + " ";
        return allow;
    }
    bool unassign_storage(u16 caller, u64 start, u64) override
    {
        log += "-" + std::to_string(start >> 20) + "M by " + std::to_string(caller) + " ";
        return true;
    }
    std::string log;
    bool allow { true };
};

struct Paths : ChannelPathConfiguration {
    [[nodiscard]] ChannelPathState state(u8 chpid) const override { return chpid == 9 ? path_9 : ChannelPathState::unknown; }
    bool set_configured(u8, bool configured) override
    {
        path_9 = configured ? ChannelPathState::configured : ChannelPathState::standby;
        return true;
    }
    ChannelPathState path_9 { ChannelPathState::configured };
};

class ServiceProcessorTest : public testing::Test {
protected:
    void make(u64 initial = 64 << 20, u64 standby = 0, u64 block = 0)
    {
        storage = std::move(*AbsoluteStorage::create(initial + standby));
        increments = *StorageConfiguration::create(initial, standby, block);
        ServiceOptions options;
        options.load_parameter = "PROMPT";
        processor = std::make_unique<ServiceProcessor>(
            ServiceEnvironment { *storage, cpus, increments, configuration, signals, console, &paths, &topology }, options);
    }
    void SetUp() override { make(); }

    void put_header(u16 length, u8 function = 0, u8 control = SccbHeader::variable_length_response)
    {
        SccbHeader header;
        header.length = length;
        header.function_code = function;
        header.control_mask[2] = control;
        ASSERT_TRUE(storage->write_as(sccb_address, header));
    }

    template<class T>
    T get(u64 offset = 0)
    {
        return *storage->read_as<T>(sccb_address + offset);
    }

    /// Executes a command whose SCCB is in storage and takes its service signal; returns the response.
    SclpResponse call(u32 command)
    {
        auto result = processor->service_call(command, sccb_address, prefix);
        EXPECT_TRUE(result && *result == 0);
        last_signal = signals.take();
        EXPECT_EQ(last_signal & ~7U, sccb_address);
        return static_cast<SclpResponse>(static_cast<u16>(get<SccbHeader>().response_code));
    }

    SclpResponse command(u32 code, u16 length = 4096)
    {
        put_header(length);
        return call(code);
    }

    SclpResponse set_masks(u64 receive, u64 send)
    {
        put_header(44);
        WriteEventMask block = get<WriteEventMask>();
        block.mask_length = 8;
        EXPECT_TRUE(storage->write_as(sccb_address, block));
        EXPECT_TRUE(storage->write_as(sccb_address + 12, Be<u64>(receive)));
        EXPECT_TRUE(storage->write_as(sccb_address + 20, Be<u64>(send)));
        return call(write_event_mask);
    }

    SclpResponse write_event(EventType type, std::string_view body)
    {
        put_header(static_cast<u16>(14 + body.size()));
        EventBufferHeader event { .length = static_cast<u16>(6 + body.size()), .type = static_cast<u8>(type) };
        EXPECT_TRUE(storage->write_as(sccb_address + 8, event));
        EXPECT_TRUE(storage->write(sccb_address + 14, std::as_bytes(std::span { body })));
        return call(write_event_data);
    }

    /// Bytes of the SCCB from `offset` to its length.
    std::string body(u64 offset)
    {
        auto view = storage->view(sccb_address + offset, get<SccbHeader>().length - offset);
        return { reinterpret_cast<const char*>(view.data()), view.size() };
    }

    Signals signals;
    Console console;
    Configuration configuration;
    Paths paths;
    CpuConfiguration cpus = *CpuConfiguration::create(2, 1);
    Topology topology { cpus, {} };
    StorageConfiguration increments = *StorageConfiguration::create(64 << 20);
    std::unique_ptr<AbsoluteStorage> storage;
    std::unique_ptr<ServiceProcessor> processor;
    u32 last_signal { 0 };
};

TEST_F(ServiceProcessorTest, RefusesBadAddresses)
{
    auto code = [&](u64 address) { return processor->service_call(read_scp_info_forced, address, prefix).error(); };
    put_header(4096);
    EXPECT_EQ(code(sccb_address + 4), ProgramCode::specification);
    EXPECT_EQ(code(0x1000), ProgramCode::specification);
    EXPECT_EQ(code(prefix + 0x1000), ProgramCode::specification);
    EXPECT_EQ(code(0x80000000), ProgramCode::specification);
    EXPECT_EQ(code(0x7ffff000), ProgramCode::addressing);
    put_header(7);
    EXPECT_EQ(code(sccb_address), ProgramCode::specification);
    EXPECT_EQ(signals.pending, 0U);
}

TEST_F(ServiceProcessorTest, AnswersUnknownCommandsAndBoundaryViolations)
{
    EXPECT_EQ(command(0x00990001), SclpResponse::invalid_command);
    EXPECT_EQ(command(read_scp_info_forced, 4104), SclpResponse::sccb_boundary_violation);
    EXPECT_EQ(command(read_scp_info_forced, 128 + 31), SclpResponse::insufficient_sccb_length);
    EXPECT_EQ(command(read_scp_info_forced, 128 + 32), SclpResponse::normal_read_completion);
    EXPECT_EQ(ServiceProcessor::command_name(read_scp_info_forced), "read SCP information forced");
    EXPECT_EQ(ServiceProcessor::command_name(0x00990001), "unknown");
}

TEST_F(ServiceProcessorTest, IsBusyWhileACompletionIsPending)
{
    put_header(4096);
    EXPECT_EQ(*processor->service_call(read_cpu_info, sccb_address, prefix), 0);
    EXPECT_EQ(*processor->service_call(read_cpu_info, sccb_address, prefix), 2);
    signals.take();
    EXPECT_EQ(*processor->service_call(read_cpu_info, sccb_address, prefix), 0);
}

TEST_F(ServiceProcessorTest, ReadsScpInformation)
{
    ASSERT_EQ(command(read_scp_info_forced), SclpResponse::normal_read_completion);
    auto info = get<ReadScpInfo>();
    EXPECT_EQ(info.rnmax, 64);
    EXPECT_EQ(info.rnsize, 1);
    EXPECT_EQ(info.cpu_count, 2);
    EXPECT_EQ(info.cpu_offset, 128);
    EXPECT_EQ(info.highest_cpu_address, 2);
    EXPECT_EQ(ebcdic_field(info.load_parameter), "PROMPT");
    EXPECT_EQ(info.facilities, 0xac00000000000000);
    EXPECT_EQ(info.hsa_size, 0U);
    EXPECT_EQ(get<CpuEntry>(128 + 16).address, 1);
    EXPECT_EQ(get<CpuEntry>(128).type, CpuType::linux_facility) << "as the topology has it";
    EXPECT_EQ(get<CpuEntry>(128 + 32).address, 0) << "the standby CPU is not listed";
}

TEST_F(ServiceProcessorTest, ListsAndConfiguresCpus)
{
    ASSERT_EQ(command(read_cpu_info), SclpResponse::normal_read_completion);
    auto info = get<ReadCpuInfo>();
    EXPECT_EQ(info.configured_count, 2);
    EXPECT_EQ(info.standby_count, 1);
    EXPECT_EQ(info.standby_offset, info.configured_offset + 32);
    EXPECT_EQ(get<CpuEntry>(info.standby_offset).address, 2);

    EXPECT_EQ(command(0x00110201, 8), SclpResponse::normal_completion);
    EXPECT_EQ(command(0x00110201, 8), SclpResponse::no_action_required);
    EXPECT_EQ(command(0x00100101, 8), SclpResponse::normal_completion);
    EXPECT_EQ(command(0x00110701, 8), SclpResponse::resource_not_recognized);
    EXPECT_EQ(configuration.log, "+cpu2 -cpu1 ");
    EXPECT_EQ(topology.perform_function(2)->condition_code, 1);
    configuration.allow = false;
    EXPECT_EQ(command(0x00100201, 8), SclpResponse::improper_state);
    EXPECT_EQ(cpus.count(CpuState::configured), 2);
}

TEST_F(ServiceProcessorTest, ReportsMoreStorageThanTheShortFieldsHold)
{
    increments = *StorageConfiguration::create(u64 { 1 } << 37);
    ASSERT_EQ(command(read_scp_info_forced), SclpResponse::normal_read_completion);
    EXPECT_EQ(get<ReadScpInfo>().rnmax, 0);
    EXPECT_EQ(get<ReadScpInfo>().rnmax2, u64 { 1 } << 17);
}

TEST_F(ServiceProcessorTest, AttachesAndAssignsStandbyStorage)
{
    make(64 << 20, 32 << 20);
    ASSERT_EQ(command(read_scp_info_forced), SclpResponse::normal_read_completion);
    EXPECT_EQ(get<ReadScpInfo>().facilities & ReadScpInfo::storage_reconfiguration, ReadScpInfo::storage_reconfiguration);
    EXPECT_EQ(get<ReadScpInfo>().rnmax, 96);
    EXPECT_EQ(command(0x00040001), SclpResponse::normal_read_completion);
    EXPECT_EQ(get<ReadStorageElement>().assigned, 64);
    EXPECT_EQ(get<Be<u32>>(16 + 63 * 4) >> 16, 64U);
    EXPECT_EQ(command(0x00040101), SclpResponse::standby_read_completion);
    EXPECT_EQ(command(0x00040201), SclpResponse::element_not_present);

    auto assign = [&](u16 increment) {
        put_header(4096);
        EXPECT_TRUE(storage->write_as(sccb_address + 8, Be<u16>(increment)));
        return call(0x000d0001);
    };
    EXPECT_EQ(assign(70), SclpResponse::improper_state);
    EXPECT_EQ(command(0x00080101), SclpResponse::normal_completion);
    EXPECT_EQ(assign(70), SclpResponse::normal_completion);
    EXPECT_EQ(assign(70), SclpResponse::no_action_required);
    EXPECT_EQ(assign(97), SclpResponse::resource_not_recognized);
    EXPECT_EQ(configuration.log, "+69M,1 ");
    std::vector<StorageExtent> extents { { 0, (64 << 20) - 1 }, { 69 << 20, (70 << 20) - 1 } };
    EXPECT_EQ(processor->storage_extents(), extents);
    EXPECT_EQ(command(0x00040101), SclpResponse::normal_read_completion);
    EXPECT_EQ(get<ReadStorageElement>().assigned, 1);
}

TEST_F(ServiceProcessorTest, IncrementsAreAsLargeAsTheBlocksOfStorage)
{
    make(u64 { 512 } << 20, u64 { 1536 } << 20, 256 << 20);
    ASSERT_EQ(command(read_scp_info_forced), SclpResponse::normal_read_completion);
    EXPECT_EQ(get<ReadScpInfo>().rnmax, 8);
    EXPECT_EQ(get<ReadScpInfo>().rnsize, 0);
    EXPECT_EQ(get<ReadScpInfo>().rnsize2, 256U);
    ASSERT_EQ(command(0x00080101), SclpResponse::normal_completion);
    auto change = [&](u32 code, u16 increment) {
        put_header(4096);
        EXPECT_TRUE(storage->write_as(sccb_address + 8, Be<u16>(increment)));
        EXPECT_EQ(*processor->service_call(code, sccb_address, prefix, 1), 0);
        signals.take();
        return static_cast<SclpResponse>(static_cast<u16>(get<SccbHeader>().response_code));
    };
    EXPECT_EQ(change(0x000d0001, 3), SclpResponse::normal_completion);
    EXPECT_EQ(change(0x000c0001, 3), SclpResponse::normal_completion);
    configuration.allow = false;
    EXPECT_EQ(change(0x000d0001, 3), SclpResponse::improper_state);
    EXPECT_EQ(configuration.log, "+512M,256 -512M by 1 +512M,256 ");
    EXPECT_EQ(processor->storage_extents(), (std::vector<StorageExtent> { { 0, (512 << 20) - 1 } }));
    increments.reset();
    EXPECT_FALSE(increments.standby_attached());
    EXPECT_EQ(StorageConfiguration::create(u64 { 1 } << 40, u64 { 1 } << 40, 64 << 20)->increment_size(), u64 { 4 } << 30)
        << "all must fit one block of element information";
}

TEST_F(ServiceProcessorTest, StorageInBlocksChangesWithoutStandbyStorage)
{
    make(u64 { 128 } << 20, 0, 64 << 20);
    ASSERT_EQ(command(read_scp_info_forced), SclpResponse::normal_read_completion);
    EXPECT_EQ(get<ReadScpInfo>().facilities & ReadScpInfo::storage_reconfiguration, ReadScpInfo::storage_reconfiguration);
    EXPECT_EQ(get<ReadScpInfo>().rnmax, 2);
    EXPECT_EQ(command(0x00040101), SclpResponse::standby_read_completion);
    put_header(4096);
    EXPECT_TRUE(storage->write_as(sccb_address + 8, Be<u16>(2)));
    EXPECT_EQ(call(0x000c0001), SclpResponse::normal_completion);
    EXPECT_EQ(configuration.log, "-64M by 0 ");
    EXPECT_FALSE(StorageConfiguration::create(65 << 20, 0, 64 << 20)->reconfigurable()) << "no block fits its end";
}

TEST_F(ServiceProcessorTest, IsBusyWhileACommandIsExecuted)
{
    struct Nested : ConfigurationSink {
        bool configure_cpu(u16, u16) override
        {
            // Another CPU, which must not wait: this command may be waiting for it.
            std::jthread([this] { found = *processor->service_call(read_cpu_info, sccb_address, prefix, 1); }).join();
            return true;
        }
        ServiceProcessor* processor { nullptr };
        u8 found { 0 };
    } nested;
    processor = std::make_unique<ServiceProcessor>(
        ServiceEnvironment { *storage, cpus, increments, nested, signals, console }, ServiceOptions {});
    nested.processor = processor.get();
    EXPECT_EQ(command(0x00110201, 8), SclpResponse::normal_completion);
    EXPECT_EQ(nested.found, 2);
}

TEST_F(ServiceProcessorTest, StorageSizesThatDoNotFitIncrementsAreRefusedInOneSentence)
{
    EXPECT_FALSE(StorageConfiguration::create(0));
    auto result = StorageConfiguration::create(u64 { 1025 } << 20, u64 { 1024 } << 20);
    ASSERT_FALSE(result);
    EXPECT_NE(result.error().message.find("1025M"), std::string::npos);
    EXPECT_FALSE(CpuConfiguration::create(0, 4));
    EXPECT_FALSE(CpuConfiguration::create(200, 100));
}

TEST_F(ServiceProcessorTest, ShowsAndConfiguresChannelPaths)
{
    ASSERT_EQ(command(0x00030001), SclpResponse::normal_read_completion);
    EXPECT_EQ(get<ReadChannelPathInfo>().configured[1], 0x40);
    EXPECT_EQ(command(0x000e0901, 16), SclpResponse::normal_completion);
    ASSERT_EQ(command(0x00030001), SclpResponse::normal_read_completion);
    EXPECT_EQ(get<ReadChannelPathInfo>().standby[1], 0x40);
    EXPECT_EQ(get<ReadChannelPathInfo>().recognized[1], 0x40);
    EXPECT_EQ(command(0x000e0801, 16), SclpResponse::resource_not_recognized);
}

TEST_F(ServiceProcessorTest, ExchangesEventMasksOfAnyLength)
{
    ASSERT_EQ(set_masks(0, 0), SclpResponse::normal_completion);
    EXPECT_EQ(get<Be<u64>>(28),
        ascii_bit | message_bit | event_bit(EventType::priority_message_or_command) | event_bit(EventType::control_program_identification));
    EXPECT_EQ(get<Be<u64>>(36) & (ascii_bit | command_bit | quiesce_bit), ascii_bit | command_bit | quiesce_bit);

    put_header(28);
    ASSERT_TRUE(storage->write_as(sccb_address + 10, Be<u16>(4)));
    EXPECT_EQ(call(write_event_mask), SclpResponse::normal_completion);
    EXPECT_EQ(get<Be<u32>>(24) & 0x80000048, 0x80000048);

    ASSERT_TRUE(storage->write_as(sccb_address + 10, Be<u16>(0)));
    EXPECT_EQ(call(write_event_mask), SclpResponse::invalid_mask_length);
    ASSERT_TRUE(storage->write_as(sccb_address + 10, Be<u16>(5)));
    EXPECT_EQ(call(write_event_mask), SclpResponse::insufficient_sccb_length);
}

TEST_F(ServiceProcessorTest, AsciiConsoleBothWays)
{
    EXPECT_EQ(processor->type("early "), 6U);
    EXPECT_EQ(signals.take(), 0U) << "input waits until the program uses a console";
    ASSERT_EQ(set_masks(ascii_bit, ascii_bit), SclpResponse::normal_completion);
    EXPECT_EQ(last_signal & 1, 1U);
    EXPECT_EQ(processor->type("ls\n"), 3U);
    EXPECT_EQ(signals.take(), 1U);
    EXPECT_EQ(command(read_event_data), SclpResponse::normal_completion);
    EXPECT_EQ(last_signal & 1, 0U);
    EXPECT_EQ(body(15), "early ls\n");
    EXPECT_EQ(get<EventBufferHeader>(8).type, 0x1a);
    EXPECT_EQ(command(read_event_data), SclpResponse::no_event_buffers_stored);

    EXPECT_EQ(write_event(EventType::ascii_console, "login: "), SclpResponse::normal_completion);
    EXPECT_EQ(console.ascii, "login: ");
    EXPECT_EQ(get<EventBufferHeader>(8).flags, EventBufferHeader::accepted);
}

TEST_F(ServiceProcessorTest, LongInputComesInPartsAndTellsWhenThereIsRoom)
{
    ASSERT_EQ(set_masks(ascii_bit, ascii_bit), SclpResponse::normal_completion);
    std::string text(70000, 'x');
    EXPECT_EQ(processor->type(text), 65536U);
    EXPECT_EQ(processor->type("y"), 0U);
    signals.take();
    std::size_t received = 0;
    do {
        ASSERT_EQ(command(read_event_data), SclpResponse::normal_completion);
        received += body(15).size();
    } while (last_signal & 1);
    EXPECT_EQ(received, 65536U);
    EXPECT_EQ(console.rooms, 1);
}

TEST_F(ServiceProcessorTest, AnEmptyLineIsACommandWithoutText)
{
    ASSERT_EQ(set_masks(command_bit, message_bit), SclpResponse::normal_completion);
    EXPECT_EQ(processor->type("\n"), 1U);
    ASSERT_EQ(command(read_event_data), SclpResponse::normal_completion);
    auto event = get<OperatorCommandEvent>(8);
    EXPECT_EQ(event.header.length, sizeof event);
    EXPECT_EQ(event.text.length, 2);
}

TEST_F(ServiceProcessorTest, LineModeBothWays)
{
    ASSERT_EQ(set_masks(command_bit, message_bit), SclpResponse::normal_completion);
    EXPECT_EQ(processor->type("rot"), 3U);
    EXPECT_EQ(signals.take(), 0U) << "a line is not complete";
    EXPECT_EQ(processor->type("\bot\r\nps\n"), 8U);
    EXPECT_EQ(signals.take(), 1U);
    ASSERT_EQ(command(read_event_data), SclpResponse::normal_completion);
    auto event = get<OperatorCommandEvent>(8);
    EXPECT_EQ(event.header.length, 26);
    EXPECT_EQ(event.message_unit.id, GdsVector::multiple_domain_message_unit);
    EXPECT_EQ(event.text.length, 6);
    auto text = storage->view(sccb_address + 8 + sizeof event, 4);
    EXPECT_EQ(from_ebcdic(text, CodePage::cp500), "root");
    EXPECT_EQ(get<OperatorCommandEvent>(34).header.length, 24) << "the second line follows";

    // A message data block with a general object, which is skipped, and two lines.
    std::string block("\0\x2a\0\x01\xd4\xc4\xc2\x40\0\0\0\x01"
                      "\0\x06\0\x01\0\0"
                      "\0\x0c\0\x04\x10\0\0\0\0\0\xc8\xc9"
                      "\0\x0c\0\x04\x10\0\0\0\0\0\x4a\x5a",
        42);
    EXPECT_EQ(write_event(EventType::message, block), SclpResponse::normal_completion);
    EXPECT_EQ(console.lines, "HI\r\n[]\r\n");
    block[19] = 0x40;
    EXPECT_EQ(write_event(EventType::message, block), SclpResponse::inconsistent_lengths);
}

TEST_F(ServiceProcessorTest, QuiesceAndOperatorCommandsWaitForTheProgramsMask)
{
    EXPECT_FALSE(processor->request_quiesce());
    EXPECT_FALSE(processor->events().operator_command("vary"));
    ASSERT_EQ(set_masks(quiesce_bit | command_bit, 0), SclpResponse::normal_completion);
    EXPECT_TRUE(processor->request_quiesce());
    EXPECT_TRUE(processor->request_quiesce());
    EXPECT_EQ(signals.take(), 1U);
    EXPECT_FALSE(processor->quiescing());
    EXPECT_EQ(command(read_event_data), SclpResponse::normal_completion);
    EXPECT_TRUE(processor->quiescing());
    EXPECT_EQ(get<SccbHeader>().length, 8 + 9) << "two requests are one event";
    EXPECT_EQ(get<EventBufferHeader>(8).type, 0x1d);
}

TEST_F(ServiceProcessorTest, SelectiveReadAndEventsThatDoNotFit)
{
    ASSERT_EQ(set_masks(quiesce_bit | command_bit, 0), SclpResponse::normal_completion);
    EXPECT_TRUE(processor->request_quiesce());
    EXPECT_TRUE(processor->events().operator_command("display status"));
    signals.take();
    put_header(4096, 1);
    ASSERT_TRUE(storage->write_as(sccb_address + 8, Be<u64>(ascii_bit)));
    EXPECT_EQ(call(read_event_data), SclpResponse::invalid_selection_mask);
    ASSERT_TRUE(storage->write_as(sccb_address + 8, Be<u64>(command_bit)));
    EXPECT_EQ(call(read_event_data), SclpResponse::normal_completion);
    EXPECT_EQ(get<EventBufferHeader>(8).type, 1);
    EXPECT_EQ(last_signal & 1, 1U);
    EXPECT_EQ(command(read_event_data, 16), SclpResponse::insufficient_sccb_length);
    EXPECT_EQ(command(read_event_data, 17), SclpResponse::normal_completion);
}

TEST_F(ServiceProcessorTest, ControlProgramIdentifiesItself)
{
    ControlProgramIdentificationEvent event;
    put_ebcdic(event.system_type, "LINUX", CodePage::cp500);
    put_ebcdic(event.system_name, "DEBIAN", CodePage::cp500);
    event.system_level = 0x60100;
    std::string bytes(reinterpret_cast<const char*>(&event) + 6, sizeof event - 6);
    EXPECT_EQ(write_event(EventType::control_program_identification, bytes), SclpResponse::normal_completion);
    EXPECT_EQ(processor->events().control_program()->system_name, "DEBIAN");
    EXPECT_EQ(processor->events().control_program()->system_level, 0x60100U);
    bytes.pop_back();
    EXPECT_EQ(write_event(EventType::control_program_identification, bytes), SclpResponse::event_buffer_syntax_error);
}

TEST_F(ServiceProcessorTest, TellsOfConsolesThatComeAndGo)
{
    ASSERT_EQ(set_masks(event_bit(EventType::state_change), 0), SclpResponse::normal_completion);
    processor->events().offer_consoles(true, false);
    EXPECT_EQ(signals.take(), 1U);
    ASSERT_EQ(command(read_event_data), SclpResponse::normal_completion);
    EXPECT_EQ(get<StateChangeEvent>(8).mask_length, 8);
    EXPECT_EQ(get<Be<u64>>(8 + sizeof(StateChangeEvent)) & (ascii_bit | message_bit), ascii_bit);
    EXPECT_EQ(write_event(EventType::message, "text"), SclpResponse::invalid_function);
}

TEST_F(ServiceProcessorTest, MalformedEventBuffers)
{
    EXPECT_EQ(write_event(EventType::signal_quiesce, "?"), SclpResponse::event_buffer_syntax_error);
    put_header(4096, 1);
    EXPECT_EQ(call(write_event_data), SclpResponse::invalid_function);
    put_header(12);
    EXPECT_EQ(call(write_event_data), SclpResponse::inconsistent_lengths);
    put_header(20);
    ASSERT_TRUE(storage->write_as(sccb_address + 8, EventBufferHeader { .length = 5, .type = 0x1a }));
    EXPECT_EQ(call(write_event_data), SclpResponse::event_buffer_syntax_error);
}

TEST_F(ServiceProcessorTest, ServesAKernelFromItsFirstMessageToPowerOff)
{
    ASSERT_EQ(command(read_scp_info_forced), SclpResponse::normal_read_completion);
    u64 storage_size = u64 { get<ReadScpInfo>().rnmax } * get<ReadScpInfo>().rnsize << 20;
    EXPECT_EQ(storage_size, storage->size());
    EXPECT_EQ(processor->type("uname -m\n"), 9U);
    ASSERT_EQ(set_masks(command_bit, ascii_bit | message_bit), SclpResponse::normal_completion);
    EXPECT_EQ(write_event(EventType::ascii_console, "Linux version\n\r"), SclpResponse::normal_completion);
    ASSERT_EQ(set_masks(0, 0), SclpResponse::normal_completion);
    ASSERT_EQ(command(read_cpu_info), SclpResponse::normal_read_completion);
    // Console drivers come up one by one; input waits for the one that is also written to.
    ASSERT_EQ(set_masks(command_bit, ascii_bit | message_bit), SclpResponse::normal_completion);
    EXPECT_EQ(last_signal & 1, 0U);
    ASSERT_EQ(set_masks(command_bit | ascii_bit | quiesce_bit, ascii_bit | message_bit), SclpResponse::normal_completion);
    EXPECT_EQ(last_signal & 1, 1U);
    ASSERT_EQ(command(read_event_data), SclpResponse::normal_completion);
    EXPECT_EQ(body(15), "uname -m\n");
    EXPECT_EQ(write_event(EventType::ascii_console, "s390x\r\n"), SclpResponse::normal_completion);
    EXPECT_TRUE(processor->request_quiesce());
    ASSERT_EQ(command(read_event_data), SclpResponse::normal_completion);
    EXPECT_EQ(console.ascii, "Linux version\n\rs390x\r\n");
    EXPECT_EQ(console.lines, "");
    processor->reset();
    EXPECT_FALSE(processor->request_quiesce());
}

TEST_F(ServiceProcessorTest, TypingRunsBesideCommands)
{
    ASSERT_EQ(set_masks(ascii_bit | quiesce_bit, ascii_bit), SclpResponse::normal_completion);
    std::atomic<bool> done { false };
    // Typing, quiescing and the console's state come from the host's threads while a CPU reads.
    std::jthread typist([&] {
        std::size_t accepted = 0;
        while (accepted < 50000)
            accepted += processor->events().type(std::string(std::min<std::size_t>(100, 50000 - accepted), 'k'));
        done = processor->request_quiesce();
    });
    std::size_t received = 0;
    bool quiesced = false;
    put_header(4096);
    while (received < 50000 || !quiesced) {
        auto response = command(read_event_data);
        if (response == SclpResponse::no_event_buffers_stored)
            continue;
        auto all = body(8);
        for (std::size_t at = 0; at < all.size(); at += load_be<u16>(all.data() + at)) {
            quiesced |= all[at + 2] == 0x1d;
            received += all[at + 2] == 0x1a ? load_be<u16>(all.data() + at) - 7U : 0;
        }
    }
    EXPECT_EQ(received, 50000U);
    typist.join();
    EXPECT_TRUE(done);
}

TEST_F(ServiceProcessorTest, SurvivesGarbage)
{
    static constexpr u32 codes[] = { 0x00020001, read_scp_info_forced, read_cpu_info, 0x00110001, 0x00100001, 0x00040001, 0x00080001,
        0x000d0001, 0x000c0001, 0x00030001, 0x000f0001, 0x000e0001, write_event_mask, write_event_data, read_event_data };
    make(64 << 20, 32 << 20);
    std::mt19937 random(1);
    std::array<u8, 256> bytes {};
    for (unsigned round = 0; round < 20000; ++round) {
        // Small values reach further than wholly random ones.
        for (auto& byte : bytes)
            byte = static_cast<u8>(random() % 4 ? random() % 4 : random());
        u64 address = 0x20000 + random() % 512 * 8;
        ASSERT_TRUE(storage->write_as(address & ~u64 { 7 }, bytes));
        u32 code = codes[random() % std::size(codes)] | static_cast<u32>(random() % 3) << 8;
        if (round % 7 == 0)
            static_cast<void>(processor->type("a\nb"));
        auto result = processor->service_call(code, address, prefix);
        ASSERT_TRUE(result ? *result == 0 : result.error() == ProgramCode::specification) << round;
        signals.take();
    }
    EXPECT_EQ(set_masks(ascii_bit, ascii_bit), SclpResponse::normal_completion);
}

} // namespace
} // namespace zvisor
