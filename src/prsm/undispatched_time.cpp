#include "prsm/undispatched_time.h"

#include <utility>

namespace zvisor {

namespace {

using Seconds = std::chrono::duration<double>;

} // namespace

UndispatchedTime::Verdict UndispatchedTime::look(Time now, nanoseconds used, nanoseconds dispatched)
{
    auto last = std::exchange(m_last, Sample { used, dispatched });
    if (!last)
        return {};
    Seconds own_dispatched = std::max(dispatched - last->dispatched, nanoseconds(0));
    Seconds undispatched = std::max(Seconds(used - last->used) - own_dispatched, Seconds(0));
    Seconds free(std::clamp(m_free.left(now), 0.0, undispatched.count()));
    m_free.spend(free.count(), now);
    Seconds charge = undispatched - free;
    m_excess.spend(std::max(charge - own_dispatched, Seconds(0)).count(), now);
    return { .charge = std::chrono::duration_cast<nanoseconds>(charge), .excessive = m_excess.left(now) < 0 };
}

} // namespace zvisor
