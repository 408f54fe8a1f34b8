#include "prsm/fluid.h"

#include <algorithm>
#include <ranges>
#include <vector>

namespace zvisor::prsm {

namespace {

/// Less than this of a CPU is nothing.
constexpr double nothing = 1e-9;

[[nodiscard]] bool may_rise(const Claim& claim, std::span<const double> groups_left)
{
    bool group_full = claim.group != Claim::no_group && groups_left[claim.group] < nothing;
    return claim.weight > 0 && claim.limit - claim.rate > nothing && !group_full;
}

} // namespace

void raise_rates(std::span<Claim> claims, std::span<double> groups_left, double& left)
{
    // Each round fills up a claim, a group or the CPUs.
    while (left > nothing) {
        auto rising = claims | std::views::filter([&](const Claim& claim) { return may_rise(claim, groups_left); })
            | std::views::transform([](Claim& claim) { return &claim; });
        std::vector<Claim*> round(rising.begin(), rising.end());
        if (round.empty())
            return;
        double total = 0;
        std::vector<double> group_weights(groups_left.size(), 0.0);
        for (const Claim* claim : round) {
            total += claim->weight;
            if (claim->group != Claim::no_group)
                group_weights[claim->group] += claim->weight;
        }
        double step = left / total;
        for (const Claim* claim : round)
            step = std::min(step, (claim->limit - claim->rate) / claim->weight);
        for (std::size_t i = 0; i < groups_left.size(); ++i)
            if (group_weights[i] > 0)
                step = std::min(step, groups_left[i] / group_weights[i]);
        for (Claim* claim : round)
            claim->rate += claim->weight * step;
        for (std::size_t i = 0; i < groups_left.size(); ++i)
            groups_left[i] -= group_weights[i] * step;
        left -= total * step;
    }
}

} // namespace zvisor::prsm
