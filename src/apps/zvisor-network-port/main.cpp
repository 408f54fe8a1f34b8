// zvisor-network-port: what the firmware starts for each network device of a partition. A program of its own, so that a process for a
// network holds nothing of what computes.

#include "machine/network_port_program.h"

#include <cstdio>
#include <fmt/format.h>

int main(int argc, char** argv)
{
    if (argc == 2)
        return zvisor::NetworkPortProgram::run(argv[1]);
    fmt::print(
        stderr, "zvisor-network-port: 'zvisor machine start' starts this program, for each network of a partition; try 'zvisor --help'\n");
    return 2;
}
