// A hostile partition under a firmware, and beside it an honest one.

#include "machine/isolation.h"
#include "machine/isolation_hostile.h"
#include "prsm/firmware.h"

#include <algorithm>
#include <csignal>
#include <filesystem>
#include <fmt/format.h>
#include <fstream>
#include <functional>
#include <future>
#include <set>
#include <sys/stat.h>
#include <sys/wait.h>
#include <thread>

namespace zvisor::isolation {
namespace {

using namespace std::chrono_literals;
using nlohmann::json;

constexpr u64 mega = 1 << 20;

// ---- The machine -----------------------------------------------------------------------------------------------------

class Machine {
public:
    Machine()
    {
        std::filesystem::remove_all(m_folder);
        for (std::string name : { "HOSTILE", "HONEST" })
            m_definition.partitions.push_back({ .name = name,
                .number = static_cast<u8>(m_definition.partitions.size() + 1),
                .memory = initial_blocks * mega,
                .maximum_memory = most_blocks * mega,
                .block_size = mega,
                .cpus = 2,
                .maximum_cpus = 2 });
        begin();
        EXPECT_TRUE(firmware->activate("HONEST"));
    }
    ~Machine()
    {
        firmware.reset();
        std::filesystem::remove_all(m_folder);
    }
    void begin()
    {
        firmware = std::move(Firmware::create(m_definition,
                                 { .folder = m_folder,
                                     .program = std::filesystem::read_symlink("/proc/self/exe"),
                                     .order_patience = patience,
                                     .undispatched = { .free_cpus = 0.02, .most_saved = 0.5, .too_much = 0.5, .forgiven_cpus = 0.01 } }))
                       .value();
    }

    /// A new hostile partition does this.
    void does(std::string_view deed)
    {
        [[maybe_unused]] auto ended = firmware->deactivate("HOSTILE");
        auto activated = firmware->activate("HOSTILE");
        EXPECT_TRUE(activated) << activated.error().message;
        goes_on(deed);
    }
    void goes_on(std::string_view deed)
    {
        m_seen = console("HOSTILE").read(0, 0ms).next;
        EXPECT_TRUE(firmware->type("HOSTILE", deed));
    }
    /// What it shows then.
    [[nodiscard]] std::string shows(std::chrono::milliseconds time = 10s)
    {
        auto piece = console("HOSTILE").read(m_seen, time);
        m_seen = piece.next;
        return piece.text;
    }
    [[nodiscard]] ConsoleBuffer& console(std::string_view name) const { return *firmware->console(name).value(); }
    [[nodiscard]] PartitionStatus status(std::string_view name) const { return firmware->partition(name).value(); }
    /// The honest partition answers an order, and how long that takes.
    [[nodiscard]] std::chrono::nanoseconds honest_answers() const
    {
        auto began = std::chrono::steady_clock::now();
        auto answered = firmware->load("HONEST");
        return answered ? std::chrono::steady_clock::now() - began : std::chrono::nanoseconds(1h);
    }
    bool soon(const std::function<bool()>& condition, std::chrono::seconds patience_of = 60s) const
    {
        for (auto end = std::chrono::steady_clock::now() + patience_of; std::chrono::steady_clock::now() < end;) {
            if (condition())
                return true;
            std::this_thread::sleep_for(10ms);
        }
        return false;
    }

