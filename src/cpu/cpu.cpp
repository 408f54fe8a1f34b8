#include "cpu/cpu.h"

#include "arch/control.h"
#include "arch/per.h"
#include "cpu/cpu_group.h"
#include "cpu/engine.h"

#include <utility>

namespace zvisor {

namespace {

constexpr std::size_t most_spaces = 16;
constexpr u64 condition_and_program_mask = bit_mask<18, 23>;

} // namespace

Cpu::Cpu(CpuGroup& group, u16 address)
    : m_group(group)
    , m_address(address)
    , m_group_storage(&group.storage())
    , m_facilities(&group.facilities())
    , m_host(group.storage().host())
{
    clear_reset();
}

/// An engine's threads may call the CPU until it is gone.
Cpu::~Cpu()
{
    m_engine = nullptr;
}

void Cpu::set_engine(std::unique_ptr<Engine> engine)
{
    m_engine = std::move(engine);
}

Psw Cpu::psw() const
{
    u64 mask = with_bits<18, 19>(m_psw.mask, m_cc);
    return { with_bits<20, 23>(mask, m_program_mask), next };
}

void Cpu::load_psw(const Psw& psw)
{
    m_cc = psw.condition_code();
    u8 mask_before = std::exchange(m_program_mask, psw.program_mask());
    next = psw.address;
    set_psw_mask(psw.mask);
    if (mask_before != m_program_mask)
        update_mode();
    if (!psw.is_valid()) {
        m_psw.mask = psw.mask;
        m_early_exception = true;
        notify(Pending::interruption);
    }
}

void Cpu::set_psw_mask(u64 mask)
{
    constexpr u64 decides_spaces = Psw::per_bit | Psw::dat_bit | bit_mask<8, 11> | bit_mask<16, 17>;
    constexpr u64 decides_mode = Psw::per_bit | Psw::problem_bit | Psw::extended_addressing_bit | Psw::basic_addressing_bit;
    constexpr u64 enables = Psw::io_bit | Psw::external_bit | Psw::machine_check_bit;
    u64 changed = m_psw.mask ^ mask;
    u64 enabled = mask & ~m_psw.mask & enables;
    m_psw.mask = mask & ~condition_and_program_mask;
    if (changed & decides_mode)
        update_mode();
    if (changed & decides_spaces)
        select_spaces();
    if (enabled && m_attention.load(std::memory_order_relaxed))
        notify(Pending::interruption);
    if (mask & Psw::wait_bit)
        notify(Pending::wait);
}

void Cpu::set_addressing_mode(unsigned bits)
{
    u64 mask = m_psw.mask & ~(Psw::extended_addressing_bit | Psw::basic_addressing_bit);
    if (bits >= 31)
        mask |= Psw::basic_addressing_bit;
    if (bits == 64)
        mask |= Psw::extended_addressing_bit;
    set_psw_mask(mask);
}

void Cpu::update_mode()
{
    unsigned amode = m_psw.addressing_mode();
    m_address_mask = zvisor::address_mask(amode);
    u8 mode = amode == 64 ? ExecutionMode::amode_64 : amode == 31 ? ExecutionMode::amode_31 : u8 { 0 };
    if (m_psw.problem())
        mode |= ExecutionMode::problem;
    if (cr[0] & cr0::afp_register) {
        mode |= ExecutionMode::afp_registers;
        if (cr[0] & cr0::vector)
            mode |= ExecutionMode::vector;
    }
    if (m_careful || m_psw.per())
        mode |= ExecutionMode::careful;
    if (m_program_mask & 8)
        mode |= ExecutionMode::overflow;
    m_mode = mode;
}

void Cpu::set_careful(bool on)
{
    m_careful = on;
    update_mode();
}

void Cpu::control_registers_changed()
{
    update_mode();
    select_spaces();
    if ((cr[0] & timer_subclasses) != m_timer_subclasses)
        update_timer_deadline();
    if (m_attention.load(std::memory_order_relaxed))
        notify(Pending::interruption);
}

void Cpu::require_supervisor()
{
    if (problem_state())
        program(ProgramCode::privileged_operation);
}

void Cpu::program(ProgramCode code)
{
    throw ProgramInterruption { .code = code };
}

void Cpu::data_exception(DataCode code)
{
    throw ProgramInterruption { .code = ProgramCode::data, .data_code = static_cast<u8>(code) };
}

// ---- Spaces ------------------------------------------------------------------------------------------------

DatFeatures Cpu::dat_features() const
{
    bool edat = cr[0] & cr0::edat;
    return { .edat_1 = edat && has(Facility::edat_1),
        .edat_2 = edat && has(Facility::edat_2),
        .instruction_execution_protection
        = (cr[0] & cr0::instruction_execution_protection) && has(Facility::instruction_execution_protection) };
}

u64 Cpu::space_controls(bool private_space) const
{
    u64 controls = cr[0] & (cr0::edat | cr0::instruction_execution_protection | cr0::storage_protection_override);
    if (!private_space)
        controls |= cr[0] & (cr0::low_address_protection | cr0::fetch_protection_override);
    if (m_psw.per() && (cr[9] & per::storage_alteration))
        controls |= SpaceKey::watch_stores;
    return controls;
}

Asce Cpu::asce_of(AddressSpaceControl space) const
{
    switch (space) {
    case AddressSpaceControl::secondary:
        return { cr[7] };
    case AddressSpaceControl::home:
        return { cr[13] };
    default:
        return { cr[1] };
    }
}

Space& Cpu::find_space(const SpaceKey& key)
{
    Space* oldest = nullptr;
    for (auto& space : m_spaces) {
        if (space->key == key) {
            space->last_used = ++m_space_use;
            return *space;
        }
        if (space.get() != m_data && space.get() != m_code && (!oldest || space->last_used < oldest->last_used))
            oldest = space.get();
    }
    if (m_spaces.size() < most_spaces) {
        m_spaces.push_back(std::make_unique<Space>());
        oldest = m_spaces.back().get();
    }
    oldest->key = key;
    oldest->purge();
    oldest->forget_code(++m_generation);
    oldest->last_used = ++m_space_use;
    return *oldest;
}

Space& Cpu::space_of(Asce asce, u8 key)
{
    if (asce.real_space())
        return find_space({ .asce = asce.value & bit_mask<58>, .psw_key = key, .controls = space_controls(asce.private_space()) });
    return find_space(
        { .asce = asce.value & ~bit_mask<56, 57>, .dat = true, .psw_key = key, .controls = space_controls(asce.private_space()) });
}

Space& Cpu::real_space()
{
    return find_space({ .psw_key = m_psw.key(), .controls = space_controls(false) });
}

void Cpu::select_spaces()
{
    u8 key = m_psw.key();
    // Neither may be recycled for the other.
    m_data = m_code = nullptr;
    if (!m_psw.dat()) {
        m_data = m_code = &real_space();
        return settle_code();
    }
    auto space = m_psw.space();
    bool home = space == AddressSpaceControl::home;
    m_code = &space_of(asce_of(home ? space : AddressSpaceControl::primary), key);
    settle_code();
    if (space == AddressSpaceControl::access_register)
        m_data = &find_space({ .dat = true, .access_register = true, .psw_key = key });
    else
        m_data = &space_of(asce_of(space), key);
}

void Cpu::purge(const Purge& what)
{
    constexpr u64 table_bits = bit_mask<0, 51>;
    for (auto& space : m_spaces) {
        bool named = what.kind == Purge::Kind::all || ((space->key.asce ^ what.value) & table_bits) == 0;
        if (what.kind == Purge::Kind::pages)
            for (u64 i = 0; i < what.count; ++i)
                space->purge_page(what.value + i * page_size, what.entry + i * 8);
        else if (named)
            space->purge();
    }
    if (m_code)
        settle_code();
}

void Cpu::drop_write_tags(u64 absolute_page)
{
    for (auto& space : m_spaces)
        space->drop_write_tags(reinterpret_cast<u64>(m_host) + absolute_page);
}

void Cpu::post_purge(const Purge& what)
{
    constexpr std::size_t most_purges = 1024;
    {
        std::lock_guard lock(m_mutex);
        // A CPU that waits gathers many; those of a range of pages come one after the other.
        if (m_purges.empty() || !m_purges.back().extend(what))
            m_purges.push_back(what);
        if (m_purges.size() > most_purges)
            m_purges.assign(1, Purge {});
        m_request = true;
    }
    notify(Pending::request);
}

void Cpu::post_code_stored(u64 absolute_address, u64 length)
{
    {
        std::lock_guard lock(m_mutex);
        m_stored_code.push_back({ absolute_address, length });
        m_request = true;
    }
    notify(Pending::request);
}

void Cpu::post_drop_write_tags(u64 absolute_page)
{
    {
        std::lock_guard lock(m_mutex);
        m_write_tags.push_back(absolute_page);
        m_request = true;
    }
    notify(Pending::request);
}

void Cpu::post_clock_step(u64 step)
{
    {
        std::lock_guard lock(m_mutex);
        m_clock_step += step;
        m_request = true;
    }
    notify(Pending::request);
}

void Cpu::answer_requests()
{
    if (!m_request.load())
        return;
    std::unique_lock lock(m_mutex);
    for (const Purge& what : m_purges)
        purge(what);
    m_purges.clear();
    for (u64 page : m_write_tags)
        drop_write_tags(page);
    for (const auto& range : m_stored_code)
        m_engine->code_stored(range.address, range.length);
    m_write_tags.clear();
    m_stored_code.clear();
    u64 step = std::exchange(m_clock_step, 0);
    m_request = false;
    lock.unlock();
    if (step) {
        m_cpu_timer_deadline += step;
        update_timer_deadline();
    }
}

void Cpu::code_stored(u64 absolute_address, u64 length)
{
    // Either this sees the code that another thread marks, or that thread sees the bytes stored before.
    std::atomic_thread_fence(std::memory_order_seq_cst);
    if (!m_group_storage->holds_code(absolute_address, length))
        return;
    m_engine->code_stored(absolute_address, length);
    m_group.code_stored(this, absolute_address, length);
}

} // namespace zvisor
