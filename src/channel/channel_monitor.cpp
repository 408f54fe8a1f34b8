#include "channel/channel_monitor.h"

namespace zvisor {

namespace {

/// PMCW bit: this subchannel takes part in measurement-block update.
constexpr u16 block_update_enabled = 0x0010;

struct Block0 {
    /// Times count 128 microseconds.
    static constexpr u64 unit_in_nanoseconds = 128'000;

    Be<u16> functions;
    Be<u16> samples;
    Be<u32> connect_time;
    std::array<Be<u32>, 6> other_times;
};
static_assert(sizeof(Block0) == 32);

struct Block1 {
    /// Times count half microseconds.
    static constexpr u64 unit_in_nanoseconds = 500;

    Be<u32> functions;
    Be<u32> samples;
    Be<u32> connect_time;
    std::array<Be<u32>, 13> other_times;
};
static_assert(sizeof(Block1) == 64);

template<std::integral T>
void add(Be<T>& counter, u32 amount)
{
    counter = static_cast<T>(counter + amount);
}

template<class Block>
u32 in_units(std::chrono::nanoseconds time)
{
    return static_cast<u32>(static_cast<u64>(time.count()) / Block::unit_in_nanoseconds);
}

} // namespace

void ChannelMonitor::set(bool block_update, u8 key, u64 origin)
{
    std::lock_guard lock(m_mutex);
    m_block_update = block_update;
    m_key = key;
    m_origin = origin;
}

template<class Block>
void ChannelMonitor::update(u64 address, u32 connect_time)
{
    if (!m_storage.contains(address, sizeof(Block)) || !m_storage.key(address).permits(m_key, true))
        return;
    Block block = *m_storage.read_as<Block>(address);
    add(block.functions, 1);
    add(block.samples, 1);
    add(block.connect_time, connect_time);
    (void)m_storage.write_as(address, block);
}

void ChannelMonitor::function_ended(const Schib& schib, std::chrono::nanoseconds connected)
{
    std::lock_guard lock(m_mutex);
    if (!m_block_update || !(schib.pmcw.flags & block_update_enabled))
        return;
    if (schib.pmcw.characteristics & Pmcw::measurement_block_format_bit)
        update<Block1>(schib.measurement_block_address, in_units<Block1>(connected));
    else
        update<Block0>(m_origin + schib.pmcw.measurement_block_index * sizeof(Block0), in_units<Block0>(connected));
}

} // namespace zvisor
