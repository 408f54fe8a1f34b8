#pragma once

#include "base/result.h"
#include "base/types.h"
#include "image/interrupt.h"
#include "image/root_tree.h"

#include <array>
#include <filesystem>
#include <string>
#include <string_view>

namespace zvisor::image {

/// A raw disk with one Linux partition that starts at 1 MiB and holds an ext4 file system.
struct DiskLayout {
    std::filesystem::path file;
    u64 size = 0;     ///< bytes, a multiple of 1 MiB
    i64 epoch = 0;    ///< every time the file system records, seconds since 1970
    std::string uuid; ///< of the file system
};

inline constexpr u64 partition_offset = u64 { 1 } << 20;

/// A name-based UUID (the form of RFC 9562, version 8): the same text gives the same UUID.
[[nodiscard]] std::string uuid_from(std::string_view text);

/// The first sector of a disk with one partition of type Linux, from 1 MiB to the end; `signature` is the disk's own number.
[[nodiscard]] std::array<u8, 512> partition_table(u64 disk_size, u32 signature);

/// The disk a tree needs: its content, the file system's own tables, and `room` bytes for what the second stage adds.
[[nodiscard]] u64 disk_size_needed(const RootTree&, u64 room);

/// Writes partition table and file system. The same tree and layout give the same bytes. `work` holds passing files.
Result<void> make_disk(const DiskLayout&, const RootTree&, const std::filesystem::path& work, const Interrupt&);

/// Fails unless the file system was unmounted cleanly and e2fsck finds nothing to repair.
Result<void> check_disk(const std::filesystem::path& file, const Interrupt&);

} // namespace zvisor::image
