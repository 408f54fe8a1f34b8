#include "base/text.h"

#include <algorithm>

namespace zvisor {

std::string printable(std::string_view text, std::size_t most)
{
    std::string result(text.substr(0, most));
    std::ranges::replace_if(result, [](char character) { return character < ' ' || character > '~'; }, '?');
    return result;
}

} // namespace zvisor
