#include "apps/zvisor/image_command.h"

#include "image/debian_image.h"
#include "image/text.h"

#include <chrono>
#include <cstdio>
#include <fmt/format.h>
#include <iostream>
#include <memory>
#include <unistd.h>

namespace zvisor {

namespace {

/// What the command line says, before it is checked.
struct ImageArguments {
    std::string output;
    std::string suite = "bookworm";
    std::string size;
    std::string packages;
    std::string root_password;
    std::string ssh_key;
    std::string hostname = "zvisor";
    std::string mirror = "http://deb.debian.org/debian";
    std::string machine;
    bool minimal = false;
    bool force = false;
};

/// Progress as lines on standard error: on a terminal a step rewrites its line, elsewhere a stage's steps are left out.
class StderrProgress final : public image::Progress {
public:
    void stage(std::string_view what) override
    {
        end_steps();
        fmt::print(stderr, "[{:4.0f} s] {}\n", seconds(), what);
        std::fflush(stderr);
    }
    void step(u64 done, u64 total, std::string_view what) override
    {
        if (m_on_terminal)
            fmt::print(stderr, "\r\033[K         {}/{} {}", done, total, what);
        m_in_steps = m_on_terminal;
    }
    void end_steps()
    {
        if (std::exchange(m_in_steps, false))
            fmt::print(stderr, "\r\033[K");
    }

private:
    [[nodiscard]] double seconds() const { return std::chrono::duration<double>(std::chrono::steady_clock::now() - m_start).count(); }

    std::chrono::steady_clock::time_point m_start = std::chrono::steady_clock::now();
    bool m_on_terminal = ::isatty(STDERR_FILENO);
    bool m_in_steps = false;
};

/// "-" is a line of standard input, so that a password need not stand in the list of processes.
Result<std::string> password_from(const std::string& argument)
{
    if (argument != "-")
        return argument;
    std::string line;
    if (!std::getline(std::cin, line))
        return fail("--root-password -: expected the password as a line of standard input");
    return line;
}

Result<image::ImageOptions> options_from(const ImageArguments& arguments)
{
    image::ImageOptions options;
    options.output = arguments.output;
    options.flavour = arguments.minimal ? image::Flavour::minimal : image::Flavour::full;
    options.suite = arguments.suite;
    options.size = TRY(image::parse_size(!arguments.size.empty() ? arguments.size : arguments.minimal ? "1G" : "4G"));
    options.packages = TRY(image::parse_packages(arguments.packages));
    if (!arguments.root_password.empty())
        options.root_password = TRY(password_from(arguments.root_password));
    if (!arguments.ssh_key.empty())
        options.ssh_key = TRY(image::read_ssh_key(arguments.ssh_key));
    options.hostname = arguments.hostname;
    options.mirror = arguments.mirror;
    for (auto word : image::words_of(arguments.machine))
        options.machine.emplace_back(word);
    options.force = arguments.force;
    options.cache = TRY(image::default_cache());
    return options;
}

Result<void> make_image(const ImageArguments& arguments, StderrProgress& progress)
{
    auto options = TRY(options_from(arguments));
    auto interrupt = TRY(image::Interrupt::hold());
    image::CommandMachineRunner machine(options.machine);
    auto command_line = TRY(image::make_debian_image(options, machine, interrupt, progress));
    progress.stage("done; to boot it:");
    fmt::print("zvisor run --kernel {0}.kernel --initrd {0}.initrd --cmdline '{1}' --disk {0} --net user --memory 1G\n", arguments.output,
        command_line);
    return {};
}

int run_image_debian(const ImageArguments& arguments)
{
    StderrProgress progress;
    auto made = make_image(arguments, progress);
    progress.end_steps();
    if (made)
        return 0;
    fmt::print(stderr, "zvisor: {}\n", made.error().message);
    return 1;
}

void add_debian_options(CLI::App& command, ImageArguments& arguments)
{
    command.add_option("output", arguments.output, "The raw disk to make; OUT.img.kernel and OUT.img.initrd come beside it")
        ->required()
        ->type_name("OUT.img");
    command.add_option("--suite", arguments.suite, "Suite of Debian")->capture_default_str();
    command.add_option("--size", arguments.size, "Size of the disk (default 4G, minimal 1G); the file is sparse");
    command.add_option("--packages", arguments.packages, "More packages by name, set apart by commas");
    command.add_flag("--minimal", arguments.minimal, "Only the essential packages and a root shell on the console, without systemd");
    auto* password = command.add_option("--root-password", arguments.root_password, "Password of root; - reads it from standard input");
    command.add_option("--ssh-key", arguments.ssh_key, "File with a public key for root; brings openssh-server")->excludes(password);
    command.add_option("--hostname", arguments.hostname, "Host name")->capture_default_str();
    command.add_option("--mirror", arguments.mirror, "Where packages come from; the guest's own sources stay deb.debian.org")
        ->capture_default_str();
    command.add_option("--machine", arguments.machine,
        "Command that runs the second stage instead of this program, with {kernel} {initrd} {cmdline} {disk} in place of its parts");
    command.add_flag("--force", arguments.force, "Replace existing files");
}

} // namespace

void add_image_command(CLI::App& app, std::function<int()>& action)
{
    auto* image = app.add_subcommand("image", "Make a disk with a guest's system");
    image->require_subcommand(1);
    auto* debian = image->add_subcommand("debian", "A bootable Debian for s390x from its packages");
    debian->footer("Without --root-password and --ssh-key the console logs root in by itself, and nobody can log in over the network.");
    auto arguments = std::make_shared<ImageArguments>();
    add_debian_options(*debian, *arguments);
    debian->callback([&action, arguments] { action = [arguments] { return run_image_debian(*arguments); }; });
}

} // namespace zvisor
