#include "apps/zvisor/text_table.h"

#include <algorithm>
#include <fmt/format.h>

namespace zvisor {

std::string TextTable::text() const
{
    auto rows = m_rows;
    auto& head = *rows.emplace(rows.begin());
    for (const auto& column : m_columns)
        head.push_back(column.head);
    std::vector<std::size_t> widths(m_columns.size());
    for (const auto& row : rows)
        for (std::size_t i = 0; i < row.size(); ++i)
            widths[i] = std::max(widths[i], row[i].size());
    std::string text;
    for (const auto& row : rows) {
        std::string line;
        for (std::size_t i = 0; i < row.size(); ++i)
            line += (m_columns[i].right ? fmt::format("{:>{}}", row[i], widths[i]) : fmt::format("{:<{}}", row[i], widths[i])) + "  ";
        line.erase(line.find_last_not_of(' ') + 1);
        text += line + "\n";
    }
    return text;
}

} // namespace zvisor
