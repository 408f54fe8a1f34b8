#include "oracle_process.h"

#include <cerrno>
#include <csignal>
#include <cstring>
#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>
#include <spawn.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>
#include <utility>

namespace zvisor::differential {

namespace {

constexpr std::size_t mapped_size = (sizeof(Memory) + 4095) / 4096 * 4096;
constexpr u32 nothing = ~u32 { 0 };
/// How long the emulator may be without progress, in units of patience_ms.
constexpr int patience_ms = 500;
constexpr int longest_start = 60;
constexpr int longest_case = 3;

} // namespace

Result<OracleProcess> OracleProcess::create(std::string emulator, std::string program)
{
    int descriptor = memfd_create("oracle", MFD_CLOEXEC);
    if (descriptor < 0 || ftruncate(descriptor, mapped_size) != 0)
        return fail(fmt::format("cannot make memory for the oracle: {}", std::strerror(errno)));
    void* memory = mmap(nullptr, mapped_size, PROT_READ | PROT_WRITE, MAP_SHARED, descriptor, 0);
    if (memory == MAP_FAILED)
        return fail(fmt::format("cannot map memory for the oracle: {}", std::strerror(errno)));
    return OracleProcess(std::move(emulator), std::move(program), descriptor, static_cast<Memory*>(memory));
}

OracleProcess::OracleProcess(std::string emulator, std::string program, int descriptor, Memory* memory)
    : m_emulator(std::move(emulator))
    , m_program(std::move(program))
    , m_descriptor(descriptor)
    , m_memory(memory)
{
}

OracleProcess::OracleProcess(OracleProcess&& other) noexcept
    : m_emulator(std::move(other.m_emulator))
    , m_program(std::move(other.m_program))
    , m_descriptor(std::exchange(other.m_descriptor, -1))
    , m_memory(std::exchange(other.m_memory, nullptr))
    , m_process(std::exchange(other.m_process, -1))
    , m_to(std::exchange(other.m_to, -1))
    , m_from(std::exchange(other.m_from, -1))
{
}

OracleProcess::~OracleProcess()
{
    stop();
    if (m_memory)
        munmap(m_memory, mapped_size);
    if (m_descriptor >= 0)
        close(m_descriptor);
}

Result<void> OracleProcess::start()
{
    int to[2];
    int from[2];
    if (pipe2(to, O_CLOEXEC) != 0 || pipe2(from, O_CLOEXEC) != 0)
        return fail(fmt::format("cannot make pipes for the oracle: {}", std::strerror(errno)));
    posix_spawn_file_actions_t actions;
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_adddup2(&actions, to[0], 0);
    posix_spawn_file_actions_adddup2(&actions, from[1], 1);
    posix_spawn_file_actions_addopen(&actions, 2, "/dev/null", O_WRONLY, 0);
    posix_spawn_file_actions_adddup2(&actions, m_descriptor, memory_descriptor);
    std::string cpu_option = "-cpu";
    std::string cpu = "max";
    char* arguments[] = { m_emulator.data(), cpu_option.data(), cpu.data(), m_program.data(), nullptr };
    int error = posix_spawnp(&m_process, m_emulator.c_str(), &actions, nullptr, arguments, environ);
    posix_spawn_file_actions_destroy(&actions);
    close(to[0]);
    close(from[1]);
    m_to = to[1];
    m_from = from[0];
    if (error == 0)
        return {};
    m_process = -1;
    return fail(fmt::format("cannot start {}: {}", m_emulator, std::strerror(error)));
}

void OracleProcess::stop()
{
    if (m_process > 0) {
        kill(m_process, SIGKILL);
        waitpid(m_process, nullptr, 0);
        close(m_to);
        close(m_from);
    }
    m_process = -1;
}

bool OracleProcess::run_to_end()
{
    char byte = 0;
    if (write(m_to, &byte, 1) != 1)
        return false;
    pollfd wanted { m_from, POLLIN, 0 };
    u32 current = m_memory->current;
    for (int waits = 1; poll(&wanted, 1, patience_ms) == 0; ++waits) {
        if (m_memory->current != std::exchange(current, m_memory->current))
            waits = 1;
        if (waits == (current == nothing ? longest_start : longest_case))
            return false;
    }
    return read(m_from, &byte, 1) == 1;
}

Result<void> OracleProcess::run(u32 first, u32 count)
{
    m_memory->first = first;
    m_memory->count = first + count;
    while (m_memory->first < first + count) {
        if (m_process < 0)
            TRY_VOID(start());
        m_memory->current = nothing;
        if (run_to_end())
            return {};
        stop();
        u32 current = m_memory->current;
        if (current == nothing)
            return fail(fmt::format("{} {} ended before its first case", m_emulator, m_program));
        m_memory->outcomes[current].signal = ended;
        m_memory->first = current + 1;
    }
    return {};
}

} // namespace zvisor::differential
