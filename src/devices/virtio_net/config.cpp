#include "devices/virtio_net/config.h"

#include <arpa/inet.h>
#include <charconv>
#include <fmt/format.h>

namespace zvisor {

namespace {

constexpr std::string_view forward_form = "tcp:[ADDRESS]:PORT-[ADDRESS]:PORT";

/// Splits off what stands before `separator`.
std::string_view split(std::string_view& text, char separator)
{
    auto at = text.find(separator);
    auto head = text.substr(0, at);
    text.remove_prefix(at == std::string_view::npos ? text.size() : at + 1);
    return head;
}

template<class Number>
bool read_number(std::string_view text, Number& number, int base)
{
    auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number, base);
    return error == std::errc {} && end == text.data() + text.size();
}

bool read_end(std::string_view text, std::string& address, u16& port)
{
    auto colon = text.rfind(':');
    if (colon == std::string_view::npos)
        return false;
    address = text.substr(0, colon);
    in_addr binary {};
    bool good_address = address.empty() || inet_pton(AF_INET, address.c_str(), &binary) == 1;
    return good_address && read_number(text.substr(colon + 1), port, 10) && port != 0;
}

Result<std::array<u8, 6>> parse_mac(std::string_view text)
{
    auto wrong = [&] { return fail(fmt::format("net: \"{}\" is no MAC address; expected six pairs such as 52:54:00:12:34:56", text)); };
    std::array<u8, 6> mac {};
    auto rest = text;
    for (u8& byte : mac) {
        auto pair = split(rest, ':');
        if (pair.size() != 2 || !read_number(pair, byte, 16))
            return wrong();
    }
    constexpr u8 group_bit = 1;
    if (!rest.empty() || (mac[0] & group_bit))
        return wrong();
    return mac;
}

} // namespace

Result<HostForward> HostForward::parse(std::string_view text)
{
    auto wrong = [&] { return fail(fmt::format("net: hostfwd \"{}\" is not understood; expected {}", text, forward_form)); };
    auto rest = text;
    auto protocol = split(rest, ':');
    auto host = split(rest, '-');
    HostForward forward;
    if (protocol == "udp")
        forward.protocol = Protocol::udp;
    else if (protocol != "tcp" && !protocol.empty())
        return wrong();
    if (!read_end(host, forward.host_address, forward.host_port) || !read_end(rest, forward.guest_address, forward.guest_port))
        return wrong();
    return forward;
}

std::string HostForward::to_string() const
{
    return fmt::format("{}:{}:{}-{}:{}", protocol == Protocol::tcp ? "tcp" : "udp", host_address, host_port, guest_address, guest_port);
}

Result<VirtioNetConfig> VirtioNetConfig::parse(std::string_view text)
{
    VirtioNetConfig config;
    auto rest = text;
    if (split(rest, ',') != "user")
        return fail(fmt::format("net \"{}\": expected user[,mac=XX:XX:XX:XX:XX:XX][,host-loopback][,hostfwd={}]", text, forward_form));
    while (!rest.empty()) {
        auto option = split(rest, ',');
        if (option.starts_with("hostfwd="))
            config.forwards.push_back(TRY(HostForward::parse(option.substr(8))));
        else if (option.starts_with("mac="))
            config.mac = TRY(parse_mac(option.substr(4)));
        else if (option == "host-loopback")
            config.host_loopback = true;
        else
            return fail(fmt::format("net: unknown option \"{}\"; expected mac=, host-loopback or hostfwd=", option));
    }
    return config;
}

std::string VirtioNetConfig::to_string() const
{
    std::string text = fmt::format("user,mac={:02x}{}", fmt::join(mac, ":"), host_loopback ? ",host-loopback" : "");
    for (const auto& forward : forwards)
        text += ",hostfwd=" + forward.to_string();
    return text;
}

} // namespace zvisor
