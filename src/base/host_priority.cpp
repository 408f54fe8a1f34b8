#include "base/host_priority.h"

#include "base/types.h"

#include <algorithm>
#include <linux/sched.h>
#include <sched.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

namespace zvisor {

namespace {

/// The argument of sched_setattr(2), which the C library does not declare.
struct SchedulingAttributes {
    u32 size { 0 };
    u32 policy { 0 };
    u64 flags { 0 };
    i32 nice { 0 };
    u32 priority { 0 };
    /// For SCHED_OTHER the slice asked for, in nanoseconds (Linux 6.12 and later).
    u64 runtime { 0 };
    u64 deadline { 0 };
    u64 period { 0 };
};

constexpr int best_nice = -10;

bool take_real_time()
{
    sched_param parameters {};
    parameters.sched_priority = 1;
    return sched_setscheduler(0, SCHED_FIFO | SCHED_RESET_ON_FORK, &parameters) == 0;
}

constexpr u64 brief_slice = 100'000;
/// As long as slices of logical CPUs, whose ends should not be waited for.
constexpr u64 long_slice = 20'000'000;

/// What the calling thread starts has the same slice.
bool take_slice(u64 nanoseconds, i32 nice)
{
    SchedulingAttributes attributes { .size = sizeof(attributes), .policy = SCHED_OTHER, .nice = nice, .runtime = nanoseconds };
    return syscall(SYS_sched_setattr, 0, &attributes, 0) == 0;
}

} // namespace

void prefer_low_latency(bool real_time)
{
    if (real_time && take_real_time())
        return;
    i32 present = getpriority(PRIO_PROCESS, 0);
    if (!take_slice(brief_slice, std::min(present, best_nice)))
        take_slice(brief_slice, present);
}

HostSlices::HostSlices()
    : m_nice(getpriority(PRIO_PROCESS, 0))
{
}

void HostSlices::prefer(HostSlice slice) const
{
    take_slice(slice == HostSlice::brief ? brief_slice : long_slice, m_nice);
}

} // namespace zvisor
