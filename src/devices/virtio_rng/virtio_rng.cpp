#include "devices/virtio_rng/virtio_rng.h"

#include <algorithm>
#include <array>
#include <fmt/format.h>
#include <sys/random.h>

namespace zvisor {

namespace {

constexpr u8 device_type = 4;
constexpr u16 queue_size = 64;
/// A request is answered with at most this much; drivers ask again.
constexpr std::size_t largest_answer = 4096;

} // namespace

Result<VirtioRngConfig> VirtioRngConfig::parse(std::string_view text)
{
    if (!text.empty())
        return fail(fmt::format("rng: unknown option \"{}\"; the random number generator has none", text));
    return VirtioRngConfig {};
}

VirtioRng::VirtioRng(EventFd bell)
    : ServedVirtioDevice(device_type, 0, { queue_size }, std::move(bell))
{
}

Result<std::unique_ptr<VirtioRng>> VirtioRng::create(const VirtioRngConfig&)
{
    std::unique_ptr<VirtioRng> device(new VirtioRng(TRY(EventFd::create())));
    device->start_serving();
    return device;
}

std::optional<u32> VirtioRng::serve(u16, const VirtioChain& chain)
{
    std::array<std::byte, largest_answer> bytes;
    std::size_t wanted = std::min<u64>(chain.writable_length(), bytes.size());
    ssize_t got = getrandom(bytes.data(), wanted, 0);
    std::size_t length = got > 0 ? static_cast<std::size_t>(got) : 0;
    return static_cast<u32>(scatter(storage(), chain.writable, 0, std::span { bytes }.first(length)));
}

} // namespace zvisor
