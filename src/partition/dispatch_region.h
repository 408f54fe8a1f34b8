#pragma once

#include "base/result.h"
#include "base/unique_fd.h"
#include "partition/dispatch_cell.h"

#include <memory>
#include <span>

namespace zvisor {

/// The memory that firmware and partition share for dispatching, and the doorbell by which the partition calls the firmware. Both are
/// file descriptors that the firmware creates and hands to the process of the partition, which attaches to them.
class DispatchRegion {
public:
    /// A region with `cells` cells, all stopped (1..DispatchHeader::most_cells). Its memory can neither grow nor shrink.
    [[nodiscard]] static Result<std::shared_ptr<DispatchRegion>> create(u32 cells);
    /// The region another process created: takes the descriptors over. Fails unless memory and doorbell are of the right kind and size.
    [[nodiscard]] static Result<std::shared_ptr<DispatchRegion>> attach(UniqueFd memory, UniqueFd doorbell);
    ~DispatchRegion();
    DispatchRegion(const DispatchRegion&) = delete;
    DispatchRegion& operator=(const DispatchRegion&) = delete;

    [[nodiscard]] int memory_fd() const { return m_memory.get(); }
    /// An eventfd. The firmware waits for edges and never reads it, since whoever shares it may make reads block.
    [[nodiscard]] int doorbell_fd() const { return m_doorbell.get(); }

    [[nodiscard]] DispatchHeader& header() { return *m_header; }
    [[nodiscard]] std::span<DispatchCell> cells() { return m_cells; }

    /// For the partition: the state of cell `index` changed in a way the firmware is to see.
    void ring(std::size_t index);

private:
    DispatchRegion(UniqueFd memory, UniqueFd doorbell, void* at, u32 cells);

    UniqueFd m_memory;
    UniqueFd m_doorbell;
    DispatchHeader* m_header;
    std::span<DispatchCell> m_cells;
};

} // namespace zvisor
