#pragma once

#include "base/result.h"
#include "base/types.h"

#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace zvisor::image {

/// What kind of root a guest gets.
enum class Flavour {
    full,    ///< systemd, udev, network, a login on the console
    minimal, ///< Debian's essential packages and a root shell on the console
};

/// Everything that decides what `zvisor image debian` makes.
struct ImageOptions {
    std::filesystem::path output; ///< the raw disk; its kernel and initrd lie beside it
    Flavour flavour = Flavour::full;
    std::string suite = "bookworm";           ///< a code name or class of Debian: bookworm, trixie, stable, sid
    u64 size = u64 { 4 } << 30;               ///< of the disk in bytes, a multiple of 1 MiB
    std::vector<std::string> packages;        ///< besides those of the flavour
    std::optional<std::string> root_password; ///< without it root has no password that fits
    std::optional<std::string> ssh_key;       ///< one line of a public key for root; brings openssh-server
    std::string hostname = "zvisor";
    std::string mirror = "http://deb.debian.org/debian";
    std::vector<std::string> machine; ///< command template that runs the second stage; empty: this program
    bool force = false;               ///< replace existing files
    std::filesystem::path cache;      ///< downloads, package lists, work in progress
};

/// The files an image consists of.
[[nodiscard]] std::filesystem::path kernel_beside(const std::filesystem::path& output);
[[nodiscard]] std::filesystem::path initrd_beside(const std::filesystem::path& output);

/// Bytes of "4G", "1536M", "2097152K" or a plain number; a whole number of MiB from 64 MiB to 1 TiB.
Result<u64> parse_size(std::string_view text);

/// Names split at commas; each must be a name Debian's policy allows.
Result<std::vector<std::string>> parse_packages(std::string_view text);

/// The first public key of an OpenSSH file.
Result<std::string> read_ssh_key(const std::filesystem::path& file);

/// Checks every field against what it may hold, and that no file would be overwritten.
Result<void> validate(const ImageOptions&);

/// ${XDG_CACHE_HOME:-~/.cache}/zvisor
Result<std::filesystem::path> default_cache();

} // namespace zvisor::image
