#pragma once

#include <cstddef>
#include <span>

namespace zvisor::prsm {

/// What one partition may have of the physical CPUs, and what it gets; in CPUs.
struct Claim {
    static constexpr std::size_t no_group = ~std::size_t { 0 };

    double weight { 0 };
    /// The most it may have by itself: its ready logical CPUs, its cap.
    double limit { 0 };
    std::size_t group { no_group };
    double rate { 0 };
};

/// Raises the rates of all claims, in proportion to their weights, until the CPUs are used up or each claim is at its limit or that
/// of its group. `left` are CPUs, `groups_left` what groups may still have; both are what is left afterwards.
void raise_rates(std::span<Claim> claims, std::span<double> groups_left, double& left);

} // namespace zvisor::prsm
