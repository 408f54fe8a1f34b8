#include "machine/machine.h"

#include "devices/virtio_balloon/virtio_balloon.h"
#include "devices/virtio_block/virtio_block.h"
#include "devices/virtio_console/virtio_console.h"
#include "devices/virtio_net/virtio_net.h"
#include "devices/virtio_rng/virtio_rng.h"
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
    const MachineConfig& config, ConsoleSink& console, bool console_is_terminal, const MachineWatch& watch)
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
        .engine = { .kind = config.engine,
            .code_bytes = config.code_cache,
            .observer = watch.instructions,
            .statistics = watch.statistics,
            .translations = watch.translations } };
    machine->m_partition = TRY(Partition::create(std::move(partition), console));
    TRY_VOID(machine->attach_devices(config, console));
    return machine;
}

/// Gives each device the next device number, so that what is named first keeps its number when more is added.
Result<void> Machine::attach_devices(const MachineConfig& config, ConsoleSink& sink)
{
    auto attach = [this, number = u16 { 0 }](auto created) mutable -> Result<void> {
        auto device = TRY(std::move(created));
        (void)TRY(m_partition->channels().attach(0, number++, std::move(device)));
        return {};
    };
    for (const auto& disk : config.disks)
        TRY_VOID(attach(VirtioBlock::create(disk)));
    for (const auto& network : config.networks)
        TRY_VOID(attach(VirtioNet::create(network)));
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
    return {};
}

std::size_t Machine::type(std::string_view text)
{
    return m_console ? m_console->type(std::as_bytes(std::span { text })) : m_partition->services().type(text);
}

} // namespace zvisor