    static constexpr std::chrono::milliseconds patience { 3'000 };
    std::unique_ptr<Firmware> firmware;

private:
    std::string m_folder { testing::TempDir() + "/zvisor-isolation-" + std::to_string(getpid()) };
    MachineDefinition m_definition { .name = "TEST", .physical_cpus = 1, .storage = 20 * mega, .block_size = mega };
    u64 m_seen { 0 };
};

[[nodiscard]] std::string message_of(const Result<void>& result)
{
    return result ? "" : result.error().message;
}

/// Memory of this process, in bytes.
[[nodiscard]] u64 resident()
{
    std::ifstream file("/proc/self/statm");
    u64 size = 0;
    u64 pages = 0;
    file >> size >> pages;
    return pages * 4096;
}

/// The blocks the firmware holds, as the host tells them apart.
[[nodiscard]] std::vector<ino_t> block_files()
{
    std::vector<ino_t> files;
    for (const auto& entry : std::filesystem::directory_iterator("/proc/self/fd")) {
        std::error_code gone;
        struct stat status {};
        if (std::filesystem::read_symlink(entry, gone).string().starts_with("/memfd:zvisor-block")
            && stat(entry.path().c_str(), &status) == 0)
            files.push_back(status.st_ino);
    }
    return files;
}

} // namespace

// ---- Clauses ---------------------------------------------------------------------------------------------------------

void link_reaches_blocks(Checks& checks)
{
    Machine machine;
    for (auto [deed, answer] : { std::pair("obtain 0", "refused\n"), { "obtain 8", "refused\n" }, { "obtain last", "refused\n" },
             { "obtain text", "refused\n" }, { "obtain 5", "a block of zeros\n" } }) {
        machine.does(deed);
        checks.check(machine.shows() == answer, fmt::format("{}: another answer than {}", deed, answer));
    }
    auto files = block_files();
    std::set<ino_t> different(files.begin(), files.end());
    checks.check(files.size() == 2 * initial_blocks + 1, "the firmware holds another number of blocks than it gave");
    checks.check(different.size() == files.size(), "two partitions were given the same block");
    machine.does("give others");
    checks.check(
        machine.shows() == "done\n" && machine.status("HONEST").storage == initial_blocks * mega, "another's block was given back");
    machine.does("give and keep");
    checks.check(machine.shows() == "a block of zeros\n", "a block was not obtained");
    checks.check(machine.shows() == "the block is gone\n", "a block that was given back is still there");
    checks.check(machine.soon([&] { return machine.status("HOSTILE").state == PartitionState::failed; }), "a mapping of it is still there");
}

void link_finds_residue(Checks& checks)
{
    Machine machine;
    auto looks = [&](const std::string& when) {
        machine.goes_on("look");
        std::string seen;
        machine.soon([&] { return (seen += machine.shows(100ms)).contains("cells"); });
        checks.check(seen.contains("zeros\nzeros\nzeros\nzeros\n"), when + ": storage is not zero");
        checks.check(!seen.contains("something"), when + ": something is in storage");
        checks.check(seen.contains("fresh cells"), when + ": dispatch cells were used before");
    };
    machine.does("");
    looks("at first");
    machine.goes_on("fill");
    checks.check(machine.shows() == "filled\n", "storage cannot be written");
    checks.check(machine.console("HONEST").read(0, 0ms).text.empty(), "the console of another shows it");
    machine.does("");
    looks("after another activation");
    machine.goes_on("fill");
    machine.soon([&] { return !machine.shows(100ms).empty(); });
    pid_t hostile = machine.status("HOSTILE").pid;
    checks.check(hostile > 0 && ::kill(hostile, SIGKILL) == 0, "it is not there to be killed");
    machine.soon([&] { return machine.status("HOSTILE").state == PartitionState::failed; });
    machine.does("");
    looks("after its process was killed");
    machine.goes_on("obtain 5");
    checks.check(machine.shows() == "a block of zeros\n", "a block that comes later is not zero");
}

void link_asks_for_activity(Checks& checks)
{
    Machine machine;
    for (std::string_view deed : { "activity", "activity for another" })
        for (int i = 0; i < 2; ++i) {
            machine.does(deed);
            auto answer = json::parse(machine.shows(), nullptr, false);
            checks.check(answer.value("order", "") == "answer", "activity without authority is told");
            checks.check(answer.value("granted", true) == false, "activity without authority is granted");
            checks.check(!answer.dump().contains("HONEST"), "the answer names another partition");
        }
}

void link_slows_others(Checks& checks)
{
    constexpr std::chrono::seconds bearable { 2 };
    Machine machine;
    auto others_go_on = [&](const std::string& what) {
        std::chrono::nanoseconds slowest { 0 };
        for (int i = 0; i < 5; ++i)
            slowest = std::max(slowest, machine.honest_answers());
        checks.check(slowest < bearable, fmt::format("{}: another partition waits {} ms for an order", what, slowest / 1ms));
    };
    for (std::string_view deed : { "doorbell", "flood", "console flood", "event flood", "garbage in its dispatch cells",
             "questions whose answers are not read", "wishes whose answers are not read" }) {
        machine.does(deed);
        others_go_on(std::string(deed));
    }
    machine.does("weight");
    auto status = machine.status("HOSTILE");
    checks.check(status.definition.weight == 100 && !status.definition.capped, "a partition changed its weight");
    machine.does("");
    pid_t hostile = machine.status("HOSTILE").pid;
    checks.check(hostile > 0 && ::kill(hostile, SIGSTOP) == 0, "it is not there to be stopped");
    auto refused = std::async(std::launch::async, [&] { return machine.firmware->load("HOSTILE"); });
    others_go_on("a partition that does not answer");
    checks.check(message_of(refused.get()) == "partition HOSTILE does not answer the order 'load'", "an order that is not answered");
    auto waiting = std::async(std::launch::async, [&] { return machine.firmware->load("HOSTILE"); });
    std::this_thread::sleep_for(100ms);
    auto began = std::chrono::steady_clock::now();
    checks.check(machine.firmware->deactivate("HOSTILE").has_value(), "a partition that does not answer cannot be deactivated");
    checks.check(std::chrono::steady_clock::now() - began < bearable, "its deactivation waits for its answer");
    [[maybe_unused]] auto result = waiting.get();
    machine.does("burn");
    others_go_on("threads nobody dispatched");
    bool ended = machine.soon([&] { return machine.status("HOSTILE").state == PartitionState::failed; });
    checks.check(ended, "a partition uses the host's CPUs without being dispatched");
    auto events = machine.firmware->events().after(0, 0ms);
    checks.check(std::ranges::any_of(events, [](const auto& event) { return event.text.contains("no logical CPU was dispatched"); }),
        "no event says why it was ended");
}

void link_breaks_the_firmware(Checks& checks)
{
    Machine machine;
    for (auto deed : deeds_of_the_hostile()) {
        machine.does(deed);
        std::this_thread::sleep_for(20ms);
        checks.check(machine.honest_answers() < 3s, std::string(deed));
    }
    for (auto name : answers_of_the_hostile()) {
        machine.does(name);
        std::this_thread::sleep_for(20ms);
        auto asked = machine.firmware->shut_down("HOSTILE");
        checks.check(!asked && asked.error().message.size() < 1000, fmt::format("an answer {}", name));
        checks.check(
            std::ranges::all_of(asked.error().message, [](char c) { return c >= ' ' && c <= '~'; }), fmt::format("an error {}", name));
    }
}

void link_exhausts_the_firmware(Checks& checks)
{
    Machine machine;
    auto events_of = [&] {
        auto events = machine.firmware->events().after(0, 0ms);
        return static_cast<std::size_t>(std::ranges::count(events, "HOSTILE", &MachineEvent::partition));
    };
    auto last_event = [&] { return "the last event is: " + machine.firmware->events().after(0, 0ms).back().text; };
    u64 before = resident();
    machine.does("console flood");
    constexpr u64 more_than_is_kept = 3 * ConsoleBuffer::scroll_back;
    machine.soon([&] { return machine.console("HOSTILE").read(0, 0ms).next > more_than_is_kept; });
    auto kept = machine.console("HOSTILE").read(0, 0ms);
    checks.check(kept.next > more_than_is_kept, "console output is not taken at all");
    checks.check(kept.text.size() <= 2 * ConsoleBuffer::scroll_back + 16 * 1024, "all console output is kept");
    machine.does("event flood");
    std::this_thread::sleep_for(500ms);
    checks.check(events_of() < 150, "all changes of state are events");
    std::size_t so_far = events_of();
    machine.does("error flood");
    std::this_thread::sleep_for(500ms);
    checks.check(events_of() < so_far + 20, "all messages of a process are events");
    checks.check(machine.firmware->events().after(0, 0ms).size() <= EventLog::kept, "all events are kept");
    for (int i = 0; i < 200; ++i) [[maybe_unused]]
        auto typed = machine.firmware->type("HOSTILE", std::string(32 * 1024, 'x'));
    checks.check(resident() < before + 64 * mega, fmt::format("the firmware grew by {} MiB", (resident() - before) / mega));
    std::size_t descriptors = block_files().size();
    for (int i = 0; i < 5; ++i)
        machine.does("descriptors nobody asked for");
    machine.does(""); // among what they came with is a block that it gives back
    bool are_held = !machine.soon([&] { return block_files().size() == descriptors; }, 5s);
    checks.check(!are_held, fmt::format("{} blocks were held and {} are, {}", descriptors, block_files().size(), last_event()));
    auto open_files = [] { return std::distance(std::filesystem::directory_iterator("/proc/self/fd"), {}); };
    auto open_before = open_files();
    for (int i = 0; i < 5; ++i)
        machine.does("descriptors nobody asked for");
    checks.check(machine.soon([&] { return open_files() <= open_before; }, 5s), "descriptors that were sent stay open");
    machine.does("");
    const StoragePool& storage = machine.firmware->storage();
    checks.check(storage.free() == storage.total() - 2 * initial_blocks,
        fmt::format("{} of {} blocks are free, {}", storage.free(), storage.total(), last_event()));
    checks.check(!std::filesystem::exists("core"), "a dump was written");
    checks.check(machine.honest_answers() < 3s, "another partition suffers");
}

// ---- What operators see ------------------------------------------------------------------------------------------------

TEST(HostilePartition, ItsMessagesAreEventsThatAnybodyMayLookAt)
{
    Machine machine;
    machine.does("error line");
    auto said = [&] {
        auto events = machine.firmware->events().after(0, 0ms);
        return std::ranges::any_of(events, [](const auto& event) { return event.text == "its process says: ?[2Jstop the machine"; });
    };
    EXPECT_TRUE(machine.soon(said));
}

TEST(HostilePartition, ABrokenLinkIsSaid)
{
    Machine machine;
    machine.does("no message");
    EXPECT_TRUE(machine.soon([&] { return !machine.firmware->load("HOSTILE"); }));
    EXPECT_EQ(machine.firmware->load("HOSTILE").error().message, "partition HOSTILE cannot be reached: its link is broken; deactivate it");
    EXPECT_TRUE(machine.firmware->deactivate("HOSTILE"));
}

/// Activates it with a firmware in a process of its own, which is killed once the partition has been told how to answer.
void leave_behind(const MachineDefinition& definition, const FirmwareOptions& options, std::string_view answer)
{
    pid_t other = fork();
    if (other == 0) {
        auto firmware = Firmware::create(definition, options);
        bool done = firmware && (*firmware)->activate("HOSTILE") && (*firmware)->type("HOSTILE", answer);
        std::this_thread::sleep_for(200ms);
        ::kill(getpid(), done ? SIGKILL : SIGABRT);
    }
    int how = 0;
    waitpid(other, &how, 0);
    EXPECT_EQ(WTERMSIG(how), SIGKILL);
}

TEST(HostilePartition, WhoAnswersWronglyIsNotTakenUpByAnotherFirmware)
{
    FirmwareOptions options { .folder = testing::TempDir() + "/zvisor-isolation-adopt-" + std::to_string(getpid()),
        .program = std::filesystem::read_symlink("/proc/self/exe") };
    MachineDefinition definition { .name = "TEST", .physical_cpus = 1, .storage = 8 * mega, .block_size = mega };
    definition.partitions.push_back({ .name = "HOSTILE",
        .number = 1,
        .memory = initial_blocks * mega,
        .maximum_memory = most_blocks * mega,
        .block_size = mega,
        .autostart = false });
    leave_behind(definition, options, "with a state of another type");
    {
        auto firmware = Firmware::create(definition, options).value();
        firmware->start_all();
        EXPECT_EQ(firmware->partition("HOSTILE")->state, PartitionState::not_activated);
        auto events = firmware->events().after(0, 0ms);
        EXPECT_TRUE(std::ranges::any_of(events, [](const auto& event) { return event.text.starts_with("did not survive the firmware"); }));
        EXPECT_TRUE(firmware->activate("HOSTILE"));
    }
    std::filesystem::remove_all(options.folder);
}

TEST(HostilePartition, MoreStorageThanTheHostHasIsRefused)
{
    std::string folder = testing::TempDir() + "/zvisor-isolation-large-" + std::to_string(getpid());
    constexpr u64 giga = 1 << 30;
    u64 memory = (StoragePool::memory_of_host() / giga + 1) * giga;
    MachineDefinition definition { .name = "TEST", .physical_cpus = 1, .storage = memory, .block_size = 256 * mega };
    definition.partitions.push_back(
        { .name = "HONEST", .number = 1, .memory = memory, .maximum_memory = memory, .block_size = 256 * mega });
    {
        auto firmware
            = Firmware::create(definition, { .folder = folder, .program = std::filesystem::read_symlink("/proc/self/exe") }).value();
        auto refused = firmware->activate("HONEST");
        ASSERT_FALSE(refused);
        EXPECT_TRUE(refused.error().message.contains("the host has ")) << refused.error().message;
        EXPECT_EQ(firmware->storage().free(), firmware->storage().total());
    }
    std::filesystem::remove_all(folder);
}

} // namespace zvisor::isolation
