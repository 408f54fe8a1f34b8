#pragma once

namespace zvisor {

/// Asks the host to let the calling thread run soon whenever it wakes up, since it runs but for moments: real-time priority where that
/// is allowed and wanted, else a short time slice, else a better nice value. What is not allowed is left.
void prefer_low_latency(bool real_time);

} // namespace zvisor
