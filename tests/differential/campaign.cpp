#include "campaign.h"

#include "isa/text.h"

#include <algorithm>
#include <chrono>
#include <cstring>
#include <fmt/format.h>
#include <optional>
#include <thread>
#include <unistd.h>

namespace zvisor::differential {

namespace {

constexpr u32 operation_exception = 0x0401; // SIGILL, illegal opcode

[[nodiscard]] std::string join(const std::vector<std::string>& names)
{
    std::string out;
    for (const auto& name : names)
        out += (out.empty() ? "" : ",") + name;
    return out;
}

} // namespace

/// One thread's machine and oracle.
class Campaign::Worker {
public:
    Worker(Campaign& campaign, OracleProcess oracle)
        : m_campaign(campaign)
        , m_oracle(std::move(oracle))
        , m_ours(std::make_unique<Outcome[]>(case_count))
    {
    }

    [[nodiscard]] Result<void> run_batches()
    {
        u64 batches = (m_campaign.m_options.count + case_count - 1) / case_count;
        for (u64 batch = m_campaign.m_next_batch++; batch < batches; batch = m_campaign.m_next_batch++) {
            make_batch(batch);
            TRY_VOID(m_oracle.run(0, case_count));
            run_ours();
            for (unsigned i = 0; i < case_count; ++i)
                compare(i);
            TRY_VOID(show_wanted());
            m_campaign.m_done += case_count;
        }
        merge();
        return {};
    }

private:
    void make_batch(u64 batch)
    {
        Random random(m_campaign.m_options.seed << 32 ^ batch);
        const auto& rows = m_campaign.m_rows;
        const auto& targets = m_campaign.m_targets;
        Memory& memory = m_oracle.memory();
        for (unsigned slot = 0; slot < slot_count; ++slot) {
            const isa::Row* row = rows[(batch * slot_count + slot) % rows.size()];
            const isa::Row* target = targets[random.below(static_cast<u32>(targets.size()))];
            m_instructions[slot] = make_instruction(random, *row, *target, slot);
            memory.slots[slot] = m_instructions[slot].code();
            m_machine.set_slot(slot, memory.slots[slot]);
            for (unsigned i = 0; i < cases_of_slot; ++i)
                make_state(random, m_instructions[slot], memory.cases[slot * cases_of_slot + i]);
        }
    }

    void run_ours()
    {
        for (unsigned i = 0; i < case_count; ++i)
            m_ends[i] = m_machine.run(i / cases_of_slot, m_oracle.memory().cases[i], m_ours[i]);
    }

    [[nodiscard]] Trial trial(unsigned i)
    {
        Memory& memory = m_oracle.memory();
        return { m_instructions[i / cases_of_slot], memory.cases[i], m_ends[i], m_ours[i], memory.outcomes[i] };
    }

    void compare(unsigned i)
    {
        Trial now = trial(i);
        RowReport& report = m_reports[now.instruction.row];
        ++report.cases;
        if (now.end.program_code == 0 && now.theirs.signal == 0)
            ++report.completed;
        auto differing = differences(now);
        if (differing.empty())
            return;
        if (m_campaign.m_known.covers(now, differing)) {
            ++report.known;
            return;
        }
        if ((u32 { now.theirs.signal } << 8 | now.theirs.code) == operation_exception && signal_of(now.end) != operation_exception) {
            ++report.missing;
            return;
        }
        ++report.unexplained;
        u64& seen = report.kinds[join(differing)];
        if (seen++ < m_campaign.m_options.show)
            m_wanted.push_back({ now.instruction, now.before, join(differing) });
    }

    /// A difference to be shown, with its kind.
    struct Wanted {
        Instruction instruction;
        State before;
        std::string kind;
    };

    [[nodiscard]] Result<void> show_wanted()
    {
        for (auto& wanted : m_wanted) {
            // The slot stays where it was: addresses in registers designate it.
            unsigned slot = wanted.instruction.slot;
            m_instructions[slot] = wanted.instruction;
            TRY_VOID(minimize(wanted));
            (void)TRY(still_differs(wanted));
            Trial now = trial(slot * cases_of_slot);
            m_reports[wanted.instruction.row].shown.push_back(fmt::format("{}\n      {}", reproduction(now), describe(now)));
        }
        m_wanted.clear();
        return {};
    }

    /// Runs a difference alone on both sides: whether it is still of its kind.
    [[nodiscard]] Result<bool> still_differs(const Wanted& wanted)
    {
        unsigned slot = wanted.instruction.slot;
        unsigned index = slot * cases_of_slot;
        Memory& memory = m_oracle.memory();
        memory.slots[slot] = wanted.instruction.code();
        m_machine.set_slot(slot, memory.slots[slot]);
        memory.cases[index] = wanted.before;
        TRY_VOID(m_oracle.run(index, 1));
        m_ends[index] = m_machine.run(slot, wanted.before, m_ours[index]);
        auto differing = differences(trial(index));
        return !differing.empty() && join(differing) == wanted.kind;
    }

