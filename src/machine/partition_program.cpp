#include "machine/partition_program.h"

#include "base/host_priority.h"
#include "cpu/cpu.h"
#include "machine/activity_answer.h"
#include "machine/cpu_status.h"
#include "prsm/process.h"
#include "prsm/sandbox.h"

#include <csignal>
#include <cstdio>
#include <fcntl.h>
#include <fmt/format.h>
#include <malloc.h>

namespace zvisor {

namespace {

/// Console text goes in pieces of this many bytes.
constexpr std::size_t piece = 16 * 1024;

/// Descriptors of a dispatch region; what else is handed over follows them.
constexpr std::ptrdiff_t region_files = 2;

/// Console text that is kept for the next firmware.
constexpr std::size_t most_unseen = 64 * 1024;

/// How long a program that asked for storage waits for the firmware.
constexpr std::chrono::seconds block_patience { 10 };

/// How long it waits for an answer to a question.
constexpr std::chrono::seconds answer_patience { 5 };
/// The activity is asked for no oftener: programs look at it as often as they like.
constexpr std::chrono::milliseconds activity_age { 100 };

[[nodiscard]] nlohmann::json text_of(std::string_view text)
{
    return nlohmann::json::binary({ text.begin(), text.end() });
}

/// Messages of this process go to the firmware that took it up.
void replace_error_output(const UniqueFd& file)
{
    close(STDERR_FILENO);
    // The lowest free number; nothing else here takes one below the listener's.
    fcntl(file.get(), F_DUPFD, STDERR_FILENO);
}

/// Whose answer nobody waits for, unless it is asked as a question.
[[nodiscard]] nlohmann::json cpu_event(u16 address, bool configured)
{
    return { { "event", "configure-cpu" }, { "cpu", address }, { "configured", configured }, { "question", 0 } };
}

[[nodiscard]] std::vector<u8> boards_in(const LinkMessage& message)
{
    auto bytes = message.get<nlohmann::json::binary_t>("boards").value_or(nlohmann::json::binary_t {});
    return { bytes.begin(), bytes.end() };
}

[[nodiscard]] PartitionPlace place_of(const LinkMessage& message)
{
    return { .number = message.get<u8>("number").value_or(1),
        .dedicated = message.get<bool>("dedicated").value_or(false),
        .machine = message.get<std::string>("machine").value_or(""),
        .physical_cpus = message.get<u16>("physical_cpus").value_or(0),
        .group = message.get<std::string>("group").value_or(""),
        .group_cap_hundredths = message.get<u32>("group_cap").value_or(0),
        .boards = boards_in(message) };
}

/// What is free goes back to the host.
void allocate_sparingly()
{
    constexpr int large = 256 << 10;
    // Few arenas: what threads here allocate is small and seldom.
    mallopt(M_ARENA_MAX, 2);
    // By itself the library would keep as much as it once gave back, in each arena.
    mallopt(M_MMAP_THRESHOLD, large);
    mallopt(M_TRIM_THRESHOLD, large);
}

[[nodiscard]] std::string reason_of(const Outcome& outcome)
{
    if (outcome.kind == Outcome::Kind::disabled_wait)
        return fmt::format("CPU {} entered a disabled wait, PSW {:016x} {:016x}", outcome.cpu, outcome.psw.mask, outcome.psw.address);
    return outcome.kind == Outcome::Kind::powered_off ? "the program powered off" : "";
}

} // namespace

const PartitionProgram::Order PartitionProgram::orders[] = {
    { "blocks", &PartitionProgram::take_blocks },
    { "refuse", &PartitionProgram::refuse_block },
    { "create", &PartitionProgram::create },
    { "adopt", &PartitionProgram::adopt, true },
    { "load", &PartitionProgram::load, true },
    { "stop", &PartitionProgram::stop, true },
    { "start", &PartitionProgram::start, true },
    { "reset", &PartitionProgram::reset, true },
    { "type", &PartitionProgram::type, true },
    { "quiesce", &PartitionProgram::quiesce, true },
    { "registers", &PartitionProgram::registers, true },
    { "cpus-changed", &PartitionProgram::tell_cpus_changed, true },
    { "status", &PartitionProgram::status },
    { "answer", &PartitionProgram::take_answer },
    { "activity", &PartitionProgram::take_activity },
    { "end", &PartitionProgram::end },
};

int PartitionProgram::run(int listener)
{
    allocate_sparingly();
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
    if (m_dispatching && !m_ending)
        m_dispatching->unsupervised(true);
    std::lock_guard lock(m_mutex);
    m_link.reset();
    m_changed.notify_all();
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
        if (!m_machine && order.needs_machine)
            return fail("the partition has not been created");
        return (this->*order.handler)(message);
    }
    return fail(fmt::format("there is no order '{}'", name));
}

