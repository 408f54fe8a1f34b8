#include "prsm/link.h"

#include "base/host_pages.h"

#include <cerrno>
#include <cstring>
#include <fmt/format.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>

namespace zvisor {

namespace {

constexpr auto ancillary_size = CMSG_SPACE(Link::most_files * sizeof(int));

[[nodiscard]] Result<sockaddr_un> address_of(const std::string& path)
{
    sockaddr_un address {};
    address.sun_family = AF_UNIX;
    if (path.size() >= sizeof address.sun_path)
        return fail(fmt::format("the socket path {} is longer than the {} characters the host allows", path, sizeof address.sun_path - 1));
    std::memcpy(address.sun_path, path.data(), path.size());
    return address;
}

[[nodiscard]] std::unexpected<Error> failed(std::string_view what)
{
    return fail(fmt::format("{}: {}", what, std::strerror(errno)));
}

/// Takes the descriptors out of a received message, those of no use to anyone included, so that none leaks.
[[nodiscard]] std::vector<UniqueFd> take_files(msghdr& header)
{
    std::vector<UniqueFd> files;
    for (cmsghdr* part = CMSG_FIRSTHDR(&header); part; part = CMSG_NXTHDR(&header, part)) {
        if (part->cmsg_level != SOL_SOCKET || part->cmsg_type != SCM_RIGHTS)
            continue;
        std::size_t count = (part->cmsg_len - CMSG_LEN(0)) / sizeof(int);
        for (std::size_t i = 0; i < count; ++i) {
            int fd = -1;
            std::memcpy(&fd, CMSG_DATA(part) + i * sizeof(int), sizeof fd);
            files.emplace_back(fd);
        }
    }
    return files;
}

void put_files(msghdr& header, std::span<std::byte> room, std::span<const int> files)
{
    header.msg_control = room.data();
    header.msg_controllen = CMSG_SPACE(files.size_bytes());
    cmsghdr* part = CMSG_FIRSTHDR(&header);
    part->cmsg_level = SOL_SOCKET;
    part->cmsg_type = SCM_RIGHTS;
    part->cmsg_len = CMSG_LEN(files.size_bytes());
    std::memcpy(CMSG_DATA(part), files.data(), files.size_bytes());
}

/// Looks at a message before it is made an object: the other end may nest without end or announce more than there is, which the library
/// takes as a fault of ours. Strings and bytes are limited by the message's length.
class FormCheck final : public nlohmann::json_sax<nlohmann::json> {
public:
    explicit FormCheck(std::size_t bytes)
        : m_bytes(bytes)
    {
    }

    bool null() override { return true; }
    bool boolean(bool) override { return true; }
    bool number_integer(number_integer_t) override { return true; }
    bool number_unsigned(number_unsigned_t) override { return true; }
    bool number_float(number_float_t, const string_t&) override { return true; }
    bool string(string_t&) override { return true; }
    bool binary(binary_t&) override { return true; }
    bool key(string_t&) override { return true; }
    bool start_object(std::size_t elements) override { return begin(elements); }
    bool end_object() override { return end(); }
    bool start_array(std::size_t elements) override { return begin(elements); }
    bool end_array() override { return end(); }
    bool parse_error(std::size_t, const std::string&, const nlohmann::json::exception&) override { return false; }

private:
    static constexpr unsigned deepest = 16;
    static constexpr std::size_t unknown = ~std::size_t { 0 };

    [[nodiscard]] bool begin(std::size_t elements) { return ++m_depth <= deepest && (elements == unknown || elements <= m_bytes); }
    [[nodiscard]] bool end()
    {
        --m_depth;
        return true;
    }

