#pragma once

#include "base/result.h"

#include <functional>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace zvisor::image {

/// The names a kernel module needs loaded before it: "depends=" and "softdep=pre:" of its .modinfo section.
/// `object` is the module's 64-bit big-endian ELF file, `name` only serves messages.
Result<std::vector<std::string>> dependencies_of_module(std::string_view name, std::string_view object);

/// A kernel module found for a name: its ELF file.
struct KernelModule {
    std::string name;
    std::string object;
};

/// Finds a module by name: nothing when the kernel has it built in or not at all.
using ModuleFinder = std::function<Result<std::optional<std::string>>(std::string_view name)>;

/// `wanted` and everything they depend on, each after what it depends on and only once: the order to insert them in.
Result<std::vector<KernelModule>> modules_in_load_order(std::span<const std::string_view> wanted, const ModuleFinder& find);

/// The name of a module as the kernel spells it: '-' is '_'.
[[nodiscard]] std::string module_name(std::string_view file_stem);

} // namespace zvisor::image
