#include "prsm/storage_reserve.h"

namespace zvisor {

namespace {

/// A partition's count of blocks follows the message about one a moment later, so it is looked at again after this.
constexpr std::chrono::milliseconds look_again { 20 };

} // namespace

Result<UniqueFd> StorageReserve::take(const ManagedPartition& partition)
{
    std::lock_guard lock(m_mutex);
    u64 kept = 0;
    for (const auto& [owner, blocks] : m_kept)
        kept += owner != &partition ? blocks : 0;
    if (kept != 0 && m_pool.free() <= kept)
        return fail("what is free of the machine's storage is kept for another partition");
    auto memory = m_pool.take();
    if (auto own = m_kept.find(&partition); memory && own != m_kept.end() && own->second > 0)
        --own->second;
    m_moved.notify_all();
    return memory;
}

void StorageReserve::put_back(UniqueFd block)
{
    m_pool.put_back(std::move(block));
    m_moved.notify_all();
}

void StorageReserve::keep(const ManagedPartition& partition, u64 blocks)
{
    std::lock_guard lock(m_mutex);
    if (blocks == 0)
        m_kept.erase(&partition);
    else
        m_kept[&partition] = blocks;
}

bool StorageReserve::wait(const std::function<u64()>& count, u64 wanted, const Patience& patience)
{
    std::unique_lock lock(m_mutex);
    for (;;) {
        if (count() >= wanted)
            return true;
        if (patience.over())
            return false;
        m_moved.wait_for(lock, look_again);
    }
}

} // namespace zvisor
