// Service-call control blocks as a guest may write them: each call ends with a condition code or a program interruption.

#include "service/service_processor.h"

using namespace zvisor;

namespace {

struct Signals final : ServiceSignalSink {
    void service_signal(u32) override { }
};

struct Console final : ConsoleSink {
    void output(ConsoleKind, std::string_view) override { }
};

struct World {
    std::unique_ptr<AbsoluteStorage> storage { std::move(AbsoluteStorage::create(4 << 20)).value() };
    CpuConfiguration cpus { std::move(CpuConfiguration::create(2, 2)).value() };
    StorageConfiguration increments { std::move(StorageConfiguration::create(4 << 20)).value() };
    ConfigurationSink configuration;
    Signals signals;
    Console console;
    ServiceProcessor processor { { .storage = *storage,
                                     .cpus = cpus,
                                     .storage_increments = increments,
                                     .configuration = configuration,
                                     .signals = signals,
                                     .console = console },
        {} };
};

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const u8* data, std::size_t size)
{
    static World world;
    constexpr u64 sccb = 0x8000;
    constexpr u32 commands[]
        = { 0x00020001, 0x00120001, 0x00010001, 0x00780005, 0x00760005, 0x00770005, 0x00110001, 0x00100001, 0x00030001, 0x000d0001 };
    if (size < 1)
        return 0;
    (void)world.storage->write(sccb, std::as_bytes(std::span { data + 1, std::min<std::size_t>(size - 1, 4096) }));
    (void)world.processor.service_call(commands[data[0] % std::size(commands)], sccb, 0);
    (void)world.processor.type("x\n");
    return 0;
}
