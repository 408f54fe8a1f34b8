#include "service/topology.h"

#include "base/verify.h"
#include "service/partition_activity.h"
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

/// CPUs of one polarization, 64 addresses an entry.
void put_cpus(EntryWriter& writer, TopologyCpus entry, const CpuMask& configured)
{
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

[[nodiscard]] CpuMask range_mask(unsigned first, unsigned count)
{
    CpuMask mask;
    for (unsigned address = first; address < std::min<std::size_t>(first + count, mask.size()); ++address)
        mask[address] = true;
    return mask;
}

/// A container and the CPUs of it.
void put_socket(EntryWriter& writer, u8 id, const CpusByPolarization& configured, const CpuMask& socket, bool dedicated)
{
    // In the order in which the entries of a container stand.
    constexpr Polarization order[]
        = { Polarization::horizontal, Polarization::vertical_high, Polarization::vertical_medium, Polarization::vertical_low };
    writer.put(TopologyContainer { .nesting_level = 1, .id = id });
    TopologyCpus entry;
    entry.type = static_cast<u8>(CpuType::linux_facility);
    for (Polarization kind : order) {
        entry.dedicated_and_polarization = static_cast<u8>(static_cast<unsigned>(kind) | (dedicated ? TopologyCpus::dedicated : 0u));
        put_cpus(writer, entry, configured[static_cast<std::size_t>(kind)] & socket);
    }
}

} // namespace

Topology::Topology(const CpuConfiguration& cpus, Options options)
    : m_cpus(cpus)
    , m_options(std::move(options))
{
    VERIFY(m_options.cpus_per_socket >= 1 && m_options.cpus_per_socket <= 64);
}

std::expected<Topology::FunctionResult, ProgramCode> Topology::perform_function(u64 r1)
{
    constexpr u64 horizontal = 0;
    constexpr u64 vertical = 1;
    constexpr u64 check_change = 2;
    if (r1 == horizontal || r1 == vertical)
        return request_polarization(r1 == vertical, r1);
    if (r1 != check_change)
        return std::unexpected(ProgramCode::specification);
    return FunctionResult { m_change_pending.exchange(false) ? u8 { 1 } : u8 { 0 }, r1 };
}

Topology::FunctionResult Topology::request_polarization(bool wanted, u64 r1)
{
    if (vertical() == wanted)
        return { 2, r1 | already_polarized << 8 };
    if (!set_polarization(wanted))
        return { 2, r1 };
    m_change_pending = true;
    return { 0, r1 };
}

bool Topology::vertical() const
{
    return m_options.entitlements ? m_options.entitlements->vertical() : m_vertical.load();
}

Polarization Topology::polarization(u16 address) const
{
    if (m_options.entitlements)
        return m_options.entitlements->polarization(address);
    return m_vertical ? Polarization::vertical_high : Polarization::horizontal;
}

bool Topology::set_polarization(bool vertical)
{
    if (m_options.entitlements && !m_options.entitlements->polarize(vertical))
        return false;
    m_vertical = vertical;
    return true;
}

void Topology::changed()
{
    m_change_pending = true;
}

void Topology::reset()
{
    // What the operator chose stays; whether it could be undone is seen in the next list.
    if (m_vertical)
        (void)set_polarization(false);
    m_vertical = false;
    m_change_pending = false;
}

std::optional<std::array<std::byte, 4096>> Topology::information(unsigned nesting) const
{
    if (!m_options.installed || nesting < 2 || nesting > maximum_nesting)
        return {};
    bool shows_books = nesting > 2;
    auto sockets = all_sockets();
    EntryWriter writer;
    if (nesting > 3)
        writer.put(TopologyContainer { .nesting_level = 3 });
    // Taken once: what changes meanwhile is for the next list.
    auto configured = configured_cpus();
    std::optional<u8> shown_book;
    for (std::size_t i = 0; i < sockets.size(); ++i) {
        const auto& socket = sockets[i];
        if (std::ranges::none_of(configured, [&](const auto& cpus) { return (cpus & socket.members).any(); }))
            continue;
        if (shows_books && std::exchange(shown_book, socket.book) != socket.book)
            writer.put(TopologyContainer { .nesting_level = 2, .id = socket.book });
        // Where books are not shown sockets have numbers of their own.
        put_socket(writer, shows_books ? socket.number : static_cast<u8>(i), configured, socket.members, m_options.dedicated_cpus);
    }
    return writer.finish(header_for(nesting, sockets.size()));
}

TopologyInformation Topology::header_for(unsigned nesting, std::size_t sockets) const
{
    unsigned size = m_options.cpus_per_socket;
    unsigned in_a_book = (m_cpus.size() + size - 1) / size;
    TopologyInformation header;
    header.nesting = static_cast<u8>(nesting);
    header.magnitudes[5] = static_cast<u8>(size);
    header.magnitudes[4] = static_cast<u8>(nesting > 2 ? in_a_book : sockets);
    header.magnitudes[3] = nesting > 2 ? book_count() : u8 { 0 };
    header.magnitudes[2] = nesting > 3 ? 1 : 0;
    return header;
}

std::vector<Topology::Socket> Topology::all_sockets() const
{
    unsigned size = m_options.cpus_per_socket;
    std::vector<Socket> sockets;
    for (u8 book = 0; book < book_count(); ++book) {
        auto in_book = cpus_of_book(book);
        for (unsigned first = 0; first < m_cpus.size(); first += size)
            if (auto members = range_mask(first, size) & in_book; members.any())
                sockets.push_back({ .book = book, .number = static_cast<u8>(first / size), .members = members });
    }
    return sockets;
}

u8 Topology::book_count() const
{
    return m_options.books.empty() ? u8 { 1 } : static_cast<u8>(*std::ranges::max_element(m_options.books) + 1);
}

std::bitset<CpuConfiguration::maximum_cpus> Topology::cpus_of_book(u8 book) const
{
    CpuMask members;
    for (u16 address = 0; address < m_cpus.size(); ++address)
        members[address] = address < m_options.books.size() ? m_options.books[address] == book : book == 0;
    return members;
}

CpusByPolarization Topology::configured_cpus() const
{
    CpusByPolarization configured;
    for (u16 address = 0; address < m_cpus.size(); ++address)
        if (m_cpus.state(address) == CpuState::configured)
            configured[static_cast<std::size_t>(polarization(address))][address] = true;
    return configured;
}

} // namespace zvisor
