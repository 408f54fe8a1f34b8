#pragma once

#include "arch/interruption.h"
#include "service/configuration.h"
#include "service/cpu_entitlements.h"

#include <array>
#include <atomic>
#include <bitset>
#include <cstddef>
#include <expected>
#include <optional>
#include <vector>

namespace zvisor {

struct TopologyInformation;

/// CPU addresses for each Polarization.
using CpusByPolarization = std::array<std::bitset<CpuConfiguration::maximum_cpus>, 4>;

/// The configuration-topology facility: PERFORM TOPOLOGY FUNCTION and STSI 15.1.x (PoP chs. 10 and 11).
/// May be used from any thread.
class Topology {
public:
    /// Highest selector 2: sockets, books and drawers over the CPUs.
    static constexpr u8 maximum_nesting = 4;

    struct Options {
        /// False: STSI 15.1.x has no blocks.
        bool installed { true };
        /// CPUs in a socket, 1..64.
        u8 cpus_per_socket { 8 };
        bool dedicated_cpus { false };
        /// The book each CPU lies in, by address; none: all in one.
        std::vector<u8> books {};
        /// Who polarizes the CPUs; null: they only say that they are polarized. It outlives the topology.
        CpuEntitlements* entitlements { nullptr };
    };

    Topology(const CpuConfiguration& cpus, Options options);

    struct FunctionResult {
        u8 condition_code;
        /// General register R1 afterwards: a reason code in bits 48-55 with condition code 2.
        u64 r1;
    };
    /// Whether the operand of PERFORM TOPOLOGY FUNCTION makes it wait for whoever polarizes the CPUs.
    [[nodiscard]] bool waits(u64 r1) const { return m_options.entitlements && r1 <= 1; }
    /// PERFORM TOPOLOGY FUNCTION on the contents of general register R1; specification for a wrong function code.
    [[nodiscard]] std::expected<FunctionResult, ProgramCode> perform_function(u64 r1);

    /// A topology-change report becomes pending: CPUs were configured or deconfigured.
    void changed();
    /// Subsystem reset: horizontal polarization, no report pending.
    void reset();

    /// STSI 15.1.`nesting`; nothing when not installed or not 2..maximum_nesting.
    [[nodiscard]] std::optional<std::array<std::byte, 4096>> information(unsigned nesting) const;

private:
    /// CPU addresses that share a socket of a book; there is at least one.
    struct Socket {
        u8 book;
        u8 number;
        std::bitset<CpuConfiguration::maximum_cpus> members;
    };

    [[nodiscard]] FunctionResult request_polarization(bool vertical, u64 r1);
    [[nodiscard]] bool vertical() const;
    [[nodiscard]] Polarization polarization(u16 address) const;
    [[nodiscard]] bool set_polarization(bool vertical);
    [[nodiscard]] CpusByPolarization configured_cpus() const;
    [[nodiscard]] TopologyInformation header_for(unsigned nesting, std::size_t sockets) const;
    [[nodiscard]] std::vector<Socket> all_sockets() const;
    [[nodiscard]] u8 book_count() const;
    [[nodiscard]] std::bitset<CpuConfiguration::maximum_cpus> cpus_of_book(u8 book) const;

    const CpuConfiguration& m_cpus;
    Options m_options;
    /// The program asked for vertical polarization.
    std::atomic<bool> m_vertical { false };
    std::atomic<bool> m_change_pending { false };
};

} // namespace zvisor
