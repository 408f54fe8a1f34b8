#pragma once

#include "base/types.h"
#include "debug/symbols.h"

#include <functional>
#include <span>
#include <string>
#include <string_view>

namespace zvisor::debug {

/// Takes a listing's text a line at a time, without the newline.
using LineWriter = std::function<void(std::string_view line)>;

/// What a listing shows of some code.
struct ListingRange {
    /// Only [from, to) is listed.
    u64 from { 0 };
    u64 to { ~u64 { 0 } };
    /// Runs of zero bytes are shown like other bytes instead of as "...".
    bool zeroes { false };
};

/// Lists code that stands at `address` in the layout of objdump: labels where symbols are, a line an instruction.
void list_code(std::span<const u8> code, u64 address, const Symbols& symbols, const ListingRange& range, const LineWriter& write);

} // namespace zvisor::debug
