#include "image/debian_image.h"

#include "image/apt.h"
#include "image/boot_files.h"
#include "image/disk.h"
#include "image/dpkg_database.h"
#include "image/flavour.h"
#include "image/host_files.h"
#include "image/process.h"
#include "image/second_stage.h"
#include "image/text.h"

#include <algorithm>
#include <charconv>
#include <cstdlib>
#include <fmt/format.h>
#include <set>
#include <sys/stat.h>
#include <sys/statvfs.h>

namespace zvisor::image {

namespace {

Result<void> require_tools()
{
    constexpr std::pair<std::string_view, std::string_view> tools[]
        = { { "apt-get", "apt" }, { "apt-cache", "apt" }, { "dpkg-deb", "dpkg" }, { "md5sum", "coreutils" }, { "mke2fs", "e2fsprogs" },
              { "debugfs", "e2fsprogs" }, { "e2fsck", "e2fsprogs" }, { "xz", "xz-utils" } };
    for (auto [program, package] : tools)
        TRY(require_tool(program, package));
    return {};
}

/// The time no file of the image is newer than: $SOURCE_DATE_EPOCH, else that of the newest file in the packages.
i64 epoch_of(const RootTree& tree)
{
    const char* text = std::getenv("SOURCE_DATE_EPOCH");
    i64 epoch = 0;
    if (text && std::from_chars(text, text + std::string_view(text).size(), epoch).ec == std::errc {} && epoch > 0)
        return epoch;
    return tree.newest();
}

/// One run of the maker: its steps in order, and what one hands to the next.
class Maker {
public:
    Maker(const ImageOptions& options, PrivateApt apt, WorkDirectory work, const Interrupt& interrupt, Progress& progress)
        : m_options(options)
        , m_apt(std::move(apt))
        , m_work(std::move(work))
        , m_interrupt(interrupt)
        , m_progress(progress)
    {
    }

    Result<std::string> make(MachineRunner&);

private:
    Result<void> plan();
    Result<BootFiles> read_boot_files() const;
    Result<RootTree> unpack_root(SecondStageInput&);
    Result<void> check_space(u64 content) const;
    [[nodiscard]] DiskLayout layout_for(const RootTree&, const PartialFile& disk) const;
    Result<void> make_first_stage(const PartialFile& disk, SecondStageInput&);
    Result<SecondStageInput> access() const;
    Result<void> keep(const BootFiles&, PartialFile& disk);
    Result<void> configure(MachineRunner&, const BootFiles&, const PartialFile& disk, const SecondStageInput&);

