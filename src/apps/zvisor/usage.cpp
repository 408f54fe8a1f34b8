#include "apps/zvisor/usage.h"

#include "apps/zvisor/text_table.h"
#include "base/size.h"

#include <algorithm>

namespace zvisor {

void Usage::take(const PartitionList& list, time_point now)
{
    double elapsed = std::chrono::duration<double>(now - m_time).count();
    std::map<std::string, Seconds> used;
    m_rows.clear();
    for (const auto& each : list.partitions) {
        Seconds seconds { .host = each.cpu_seconds };
        for (const auto& cpu : each.logical_cpus) {
            seconds.cpu += cpu.dispatched - cpu.parked;
            seconds.ready += cpu.ready;
        }
        auto before = m_before.contains(each.name) ? m_before[each.name] : seconds;
        auto percent = [elapsed](double from, double to) { return std::max(0.0, to - from) / elapsed * 100; };
        m_rows.push_back(
            { each, percent(before.cpu, seconds.cpu), percent(before.ready, seconds.ready), percent(before.host, seconds.host) });
        used[each.name] = seconds;
    }
    m_before = std::move(used);
    m_time = now;
}

double Usage::cpu_percent() const
{
    double sum = 0;
    for (const auto& row : m_rows)
        sum += row.cpu_percent;
    return sum;
}

std::string Usage::table() const
{
    TextTable table({ { "NAME" }, { "STATE" }, { "CPUS", true }, { "WEIGHT", true }, { "CPU%", true }, { "READY%", true },
        { "HOST%", true }, { "CPU TIME", true }, { "STORAGE", true } });
    for (const auto& row : m_rows) {
        const auto& each = row.partition;
        table.add({ each.name, each.state, std::to_string(each.configured_cpus), each.dedicated ? "dedic." : std::to_string(each.weight),
            fmt::format("{:.1f}", row.cpu_percent), fmt::format("{:.1f}", row.ready_percent), fmt::format("{:.1f}", row.host_percent),
            fmt::format("{:.2f} s", each.cpu_seconds), size_text(each.storage) });
    }
    return table.text();
}

nlohmann::ordered_json Usage::json() const
{
    auto array = nlohmann::ordered_json::array();
    for (const auto& row : m_rows) {
        auto each = to_wire(row.partition);
        each["cpu_percent"] = row.cpu_percent;
        each["ready_percent"] = row.ready_percent;
        each["host_percent"] = row.host_percent;
        array.push_back(std::move(each));
    }
    return array;
}

} // namespace zvisor
