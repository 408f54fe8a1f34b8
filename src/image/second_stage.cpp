#include "image/second_stage.h"

#include "image/cpio_writer.h"
#include "image/host_files.h"
#include "image/scripts.h"

#include <chrono>
#include <crypt.h>
#include <fmt/format.h>
#include <fstream>
#include <memory>
#include <sys/random.h>

namespace zvisor::image {

namespace {

/// The folders, devices and program both initrds begin with.
CpioWriter begin_initrd(const InitrdParts& parts, std::string_view init)
{
    CpioWriter archive;
    for (const char* folder : { "bin", "dev", "proc", "sys", "root", "modules" })
        archive.add_directory(folder);
    archive.add_character_device("dev/console", 5, 1);
    archive.add_character_device("dev/null", 1, 3, 0666);
    archive.add_file("bin/busybox", parts.busybox, 0755);
    archive.add_file("init", init, 0755);
    std::string order;
    for (const auto& module : parts.modules) {
        archive.add_file(fmt::format("modules/{}.ko", module.name), module.object);
        order += fmt::format("{}.ko\n", module.name);
    }
    archive.add_file("modules/order", order);
    return archive;
}

std::string one_per_line(std::span<const std::string> words)
{
    std::string text;
    for (const auto& word : words)
        text += word + "\n";
    return text;
}

} // namespace

std::string make_boot_initrd(const InitrdParts& parts)
{
    return begin_initrd(parts, boot_init_script()).finish();
}

std::string make_second_stage_initrd(const InitrdParts& parts, const SecondStageInput& input)
{
    auto archive = begin_initrd(parts, second_stage_init_script());
    archive.add_directory("stage", 0700);
    archive.add_file("stage/second-stage", second_stage_script());
    archive.add_file("stage/preinst", input.preinst_list);
    archive.add_file("stage/root-hash", input.root_hash.empty() ? "" : input.root_hash + "\n", 0600);
    archive.add_file("stage/ssh-key", input.ssh_key.empty() ? "" : input.ssh_key + "\n", 0600);
    archive.add_file("stage/enable", one_per_line(input.services));
    if (input.busybox_links)
        archive.add_file("stage/busybox-links", "");
    return std::move(archive).finish();
}

void SecondStageReport::take_line(std::string_view line)
{
    if (line.starts_with(report_mark)) {
        auto report = line.substr(report_mark.size());
        m_done = m_done || report == "done";
        if (report.starts_with("reason "))
            m_reason = report.substr(7);
        else if (report.starts_with("failed"))
            m_failure = report.size() > 7 ? report.substr(7) : "the second stage failed";
        return;
    }
    if (std::exchange(m_package_error_follows, false))
        m_package_error += fmt::format(" {}", line.substr(std::min(line.find_first_not_of(' '), line.size())));
    if (line.starts_with("Setting up ")) {
        auto name = line.substr(11);
        m_progress.step(std::min(++m_configured, m_packages), m_packages, name.substr(0, name.find(' ')));
    } else if (line.starts_with("dpkg: error processing package ") && m_package_error.empty()) {
        m_package_error = line.substr(12);
        m_package_error_follows = true;
    }
    if (line.find_first_not_of(' ') != std::string_view::npos)
        m_last_line = line;
}

Result<void> SecondStageReport::result() const
{
    if (m_done)
        return {};
    if (!m_reason.empty())
        return fail(fmt::format("in the guest: {}{}", m_reason, m_package_error.empty() ? "" : ": " + m_package_error));
    if (!m_failure.empty())
        return fail(fmt::format("in the guest: {}", m_failure));
    return fail(fmt::format("the guest of the second stage ended without a report; its last line was '{}'", m_last_line));
}

Result<void> run_second_stage(MachineRunner& runner, const MachineStart& start, const SecondStageInput& input,
    const std::filesystem::path& log, const Interrupt& interrupt, Progress& progress)
{
    progress.stage(fmt::format("second stage: configuring {} packages inside a partition", input.packages));
    std::ofstream log_file(log);
    auto started = std::chrono::steady_clock::now();
    SecondStageReport report(input.packages, progress);
    auto ran = runner.run(start, interrupt, [&](std::string_view line) {
        auto elapsed = std::chrono::duration<double>(std::chrono::steady_clock::now() - started).count();
        log_file << fmt::format("[{:7.2f}] {}\n", elapsed, line);
        report.take_line(line);
    });
    log_file.close();
    TRY(interrupt.check());
    auto result = report.result();
    if (!result && !ran)
        return fail(fmt::format("{} (console: {})", ran.error().message, log.string()));
    if (!result)
        return fail(fmt::format("{} (console: {})", result.error().message, log.string()));
    return {};
}

Result<std::string> hashed_root_password(const std::string& password)
{
    char random[16];
    if (::getrandom(random, sizeof random, 0) != sizeof random)
        return fail("the host gives no random numbers for the password's salt");
    char setting[CRYPT_GENSALT_OUTPUT_SIZE];
    auto data = std::make_unique<crypt_data>();
    if (!::crypt_gensalt_rn("$6$", 0, random, sizeof random, setting, sizeof setting))
        return fail("the host's libcrypt has no sha512crypt");
    const char* hash = ::crypt_r(password.c_str(), setting, data.get());
    if (!hash || hash[0] == '*')
        return fail("the password cannot be hashed");
    return fmt::format("root:{}", hash);
}

} // namespace zvisor::image
