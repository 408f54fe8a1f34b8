// zvisor-partition: what the firmware starts for each partition. A program of its own, so that a partition's process holds nothing of what
// manages machines: neither its memory nor its code.

#include "machine/partition_program.h"
#include "prsm/process.h"

#include <cstdio>
#include <fmt/format.h>
#include <string_view>

int main(int argc, char** argv)
{
    std::string_view command = argc > 1 ? argv[1] : "";
    if (command == "partition-process" && argc == 2)
        return zvisor::PartitionProgram::run(zvisor::PartitionProcess::listener_fd);
    fmt::print(stderr, "zvisor-partition: 'zvisor machine start' starts this program, for each partition; try 'zvisor --help'\n");
    return 2;
}
