#pragma once

#include "base/result.h"
#include "cpu/cpu_group.h"
#include "debug/symbols.h"
#include "engine/observer.h"
#include "engine/translation_observer.h"

#include <functional>
#include <memory>
#include <string>
#include <string_view>

namespace zvisor::debug {

/// What a user asked for to look into a machine; empty is nothing.
struct DebugOptions {
    /// See TraceOptions::parse.
    std::string trace;
    /// File the trace goes to, replaced when it exists; standard error when empty.
    std::string trace_file;
    /// s390x ELF file or System.map with the guest's symbols.
    std::string symbols;
    /// "PORT" or "PORT,wait".
    std::string gdb;
    /// A map of translated code for perf.
    bool perf_map { false };
    /// Guest address, in hexadecimal or as a symbol, whose translation is listed.
    std::string region;
    /// Only as the path that it becomes when it is executed often.
    bool region_path { false };
};

/// Tracing and debugging of one machine, built from what the user asked for. Must outlive the machine.
class DebugTools {
public:
    /// Opens files and the port. `say` writes zvisor's own lines to the user's terminal.
    [[nodiscard]] static Result<std::unique_ptr<DebugTools>> create(const DebugOptions& options, std::function<void(std::string_view)> say);
    ~DebugTools();
    DebugTools(const DebugTools&) = delete;
    DebugTools& operator=(const DebugTools&) = delete;

    /// What the machine's CPUs are to be observed by; null when nothing was asked for.
    [[nodiscard]] Observer* observer();
    /// What is to see translations; null when nothing was asked for.
    [[nodiscard]] TranslationObserver* translations();
    /// The listing of the region that was asked for; empty when it has not been translated.
    [[nodiscard]] std::string region_listing();
    /// Takes the lines of channel commands or service calls; empty unless those are traced.
    [[nodiscard]] std::function<void(std::string_view)> channel_trace();
    [[nodiscard]] std::function<void(std::string_view)> service_trace();
    [[nodiscard]] const Symbols& symbols() const;

    /// Before the machine runs: begins to serve gdb. `end` ends the machine, also when the region was translated.
    void start(CpuGroup& group, std::function<void()> end);
    /// After the machine ran, before it is taken apart.
    void stop();

private:
    struct Parts;
    explicit DebugTools(std::unique_ptr<Parts> parts);
    std::unique_ptr<Parts> m_parts;
};

} // namespace zvisor::debug
