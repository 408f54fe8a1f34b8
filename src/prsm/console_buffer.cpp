#include "prsm/console_buffer.h"

#include <algorithm>

namespace zvisor {

void ConsoleBuffer::append(std::string_view text)
{
    std::lock_guard lock(m_mutex);
    m_text += text;
    // Rarely, so that each character is moved once or twice.
    if (m_text.size() > 2 * scroll_back) {
        std::size_t gone = m_text.size() - scroll_back;
        m_text.erase(0, gone);
        m_first += gone;
    }
    m_changed.notify_all();
}

ConsoleBuffer::Piece ConsoleBuffer::read(u64 from, std::chrono::milliseconds patience) const
{
    std::unique_lock lock(m_mutex);
    m_changed.wait_for(lock, patience, [&] { return m_closed || m_first + m_text.size() > from; });
    u64 end = m_first + m_text.size();
    u64 begin = std::clamp(from, m_first, end);
    return { .text = m_text.substr(begin - m_first), .next = end, .closed = m_closed };
}

void ConsoleBuffer::close()
{
    std::lock_guard lock(m_mutex);
    m_closed = true;
    m_changed.notify_all();
}

} // namespace zvisor
