#pragma once

#include "base/result.h"
#include "base/types.h"

#include <atomic>
#include <vector>

namespace zvisor {

/// What the partition does when its configuration changes. Each returns false to refuse, and the command ends so.
/// Called on the CPU that executes SERVICE CALL, whose address is `caller`.
struct ConfigurationSink {
    virtual ~ConfigurationSink() = default;
    /// The CPU leaves the standby state and comes up stopped and reset.
    virtual bool configure_cpu([[maybe_unused]] u16 caller, [[maybe_unused]] u16 address) { return true; }
    /// Refused while the CPU is not stopped.
    virtual bool deconfigure_cpu([[maybe_unused]] u16 caller, [[maybe_unused]] u16 address) { return true; }
    /// Absolute storage in [start, start+length), a storage increment, becomes part of the configuration, cleared.
    virtual bool assign_storage([[maybe_unused]] u16 caller, [[maybe_unused]] u64 start, [[maybe_unused]] u64 length) { return true; }
    /// The range leaves the configuration: accesses get addressing exceptions, contents are lost.
    virtual bool unassign_storage([[maybe_unused]] u16 caller, [[maybe_unused]] u64 start, [[maybe_unused]] u64 length) { return true; }
};

enum class CpuState : u8 { reserved, standby, configured };

/// The CPUs of one configuration by address 0..size-1, and their state. May be read from any thread.
class CpuConfiguration {
public:
    /// CPU addresses fit the one-byte address of SCLP's CPU entries and one page of them.
    static constexpr u16 maximum_cpus = 248;

    /// The first `configured` CPUs are configured, the next `standby` in standby, the last `reserved` reserved.
    [[nodiscard]] static Result<CpuConfiguration> create(u16 configured, u16 standby = 0, u16 reserved = 0);
    CpuConfiguration(CpuConfiguration&& other) noexcept;

    [[nodiscard]] u16 size() const { return static_cast<u16>(m_states.size()); }
    [[nodiscard]] CpuState state(u16 address) const { return m_states[address].load(); }
    void set_state(u16 address, CpuState state) { m_states[address].store(state); }
    [[nodiscard]] u16 count(CpuState state) const;
    [[nodiscard]] std::vector<u16> addresses(CpuState state) const;

private:
    explicit CpuConfiguration(std::vector<std::atomic<CpuState>> states)
        : m_states(std::move(states))
    {
    }
    std::vector<std::atomic<CpuState>> m_states;
};

/// A contiguous part of the configuration's storage: first and last byte, absolute.
struct StorageExtent {
    u64 first;
    u64 last;

    friend bool operator==(const StorageExtent&, const StorageExtent&) = default;
};

/// Storage in increments, numbered from 1 (increment n starts at (n-1) * increment_size).
/// Element 0 is the storage a configuration starts with, element 1 the standby storage it may attach. May be read from any thread.
class StorageConfiguration {
public:
    /// `initial` and `standby` in bytes, multiples of 1 MiB. Storage that comes in blocks of `block` bytes (a power of 2 from 1 MiB on), or
    /// with standby storage, may change: increments are a block (0: 1 MiB) or, so that all fit one element-information block, a multiple of
    /// it. With standby storage both sizes must be multiples of an increment; without, one that is not stays as it is.
    [[nodiscard]] static Result<StorageConfiguration> create(u64 initial, u64 standby = 0, u64 block = 0);

    [[nodiscard]] u64 increment_size() const { return m_increment_size; }
    [[nodiscard]] u64 increment_count() const { return m_initial_increments + m_standby_increments; }
    [[nodiscard]] u64 initial_increments() const { return m_initial_increments; }
    [[nodiscard]] u64 standby_increments() const { return m_standby_increments; }
    [[nodiscard]] bool reconfigurable() const { return m_reconfigurable; }
    [[nodiscard]] u64 start(u64 increment) const { return (increment - 1) * m_increment_size; }

    /// Only when reconfigurable; `increment` 1..increment_count().
    [[nodiscard]] bool assigned(u64 increment) const { return m_assigned[increment - 1].load(); }
    void set_assigned(u64 increment, bool on) { m_assigned[increment - 1].store(on); }
    /// What of the storage is assigned, in ascending order.
    [[nodiscard]] std::vector<StorageExtent> extents() const;
    [[nodiscard]] bool standby_attached() const { return m_standby_attached; }
    void attach_standby() { m_standby_attached = true; }
    /// Back to the state at creation (system reset with IPL).
    void reset();

private:
    StorageConfiguration(u64 increment_size, u64 initial, u64 standby, bool reconfigurable);

    u64 m_increment_size;
    u64 m_initial_increments;
    u64 m_standby_increments;
    bool m_reconfigurable;
    std::vector<std::atomic<bool>> m_assigned;
    bool m_standby_attached { false };
};

enum class ChannelPathState : u8 { unknown, standby, configured };

/// The channel paths as SCLP shows and configures them.
struct ChannelPathConfiguration {
    virtual ~ChannelPathConfiguration() = default;
    [[nodiscard]] virtual ChannelPathState state(u8 chpid) const = 0;
    /// Only for a known channel path in the other state; false to refuse.
    virtual bool set_configured(u8 chpid, bool configured) = 0;
};

} // namespace zvisor
