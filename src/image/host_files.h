#pragma once

#include "base/result.h"
#include "image/interrupt.h"

#include <filesystem>
#include <functional>
#include <string>
#include <string_view>
#include <sys/types.h>

namespace zvisor::image {

/// Creates or replaces a file with exactly these permissions.
Result<void> write_file(const std::filesystem::path&, std::string_view content, mode_t permissions = 0644);

Result<std::string> read_file(const std::filesystem::path&);

/// A directory of our own inside another, readable by us alone; removed with all it holds.
class WorkDirectory {
public:
    static Result<WorkDirectory> create(const std::filesystem::path& parent);

    WorkDirectory(WorkDirectory&&) noexcept;
    WorkDirectory& operator=(WorkDirectory&&) = delete;
    WorkDirectory(const WorkDirectory&) = delete;
    WorkDirectory& operator=(const WorkDirectory&) = delete;
    ~WorkDirectory();

    [[nodiscard]] const std::filesystem::path& path() const { return m_path; }
    /// Removes those a killed process left in `parent`; whoever calls it holds the lock of `parent`.
    static void remove_stale(const std::filesystem::path& parent);

private:
    explicit WorkDirectory(std::filesystem::path path)
        : m_path(std::move(path))
    {
    }

    std::filesystem::path m_path;
};

/// A file that comes to its name only when it is whole; removed when it is not kept.
class PartialFile {
public:
    /// An empty file beside `final_path`, readable by us alone.
    static Result<PartialFile> create(const std::filesystem::path& final_path);

    PartialFile(PartialFile&&) noexcept;
    PartialFile& operator=(PartialFile&&) = delete;
    PartialFile(const PartialFile&) = delete;
    PartialFile& operator=(const PartialFile&) = delete;
    ~PartialFile();

    [[nodiscard]] const std::filesystem::path& path() const { return m_path; }
    /// Gives the file its final name, replacing a file of that name.
    Result<void> keep();

private:
    PartialFile(std::filesystem::path path, std::filesystem::path final_path)
        : m_path(std::move(path))
        , m_final_path(std::move(final_path))
    {
    }

    std::filesystem::path m_path;
    std::filesystem::path m_final_path;
};

/// The only user of a directory, which is made when it is missing: others wait, and `waiting` is called before that.
class DirectoryLock {
public:
    static Result<DirectoryLock> take(const std::filesystem::path& directory, const Interrupt&, const std::function<void()>& waiting);

    DirectoryLock(DirectoryLock&&) noexcept;
    DirectoryLock& operator=(DirectoryLock&&) = delete;
    DirectoryLock(const DirectoryLock&) = delete;
    DirectoryLock& operator=(const DirectoryLock&) = delete;
    ~DirectoryLock();

private:
    explicit DirectoryLock(int fd)
        : m_fd(fd)
    {
    }

    int m_fd;
};

} // namespace zvisor::image
