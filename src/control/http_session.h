#pragma once

#include "control/deadline_stream.h"
#include "control/door.h"

namespace zvisor {

/// What a client may take of the server.
struct HttpLimits {
    std::size_t header { 8 * 1024 };
    std::size_t body { 64 * 1024 };
    /// For a request to arrive whole once it has begun, and for a piece of the answer to be taken.
    std::chrono::milliseconds transfer { 10'000 };
    /// Between requests.
    std::chrono::milliseconds idle { 60'000 };
};

/// Serves the requests that arrive on a connection until either end closes it or the client is too slow.
/// `token`: each request must carry it as its bearer token; empty where anybody who could connect may do everything.
/// `stopping`: true when the server ends.
void serve_http(
    DeadlineStream& stream, Call call, const HttpLimits& limits, const std::string& token, const std::function<bool()>& stopping);

} // namespace zvisor
