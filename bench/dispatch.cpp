// How well PR/SM shares the host's CPUs: partitions are processes with real dispatch cells, and their CPUs spin, or sleep and wake up.
// Counters: error_% is the greatest difference of a share from its ideal, in per cent of all physical CPUs; wake_*_us are times from
// the due time of the clock comparator to the instruction behind the wait, of which ask_* is until the host let the CPU's thread ask for a
// physical CPU, grant_* from there until it was granted, and resume_* until the host let the thread go on; host_* is how late the host
// wakes up a real-time program that sleeps likewise, which nobody can do better than; firmware_% is the dispatcher's own CPU time.

#include "base/host_priority.h"
#include "cpu/cpu.h"
#include "cpu/engine.h"
#include "cpu/null_services.h"
#include "partition/dispatch_adapter.h"
#include "prsm/dispatcher.h"

#include <benchmark/benchmark.h>
#include <csignal>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>

namespace zvisor {
namespace {

using namespace std::chrono_literals;

constexpr u64 mode_64 = Psw::extended_addressing_bit | Psw::basic_addressing_bit;
constexpr auto warm_up = 500ms;
constexpr auto measured_time = 10s;

using Clock = std::chrono::steady_clock;

/// Nanoseconds that parts of a wake-up took.
struct WakeUp {
    i64 all { 0 };
    i64 ask { 0 };
    i64 grant { 0 };
    i64 resume { 0 };
};

/// What the CPU of a partition measured, in memory it shares with the benchmark.
struct Latencies {
    static constexpr std::size_t most = 1 << 16;
    std::atomic<std::size_t> count;
    std::array<WakeUp, most> wake_ups;

    void add(const WakeUp& wake_up)
    {
        if (count == most)
            return;
        wake_ups[count] = wake_up;
        ++count;
    }
};

[[nodiscard]] Latencies* shared_latencies()
{
    return static_cast<Latencies*>(mmap(nullptr, sizeof(Latencies), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0));
}

/// When a CPU last asked for a physical CPU, was granted one, and went on.
struct WayToCpu {
    Clock::time_point asked;
    Clock::time_point granted;
    Clock::time_point went_on;
};

/// The dispatching of a partition with one CPU, and how long it takes.
class TimedDispatching final : public Dispatching {
public:
    TimedDispatching(std::unique_ptr<Dispatching> real, WayToCpu& way)
        : m_real(std::move(real))
        , m_way(way)
    {
    }

    Held acquire(Cpu& cpu) override
    {
        auto asked = Clock::now();
        auto held = m_real->acquire(cpu);
        m_way = { asked, std::max(asked, held.value_or(asked)), Clock::now() };
        return held;
    }
    Clock::time_point held_until(Cpu& cpu) override { return m_real->held_until(cpu); }
    bool release(Cpu& cpu, Idle idle) override { return m_real->release(cpu, idle); }
    Held give_back(Cpu& cpu) override { return m_real->give_back(cpu); }
    void yield(Cpu& cpu) override { m_real->yield(cpu); }
    void yield_to(Cpu& cpu, u16 address) override { m_real->yield_to(cpu, address); }
    void interrupt(Cpu& cpu) override { m_real->interrupt(cpu); }

private:
    std::unique_ptr<Dispatching> m_real;
    WayToCpu& m_way;
};

class SpinningEngine : public Engine {
public:
    void run(Cpu& cpu) override
    {
        while (!cpu.pending() || cpu.handle_pending()) { }
    }
    void execute_target(Cpu&, u64, u64) override { }
    void code_stored(u64, u64) override { }
    void forget_all() override { }
};

/// Waits for the clock comparator, runs for a moment, and so on.
class SleepingEngine final : public SpinningEngine {
public:
    SleepingEngine(Latencies& latencies, const WayToCpu& way)
        : m_latencies(latencies)
        , m_way(way)
    {
    }

    void run(Cpu& cpu) override
    {
        constexpr u64 sleep = 5'000 * TodClock::units_per_microsecond;
        constexpr u64 work = 100 * TodClock::units_per_microsecond;
        for (;;) {
            auto due_at = Clock::now() + std::chrono::nanoseconds(TodClock::to_nanoseconds(sleep));
            u64 due = cpu.tod() + sleep;
            cpu.set_clock_comparator(due);
            cpu.load_psw({ mode_64 | Psw::wait_bit | Psw::external_bit, 0x2000 });
            if (!cpu.handle_pending())
                return;
            note(due_at);
            while (cpu.tod() < due + work)
                if (cpu.pending() && !cpu.handle_pending())
                    return;
        }
    }

private:
    void note(Clock::time_point due)
    {
        auto took = [](Clock::time_point from, Clock::time_point to) { return std::chrono::nanoseconds(to - from).count(); };
        m_latencies.add({ .all = took(due, Clock::now()),
            .ask = took(due, m_way.asked),
            .grant = took(m_way.asked, m_way.granted),
            .resume = took(m_way.granted, m_way.went_on) });
    }

