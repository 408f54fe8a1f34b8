#include "image/host_files.h"

#include <cerrno>
#include <chrono>
#include <cstring>
#include <fcntl.h>
#include <fmt/format.h>
#include <fstream>
#include <sstream>
#include <sys/file.h>
#include <sys/stat.h>
#include <thread>
#include <unistd.h>

namespace zvisor::image {

namespace {

constexpr std::string_view work_prefix = "work-";

Result<void> write_all(int fd, std::string_view content)
{
    while (!content.empty()) {
        ssize_t count = ::write(fd, content.data(), content.size());
        if (count < 0)
            return fail(std::strerror(errno));
        content.remove_prefix(static_cast<std::size_t>(count));
    }
    return {};
}

} // namespace

Result<void> write_file(const std::filesystem::path& path, std::string_view content, mode_t permissions)
{
    ::unlink(path.c_str());
    int fd = ::open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, permissions);
    if (fd < 0)
        return fail(fmt::format("{}: cannot be written: {}", path.string(), std::strerror(errno)));
    ::fchmod(fd, permissions);
    auto written = write_all(fd, content);
    ::close(fd);
    if (!written)
        return fail(fmt::format("{}: cannot be written: {}", path.string(), written.error().message));
    return {};
}

Result<std::string> read_file(const std::filesystem::path& path)
{
    std::ifstream stream(path, std::ios::binary);
    std::ostringstream content;
    if (!stream || !(content << stream.rdbuf()))
        return fail(fmt::format("{}: cannot be read", path.string()));
    return std::move(content).str();
}

Result<WorkDirectory> WorkDirectory::create(const std::filesystem::path& parent)
{
    std::string pattern = (parent / fmt::format("{}XXXXXX", work_prefix)).string();
    if (!::mkdtemp(pattern.data()))
        return fail(fmt::format("{}: cannot make a directory there: {}", parent.string(), std::strerror(errno)));
    return WorkDirectory(pattern);
}

WorkDirectory::WorkDirectory(WorkDirectory&& other) noexcept
    : m_path(std::exchange(other.m_path, {}))
{
}

WorkDirectory::~WorkDirectory()
{
    std::error_code ignored;
    if (!m_path.empty())
        std::filesystem::remove_all(m_path, ignored);
}

void WorkDirectory::remove_stale(const std::filesystem::path& parent)
{
    std::error_code ignored;
    for (const auto& entry : std::filesystem::directory_iterator(parent, ignored))
        if (entry.path().filename().string().starts_with(work_prefix))
            std::filesystem::remove_all(entry.path(), ignored);
}

Result<PartialFile> PartialFile::create(const std::filesystem::path& final_path)
{
    auto folder = std::filesystem::absolute(final_path).parent_path();
    std::string pattern = (folder / fmt::format(".{}.XXXXXX", final_path.filename().string())).string();
    int fd = ::mkostemp(pattern.data(), O_CLOEXEC);
    if (fd < 0)
        return fail(fmt::format("{}: cannot be written: {}", final_path.string(), std::strerror(errno)));
    ::close(fd);
    return PartialFile(pattern, final_path);
}

PartialFile::PartialFile(PartialFile&& other) noexcept
    : m_path(std::exchange(other.m_path, {}))
    , m_final_path(std::move(other.m_final_path))
{
}

PartialFile::~PartialFile()
{
    if (!m_path.empty())
        ::unlink(m_path.c_str());
}

Result<void> PartialFile::keep()
{
    if (::rename(m_path.c_str(), m_final_path.c_str()) != 0)
        return fail(fmt::format("{}: cannot be written: {}", m_final_path.string(), std::strerror(errno)));
    m_path.clear();
    return {};
}

Result<DirectoryLock> DirectoryLock::take(
    const std::filesystem::path& directory, const Interrupt& interrupt, const std::function<void()>& waiting)
{
    std::error_code error;
    std::filesystem::create_directories(directory, error);
    int fd = ::open(directory.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0)
        return fail(fmt::format("{}: cannot be used for downloads: {}", directory.string(), std::strerror(errno)));
    DirectoryLock lock(fd);
    for (bool told = false; ::flock(fd, LOCK_EX | LOCK_NB) != 0; std::this_thread::sleep_for(std::chrono::milliseconds(200))) {
        TRY(interrupt.check());
        if (!std::exchange(told, true))
            waiting();
    }
    return lock;
}

DirectoryLock::DirectoryLock(DirectoryLock&& other) noexcept
    : m_fd(std::exchange(other.m_fd, -1))
{
}

DirectoryLock::~DirectoryLock()
{
    if (m_fd >= 0)
        ::close(m_fd);
}

} // namespace zvisor::image
