#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace zvisor {

/// EBCDIC code pages that operators and guests use: 037 (z/VM, United States), 500 (HMC and service element, international).
/// They hold the same 256 characters, those of ISO 8859-1, and differ in seven places.
enum class CodePage { cp037, cp500 };

/// UTF-8 text of EBCDIC bytes. New line (X'15') becomes a line feed.
[[nodiscard]] std::string from_ebcdic(std::span<const std::byte> bytes, CodePage page = CodePage::cp037);

/// EBCDIC bytes of UTF-8 text, one a character. A character the code page lacks, and malformed UTF-8, become a question mark.
[[nodiscard]] std::vector<std::byte> to_ebcdic(std::string_view utf8, CodePage page = CodePage::cp037);

/// Fills a fixed field with EBCDIC text: cut at its end, padded on the right with blanks.
void put_ebcdic(std::span<std::byte> field, std::string_view utf8, CodePage page = CodePage::cp037);

/// The text of a fixed field without its padding of blanks and zeros.
[[nodiscard]] std::string ebcdic_field(std::span<const std::byte> field, CodePage page = CodePage::cp037);

} // namespace zvisor
