#pragma once

#include "base/result.h"
#include "image/options.h"
#include "image/root_tree.h"

#include <functional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace zvisor::image {

using PackageCheck = std::function<Result<bool>(std::string_view name)>;
using PackageRecommendations = std::function<Result<std::vector<std::string>>(std::string_view name)>;

/// Packages of the flavour and those asked for with what they recommend (gcc recommends the C library's headers), as apt takes them.
/// Optional ones of the flavour that `has` does not know are left out.
Result<std::vector<std::string>> packages_to_install(
    const ImageOptions&, const PackageCheck& has, const PackageRecommendations& recommended_by);

/// systemd units the second stage enables.
[[nodiscard]] std::vector<std::string> services_to_enable(const ImageOptions&);

/// Kernel modules the boot initrd of the flavour inserts, besides what they depend on.
[[nodiscard]] std::span<const std::string_view> boot_modules(const ImageOptions&);

/// Writes what the flavour and options set up in the root: fstab, host name, apt sources, network, console.
Result<void> add_configuration(RootTree&, const ImageOptions&, const std::string& root_uuid);

/// Bytes the second stage and some first use need beyond what is unpacked.
[[nodiscard]] u64 room_needed(const ImageOptions&);

/// The kernel command line the image is booted with.
[[nodiscard]] std::string command_line(const ImageOptions&);

} // namespace zvisor::image
