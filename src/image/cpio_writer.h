#pragma once

#include "base/types.h"

#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace zvisor::image {

/// Builds a cpio archive in the "newc" form the kernel unpacks as its initramfs (Linux, Documentation/driver-api/early-userspace).
/// Every entry belongs to root and has time 0, so the same entries give the same bytes.
class CpioWriter {
public:
    void add_directory(std::string_view path, u32 permissions = 0755);
    void add_file(std::string_view path, std::string_view content, u32 permissions = 0644);
    void add_symlink(std::string_view path, std::string_view target);
    void add_character_device(std::string_view path, u32 major, u32 minor, u32 permissions = 0600);

    /// Ends the archive and gives its bytes.
    [[nodiscard]] std::string finish() &&;

private:
    struct Device {
        u32 major = 0;
        u32 minor = 0;
    };
    void add(std::string_view path, u32 mode, std::string_view content, Device device);
    void add(std::string_view path, u32 mode, std::string_view content) { add(path, mode, content, Device()); }

    std::string m_bytes;
    u32 m_next_inode = 1;
};

} // namespace zvisor::image
