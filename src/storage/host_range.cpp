#include "storage/host_range.h"

#include <cerrno>
#include <cstring>
#include <sys/mman.h>

namespace zvisor {

Result<HostRange> HostRange::reserve(u64 bytes, const char* what)
{
    u64 larger = bytes + host_huge_page;
    void* found = mmap(nullptr, larger, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (found == MAP_FAILED)
        return fail("cannot reserve " + std::to_string(bytes >> 20) + "M of host addresses for " + what + ": " + std::strerror(errno));
    // What lies before the boundary and behind the range goes back.
    u8* first = static_cast<u8*>(found);
    u64 before = -reinterpret_cast<u64>(first) % host_huge_page;
    constexpr u64 host_page_mask = 4095;
    u64 kept = (bytes + host_page_mask) & ~host_page_mask;
    if (before != 0)
        munmap(first, before);
    if (before + kept < larger)
        munmap(first + before + kept, larger - before - kept);
    return HostRange(first + before, bytes);
}

HostRange::~HostRange()
{
    if (m_start)
        munmap(m_start, m_bytes);
}

} // namespace zvisor
