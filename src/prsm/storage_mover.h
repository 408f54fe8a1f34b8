#pragma once

#include "prsm/guest_resources.h"
#include "prsm/managed_partition.h"
#include "prsm/storage_reserve.h"

#include <set>

namespace zvisor {

/// How somebody looks at a move.
struct MoveWatch {
    /// Time each of the two programs has.
    std::chrono::milliseconds patience;
    /// Told what goes on, a sentence without its end.
    std::function<void(const std::string&)> progress;
    /// True once nobody waits any more: the move ends as if it had taken too long.
    std::function<bool()> given_up = [] { return false; };

    [[nodiscard]] Patience begin() const
    {
        auto patience_now = Patience::of(patience);
        patience_now.given_up = given_up;
        return patience_now;
    }
};

/// One move of storage between two running partitions. Programs with an agent are asked to take blocks offline and online; others are
/// waited for, as their operators do it.
class StorageMover {
public:
    /// `bytes`: a multiple of the machine's block size. All must outlive the move.
    StorageMover(StorageReserve& reserve, ManagedPartition& from, ManagedPartition& to, u64 bytes, const MoveWatch& watch);

    /// Moves what `from` has on a board instead, in the blocks its program takes; both need agents.
    void restrict_to(std::size_t board) { m_board = board; }

    /// Returns when `to` has the storage. On an error `from` has what it released again, or it is free: the sentence says which.
    [[nodiscard]] Result<void> run();

private:
    /// What is known of a partition's program.
    struct Side {
        ManagedPartition& partition;
        /// Null: no agent answers.
        std::shared_ptr<GuestAgent> agent {};
        GuestStorage storage {};
        /// Of what was tried last and failed.
        std::string why {};
    };

    [[nodiscard]] Result<void> look_at_board();
    [[nodiscard]] Result<void> check() const;
    [[nodiscard]] Result<void> look_at(Side& side, bool online) const;
    [[nodiscard]] u64 change(Side& side, u64 had, u64 wanted, bool online);
    void change_by_agent(Side& side, u64 wanted, bool online, const std::function<u64()>& count);
    void change_by_operator(Side& side, u64 wanted, bool online, const std::function<u64()>& count);
    void note(const Side& side, u64 blocks, u64 wanted, bool online);
    [[nodiscard]] std::vector<u64> candidates(const Side& side, bool online) const;
    [[nodiscard]] std::string take_back(u64 blocks);
    [[nodiscard]] std::string text(u64 blocks) const;
    [[nodiscard]] std::string reason(const Side& side) const;
    [[nodiscard]] const std::string& name(const Side& side) const { return side.partition.definition().name; }

    StorageReserve& m_reserve;
    Side m_from;
    Side m_to;
    u64 m_block_size;
    u64 m_wanted;
    std::optional<std::size_t> m_board {};
    /// Blocks of the program in `from` that lie on it.
    std::set<u64> m_on_board {};
    const MoveWatch& m_watch;
};

} // namespace zvisor
