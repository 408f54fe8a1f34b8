#pragma once

#include "storage/tlb.h"

namespace zvisor {

class Cpu;

/// Is told of a page of host memory before a CPU stores into it, once for each time the CPU remembers that it may (TlbEntry::write_tag).
class StoreWatcher {
public:
    virtual ~StoreWatcher() = default;

    /// `tag`: the guest's address of the page, under which `space` may remember it.
    virtual void page_opened(const Cpu& cpu, Space& space, u64 tag, u8* host_page) = 0;
};

} // namespace zvisor
