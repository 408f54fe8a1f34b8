#pragma once

#include "channel/layouts.h"
#include "storage/absolute_storage.h"

#include <expected>

namespace zvisor {

/// Either a value or the subchannel status (program check, protection check) that ends the channel program.
template<class T>
using Checked = std::expected<T, u8>;

/// Ends a checked step with this subchannel status.
[[nodiscard]] inline std::unexpected<u8> channel_check(u8 subchannel_status)
{
    return std::unexpected(subchannel_status);
}

/// Address-limit checking as SET ADDRESS LIMIT and the path-management-control word set it (PoP ch. 17).
struct AddressLimit {
    enum class Mode : u8 { off = 0, at_or_above = 1, below = 2 };
    Mode mode { Mode::off };
    u64 limit { 0 };

    [[nodiscard]] bool permits(u64 address) const
    {
        return mode == Mode::off || (mode == Mode::at_or_above ? address >= limit : address < limit);
    }
};

/// What an operation-request block says about every access of its channel program.
struct ProgramRules {
    AbsoluteStorage& storage;
    Orb orb;
    AddressLimit limit;

    /// Copies CCWs, IDAWs or MIDAWs in, once: a program check outside storage, a protection check against the key.
    template<class T>
    [[nodiscard]] Checked<T> fetch(u64 address) const
    {
        if (!storage.contains(address, sizeof(T)))
            return channel_check(SubchannelStatus::program_check);
        if (!storage.key(address).permits(orb.key(), false))
            return channel_check(SubchannelStatus::protection_check);
        return *storage.read_as<T>(address);
    }

    /// Subchannel status for moving data at a range within one 4 KiB block; 0 when it may be accessed.
    [[nodiscard]] u8 check_data(u64 address, u64 length, bool store) const
    {
        if (!storage.contains(address, length) || !limit.permits(address) || !limit.permits(address + length - 1))
            return SubchannelStatus::program_check;
        return storage.key(address).permits(orb.key(), store) ? 0 : SubchannelStatus::protection_check;
    }
};

} // namespace zvisor
