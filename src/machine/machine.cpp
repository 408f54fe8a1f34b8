#include "machine/machine.h"

#include "base/big_endian.h"
#include "devices/virtio_balloon/virtio_balloon.h"
#include "devices/virtio_block/virtio_block.h"
#include "devices/virtio_console/virtio_console.h"
#include "devices/virtio_net/virtio_net.h"
#include "devices/virtio_rng/virtio_rng.h"
#include "devices/virtio_serial/virtio_serial.h"
#include "isa/facilities.h"

#include <algorithm>
#include <bit>
#include <fmt/format.h>
#include <sched.h>

namespace zvisor {

namespace {

/// The same for a partition of this name in every run of the machine, and different for others: made of the two names (RFC 9562, version
/// 8).
[[nodiscard]] std::array<u8, 16> uuid_of(std::string_view machine, std::string_view partition)
{
    constexpr u64 prime = 0x100000001b3;
    u64 hashes[2] { 0xcbf29ce484222325, 0x6c62272e07bb0142 };
    for (std::string_view text : { machine, std::string_view("/"), partition })
        for (char c : text)
            for (u64& hash : hashes)
                hash = (hash ^ static_cast<u8>(c)) * prime;
    std::array<u8, 16> uuid {};
    store_be<u64>(uuid.data(), hashes[0]);
    store_be<u64>(uuid.data() + 8, hashes[1]);
    uuid[6] = static_cast<u8>((uuid[6] & 0x0f) | 0x80);
    uuid[8] = static_cast<u8>((uuid[8] & 0x3f) | 0x80);
    return uuid;
}

[[nodiscard]] MachineIdentity identity_of(const MachineConfig& config, const Model& model, const PartitionPlace& place)
{
    MachineIdentity identity;
    identity.machine_type = model.machine_type;
    identity.capability = model.capability;
    identity.partition_name = config.name;
    identity.vm_name = config.name;
    identity.vm_extended_name = config.name;
    identity.personality = config.personality == "lpar" ? Personality::lpar
        : config.personality == "zvm"                   ? Personality::zvm
                                                        : Personality::kvm;
    identity.partition_number = place.number;
    identity.dedicated_cpus = place.dedicated;
    identity.machine_name = place.machine;
    identity.physical_cpus = place.physical_cpus;
    if (identity.personality == Personality::lpar)
        identity.uuid = uuid_of(place.machine, config.name);
    return identity;
}

/// The largest block, up to 64 MiB, that both sizes of storage are multiples of.
[[nodiscard]] u64 block_size_for(const MachineConfig& config)
{
    constexpr u64 largest = u64 { 64 } << 20;
    return std::min(largest, u64 { 1 } << std::countr_zero(config.memory | config.max_memory));
}

/// For threads that make host code beside CPUs. A host with more CPUs than the set has room for does not tell.
[[nodiscard]] bool has_host_cpus_to_spare(const MachineConfig& config)
{
    cpu_set_t allowed;
    int count = sched_getaffinity(0, sizeof allowed, &allowed) == 0 ? CPU_COUNT(&allowed) : CPU_SETSIZE;
    return count > std::max(config.cpus, config.max_cpus);
}

} // namespace

Result<MachineFiles> MachineFiles::open(const MachineConfig& config)
{
    TRY_VOID(validate(config));
    MachineFiles files { .program = TRY(read_ipl_program({ config.kernel, config.initrd, config.cmdline }, config.memory)), .disks = {} };
    for (const auto& disk : config.disks)
        files.disks.push_back(TRY(DiskImage::open(disk)));
    return files;
}

Result<std::unique_ptr<Machine>> Machine::create(
    const MachineConfig& config, MachineFiles files, ConsoleSink& console, MachineSupply supply, const MachineWatch& watch)
{
    std::unique_ptr<Machine> machine(new Machine);
    Model model = TRY(find_model(config.cpu));
    OfferedModel offered = offer(model, isa::implemented_facilities());
    machine->m_model_message = offered.message();
    machine->m_program = std::move(files.program);
    u64 block_size = supply.blocks ? supply.block_size : block_size_for(config);
    if (config.max_memory != 0 && !supply.blocks)
        machine->m_blocks = std::make_unique<OwnStorageBlocks>(block_size);
    PartitionConfig partition { .memory = config.memory,
        .maximum_memory = config.max_memory,
        .block_size = block_size,
        .blocks = supply.blocks ? supply.blocks : machine->m_blocks.get(),
        .cpus = config.cpus,
        .maximum_cpus = config.max_cpus,
        .firmware = supply.firmware,
        .group = supply.place.group,
        .group_cap_hundredths = supply.place.group_cap_hundredths,
        .books = supply.place.boards,
        .model = offered,
        .identity = identity_of(config, model, supply.place),
        .consoles = { .line_mode = config.personality != "kvm", .echo_line_mode = supply.console_is_terminal },
        .load_parameter = config.loadparm,
        .engine = { .kind = config.engine,
            .code_bytes = config.code_cache,
            // A partition of a machine has no more of the host than the physical CPUs it is granted.
            .beside = !supply.firmware && has_host_cpus_to_spare(config),
            .observer = watch.instructions,
            .statistics = watch.statistics,
            .translations = watch.translations } };
    machine->m_partition = TRY(Partition::create(std::move(partition), console));
    TRY_VOID(machine->attach_devices(config, std::move(files.disks), supply, console));
    return machine;
}

/// Gives each device the next device number, so that what is named first keeps its number when more is added.
Result<void> Machine::attach_devices(const MachineConfig& config, std::vector<DiskImage> disks, MachineSupply& supply, ConsoleSink& sink)
{
    auto attach = [this, number = u16 { 0 }](auto created) mutable -> Result<void> {
        auto device = TRY(std::move(created));
        (void)TRY(m_partition->channels().attach(0, number++, std::move(device)));
        return {};
    };
    for (std::size_t i = 0; i < disks.size(); ++i)
        TRY_VOID(attach(VirtioBlock::create(config.disks[i], std::move(disks[i]))));
    if (supply.network_ports.size() != config.networks.size())
        return fail(fmt::format("networks that are configured: {}, and supplied: {}", config.networks.size(), supply.network_ports.size()));
    for (std::size_t i = 0; i < config.networks.size(); ++i)
        TRY_VOID(attach(VirtioNet::create(config.networks[i], std::move(supply.network_ports[i]))));
    if (config.rng)
        TRY_VOID(attach(VirtioRng::create({})));
    if (config.balloon)
        TRY_VOID(attach(VirtioBalloon::create(*config.balloon)));
    if (config.console) {
        auto console = TRY(VirtioConsole::create(*config.console));
        console->on_output([&sink](std::span<const std::byte> bytes) {
            sink.output(ConsoleKind::ascii, { reinterpret_cast<const char*>(bytes.data()), bytes.size() });
        });
        m_console = console.get();
        TRY_VOID(attach(Result<std::unique_ptr<VirtioConsole>>(std::move(console))));
    }
    if (supply.agent.valid()) {
        auto agent = TRY(VirtioSerial::create({}, std::move(supply.agent)));
        m_agent = agent.get();
        TRY_VOID(attach(Result<std::unique_ptr<VirtioSerial>>(std::move(agent))));
    }
    return {};
}

bool Machine::agent_listens() const
{
    return m_agent && m_agent->is_open();
}

void Machine::connect_agent(UniqueFd stream)
{
    if (m_agent)
        m_agent->connect(std::move(stream));
}

std::size_t Machine::type(std::string_view text)
{
    return m_console ? m_console->type(std::as_bytes(std::span { text })) : m_partition->services().type(text);
}

} // namespace zvisor
