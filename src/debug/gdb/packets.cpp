#include "debug/gdb/packets.h"

#include <charconv>
#include <fmt/format.h>

namespace zvisor::debug::gdb {

namespace {

constexpr char interrupt_byte = 0x03;

[[nodiscard]] u8 checksum(std::string_view payload)
{
    unsigned sum = 0;
    for (char c : payload)
        sum += static_cast<u8>(c);
    return static_cast<u8>(sum);
}

/// Undoes the escapes of binary data.
[[nodiscard]] std::string unescape(std::string_view payload)
{
    std::string out;
    for (std::size_t i = 0; i < payload.size(); ++i) {
        if (payload[i] == '}' && i + 1 < payload.size())
            out += static_cast<char>(payload[++i] ^ 0x20);
        else
            out += payload[i];
    }
    return out;
}

} // namespace

std::string frame(std::string_view payload)
{
    return fmt::format("${}#{:02x}", payload, checksum(payload));
}

std::optional<Input> PacketReader::next()
{
    auto start = m_bytes.find_first_of("$\x03");
    if (start == std::string::npos) {
        m_bytes.clear();
        return {};
    }
    m_bytes.erase(0, start);
    if (m_bytes[0] == interrupt_byte) {
        m_bytes.erase(0, 1);
        return Input { Input::Kind::interrupt, "" };
    }
    auto end = m_bytes.find('#');
    if (end == std::string::npos && m_bytes.size() > longest) {
        m_bytes.clear();
        return Input { Input::Kind::damaged_packet, "" };
    }
    if (end == std::string::npos || m_bytes.size() < end + 3)
        return {};
    std::string payload = m_bytes.substr(1, end - 1);
    auto sum = from_hex(std::string_view(m_bytes).substr(end + 1, 2));
    m_bytes.erase(0, end + 3);
    if (!sum || static_cast<u8>(sum->front()) != checksum(payload))
        return Input { Input::Kind::damaged_packet, "" };
    return Input { Input::Kind::packet, unescape(payload) };
}

std::string to_hex(std::span<const u8> bytes)
{
    std::string out;
    out.reserve(bytes.size() * 2);
    for (u8 byte : bytes)
        out += fmt::format("{:02x}", byte);
    return out;
}

std::optional<std::string> from_hex(std::string_view text)
{
    std::string out(text.size() / 2, '\0');
    for (std::size_t i = 0; i < out.size(); ++i) {
        u8 byte = 0;
        auto [end, error] = std::from_chars(text.data() + 2 * i, text.data() + 2 * i + 2, byte, 16);
        if (error != std::errc {} || end != text.data() + 2 * i + 2)
            return {};
        out[i] = static_cast<char>(byte);
    }
    return text.size() % 2 == 0 ? std::optional(out) : std::nullopt;
}

std::optional<u64> take_number(std::string_view& text)
{
    u64 value = 0;
    auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value, 16);
    if (error != std::errc {})
        return {};
    text.remove_prefix(static_cast<std::size_t>(end - text.data()));
    return value;
}

bool take(std::string_view& text, std::string_view prefix)
{
    if (!text.starts_with(prefix))
        return false;
    text.remove_prefix(prefix.size());
    return true;
}

} // namespace zvisor::debug::gdb
