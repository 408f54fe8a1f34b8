#include "prsm/boards.h"

namespace zvisor {

std::vector<BoardDefinition> boards_of(const MachineDefinition& machine)
{
    if (!machine.boards.empty())
        return machine.boards;
    return { { .name = {}, .cpus = machine.physical_cpus, .storage = machine.storage } };
}

std::vector<u8> board_of_each_cpu(const MachineDefinition& machine, const PartitionDefinition& partition)
{
    auto boards = boards_of(machine);
    std::vector<u8> of_physical;
    for (std::size_t i = 0; i < boards.size(); ++i)
        of_physical.insert(of_physical.end(), boards[i].cpus, static_cast<u8>(i));
    std::size_t next = 0;
    for (const auto& other : machine.partitions) {
        if (other.name == partition.name)
            break;
        next += other.cpus;
    }
    std::vector<u8> of_logical;
    for (u16 address = 0; address < partition.maximum_cpus; ++address)
        of_logical.push_back(of_physical[(next + address) % of_physical.size()]);
    return of_logical;
}

} // namespace zvisor
