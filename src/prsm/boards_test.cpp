#include "prsm/boards.h"

#include <gtest/gtest.h>

namespace zvisor {
namespace {

[[nodiscard]] MachineDefinition machine_of(std::vector<BoardDefinition> boards)
{
    MachineDefinition machine { .name = "TEST", .physical_cpus = 4, .storage = 1 << 30, .boards = std::move(boards) };
    machine.partitions = { { .name = "A", .cpus = 1, .maximum_cpus = 2 }, { .name = "B", .cpus = 2, .maximum_cpus = 4 } };
    return machine;
}

TEST(Boards, AMachineWithoutBoardsIsOne)
{
    auto machine = machine_of({});
    ASSERT_EQ(boards_of(machine).size(), 1u);
    EXPECT_EQ(boards_of(machine)[0].cpus, 4);
    EXPECT_EQ(board_of_each_cpu(machine, machine.partitions[1]), std::vector<u8>(4, 0));
}

TEST(Boards, LogicalCpusArePlacedInTheOrderOfTheDefinition)
{
    auto machine = machine_of({ { .name = "SB1", .cpus = 1, .storage = 1 << 29 }, { .name = "SB2", .cpus = 3, .storage = 1 << 29 } });
    EXPECT_EQ(board_of_each_cpu(machine, machine.partitions[0]), (std::vector<u8> { 0, 1 }));
    EXPECT_EQ(board_of_each_cpu(machine, machine.partitions[1]), (std::vector<u8> { 1, 1, 1, 0 }));
}

} // namespace
} // namespace zvisor
