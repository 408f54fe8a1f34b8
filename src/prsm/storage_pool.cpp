#include "prsm/storage_pool.h"

#include "base/size.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
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

namespace {

/// Begins the name of a block; its board follows.
constexpr std::string_view block_name = "zvisor-block-";

} // namespace

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

StoragePool::StoragePool(const std::vector<u64>& boards, u64 block_size, u64 host_memory)
    : m_block_size(block_size)
    , m_host_memory(host_memory)
{
    for (u64 size : boards) {
        m_boards.push_back({ .total = size / block_size, .free = size / block_size });
        m_total += size / block_size;
    }
}

u64 StoragePool::free() const
{
    std::lock_guard lock(m_mutex);
    u64 sum = 0;
    for (const auto& board : m_boards)
        sum += board.free;
    return sum;
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

std::vector<BoardStorage> StoragePool::boards() const
{
    std::lock_guard lock(m_mutex);
    return m_boards;
}

std::size_t StoragePool::board_of(const UniqueFd& block) const
{
    // Its name says it, so that a firmware that takes a partition up knows, too.
    std::array<char, 64> name {};
    auto link = fmt::format("/proc/self/fd/{}", block.get());
    std::string_view text(name.data(), static_cast<std::size_t>(std::max<ssize_t>(0, readlink(link.c_str(), name.data(), name.size()))));
    std::size_t board = 0;
    if (auto at = text.find(block_name); at != std::string_view::npos)
        std::from_chars(text.data() + at + block_name.size(), text.data() + text.size(), board);
    return board < m_boards.size() ? board : 0;
}

std::size_t StoragePool::board_with(u64 blocks) const
{
    std::lock_guard lock(m_mutex);
    auto with = [this](u64 least) { return std::ranges::find_if(m_boards, [least](const auto& board) { return board.free >= least; }); };
    auto found = with(blocks);
    found = found == m_boards.end() ? with(1) : found;
    return found == m_boards.end() ? 0 : static_cast<std::size_t>(found - m_boards.begin());
}

Result<UniqueFd> StoragePool::take(std::size_t board)
{
    TRY_VOID(check(1));
    {
        std::lock_guard lock(m_mutex);
        if (m_boards[board].free == 0)
            board = static_cast<std::size_t>(std::ranges::find_if(m_boards, &BoardStorage::free) - m_boards.begin());
        if (board == m_boards.size())
            return fail(fmt::format("the machine's storage of {} is all given to partitions", size_text(m_total * m_block_size)));
        --m_boards[board].free;
    }
    UniqueFd block { memfd_create(fmt::format("{}{}", block_name, board).c_str(), MFD_CLOEXEC | MFD_ALLOW_SEALING) };
    int most = descriptors_for_blocks();
    if (block.valid() && block.get() < most && ftruncate(block.get(), static_cast<off_t>(m_block_size)) == 0
        && fcntl(block.get(), F_ADD_SEALS, F_SEAL_GROW | F_SEAL_SEAL) == 0)
        return block;
    int error = block.valid() && block.get() >= most ? EMFILE : errno;
    std::lock_guard lock(m_mutex);
    ++m_boards[board].free;
    return fail(fmt::format("the host has no memory for a block of {}: {}", size_text(m_block_size), std::strerror(error)));
}

bool StoragePool::adopt(const UniqueFd& block)
{
    struct stat status {};
    int seals = fcntl(block.get(), F_GET_SEALS);
    if (fstat(block.get(), &status) != 0 || static_cast<u64>(status.st_size) != m_block_size || seals < 0
        || (seals & (F_SEAL_GROW | F_SEAL_WRITE | F_SEAL_SHRINK)) != F_SEAL_GROW)
        return false;
    std::size_t board = board_of(block);
    std::lock_guard lock(m_mutex);
    if (m_boards[board].free == 0)
        return false;
    --m_boards[board].free;
    return true;
}

void StoragePool::put_back(UniqueFd block)
{
    // Nobody can make it grow again, so who has it mapped still, or its descriptor, has nothing of it.
    [[maybe_unused]] int emptied = ftruncate(block.get(), 0);
    fallocate(block.get(), FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 0, static_cast<off_t>(m_block_size));
    std::size_t board = board_of(block);
    std::lock_guard lock(m_mutex);
    ++m_boards[board].free;
}

void StoragePool::put_back(HeldBlocks blocks)
{
    for (auto& [number, block] : blocks)
        put_back(std::move(block));
}

} // namespace zvisor
