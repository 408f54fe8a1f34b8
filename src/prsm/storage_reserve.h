#pragma once

#include "prsm/guest_agent.h"
#include "prsm/storage_pool.h"

#include <condition_variable>

namespace zvisor {

class ManagedPartition;

/// The machine's free storage as running partitions take it, some of it kept for one of them. May be used from any thread.
class StorageReserve {
public:
    explicit StorageReserve(StoragePool& pool)
        : m_pool(pool)
    {
    }

    /// A block for `partition`; an error when none is free or what is free is kept for others.
    [[nodiscard]] Result<UniqueFd> take(const ManagedPartition& partition);
    void put_back(UniqueFd block);
    /// Keeps so many blocks, as they become free, for one partition; 0: none any more. It gets them of the board where that has any.
    void keep(const ManagedPartition& partition, u64 blocks, std::optional<std::size_t> board = {});
    [[nodiscard]] const StoragePool& pool() const { return m_pool; }
    /// Waits until `count`, of what a partition has released or taken, is at least `wanted`; false when it is not in time.
    [[nodiscard]] bool wait(const std::function<u64()>& count, u64 wanted, const Patience& patience);

private:
    StoragePool& m_pool;
    std::mutex m_mutex;
    /// Rings when blocks were taken or put back.
    std::condition_variable m_moved;
    struct Kept {
        u64 blocks { 0 };
        std::optional<std::size_t> board {};
    };
    std::map<const ManagedPartition*, Kept> m_kept;
};

} // namespace zvisor
