#include "debug/options.h"

#include "debug/gdb/server.h"
#include "debug/perf_map.h"
#include "debug/region_trace.h"
#include "debug/trace_options.h"
#include "debug/tracer.h"

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <cstdio>
#include <cstring>
#include <fmt/format.h>
#include <optional>

namespace zvisor::debug {

namespace {

struct GdbOptions {
    u16 port { 0 };
    bool wait { false };
};

[[nodiscard]] Result<GdbOptions> parse_gdb(std::string_view text)
{
    GdbOptions options;
    auto comma = std::min(text.find(','), text.size());
    auto port = text.substr(0, comma);
    auto [end, error] = std::from_chars(port.data(), port.data() + port.size(), options.port);
    options.wait = text.substr(comma) == ",wait";
    if (error != std::errc {} || end != port.data() + port.size() || (comma < text.size() && !options.wait))
        return fail(fmt::format("--gdb '{}': expected PORT or PORT,wait, with a port number below 65536", text));
    return options;
}

/// Several observers as one: the debugger first, so that what it holds back is not traced.
class Observers final : public Observer {
public:
    void add(Observer& observer) { m_observers.push_back(&observer); }
    [[nodiscard]] bool empty() const { return m_observers.empty(); }

    [[nodiscard]] bool wants_careful(const Cpu& cpu) override
    {
        return std::ranges::any_of(m_observers, [&](auto* observer) { return observer->wants_careful(cpu); });
    }
    bool before_instruction(Cpu& cpu, u64 address, u64 bits, const isa::Row* row) override
    {
        return std::ranges::all_of(m_observers, [&](auto* observer) { return observer->before_instruction(cpu, address, bits, row); });
    }
    void interruption(Cpu& cpu, u64 old_at, const Psw& old) override
    {
        for (auto* observer : m_observers)
            observer->interruption(cpu, old_at, old);
    }
    void paused(Cpu& cpu) override
    {
        for (auto* observer : m_observers)
            observer->paused(cpu);
    }

private:
    std::vector<Observer*> m_observers;
};

class TranslationObservers final : public TranslationObserver {
public:
    void add(TranslationObserver& observer) { m_observers.push_back(&observer); }
    [[nodiscard]] bool empty() const { return m_observers.empty(); }

    void made_shared_code(std::span<const u8> code) override
    {
        for (auto* observer : m_observers)
            observer->made_shared_code(code);
    }
    void translated(const TranslatedBlock& block) override
    {
        for (auto* observer : m_observers)
            observer->translated(block);
    }

private:
    std::vector<TranslationObserver*> m_observers;
};

/// A hexadecimal address or a symbol.
[[nodiscard]] Result<u64> parse_region(std::string_view text, const Symbols& symbols)
{
    if (auto found = symbols.address_of(text))
        return *found;
    std::string_view digits = text.substr(text.starts_with("0x") ? 2 : 0);
    u64 address = 0;
    auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), address, 16);
    if (error == std::errc {} && end == digits.data() + digits.size() && address % 2 == 0)
        return address;
    return fail(fmt::format("--region '{}': expected an even address in hexadecimal, or a symbol of --symbols", text));
}

struct CloseFile {
    void operator()(std::FILE* file) const { std::fclose(file); }
};

} // namespace

struct DebugTools::Parts {
    Symbols symbols;
    TraceOptions trace;
    GdbOptions gdb;
    std::unique_ptr<std::FILE, CloseFile> file;
    std::unique_ptr<gdb::Server> server;
    std::optional<Tracer> tracer;
    Observers observers;
    std::unique_ptr<PerfMap> perf_map;
    std::optional<RegionTrace> region;
    TranslationObservers translations;

    Result<void> open_translations(const DebugOptions& options, const std::function<void(std::string_view)>& say)
    {
        if (options.perf_map) {
            perf_map = TRY(PerfMap::create(PerfMap::path_of_process(), symbols, say));
            translations.add(*perf_map);
        }
        if (!options.region.empty())
            translations.add(region.emplace(TRY(parse_region(options.region, symbols)), options.region_path, symbols));
        return {};
    }

    Result<void> open_trace(const DebugOptions& options, const std::function<void(std::string_view)>& say)
    {
        if (options.trace.empty() && options.trace_file.empty())
            return {};
        if (options.trace.empty())
            return fail("--trace-file says where a trace goes, but --trace does not say what to trace");
        trace = TRY(TraceOptions::parse(options.trace));
        Tracer::Write write = say;
        if (!options.trace_file.empty()) {
            file.reset(std::fopen(options.trace_file.c_str(), "w"));
            if (!file)
                return fail(fmt::format("cannot write the trace to '{}': {}", options.trace_file, std::strerror(errno)));
            write = [to = file.get()](std::string_view line) {
                std::fwrite(line.data(), 1, line.size(), to);
                std::fputc('\n', to);
            };
        }
        tracer.emplace(trace, symbols, std::move(write));
        observers.add(*tracer);
        return {};
    }

    Result<void> open_gdb(const DebugOptions& options)
    {
        if (options.gdb.empty())
            return {};
        gdb = TRY(parse_gdb(options.gdb));
        server = TRY(gdb::Server::listen(gdb.port));
        observers.add(server->debugger());
        return {};
    }

    [[nodiscard]] std::function<void(std::string_view)> line_writer(bool wanted, std::string_view kind)
    {
        if (!wanted)
            return {};
        return [this, kind](std::string_view text) { tracer->line(kind, text); };
    }
};

DebugTools::DebugTools(std::unique_ptr<Parts> parts)
    : m_parts(std::move(parts))
{
}

DebugTools::~DebugTools()
{
    stop();
}

Result<std::unique_ptr<DebugTools>> DebugTools::create(const DebugOptions& options, std::function<void(std::string_view)> say)
{
    auto parts = std::make_unique<Parts>();
    if (!options.symbols.empty())
        parts->symbols = TRY(Symbols::read(options.symbols));
    TRY_VOID(parts->open_gdb(options));
    TRY_VOID(parts->open_trace(options, say));
    TRY_VOID(parts->open_translations(options, say));
    if (parts->server)
        say(fmt::format(
            "zvisor: in gdb-multiarch: set architecture s390:64-bit; set endian big; target remote 127.0.0.1:{}", parts->server->port()));
    return std::unique_ptr<DebugTools>(new DebugTools(std::move(parts)));
}

Observer* DebugTools::observer()
{
    return m_parts->observers.empty() ? nullptr : &m_parts->observers;
}

TranslationObserver* DebugTools::translations()
{
    return m_parts->translations.empty() ? nullptr : &m_parts->translations;
}

std::string DebugTools::region_listing()
{
    return m_parts->region ? m_parts->region->listing() : "";
}

std::function<void(std::string_view)> DebugTools::channel_trace()
{
    return m_parts->line_writer(m_parts->trace.channel, "channel");
}

std::function<void(std::string_view)> DebugTools::service_trace()
{
    return m_parts->line_writer(m_parts->trace.service, "service");
}

const Symbols& DebugTools::symbols() const
{
    return m_parts->symbols;
}

void DebugTools::start(CpuGroup& group, std::function<void()> end)
{
    if (m_parts->region)
        m_parts->region->on_found(end);
    if (m_parts->server)
        m_parts->server->start(group, m_parts->gdb.wait, std::move(end));
}

void DebugTools::stop()
{
    if (m_parts->server)
        m_parts->server->stop();
}

} // namespace zvisor::debug
