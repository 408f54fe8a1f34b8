#pragma once

#include "base/result.h"
#include "base/types.h"

#include <functional>
#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace zvisor::image {

enum class TarKind { file, hard_link, symlink, character_device, block_device, directory, fifo };

/// One member of a tar archive, its path without a leading "./" or a trailing '/': the root is "".
struct TarEntry {
    TarKind kind = TarKind::file;
    std::string path;
    std::string target; ///< of a symbolic or hard link
    u32 permissions = 0;
    u32 owner = 0;
    u32 group = 0;
    i64 modified = 0; ///< seconds since 1970
    u64 size = 0;     ///< of a file's content
};

/// Reads the tar archives packages are made of: ustar with GNU's long names. Anything else is a failure.
class TarReader {
public:
    /// Gives the next bytes of the archive, at most as many as the span holds; 0 at its end.
    using Source = std::function<Result<std::size_t>(std::span<char>)>;

    explicit TarReader(Source source)
        : m_source(std::move(source))
    {
    }

    /// The next member, or nothing at the end. Content that was not read is skipped.
    Result<std::optional<TarEntry>> next();

    /// Calls `take` with the content of the current file, piece by piece.
    Result<void> read_content(const std::function<Result<void>(std::string_view)>& take);
    Result<std::string> read_content();

private:
    Result<bool> fill(std::span<char> block);
    Result<std::string> read_long_name(u64 size);
    Result<void> skip_content();

    Source m_source;
    u64 m_content_left = 0;
    u64 m_padding_left = 0;
};

} // namespace zvisor::image
