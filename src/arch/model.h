#pragma once

#include "arch/facility.h"
#include "base/result.h"

#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace zvisor {

/// A CPU model: the facilities of one generation of machines.
struct Model {
    /// As a user names it: z10 to z17, or max.
    std::string_view name;
    /// Digits of the machine type as STORE CPU ID gives them, such as X'8561' of a z15.
    u16 machine_type { 0 };
    unsigned generation { 0 };
    /// Host absolute addresses are below 2 to this power.
    u8 address_power { 0 };
    /// Capability of a CPU as STSI 1.2.2 gives it: proportional to the time it needs, so lower is faster.
    u32 capability { 0 };

    /// What hardware of the model has.
    [[nodiscard]] FacilitySet facilities() const;
};

/// All models, oldest first.
[[nodiscard]] std::span<const Model> models();

/// The model of that name; the error lists the names there are.
[[nodiscard]] Result<Model> find_model(std::string_view name);

/// Name of a facility as messages spell it, "facility N" for a bit without one.
[[nodiscard]] std::string facility_name(Facility facility);

/// `set` without the facilities whose prerequisites are not in it, so that a guest that infers one facility from
/// another is right.
[[nodiscard]] FacilitySet consistent(FacilitySet set);

/// What a configuration of a model offers here.
struct OfferedModel {
    Model model;
    FacilitySet facilities;
    /// Names of the model's facilities that are not offered.
    std::vector<std::string> masked;

    /// One line that says what is masked; empty when nothing is.
    [[nodiscard]] std::string message() const;
};

/// The part of a model that `implemented` covers, made consistent.
[[nodiscard]] OfferedModel offer(const Model& model, const FacilitySet& implemented);

} // namespace zvisor
