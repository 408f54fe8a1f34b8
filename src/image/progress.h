#pragma once

#include "base/types.h"

#include <string_view>

namespace zvisor::image {

/// Where the maker says how far it is.
class Progress {
public:
    virtual ~Progress() = default;

    /// A stage begins: "downloading 81 packages, 34 MB".
    virtual void stage(std::string_view what) = 0;
    /// The current stage has done `done` of `total`; `what` names the part in hand. Called often.
    virtual void step(u64 done, u64 total, std::string_view what) = 0;
};

} // namespace zvisor::image
