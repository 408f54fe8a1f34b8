#pragma once

#include "base/result.h"
#include "base/unique_fd.h"

#include <string>

namespace zvisor {

/// A partition has no network of its own to reach; each of its network devices is wired to a process like this, which has no part in the
/// partition. It ends when the partition does.
class NetworkPortProgram {
public:
    static constexpr int socket_fd = 3;

    /// Starts `program` as `PROGRAM CONFIG` and gives the partition's end of the wire. `config` is as after --net. Fails with
    /// what the process says is wrong.
    [[nodiscard]] static Result<UniqueFd> start(const std::string& program, const std::string& config);
    /// The program of that process; returns its status.
    [[nodiscard]] static int run(const std::string& config);
};

} // namespace zvisor
