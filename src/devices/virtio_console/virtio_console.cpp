#include "devices/virtio_console/virtio_console.h"

#include <algorithm>
#include <charconv>
#include <fmt/format.h>

namespace zvisor {

namespace {

constexpr u64 size_feature = 1;
constexpr u8 device_type = 3;
constexpr u16 queue_size = 64;
constexpr u16 receive_queue = 0;
constexpr std::size_t most_input = 0x10000;
/// Output is handed on in pieces of this size at most.
constexpr std::size_t piece_size = 4096;

bool read_number(std::string_view text, u16& number)
{
    auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
    return error == std::errc {} && end == text.data() + text.size();
}

} // namespace

Result<VirtioConsoleConfig> VirtioConsoleConfig::parse(std::string_view text)
{
    VirtioConsoleConfig config;
    if (text.empty())
        return config;
    auto cross = text.find('x');
    bool good = cross != std::string_view::npos && read_number(text.substr(0, cross), config.columns)
        && read_number(text.substr(cross + 1), config.rows);
    if (!good)
        return fail(fmt::format("console \"{}\": expected COLUMNSxROWS, such as 80x24", text));
    return config;
}

std::string VirtioConsoleConfig::to_string() const
{
    return columns == 0 && rows == 0 ? "" : fmt::format("{}x{}", columns, rows);
}

VirtioConsole::VirtioConsole(const VirtioConsoleConfig& config, EventFd bell)
    : ServedVirtioDevice(device_type, size_feature, { queue_size, queue_size }, std::move(bell))
    , m_size(config)
{
}

Result<std::unique_ptr<VirtioConsole>> VirtioConsole::create(const VirtioConsoleConfig& config)
{
    std::unique_ptr<VirtioConsole> device(new VirtioConsole(config, TRY(EventFd::create())));
    device->start_serving();
    return device;
}

std::vector<std::byte> VirtioConsole::configuration() const
{
    return VirtioWriter { endian() }.put(m_size.columns).put(m_size.rows).take();
}

std::size_t VirtioConsole::type(std::span<const std::byte> bytes)
{
    auto held = lock();
    std::size_t room = std::min(bytes.size(), most_input - m_input.size());
    m_input.insert(m_input.end(), bytes.begin(), bytes.begin() + static_cast<std::ptrdiff_t>(room));
    wake();
    return room;
}

void VirtioConsole::resize(u16 columns, u16 rows)
{
    auto held = lock();
    m_size = { columns, rows };
    configuration_changed();
}

bool VirtioConsole::is_served(u16 queue) const
{
    return queue != receive_queue || !m_input.empty();
}

u32 VirtioConsole::give_input(const VirtioChain& chain)
{
    std::size_t length = std::min<u64>(m_input.size(), chain.writable_length());
    auto end = m_input.begin() + static_cast<std::ptrdiff_t>(length);
    std::vector<std::byte> bytes(m_input.begin(), end);
    m_input.erase(m_input.begin(), end);
    return static_cast<u32>(scatter(storage(), chain.writable, 0, bytes));
}

std::optional<u32> VirtioConsole::serve(u16 queue, const VirtioChain& chain)
{
    if (queue == receive_queue)
        return give_input(chain);
    std::vector<std::byte> piece(piece_size);
    u64 offset = 0;
    while (std::size_t length = gather(storage(), chain.readable, offset, piece)) {
        if (m_listener)
            m_listener(std::span { piece }.first(length));
        offset += length;
    }
    return 0;
}

} // namespace zvisor
