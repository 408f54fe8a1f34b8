#pragma once

#include "channel/layouts.h"
#include "storage/absolute_storage.h"

#include <chrono>
#include <mutex>

namespace zvisor {

/// The measurement-block-update facility (PoP ch. 17, "Channel-Subsystem Monitoring"): counts start and resume functions and
/// adds up connect times in measurement blocks of format 0 (from the origin SET CHANNEL MONITOR gives) or format 1 (anywhere).
class ChannelMonitor {
public:
    explicit ChannelMonitor(AbsoluteStorage& storage)
        : m_storage(storage)
    {
    }

    /// Measurement of all subchannels begins or ends. `origin` is a multiple of 32.
    void set(bool block_update, u8 key, u64 origin);
    /// A function of a subchannel ended after `connected`; its block is updated if the subchannel takes part.
    void function_ended(const Schib& schib, std::chrono::nanoseconds connected);

private:
    template<class Block>
    void update(u64 address, u32 connect_time);

    AbsoluteStorage& m_storage;
    std::mutex m_mutex;
    bool m_block_update { false };
    u8 m_key { 0 };
    u64 m_origin { 0 };
};

} // namespace zvisor
