#include "debug/gdb/session.h"

#include "cpu/cpu.h"
#include "debug/gdb/registers.h"
#include "debug/memory.h"

#include <algorithm>
#include <fmt/format.h>

namespace zvisor::debug::gdb {

namespace {

constexpr std::size_t packet_size = 0x4000;
constexpr std::string_view ok = "OK";
constexpr std::string_view bad_arguments = "E22"; // by errno: EINVAL, EFAULT
constexpr std::string_view bad_address = "E14";
constexpr u8 trap_signal = 5;
constexpr u8 interrupt_signal = 2;

[[nodiscard]] std::span<const u8> bytes_of(std::string_view text)
{
    return { reinterpret_cast<const u8*>(text.data()), text.size() };
}

struct Range {
    u64 address { 0 };
    u64 length { 0 };
};

/// "address,length", removed from `text`; nothing when `text` does not begin with that.
[[nodiscard]] std::optional<Range> take_range(std::string_view& text)
{
    auto address = take_number(text);
    if (!address || !take(text, ","))
        return {};
    auto length = take_number(text);
    if (!length)
        return {};
    return Range { *address, *length };
}

[[nodiscard]] std::string thread_id(u16 cpu)
{
    return fmt::format("{:x}", cpu + 1);
}

} // namespace

// The first prefix that fits decides. Commands not listed get the empty reply that says so.
const Session::Command Session::commands[] = {
    { "qSupported", &Session::supported },
    { "QStartNoAckMode", &Session::no_acknowledgements },
    { "qXfer:features:read:target.xml:", &Session::description },
    { "qfThreadInfo", &Session::first_threads },
    { "qsThreadInfo", &Session::more_threads },
    { "qThreadExtraInfo,", &Session::thread_name },
    { "qAttached", &Session::attached },
    { "qC", &Session::current_thread },
    { "?", &Session::last_stop },
    { "H", &Session::select_thread },
    { "T", &Session::thread_alive },
    { "g", &Session::read_registers },
    { "G", &Session::write_registers },
    { "p", &Session::read_one_register },
    { "P", &Session::write_one_register },
    { "m", &Session::read_storage },
    { "M", &Session::write_storage },
    { "X", &Session::write_storage_binary },
    { "Z", &Session::set_point },
    { "z", &Session::clear_point },
    { "vCont?", &Session::resume_kinds },
    { "vCont;", &Session::resume_by_thread },
    { "vKill", &Session::kill },
    { "c", &Session::continue_all },
    { "s", &Session::step_one },
    { "D", &Session::detach },
    { "k", &Session::kill },
};

Session::Session(Debugger& debugger, CpuGroup& group, std::function<void(std::string_view)> send, std::function<void()> kill)
    : m_debugger(debugger)
    , m_group(group)
    , m_send(std::move(send))
    , m_kill(std::move(kill))
{
    m_debugger.stop(); // gdb expects to find the program stopped
}

void Session::received(std::string_view bytes)
{
    m_reader.add(bytes);
    while (auto input = m_reader.next())
        handle(*input);
}

void Session::handle(const Input& input)
{
    switch (input.kind) {
    case Input::Kind::damaged_packet:
        if (m_acknowledges)
            m_send("-");
        return;
    case Input::Kind::interrupt:
        if (!m_running)
            return;
        m_debugger.stop();
        send_stop_reply();
        return;
    case Input::Kind::packet:
        break;
    }
    if (m_acknowledges)
        m_send("+");
    std::string_view arguments = input.payload;
    auto command = std::ranges::find_if(commands, [&](const Command& c) { return take(arguments, c.prefix); });
    if (command == std::end(commands))
        return reply("");
    (this->*command->handler)(arguments);
}

void Session::reply(std::string_view payload)
{
    m_send(frame(payload));
}

// ---- Stops -----------------------------------------------------------------------------------------------------

void Session::stopped()
{
    if (m_running)
        send_stop_reply();
}

void Session::send_stop_reply()
{
    auto stop = m_debugger.wait_until_stopped();
    m_running = false;
    m_cpu = stop.cpu;
    reply(stop_reply(stop));
}

std::string Session::stop_reply(const Debugger::Stop& stop) const
{
    u8 signal = stop.reason == Debugger::Reason::request ? interrupt_signal : trap_signal;
    std::string detail;
    if (stop.reason == Debugger::Reason::breakpoint && m_knows_breakpoint_reasons)
        detail = "swbreak:;";
    if (stop.reason == Debugger::Reason::watchpoint)
        detail = fmt::format("watch:{:x};", stop.address);
    return fmt::format("T{:02x}{}thread:{};", signal, detail, thread_id(stop.cpu));
}

void Session::last_stop(std::string_view)
{
    send_stop_reply();
}

void Session::ended()
{
    if (m_running)
        reply("W00");
    m_over = true;
}

// ---- What there is -----------------------------------------------------------------------------------------------

void Session::supported(std::string_view arguments)
{
    m_knows_breakpoint_reasons = arguments.find("swbreak+") != std::string_view::npos;
    reply(fmt::format("PacketSize={:x};qXfer:features:read+;QStartNoAckMode+;vContSupported+;swbreak+;hwbreak+", packet_size));
}

void Session::no_acknowledgements(std::string_view)
{
    reply(ok);
    m_acknowledges = false;
}

void Session::description(std::string_view arguments)
{
    auto range = take_range(arguments);
    std::string_view text = target_description();
    if (!range || range->address > text.size())
        return reply(bad_arguments);
    auto part = text.substr(range->address, std::min<u64>(range->length, packet_size - 8));
    reply(fmt::format("{}{}", range->address + part.size() < text.size() ? 'm' : 'l', part));
}

void Session::first_threads(std::string_view)
{
    std::string list;
    for (u16 cpu = 0; cpu < m_group.size(); ++cpu)
        list += (cpu == 0 ? "m" : ",") + thread_id(cpu);
    reply(list);
}

void Session::more_threads(std::string_view)
{
    reply("l");
}

void Session::thread_name(std::string_view arguments)
{
    auto id = take_number(arguments);
    Cpu* cpu = id && *id > 0 ? m_group.find(static_cast<u16>(*id - 1)) : nullptr;
    if (!cpu)
        return reply(bad_arguments);
    constexpr std::string_view states[] = { "stopped", "operating", "check stop", "disabled wait" };
    bool waits = cpu->state() == RunState::operating && cpu->psw_fields().wait();
    std::string text = fmt::format("CPU {} {}", cpu->address(), waits ? "enabled wait" : states[static_cast<std::size_t>(cpu->state())]);
    reply(to_hex(bytes_of(text)));
}

void Session::current_thread(std::string_view)
{
    reply("QC" + thread_id(m_cpu));
}

void Session::attached(std::string_view)
{
    reply("1"); // so that gdb detaches when it quits
}

void Session::select_thread(std::string_view arguments)
{
    if (arguments.empty() || take(arguments, "c"))
        return reply(ok);
    if (!take(arguments, "g"))
        return reply(bad_arguments);
    auto id = take_number(arguments);
    if (id && *id > m_group.size())
        return reply(bad_arguments);
    if (id && *id > 0) // 0 and -1: any
        m_cpu = static_cast<u16>(*id - 1);
    reply(ok);
}

void Session::thread_alive(std::string_view arguments)
{
    auto id = take_number(arguments);
    reply(id && *id > 0 && *id <= m_group.size() ? ok : bad_arguments);
}

// ---- Registers and storage -----------------------------------------------------------------------------------------

void Session::read_registers(std::string_view)
{
    std::string text;
    for (unsigned number = 0; number < register_count(); ++number)
        text += to_hex(*read_register(cpu(), number));
    reply(text);
}

void Session::write_registers(std::string_view arguments)
{
    auto bytes = from_hex(arguments);
    if (!bytes)
        return reply(bad_arguments);
    std::size_t at = 0;
    for (unsigned number = 0; number < register_count(); ++number) {
        std::size_t size = read_register(cpu(), number)->size();
        if (bytes->size() - at < size)
            return reply(bad_arguments);
        (void)write_register(cpu(), number, bytes_of(*bytes).subspan(at, size));
        at += size;
    }
    reply(ok);
}

void Session::read_one_register(std::string_view arguments)
{
    auto number = take_number(arguments);
    auto bytes = number ? read_register(cpu(), static_cast<unsigned>(*number)) : std::nullopt;
    reply(bytes ? to_hex(*bytes) : std::string(bad_arguments));
}

void Session::write_one_register(std::string_view arguments)
{
    auto number = take_number(arguments);
    auto bytes = take(arguments, "=") ? from_hex(arguments) : std::nullopt;
    bool done = number && bytes && write_register(cpu(), static_cast<unsigned>(*number), bytes_of(*bytes));
    reply(done ? ok : bad_arguments);
}

void Session::read_storage(std::string_view arguments)
{
    auto range = take_range(arguments);
    if (!range)
        return reply(bad_arguments);
    std::vector<u8> bytes(std::min<u64>(range->length, packet_size / 2 - 8));
    std::size_t done = read_memory(cpu(), range->address, bytes);
    reply(done == 0 && !bytes.empty() ? std::string(bad_address) : to_hex(std::span(bytes).first(done)));
}

void Session::store(u64 address, u64 length, std::string_view bytes)
{
    if (bytes.size() != length)
        return reply(bad_arguments);
    reply(write_memory(cpu(), address, bytes_of(bytes)) == length ? ok : bad_address);
}

void Session::write_storage(std::string_view arguments)
{
    auto range = take_range(arguments);
    auto bytes = take(arguments, ":") ? from_hex(arguments) : std::nullopt;
    if (!range || !bytes)
        return reply(bad_arguments);
    store(range->address, range->length, *bytes);
}

void Session::write_storage_binary(std::string_view arguments)
{
    auto range = take_range(arguments);
    if (!range || !take(arguments, ":"))
        return reply(bad_arguments);
    store(range->address, range->length, arguments);
}

// ---- Breakpoints and watchpoints -------------------------------------------------------------------------------------

void Session::set_point(std::string_view arguments)
{
    change_point(arguments, true);
}

void Session::clear_point(std::string_view arguments)
{
    change_point(arguments, false);
}

/// "type,address,length": 0 and 1 are breakpoints, 2 is a watchpoint for stores; others there are not.
void Session::change_point(std::string_view arguments, bool set)
{
    auto type = take_number(arguments);
    auto range = take(arguments, ",") ? take_range(arguments) : std::nullopt;
    if (!type || !range)
        return reply(bad_arguments);
    if (*type > 2)
        return reply("");
    if (*type < 2)
        set ? m_debugger.set_breakpoint(range->address) : m_debugger.clear_breakpoint(range->address);
    else if (!set)
        m_debugger.clear_watchpoint(range->address, range->length);
    else if (!m_debugger.set_watchpoint(cpu(), range->address, range->length))
        return reply(bad_address);
    reply(ok);
}

// ---- Running ---------------------------------------------------------------------------------------------------------

std::vector<Debugger::Action> Session::actions(Debugger::Action action) const
{
    return std::vector<Debugger::Action>(m_group.size(), action);
}

void Session::resume(const std::vector<Debugger::Action>& actions)
{
    m_running = true;
    m_debugger.resume(actions);
}

void Session::continue_all(std::string_view arguments)
{
    if (auto address = take_number(arguments))
        cpu().next = *address;
    resume(actions(Debugger::Action::run));
}

void Session::step_one(std::string_view arguments)
{
    if (auto address = take_number(arguments))
        cpu().next = *address;
    auto wanted = actions(Debugger::Action::stay);
    wanted[m_cpu] = Debugger::Action::step;
    resume(wanted);
}

void Session::resume_kinds(std::string_view)
{
    reply("vCont;c;C;s;S");
}

/// "action[:thread]" separated by semicolons; for each CPU the first that names it or all.
void Session::resume_by_thread(std::string_view arguments)
{
    auto wanted = actions(Debugger::Action::stay);
    std::vector<bool> decided(wanted.size());
    while (!arguments.empty()) {
        auto word = arguments.substr(0, arguments.find(';'));
        arguments.remove_prefix(std::min(word.size() + 1, arguments.size()));
        auto action = word.starts_with('s') || word.starts_with('S') ? Debugger::Action::step : Debugger::Action::run;
        auto colon = word.find(':');
        std::string_view id = colon == std::string_view::npos ? "-1" : word.substr(colon + 1);
        auto number = take_number(id);
        for (std::size_t cpu = 0; cpu < wanted.size(); ++cpu) {
            if (decided[cpu] || (number && *number != 0 && *number != cpu + 1))
                continue;
            wanted[cpu] = action;
            decided[cpu] = true;
        }
    }
    resume(wanted);
}

void Session::detach(std::string_view)
{
    reply(ok);
    m_over = true;
}

void Session::kill(std::string_view)
{
    reply(ok);
    m_over = true;
    m_kill();
}

} // namespace zvisor::debug::gdb
