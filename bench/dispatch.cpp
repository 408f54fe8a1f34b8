// How well PR/SM shares the host's CPUs: partitions are processes with real dispatch cells, and their CPUs spin, or sleep and wake up.
// Counters: error_% is the greatest difference of a share from its ideal, in per cent of all physical CPUs; wake_*_us are times from
// the due time of the clock comparator to the instruction behind the wait; firmware_% is the dispatcher's own CPU time.

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

/// What the CPU of a partition measured, in memory it shares with the benchmark.
struct Latencies {
    static constexpr std::size_t most = 1 << 16;
    std::atomic<std::size_t> count;
    std::array<u64, most> nanoseconds;
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
    explicit SleepingEngine(Latencies& latencies)
        : m_latencies(latencies)
    {
    }

    void run(Cpu& cpu) override
    {
        constexpr u64 sleep = 5'000 * TodClock::units_per_microsecond;
        constexpr u64 work = 100 * TodClock::units_per_microsecond;
        for (;;) {
            u64 due = cpu.tod() + sleep;
            cpu.set_clock_comparator(due);
            cpu.load_psw({ mode_64 | Psw::wait_bit | Psw::external_bit, 0x2000 });
            if (!cpu.handle_pending())
                return;
            note(cpu.tod() - due);
            while (cpu.tod() < due + work)
                if (cpu.pending() && !cpu.handle_pending())
                    return;
        }
    }

private:
    void note(u64 latency)
    {
        std::size_t index = m_latencies.count;
        if (index == Latencies::most)
            return;
        m_latencies.nanoseconds[index] = TodClock::to_nanoseconds(latency);
        m_latencies.count = index + 1;
    }

    Latencies& m_latencies;
};

[[nodiscard]] UniqueFd duplicate(int fd)
{
    return UniqueFd(fcntl(fd, F_DUPFD_CLOEXEC, 0));
}

/// The process of a partition: until it is killed.
[[noreturn]] void be_partition(DispatchRegion& given, u32 cpus, bool sleeps, Latencies& latencies)
{
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    // What else runs on the host is not to be measured.
    setpriority(PRIO_PROCESS, 0, -20);
    auto region = DispatchRegion::attach(duplicate(given.memory_fd()), duplicate(given.doorbell_fd())).value();
    auto storage = std::move(AbsoluteStorage::create(1 << 20)).value();
    FacilitySet facilities;
    NullChannelServices channels;
    NullMachineServices machine;
    CpuGroup group(*storage, facilities, channels, machine);
    store_be<u64>(storage->host() + lowcore::external_new_psw, mode_64);
    for (u32 i = 0; i < cpus; ++i) {
        Cpu& cpu = group.add();
        if (sleeps)
            cpu.set_engine(std::make_unique<SleepingEngine>(latencies));
        else
            cpu.set_engine(std::make_unique<SpinningEngine>());
        cpu.load_psw({ mode_64, 0x2000 });
        cpu.cr[0] |= cr0::clock_comparator;
        cpu.control_registers_changed();
        cpu.order_start();
    }
    group.set_dispatching(std::make_unique<DispatchAdapter>(group, region));
    group.start();
    for (;;)
        pause();
}

struct PartitionPlan {
    prsm::PartitionShare share;
    u32 cpus { 1 };
    bool sleeps { false };
};

struct Plan {
    const char* name;
    std::vector<PartitionPlan> partitions;
};

/// A partition that runs.
struct Running {
    std::shared_ptr<DispatchRegion> region;
    Latencies* latencies;
    pid_t process;
};

[[nodiscard]] Running start(const PartitionPlan& plan)
{
    void* shared = mmap(nullptr, sizeof(Latencies), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    Running running {
        .region = DispatchRegion::create(plan.cpus).value(), .latencies = static_cast<Latencies*>(shared), .process = fork()
    };
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

void report_latencies(benchmark::State& state, const std::vector<Running>& partitions)
{
    std::vector<u64> all;
    for (const auto& partition : partitions)
        for (std::size_t i = partition.latencies->count / 10; i < partition.latencies->count; ++i)
            all.push_back(partition.latencies->nanoseconds[i]);
    if (all.empty())
        return;
    std::ranges::sort(all);
    auto microseconds = [&](std::size_t index) { return static_cast<double>(all[index]) / 1000; };
    state.counters["wake_p50_us"] = microseconds(all.size() / 2);
    state.counters["wake_p99_us"] = microseconds(all.size() * 99 / 100);
    state.counters["wake_max_us"] = microseconds(all.size() - 1);
}

void measure(benchmark::State& state, const Plan& plan)
{
    auto physical = host_cpus();
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
    report_latencies(state, partitions);
    for (auto& partition : partitions) {
        kill(partition.process, SIGKILL);
        waitpid(partition.process, nullptr, 0);
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
