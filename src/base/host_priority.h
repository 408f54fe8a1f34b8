#pragma once

namespace zvisor {

/// Asks the host to let the calling thread run soon whenever it wakes up, since it runs but for moments: real-time priority where that
/// is allowed and wanted, else a short time slice, else a better nice value. What is not allowed is left.
void prefer_low_latency(bool real_time);

/// How long the host is asked to let a thread run at a time when others want to run, too.
enum class HostSlice { brief, long_one };

/// Asks for slices for threads, each for itself and those it starts from then on. One with brief slices that wakes up goes before those
/// with long ones, although neither gets more of the host's CPUs. A host that knows no such slices changes nothing.
class HostSlices {
public:
    /// Threads keep the nice value that the calling thread has now: later the process may not be allowed to look.
    HostSlices();
    void prefer(HostSlice slice) const;

private:
    int m_nice;
};

} // namespace zvisor
