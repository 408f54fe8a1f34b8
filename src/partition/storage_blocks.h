#pragma once

#include "base/result.h"
#include "base/types.h"
#include "base/unique_fd.h"

namespace zvisor {

/// Where a partition's storage comes from: blocks of memory, each a file. Block n is absolute storage from n * block size on.
/// Called on the CPU that assigns or unassigns storage and on the thread that runs the partition, one call at a time.
class StorageBlocks {
public:
    virtual ~StorageBlocks() = default;

    /// Memory (memfd) for a block: as long as one until it is given back, zero. An error refuses the block, and what the program asked
    /// for with it.
    [[nodiscard]] virtual Result<UniqueFd> obtain(u64 block) = 0;
    /// The partition has nothing mapped of a block it obtained, nor will it want its contents again. Blocks a partition has when it ends
    /// are not given back one by one.
    virtual void give_back(u64 block) = 0;
};

/// Blocks of this process's own memory.
class OwnStorageBlocks final : public StorageBlocks {
public:
    /// `block_size` in bytes, a multiple of the host's page size.
    explicit OwnStorageBlocks(u64 block_size)
        : m_block_size(block_size)
    {
    }

    [[nodiscard]] Result<UniqueFd> obtain(u64 block) override;
    /// Its memory went with the last mapping.
    void give_back(u64) override { }

private:
    u64 m_block_size;
};

} // namespace zvisor
