#pragma once

#include "base/result.h"
#include "base/types.h"
#include "image/tar_reader.h"

#include <filesystem>
#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace zvisor::image {

/// The guest's root as files of the host, made without privilege: owners are noted here instead of given to the files.
/// Every path is looked up as if the tree were the root, so no link in a package leads out of it.
class RootTree {
public:
    /// Who owns a file, where it is not root.
    struct Owner {
        u32 user = 0;
        u32 group = 0;
    };

    static Result<RootTree> create(const std::filesystem::path& root);

    RootTree(RootTree&&) noexcept;
    RootTree& operator=(RootTree&&) = delete;
    RootTree(const RootTree&) = delete;
    RootTree& operator=(const RootTree&) = delete;
    ~RootTree();

    [[nodiscard]] const std::filesystem::path& root() const { return m_root; }
    /// The same path without links in its folders, which must be there.
    Result<std::string> resolve(std::string_view path);
    [[nodiscard]] bool has(const std::string& resolved_path) const;

    /// Unpacks one member of an archive, its content from `reader`. A file replaces what stood there; a directory keeps a link to one.
    Result<void> add(const TarEntry&, TarReader& reader);
    Result<void> add_directory(std::string_view path, u32 permissions = 0755);
    /// A file of our own; its folder is made when it is missing.
    Result<void> add_file(std::string_view path, std::string_view content, u32 permissions = 0644);
    Result<void> add_symlink(std::string_view path, std::string_view target);

    /// Gives directories their permissions, and everything the time of its entry, at the latest `epoch`.
    Result<void> finish(i64 epoch);

    /// The newest time of any member added from an archive.
    [[nodiscard]] i64 newest() const { return m_newest; }
    /// Paths from the root ("usr/bin/chage"), without links in their folders, of what root does not own alone.
    [[nodiscard]] const std::map<std::string, Owner>& owners() const { return m_owners; }
    /// Bytes of 4 KiB blocks the content takes in a file system.
    [[nodiscard]] u64 content_bytes() const;
    [[nodiscard]] u64 entries() const;

private:
    struct Place {
        int folder = -1; ///< kept open by the tree
        std::string name;
        std::string path; ///< from the root, without links in its folders
    };
    struct Meta {
        u32 permissions = 0755;
        i64 modified = 0;
        bool is_directory = false;
        bool is_symlink = false;
    };

    RootTree(std::filesystem::path root, int fd)
        : m_root(std::move(root))
        , m_fd(fd)
    {
    }
    [[nodiscard]] bool is_directory(const std::string& path) const;
    Result<Place> place_of(std::string_view path);
    Result<int> open_folder(const std::string& path);
    Result<void> make_directory(const Place&);
    Result<void> make_file(const Place&, const std::function<Result<void>(int fd)>& fill);
    Result<void> make_symlink(const Place&, const std::string& target);
    Result<void> make_hard_link(const Place&, const std::string& target);
    void note(const Place&, const TarEntry&);
    void note(const Place&, TarKind, u32 permissions);

    std::filesystem::path m_root;
    int m_fd;
    int m_folder_fd = -1; ///< the folder used last, m_folder
    std::string m_folder;
    std::string m_folder_path;
    std::map<std::string, Meta> m_entries;
    std::map<std::string, Owner> m_owners;
    i64 m_newest = 0;
};

} // namespace zvisor::image
