#include "image/boot_files.h"

#include "image/host_files.h"
#include "image/package_file.h"
#include "image/process.h"

#include <fmt/format.h>

namespace zvisor::image {

namespace {

/// The ELF file of a module, which Debian ships as it is or, in later suites, compressed by xz.
Result<std::string> expanded(const std::string& file, const Interrupt& interrupt)
{
    constexpr std::string_view xz_magic { "\xFD"
                                          "7zXZ\0",
        6 };
    if (!file.starts_with(xz_magic))
        return file;
    auto work = TRY(WorkDirectory::create(std::filesystem::temp_directory_path()));
    TRY(write_file(work.path() / "module", file, 0600));
    return run_checked("a kernel module cannot be expanded", { { "xz", "-dc", (work.path() / "module").string() } }, interrupt);
}

ModuleFinder finder_in(const std::map<std::string, std::string>& files, const std::function<Result<std::string>(const std::string&)>& read)
{
    return [&files, read](std::string_view name) -> Result<std::optional<std::string>> {
        auto found = files.find(std::string(name));
        if (found == files.end())
            return std::nullopt;
        return TRY(read(found->second));
    };
}

} // namespace

Result<BootFiles> BootFiles::read(const std::filesystem::path& kernel_package, const std::filesystem::path& busybox_package,
    std::span<const std::string_view> modules, const Interrupt& interrupt)
{
    BootFiles boot;
    std::map<std::string, std::string> files;
    auto take = [&](const TarEntry& entry, TarReader& reader) -> Result<void> {
        auto name = std::filesystem::path(entry.path).filename().string();
        std::size_t suffix = name.find(".ko");
        bool is_module = suffix != std::string::npos && entry.path.find("/kernel/") != std::string::npos;
        std::string* place = is_module            ? &files[module_name(name.substr(0, suffix))]
            : name.starts_with("vmlinuz-")        ? &boot.m_kernel
            : entry.path.ends_with("bin/busybox") ? &boot.m_busybox
                                                  : nullptr;
        if (place && entry.kind == TarKind::file)
            *place = TRY(reader.read_content());
        return {};
    };
    TRY(for_each_member(kernel_package, interrupt, take));
    TRY(for_each_member(busybox_package, interrupt, take));
    if (boot.m_kernel.empty() || boot.m_busybox.empty())
        return fail(
            fmt::format("{} holds no kernel, or {} no busybox", kernel_package.filename().string(), busybox_package.filename().string()));
    TRY(boot.keep_modules(modules, std::move(files), interrupt));
    return boot;
}

Result<void> BootFiles::keep_modules(
    std::span<const std::string_view> wanted, std::map<std::string, std::string> files, const Interrupt& interrupt)
{
    auto find = finder_in(files, [&](const std::string& file) { return expanded(file, interrupt); });
    for (auto& module : TRY(modules_in_load_order(wanted, find)))
        m_modules[module.name] = std::move(module.object);
    return {};
}

Result<std::vector<KernelModule>> BootFiles::modules(std::span<const std::string_view> wanted) const
{
    return modules_in_load_order(wanted, finder_in(m_modules, [](const std::string& file) -> Result<std::string> { return file; }));
}

} // namespace zvisor::image
