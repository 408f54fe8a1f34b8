#pragma once

#include "base/result.h"
#include "base/unique_fd.h"

#include <mutex>
#include <nlohmann/json.hpp>
#include <optional>
#include <span>
#include <string>
#include <vector>

namespace zvisor {

/// What goes over a link: an object, and descriptors handed to the other end.
struct LinkMessage {
    nlohmann::json body;
    std::vector<UniqueFd> files;

    /// A member of the body that must be a T (no conversions): nothing when it is missing or of another type.
    template<class T>
    [[nodiscard]] std::optional<T> get(std::string_view name) const;
};

/// The connection between the firmware and one partition's process: messages that keep their bounds (SOCK_SEQPACKET), an object in
/// CBOR each. Neither end trusts the form of what the other sends. `send` may be called from any thread, `receive` from one.
class Link {
public:
    /// The longest message, in bytes, and the most descriptors one carries.
    static constexpr std::size_t longest_message = 128 * 1024;
    static constexpr std::size_t most_files = 200;

    explicit Link(UniqueFd socket)
        : m_socket(std::move(socket))
    {
    }
    /// Connects to the socket a partition listens at.
    [[nodiscard]] static Result<std::unique_ptr<Link>> connect(const std::string& path);

    /// Waits while the other end is slow in reading, at most `patience` milliseconds where that is given.
    [[nodiscard]] Result<void> send(const nlohmann::json& body, std::span<const int> files = {}, int patience = -1);
    /// Waits for a message. Nothing when the other end has closed; an error when what arrived is none.
    [[nodiscard]] Result<std::optional<LinkMessage>> receive();
    /// Makes the other end, and whoever waits in `receive` here, find the link closed.
    void shut_down() const;
    [[nodiscard]] int fd() const { return m_socket.get(); }

private:
    [[nodiscard]] Result<void> wait_for_room(int patience) const;

    UniqueFd m_socket;
    std::mutex m_sending;
};

/// A socket at `path` that a partition's process accepts its links from.
[[nodiscard]] Result<UniqueFd> listen_for_links(const std::string& path);
/// Waits for the next link.
[[nodiscard]] Result<std::unique_ptr<Link>> accept_link(int listener);

namespace detail {

template<class T>
[[nodiscard]] bool holds(const nlohmann::json& value)
{
    if constexpr (std::is_same_v<T, bool>)
        return value.is_boolean();
    else if constexpr (std::is_unsigned_v<T>)
        return value.is_number_unsigned() && value.get<std::uint64_t>() <= std::numeric_limits<T>::max();
    else if constexpr (std::is_same_v<T, std::string>)
        return value.is_string();
    else if constexpr (std::is_same_v<T, nlohmann::json::binary_t>)
        return value.is_binary();
    else
        return value.is_number();
}

} // namespace detail

template<class T>
std::optional<T> LinkMessage::get(std::string_view name) const
{
    auto found = body.find(name);
    if (found == body.end() || !detail::holds<T>(*found))
        return {};
    if constexpr (std::is_same_v<T, nlohmann::json::binary_t>)
        return found->get_binary();
    else
        return found->template get<T>();
}

} // namespace zvisor
