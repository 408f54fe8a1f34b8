#include "prsm/store.h"

#include <array>
#include <filesystem>
#include <fmt/format.h>
#include <sqlite3.h>
#include <string_view>

namespace zvisor {

namespace {

/// Each brings the database from the version of its number to the next.
constexpr std::array versions {
    "CREATE TABLE process (partition TEXT PRIMARY KEY, pid INTEGER NOT NULL, start_time INTEGER NOT NULL) STRICT;"
    "CREATE TABLE property (partition TEXT NOT NULL, name TEXT NOT NULL, value TEXT NOT NULL, PRIMARY KEY (partition, name)) STRICT;"
    "CREATE TABLE audit (number INTEGER PRIMARY KEY AUTOINCREMENT, time TEXT NOT NULL DEFAULT (strftime('%Y-%m-%dT%H:%M:%fZ')),"
    " partition TEXT NOT NULL, text TEXT NOT NULL) STRICT;",
};

constexpr const char* settings = "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA busy_timeout = 2000;";

} // namespace

/// One statement with its values, for one use.
class Store::Statement {
public:
    Statement(sqlite3* database, std::string_view text)
    {
        sqlite3_prepare_v2(database, text.data(), static_cast<int>(text.size()), &m_statement, nullptr);
    }
    ~Statement() { sqlite3_finalize(m_statement); }
    Statement(const Statement&) = delete;
    Statement& operator=(const Statement&) = delete;

    Statement& with(const std::string& text)
    {
        sqlite3_bind_text(m_statement, ++m_bound, text.data(), static_cast<int>(text.size()), SQLITE_TRANSIENT);
        return *this;
    }
    Statement& with(u64 number)
    {
        sqlite3_bind_int64(m_statement, ++m_bound, static_cast<sqlite3_int64>(number));
        return *this;
    }
    /// SQLITE_ROW, SQLITE_DONE or an error.
    [[nodiscard]] int step() { return m_statement ? sqlite3_step(m_statement) : SQLITE_ERROR; }
    [[nodiscard]] u64 number(int column) { return static_cast<u64>(sqlite3_column_int64(m_statement, column)); }
    [[nodiscard]] std::string text(int column)
    {
        const auto* text = sqlite3_column_text(m_statement, column);
        return text ? reinterpret_cast<const char*>(text) : "";
    }

private:
    sqlite3_stmt* m_statement { nullptr };
    int m_bound { 0 };
};

Error Store::error(const char* what) const
{
    return { fmt::format("{}: {}: {}", m_path, what, sqlite3_errmsg(m_database)) };
}

Result<std::unique_ptr<Store>> Store::open(const std::string& path)
{
    std::error_code ignored;
    std::filesystem::create_directories(std::filesystem::path(path).parent_path(), ignored);
    sqlite3* database = nullptr;
    int status = sqlite3_open_v2(path.c_str(), &database, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_FULLMUTEX, nullptr);
    std::unique_ptr<Store> store(new Store(database, path));
    if (status != SQLITE_OK || sqlite3_exec(database, settings, nullptr, nullptr, nullptr) != SQLITE_OK)
        return std::unexpected(store->error("the machine's state cannot be opened"));
    Statement version(database, "PRAGMA user_version");
    u64 at = version.step() == SQLITE_ROW ? version.number(0) : versions.size() + 1;
    if (at > versions.size())
        return fail(fmt::format("{}: is the state of a newer zvisor or none at all", path));
    for (; at < versions.size(); ++at) {
        auto text = fmt::format("BEGIN; {} PRAGMA user_version = {}; COMMIT;", versions[at], at + 1);
        if (sqlite3_exec(database, text.c_str(), nullptr, nullptr, nullptr) != SQLITE_OK)
            return std::unexpected(store->error("the machine's state cannot be prepared"));
    }
    return store;
}

Store::~Store()
{
    sqlite3_close(m_database);
}

Result<std::optional<StoredProcess>> Store::process(const std::string& partition)
{
    Statement query(m_database, "SELECT pid, start_time FROM process WHERE partition = ?");
    int status = query.with(partition).step();
    if (status == SQLITE_ROW)
        return StoredProcess { .pid = static_cast<pid_t>(query.number(0)), .start_time = query.number(1) };
    if (status == SQLITE_DONE)
        return std::nullopt;
    return std::unexpected(error("the process of a partition cannot be looked up"));
}

Result<void> Store::set_process(const std::string& partition, std::optional<StoredProcess> process)
{
    Statement change(m_database,
        process ? "INSERT OR REPLACE INTO process (partition, pid, start_time) VALUES (?, ?, ?)"
                : "DELETE FROM process WHERE partition = ?");
    change.with(partition);
    if (process)
        change.with(static_cast<u64>(process->pid)).with(process->start_time);
    if (change.step() != SQLITE_DONE)
        return std::unexpected(error("the process of a partition cannot be stored"));
    return {};
}

Result<std::optional<std::string>> Store::property(const std::string& partition, const std::string& name)
{
    Statement query(m_database, "SELECT value FROM property WHERE partition = ? AND name = ?");
    int status = query.with(partition).with(name).step();
    if (status == SQLITE_ROW)
        return query.text(0);
    if (status == SQLITE_DONE)
        return std::nullopt;
    return std::unexpected(error("a property cannot be looked up"));
}

Result<void> Store::set_property(const std::string& partition, const std::string& name, const std::string& value)
{
    Statement change(m_database, "INSERT OR REPLACE INTO property (partition, name, value) VALUES (?, ?, ?)");
    if (change.with(partition).with(name).with(value).step() != SQLITE_DONE)
        return std::unexpected(error("a property cannot be stored"));
    return {};
}

Result<void> Store::log(const std::string& partition, const std::string& text)
{
    constexpr u64 kept = 100'000;
    Statement line(m_database, "INSERT INTO audit (partition, text) VALUES (?, ?)");
    if (line.with(partition).with(text).step() != SQLITE_DONE)
        return std::unexpected(error("the audit log cannot be written"));
    auto number = static_cast<u64>(sqlite3_last_insert_rowid(m_database));
    Statement old(m_database, "DELETE FROM audit WHERE number <= ?");
    if (number > kept && old.with(number - kept).step() != SQLITE_DONE)
        return std::unexpected(error("the audit log cannot be shortened"));
    return {};
}

Result<u64> Store::logged()
{
    Statement query(m_database, "SELECT count(*) FROM audit");
    if (query.step() != SQLITE_ROW)
        return std::unexpected(error("the audit log cannot be read"));
    return query.number(0);
}

} // namespace zvisor
