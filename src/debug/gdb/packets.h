#pragma once

#include "base/types.h"

#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace zvisor::debug::gdb {

/// "$payload#checksum" of the remote serial protocol.
[[nodiscard]] std::string frame(std::string_view payload);

/// What came from gdb.
struct Input {
    enum class Kind : u8 { packet, damaged_packet, interrupt };
    Kind kind {};
    std::string payload;
};

/// Takes the bytes of a connection apart; acknowledgements are dropped.
class PacketReader {
public:
    void add(std::string_view bytes) { m_bytes += bytes; }
    /// The next complete item; nothing when more bytes are needed. A packet longer than `longest` counts as damaged.
    [[nodiscard]] std::optional<Input> next();

    static constexpr std::size_t longest = 0x10000;

private:
    std::string m_bytes;
};

[[nodiscard]] std::string to_hex(std::span<const u8> bytes);
/// Nothing unless `text` is an even number of hexadecimal digits.
[[nodiscard]] std::optional<std::string> from_hex(std::string_view text);
/// A hexadecimal number that `text` begins with, which is removed; nothing when there is none.
[[nodiscard]] std::optional<u64> take_number(std::string_view& text);
/// True, with `prefix` removed, when `text` begins with it.
[[nodiscard]] bool take(std::string_view& text, std::string_view prefix);

} // namespace zvisor::debug::gdb
