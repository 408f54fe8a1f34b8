#include "engine/translator/code_memory.h"

#include "base/verify.h"

#include <cstring>
#include <sys/mman.h>

namespace zvisor {

namespace {

/// Linux 6.1, newer than the headers of Debian 12.
constexpr int advise_collapse = 25;

/// Addresses for `size` bytes, aligned to pieces.
[[nodiscard]] u8* reserve(std::size_t size)
{
    constexpr std::size_t piece = CodeMemory::piece;
    void* reserved = mmap(nullptr, size + piece, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    VERIFY(reserved != MAP_FAILED);
    auto* first = static_cast<u8*>(reserved);
    std::size_t before = (piece - reinterpret_cast<u64>(first) % piece) % piece;
    VERIFY(before == 0 || munmap(first, before) == 0);
    VERIFY(munmap(first + before + size, piece - before) == 0);
    return first + before;
}

} // namespace

CodeMemory::CodeMemory(std::size_t code_size, std::size_t data_size)
    : m_code_size(code_size)
    , m_data_size(data_size)
{
    std::size_t size = code_size + data_size;
    // Anonymous, because a limit on the size of files would hold for a memfd; moving a shared mapping of length 0 makes a second one.
    m_writable = reserve(size);
    m_executable = reserve(size);
    constexpr int flags = MAP_SHARED | MAP_ANONYMOUS | MAP_NORESERVE | MAP_FIXED;
    VERIFY(mmap(m_writable, size, PROT_READ | PROT_WRITE, flags, -1, 0) == m_writable);
    VERIFY(mremap(m_writable, 0, size, MREMAP_MAYMOVE | MREMAP_FIXED, m_executable) == m_executable);
    VERIFY(mprotect(m_executable, code_size, PROT_READ | PROT_EXEC) == 0);
}

CodeMemory::~CodeMemory()
{
    munmap(m_writable, m_code_size + m_data_size);
    munmap(m_executable, m_code_size + m_data_size);
}

void CodeMemory::make_large(std::size_t offset) const
{
    if (offset + piece > m_code_size + m_data_size)
        return;
    (void)madvise(m_writable + offset, piece, advise_collapse);
    (void)madvise(m_executable + offset, piece, advise_collapse);
}

void CodeMemory::discard(std::size_t first, std::size_t last) const
{
    constexpr std::size_t host_page = 4096;
    first = (first + host_page - 1) / host_page * host_page;
    last = last / host_page * host_page;
    if (first < last && madvise(m_writable + first, last - first, MADV_REMOVE) != 0)
        std::memset(m_writable + first, 0, last - first);
}

} // namespace zvisor
