#include "machine.h"

#include "arch/control.h"
#include "arch/lowcore.h"
#include "base/verify.h"
#include "cpu/cpu_group.h"
#include "cpu/null_services.h"
#include "engine/interpreter/interpreter.h"

#include <algorithm>
#include <cstring>

namespace zvisor::differential {

namespace {

constexpr u64 storage_size = 1 << 20;
constexpr u64 segment_table = 0x10000;
constexpr u64 page_table = 0x14000;
constexpr u64 invalid_segment = 0x20;
constexpr u64 invalid_page = 0x400;
constexpr u64 disabled_wait = Psw::wait_bit | Psw::extended_addressing_bit | Psw::basic_addressing_bit;
constexpr u64 test_psw = Psw::dat_bit | Psw::problem_bit | Psw::extended_addressing_bit | Psw::basic_addressing_bit;
constexpr u16 fell_through_call = 0x0a01;
constexpr u16 branched_call = 0x0a02;

[[nodiscard]] FacilitySet every_facility()
{
    FacilitySet set;
    for (unsigned bit = 0; bit < FacilitySet::size; ++bit)
        set.set(static_cast<Facility>(bit));
    return set;
}

} // namespace

u32 hash_outside(u8* area)
{
    static constexpr std::array<u8, area_size> zeros {};
    constexpr unsigned behind = window_offset + window_size;
    if (std::memcmp(area, zeros.data(), window_offset) == 0 && std::memcmp(area + behind, zeros.data(), area_size - behind) == 0)
        return 0;
    u64 hash = 0;
    for (unsigned at = 0; at < area_size; at += 8) {
        if (at >= window_offset && at < behind)
            continue;
        hash = hash * 0x9e3779b97f4a7c15 + load_be<u64>(area + at);
        std::memset(area + at, 0, 8);
    }
    return static_cast<u32>(hash >> 32) | 1;
}

struct Machine::Parts {
    std::unique_ptr<AbsoluteStorage> storage { std::move(AbsoluteStorage::create(storage_size)).value() };
    FacilitySet facilities { every_facility() };
    NullChannelServices channels;
    NullMachineServices services;
    CpuGroup group { *storage, facilities, channels, services };
    Cpu& cpu { group.add() };
    u8* host { storage->host() };

    Parts()
    {
        cpu.set_engine(std::make_unique<Interpreter>(*storage));
        for (u64 entry = 0; entry < 2048; ++entry)
            store_be<u64>(host + segment_table + entry * 8, entry == 0 ? page_table : invalid_segment);
        for (u64 page = 0; page < 256; ++page)
            store_be<u64>(host + page_table + page * 8, invalid_page);
        map(area_at, area_size);
        map(slots_at, slot_size * slot_count);
        for (u64 at : { lowcore::svc_new_psw, lowcore::program_new_psw })
            store_be<u64>(host + at, disabled_wait);
        cpu.clear_reset();
        cpu.cr[0] |= cr0::afp_register | cr0::vector;
        cpu.cr[1] = segment_table;
        cpu.control_registers_changed();
    }

    void map(u64 at, u64 size)
    {
        for (u64 page = at / page_size; page < (at + size) / page_size; ++page)
            store_be<u64>(host + page_table + page * 8, page * page_size);
    }

    void put(u64 at, std::span<const u8> bytes) { VERIFY(storage->write(at, std::as_bytes(bytes))); }

    void load(unsigned slot, const State& before)
    {
        std::ranges::copy(before.gr, cpu.gr.begin());
        for (unsigned r = 0; r < 32; ++r)
            cpu.vr[r] = { .lo = load_be<u64>(before.vr[r] + 8), .hi = load_be<u64>(before.vr[r]) };
        std::ranges::copy(before.ar, cpu.ar.begin());
        cpu.fpc = before.fpc;
        std::memcpy(host + area_at + window_offset, before.window, window_size);
        store_be<u16>(host + lowcore::program_code, 0);
        store_be<u32>(host + lowcore::data_exception_code, 0);
        store_be<u16>(host + lowcore::svc_code, 0);
        u64 mask = test_psw | u64 { before.program_mask } << 16;
        cpu.load_psw({ mask, slots_at + slot_size * slot + instruction_offset });
    }

    void save(State& after, u64 psw_mask)
    {
        std::copy_n(cpu.gr.begin(), 16, after.gr);
        for (unsigned r = 0; r < 32; ++r) {
            store_be<u64>(after.vr[r], cpu.vr[r].hi);
            store_be<u64>(after.vr[r] + 8, cpu.vr[r].lo);
        }
        std::ranges::copy(cpu.ar, after.ar);
        after.fpc = cpu.fpc;
        after.program_mask = static_cast<u32>(psw_mask >> 16) & 0x3f000000;
        std::memcpy(after.window, host + area_at + window_offset, window_size);
    }
};

Machine::Machine()
    : m_parts(std::make_unique<Parts>())
{
}

Machine::~Machine() = default;

void Machine::set_slot(unsigned index, const Slot& slot)
{
    std::array<u8, slot_size> code {};
    u8* next = std::copy_n(slot.instruction, slot.length, code.data() + instruction_offset);
    if (slot.repeats) {
        store_be<u32>(next, 0xa714ff00 | (0x100U - slot.length / 2U));
        next += 4;
    }
    store_be<u16>(next, fell_through_call);
    store_be<u16>(code.data() + landing_offset, branched_call);
    std::copy_n(slot.target, 6, code.data() + target_offset);
    m_parts->put(slots_at + slot_size * index, code);
}

End Machine::run(unsigned slot, const State& before, Outcome& outcome)
{
    Parts& parts = *m_parts;
    parts.load(slot, before);
    parts.cpu.engine().run(parts.cpu);
    End end { load_be<u16>(parts.host + lowcore::program_code), static_cast<u8>(load_be<u32>(parts.host + lowcore::data_exception_code)) };
    u64 old = end.program_code ? lowcore::program_old_psw : lowcore::svc_old_psw;
    parts.save(outcome.after, load_be<u64>(parts.host + old));
    outcome.branched = load_be<u16>(parts.host + lowcore::svc_code) == 2;
    outcome.outside = hash_outside(parts.host + area_at);
    return end;
}

} // namespace zvisor::differential
