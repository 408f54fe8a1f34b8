#pragma once

#include "base/result.h"
#include "image/interrupt.h"
#include "image/tar_reader.h"

#include <filesystem>
#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace zvisor::image {

/// What a binary package says of itself: the files of its control member, by name, and the fields of "control".
struct PackageControl {
    std::map<std::string, std::string> files;
    std::map<std::string, std::string> fields; ///< continuation lines are kept with their line ends

    [[nodiscard]] std::string field(const std::string& name) const;
    /// The name dpkg gives this package's files: "libc6:s390x" when several architectures may be installed at once.
    [[nodiscard]] std::string info_name() const;
    /// Whether the field Replaces names `package`.
    [[nodiscard]] bool replaces(std::string_view package) const;
};

/// Reads the control member of a .deb file.
Result<PackageControl> read_control(const std::filesystem::path& file, const Interrupt&);

/// Calls `take` for each member of a .deb file's content; the reader gives the content of a file.
Result<void> for_each_member(
    const std::filesystem::path& file, const Interrupt&, const std::function<Result<void>(const TarEntry&, TarReader&)>& take);

/// The fields of one paragraph (Debian policy, chapter 5).
[[nodiscard]] std::map<std::string, std::string> parse_paragraph(std::string_view text);

/// The names in a relation field ("a (>= 1) | b, c"): one list of alternatives for each relation.
[[nodiscard]] std::vector<std::vector<std::string>> parse_relations(std::string_view field);

} // namespace zvisor::image