    const ImageOptions& m_options;
    PrivateApt m_apt;
    WorkDirectory m_work;
    const Interrupt& m_interrupt;
    Progress& m_progress;
    std::vector<std::string> m_requested;
    std::vector<PlannedPackage> m_root_packages;
    PlannedPackage m_kernel_package;
    PlannedPackage m_busybox_package;
};

Result<PlannedPackage> package_starting(const std::vector<PlannedPackage>& plan, std::string_view prefix)
{
    auto is_it = [&](const PlannedPackage& package) {
        return package.name == prefix
            || (prefix.ends_with('-') && package.name.starts_with(prefix) && std::isdigit(package.name[prefix.size()]));
    };
    auto found = std::ranges::find_if(plan, is_it);
    if (found == plan.end())
        return fail(fmt::format("the suite has no package {} for s390x", prefix));
    return *found;
}

Result<void> Maker::plan()
{
    m_requested = TRY(packages_to_install(
        m_options, [&](std::string_view name) { return m_apt.has(name); },
        [&](std::string_view name) { return m_apt.recommended_by(name); }));
    m_root_packages = TRY(m_apt.plan(m_requested));
    const std::vector<std::string> boot { "linux-image-s390x", "busybox-static" };
    auto boot_plan = TRY(m_apt.plan(boot));
    m_kernel_package = TRY(package_starting(boot_plan, "linux-image-"));
    m_busybox_package = TRY(package_starting(boot_plan, "busybox-static"));
    auto all = m_root_packages;
    for (const auto& package : { m_kernel_package, m_busybox_package })
        if (std::ranges::find(all, package.name, &PlannedPackage::name) == all.end())
            all.push_back(package);
    return m_apt.download(all, m_progress);
}

Result<BootFiles> Maker::read_boot_files() const
{
    constexpr std::string_view modules[] = { "crc32c_generic", "virtio_blk", "ext4", "virtio_net" };
    m_progress.stage(fmt::format("unpacking the kernel {}", m_kernel_package.name));
    return BootFiles::read(m_apt.file_of(m_kernel_package), m_apt.file_of(m_busybox_package), modules, m_interrupt);
}

Result<RootTree> Maker::unpack_root(SecondStageInput& input)
{
    m_progress.stage(fmt::format("unpacking {} packages", m_root_packages.size()));
    auto tree = TRY(RootTree::create(m_work.path() / "root"));
    for (const char* folder : { "bin", "lib", "sbin" }) {
        TRY(tree.add_directory(fmt::format("usr/{}", folder)));
        TRY(tree.add_symlink(folder, fmt::format("usr/{}", folder)));
    }
    DpkgDatabase database(tree, m_interrupt);
    for (const auto& package : m_root_packages) {
        TRY(database.unpack(m_apt.file_of(package)));
        m_progress.step(database.packages(), m_root_packages.size(), package.name);
    }
    TRY(database.finish({ m_requested.begin(), m_requested.end() }));
    input.preinst_list = database.preinst_list();
    input.packages = database.packages();
    return tree;
}

Result<void> Maker::check_space(u64 content) const
{
    struct statvfs space;
    auto folder = std::filesystem::absolute(m_options.output).parent_path();
    u64 needed = content + room_needed(m_options);
    if (::statvfs(folder.c_str(), &space) != 0 || u64 { space.f_bavail } * space.f_frsize >= needed)
        return {};
    return fail(fmt::format("{}: no space for the disk: {} needed, {} free", folder.string(), readable_size(needed),
        readable_size(u64 { space.f_bavail } * space.f_frsize)));
}

/// The same packages and options give the same file system.
DiskLayout Maker::layout_for(const RootTree& tree, const PartialFile& disk) const
{
    std::string identity = fmt::format("{} {} {}", m_options.suite, m_options.hostname, m_options.size);
    for (const auto& package : m_root_packages)
        identity += " " + package.file_name();
    return { disk.path(), m_options.size, epoch_of(tree), uuid_from(identity) };
}

Result<void> Maker::make_first_stage(const PartialFile& disk, SecondStageInput& input)
{
    constexpr u64 mebibyte = u64 { 1 } << 20;
    auto tree = TRY(unpack_root(input));
    auto layout = layout_for(tree, disk);
    TRY(add_configuration(tree, m_options, layout.uuid));
    TRY(tree.finish(layout.epoch));
    u64 content = tree.content_bytes();
    u64 needed = disk_size_needed(tree, room_needed(m_options));
    if (needed > m_options.size)
        return fail(fmt::format(
            "--size {}M is too small for these packages: at least {}M are needed", m_options.size / mebibyte, needed / mebibyte));
    TRY(check_space(content));
    m_progress.stage(fmt::format("making the file system, {} in {} files", readable_size(content), tree.entries()));
    TRY(make_disk(layout, tree, m_work.path(), m_interrupt));
    std::error_code ignored;
    std::filesystem::remove_all(tree.root(), ignored); // now, before the host writes it out
    return {};
}

Result<void> Maker::configure(MachineRunner& machine, const BootFiles& boot, const PartialFile& disk, const SecondStageInput& input)
{
    constexpr std::string_view modules[] = { "crc32c_generic", "virtio_blk", "ext4" };
    auto kernel = m_work.path() / "kernel";
    TRY(write_file(kernel, boot.kernel()));
    auto initrd = m_work.path() / "second-stage.initrd";
    auto loaded = TRY(boot.modules(modules));
    TRY(write_file(initrd, make_second_stage_initrd({ boot.busybox(), std::move(loaded) }, input), 0600));
    MachineStart start { kernel, initrd, "quiet console=ttysclp0", disk.path() };
    TRY(run_second_stage(machine, start, input, m_options.cache / "second-stage.log", m_interrupt, m_progress));
    m_progress.stage("checking the file system");
    return check_disk(disk.path(), m_interrupt);
}

Result<SecondStageInput> Maker::access() const
{
    SecondStageInput input;
    input.services = services_to_enable(m_options);
    input.busybox_links = m_options.flavour == Flavour::minimal;
    input.ssh_key = m_options.ssh_key.value_or("");
    if (m_options.root_password)
        input.root_hash = TRY(hashed_root_password(*m_options.root_password));
    return input;
}

Result<void> Maker::keep(const BootFiles& boot, PartialFile& disk)
{
    auto kernel = TRY(PartialFile::create(kernel_beside(m_options.output)));
    auto initrd = TRY(PartialFile::create(initrd_beside(m_options.output)));
    auto modules = TRY(boot.modules(boot_modules(m_options)));
    TRY(write_file(kernel.path(), boot.kernel()));
    TRY(write_file(initrd.path(), make_boot_initrd({ boot.busybox(), std::move(modules) })));
    TRY(m_interrupt.check());
    TRY(kernel.keep());
    TRY(initrd.keep());
    return disk.keep();
}

Result<std::string> Maker::make(MachineRunner& machine)
{
    auto input = TRY(access());
    TRY(m_apt.update(m_progress));
    TRY(plan());
    auto boot = TRY(read_boot_files());
    auto disk = TRY(PartialFile::create(m_options.output));
    TRY(make_first_stage(disk, input));
    TRY(configure(machine, boot, disk, input));
    TRY(keep(boot, disk));
    return command_line(m_options);
}

} // namespace

Result<std::string> make_debian_image(const ImageOptions& options, MachineRunner& machine, const Interrupt& interrupt, Progress& progress)
{
    TRY(validate(options));
    TRY(require_tools());
    auto lock = TRY(DirectoryLock::take(options.cache, interrupt, [&] { progress.stage("waiting for another zvisor image"); }));
    WorkDirectory::remove_stale(options.cache);
    auto work = TRY(WorkDirectory::create(options.cache));
    auto apt = TRY(PrivateApt::create(options.cache, options.suite, options.mirror, interrupt));
    Maker maker(options, std::move(apt), std::move(work), interrupt, progress);
    return maker.make(machine);
}

} // namespace zvisor::image
