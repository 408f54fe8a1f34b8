#pragma once

namespace zvisor {

class Partition;

/// Ends the partition's CPUs and writes to standard error what they did in `seconds`.
void print_statistics(Partition& partition, double seconds);

} // namespace zvisor
