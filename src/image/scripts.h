#pragma once

#include <string_view>

namespace zvisor::image {

/// /init of the initrd an image is booted with: mounts the root the command line names and goes on there.
[[nodiscard]] std::string_view boot_init_script();

/// /init of the second stage: mounts the new root, runs `second_stage_script` in it, reports and powers off.
[[nodiscard]] std::string_view second_stage_init_script();

/// What runs s390x code in the new root: the packages' scripts, then what the flavour sets up.
[[nodiscard]] std::string_view second_stage_script();

/// The system start of the minimal flavour, run by its init.
[[nodiscard]] std::string_view minimal_start_script();

/// The system end of the minimal flavour.
[[nodiscard]] std::string_view minimal_stop_script();

/// Begins each line the second stage writes for us.
inline constexpr std::string_view report_mark = "@zvisor@ ";

} // namespace zvisor::image