bool PartitionProgram::tell(const nlohmann::json& event)
{
    std::shared_ptr<Link> link;
    {
        std::lock_guard lock(m_mutex);
        link = m_link;
    }
    return link && link->send(event);
}

/// Until `done`, which is looked at under the lock, or until there is no firmware any more.
void PartitionProgram::tell_and_wait(
    std::unique_lock<std::mutex>& lock, const nlohmann::json& event, std::chrono::seconds patience, const std::function<bool()>& done)
{
    lock.unlock();
    tell(event);
    lock.lock();
    m_changed.wait_for(lock, patience, [&] { return done() || !m_link; });
}

void PartitionProgram::become(std::string_view state, std::string why, nlohmann::json cpus)
{
    nlohmann::json event;
    {
        std::lock_guard lock(m_mutex);
        m_state = state;
        m_why = std::move(why);
        m_last_cpus = std::move(cpus);
        event = current_state();
    }
    event["event"] = "state";
    tell(event);
}

/// Under the lock.
nlohmann::json PartitionProgram::current_state() const
{
    return { { "state", m_state }, { "why", m_why }, { "cpus", m_last_cpus } };
}

void PartitionProgram::output(ConsoleKind console, std::string_view text)
{
    for (; !text.empty(); text.remove_prefix(std::min(piece, text.size())))
        if (!tell({ { "event", "console" }, { "kind", static_cast<u8>(console) }, { "text", text_of(text.substr(0, piece)) } }))
            keep_unseen(text.substr(0, piece));
}

void PartitionProgram::keep_unseen(std::string_view text)
{
    std::lock_guard lock(m_mutex);
    m_unseen += text;
    m_unseen.erase(0, m_unseen.size() - std::min(m_unseen.size(), most_unseen));
}

void PartitionProgram::show_unseen()
{
    std::string text;
    {
        std::lock_guard lock(m_mutex);
        text.swap(m_unseen);
    }
    output(ConsoleKind::line_mode, text);
}

void PartitionProgram::input_room()
{
    tell({ { "event", "input-room" } });
}

// ---- Orders ----------------------------------------------------------------------------------------------------

PartitionProgram::Answer PartitionProgram::take_blocks(LinkMessage& message)
{
    auto first = message.get<u64>("first");
    if (!first)
        return fail("blocks come with the number of the first");
    std::lock_guard lock(m_mutex);
    for (auto& file : message.files)
        m_blocks[(*first)++] = std::move(file);
    m_changed.notify_all();
    return nlohmann::json::object();
}

PartitionProgram::Answer PartitionProgram::refuse_block(LinkMessage& message)
{
    std::lock_guard lock(m_mutex);
    m_refused[message.get<u64>("block").value_or(0)] = message.get<std::string>("why").value_or("");
    m_changed.notify_all();
    return nlohmann::json::object();
}

PartitionProgram::Answer PartitionProgram::create(LinkMessage& message)
{
    auto profile = message.get<std::string>("profile");
    auto block_size = message.get<u64>("block_size");
    auto address_space = message.get<u64>("address_space");
    if (m_machine || !profile || !block_size || !address_space)
        return fail("a partition is created once, from a profile, the size of blocks and a limit of its address space");
    auto config = TRY(parse_machine_config(*profile, "profile"));
    auto region = TRY(region_of(message));
    auto files = TRY(MachineFiles::open(config));
    std::string missing;
    TRY_VOID(lock_in(*address_space, missing));
    HostSlices().prefer(HostSlice::brief);
    MachineSupply supply {
        .console_is_terminal = true, .blocks = this, .block_size = *block_size, .firmware = this, .place = place_of(message)
    };
    if (message.get<bool>("agent").value_or(false) && message.files.size() > region_files) {
        supply.agent = std::move(message.files.back());
        message.files.pop_back();
    }
    for (auto wire = message.files.begin() + region_files; wire != message.files.end(); ++wire)
        supply.network_ports.push_back(std::make_unique<SocketPort>(std::move(*wire)));
    m_global = message.get<bool>("global").value_or(false);
    m_machine = TRY(Machine::create(config, std::move(files), *this, std::move(supply), {}));
    auto& cpus = m_machine->partition().cpus();
    auto dispatching
        = std::make_unique<DispatchAdapter>(cpus, std::move(region), [this] { m_machine->partition().entitlements_changed(); });
    m_dispatching = dispatching.get();
    cpus.set_dispatching(std::move(dispatching));
    m_machine->partition().make_threads();
    m_runner = std::jthread([this](const std::stop_token& stop) { run_machine(stop); });
    TRY_VOID(allow_only_running());
    return nlohmann::json { { "missing", missing }, { "model", m_machine->model_message() } };
}

