#pragma once

#include "base/result.h"
#include "base/types.h"
#include "image/interrupt.h"
#include "image/process.h"
#include "image/progress.h"

#include <filesystem>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace zvisor::image {

/// A package apt chose, in the order it would unpack it.
struct PlannedPackage {
    std::string name;
    std::string version;
    std::string architecture;

    /// The name apt gives its file.
    [[nodiscard]] std::string file_name() const;
};

/// apt for s390x with a state of its own: configuration, sources, lists and downloads lie in the cache; of the host's apt only
/// the programs and the network settings (proxy, date checks) are used.
class PrivateApt {
public:
    static Result<PrivateApt> create(
        const std::filesystem::path& cache, const std::string& suite, const std::string& mirror, const Interrupt&);

    /// Brings the package lists; when a part of the archive cannot be reached, the lists that are there serve.
    Result<void> update(Progress&) const;
    /// Whether the suite has a package of that name.
    [[nodiscard]] Result<bool> has(std::string_view package) const;
    /// What a package recommends: of alternatives the first the suite has.
    [[nodiscard]] Result<std::vector<std::string>> recommended_by(std::string_view package) const;
    /// What installing `packages` (names, or patterns as in apt-patterns(7)) into an empty root takes.
    Result<std::vector<PlannedPackage>> plan(std::span<const std::string> packages) const;
    /// Brings the files of a plan into the cache; apt checks each against the signed lists.
    Result<void> download(std::span<const PlannedPackage> packages, Progress&) const;
    [[nodiscard]] std::filesystem::path file_of(const PlannedPackage& package) const { return m_archives / package.file_name(); }

private:
    PrivateApt(
        std::filesystem::path state, std::filesystem::path archives, std::string suite, std::string mirror, const Interrupt& interrupt)
        : m_state(std::move(state))
        , m_archives(std::move(archives))
        , m_suite(std::move(suite))
        , m_mirror(std::move(mirror))
        , m_interrupt(&interrupt)
    {
    }
    Result<void> write_configuration() const;
    [[nodiscard]] Result<std::string> show(std::string_view package) const;
    [[nodiscard]] Command command(std::vector<std::string> argv) const;
    [[nodiscard]] Error update_error(const Outcome&) const;
    [[nodiscard]] Error plan_error(const Outcome&) const;
    Result<void> check_space(u64 bytes) const;

    std::filesystem::path m_state;
    std::filesystem::path m_archives;
    std::string m_suite;
    std::string m_mirror;
    const Interrupt* m_interrupt;
};

/// Lines of sources.list for a suite. `options` goes between "deb" and the address, such as "[signed-by=…] ".
[[nodiscard]] std::string apt_sources(std::string_view suite, std::string_view mirror, std::string_view options);

/// The packages of `apt-get --simulate install`, in the order of its "Inst" lines.
[[nodiscard]] std::vector<PlannedPackage> parse_simulation(std::string_view text);

} // namespace zvisor::image
