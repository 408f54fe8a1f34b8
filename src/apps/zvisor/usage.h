#pragma once

#include "control/types.h"

#include <chrono>
#include <map>

namespace zvisor {

/// What partitions used between the last two looks at them.
class Usage {
public:
    using time_point = std::chrono::steady_clock::time_point;

    struct Row {
        PartitionInfo partition;
        /// Of one physical CPU: the time for which its logical CPUs had them and did not wait there, as its program sees it, too; the time
        /// they were ready and had none; and the CPU time its process had of the host, devices included.
        double cpu_percent { 0 };
        double ready_percent { 0 };
        double host_percent { 0 };
    };

    /// A look at the partitions at this time. A partition that was not there before, or was activated anew since, used nothing yet.
    void take(const PartitionList& list, time_point now);
    [[nodiscard]] const std::vector<Row>& rows() const { return m_rows; }
    /// All partitions together.
    [[nodiscard]] double cpu_percent() const;
    [[nodiscard]] std::string table() const;
    [[nodiscard]] nlohmann::ordered_json json() const;

private:
    struct Seconds {
        double cpu { 0 };
        double ready { 0 };
        double host { 0 };
    };

    time_point m_time;
    std::vector<Row> m_rows;
    std::map<std::string, Seconds> m_before;
};

} // namespace zvisor
