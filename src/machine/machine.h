#pragma once

#include "devices/virtio_block/disk_image.h"
#include "devices/virtio_net/network_port.h"
#include "machine/config.h"
#include "partition/partition.h"

namespace zvisor {

class VirtioConsole;
class VirtioSerial;

/// What looks at a machine from outside; what is pointed to must outlive it.
struct MachineWatch {
    Observer* instructions { nullptr };
    TranslationObserver* translations { nullptr };
    /// Engines count for Engine::statistics.
    bool statistics { false };
};

/// Where a partition stands among those of the machine it is defined in.
struct PartitionPlace {
    /// 1..255.
    u8 number { 1 };
    bool dedicated { false };
    /// Name of the machine; may be empty.
    std::string machine;
    /// Of the whole machine; 0: those of the partition.
    u16 physical_cpus { 0 };
    /// The group whose cap it shares, and that in hundredths of a physical CPU; empty and 0: none.
    std::string group;
    u32 group_cap_hundredths { 0 };
    /// The board each CPU is placed on, by address.
    std::vector<u8> boards {};
};

/// What a machine is given by who runs it; what is pointed to must outlive it.
struct MachineSupply {
    /// Lines typed at the line-mode console are shown by it.
    bool console_is_terminal { false };
    /// Where blocks of storage come from, and their size in bytes; null: the machine makes its own.
    StorageBlocks* blocks { nullptr };
    u64 block_size { 0 };
    /// What each network device is wired to, in the configuration's order.
    std::vector<std::unique_ptr<NetworkPort>> network_ports {};
    /// The stream to who asks the guest's agent; not valid: there is no port for one.
    UniqueFd agent {};
    /// The firmware it runs under; null: none.
    FirmwareServices* firmware { nullptr };
    PartitionPlace place {};
};

/// What a configuration names on the host, read or opened.
struct MachineFiles {
    IplProgram program;
    /// In the configuration's order.
    std::vector<DiskImage> disks;

    [[nodiscard]] static Result<MachineFiles> open(const MachineConfig& config);
};

/// A machine of one partition assembled from its configuration: the only place that knows every part.
class Machine {
public:
    /// `files` are those of this configuration. `console` must outlive the machine.
    [[nodiscard]] static Result<std::unique_ptr<Machine>> create(
        const MachineConfig& config, MachineFiles files, ConsoleSink& console, MachineSupply supply, const MachineWatch& watch);

    [[nodiscard]] Partition& partition() { return *m_partition; }
    /// One line on what the model has and this machine masks; empty when nothing.
    [[nodiscard]] const std::string& model_message() const { return m_model_message; }
    /// Types at the guest's console; returns how many bytes it took.
    std::size_t type(std::string_view text);
    /// Another stream to who asks the guest's agent takes the place of the one before.
    void connect_agent(UniqueFd stream);
    /// A program of the guest has its agent's port open.
    [[nodiscard]] bool agent_listens() const;
    /// Runs to the end; see Partition::run.
    [[nodiscard]] Result<Outcome> run() { return m_partition->run(m_program); }

private:
    Machine() = default;
    [[nodiscard]] Result<void> attach_devices(
        const MachineConfig& config, std::vector<DiskImage> disks, MachineSupply& supply, ConsoleSink& sink);

    std::string m_model_message;
    IplProgram m_program;
    /// Null when storage is private memory.
    std::unique_ptr<StorageBlocks> m_blocks;
    std::unique_ptr<Partition> m_partition;
    /// Owned by the channel subsystem; null when what is typed goes to SCLP.
    VirtioConsole* m_console { nullptr };
    /// The port of the guest's agent; null without one.
    VirtioSerial* m_agent { nullptr };
};

} // namespace zvisor
