// A process in the place of a partition's: it answers orders as one does, and at its console is told what to try.

#include "machine/isolation_hostile.h"

#include "partition/dispatch_region.h"
#include "prsm/link.h"
#include "prsm/process.h"
#include "prsm/storage_pool.h"
#include "prsm/test_program.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <fcntl.h>
#include <fmt/format.h>
#include <functional>
#include <sys/mman.h>
#include <sys/socket.h>
#include <thread>

namespace zvisor::isolation {
namespace {

using namespace std::chrono_literals;
using nlohmann::json;

constexpr u64 mega = 1 << 20;

[[nodiscard]] bool is_zero(int fd, u64 size)
{
    auto* bytes = static_cast<char*>(mmap(nullptr, size, PROT_READ, MAP_SHARED, fd, 0));
    bool zero = bytes != MAP_FAILED && std::all_of(bytes, bytes + size, [](char byte) { return byte == 0; });
    if (bytes != MAP_FAILED)
        munmap(bytes, size);
    return zero;
}

// ---- The hostile process ---------------------------------------------------------------------------------------------

class Hostile {
public:
    void run()
    {
        while (auto link = accept_link(PartitionProcess::listener_fd)) {
            m_link = std::move(*link);
            for (auto message = m_link->receive(); message && *message; message = m_link->receive())
                take(**message);
        }
    }