    /// Sets to zero what the difference does not need.
    [[nodiscard]] Result<void> minimize(Wanted& wanted)
    {
        auto try_without = [&](void* part, std::size_t size) -> Result<void> {
            auto* bytes = static_cast<const u8*>(part);
            if (std::all_of(bytes, bytes + size, [](u8 byte) { return byte == 0; }))
                return {};
            Wanted before = wanted;
            std::memset(part, 0, size);
            if (!TRY(still_differs(wanted)))
                wanted.before = before.before;
            return {};
        };
        State& state = wanted.before;
        TRY_VOID(try_without(state.vr, sizeof state.vr));
        TRY_VOID(try_without(state.ar, sizeof state.ar));
        TRY_VOID(try_without(state.window, sizeof state.window));
        for (auto& gr : state.gr)
            TRY_VOID(try_without(&gr, sizeof gr));
        for (auto& vr : state.vr)
            TRY_VOID(try_without(vr, sizeof vr));
        TRY_VOID(try_without(&state.fpc, sizeof state.fpc));
        TRY_VOID(try_without(&state.program_mask, sizeof state.program_mask));
        for (unsigned size : { 256U, 16U })
            for (unsigned at = 0; at < window_size; at += size)
                TRY_VOID(try_without(state.window + at, size));
        return {};
    }

    void merge()
    {
        std::lock_guard lock(m_campaign.m_mutex);
        for (auto& [row, report] : m_reports) {
            RowReport& all = m_campaign.m_reports[row];
            all.cases += report.cases;
            all.completed += report.completed;
            all.missing += report.missing;
            all.known += report.known;
            all.unexplained += report.unexplained;
            for (const auto& [kind, count] : report.kinds)
                all.kinds[kind] += count;
            all.shown.insert(all.shown.end(), report.shown.begin(), report.shown.end());
        }
    }

    Campaign& m_campaign;
    OracleProcess m_oracle;
    Machine m_machine;
    std::unique_ptr<Outcome[]> m_ours;
    std::array<End, case_count> m_ends {};
    std::array<Instruction, slot_count> m_instructions {};
    std::map<const isa::Row*, RowReport> m_reports;
    std::vector<Wanted> m_wanted;
};

Campaign::Campaign(Options options, KnownList known)
    : m_options(std::move(options))
    , m_known(std::move(known))
{
    choose_rows();
}

void Campaign::choose_rows()
{
    for (const isa::Row* row : isa::all_rows()) {
        bool skipped = row->has(isa::RowFlag::privileged | isa::RowFlag::volatile_result) || m_known.skips(row->mnemonic);
        if (!skipped && may_be_target(*row))
            m_targets.push_back(row);
        if (!skipped && matches(m_options.rows, row->mnemonic))
            m_rows.push_back(row);
    }
}

void Campaign::show_progress(u64 done) const
{
    u64 all = m_options.count;
    fmt::print(stderr, "{}difftest: {} of {} cases{}", isatty(2) ? "\r\033[K" : "", std::min(done, all), all, isatty(2) ? "" : "\n");
}

Result<void> Campaign::run()
{
    if (m_rows.empty())
        return fail(fmt::format("no row that can be compared matches '{}'", m_options.rows));
    std::vector<std::unique_ptr<Worker>> workers;
    for (unsigned i = 0; i < m_options.jobs; ++i)
        workers.push_back(std::make_unique<Worker>(*this, TRY(OracleProcess::create(m_options.emulator, m_options.oracle))));
    std::optional<Error> error;
    std::atomic<unsigned> running { m_options.jobs };
    std::vector<std::jthread> threads;
    for (auto& worker : workers)
        threads.emplace_back([&] {
            if (auto result = worker->run_batches(); !result) {
                std::lock_guard lock(m_mutex);
                error = result.error();
            }
            --running;
        });
    using namespace std::chrono_literals;
    auto interval = isatty(2) ? 1s : 20s;
    auto shown = std::chrono::steady_clock::now();
    while (running.load() > 0) {
        std::this_thread::sleep_for(50ms);
        if (std::chrono::steady_clock::now() - shown < interval)
            continue;
        shown = std::chrono::steady_clock::now();
        show_progress(m_done.load());
    }
    threads.clear();
    show_progress(m_done.load());
    if (isatty(2))
        fmt::print(stderr, "\n");
    if (error)
        return std::unexpected(*error);
    return {};
}

bool Campaign::report() const
{
    RowReport sum;
    unsigned differing = 0;
    std::string missing;
    std::string never_completed;
    for (const isa::Row* row : m_rows) {
        auto found = m_reports.find(row);
        if (found == m_reports.end())
            continue;
        const RowReport& report = found->second;
        sum.cases += report.cases;
        sum.known += report.known;
        bool absent = report.missing > 0 && report.completed == 0;
        if (absent)
            missing += fmt::format(" {}", row->mnemonic);
        else if (report.completed == 0 && report.cases > 256)
            never_completed += fmt::format(" {}", row->mnemonic);
        u64 unexplained = report.unexplained + (absent ? 0 : report.missing);
        sum.unexplained += unexplained;
        if (unexplained == 0)
            continue;
        ++differing;
        fmt::print("{}: {} of {} cases differ", row->mnemonic, unexplained, report.cases);
        for (const auto& [kind, count] : report.kinds)
            fmt::print("  {}: {}", kind, count);
        if (!absent && report.missing)
            fmt::print("  operation exception only there: {}", report.missing);
        fmt::print("\n");
        for (const auto& text : report.shown)
            fmt::print("    {}\n", text);
    }
    fmt::print("not in the oracle:{}\n", missing);
    if (!never_completed.empty())
        fmt::print("never completed:{}\n", never_completed);
    fmt::print("{} cases of {} rows (seed {}): {} differences explained, {} unexplained in {} rows\n", sum.cases, m_rows.size(),
        m_options.seed, sum.known, sum.unexplained, differing);
    return sum.unexplained == 0;
}

} // namespace zvisor::differential
