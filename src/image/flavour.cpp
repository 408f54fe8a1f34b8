#include "image/flavour.h"

#include "image/apt.h"
#include "image/scripts.h"

#include <fmt/format.h>

namespace zvisor::image {

namespace {

constexpr std::string_view default_mirror = "http://deb.debian.org/debian";

/// A package a flavour needs; an optional one is missing in suites that have its parts elsewhere.
struct FlavourPackage {
    std::string_view name;
    bool optional = false;
};

// usr-is-merged keeps apt from choosing usrmerge, which brings all of perl.
constexpr FlavourPackage full_packages[]
    = { { "usr-is-merged", true }, { "systemd-sysv" }, { "udev" }, { "dbus" }, { "systemd-resolved", true }, { "login" }, { "passwd" },
          { "e2fsprogs" }, { "kmod" }, { "iproute2" }, { "iputils-ping" }, { "netbase" }, { "procps" }, { "linux-image-s390x" } };
constexpr FlavourPackage minimal_packages[] = { { "usr-is-merged", true }, { "busybox-static" }, { "udhcpc" }, { "mount" } };

// crc32c is what ext4's checksums ask the kernel's crypto layer for by name, without a dependency on it.
constexpr std::string_view full_modules[] = { "crc32c_generic", "virtio_blk", "ext4" };
constexpr std::string_view minimal_modules[] = { "crc32c_generic", "virtio_blk", "ext4", "virtio_net" };

constexpr std::string_view networkd_configuration = R"([Match]
Type=ether

[Network]
DHCP=yes
)";

constexpr std::string_view autologin = R"([Service]
ExecStart=
ExecStart=-/sbin/agetty --autologin root --keep-baud 115200,57600,38400,9600 - $TERM
)";

constexpr std::string_view minimal_init = R"(#!/bin/sh
exec /bin/busybox linuxrc "$@"
)";

constexpr std::string_view minimal_inittab = R"(::sysinit:/etc/init.d/rcS
::respawn:/usr/bin/env -i -C /root HOME=/root USER=root LOGNAME=root SHELL=/bin/bash TERM=vt220 LANG=C.UTF-8 PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin /bin/busybox cttyhack /bin/bash -l
::ctrlaltdel:/bin/busybox poweroff
::shutdown:/etc/init.d/rcK
)";

Result<void> add_full_configuration(RootTree& tree, const ImageOptions& options)
{
    TRY(tree.add_file("etc/systemd/network/80-ethernet.network", networkd_configuration));
    if (options.root_password || options.ssh_key)
        return {};
    return tree.add_file("etc/systemd/system/serial-getty@.service.d/autologin.conf", autologin);
}

Result<void> add_minimal_configuration(RootTree& tree)
{
    TRY(tree.add_file("usr/sbin/init", minimal_init, 0755));
    TRY(tree.add_file("etc/inittab", minimal_inittab));
    TRY(tree.add_file("etc/init.d/rcS", minimal_start_script(), 0755));
    TRY(tree.add_file("etc/init.d/rcK", minimal_stop_script(), 0755));
    for (const char* program : { "poweroff", "reboot", "halt" })
        TRY(tree.add_symlink(fmt::format("usr/sbin/{}", program), "/bin/busybox"));
    return {};
}

} // namespace

Result<std::vector<std::string>> packages_to_install(
    const ImageOptions& options, const PackageCheck& has, const PackageRecommendations& recommended_by)
{
    // apt counts itself as essential, and brings as much again as the rest
    bool is_full = options.flavour == Flavour::full;
    std::vector<std::string> packages { is_full ? "?essential" : "?and(?essential,?not(?exact-name(apt)))" };
    auto wanted = is_full ? std::span<const FlavourPackage>(full_packages) : std::span<const FlavourPackage>(minimal_packages);
    for (const auto& package : wanted)
        if (!package.optional || TRY(has(package.name)))
            packages.emplace_back(package.name);
    if (options.ssh_key)
        packages.emplace_back("openssh-server");
    for (const auto& name : options.packages) {
        packages.push_back(name);
        auto recommended = TRY(recommended_by(name));
        packages.insert(packages.end(), recommended.begin(), recommended.end());
    }
    return packages;
}

std::vector<std::string> services_to_enable(const ImageOptions& options)
{
    if (options.flavour == Flavour::minimal)
        return {};
    return { "systemd-networkd.service" };
}

std::span<const std::string_view> boot_modules(const ImageOptions& options)
{
    return options.flavour == Flavour::full ? std::span(full_modules).first(std::size(full_modules))
                                            : std::span<const std::string_view>(minimal_modules);
}

Result<void> add_configuration(RootTree& tree, const ImageOptions& options, const std::string& root_uuid)
{
    TRY(tree.add_file("etc/fstab", fmt::format("UUID={} / ext4 errors=remount-ro 0 1\n", root_uuid)));
    TRY(tree.add_file("etc/hostname", options.hostname + "\n"));
    TRY(tree.add_file(
        "etc/hosts", fmt::format("127.0.0.1 localhost\n127.0.1.1 {}\n::1 localhost ip6-localhost ip6-loopback\n", options.hostname)));
    TRY(tree.add_file("etc/apt/sources.list", apt_sources(options.suite, default_mirror, "")));
    TRY(tree.add_file("etc/default/locale", "LANG=C.UTF-8\n"));
    TRY(tree.add_file("etc/apt/apt.conf.d/80no-translations", "Acquire::Languages \"none\";\n")); // half of what apt-get update reads
    return options.flavour == Flavour::full ? add_full_configuration(tree, options) : add_minimal_configuration(tree);
}

u64 room_needed(const ImageOptions& options)
{
    constexpr u64 mebibyte = u64 { 1 } << 20;
    return options.flavour == Flavour::full ? 192 * mebibyte : 48 * mebibyte;
}

std::string command_line(const ImageOptions& options)
{
    return fmt::format("root=/dev/vda1 console=ttysclp0{}", options.flavour == Flavour::full ? "" : " quiet");
}

} // namespace zvisor::image
