#include "service/topology.h"

#include "base/verify.h"
#include "service/system_information_blocks.h"

#include <algorithm>
#include <cstring>
#include <utility>

namespace zvisor {

namespace {

/// Appends topology-list entries to a block.
class EntryWriter {
public:
    template<class Entry>
    void put(const Entry& entry)
    {
        VERIFY(m_used + sizeof entry <= m_block.size());
        std::memcpy(m_block.data() + m_used, &entry, sizeof entry);
        m_used += sizeof entry;
    }

    std::array<std::byte, 4096> finish(TopologyInformation header)
    {
        header.length = static_cast<u16>(m_used);
        std::memcpy(m_block.data(), &header, sizeof header);
        return m_block;
    }

private:
    std::array<std::byte, 4096> m_block {};
    std::size_t m_used { sizeof(TopologyInformation) };
};

constexpr u64 already_polarized = 1;

using CpuMask = std::bitset<CpuConfiguration::maximum_cpus>;

/// A container and the CPUs of it, 64 addresses an entry; nothing for a socket without configured CPUs.
void put_socket(EntryWriter& writer, u8 id, TopologyCpus entry, const CpuMask& configured)
{
    if (configured.none())
        return;
    writer.put(TopologyContainer { .nesting_level = 1, .id = id });
    for (unsigned origin = 0; origin < configured.size(); origin += 64) {
        u64 mask = 0;
        for (unsigned address = origin; address < origin + 64; ++address)
            mask = mask << 1 | u64 { address < configured.size() && configured[address] };
        entry.origin = static_cast<u16>(origin);
        entry.mask = mask;
        if (mask != 0)
            writer.put(entry);
    }
}

} // namespace

Topology::Topology(const CpuConfiguration& cpus, Options options)
    : m_cpus(cpus)
    , m_options(options)
{
    VERIFY(options.cpus_per_socket >= 1 && options.cpus_per_socket <= 64);
}

std::expected<Topology::FunctionResult, ProgramCode> Topology::perform_function(u64 r1)
{
    constexpr u64 horizontal = 0;
    constexpr u64 vertical = 1;
    constexpr u64 check_change = 2;
    std::lock_guard lock(m_mutex);
    if (r1 == horizontal || r1 == vertical)
        return request_polarization(r1 == vertical, r1);
    if (r1 != check_change)
        return std::unexpected(ProgramCode::specification);
    return FunctionResult { std::exchange(m_change_pending, false) ? u8 { 1 } : u8 { 0 }, r1 };
}

Topology::FunctionResult Topology::request_polarization(bool vertical, u64 r1)
{
    if (m_vertical == vertical)
        return { 2, r1 | already_polarized << 8 };
    m_vertical = vertical;
    m_change_pending = true;
    return { 0, r1 };
}

void Topology::changed()
{
    std::lock_guard lock(m_mutex);
    m_change_pending = true;
}

void Topology::reset()
{
    std::lock_guard lock(m_mutex);
    m_vertical = false;
    m_change_pending = false;
}

std::optional<std::array<std::byte, 4096>> Topology::information(unsigned nesting) const
{
    if (!m_options.installed || nesting < 2 || nesting > maximum_nesting)
        return {};
    std::lock_guard lock(m_mutex);
    unsigned size = m_options.cpus_per_socket;
    unsigned sockets = (m_cpus.size() + size - 1) / size;
    TopologyInformation header;
    header.nesting = static_cast<u8>(nesting);
    header.magnitudes[5] = static_cast<u8>(size);
    header.magnitudes[4] = static_cast<u8>(sockets);
    for (unsigned level = 3; level <= nesting; ++level)
        header.magnitudes[6 - level] = 1;

    EntryWriter writer;
    for (unsigned level = nesting - 1; level >= 2; --level)
        writer.put(TopologyContainer { .nesting_level = static_cast<u8>(level) });
    TopologyCpus cpus;
    cpus.dedicated_and_polarization = m_vertical ? TopologyCpus::vertical_high : 0;
    cpus.dedicated_and_polarization |= m_options.dedicated_cpus ? TopologyCpus::dedicated : 0;
    cpus.type = TopologyCpus::ifl;
    for (unsigned socket = 0; socket < sockets; ++socket)
        put_socket(writer, static_cast<u8>(socket), cpus, configured_mask(socket * size, size));
    return writer.finish(header);
}

std::bitset<CpuConfiguration::maximum_cpus> Topology::configured_mask(unsigned first, unsigned count) const
{
    CpuMask mask;
    unsigned end = std::min<unsigned>(first + count, m_cpus.size());
    for (unsigned address = first; address < end; ++address)
        mask[address] = m_cpus.state(static_cast<u16>(address)) == CpuState::configured;
    return mask;
}

} // namespace zvisor
