#pragma once

#include "prsm/acted_agent.h"
#include "prsm/link.h"
#include "prsm/partition_dump.h"
#include "prsm/process.h"
#include "prsm/storage_pool.h"

#include <atomic>
#include <condition_variable>
#include <fcntl.h>
#include <fmt/format.h>
#include <mutex>
#include <optional>
#include <set>
#include <sstream>
#include <thread>

namespace zvisor {

/// What stands in for a partition's program: it answers orders, and does what is typed at its console: `obtain N`, `give N`, `die`,
/// `garbage`, `halt`, `keep N` (its agent leaves block or CPU N as it is), `shun N` (it takes block N not online), `hide` (it tells no
/// registers), `silence` (its agent says nothing until a signal came, which it does not take). Where it has a port for one, an agent takes
/// blocks of storage and CPUs online and offline.
class ActedPartition {
public:
    void run()
    {
        while (auto link = accept_link(PartitionProcess::listener_fd)) {
            m_link = std::move(*link);
            while (auto message = m_link->receive()) {
                if (!*message)
                    break;
                answer(**message);
            }
        }
    }

private:
    void send(const nlohmann::json& body, std::span<const int> files = {}) { [[maybe_unused]] auto sent = m_link->send(body, files); }
    /// Under the lock. Of a disabled wait it tells the registers of one CPU, and what is none.
    void become(const std::string& state)
    {
        m_state = state;
        auto cpus = nlohmann::json::array();
        if (state == "disabled-wait")
            cpus = { nlohmann::json::binary(std::vector<u8>(sizeof(CpuStatus))), nlohmann::json::binary({ 1 }), 7 };
        send({ { "event", "state" }, { "state", m_state }, { "why", "" }, { "cpus", cpus } });
    }
    [[nodiscard]] std::string state()
    {
        std::lock_guard lock(m_mutex);
        return m_state;
    }

    void answer(LinkMessage& message)
    {
        auto order = message.get<std::string>("order").value_or("");
        nlohmann::json reply { { "reply", message.get<u64>("id").value_or(0) } };
        if (order == "create" && message.get<bool>("agent").value_or(false))
            m_agent = std::thread([this, port = std::move(message.files.back())] { serve_agent(port.get()); });
        if (order == "answer")
            return note_answer(message);
        if (order == "blocks" || order == "refuse")
            return say(fmt::format("{} blocks\n", take_blocks(message, order == "refuse")));
        if (order == "adopt") {
            [[maybe_unused]] auto sent = send_blocks(*m_link, m_blocks, { { "event", "held" } });
            reply.update({ { "state", state() }, { "why", "" } });
        }
        std::string next = order == "load" || order == "start" ? "operating" : order == "stop" ? "stopped" : "";
        if (order == "stop" && state() != "operating") {
            reply["error"] = "nothing operates";
            next.clear();
        }
        if (order == "quiesce" && m_agent.joinable() && message.get<bool>("agent_first").value_or(false)) {
            reply["agent"] = true;
        } else if (order == "quiesce") {
            reply["asked"] = !m_silent.exchange(false);
            say("a signal\n");
        }
        if (order == "registers" && m_mute)
            reply["error"] = "no CPU is stopped";
        if (order == "type")
            reply["taken"] = type(message);
        send(reply);
        std::lock_guard lock(m_mutex);
        if (!next.empty())
            become(next);
    }

    std::size_t take_blocks(LinkMessage& message, bool refused)
    {
        std::lock_guard lock(m_mutex);
        for (auto& file : message.files)
            m_blocks[m_next_block++] = std::move(file);
        m_refused |= refused;
        m_changed.notify_all();
        return m_blocks.size();
    }
    void note_answer(LinkMessage& message)
    {
        std::lock_guard lock(m_mutex);
        m_granted = message.get<bool>("granted");
        m_changed.notify_all();
    }

