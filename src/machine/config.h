#pragma once

#include "base/result.h"
#include "base/size.h"
#include "base/types.h"
#include "devices/virtio_balloon/config.h"
#include "devices/virtio_block/config.h"
#include "devices/virtio_console/config.h"
#include "devices/virtio_net/config.h"
#include "engine/make_engine.h"

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace zvisor {

/// A machine of one partition, as flags or a TOML file describe it. Field names are the TOML keys and the long flags.
struct MachineConfig {
    std::string kernel;
    std::string initrd;
    std::string cmdline;
    /// Bytes; a multiple of 1 MiB.
    u64 memory { u64 { 1 } << 30 };
    /// Bytes the guest may have when it takes standby storage online; a multiple of 1 MiB, 0: as `memory`.
    u64 max_memory { 0 };
    u16 cpus { 1 };
    /// CPUs the guest may have when it configures standby CPUs; 0: as `cpus`.
    u16 max_cpus { 0 };
    std::string cpu { "z15" };
    EngineKind engine { EngineKind::translator };
    /// Bytes of memory for the translated code of each CPU.
    u64 code_cache { u64 { 96 } << 20 };
    std::string personality { "kvm" };
    std::string name { "ZVISOR" };
    std::string loadparm;
    std::vector<VirtioBlockConfig> disks;
    std::vector<VirtioNetConfig> networks;
    /// A device that gives random numbers of the host.
    bool rng { true };
    std::optional<VirtioBalloonConfig> balloon;
    /// A virtio console that takes what is typed in place of the SCLP consoles; both are shown.
    std::optional<VirtioConsoleConfig> console;
};

[[nodiscard]] Result<EngineKind> parse_engine(std::string_view text);
/// A number of CPUs the machine can have.
[[nodiscard]] Result<u16> parse_cpus(std::string_view text, std::string_view name = "cpus");
/// `sclp` (none), or `virtio` with an optional size as in `virtio,80x24`.
[[nodiscard]] Result<std::optional<VirtioConsoleConfig>> parse_console(std::string_view text);

/// Reads a TOML file; an unknown key, a wrong type or a value out of range is an error with file, line and what was expected.
[[nodiscard]] Result<MachineConfig> read_machine_config(const std::string& path);

/// The same from text that came from `path`.
[[nodiscard]] Result<MachineConfig> parse_machine_config(std::string_view text, const std::string& path);
/// A key of machine files.
[[nodiscard]] bool is_machine_key(std::string_view name);

/// What must hold whatever the source: something to IPL, CPUs 1..62 and no more than their maximum, storage 2M..1T and no more than its
/// maximum, memory for code 2M..1G, a known personality, a name and a load parameter that fit their fields.
[[nodiscard]] Result<void> validate(const MachineConfig& config);

} // namespace zvisor
