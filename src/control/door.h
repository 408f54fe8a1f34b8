#pragma once

#include "control/operations.h"

namespace zvisor {

/// What of an HTTP request matters here.
struct HttpRequest {
    std::string method;
    /// As in the request line: path and query, percent-encoded.
    std::string target;
    std::string content_type {};
    std::string accept {};
    std::string body {};
};

/// Finds the operation a request asks for, checks its arguments and has it done. Never throws.
[[nodiscard]] Reply answer(Call& call, const HttpRequest& request);

/// "a%23b" -> "a#b"; nothing when an escape is not understood.
[[nodiscard]] std::optional<std::string> percent_decoded(std::string_view text);
/// All but letters, digits and -._~ as escapes.
[[nodiscard]] std::string percent_encoded(std::string_view text);

} // namespace zvisor
