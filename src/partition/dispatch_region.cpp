#include "partition/dispatch_region.h"

#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <fmt/format.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/stat.h>

namespace zvisor {

namespace {

constexpr int size_seals = F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL;

[[nodiscard]] constexpr std::size_t bytes_of(u32 cells)
{
    return sizeof(DispatchHeader) + cells * sizeof(DispatchCell);
}

[[nodiscard]] Result<void*> map(const UniqueFd& memory, std::size_t bytes)
{
    void* at = mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_SHARED, memory.get(), 0);
    if (at == MAP_FAILED)
        return fail(fmt::format("cannot map the dispatch cells: {}", std::strerror(errno)));
    return at;
}

/// Cells in a memory file, which must keep its size.
[[nodiscard]] Result<u32> cells_in(const UniqueFd& memory)
{
    struct stat status {};
    if (fstat(memory.get(), &status) < 0)
        return fail(fmt::format("cannot look at the memory of the dispatch cells: {}", std::strerror(errno)));
    auto bytes = static_cast<std::size_t>(status.st_size);
    bool fits = bytes > sizeof(DispatchHeader) && bytes <= bytes_of(DispatchHeader::most_cells)
        && (bytes - sizeof(DispatchHeader)) % sizeof(DispatchCell) == 0;
    if (!fits)
        return fail(fmt::format("the memory of the dispatch cells is {} bytes long, which is no number of cells", bytes));
    if ((fcntl(memory.get(), F_GET_SEALS) & size_seals) != size_seals)
        return fail("the memory of the dispatch cells is not sealed against changes of its size");
    return static_cast<u32>((bytes - sizeof(DispatchHeader)) / sizeof(DispatchCell));
}

} // namespace

Result<std::shared_ptr<DispatchRegion>> DispatchRegion::create(u32 cells)
{
    if (cells == 0 || cells > DispatchHeader::most_cells)
        return fail(fmt::format("a partition has 1 to {} logical CPUs, not {}", DispatchHeader::most_cells, cells));
    UniqueFd memory(memfd_create("dispatch", MFD_CLOEXEC | MFD_ALLOW_SEALING));
    UniqueFd doorbell(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
    if (!memory.valid() || !doorbell.valid())
        return fail(fmt::format("cannot create dispatch cells: {}", std::strerror(errno)));
    if (ftruncate(memory.get(), static_cast<off_t>(bytes_of(cells))) < 0 || fcntl(memory.get(), F_ADD_SEALS, size_seals) < 0)
        return fail(fmt::format("cannot size the memory of the dispatch cells: {}", std::strerror(errno)));
    void* at = TRY(map(memory, bytes_of(cells)));
    std::shared_ptr<DispatchRegion> region(new DispatchRegion(std::move(memory), std::move(doorbell), at, cells));
    region->header().version = DispatchHeader::current_version;
    region->header().cells = cells;
    return region;
}

Result<std::shared_ptr<DispatchRegion>> DispatchRegion::attach(UniqueFd memory, UniqueFd doorbell)
{
    u32 cells = TRY(cells_in(memory));
    void* at = TRY(map(memory, bytes_of(cells)));
    std::shared_ptr<DispatchRegion> region(new DispatchRegion(std::move(memory), std::move(doorbell), at, cells));
    if (u32 version = region->header().version; version != DispatchHeader::current_version)
        return fail(fmt::format("the dispatch cells are of version {}; {} was expected", version, DispatchHeader::current_version));
    return region;
}

DispatchRegion::DispatchRegion(UniqueFd memory, UniqueFd doorbell, void* at, u32 cells)
    : m_memory(std::move(memory))
    , m_doorbell(std::move(doorbell))
    , m_header(static_cast<DispatchHeader*>(at))
    , m_cells(reinterpret_cast<DispatchCell*>(static_cast<u8*>(at) + sizeof(DispatchHeader)), cells)
{
}

DispatchRegion::~DispatchRegion()
{
    munmap(m_header, bytes_of(static_cast<u32>(m_cells.size())));
}

void DispatchRegion::ring(std::size_t index)
{
    m_header->changed[index / 64].fetch_or(u64 { 1 } << index % 64);
    if (m_header->rung.exchange(1) != 0)
        return;
    u64 one = 1;
    // It fails only when the counter is full, and then the firmware has an edge to hear.
    [[maybe_unused]] auto written = write(m_doorbell.get(), &one, sizeof(one));
}

} // namespace zvisor
