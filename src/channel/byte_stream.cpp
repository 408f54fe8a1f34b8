#include "channel/byte_stream.h"

#include <algorithm>

namespace zvisor {

ByteStream::ByteStream(CcwCursor& cursor, const Ccw& ccw, Listener on_interruption_flag)
    : m_cursor(cursor)
    , m_ccw(ccw)
    , m_area(cursor.rules(), ccw)
    , m_start(m_area)
    , m_on_interruption_flag(std::move(on_interruption_flag))
{
}

bool ByteStream::advance()
{
    if (!m_ccw.has(Ccw::chain_data))
        return false;
    auto ccw = m_cursor.fetch_chained_data();
    if (!ccw) {
        m_status |= ccw.error();
        m_ccw.flags &= static_cast<u8>(~Ccw::chain_data);
        return false;
    }
    ccw->command = m_ccw.command;
    m_ccw = *ccw;
    m_area = DataArea { m_cursor.rules(), m_ccw };
    if (m_ccw.has(Ccw::program_controlled_interruption))
        m_on_interruption_flag();
    return true;
}

void ByteStream::settle()
{
    if (m_status == 0 && m_used && m_area.remaining() == 0)
        advance();
}

template<class Move>
std::size_t ByteStream::transfer(std::size_t length, Move move)
{
    m_used |= length != 0;
    std::size_t done = 0;
    while (done < length && m_status == 0) {
        if (m_area.remaining() == 0 && !advance()) {
            m_short = m_status == 0;
            break;
        }
        auto block = m_area.next(length - done);
        if (!block) {
            m_status |= block.error();
            break;
        }
        move(*block, done);
        done += block->length;
    }
    return done;
}

std::size_t ByteStream::store(std::span<const std::byte> from)
{
    auto& storage = m_cursor.rules().storage;
    return transfer(from.size(), [&](const DataArea::Block& block, std::size_t done) {
        if (block.skip)
            return;
        auto part = from.subspan(done, block.length);
        // Blocks come checked; one that the program has unassigned since takes nothing.
        if (!m_ccw.is_read_backward()) {
            (void)storage.write(block.address, part);
            return;
        }
        std::vector<std::byte> reversed(part.rbegin(), part.rend());
        (void)storage.write(block.address, reversed);
    });
}

std::size_t ByteStream::fetch(std::span<std::byte> to)
{
    const auto& storage = m_cursor.rules().storage;
    return transfer(to.size(),
        [&](const DataArea::Block& block, std::size_t done) { (void)storage.read(block.address, to.subspan(done, block.length)); });
}

bool ByteStream::peek(u16 offset, std::span<std::byte> to) const
{
    DataArea area = m_start;
    std::size_t done = 0;
    while (done < to.size()) {
        if (area.remaining() == 0)
            return false;
        auto block = area.next(offset ? offset : to.size() - done);
        if (!block)
            return false;
        if (offset) {
            offset = static_cast<u16>(offset - block->length);
            continue;
        }
        if (!m_cursor.rules().storage.read(block->address, to.subspan(done, block->length)))
            return false;
        done += block->length;
    }
    return true;
}

} // namespace zvisor