    Latencies& m_latencies;
    const WayToCpu& m_way;
};

[[nodiscard]] UniqueFd duplicate(int fd)
{
    return UniqueFd(fcntl(fd, F_DUPFD_CLOEXEC, 0));
}

struct PartitionPlan {
    prsm::PartitionShare share;
    u32 cpus { 1 };
    bool sleeps { false };
};

struct Plan {
    const char* name;
    std::vector<PartitionPlan> partitions;
    /// Programs that run on the host besides and have as much of its CPUs as a partition's thread.
    unsigned host_programs { 0 };
};

/// The process of a partition: until it is killed.
[[noreturn]] void be_partition(DispatchRegion& given, u32 cpus, bool sleeps, Latencies& latencies)
{
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    HostSlices().prefer(HostSlice::brief);
    auto region = DispatchRegion::attach(duplicate(given.memory_fd()), duplicate(given.doorbell_fd())).value();
    auto storage = std::move(AbsoluteStorage::create(1 << 20)).value();
    FacilitySet facilities;
    NullChannelServices channels;
    NullMachineServices machine;
    CpuGroup group(*storage, facilities, channels, machine);
    store_be<u64>(storage->host() + lowcore::external_new_psw, mode_64);
    WayToCpu way;
    for (u32 i = 0; i < cpus; ++i) {
        Cpu& cpu = group.add();
        if (sleeps)
            cpu.set_engine(std::make_unique<SleepingEngine>(latencies, way));
        else
            cpu.set_engine(std::make_unique<SpinningEngine>());
        cpu.load_psw({ mode_64, 0x2000 });
        cpu.cr[0] |= cr0::clock_comparator;
        cpu.control_registers_changed();
        cpu.order_start();
    }
    group.set_dispatching(std::make_unique<TimedDispatching>(std::make_unique<DispatchAdapter>(group, region), way));
    group.start();
    for (;;)
        pause();
}

/// A partition that runs.
struct Running {
    std::shared_ptr<DispatchRegion> region;
    Latencies* latencies;
    pid_t process;
};

[[nodiscard]] Running start(const PartitionPlan& plan)
{
    Running running { .region = DispatchRegion::create(plan.cpus).value(), .latencies = shared_latencies(), .process = fork() };
    if (running.process == 0)
        be_partition(*running.region, plan.cpus, plan.sleeps, *running.latencies);
    return running;
}

[[nodiscard]] std::vector<u16> host_cpus()
{
    cpu_set_t set;
    std::vector<u16> numbers;
    if (sched_getaffinity(0, sizeof(set), &set) == 0)
        for (u16 i = 0; i < CPU_SETSIZE; ++i)
            if (CPU_ISSET(i, &set))
                numbers.push_back(i);
    return numbers;
}

[[nodiscard]] double used(prsm::Dispatcher& dispatcher, prsm::PartitionId id)
{
    std::chrono::nanoseconds sum {};
    for (const auto& cpu : dispatcher.usage(id))
        sum += cpu.dispatched;
    return std::chrono::duration<double>(sum).count();
}

[[nodiscard]] std::vector<double> ideal_rates(const Plan& plan, double cpus)
{
    std::vector<prsm::Claim> claims;
    for (const auto& partition : plan.partitions) {
        double wanted = partition.sleeps ? partition.cpus * 0.02 : partition.cpus;
        double cap = partition.share.absolute_cap ? *partition.share.absolute_cap / 100.0 : wanted;
        claims.push_back({ .weight = static_cast<double>(partition.share.weight), .limit = std::min(wanted, cap) });
    }
    std::vector<double> no_groups;
    prsm::raise_rates(claims, no_groups, cpus);
    std::vector<double> rates;
    for (const auto& claim : claims)
        rates.push_back(claim.rate);
    return rates;
}

/// One part of the wake-ups of a partition, without the first ones.
void report_latencies(benchmark::State& state, const Latencies& latencies, i64 WakeUp::* part, const std::string& name)
{
    std::vector<i64> all;
    for (std::size_t i = latencies.count / 10; i < latencies.count; ++i)
        all.push_back(latencies.wake_ups[i].*part);
    if (all.empty())
        return;
    std::ranges::sort(all);
    auto report = [&](const char* what, std::size_t index) { state.counters[name + what] = static_cast<double>(all[index]) / 1000; };
    report("_p50_us", all.size() / 2);
    report("_p99_us", all.size() * 99 / 100);
    report("_max_us", all.size() - 1);
}

void report_latencies(benchmark::State& state, const Running& partition)
{
    static constexpr struct {
        const char* name;
        i64 WakeUp::* part;
    } parts[] { { "wake", &WakeUp::all }, { "ask", &WakeUp::ask }, { "grant", &WakeUp::grant }, { "resume", &WakeUp::resume } };
    for (const auto& part : parts)
        report_latencies(state, *partition.latencies, part.part, part.name);
}

/// A real-time program of the host that sleeps and wakes up: until it is killed.
[[nodiscard]] pid_t start_host_sleeper(Latencies& latencies)
{
    pid_t process = fork();
    if (process != 0)
        return process;
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    prefer_low_latency(true);
    for (;;) {
        auto due = Clock::now() + 5ms;
        std::this_thread::sleep_until(due);
        latencies.add({ .all = std::chrono::nanoseconds(Clock::now() - due).count() });
    }
}

/// A program of the host: until it is killed.
[[nodiscard]] pid_t start_host_program()
{
    pid_t process = fork();
    if (process != 0)
        return process;
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    for (std::atomic<u64> count = 0;; ++count)
        ;
}

void end(pid_t process)
{
    kill(process, SIGKILL);
    waitpid(process, nullptr, 0);
}

void measure(benchmark::State& state, const Plan& plan)
{
    auto physical = host_cpus();
    std::vector<pid_t> programs(plan.host_programs);
    std::ranges::generate(programs, start_host_program);
    Latencies* host = shared_latencies();
    programs.push_back(start_host_sleeper(*host));
    std::vector<Running> partitions;
    for (const auto& partition : plan.partitions)
        partitions.push_back(start(partition));
    std::string misdeeds;
    auto dispatcher = prsm::Dispatcher::create({ .physical_cpus = physical }, [&](prsm::PartitionId, const std::string& why) {
        misdeeds = why;
    }).value();
    for (prsm::PartitionId id = 0; id < partitions.size(); ++id)
        if (auto added
            = dispatcher->add(id, partitions[id].region, plan.partitions[id].cpus, plan.partitions[id].share, partitions[id].process);
            !added)
            misdeeds = added.error().message;
    std::this_thread::sleep_for(warm_up);
    std::vector<double> before;
    for (prsm::PartitionId id = 0; id < partitions.size(); ++id)
        before.push_back(used(*dispatcher, id));
    auto firmware = dispatcher->usage();
    for ([[maybe_unused]] auto _ : state)
        std::this_thread::sleep_for(measured_time);
    auto firmware_after = dispatcher->usage();
    double time = std::chrono::duration<double>(firmware_after.elapsed - firmware.elapsed).count();
    auto cpus = static_cast<double>(physical.size());
    auto rates = ideal_rates(plan, cpus);
    double error = 0;
    for (prsm::PartitionId id = 0; id < partitions.size(); ++id)
        if (!plan.partitions[id].sleeps)
            error = std::max(error, std::abs((used(*dispatcher, id) - before[id]) / time - rates[id]) / cpus);
    state.counters["error_%"] = 100 * error;
    state.counters["firmware_%"] = 100 * std::chrono::duration<double>(firmware_after.own - firmware.own).count() / time / cpus;
    state.counters["wakeups/s"] = static_cast<double>(firmware_after.wakeups - firmware.wakeups) / time;
    for (const auto& partition : partitions)
        report_latencies(state, partition);
    report_latencies(state, *host, &WakeUp::all, "host");
    munmap(host, sizeof(Latencies));
    std::ranges::for_each(programs, end);
    for (auto& partition : partitions) {
        end(partition.process);
        munmap(partition.latencies, sizeof(Latencies));
    }
    if (!misdeeds.empty())
        state.SkipWithError(misdeeds.c_str());
}

const Plan plans[] {
    { "idle/one_sleeper", { { .share = {}, .sleeps = true } } },
    { "spin/100_200_300_400", { { { .weight = 100 }, 2 }, { { .weight = 200 }, 2 }, { { .weight = 300 }, 2 }, { { .weight = 400 }, 2 } } },
    { "spin/cap_0.30", { { { .absolute_cap = 30 }, 1 }, { { .weight = 100 }, 2 }, { { .weight = 100 }, 2 } } },
    { "spin/16_equal",
        { { {}, 1 }, { {}, 1 }, { {}, 1 }, { {}, 1 }, { {}, 1 }, { {}, 1 }, { {}, 1 }, { {}, 1 }, { {}, 1 }, { {}, 1 }, { {}, 1 },
            { {}, 1 }, { {}, 1 }, { {}, 1 }, { {}, 1 }, { {}, 1 } } },
    { "load/sleeper_and_3_spinners", { { .share = {}, .sleeps = true }, { {}, 2 }, { {}, 2 }, { {}, 2 } } },
    { "load/sleeper_of_weight_500", { { .share = { .weight = 500 }, .sleeps = true }, { {}, 2 }, { {}, 2 }, { {}, 2 } } },
    { "load/the_same_and_4_programs_of_the_host", { { .share = { .weight = 500 }, .sleeps = true }, { {}, 2 }, { {}, 2 }, { {}, 2 } }, 4 },
};

const int registered = [] {
    for (const Plan& plan : plans)
        benchmark::RegisterBenchmark((std::string("dispatch/") + plan.name).c_str(), measure, plan)
            ->Iterations(1)
            ->UseRealTime()
            ->Unit(benchmark::kSecond);
    return 0;
}();

} // namespace
} // namespace zvisor
