#pragma once

#include "base/result.h"
#include "base/types.h"

#include <string>
#include <string_view>

namespace zvisor {

/// A number of bytes such as 512M, 1G or 1073741824. `what` names the value in the error.
[[nodiscard]] Result<u64> parse_size(std::string_view text, std::string_view what);
/// The shortest text that `parse_size` reads as this number.
[[nodiscard]] std::string size_text(u64 bytes);

} // namespace zvisor
