#include "prsm/storage_reserve.h"

namespace zvisor {

namespace {

/// What is waited for follows the message about it a moment later, or comes with none, so it is looked at again after this.
constexpr std::chrono::milliseconds look_again { 20 };

} // namespace

Result<UniqueFd> StorageReserve::take(const ManagedPartition& partition)
{
    std::lock_guard lock(m_mutex);
    u64 kept = 0;
    for (const auto& [owner, part] : m_kept)
        kept += owner != &partition ? part.blocks : 0;
    if (kept != 0 && m_pool.free() <= kept)
        return fail("what is free of the machine's storage is kept for another partition");
    auto own = m_kept.find(&partition);
    bool has_board = own != m_kept.end() && own->second.board;
    auto memory = m_pool.take(has_board ? *own->second.board : m_pool.board_with(1));
    if (memory && own != m_kept.end() && own->second.blocks > 0)
        --own->second.blocks;
    m_moved.notify_all();
    return memory;
}

void StorageReserve::put_back(UniqueFd block)
{
    m_pool.put_back(std::move(block));
    m_moved.notify_all();
}

void StorageReserve::keep(const ManagedPartition& partition, u64 blocks, std::optional<std::size_t> board)
{
    std::lock_guard lock(m_mutex);
    if (blocks == 0)
        m_kept.erase(&partition);
    else
        m_kept[&partition] = { blocks, board };
}

bool StorageReserve::wait(const std::function<u64()>& count, u64 wanted, const Patience& patience)
{
    for (;;) {
        if (count() >= wanted)
            return true;
        if (patience.over())
            return false;
        std::unique_lock lock(m_mutex);
        m_moved.wait_for(lock, look_again);
    }
}

} // namespace zvisor
