#pragma once

#include "control/deadline_stream.h"

#include <string>
#include <vector>

namespace zvisor {

/// Where else than at its UNIX socket the door listens.
struct TcpOptions {
    /// "ADDRESS:PORT", "[ADDRESS]:PORT"; empty: nowhere.
    std::string listen {};
    /// PEM files of the certificate (chain) and its key, and a file with the token that each request must carry.
    std::string certificate {};
    std::string key {};
    std::string token_file {};
};

/// A socket that connections come from, and what they need.
struct Entrance {
    UniqueFd socket;
    /// Over TCP.
    TlsContext tls {};
    std::string token {};
};

/// The UNIX socket at this path, then that over TCP where it is wanted.
[[nodiscard]] Result<std::vector<Entrance>> open_entrances(const std::string& path, const TcpOptions& tcp);
/// A socket at this path that only this user may connect to; what lies there is replaced.
[[nodiscard]] Result<UniqueFd> listen_at_path(const std::string& path);
/// A socket at "ADDRESS:PORT" or "[ADDRESS]:PORT", numbers both.
[[nodiscard]] Result<UniqueFd> listen_at_address(const std::string& address);
/// TLS 1.2 or later with this certificate (chain) and key, PEM files.
[[nodiscard]] Result<TlsContext> server_tls(const std::string& certificate, const std::string& key);
/// The token in a file that only its owner can read: one line of 16 to 512 printable characters.
[[nodiscard]] Result<std::string> read_token(const std::string& path);
/// Connects to the socket at this path; errno says why not.
[[nodiscard]] UniqueFd connect_to_path(const std::string& path);

} // namespace zvisor
