#pragma once

#include "base/result.h"
#include "base/types.h"

#include <memory>
#include <optional>
#include <string>
#include <sys/types.h>

struct sqlite3;

namespace zvisor {

/// The process of an activated partition, as another firmware finds it again.
struct StoredProcess {
    pid_t pid { 0 };
    u64 start_time { 0 };

    friend bool operator==(const StoredProcess&, const StoredProcess&) = default;
};

/// What of a machine survives its firmware: which partitions are activated and in which processes, what an operator changed of their
/// definition, and the audit log; a SQLite database. What a method has stored is on disk when it returns. May be used from any thread.
class Store {
public:
    /// Opens or makes the database of a machine at `path`.
    [[nodiscard]] static Result<std::unique_ptr<Store>> open(const std::string& path);
    ~Store();
    Store(const Store&) = delete;
    Store& operator=(const Store&) = delete;

    /// The partition's process; nothing for a partition that is not activated.
    [[nodiscard]] Result<std::optional<StoredProcess>> process(const std::string& partition);
    [[nodiscard]] Result<void> set_process(const std::string& partition, std::optional<StoredProcess> process);

    /// A property an operator changed, as text; nothing where the definition holds.
    [[nodiscard]] Result<std::optional<std::string>> property(const std::string& partition, const std::string& name);
    [[nodiscard]] Result<void> set_property(const std::string& partition, const std::string& name, const std::string& value);

    /// Adds a line to the audit log, of which the last hundred thousand are kept.
    [[nodiscard]] Result<void> log(const std::string& partition, const std::string& text);
    [[nodiscard]] Result<u64> logged();

private:
    Store(sqlite3* database, std::string path)
        : m_database(database)
        , m_path(std::move(path))
    {
    }
    class Statement;
    [[nodiscard]] Error error(const char* what) const;

    sqlite3* m_database;
    std::string m_path;
};

} // namespace zvisor
