#include "apps/zvisor/commands.h"

#include <cstdio>
#include <fmt/format.h>

namespace zvisor {

int exit_status(const Result<int>& result)
{
    if (result)
        return *result;
    fmt::print(stderr, "zvisor: {}\n", result.error().message);
    return ExitStatus::failure;
}

} // namespace zvisor
