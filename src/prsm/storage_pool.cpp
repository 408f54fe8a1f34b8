#include "prsm/storage_pool.h"

#include "base/size.h"

#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <fmt/format.h>
#include <sys/mman.h>

namespace zvisor {

u64 StoragePool::free() const
{
    std::lock_guard lock(m_mutex);
    return m_free;
}

Result<UniqueFd> StoragePool::take()
{
    {
        std::lock_guard lock(m_mutex);
        if (m_free == 0)
            return fail(fmt::format("the machine's storage of {} is all given to partitions", size_text(m_total * m_block_size)));
        --m_free;
    }
    UniqueFd block { memfd_create("zvisor-block", MFD_CLOEXEC | MFD_ALLOW_SEALING) };
    if (block.valid() && ftruncate(block.get(), static_cast<off_t>(m_block_size)) == 0
        && fcntl(block.get(), F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL) == 0)
        return block;
    int error = errno;
    std::lock_guard lock(m_mutex);
    ++m_free;
    return fail(fmt::format("the host has no memory for a block of {}: {}", size_text(m_block_size), std::strerror(error)));
}

void StoragePool::put_back(UniqueFd block)
{
    fallocate(block.get(), FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 0, static_cast<off_t>(m_block_size));
    std::lock_guard lock(m_mutex);
    ++m_free;
}

void StoragePool::put_back(HeldBlocks blocks)
{
    for (auto& [number, block] : blocks)
        put_back(std::move(block));
}

} // namespace zvisor
