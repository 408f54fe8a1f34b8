#include "debug/perf_map.h"

#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

namespace zvisor::debug {

namespace {

constexpr mode_t owner_only = 0600;
constexpr int safely = O_WRONLY | O_APPEND | O_NOFOLLOW | O_CLOEXEC;

/// Whether a file that was there is one that this user's perf maps are: no one else can write or has another name for it.
[[nodiscard]] bool is_own(int file)
{
    struct stat found {};
    return fstat(file, &found) == 0 && S_ISREG(found.st_mode) && found.st_uid == geteuid() && found.st_nlink == 1
        && (found.st_mode & (S_IWGRP | S_IWOTH)) == 0;
}

[[nodiscard]] Result<int> open_again(const std::string& path)
{
    int file = open(path.c_str(), safely | O_NONBLOCK);
    if (file >= 0 && is_own(file) && ftruncate(file, 0) == 0)
        return file;
    if (file >= 0)
        close(file);
    return fail(fmt::format("cannot write the map for perf: '{}' exists and is not a file of this user's alone", path));
}

} // namespace

Result<std::unique_ptr<PerfMap>> PerfMap::create(const std::string& path, const Symbols& symbols, Say say)
{
    int file = open(path.c_str(), safely | O_CREAT | O_EXCL, owner_only);
    if (file < 0 && errno == EEXIST)
        file = TRY(open_again(path));
    if (file < 0)
        return fail(fmt::format("cannot write the map for perf to '{}': {}", path, std::strerror(errno)));
    return std::unique_ptr<PerfMap>(new PerfMap(file, path, symbols, std::move(say)));
}

std::string PerfMap::path_of_process()
{
    return fmt::format("/tmp/perf-{}.map", getpid());
}

PerfMap::PerfMap(int file, std::string path, const Symbols& symbols, Say say)
    : m_file(file)
    , m_path(std::move(path))
    , m_symbols(symbols)
    , m_say(std::move(say))
{
}

PerfMap::~PerfMap()
{
    close(m_file);
}

void PerfMap::made_shared_code(std::span<const u8> code)
{
    write(code, "zvisor: ways in and out of translated code");
}

void PerfMap::translated(const TranslatedBlock& block)
{
    std::string symbol = m_symbols.name(block.address);
    write(block.code, fmt::format("{}{}guest {:#x}", symbol, symbol.empty() ? "" : " ", block.address));
}

/// One call a line, so that lines of several CPUs do not mix.
void PerfMap::write(std::span<const u8> code, std::string_view name)
{
    if (m_failed)
        return;
    std::string line = fmt::format("{:x} {:x} {}\n", reinterpret_cast<u64>(code.data()), code.size(), name);
    if (::write(m_file, line.data(), line.size()) != static_cast<ssize_t>(line.size()) && !m_failed.exchange(true))
        m_say(fmt::format("zvisor: the map for perf, '{}', ends here: {}", m_path, std::strerror(errno)));
}

} // namespace zvisor::debug
