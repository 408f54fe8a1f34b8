#pragma once

#include <string>
#include <vector>

namespace zvisor {

/// Rows for people, in columns as wide as they must be, two blanks apart.
class TextTable {
public:
    struct Column {
        std::string head;
        /// For numbers.
        bool right { false };
    };

    explicit TextTable(std::vector<Column> columns)
        : m_columns(std::move(columns))
    {
    }
    /// As many cells as there are columns.
    void add(std::vector<std::string> cells) { m_rows.push_back(std::move(cells)); }
    /// Lines, the head first, without blanks at their ends.
    [[nodiscard]] std::string text() const;

private:
    std::vector<Column> m_columns;
    std::vector<std::vector<std::string>> m_rows;
};

} // namespace zvisor
