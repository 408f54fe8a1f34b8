#pragma once

namespace zvisor {

class Partition;

/// Writes to standard error what the CPUs, which run no more, did in `seconds`.
void print_statistics(Partition& partition, double seconds);

} // namespace zvisor
