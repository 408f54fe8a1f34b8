#pragma once

#include "base/result.h"
#include "base/types.h"
#include "base/unique_fd.h"
#include "prsm/link.h"

#include <map>
#include <mutex>

namespace zvisor {

/// Blocks one partition holds: block number in its storage → memory. The firmware keeps them so that they outlive the partition's process.
using HeldBlocks = std::map<u64, UniqueFd>;

/// Sends blocks, as many in a message as it carries: `body` with "first", the number of the first; the others follow it in number.
[[nodiscard]] Result<void> send_blocks(Link& link, const HeldBlocks& blocks, nlohmann::json body, int patience = -1);

/// Storage of a board: all its blocks, and those that are free.
struct BoardStorage {
    u64 total { 0 };
    u64 free { 0 };
};

/// The machine's storage: so many blocks, given to partitions and taken back. A block that comes back is never given again: its memory is
/// returned to the host and the next one is new, so nothing of it is left. May be used from any thread.
class StoragePool {
public:
    /// Sizes in bytes, `total` a multiple of `block_size`: one board. `host_memory` is what the host has for all.
    StoragePool(u64 total, u64 block_size, u64 host_memory = memory_of_host())
        : StoragePool(std::vector { total }, block_size, host_memory)
    {
    }
    /// Sizes in bytes, of each board.
    StoragePool(const std::vector<u64>& boards, u64 block_size, u64 host_memory = memory_of_host());

    [[nodiscard]] u64 block_size() const { return m_block_size; }
    /// In blocks.
    [[nodiscard]] u64 total() const { return m_total; }
    [[nodiscard]] u64 free() const;
    [[nodiscard]] std::vector<BoardStorage> boards() const;
    /// The board a block lies on.
    [[nodiscard]] std::size_t board_of(const UniqueFd& block) const;
    /// The first board with so many free blocks, else the first with any.
    [[nodiscard]] std::size_t board_with(u64 blocks) const;

    /// A new block, of the board where that has one; it cannot grow but can be shortened by who may call for that. An error when all are
    /// given.
    [[nodiscard]] Result<UniqueFd> take(std::size_t board = 0);
    /// Counts a block that a partition had before this firmware began; false when it is none of this size or all are given.
    [[nodiscard]] bool adopt(const UniqueFd& block);
    /// Whether so many more could be given out; an error that says why not. The host has no memory when a program uses its storage
    /// otherwise.
    [[nodiscard]] Result<void> check(u64 blocks) const;
    /// Ends the life of a block, whoever still has it mapped: its memory is the host's again, and an access to it a signal.
    void put_back(UniqueFd block);
    void put_back(HeldBlocks blocks);

    /// Memory and swap space, in bytes.
    [[nodiscard]] static u64 memory_of_host();

private:
    u64 m_block_size;
    u64 m_host_memory;
    u64 m_total { 0 };
    mutable std::mutex m_mutex;
    std::vector<BoardStorage> m_boards;
};

} // namespace zvisor
