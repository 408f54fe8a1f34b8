#pragma once

#include <string>

namespace zvisor {

class Firmware;

/// Figures of the machine and its partitions in the text format of Prometheus.
[[nodiscard]] std::string metrics_text(const Firmware& firmware);

} // namespace zvisor
