#include "control/metrics.h"

#include "control/infos.h"

#include <array>
#include <utility>

namespace zvisor {

namespace {

/// A figure that each partition has; `labels` stand behind those that name it.
struct PartitionMetric {
    std::string_view name;
    std::string_view type;
    std::string_view help;
    std::string_view labels;
    double (*value)(const PartitionInfo& partition);
};

constexpr std::string_view cpu_help = "Time since activation. process: CPU time of all threads of the partition's process; of its logical "
                                      "CPUs: dispatched on physical ones, the part of that parked there, waiting, ready for one.";

/// Over the logical CPUs of a partition.
template<double LogicalCpuInfo::* time>
[[nodiscard]] double sum(const PartitionInfo& partition)
{
    double seconds = 0;
    for (const auto& cpu : partition.logical_cpus)
        seconds += cpu.*time;
    return seconds;
}

/// Metrics of one name follow each other.
constexpr std::array partition_metrics {
    PartitionMetric {
        "zvisor_lpar_cpu_seconds_total", "counter", cpu_help, ",type=\"process\"", [](const PartitionInfo& p) { return p.cpu_seconds; } },
    PartitionMetric { "zvisor_lpar_cpu_seconds_total", "counter", cpu_help, ",type=\"dispatched\"", sum<&LogicalCpuInfo::dispatched> },
    PartitionMetric { "zvisor_lpar_cpu_seconds_total", "counter", cpu_help, ",type=\"parked\"", sum<&LogicalCpuInfo::parked> },
    PartitionMetric { "zvisor_lpar_cpu_seconds_total", "counter", cpu_help, ",type=\"waiting\"", sum<&LogicalCpuInfo::waiting> },
    PartitionMetric { "zvisor_lpar_cpu_seconds_total", "counter", cpu_help, ",type=\"ready\"", sum<&LogicalCpuInfo::ready> },
    PartitionMetric { "zvisor_lpar_storage_bytes", "gauge", "Storage the partition has.", "",
        [](const PartitionInfo& p) { return static_cast<double>(p.storage); } },
    PartitionMetric { "zvisor_lpar_storage_maximum_bytes", "gauge", "Storage the partition may take online.", "",
        [](const PartitionInfo& p) { return static_cast<double>(p.maximum_memory); } },
    PartitionMetric { "zvisor_lpar_cpus", "gauge", "Logical CPUs the partition begins with.", "",
        [](const PartitionInfo& p) { return static_cast<double>(p.cpus); } },
    PartitionMetric { "zvisor_lpar_configured_cpus", "gauge", "Logical CPUs the partition has configured.", "",
        [](const PartitionInfo& p) { return static_cast<double>(p.configured_cpus); } },
    PartitionMetric {
        "zvisor_lpar_weight", "gauge", "Processing weight.", "", [](const PartitionInfo& p) { return static_cast<double>(p.weight); } },
    PartitionMetric { "zvisor_lpar_cap_cpus", "gauge", "Absolute cap in physical CPUs, 0 when there is none.", "",
        [](const PartitionInfo& p) { return p.cap; } },
};

/// A figure of the machine.
struct MachineMetric {
    std::string_view name;
    std::string_view help;
    u64 (*value)(const MachineInfo& machine);
};

constexpr std::array machine_metrics {
    MachineMetric { "zvisor_machine_physical_cpus", "Host CPUs that logical CPUs run on.",
        [](const MachineInfo& m) -> u64 { return m.physical_cpus; } },
    MachineMetric { "zvisor_machine_storage_bytes", "Storage for all partitions.", [](const MachineInfo& m) { return m.storage; } },
    MachineMetric { "zvisor_machine_storage_free_bytes", "Storage no partition has.", [](const MachineInfo& m) { return m.storage_free; } },
};

constexpr std::array states { PartitionState::not_activated, PartitionState::not_operating, PartitionState::operating,
    PartitionState::stopped, PartitionState::disabled_wait, PartitionState::failed };

[[nodiscard]] std::string head(std::string_view name, std::string_view type, std::string_view help)
{
    return fmt::format("# HELP {0} {2}\n# TYPE {0} {1}\n", name, type, help);
}

} // namespace

std::string metrics_text(const Firmware& firmware)
{
    std::string text;
    auto machine = info_of(firmware);
    auto partitions = firmware.partitions();
    for (const auto& metric : machine_metrics)
        text += head(metric.name, "gauge", metric.help)
            + fmt::format("{}{{cpc=\"{}\"}} {}\n", metric.name, machine.name, metric.value(machine));
    std::string_view last;
    for (const auto& metric : partition_metrics) {
        if (std::exchange(last, metric.name) != metric.name)
            text += head(metric.name, metric.type, metric.help);
        for (const auto& status : partitions)
            text += fmt::format("{}{{cpc=\"{}\",lpar=\"{}\"{}}} {}\n", metric.name, machine.name, status.definition.name, metric.labels,
                metric.value(info_of(status)));
    }
    text += head("zvisor_lpar_state", "gauge", "1 for the state the partition is in, 0 for all others.");
    for (const auto& status : partitions)
        for (auto state : states)
            text += fmt::format("zvisor_lpar_state{{cpc=\"{}\",lpar=\"{}\",state=\"{}\"}} {}\n", machine.name, status.definition.name,
                name_of(state), status.state == state ? 1 : 0);
    return text;
}

} // namespace zvisor
