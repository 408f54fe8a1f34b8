#include "base/host_pages.h"

#include "base/verify.h"

#include <sys/mman.h>

namespace zvisor {

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

} // namespace zvisor
