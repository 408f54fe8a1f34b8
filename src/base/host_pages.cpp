#include "base/host_pages.h"

#include "base/verify.h"

#include <cstdint>
#include <sys/mman.h>

namespace zvisor {

namespace {

constexpr std::size_t page = 4096;

} // namespace

void* take_host_pages(std::size_t bytes)
{
    void* pages = mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    VERIFY(pages != MAP_FAILED);
    return pages;
}

void give_host_pages(void* pages, std::size_t bytes)
{
    munmap(pages, bytes);
}

void clear_host_pages(void* pages, std::size_t bytes)
{
    VERIFY(madvise(pages, bytes, MADV_DONTNEED) == 0);
}

void* HostPages::do_allocate(std::size_t bytes, std::size_t alignment)
{
    if (alignment <= page)
        return take_host_pages(bytes);
    bytes = (bytes + page - 1) & ~(page - 1);
    auto* all = static_cast<std::byte*>(take_host_pages(bytes + alignment));
    auto before = alignment - reinterpret_cast<std::uintptr_t>(all) % alignment;
    give_host_pages(all, before);
    if (before != alignment)
        give_host_pages(all + before + bytes, alignment - before);
    return all + before;
}

void HostPages::do_deallocate(void* pages, std::size_t bytes, std::size_t /*alignment*/)
{
    give_host_pages(pages, bytes);
}

} // namespace zvisor
