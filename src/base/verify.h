#pragma once

#include <cstdio>
#include <cstdlib>

namespace zvisor {

[[noreturn]] inline void verify_failed(const char* what, const char* file, int line)
{
    std::fprintf(stderr, "zvisor: internal fault: %s does not hold (%s:%d)\n", what, file, line);
    std::abort();
}

} // namespace zvisor

/// A fault of ours, never reachable by a guest's or a user's input: says where and ends the process.
#define VERIFY(x) ((x) ? void() : ::zvisor::verify_failed(#x, __FILE__, __LINE__))
