#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace zvisor {

/// Text of somebody who is not trusted, fit for a log or a terminal: printable ASCII, all else `?`, at most `most` characters.
[[nodiscard]] std::string printable(std::string_view text, std::size_t most);

} // namespace zvisor
