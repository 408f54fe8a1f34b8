#pragma once

#include <expected>
#include <string>
#include <utility>

namespace zvisor {

/// A failure of the host or of a user's input: one sentence naming what, where and what was expected.
struct Error {
    std::string message;
};

template<class T>
using Result = std::expected<T, Error>;

/// `return fail("...")` from any function that returns a Result.
[[nodiscard]] inline std::unexpected<Error> fail(std::string message)
{
    return std::unexpected(Error { std::move(message) });
}

} // namespace zvisor

/// Yields the value of a Result, or returns its error from the enclosing function.
#define TRY(expression)                                            \
    __extension__({                                                \
        auto try_result = (expression);                            \
        if (!try_result)                                           \
            return std::unexpected(std::move(try_result).error()); \
        std::move(try_result).value();                             \
    })

/// Like TRY for a Result<void>.
#define TRY_VOID(expression)                                       \
    do {                                                           \
        auto try_result = (expression);                            \
        if (!try_result)                                           \
            return std::unexpected(std::move(try_result).error()); \
    } while (false)
