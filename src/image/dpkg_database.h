#pragma once

#include "base/result.h"
#include "base/types.h"
#include "image/interrupt.h"
#include "image/package_file.h"
#include "image/root_tree.h"

#include <filesystem>
#include <map>
#include <set>
#include <string>
#include <string_view>
#include <vector>

namespace zvisor::image {

/// Unpacks packages into a tree and keeps dpkg's own account of them there, so that `dpkg --configure` inside the guest goes on from
/// "unpacked" (dpkg(1), deb-triggers(5)).
class DpkgDatabase {
public:
    DpkgDatabase(RootTree& tree, const Interrupt& interrupt)
        : m_tree(tree)
        , m_interrupt(interrupt)
    {
    }

    /// Unpacks one package file.
    Result<void> unpack(const std::filesystem::path& file);
    /// Writes status, triggers and, for apt, which packages nobody in `requested` asked for.
    Result<void> finish(const std::set<std::string>& requested);

    /// A line "package architecture script" for each package with a preinst script, in the order they were unpacked.
    [[nodiscard]] const std::string& preinst_list() const { return m_preinst_list; }
    [[nodiscard]] std::size_t packages() const { return m_packages.size(); }

private:
    struct Unpacked {
        PackageControl control;
        std::vector<std::string> configuration_files; ///< from the root, "etc/fstab"
    };

    Result<void> write_info(const PackageControl&, const std::string& list);
    Result<bool> yields_to_earlier(const PackageControl&, const TarEntry&, std::size_t package);
    void note_triggers(const PackageControl&);
    Result<std::map<std::string, std::string>> checksums_of_configuration_files() const;

    RootTree& m_tree;
    const Interrupt& m_interrupt;
    std::vector<Unpacked> m_packages;
    std::map<std::string, std::size_t> m_package_of_path;
    std::map<std::string, std::string> m_explicit_triggers;
    std::string m_file_triggers;
    std::string m_preinst_list;
};

} // namespace zvisor::image
