#include "partition/storage_zone.h"

#include <fmt/format.h>

namespace zvisor {

Result<StorageZone> StorageZone::create(const StorageZoneConfig& config)
{
    if (config.maximum < config.initial || (!config.blocks && config.maximum != config.initial))
        return fail(fmt::format("a partition of {}M cannot have at most {}M", config.initial >> 20, config.maximum >> 20));
    if (!config.blocks)
        return StorageZone(config, TRY(AbsoluteStorage::create(config.initial)));
    StorageZone zone(config, TRY(AbsoluteStorage::create_zone(config.maximum, config.block_size)));
    if (config.initial == 0 || config.initial % config.block_size != 0)
        return fail(fmt::format(
            "storage must be a positive multiple of the block size, {}M, not {} bytes", config.block_size >> 20, config.initial));
    TRY_VOID(zone.assign(0, config.initial));
    return zone;
}

Result<void> StorageZone::obtain(u64 block)
{
    auto file = TRY(m_config.blocks->obtain(block));
    auto attached = m_storage->attach_block(block, file);
    if (!attached)
        m_config.blocks->give_back(block);
    return attached;
}

void StorageZone::give_back(u64 block)
{
    m_storage->detach_block(block);
    m_config.blocks->give_back(block);
}

Result<void> StorageZone::assign(u64 start, u64 length)
{
    u64 first = start / m_config.block_size;
    for (u64 block = first; block < (start + length) / m_config.block_size; ++block) {
        auto obtained = obtain(block);
        if (obtained)
            continue;
        while (block-- > first)
            give_back(block);
        return obtained;
    }
    return {};
}

void StorageZone::unassign(u64 start, u64 length, const std::function<void()>& forget)
{
    u64 first = start / m_config.block_size;
    u64 end = (start + length) / m_config.block_size;
    for (u64 block = first; block < end; ++block)
        m_storage->withdraw_block(block);
    forget();
    for (u64 block = first; block < end; ++block)
        give_back(block);
}

Result<void> StorageZone::restore()
{
    m_storage->clear();
    if (!m_config.blocks)
        return {};
    for (u64 block = 0; block < m_config.maximum / m_config.block_size; ++block) {
        bool initial = block < m_config.initial / m_config.block_size;
        if (initial && !m_storage->has_block(block))
            TRY_VOID(obtain(block));
        else if (!initial && m_storage->has_block(block))
            give_back(block);
    }
    return {};
}

} // namespace zvisor
