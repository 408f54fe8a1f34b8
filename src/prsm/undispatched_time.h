#pragma once

#include "prsm/allowance.h"

#include <optional>

namespace zvisor {

/// What a partition's process uses of the host's CPUs while none of its logical CPUs is dispatched: its system-assist processors and
/// devices may use a part, and so may a program that only runs where it should not. Looked at from time to time.
class UndispatchedTime {
public:
    using Time = Allowance::Time;
    using nanoseconds = std::chrono::nanoseconds;

    struct Limits {
        /// CPUs that are free, and CPU seconds of it that are saved up for a start.
        double free_cpus { 0.25 };
        double most_saved { 2 };
        /// A partition that used so many CPU seconds more than what is free and what its logical CPUs were dispatched does not run as one;
        /// and CPUs of that which are forgiven in time.
        double too_much { 10 };
        double forgiven_cpus { 0.1 };
    };
    struct Verdict {
        /// To be charged to its share.
        nanoseconds charge {};
        /// It is to be ended.
        bool excessive { false };
    };

    explicit UndispatchedTime(const Limits& limits)
        : m_free(limits.free_cpus, limits.most_saved)
        , m_excess(limits.forgiven_cpus, limits.too_much)
    {
    }

    /// `used`: CPU time of the process so far; `dispatched`: of all its logical CPUs so far. The first look charges nothing.
    [[nodiscard]] Verdict look(Time now, nanoseconds used, nanoseconds dispatched);

private:
    struct Sample {
        nanoseconds used;
        nanoseconds dispatched;
    };
    std::optional<Sample> m_last;
    Allowance m_free;
    Allowance m_excess;
};

} // namespace zvisor
