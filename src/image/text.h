#pragma once

#include "base/types.h"

#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace zvisor::image {

/// The lines of a text, without their ends.
[[nodiscard]] std::vector<std::string_view> lines_of(std::string_view text);

/// What blanks, tabs and line ends set apart.
[[nodiscard]] std::vector<std::string_view> words_of(std::string_view text);

/// What stands between separators, empty parts included.
[[nodiscard]] std::vector<std::string_view> split(std::string_view text, char separator);

/// Words with a blank before each.
[[nodiscard]] std::string joined(std::span<const std::string_view> words);

/// "1.4 GB", "38 MB": powers of 1000, as Debian's tools write sizes.
[[nodiscard]] std::string readable_size(u64 bytes);

} // namespace zvisor::image
