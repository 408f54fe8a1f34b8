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

bool take_short_slice(i32 nice)
{
    constexpr u64 shortest = 100'000;
    SchedulingAttributes attributes { .size = sizeof(attributes), .policy = SCHED_OTHER, .nice = nice, .runtime = shortest };
    return syscall(SYS_sched_setattr, 0, &attributes, 0) == 0;
}

} // namespace

void prefer_low_latency(bool real_time)
{
    if (real_time && take_real_time())
        return;
    i32 present = getpriority(PRIO_PROCESS, 0);
    if (!take_short_slice(std::min(present, best_nice)))
        take_short_slice(present);
}

} // namespace zvisor