Result<std::shared_ptr<DispatchRegion>> PartitionProgram::region_of(LinkMessage& message)
{
    if (message.files.size() < region_files)
        return fail("the dispatch region comes as two descriptors");
    return DispatchRegion::attach(std::move(message.files[0]), std::move(message.files[1]));
}

PartitionProgram::Answer PartitionProgram::adopt(LinkMessage& message)
{
    auto region = TRY(region_of(message));
    bool vertical = share().vertical;
    m_dispatching->supervised_by(std::move(region));
    if (message.files.size() > region_files)
        replace_error_output(message.files[region_files]);
    if (message.files.size() > region_files + 1)
        m_machine->connect_agent(std::move(message.files[region_files + 1]));
    tell_of_cpus(vertical);
    show_unseen();
    std::lock_guard lock(m_mutex);
    TRY_VOID(send_blocks(*m_link, m_held, { { "event", "held" } }));
    return current_state();
}

/// Ends what runs, if anything, and has the machine's thread do a job. Not here: it may want blocks, which come over the link.
PartitionProgram::Answer PartitionProgram::have_done(Job job)
{
    std::unique_lock lock(m_mutex);
    if (m_job != Job::none)
        return fail("the partition is being loaded or reset");
    m_job = job;
    if (m_running)
        m_machine->partition().end();
    m_changed.notify_all();
    return nlohmann::json::object();
}

PartitionProgram::Answer PartitionProgram::load(LinkMessage&)
{
    return have_done(Job::load);
}

PartitionProgram::Answer PartitionProgram::reset(LinkMessage&)
{
    return have_done(Job::reset);
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

PartitionProgram::Answer PartitionProgram::type(LinkMessage& message)
{
    auto text = message.get<nlohmann::json::binary_t>("text");
    if (!text)
        return fail("console input has no text");
    std::size_t taken = m_machine->type({ reinterpret_cast<const char*>(text->data()), text->size() });
    return nlohmann::json { { "taken", taken } };
}

PartitionProgram::Answer PartitionProgram::quiesce(LinkMessage& message)
{
    if (message.get<bool>("agent_first").value_or(false) && m_machine->agent_listens())
        return nlohmann::json { { "agent", true } };
    return nlohmann::json { { "asked", m_machine->partition().services().request_quiesce() } };
}

PartitionProgram::Answer PartitionProgram::tell_cpus_changed(LinkMessage&)
{
    m_machine->partition().services().notify_cpus_changed();
    return nlohmann::json::object();
}

PartitionProgram::Answer PartitionProgram::registers(LinkMessage&)
{
    return nlohmann::json { { "cpus", TRY(cpu_registers()) } };
}

PartitionProgram::Answer PartitionProgram::cpu_registers() const
{
    auto& partition = m_machine->partition();
    auto list = nlohmann::json::array();
    for (u16 address : partition.cpu_configuration().addresses(CpuState::configured)) {
        Cpu& cpu = *partition.cpus().find(address);
        cpu.wait_for_orders();
        if (cpu.running())
            return fail(fmt::format("CPU {} is not stopped", address));
        auto status = status_of(cpu);
        const auto* bytes = reinterpret_cast<const u8*>(&status);
        list.push_back(nlohmann::json::binary({ bytes, bytes + sizeof status }));
    }
    return list;
}

PartitionProgram::Answer PartitionProgram::status(LinkMessage&)
{
    std::lock_guard lock(m_mutex);
    return current_state();
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
        Job job = Job::none;
        {
            std::unique_lock lock(m_mutex);
            if (!m_changed.wait(lock, stop, [this] { return m_job != Job::none; }))
                return;
            job = std::exchange(m_job, Job::none);
            m_running = job == Job::load;
        }
        job == Job::load ? run_program() : reset_machine();
        std::lock_guard lock(m_mutex);
        m_running = false;
    }
}

void PartitionProgram::run_program()
{
    become("operating");
    auto outcome = m_machine->run();
    if (!outcome)
        return become("not-operating", outcome.error().message);
    if (outcome->kind != Outcome::Kind::disabled_wait)
        return become("not-operating", reason_of(*outcome));
    // For a dump: the firmware keeps them, whatever becomes of this process.
    become("disabled-wait", reason_of(*outcome), cpu_registers().value_or(nlohmann::json::array()));
}

