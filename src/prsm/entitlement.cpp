#include "prsm/entitlement.h"

#include <algorithm>
#include <cmath>

namespace zvisor::prsm {

namespace {

struct Split {
    u32 high { 0 };
    u32 medium { 0 };
    double medium_share { 0 };
};

[[nodiscard]] Split split(double entitlement)
{
    constexpr double least_medium = 0.5;
    constexpr double rounding = 1e-6;
    auto whole = static_cast<u32>(std::floor(entitlement + rounding));
    double rest = entitlement - whole;
    if (rest < rounding)
        return { .high = whole };
    if (rest >= least_medium || whole == 0)
        return { .high = whole, .medium = 1, .medium_share = rest };
    return { .high = whole - 1, .medium = 2, .medium_share = (1 + rest) / 2 };
}

} // namespace

CpuEntitlement entitlement_of(u32 index, u32 cpus, double entitlement, bool vertical)
{
    entitlement = std::min(entitlement, static_cast<double>(cpus));
    if (!vertical)
        return { .kind = Entitlement::horizontal, .share = entitlement / cpus };
    Split parts = split(entitlement);
    if (index < parts.high)
        return { .kind = Entitlement::high, .share = 1 };
    if (index < parts.high + parts.medium)
        return { .kind = Entitlement::medium, .share = parts.medium_share };
    return { .kind = Entitlement::low };
}

} // namespace zvisor::prsm
