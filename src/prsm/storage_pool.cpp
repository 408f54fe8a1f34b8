#include "prsm/storage_pool.h"

#include "base/size.h"

#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <fmt/format.h>
#include <sys/mman.h>
#include <sys/stat.h>

namespace zvisor {

Result<void> send_blocks(Link& link, const HeldBlocks& blocks, nlohmann::json body, int patience)
{
    std::vector<int> files;
    u64 first = 0;
    auto send = [&]() -> Result<void> {
        if (files.empty())
            return {};
        body["first"] = first;
        TRY_VOID(link.send(body, files, patience));
        files.clear();
        return {};
    };
    for (const auto& [number, block] : blocks) {
        if (files.size() == Link::most_files || number != first + files.size())
            TRY_VOID(send());
        if (files.empty())
            first = number;
        files.push_back(block.get());
    }
    return send();
}

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

bool StoragePool::adopt(const UniqueFd& block)
{
    struct stat status {};
    int seals = fcntl(block.get(), F_GET_SEALS);
    if (fstat(block.get(), &status) != 0 || static_cast<u64>(status.st_size) != m_block_size || seals < 0 || !(seals & F_SEAL_SHRINK))
        return false;
    std::lock_guard lock(m_mutex);
    if (m_free == 0)
        return false;
    --m_free;
    return true;
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
