#pragma once

#include "base/result.h"
#include "image/interrupt.h"
#include "image/kernel_modules.h"
#include "image/machine_runner.h"
#include "image/progress.h"

#include <cstddef>
#include <filesystem>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace zvisor::image {

/// What an initrd is made of besides its script.
struct InitrdParts {
    std::string busybox;               ///< the static program
    std::vector<KernelModule> modules; ///< in the order to insert them
};

/// What the second stage is told; it reaches the guest in its initrd, which only we can read.
struct SecondStageInput {
    std::string preinst_list {};
    std::string root_hash {};             ///< "root:$6$…", or empty
    std::string ssh_key {};               ///< or empty
    std::vector<std::string> services {}; ///< systemd units to enable
    bool busybox_links = false;           ///< link busybox to the commands no package brings
    std::size_t packages = 0;
};

/// The initrd a finished image is booted with.
[[nodiscard]] std::string make_boot_initrd(const InitrdParts&);

/// The initrd of the second stage.
[[nodiscard]] std::string make_second_stage_initrd(const InitrdParts&, const SecondStageInput&);

/// Boots the disk with the second stage and waits for its report. What the guest writes goes to `log`.
Result<void> run_second_stage(
    MachineRunner&, const MachineStart&, const SecondStageInput&, const std::filesystem::path& log, const Interrupt&, Progress&);

/// "root:<hash>" for chpasswd, with a random salt (crypt(5), sha512crypt).
Result<std::string> hashed_root_password(const std::string& password);

/// Reads the console of the second stage: progress, and in the end its result.
class SecondStageReport {
public:
    SecondStageReport(std::size_t packages, Progress& progress)
        : m_packages(packages)
        , m_progress(progress)
    {
    }

    void take_line(std::string_view line);
    /// Success, or one sentence on what went wrong.
    [[nodiscard]] Result<void> result() const;

private:
    std::size_t m_packages;
    Progress& m_progress;
    std::size_t m_configured = 0;
    bool m_done = false;
    std::string m_failure;
    std::string m_reason;
    std::string m_package_error;
    std::string m_last_line;
    bool m_package_error_follows = false;
};

} // namespace zvisor::image