    void raw(const std::string& bytes) const
    {
        [[maybe_unused]] auto sent = ::send(m_link->fd(), bytes.data(), bytes.size(), MSG_NOSIGNAL);
    }
    void say(const json& body, std::span<const int> files = {}) const { [[maybe_unused]] auto sent = m_link->send(body, files); }
    /// Does not wait for the other end.
    void flood(const json& body, int count) const
    {
        for (int i = 0; i < count; ++i)
            if (!m_link->send(body, {}, 2'000))
                return;
    }
    void print(std::string_view text) const { say({ { "event", "console" }, { "text", json::binary({ text.begin(), text.end() }) } }); }
    [[nodiscard]] Link& link() const { return *m_link; }
    [[nodiscard]] DispatchRegion& region() const { return *m_region; }
    [[nodiscard]] HeldBlocks& blocks() { return m_blocks; }
    /// How later orders are answered; null: well.
    void answer_with(std::function<json(u64 id)> answer) { m_answer = std::move(answer); }
    /// The next message that is an answer to an event.
    [[nodiscard]] std::optional<LinkMessage> next() const
    {
        auto message = m_link->receive();
        return message && *message ? std::move(*message) : std::optional<LinkMessage> {};
    }

private:
    void take(LinkMessage& message)
    {
        auto order = message.get<std::string>("order").value_or("");
        u64 id = message.get<u64>("id").value_or(0);
        if (order == "blocks")
            for (auto& file : message.files)
                m_blocks[m_blocks.size()] = std::move(file);
        if (order == "create" && message.files.size() >= 2)
            m_region = DispatchRegion::attach(std::move(message.files[0]), std::move(message.files[1])).value_or(nullptr);
        if (m_answer && order != "type")
            return say(m_answer(id));
        json reply { { "reply", id }, { "state", "operating" }, { "taken", 4096 } };
        say(reply);
        if (order == "type")
            type(message);
    }
    void type(LinkMessage& message);

    std::unique_ptr<Link> m_link;
    std::shared_ptr<DispatchRegion> m_region;
    HeldBlocks m_blocks;
    std::function<json(u64)> m_answer;
};

/// Asks for a block; what comes is said, and kept.
void obtain(Hostile& hostile, const json& number)
{
    hostile.say({ { "event", "obtain" }, { "block", number } });
    auto answer = hostile.next();
    if (!answer || answer->files.empty())
        return hostile.print("refused\n");
    hostile.print(is_zero(answer->files[0].get(), mega) ? "a block of zeros\n" : "a block with something in it\n");
    hostile.blocks()[answer->get<u64>("first").value_or(99)] = std::move(answer->files[0]);
}

/// Gives a block back and goes on using it.
void give_and_keep(Hostile& hostile)
{
    obtain(hostile, 7);
    const auto& block = hostile.blocks()[7];
    void* bytes = mmap(nullptr, mega, PROT_READ | PROT_WRITE, MAP_SHARED, block.get(), 0);
    hostile.say({ { "event", "give-back" }, { "block", 7 } });
    std::this_thread::sleep_for(500ms);
    bool writes = pwrite(block.get(), "x", 1, 0) == 1 || fallocate(block.get(), 0, 0, mega) == 0 || ftruncate(block.get(), mega) == 0;
    hostile.print(writes ? "the block is still there\n" : "the block is gone\n");
    std::memset(bytes, 'x', 1);
    hostile.print("the mapping is still there\n");
}

void send_descriptors(Hostile& hostile, std::size_t count)
{
    std::vector<int> files(count, 0);
    for (std::string_view event : { "state", "console", "obtain", "held", "give-back", "nothing" })
        hostile.say({ { "event", event }, { "state", "operating" }, { "first", 0 }, { "block", 1 } }, files);
}

/// More than the other end has room for.
void send_too_many_descriptors(Hostile& hostile)
{
    constexpr std::size_t most = 253;
    std::vector<int> files(most, 0);
    std::string bytes = "\xa1\x65"
                        "event\x65"
                        "state";
    iovec data { bytes.data(), bytes.size() };
    alignas(cmsghdr) std::array<std::byte, CMSG_SPACE(most * sizeof(int))> room {};
    msghdr header { .msg_name = nullptr,
        .msg_namelen = 0,
        .msg_iov = &data,
        .msg_iovlen = 1,
        .msg_control = room.data(),
        .msg_controllen = room.size(),
        .msg_flags = 0 };
    cmsghdr* part = CMSG_FIRSTHDR(&header);
    part->cmsg_level = SOL_SOCKET;
    part->cmsg_type = SCM_RIGHTS;
    part->cmsg_len = CMSG_LEN(most * sizeof(int));
    std::memcpy(CMSG_DATA(part), files.data(), most * sizeof(int));
    [[maybe_unused]] auto sent = sendmsg(hostile.link().fd(), &header, MSG_NOSIGNAL);
}

void scribble(Hostile& hostile)
{
    auto& region = hostile.region();
    auto* words = reinterpret_cast<std::atomic<u32>*>(&region.header());
    std::size_t count = (sizeof(DispatchHeader) + region.cells().size() * sizeof(DispatchCell)) / sizeof(u32);
    u32 random = 1;
    for (int i = 0; i < 200'000; ++i) {
        random = random * 1664525 + 1013904223;
        words[(random >> 8) % count] = random;
        if (i % 16 == 0)
            region.ring(0);
    }
}

/// Threads that no logical CPU was dispatched for.
void burn(Hostile& hostile)
{
    std::vector<std::jthread> threads;
    for (int i = 0; i < 3; ++i)
        threads.emplace_back([] {
            for (std::atomic<u64> count = 0;; ++count)
                ;
        });
    for (;;)
        if (!hostile.next())
            return;
}

void write_errors(std::size_t lines)
{
    std::string line = "\x1b[2Jstop the machine\n";
    for (std::size_t i = 0; i < lines; ++i)
        if (write(STDERR_FILENO, line.data(), line.size()) < 0)
            return;
}

void claim_weight(Hostile& hostile)
{
    auto& header = hostile.region().header();
    header.weight = 999;
    header.cap = 0;
    header.capped = 0;
    for (auto& cell : hostile.region().cells())
        cell.share = 100'000;
    hostile.region().ring(0);
}

[[nodiscard]] std::string repeated(std::string_view bytes, int count)
{
    std::string result;
    for (int i = 0; i < count; ++i)
        result += bytes;
    return result;
}

using namespace std::string_literals;

struct Deed {
    std::string_view name;
    std::function<void(Hostile&)> act;
};

/// What is tried against the firmware itself; after each of them it and the other partition must do as before.
[[nodiscard]] const std::vector<Deed>& deeds_against_the_firmware()
{
    auto raw = [](std::string bytes) { return [bytes = std::move(bytes)](Hostile& hostile) { hostile.raw(bytes); }; };
    auto say = [](json body) { return [body = std::move(body)](Hostile& hostile) { hostile.say(body); }; };
    auto flood = [](json body, int count) { return [body = std::move(body), count](Hostile& hostile) { hostile.flood(body, count); }; };
    static const std::vector<Deed> deeds {
        { "no message", raw("\xff\xff") },
        { "an empty message", raw("") },
        { "a number", raw("\x01") },
        { "text", raw("{\"event\":\"state\"}") },
        { "a cut object",
            raw("\xa2\x65"
                "event") },
        { "arrays without end", raw(repeated("\x81", 120'000)) },
        { "arrays of unknown length without end", raw(repeated("\x9f", 120'000)) },
        { "objects without end",
            raw(repeated("\xa1\x61"
                         "a",
                40'000)) },
        { "an array of 2^64-1 elements",
            raw("\xa1\x61"
                "a\x9b\xff\xff\xff\xff\xff\xff\xff\xfe") },
        { "an array of 2^62 elements",
            raw("\xa1\x61"
                "a\x9b\x40\0\0\0\0\0\0\0"s) },
        { "an object of 2^63 members", raw("\xbb\x80\0\0\0\0\0\0\0"s) },
        { "text of 2^63 characters", raw("\xa1\x7b\x80\0\0\0\0\0\0\0"s) },
        { "bytes of 2^63",
            raw("\xa1\x61"
                "a\x5b\x80\0\0\0\0\0\0\0"s) },
        { "a tag",
            raw("\xa1\x61"
                "a\xc0\x61"
                "b") },
        { "a message that is too long", raw(std::string(Link::longest_message + 1, '\xa0')) },
        { "the longest message", raw(std::string(Link::longest_message, '\xa0')) },
        { "descriptors nobody asked for", [](Hostile& hostile) { send_descriptors(hostile, Link::most_files); } },
        { "more descriptors than a message carries", send_too_many_descriptors },
        { "a state of another type", say({ { "event", "state" }, { "state", 5 }, { "why", json::array() } }) },
        { "a state that is none", say({ { "event", "state" }, { "state", "not-activated" } }) },
        { "a reason that is no text", say({ { "event", "state" }, { "state", "stopped" }, { "why", "\xff\xfe\x1b[2J\n" } }) },
        { "a long reason", say({ { "event", "state" }, { "state", "stopped" }, { "why", std::string(100'000, 'x') } }) },
        { "a console text of another type", say({ { "event", "console" }, { "text", "text" } }) },
        { "a block of another type", say({ { "event", "obtain" }, { "block", "7" } }) },
        { "a negative block", say({ { "event", "obtain" }, { "block", -1 } }) },
        { "a block it has not", say({ { "event", "give-back" }, { "block", 1'000'000 } }) },
        { "blocks out of time", say({ { "event", "held" }, { "first", 0 } }) },
        { "a CPU there is not", say({ { "event", "configure-cpu" }, { "cpu", 65535 }, { "configured", true } }) },
        { "a CPU of another type", say({ { "event", "configure-cpu" }, { "cpu", -1 }, { "configured", 1 } }) },
        { "a polarization of another type", say({ { "event", "polarization" }, { "vertical", "yes" } }) },
        { "an event there is not", say({ { "event", std::string(1000, 'x') } }) },
        { "an event of another type", say({ { "event", { { "event", "state" } } } }) },
        { "an answer to nothing", flood({ { "reply", 12345 } }, 1000) },
        { "an answer of another type", flood({ { "reply", "x" }, { "error", 5 } }, 1000) },
        { "garbage in its dispatch cells", scribble },
        { "states without end", flood({ { "event", "state" }, { "state", "stopped" }, { "why", "x" } }, 5'000) },
        { "questions whose answers are not read", flood({ { "event", "polarization" }, { "vertical", 1 }, { "question", 1 } }, 5'000) },
        { "wishes whose answers are not read", flood({ { "event", "obtain" }, { "block", 99 } }, 5'000) },
        { "the link closed", [](Hostile& hostile) { hostile.link().shut_down(); } },
        { "its end", [](Hostile&) { _exit(9); } },
    };
    return deeds;
}

/// Answers to orders: the partition is asked to shut down after each.
[[nodiscard]] const std::vector<std::pair<std::string_view, std::function<json(u64)>>>& answers()
{
    static const std::vector<std::pair<std::string_view, std::function<json(u64)>>> all {
        { "without members", [](u64 id) { return json { { "reply", id } }; } },
        { "with a member of another type", [](u64 id) { return json { { "reply", id }, { "asked", "yes" } }; } },
        { "with a state of another type", [](u64 id) { return json { { "reply", id }, { "state", 5 } }; } },
        { "with an object for a member", [](u64 id) { return json { { "reply", id }, { "asked", json::object() } }; } },
        { "with an error of another type", [](u64 id) { return json { { "reply", id }, { "error", json::array({ 1 }) } }; } },
        { "with an error that is no text", [](u64 id) { return json { { "reply", id }, { "error", "\xff\x1b[2J" } }; } },
        { "with a long error", [](u64 id) { return json { { "reply", id }, { "error", std::string(100'000, 'x') } }; } },
        { "twice", [](u64 id) { return json { { "reply", id }, { "again", id } }; } },
    };
    return all;
}

[[nodiscard]] const std::vector<Deed>& other_deeds()
{
    static const std::vector<Deed> deeds {
        { "obtain 0", [](Hostile& hostile) { obtain(hostile, 0); } },
        { "obtain 5", [](Hostile& hostile) { obtain(hostile, 5); } },
        { "obtain 8", [](Hostile& hostile) { obtain(hostile, most_blocks); } },
        { "obtain last", [](Hostile& hostile) { obtain(hostile, ~u64 { 0 }); } },
        { "obtain text", [](Hostile& hostile) { obtain(hostile, "5"); } },
        { "give others",
            [](Hostile& hostile) {
                hostile.say({ { "event", "give-back" }, { "block", most_blocks } });
                hostile.print("done\n");
            } },
        { "give and keep", give_and_keep },
        { "fill",
            [](Hostile& hostile) {
                for (auto& [number, block] : hostile.blocks()) [[maybe_unused]]
                    auto written = pwrite(block.get(), "secret", 6, 4096);
                hostile.print("filled\n");
            } },
        { "look",
            [](Hostile& hostile) {
                for (auto& [number, block] : hostile.blocks())
                    hostile.print(is_zero(block.get(), mega) ? "zeros\n" : "something\n");
                auto cells = hostile.region().cells();
                bool fresh = std::ranges::all_of(cells, [](auto& cell) {
                    return DispatchState::from(cell.state.load()).use == CpuUse::stopped && cell.parked == 0 && cell.hint == 0;
                });
                hostile.print(fresh ? "fresh cells\n" : "used cells\n");
            } },
        { "activity",
            [](Hostile& hostile) {
                hostile.say({ { "event", "activity" }, { "question", 1 } });
                auto answer = hostile.next();
                hostile.print(answer ? answer->body.dump() + "\n" : "nothing\n");
            } },
        { "activity for another",
            [](Hostile& hostile) {
                hostile.say({ { "event", "activity" }, { "question", 1 }, { "partition", "HONEST" }, { "global", true } });
                auto answer = hostile.next();
                hostile.print(answer ? answer->body.dump() + "\n" : "nothing\n");
            } },
        { "burn", burn },
        { "weight", claim_weight },
        { "doorbell",
            [](Hostile& hostile) {
                for (u64 one = 1, i = 0; i < 2'000'000; ++i) [[maybe_unused]]
                    auto written = write(hostile.region().doorbell_fd(), &one, sizeof one);
            } },
        { "flood",
            [](Hostile& hostile) { hostile.flood({ { "event", "polarization" }, { "vertical", 1 }, { "question", 1 } }, 1'000'000); } },
        { "console flood",
            [](Hostile& hostile) {
                std::string text(16 * 1024, 'x');
                hostile.flood({ { "event", "console" }, { "text", json::binary({ text.begin(), text.end() }) } }, 4'000);
            } },
        { "error flood", [](Hostile&) { write_errors(100'000); } },
        { "event flood",
            [](Hostile& hostile) {
                for (int i = 0; i < 10'000; ++i)
                    hostile.say({ { "event", "state" }, { "state", i % 2 ? "stopped" : "operating" } });
            } },
        { "error line", [](Hostile&) { write_errors(1); } },
    };
    return deeds;
}

void Hostile::type(LinkMessage& message)
{
    auto bytes = message.get<json::binary_t>("text").value_or(json::binary_t {});
    std::string text(bytes.begin(), bytes.end());
    for (const auto* deeds : { &deeds_against_the_firmware(), &other_deeds() })
        for (const auto& deed : *deeds)
            if (text == deed.name)
                return deed.act(*this);
    for (const auto& [name, answer] : answers())
        if (text == name)
            m_answer = answer;
}

const TestProgram hostile("HOSTILE", [] { Hostile().run(); });
/// The same, which is asked for nothing.
const TestProgram honest("HONEST", [] { Hostile().run(); });

} // namespace

std::vector<std::string_view> deeds_of_the_hostile()
{
    std::vector<std::string_view> names;
    for (const auto& deed : deeds_against_the_firmware())
        names.push_back(deed.name);
    return names;
}

std::vector<std::string_view> answers_of_the_hostile()
{
    std::vector<std::string_view> names;
    for (const auto& [name, answer] : answers())
        names.push_back(name);
    return names;
}

} // namespace zvisor::isolation
