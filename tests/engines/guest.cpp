#include "guest.h"

#include <cstring>

namespace zvisor::engines {

namespace {

/// In a wait that something may end, if there were anything.
[[nodiscard]] bool waits_for_ever(const Cpu& cpu)
{
    constexpr u64 enables = Psw::io_bit | Psw::external_bit | Psw::machine_check_bit;
    return cpu.psw_fields().wait() && (cpu.psw_fields().mask & enables);
}

[[nodiscard]] bool is_zero(const u8* page)
{
    return page[0] == 0 && std::memcmp(page, page + 1, page_size - 1) == 0;
}

} // namespace

void InterruptionLog::interruption(Cpu& cpu, u64 old_at, const Psw& old)
{
    if (++taken == most || waits_for_ever(cpu))
        cpu.order_stop(false);
    if (old_at == lowcore::program_old_psw)
        excepted.push_back({ cpu.op->address, cpu.op->length });
    auto add = [this](u64 value) { hash = (hash ^ value) * 0x9e3779b97f4a7c15 + (hash >> 29); };
    add(old_at);
    add(old.mask);
    add(old.address);
    for (u64 value : cpu.gr)
        add(value);
    const u8* low = cpu.storage().host() + cpu.prefix;
    for (u64 at = lowcore::external_parameter; at < lowcore::subsystem_id; at += 8)
        add(load_be<u64>(low + at));
}

Guest::Guest(EngineKind kind, const EngineOptions& options)
{
    m_group.set_observer(&log);
    if (kind == EngineKind::interpreter) {
        auto engine = std::make_unique<Interpreter>(*storage);
        m_interpreter = engine.get();
        cpu.set_engine(std::move(engine));
    } else {
        auto engine = std::make_unique<Translator>(*storage, options);
        m_translator = engine.get();
        cpu.set_engine(std::move(engine));
    }
}

Guest::~Guest() = default;

void Guest::prepare(const Case& made)
{
    // Nothing is being made of the case before any more.
    cpu.clear_reset();
    clear_touched();
    m_changes_unnoticed = made.system;
    m_facilities = made.facilities;
    cpu.clear_reset();
    if (m_translator) {
        constexpr u64 most_blocks = 7;
        m_translator->set_delay(1 + made.seed % most_blocks);
        m_translator->set_patience(made.patience);
        m_translator->set_path_patience(made.patience);
    }
    cpu.cr = made.control;
    cpu.ar = made.access;
    cpu.vr = made.vector;
    cpu.fpc = made.fpc;
    cpu.retired = 0;
    cpu.interruptions = {};
    log.clear();
    cpu.load_psw({});
    cpu.control_registers_changed();
    for (u64 page = 0; page < Pages().size(); ++page)
        storage->set_key(page * page_size, { made.keys[page] });
    cpu.purge_all();
}

void Guest::prepare(const Part& part)
{
    for (const Patch& patch : part.patches)
        put(patch);
    log.excepted.clear();
    if (!part.program.empty())
        put({ part.program_at, part.program });
    if (part.tables) {
        put(*part.tables);
        m_tables = part.tables->bytes;
        cpu.purge_all();
    }
    if (part.general)
        std::copy(part.general->begin(), part.general->end(), cpu.gr.begin());
    cpu.load_psw({ part.psw_mask, part.psw_address });
}

void Guest::put(const Patch& patch)
{
    std::memcpy(storage->host() + patch.address, patch.bytes.data(), patch.bytes.size());
    storage->notice_code(patch.address, patch.bytes.size());
    for (u64 page = patch.address / page_size; page * page_size < patch.address + patch.bytes.size(); ++page)
        m_patched[page] = true;
    cpu.answer_requests();
}

bool Guest::run_bounded(u64 most)
{
    for (u64 end = cpu.retired + most; cpu.retired < end;) {
        if (waits_for_ever(cpu))
            return false;
        if (cpu.pending() && !cpu.handle_pending())
            return !cpu.stop_ordered();
        try {
            m_interpreter->execute_block(cpu);
        } catch (const ProgramInterruption& interruption) {
            m_interpreter->interrupt(cpu, interruption);
        }
    }
    return false;
}

bool Guest::changed_tables() const
{
    return std::memcmp(storage->host() + Layout::segment_tables, m_tables.data(), m_tables.size()) != 0;
}

Guest::Pages Guest::touched() const
{
    Pages pages = m_patched;
    for (u64 page = 0; page < pages.size(); ++page)
        if (storage->key(page * page_size).value & StorageKey::change)
            pages[page] = true;
    return pages;
}

void Guest::clear_touched()
{
    Pages pages = touched();
    for (u64 page = 0; page < pages.size(); ++page) {
        u8* host = storage->host() + page * page_size;
        if (pages[page] || (m_changes_unnoticed && !is_zero(host)))
            std::memset(host, 0, page_size);
    }
    m_patched.reset();
}

} // namespace zvisor::engines