void PartitionProgram::reset_machine()
{
    auto done = m_machine->partition().reset();
    become("not-operating", done ? "it was reset" : done.error().message);
}

// ---- Storage ---------------------------------------------------------------------------------------------------

/// A block that was handed over: one descriptor for the machine, one is kept. Under the lock.
std::optional<UniqueFd> PartitionProgram::take_block(u64 block)
{
    auto found = m_blocks.find(block);
    if (found == m_blocks.end())
        return {};
    UniqueFd copy { fcntl(found->second.get(), F_DUPFD_CLOEXEC, PartitionProcess::listener_fd) };
    m_held[block] = std::move(found->second);
    m_blocks.erase(found);
    return copy;
}

Result<UniqueFd> PartitionProgram::obtain(u64 block)
{
    std::unique_lock lock(m_mutex);
    if (auto file = take_block(block))
        return std::move(*file);
    m_refused.erase(block);
    tell_and_wait(lock, { { "event", "obtain" }, { "block", block } }, block_patience,
        [&] { return m_blocks.contains(block) || m_refused.contains(block); });
    if (auto file = take_block(block))
        return std::move(*file);
    auto why = m_refused.find(block);
    return fail(why != m_refused.end() ? why->second : "the firmware does not answer");
}

void PartitionProgram::give_back(u64 block)
{
    {
        std::lock_guard lock(m_mutex);
        m_held.erase(block);
    }
    tell({ { "event", "give-back" }, { "block", block } });
}

// ---- The firmware ------------------------------------------------------------------------------------------------

/// Asks the firmware and waits for its answer; without one it is no.
bool PartitionProgram::ask(nlohmann::json event)
{
    std::unique_lock lock(m_mutex);
    u64 question = ++m_last_question;
    event["question"] = question;
    tell_and_wait(lock, event, answer_patience, [&] { return m_answers.contains(question); });
    auto answer = m_answers.extract(question);
    return !answer.empty() && answer.mapped();
}

PartitionProgram::Answer PartitionProgram::take_answer(LinkMessage& message)
{
    note_answer(message.get<u64>("question").value_or(0), message.get<bool>("granted").value_or(false));
    return nlohmann::json::object();
}

void PartitionProgram::note_answer(u64 question, bool granted)
{
    // Who asked has given up long ago when so many others asked after it.
    constexpr u64 most_waiting = 1000;
    std::lock_guard lock(m_mutex);
    m_answers[question] = granted;
    m_answers.erase(m_answers.begin(), m_answers.lower_bound(m_last_question - std::min(m_last_question, most_waiting)));
    m_changed.notify_all();
}

bool PartitionProgram::configure_cpu(u16 address, bool configured)
{
    bool granted = ask(cpu_event(address, configured));
    // A yes that comes too late is taken back.
    if (configured && !granted)
        tell(cpu_event(address, false));
    return granted;
}

bool PartitionProgram::polarize(bool vertical)
{
    return ask({ { "event", "polarization" }, { "vertical", vertical } });
}

/// Another firmware knows only what the machine file says.
void PartitionProgram::tell_of_cpus(bool vertical)
{
    tell({ { "event", "polarization" }, { "vertical", vertical }, { "question", 0 } });
    const auto& cpus = m_machine->partition().cpu_configuration();
    for (u16 address = 0; address < cpus.size(); ++address)
        tell(cpu_event(address, cpus.state(address) == CpuState::configured));
}

PartitionProgram::Answer PartitionProgram::take_activity(LinkMessage& message)
{
    u64 question = message.get<u64>("question").value_or(0);
    {
        std::lock_guard lock(m_mutex);
        if (std::exchange(m_arriving_question, question) != question)
            m_arriving = {};
        TRY_VOID(add_activity(message.body, m_arriving));
        if (!message.get<bool>("last").value_or(false))
            return nlohmann::json::object();
        m_known = std::exchange(m_arriving, {});
        m_known_at = std::chrono::steady_clock::now();
    }
    note_answer(question, true);
    return nlohmann::json::object();
}

std::optional<MachineActivity> PartitionProgram::activity()
{
    if (!m_global)
        return {};
    // One CPU asks for all that want to know.
    std::lock_guard asking(m_asking_for_activity);
    std::unique_lock lock(m_mutex);
    if (std::chrono::steady_clock::now() - m_known_at < activity_age)
        return m_known;
    lock.unlock();
    if (!ask({ { "event", "activity" } }))
        return {};
    lock.lock();
    return m_known;
}

} // namespace zvisor
