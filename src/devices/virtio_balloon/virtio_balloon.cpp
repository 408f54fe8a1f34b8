#include "devices/virtio_balloon/virtio_balloon.h"

#include <charconv>
#include <cstring>
#include <fmt/format.h>

namespace zvisor {

namespace {

constexpr u8 device_type = 5;
constexpr u16 queue_size = 128;
constexpr u16 inflate_queue = 0;

u64 suffix_factor(std::string_view suffix)
{
    if (suffix.empty())
        return 1;
    constexpr std::string_view letters = "KMG";
    auto power = letters.find(suffix);
    return suffix.size() == 1 && power != std::string_view::npos ? u64 { 1024 } << (10 * power) : 0;
}

} // namespace

Result<VirtioBalloonConfig> VirtioBalloonConfig::parse(std::string_view text)
{
    constexpr std::string_view option = "target=";
    VirtioBalloonConfig config;
    if (text.empty())
        return config;
    auto wrong = [&] { return fail(fmt::format("balloon \"{}\": expected target=SIZE, a multiple of 4K such as 256M", text)); };
    if (!text.starts_with(option))
        return wrong();
    auto size = text.substr(option.size());
    auto [end, error] = std::from_chars(size.data(), size.data() + size.size(), config.target);
    u64 factor = suffix_factor(size.substr(static_cast<std::size_t>(end - size.data())));
    constexpr u64 most = u64 { 0xffffffff } * page_size;
    if (error != std::errc {} || factor == 0 || config.target > most / factor || config.target * factor % page_size != 0)
        return wrong();
    config.target *= factor;
    return config;
}

std::string VirtioBalloonConfig::to_string() const
{
    return target == 0 ? "" : fmt::format("target={}K", target / 1024);
}

VirtioBalloon::VirtioBalloon(const VirtioBalloonConfig& config, EventFd bell)
    : ServedVirtioDevice(device_type, 0, { queue_size, queue_size }, std::move(bell))
    , m_target_pages(static_cast<u32>(config.target / page_size))
{
}

Result<std::unique_ptr<VirtioBalloon>> VirtioBalloon::create(const VirtioBalloonConfig& config)
{
    std::unique_ptr<VirtioBalloon> device(new VirtioBalloon(config, TRY(EventFd::create())));
    device->start_serving();
    return device;
}

void VirtioBalloon::set_target(u64 bytes)
{
    auto held = lock();
    m_target_pages = static_cast<u32>(bytes / page_size);
    configuration_changed();
}

u64 VirtioBalloon::actual() const
{
    auto held = lock();
    return m_actual_pages * page_size;
}

std::vector<std::byte> VirtioBalloon::configuration() const
{
    // Little-endian even for legacy drivers, alone among the devices.
    return VirtioWriter { {} }.put(m_target_pages).put(m_actual_pages).take();
}

void VirtioBalloon::configuration_written(std::span<const std::byte> bytes)
{
    if (bytes.size() >= 2 * sizeof(u32))
        std::memcpy(&m_actual_pages, bytes.data() + sizeof(u32), sizeof m_actual_pages);
}

std::optional<u32> VirtioBalloon::serve(u16 index, const VirtioChain& chain)
{
    // A page that leaves the balloon needs nothing: touching it brings a fresh one.
    if (index != inflate_queue)
        return 0;
    std::vector<u32> pages(chain.readable_length() / sizeof(u32));
    gather(storage(), chain.readable, 0, std::as_writable_bytes(std::span { pages }));
    for (u32 page : pages) {
        u64 number = endian().convert(page);
        if (!storage().contains(number * page_size, page_size))
            return {};
        discard(number, 1);
    }
    return 0;
}

void VirtioBalloon::discard(u64 first_page, u64 pages)
{
    storage().discard(first_page * page_size, pages * page_size);
    storage().notice_code(first_page * page_size, pages * page_size);
}

} // namespace zvisor
