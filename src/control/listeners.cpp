#include "control/listeners.h"

#include "base/types.h"

#include <algorithm>
#include <cctype>
#include <cerrno>
#include <charconv>
#include <cstring>
#include <fmt/format.h>
#include <fstream>
#include <netdb.h>
#include <openssl/err.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

namespace zvisor {

namespace {

constexpr int backlog = 64;
constexpr mode_t owner_alone = 0600;
constexpr std::size_t shortest_token = 16;
constexpr std::size_t longest_token = 512;

[[nodiscard]] bool address_of(const std::string& path, sockaddr_un& address)
{
    address.sun_family = AF_UNIX;
    if (path.size() >= sizeof address.sun_path) {
        errno = ENAMETOOLONG;
        return false;
    }
    std::memcpy(address.sun_path, path.data(), path.size());
    return true;
}

struct FreeAddresses {
    void operator()(addrinfo* list) const { freeaddrinfo(list); }
};
using Addresses = std::unique_ptr<addrinfo, FreeAddresses>;

[[nodiscard]] bool is_port(const std::string& text)
{
    u16 port = 0;
    auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), port);
    return error == std::errc {} && end == text.data() + text.size();
}

[[nodiscard]] Result<Addresses> resolve(const std::string& address)
{
    auto colon = address.rfind(':');
    std::string host = address.substr(0, colon);
    if (host.size() > 2 && host.front() == '[' && host.back() == ']')
        host = host.substr(1, host.size() - 2);
    addrinfo hints {};
    hints.ai_flags = AI_NUMERICHOST | AI_NUMERICSERV | AI_PASSIVE;
    hints.ai_socktype = SOCK_STREAM;
    addrinfo* list = nullptr;
    if (colon == std::string::npos || !is_port(address.substr(colon + 1))
        || getaddrinfo(host.c_str(), address.substr(colon + 1).c_str(), &hints, &list) != 0)
        return fail(fmt::format("--listen must be ADDRESS:PORT such as 127.0.0.1:6794, not '{}'", address));
    return Addresses(list);
}

[[nodiscard]] std::string tls_reason()
{
    const char* reason = ERR_reason_error_string(ERR_peek_last_error());
    ERR_clear_error();
    return reason ? reason : "unknown reason";
}

} // namespace

Result<std::vector<Entrance>> open_entrances(const std::string& path, const TcpOptions& tcp)
{
    const auto needed = { &tcp.listen, &tcp.certificate, &tcp.key, &tcp.token_file };
    auto is_empty = [](const std::string* option) { return option->empty(); };
    std::vector<Entrance> entrances;
    if (std::ranges::any_of(needed, is_empty) && !std::ranges::all_of(needed, is_empty))
        return fail("listening over TCP needs all of --listen, --certificate, --key and --token-file");
    if (!tcp.listen.empty()) {
        auto tls = TRY(server_tls(tcp.certificate, tcp.key));
        auto token = TRY(read_token(tcp.token_file));
        entrances.push_back({ TRY(listen_at_address(tcp.listen)), std::move(tls), std::move(token) });
    }
    entrances.insert(entrances.begin(), Entrance { TRY(listen_at_path(path)) });
    return entrances;
}

Result<UniqueFd> listen_at_path(const std::string& path)
{
    sockaddr_un address {};
    UniqueFd socket { ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0) };
    // The mode of the socket becomes that of its file, so that there is no moment at which others may connect.
    bool made = address_of(path, address) && socket.valid() && fchmod(socket.get(), owner_alone) == 0
        && (unlink(path.c_str()) == 0 || errno == ENOENT)
        && bind(socket.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0 && chmod(path.c_str(), owner_alone) == 0
        && listen(socket.get(), backlog) == 0;
    if (!made)
        return fail(fmt::format("cannot listen at {}: {}", path, std::strerror(errno)));
    return socket;
}

UniqueFd connect_to_path(const std::string& path)
{
    sockaddr_un address {};
    UniqueFd socket { ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0) };
    if (!address_of(path, address) || !socket.valid()
        || connect(socket.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0)
        return {};
    return socket;
}

Result<UniqueFd> listen_at_address(const std::string& address)
{
    auto resolved = TRY(resolve(address));
    UniqueFd socket { ::socket(resolved->ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0) };
    int on = 1;
    bool made = socket.valid() && setsockopt(socket.get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) == 0
        && bind(socket.get(), resolved->ai_addr, resolved->ai_addrlen) == 0 && listen(socket.get(), backlog) == 0;
    if (!made)
        return fail(fmt::format("cannot listen at {}: {}", address, std::strerror(errno)));
    return socket;
}

Result<TlsContext> server_tls(const std::string& certificate, const std::string& key)
{
    TlsContext context(SSL_CTX_new(TLS_server_method()));
    if (!context || SSL_CTX_set_min_proto_version(context.get(), TLS1_2_VERSION) != 1)
        return fail(fmt::format("TLS cannot be used: {}", tls_reason()));
    SSL_CTX_set_mode(context.get(), SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
    if (SSL_CTX_use_certificate_chain_file(context.get(), certificate.c_str()) != 1)
        return fail(fmt::format("certificate {} cannot be used: {}", certificate, tls_reason()));
    if (SSL_CTX_use_PrivateKey_file(context.get(), key.c_str(), SSL_FILETYPE_PEM) != 1)
        return fail(fmt::format("key {} cannot be used: {}", key, tls_reason()));
    return context;
}

Result<std::string> read_token(const std::string& path)
{
    struct stat status {};
    if (stat(path.c_str(), &status) != 0)
        return fail(fmt::format("token file {}: {}", path, std::strerror(errno)));
    if ((status.st_mode & (S_IRWXG | S_IRWXO)) != 0)
        return fail(fmt::format("token file {}: others than its owner may use it; expected mode 0600", path));
    std::string token;
    std::ifstream file(path);
    std::getline(file, token);
    bool printable = std::ranges::all_of(token, [](unsigned char c) { return std::isgraph(c); });
    if (token.size() < shortest_token || token.size() > longest_token || !printable)
        return fail(fmt::format(
            "token file {}: expected one line of {} to {} printable characters without blanks", path, shortest_token, longest_token));
    return token;
}

} // namespace zvisor
