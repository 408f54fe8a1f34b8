#include "service/configuration.h"

#include "service/sccb.h"

#include <algorithm>
#include <utility>

namespace zvisor {

namespace {

constexpr u64 megabyte = u64 { 1 } << 20;

/// Words of increments that fit one SCCB after its fixed part.
constexpr u64 maximum_listed_increments = (Sccb::maximum_length - sizeof(ReadStorageElement)) / sizeof(u32);

std::string megabytes(u64 size)
{
    return std::to_string(size / megabyte) + "M";
}

} // namespace

Result<CpuConfiguration> CpuConfiguration::create(u16 configured, u16 standby, u16 reserved)
{
    unsigned total = unsigned { configured } + standby + reserved;
    if (configured == 0 || total > maximum_cpus)
        return fail("a configuration has 1 to " + std::to_string(maximum_cpus) + " CPUs, at least one of them configured, not "
            + std::to_string(configured) + " configured of " + std::to_string(total));
    std::vector<std::atomic<CpuState>> states(total);
    for (unsigned i = 0; i < total; ++i)
        states[i] = i < configured ? CpuState::configured : i < unsigned { configured } + standby ? CpuState::standby : CpuState::reserved;
    return CpuConfiguration(std::move(states));
}

CpuConfiguration::CpuConfiguration(CpuConfiguration&& other) noexcept = default;

u16 CpuConfiguration::count(CpuState state) const
{
    return static_cast<u16>(std::count_if(m_states.begin(), m_states.end(), [&](auto& s) { return s.load() == state; }));
}

std::vector<u16> CpuConfiguration::addresses(CpuState wanted) const
{
    std::vector<u16> result;
    for (u16 address = 0; address < size(); ++address) {
        if (state(address) == wanted)
            result.push_back(address);
    }
    return result;
}

Result<StorageConfiguration> StorageConfiguration::create(u64 initial, u64 standby, u64 block)
{
    if (initial == 0 || initial % megabyte != 0 || standby % megabyte != 0)
        return fail(
            "storage must be a positive multiple of 1M, not " + std::to_string(initial) + " and " + std::to_string(standby) + " bytes");
    bool changes = standby != 0 || block != 0;
    u64 increment = block != 0 ? block : megabyte;
    while (changes && (initial + standby) / increment > maximum_listed_increments)
        increment *= 2;
    bool fits = initial % increment == 0 && standby % increment == 0;
    if (!fits && standby != 0)
        return fail("with " + megabytes(standby) + " of standby storage, both sizes must be multiples of " + megabytes(increment) + ", and "
            + megabytes(initial) + " and " + megabytes(standby) + " are not");
    if (!changes || !fits)
        return StorageConfiguration(megabyte, initial / megabyte, 0, false);
    return StorageConfiguration(increment, initial / increment, standby / increment, true);
}

StorageConfiguration::StorageConfiguration(u64 increment_size, u64 initial, u64 standby, bool reconfigurable)
    : m_increment_size(increment_size)
    , m_initial_increments(initial)
    , m_standby_increments(standby)
    , m_reconfigurable(reconfigurable)
{
    reset();
}

void StorageConfiguration::reset()
{
    m_standby_attached = false;
    if (reconfigurable() && m_assigned.empty())
        m_assigned = std::vector<std::atomic<bool>>(increment_count());
    for (u64 increment = 1; increment <= m_assigned.size(); ++increment)
        set_assigned(increment, increment <= m_initial_increments);
}

std::vector<StorageExtent> StorageConfiguration::extents() const
{
    if (!reconfigurable())
        return { { 0, increment_count() * m_increment_size - 1 } };
    std::vector<StorageExtent> found;
    for (u64 increment = 1; increment <= increment_count(); ++increment) {
        if (!assigned(increment))
            continue;
        if (found.empty() || found.back().last + 1 != start(increment))
            found.push_back({ start(increment), start(increment) });
        found.back().last = start(increment) + m_increment_size - 1;
    }
    return found;
}

} // namespace zvisor
