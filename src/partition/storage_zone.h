#pragma once

#include "partition/storage_blocks.h"
#include "storage/absolute_storage.h"

#include <functional>
#include <memory>

namespace zvisor {

/// What the storage of a partition is made of; sizes in bytes.
struct StorageZoneConfig {
    /// Storage the partition has after IPL.
    u64 initial { 0 };
    /// Storage it may have, at least `initial`.
    u64 maximum { 0 };
    u64 block_size { 0 };
    /// Null: `initial` bytes of private memory, which stay.
    StorageBlocks* blocks { nullptr };
};

/// A partition's storage and the blocks it has, which come and go while the program runs.
class StorageZone {
public:
    /// With blocks, `initial` and `maximum` are multiples of the block size; those of `initial` are obtained.
    [[nodiscard]] static Result<StorageZone> create(const StorageZoneConfig& config);

    [[nodiscard]] AbsoluteStorage& storage() { return *m_storage; }

    /// Obtains the blocks of a range where none is, and makes it valid and zero. On an error none of them stays.
    [[nodiscard]] Result<void> assign(u64 start, u64 length);
    /// Makes no address in a range valid, calls `forget`, which returns when nobody can use one found before, and gives its blocks back.
    void unassign(u64 start, u64 length, const std::function<void()>& forget);
    /// Clear reset and IPL: the initial blocks and no others, with bytes and keys of zero. No CPU executes and no device is active.
    [[nodiscard]] Result<void> restore();

private:
    StorageZone(const StorageZoneConfig& config, std::unique_ptr<AbsoluteStorage> storage)
        : m_config(config)
        , m_storage(std::move(storage))
    {
    }
    [[nodiscard]] Result<void> obtain(u64 block);
    void give_back(u64 block);

    StorageZoneConfig m_config;
    std::unique_ptr<AbsoluteStorage> m_storage;
};

} // namespace zvisor
