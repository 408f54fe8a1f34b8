#pragma once

#include "control/deadline_stream.h"

#include <string>

namespace zvisor {

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
