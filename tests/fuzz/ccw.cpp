// Channel programs, IDAWs, MIDAWs and virtqueues as a guest may write them: every start ends in status within reach.

#include "base/verify.h"
#include "channel/test_bench.h"
#include "devices/virtio_rng/virtio_rng.h"

using namespace zvisor;

extern "C" int LLVMFuzzerTestOneInput(const u8* data, std::size_t size)
{
    static ChannelBench bench;
    static const u32 subchannel = bench.add(std::move(VirtioRng::create({})).value());

    constexpr u64 longest = 0x4000;
    bench.put(ChannelBench::program_address, std::string_view(reinterpret_cast<const char*>(data), std::min<std::size_t>(size, longest)));
    u32 flags = size > 4 ? load_be<u32>(data + size - 4) : ChannelBench::orb_flags;
    (void)bench.channels->test_subchannel(subchannel);
    auto started = bench.channels->start_subchannel(subchannel, Orb { 1, flags, ChannelBench::program_address });
    if (!started || *started != 0)
        return 0;
    // A program may loop for good by TRANSFER IN CHANNEL: clearing must always end it.
    bool ended = bench.eventually([&] { return bench.channels->test_subchannel(subchannel)->condition_code == 0; }, 5);
    if (!ended) {
        (void)bench.channels->clear_subchannel(subchannel);
        VERIFY(bench.eventually([&] { return bench.channels->test_subchannel(subchannel)->condition_code == 0; }));
    }
    return 0;
}
