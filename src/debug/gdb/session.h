#pragma once

#include "debug/debugger.h"
#include "debug/gdb/packets.h"

#include <functional>
#include <string>
#include <string_view>

namespace zvisor::debug::gdb {

/// One gdb's conversation (GDB manual, "Remote Protocol"), without the connection: packets in, packets out.
///
/// gdb's threads are the CPUs, numbered from 1; all stop and continue together. All methods are for one thread.
class Session {
public:
    /// `send` takes framed bytes for gdb; `kill` ends the machine.
    Session(Debugger& debugger, CpuGroup& group, std::function<void(std::string_view)> send, std::function<void()> kill);

    void received(std::string_view bytes);
    /// A CPU stopped by itself.
    void stopped();
    /// The machine ended.
    void ended();
    /// gdb asked to be let go, or killed the machine.
    [[nodiscard]] bool over() const { return m_over; }

private:
    using Handler = void (Session::*)(std::string_view arguments);
    struct Command {
        std::string_view prefix;
        Handler handler;
    };
    static const Command commands[];

    void handle(const Input& input);
    void reply(std::string_view payload);
    void send_stop_reply();
    [[nodiscard]] std::string stop_reply(const Debugger::Stop& stop) const;

    void supported(std::string_view);
    void no_acknowledgements(std::string_view);
    void last_stop(std::string_view);
    void description(std::string_view arguments);
    void first_threads(std::string_view);
    void more_threads(std::string_view);
    void thread_name(std::string_view arguments);
    void current_thread(std::string_view);
    void attached(std::string_view);
    void select_thread(std::string_view arguments);
    void thread_alive(std::string_view arguments);
    void read_registers(std::string_view);
    void write_registers(std::string_view arguments);
    void read_one_register(std::string_view arguments);
    void write_one_register(std::string_view arguments);
    void read_storage(std::string_view arguments);
    void write_storage(std::string_view arguments);
    void write_storage_binary(std::string_view arguments);
    void store(u64 address, u64 length, std::string_view bytes);
    void set_point(std::string_view arguments);
    void clear_point(std::string_view arguments);
    void change_point(std::string_view arguments, bool set);
    void continue_all(std::string_view arguments);
    void step_one(std::string_view arguments);
    void resume_kinds(std::string_view);
    void resume_by_thread(std::string_view arguments);
    void resume(const std::vector<Debugger::Action>& actions);
    void detach(std::string_view);
    void kill(std::string_view);

    [[nodiscard]] Cpu& cpu() { return *m_group.cpus()[m_cpu]; }
    [[nodiscard]] std::vector<Debugger::Action> actions(Debugger::Action action) const;

    Debugger& m_debugger;
    CpuGroup& m_group;
    std::function<void(std::string_view)> m_send;
    std::function<void()> m_kill;
    PacketReader m_reader;
    /// The CPU that register and storage commands are about.
    u16 m_cpu { 0 };
    bool m_acknowledges { true };
    bool m_knows_breakpoint_reasons { false };
    /// A resume waits for its stop reply.
    bool m_running { false };
    bool m_over { false };
};

} // namespace zvisor::debug::gdb