    // The agent, on a thread of its own: blocks as large as the machine's, and CPUs that are configured as they come online.
    void serve_agent(int port)
    {
        // Waiting for what arrives is this end's way.
        fcntl(port, F_SETFL, 0);
        ActedAgent(
            port, [this](const std::string& command, const nlohmann::json& arguments) { return agent_answer(command, arguments); },
            [this] { return m_silent.load(); })
            .run();
    }
    std::string agent_answer(const std::string& command, const nlohmann::json& arguments)
    {
        std::unique_lock lock(m_mutex);
        if (command == "guest-get-memory-block-info")
            return ActedAgent::returns({ { "size", u64 { 1 } << 20 } });
        if (command == "guest-get-memory-blocks" || command == "guest-get-vcpus")
            return ActedAgent::returns(listed(command == "guest-get-vcpus"));
        if (command == "guest-set-memory-blocks")
            return set_block(lock, arguments["mem-blks"][0]);
        if (command == "guest-set-vcpus")
            return m_kept.contains(arguments["vcpus"][0]["logical-id"]) ? ActedAgent::refuses("in use") : ActedAgent::returns(1);
        if (command == "guest-exec")
            return configure_cpu(lock, arguments["arg"]);
        if (command == "guest-shutdown")
            return shut_down();
        return ActedAgent::returns({ { "exited", true }, { "exitcode", 0 } });
    }
    nlohmann::json listed(bool cpus) const
    {
        auto list = nlohmann::json::array();
        for (u64 i = 0; cpus && i < 4; ++i)
            list.push_back({ { "logical-id", i }, { "online", m_cpus.contains(i) }, { "can-offline", i != 0 } });
        for (u64 i = 0; !cpus && i < 8; ++i)
            list.push_back({ { "phys-index", i }, { "online", m_blocks.contains(i) } });
        return list;
    }
    std::string set_block(std::unique_lock<std::mutex>& lock, const nlohmann::json& wanted)
    {
        u64 block = wanted["phys-index"];
        bool kept = m_kept.contains(block) || (wanted["online"] && m_shunned.contains(block));
        m_refused = false;
        if (!kept && wanted["online"]) {
            m_next_block = block;
            send({ { "event", "obtain" }, { "block", block } });
            m_changed.wait(lock, [&] { return m_refused || m_blocks.contains(block); });
        } else if (!kept) {
            m_blocks.erase(block);
            send({ { "event", "give-back" }, { "block", block } });
        }
        bool done = m_blocks.contains(block) == wanted["online"];
        return ActedAgent::returns(
            { { { "phys-index", block }, { "response", done ? "success" : "operation-failed" }, { "error-code", 16 } } });
    }
    std::string configure_cpu(std::unique_lock<std::mutex>& lock, const nlohmann::json& words)
    {
        u64 cpu = std::stoul(words[1].get<std::string>());
        bool configured = words[0] == "-c";
        m_granted.reset();
        send({ { "event", "configure-cpu" }, { "cpu", cpu }, { "configured", configured }, { "question", 1 } });
        m_changed.wait(lock, [&] { return m_granted.has_value(); });
        configured ? void(m_cpus.insert(cpu)) : void(m_cpus.erase(cpu));
        return ActedAgent::returns({ { "pid", 1 } });
    }

    std::string shut_down()
    {
        if (!m_kept.empty())
            return ActedAgent::refuses("in use");
        become("not-operating");
        return "";
    }

    void say(std::string_view text) { send({ { "event", "console" }, { "text", nlohmann::json::binary({ text.begin(), text.end() }) } }); }

    [[nodiscard]] std::size_t type(LinkMessage& message)
    {
        std::lock_guard lock(m_mutex);
        auto bytes = message.get<nlohmann::json::binary_t>("text").value_or(nlohmann::json::binary_t {});
        std::istringstream words(std::string(bytes.begin(), bytes.end()));
        std::string word;
        u64 block = 0;
        words >> word >> block;
        if (word == "die")
            _exit(3);
        if (word == "garbage") [[maybe_unused]]
            auto sent = ::send(m_link->fd(), "\xff\xff", 2, 0);
        if (word == "halt")
            become("disabled-wait");
        if (word == "obtain")
            m_next_block = block, send({ { "event", "obtain" }, { "block", block } });
        if (word == "give")
            m_blocks.erase(block), send({ { "event", "give-back" }, { "block", block } });
        if (word == "hide")
            m_mute = true;
        if (word == "silence")
            m_silent = true;
        if (word == "keep")
            m_kept.insert(block);
        if (word == "shun")
            m_shunned.insert(block);
        if (word == "say" || word == "keep" || word == "shun" || word == "hide" || word == "silence")
            say("said\n");
        return bytes.size();
    }

    std::unique_ptr<Link> m_link;
    std::string m_state { "not-operating" };
    std::thread m_agent;
    std::mutex m_mutex;
    std::condition_variable m_changed;
    HeldBlocks m_blocks;
    u64 m_next_block { 0 };
    bool m_refused { false };
    bool m_mute { false };
    std::atomic<bool> m_silent { false };
    std::optional<bool> m_granted;
    std::set<u64> m_kept;
    std::set<u64> m_shunned;
    std::set<u64> m_cpus { 0, 1 };
};

} // namespace zvisor
