#include "partition/dispatch_adapter.h"

#include "base/futex.h"
#include "base/host_priority.h"
#include "base/verify.h"
#include "cpu/cpu.h"

#include <algorithm>

namespace zvisor {

namespace {

using Clock = std::chrono::steady_clock;

[[nodiscard]] u64 nanoseconds_now()
{
    return static_cast<u64>(std::chrono::nanoseconds(Clock::now().time_since_epoch()).count());
}

[[nodiscard]] Clock::time_point time_of(u64 nanoseconds)
{
    return Clock::time_point(std::chrono::nanoseconds(static_cast<i64>(nanoseconds)));
}

} // namespace

DispatchAdapter::DispatchAdapter(CpuGroup& group, std::shared_ptr<DispatchRegion> region, std::function<void()> on_share_changed)
    : m_group(group)
    , m_region(region.get())
    , m_slots(group.size())
    , m_regions { std::move(region) }
    , m_on_share_changed(std::move(on_share_changed))
{
    VERIFY(group.size() <= m_regions.front()->cells().size());
    sched_getaffinity(0, sizeof(m_everywhere), &m_everywhere);
    m_seen_entitlements = entitlements();
    m_listener = std::jthread([this](const std::stop_token& stop) { listen(stop); });
    // Later the process may not be allowed to ask for its priority.
    m_listening.wait();
}

DispatchAdapter::~DispatchAdapter()
{
    m_listener.request_stop();
    call_listener(region());
}

DispatchCell& DispatchAdapter::cell(const Cpu& cpu) const
{
    return region().cells()[cpu.address()];
}

DispatchAdapter::Slot& DispatchAdapter::slot(const Cpu& cpu)
{
    return m_slots[cpu.address()];
}

/// False: the firmware was faster.
bool DispatchAdapter::change(const Cpu& cpu, u32 from, DispatchState to, bool rings)
{
    auto& shared = region();
    if (!shared.cells()[cpu.address()].state.compare_exchange_strong(from, to.word()))
        return false;
    if (rings)
        shared.ring(cpu.address());
    return true;
}

// ---- On the threads of CPUs ----------------------------------------------------------------------------------

Dispatching::Held DispatchAdapter::acquire(Cpu& cpu)
{
    for (;;) {
        if (m_unsupervised.load()) {
            unbind(cpu);
            return Clock::now();
        }
        DispatchCell& mine = cell(cpu);
        u32 word = mine.state.load();
        auto now = DispatchState::from(word);
        if (now.use == CpuUse::running) {
            bind(cpu, now.physical);
            slot(cpu).lost = 0;
            return time_of(mine.granted);
        }
        if (now.use == CpuUse::parked) {
            if (resume_parked(cpu, word))
                return slot(cpu).resumed = Clock::now();
        } else if (cpu.leaving()) {
            if (now.use != CpuUse::ready || change(cpu, word, { .use = CpuUse::waiting }, true))
                return {};
        } else if (now.use == CpuUse::ready) {
            futex_wait(mine.state, word);
        } else if (change(cpu, word, { .use = CpuUse::ready }, true)) {
            wait_for_answer(cpu);
        }
    }
}

/// One that woke up below its share is granted a physical CPU at once, and goes on at once if it is awake still.
void DispatchAdapter::wait_for_answer(Cpu& cpu)
{
    auto& polling = slot(cpu).answer;
    auto& state = cell(cpu).state;
    u32 ready = DispatchState { .use = CpuUse::ready }.word();
    auto asked = Clock::now();
    polling.poll([&] { return state.load() != ready; });
    if (state.load() == ready)
        futex_wait(state, ready);
    polling.waited(Clock::now() - asked);
}

Clock::time_point DispatchAdapter::held_until(Cpu& cpu)
{
    auto& mine = slot(cpu);
    mine.looked = Clock::now();
    if (m_unsupervised.load())
        return mine.looked;
    u64 withdrawn = cell(cpu).withdrawn;
    u64 lost = cell(cpu).lost;
    auto until = (withdrawn != 0 ? time_of(withdrawn) : mine.looked) - std::chrono::nanoseconds(lost - std::exchange(mine.lost, lost));
    // One that waited may have gone on while the firmware decided.
    return std::max(until, mine.resumed);
}

/// Goes on where it waited, unless the physical CPU is wanted back.
bool DispatchAdapter::resume_parked(Cpu& cpu, u32 word)
{
    auto state = DispatchState::from(word);
    bool goes_on = !state.give_back;
    state.use = CpuUse::running;
    DispatchCell& mine = cell(cpu);
    if (!change(cpu, word, goes_on ? state : DispatchState { .use = CpuUse::ready }, !goes_on))
        return false;
    mine.parked += nanoseconds_now() - mine.parked_since;
    return goes_on;
}

bool DispatchAdapter::release(Cpu& cpu, Idle idle)
{
    prefer(cpu, HostSlice::brief);
    DispatchState without { .use = idle == Idle::stopped ? CpuUse::stopped : CpuUse::waiting };
    for (;;) {
        u32 word = cell(cpu).state.load();
        auto now = DispatchState::from(word);
        if (now == without)
            return m_unsupervised.load();
        bool parks = idle == Idle::waiting && now.holds() && !now.tell && !now.give_back;
        if (parks) {
            cell(cpu).parked_since = nanoseconds_now();
            now.use = CpuUse::parked;
            if (change(cpu, word, now, false))
                return true;
        } else if (change(cpu, word, without, true)) {
            return m_unsupervised.load();
        }
    }
}

Dispatching::Held DispatchAdapter::give_back(Cpu& cpu)
{
    u32 hint = std::exchange(slot(cpu).hint, 0);
    for (;;) {
        DispatchCell& mine = cell(cpu);
        u32 word = mine.state.load();
        auto now = DispatchState::from(word);
        if (now.use != CpuUse::running || m_unsupervised.load())
            return acquire(cpu);
        // Nobody else is ready: the CPUs of the host have time.
        if (!now.give_back && !(hint && now.tell)) {
            if (hint)
                std::this_thread::yield();
            return slot(cpu).looked;
        }
        mine.hint = hint;
        if (!change(cpu, word, { .use = CpuUse::ready }, true))
            continue;
        prefer(cpu, hint ? HostSlice::brief : HostSlice::long_one);
        return acquire(cpu);
    }
}

void DispatchAdapter::yield(Cpu& cpu)
{
    slot(cpu).hint = DispatchCell::yields;
}

void DispatchAdapter::yield_to(Cpu& cpu, u16 address)
{
    slot(cpu).hint = DispatchCell::yields_to | address;
}

/// One that computes until it is asked to give back has long slices, so that those who run for moments go before it on the host, too.
void DispatchAdapter::prefer(Cpu& cpu, HostSlice slice)
{
    if (std::exchange(slot(cpu).slice, slice) != slice)
        m_slices.prefer(slice);
}

void DispatchAdapter::bind(Cpu& cpu, u16 physical)
{
    if (slot(cpu).bound == physical)
        return;
    cpu_set_t set;
    CPU_ZERO(&set);
    CPU_SET(physical, &set);
    // A host CPU that is gone meanwhile leaves the thread where it is.
    sched_setaffinity(0, sizeof(set), &set);
    slot(cpu).bound = physical;
}

void DispatchAdapter::unbind(Cpu& cpu)
{
    if (slot(cpu).bound < 0)
        return;
    sched_setaffinity(0, sizeof(m_everywhere), &m_everywhere);
    slot(cpu).bound = -1;
}

// ---- From other threads ----------------------------------------------------------------------------------------

void DispatchAdapter::interrupt(Cpu& cpu)
{
    withdraw(cell(cpu), cpu.address());
}

/// Makes a CPU that waits for a physical CPU look around.
void DispatchAdapter::withdraw(DispatchCell& cell, std::size_t index)
{
    u32 word = cell.state.load();
    while (DispatchState::from(word).use == CpuUse::ready) {
        if (!cell.state.compare_exchange_weak(word, DispatchState { .use = CpuUse::waiting }.word()))
            continue;
        region().ring(index);
        futex_wake(cell.state);
        return;
    }
}

void DispatchAdapter::unsupervised(bool on)
{
    m_unsupervised = on;
    for (std::size_t i = 0; i < m_slots.size() && on; ++i)
        withdraw(region().cells()[i], i);
    look_around();
}

void DispatchAdapter::supervised_by(std::shared_ptr<DispatchRegion> next)
{
    VERIFY(next->cells().size() >= m_slots.size());
    unsupervised(true);
    {
        std::lock_guard lock(m_mutex);
        DispatchRegion& last = *m_region.exchange(next.get());
        m_regions.push_back(std::move(next));
        call_listener(last);
    }
    unsupervised(false);
}

/// CPUs that run leave their host CPUs, or compete for physical CPUs from now on.
void DispatchAdapter::look_around()
{
    for (std::size_t i = 0; i < m_slots.size(); ++i)
        if (Cpu* cpu = m_group.find(static_cast<u16>(i)))
            cpu->notify(Pending::give_back);
}

OwnShare DispatchAdapter::share() const
{
    auto& shared = region();
    const auto& header = shared.header();
    OwnShare share { .weight = header.weight.load(),
        .vertical = header.vertical.load() != 0,
        .capped = header.capped.load() != 0,
        .cap_hundredths = header.cap.load(),
        .cpus = {} };
    for (const auto& cell : shared.cells().first(m_slots.size()))
        share.cpus.push_back({ .entitlement = static_cast<Entitlement>(cell.entitlement.load() & 3), .share = cell.share.load() });
    return share;
}

std::vector<Entitlement> DispatchAdapter::entitlements() const
{
    std::vector<Entitlement> all;
    for (const auto& cpu : share().cpus)
        all.push_back(cpu.entitlement);
    return all;
}

void DispatchAdapter::look_at_share()
{
    auto granted = entitlements();
    if (std::exchange(m_seen_entitlements, granted) != granted && m_on_share_changed)
        m_on_share_changed();
}

void DispatchAdapter::call_listener(DispatchRegion& where)
{
    auto& attention = where.header().attention;
    ++attention;
    futex_wake(attention);
}

void DispatchAdapter::listen(const std::stop_token& stop)
{
    prefer_low_latency(false);
    m_listening.count_down();
    while (!stop.stop_requested()) {
        auto& shared = region();
        u32 seen = shared.header().attention.load();
        look_at_share();
        for (std::size_t i = 0; i < m_slots.size(); ++i) {
            auto state = DispatchState::from(shared.cells()[i].state.load());
            if (state.use == CpuUse::running && state.give_back)
                m_group.find(static_cast<u16>(i))->notify(Pending::give_back);
        }
        if (!stop.stop_requested())
            futex_wait(shared.header().attention, seen);
    }
}

} // namespace zvisor
