#pragma once

#include "base/result.h"
#include "image/interrupt.h"
#include "image/kernel_modules.h"

#include <filesystem>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace zvisor::image {

/// What a guest is booted with, taken out of its packages: kernel, static busybox, and kernel modules.
class BootFiles {
public:
    /// Reads linux-image-* and busybox-static; `modules` are kept with everything they depend on.
    static Result<BootFiles> read(const std::filesystem::path& kernel_package, const std::filesystem::path& busybox_package,
        std::span<const std::string_view> modules, const Interrupt&);

    [[nodiscard]] const std::string& kernel() const { return m_kernel; }
    [[nodiscard]] const std::string& busybox() const { return m_busybox; }
    /// Those of the modules read that `wanted` take, in the order to insert them. One that is built in is left out.
    [[nodiscard]] Result<std::vector<KernelModule>> modules(std::span<const std::string_view> wanted) const;

private:
    Result<void> keep_modules(std::span<const std::string_view> wanted, std::map<std::string, std::string> files, const Interrupt&);

    std::string m_kernel;
    std::string m_busybox;
    std::map<std::string, std::string> m_modules; ///< ELF files by name
};

} // namespace zvisor::image
