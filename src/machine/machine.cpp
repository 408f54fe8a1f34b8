#include "machine/machine.h"

#include "devices/virtio_block/virtio_block.h"
#include "devices/virtio_net/virtio_net.h"
#include "isa/facilities.h"

namespace zvisor {

namespace {

[[nodiscard]] MachineIdentity identity_of(const MachineConfig& config, const Model& model)
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
    return identity;
}

} // namespace

Result<std::unique_ptr<Machine>> Machine::create(
    const MachineConfig& config, ConsoleSink& console, bool console_is_terminal, Observer* observer)
{
    TRY_VOID(validate(config));
    std::unique_ptr<Machine> machine(new Machine);
    Model model = TRY(find_model(config.cpu));
    OfferedModel offered = offer(model, isa::implemented_facilities());
    machine->m_model_message = offered.message();
    machine->m_program = TRY(read_ipl_program({ config.kernel, config.initrd, config.cmdline }, config.memory));
    PartitionConfig partition { .memory = config.memory,
        .cpus = config.cpus,
        .model = offered,
        .identity = identity_of(config, model),
        .consoles = { .line_mode = config.personality != "kvm", .echo_line_mode = console_is_terminal },
        .load_parameter = config.loadparm,
        .observer = observer };
    machine->m_partition = TRY(Partition::create(std::move(partition), console));
    TRY_VOID(machine->attach_devices(config));
    return machine;
}

Result<void> Machine::attach_devices(const MachineConfig& config)
{
    auto& channels = m_partition->channels();
    u16 number = 0;
    for (const auto& disk : config.disks) {
        auto device = TRY(VirtioBlock::create(disk));
        (void)TRY(channels.attach(0, number++, std::move(device)));
    }
    for (const auto& network : config.networks) {
        auto device = TRY(VirtioNet::create(network));
        (void)TRY(channels.attach(0, number++, std::move(device)));
    }
    return {};
}

} // namespace zvisor