    std::size_t m_bytes;
    unsigned m_depth { 0 };
};

[[nodiscard]] nlohmann::json object_of(std::span<const std::uint8_t> bytes)
{
    FormCheck check(bytes.size());
    if (!nlohmann::json::sax_parse(bytes, &check, nlohmann::json::input_format_t::cbor))
        return {};
    return nlohmann::json::from_cbor(bytes, true, false);
}

} // namespace

Result<std::unique_ptr<Link>> Link::connect(const std::string& path)
{
    auto address = TRY(address_of(path));
    UniqueFd socket { ::socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0) };
    if (!socket.valid() || ::connect(socket.get(), reinterpret_cast<sockaddr*>(&address), sizeof address) != 0)
        return failed(fmt::format("cannot reach the partition at {}", path));
    return std::make_unique<Link>(std::move(socket));
}

Result<UniqueFd> listen_for_links(const std::string& path)
{
    auto address = TRY(address_of(path));
    UniqueFd socket { ::socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0) };
    unlink(path.c_str());
    if (!socket.valid() || bind(socket.get(), reinterpret_cast<sockaddr*>(&address), sizeof address) != 0 || listen(socket.get(), 1) != 0)
        return failed(fmt::format("cannot listen at {}", path));
    return socket;
}

Result<std::unique_ptr<Link>> accept_link(int listener)
{
    for (;;) {
        UniqueFd socket { accept4(listener, nullptr, nullptr, SOCK_CLOEXEC) };
        if (socket.valid())
            return std::make_unique<Link>(std::move(socket));
        if (errno != EINTR && errno != ECONNABORTED)
            return failed("cannot accept a link");
    }
}

Result<void> Link::wait_for_room(int patience) const
{
    pollfd entry { m_socket.get(), POLLOUT, 0 };
    int ready = poll(&entry, 1, patience);
    if (ready < 0 && errno != EINTR)
        return failed("cannot wait for the other end of a link");
    if (ready == 0)
        return fail(fmt::format("the other end of the link has not read what was sent for {} ms", patience));
    return {};
}

Result<void> Link::send(const nlohmann::json& body, std::span<const int> files, int patience)
{
    auto bytes = nlohmann::json::to_cbor(body);
    if (bytes.size() > longest_message || files.size() > most_files)
        return fail(fmt::format("a message of {} bytes and {} descriptors is too long for a link", bytes.size(), files.size()));
    iovec data { bytes.data(), bytes.size() };
    msghdr header {};
    header.msg_iov = &data;
    header.msg_iovlen = 1;
    alignas(cmsghdr) std::array<std::byte, ancillary_size> ancillary {};
    if (!files.empty())
        put_files(header, ancillary, files);
    std::lock_guard lock(m_sending);
    for (;;) {
        if (sendmsg(m_socket.get(), &header, MSG_NOSIGNAL | MSG_DONTWAIT) >= 0)
            return {};
        if (errno != EAGAIN && errno != EINTR)
            return failed("the link is closed");
        TRY_VOID(wait_for_room(patience));
    }
}

Result<std::optional<LinkMessage>> Link::receive()
{
    HostTable<std::uint8_t> bytes(longest_message);
    iovec data { &bytes[0], longest_message };
    alignas(cmsghdr) std::array<std::byte, ancillary_size> ancillary {};
    msghdr header {};
    header.msg_iov = &data;
    header.msg_iovlen = 1;
    header.msg_control = ancillary.data();
    header.msg_controllen = ancillary.size();
    ssize_t length = 0;
    do
        length = recvmsg(m_socket.get(), &header, MSG_CMSG_CLOEXEC);
    while (length < 0 && errno == EINTR);
    if (length < 0 && errno != ECONNRESET)
        return failed("cannot receive from a link");
    if (length <= 0)
        return std::nullopt;
    LinkMessage message { {}, take_files(header) };
    message.body = object_of({ &bytes[0], static_cast<std::size_t>(length) });
    if (!message.body.is_object() || (header.msg_flags & (MSG_TRUNC | MSG_CTRUNC)))
        return fail(fmt::format("{} bytes arrived over a link that are no message", length));
    return message;
}

void Link::shut_down() const
{
    shutdown(m_socket.get(), SHUT_RDWR);
}

} // namespace zvisor
