#include "prsm/storage_pool.h"

#include "base/size.h"

#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <fmt/format.h>
#include <limits>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/sysinfo.h>
#include <unistd.h>

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

namespace {

/// The firmware keeps some descriptors for what is not storage: connections, messages, processes.
[[nodiscard]] int descriptors_for_blocks()
{
    constexpr rlim_t reserve = 512;
    rlimit limit {};
    getrlimit(RLIMIT_NOFILE, &limit);
    auto most = std::min<rlim_t>(limit.rlim_cur, std::numeric_limits<int>::max());
    return static_cast<int>(most - std::min(most / 2, reserve));
}

} // namespace

u64 StoragePool::free() const
{
    std::lock_guard lock(m_mutex);
    return m_free;
}

u64 StoragePool::memory_of_host()
{
    struct sysinfo information {};
    sysinfo(&information);
    return (information.totalram + information.totalswap) * information.mem_unit;
}

Result<void> StoragePool::check(u64 blocks) const
{
    u64 given = total() - free();
    if (given + blocks > m_host_memory / m_block_size)
        return fail(fmt::format("the host has {}M of memory, of which the machine's partitions have {}M and cannot have {}M more",
            m_host_memory >> 20, given * m_block_size >> 20, blocks * m_block_size >> 20));
    return {};
}

Result<UniqueFd> StoragePool::take()
{
    TRY_VOID(check(1));
    {
        std::lock_guard lock(m_mutex);
        if (m_free == 0)
            return fail(fmt::format("the machine's storage of {} is all given to partitions", size_text(m_total * m_block_size)));
        --m_free;
    }
    UniqueFd block { memfd_create("zvisor-block", MFD_CLOEXEC | MFD_ALLOW_SEALING) };
    int most = descriptors_for_blocks();
    if (block.valid() && block.get() < most && ftruncate(block.get(), static_cast<off_t>(m_block_size)) == 0
        && fcntl(block.get(), F_ADD_SEALS, F_SEAL_GROW | F_SEAL_SEAL) == 0)
        return block;
    int error = block.valid() && block.get() >= most ? EMFILE : errno;
    std::lock_guard lock(m_mutex);
    ++m_free;
    return fail(fmt::format("the host has no memory for a block of {}: {}", size_text(m_block_size), std::strerror(error)));
}

bool StoragePool::adopt(const UniqueFd& block)
{
    struct stat status {};
    int seals = fcntl(block.get(), F_GET_SEALS);
    if (fstat(block.get(), &status) != 0 || static_cast<u64>(status.st_size) != m_block_size || seals < 0
        || (seals & (F_SEAL_GROW | F_SEAL_WRITE | F_SEAL_SHRINK)) != F_SEAL_GROW)
        return false;
    std::lock_guard lock(m_mutex);
    if (m_free == 0)
        return false;
    --m_free;
    return true;
}

void StoragePool::put_back(UniqueFd block)
{
    // Nobody can make it grow again, so who has it mapped still, or its descriptor, has nothing of it.
    [[maybe_unused]] int emptied = ftruncate(block.get(), 0);
    std::lock_guard lock(m_mutex);
    ++m_free;
}

void StoragePool::put_back(HeldBlocks blocks)
{
    for (auto& [number, block] : blocks)
        put_back(std::move(block));
}

} // namespace zvisor
