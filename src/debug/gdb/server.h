#pragma once

#include "base/result.h"
#include "debug/debugger.h"

#include <functional>
#include <memory>

namespace zvisor::debug::gdb {

/// Listens on 127.0.0.1 for one gdb at a time, on a thread of its own.
class Server {
public:
    /// Port 0 takes any free one. The error says why the port cannot be had.
    [[nodiscard]] static Result<std::unique_ptr<Server>> listen(u16 port);
    ~Server();
    Server(const Server&) = delete;
    Server& operator=(const Server&) = delete;

    [[nodiscard]] u16 port() const;
    [[nodiscard]] Debugger& debugger();
    /// Begins to serve, before the CPUs start; with `wait` they wait for gdb to continue them. `kill` ends the machine.
    /// The group must outlive `stop`.
    void start(CpuGroup& group, bool wait, std::function<void()> kill);
    /// Tells gdb that the machine ended, and ends.
    void stop();

private:
    struct Parts;
    explicit Server(std::unique_ptr<Parts> parts);
    std::unique_ptr<Parts> m_parts;
};

} // namespace zvisor::debug::gdb
