#include "machine/partition_program.h"

#include "cpu/cpu.h"
#include "prsm/sandbox.h"

#include <csignal>
#include <cstdio>
#include <fmt/format.h>

namespace zvisor {

namespace {

/// Console text goes in pieces of this many bytes.
constexpr std::size_t piece = 16 * 1024;

[[nodiscard]] nlohmann::json text_of(std::string_view text)
{
    return nlohmann::json::binary({ text.begin(), text.end() });
}

[[nodiscard]] std::string reason_of(const Outcome& outcome)
{
    if (outcome.kind == Outcome::Kind::disabled_wait)
        return fmt::format("CPU {} entered a disabled wait, PSW {:016x} {:016x}", outcome.cpu, outcome.psw.mask, outcome.psw.address);
    return outcome.kind == Outcome::Kind::powered_off ? "the program powered off" : "";
}

} // namespace

const PartitionProgram::Order PartitionProgram::orders[] = {
    { "create", &PartitionProgram::create },
    { "load", &PartitionProgram::load },
    { "stop", &PartitionProgram::stop },
    { "start", &PartitionProgram::start },
    { "reset", &PartitionProgram::reset },
    { "type", &PartitionProgram::type },
    { "quiesce", &PartitionProgram::quiesce },
    { "status", &PartitionProgram::status },
    { "end", &PartitionProgram::end },
};

int PartitionProgram::run(int listener)
{
    // Closed links and full disks are results of calls here.
    std::signal(SIGPIPE, SIG_IGN);
    std::signal(SIGXFSZ, SIG_IGN);
    PartitionProgram program;
    while (!program.m_ending) {
        auto link = accept_link(listener);
        if (!link) {
            fmt::print(stderr, "{}\n", link.error().message);
            return 1;
        }
        program.serve(std::move(*link));
        // Before there is a machine nobody else knows what it should be.
        if (!program.m_machine)
            break;
    }
    return 0;
}

// ---- The link --------------------------------------------------------------------------------------------------

void PartitionProgram::serve(std::shared_ptr<Link> link)
{
    {
        std::lock_guard lock(m_mutex);
        m_link = link;
    }
    while (!m_ending) {
        auto message = link->receive();
        if (!message || !*message)
            break;
        carry_out(*link, **message);
    }
    std::lock_guard lock(m_mutex);
    m_link.reset();
}

void PartitionProgram::carry_out(Link& link, LinkMessage& message)
{
    auto answer = answer_to(message);
    nlohmann::json reply = answer ? std::move(*answer) : nlohmann::json { { "error", answer.error().message } };
    reply["reply"] = message.get<u64>("id").value_or(0);
    // When the firmware is gone there is nobody to answer.
    [[maybe_unused]] auto sent = link.send(reply);
}

PartitionProgram::Answer PartitionProgram::answer_to(LinkMessage& message)
{
    auto name = message.get<std::string>("order").value_or("");
    for (const Order& order : orders) {
        if (order.name != name)
            continue;
        if (!m_machine && order.handler != &PartitionProgram::create && order.handler != &PartitionProgram::end)
            return fail("the partition has not been created");
        return (this->*order.handler)(message);
    }
    return fail(fmt::format("there is no order '{}'", name));
}

void PartitionProgram::tell(const nlohmann::json& event)
{
    std::shared_ptr<Link> link;
    {
        std::lock_guard lock(m_mutex);
        link = m_link;
    }
    if (link) [[maybe_unused]]
        auto sent = link->send(event);
}

void PartitionProgram::become(std::string_view state, std::string why)
{
    {
        std::lock_guard lock(m_mutex);
        m_state = state;
        m_why = why;
    }
    tell({ { "event", "state" }, { "state", state }, { "why", why } });
}

void PartitionProgram::output(ConsoleKind console, std::string_view text)
{
    for (; !text.empty(); text.remove_prefix(std::min(piece, text.size())))
        tell({ { "event", "console" }, { "kind", static_cast<u8>(console) }, { "text", text_of(text.substr(0, piece)) } });
}

void PartitionProgram::input_room()
{
    tell({ { "event", "input-room" } });
}

// ---- Orders ----------------------------------------------------------------------------------------------------

PartitionProgram::Answer PartitionProgram::create(LinkMessage& message)
{
    auto profile = message.get<std::string>("profile");
    auto address_space = message.get<u64>("address_space");
    if (m_machine || !profile || !address_space)
        return fail("a partition is created once, from a profile and a limit of its address space");
    auto config = TRY(parse_machine_config(*profile, "profile"));
    auto files = TRY(MachineFiles::open(config));
    std::string missing;
    TRY_VOID(lock_in(*address_space, missing));
    m_machine = TRY(Machine::create(config, std::move(files), *this, true, {}));
    m_machine->partition().make_threads();
    m_runner = std::jthread([this](const std::stop_token& stop) { run_machine(stop); });
    TRY_VOID(allow_only_running());
    return nlohmann::json { { "missing", missing }, { "model", m_machine->model_message() } };
}

PartitionProgram::Answer PartitionProgram::load(LinkMessage&)
{
    end_program();
    std::unique_lock lock(m_mutex);
    m_wanted = true;
    m_changed.notify_all();
    m_changed.wait(lock, [this] { return !m_wanted; });
    return nlohmann::json::object();
}

PartitionProgram::Answer PartitionProgram::stop(LinkMessage&)
{
    if (!m_machine->partition().stop())
        return fail("the partition is not operating");
    become("stopped");
    return nlohmann::json::object();
}

PartitionProgram::Answer PartitionProgram::start(LinkMessage&)
{
    if (!m_machine->partition().start())
        return fail("the partition has no stopped CPU to start");
    become("operating");
    return nlohmann::json::object();
}

PartitionProgram::Answer PartitionProgram::reset(LinkMessage&)
{
    end_program();
    m_machine->partition().reset();
    become("not-operating", "it was reset");
    return nlohmann::json::object();
}

PartitionProgram::Answer PartitionProgram::type(LinkMessage& message)
{
    auto text = message.get<nlohmann::json::binary_t>("text");
    if (!text)
        return fail("console input has no text");
    std::size_t taken = m_machine->type({ reinterpret_cast<const char*>(text->data()), text->size() });
    return nlohmann::json { { "taken", taken } };
}

PartitionProgram::Answer PartitionProgram::quiesce(LinkMessage&)
{
    return nlohmann::json { { "asked", m_machine->partition().services().request_quiesce() } };
}

PartitionProgram::Answer PartitionProgram::status(LinkMessage&)
{
    std::lock_guard lock(m_mutex);
    return nlohmann::json { { "state", m_state }, { "why", m_why } };
}

PartitionProgram::Answer PartitionProgram::end(LinkMessage&)
{
    m_ending = true;
    // At once: the firmware has what must be kept, and the host takes back the rest.
    std::_Exit(0);
}

// ---- The machine's thread ----------------------------------------------------------------------------------------

void PartitionProgram::run_machine(const std::stop_token& stop)
{
    for (;;) {
        {
            std::unique_lock lock(m_mutex);
            if (!m_changed.wait(lock, stop, [this] { return m_wanted; }))
                return;
            m_wanted = false;
            m_running = true;
            m_changed.notify_all();
        }
        become("operating");
        auto outcome = m_machine->run();
        ended(outcome);
    }
}

void PartitionProgram::ended(const Result<Outcome>& outcome)
{
    if (!outcome)
        become("not-operating", outcome.error().message);
    else if (outcome->kind == Outcome::Kind::disabled_wait)
        become("disabled-wait", reason_of(*outcome));
    else
        become("not-operating", reason_of(*outcome));
    std::lock_guard lock(m_mutex);
    m_running = false;
    m_changed.notify_all();
}

/// Ends what runs, if anything, and waits for its end.
void PartitionProgram::end_program()
{
    std::unique_lock lock(m_mutex);
    if (!m_running)
        return;
    m_machine->partition().end();
    m_changed.wait(lock, [this] { return !m_running; });
}

} // namespace zvisor
