// Storage access off the fast path: filling translations, protection, page crossing (PoP ch. 3).

#include "arch/control.h"
#include "base/result.h"
#include "cpu/cpu.h"
#include "cpu/cpu_group.h"
#include "cpu/elements.h"
#include "cpu/engine.h"
#include "cpu/store_watcher.h"

#include <algorithm>
#include <chrono>
#include <cstring>

namespace zvisor {

namespace {

/// For Crowding.
constexpr auto microseconds = [] {
    return static_cast<u64>(
        std::chrono::duration_cast<std::chrono::microseconds>(std::chrono::steady_clock::now().time_since_epoch()).count());
};

constexpr u8 in_primary = 0;
constexpr u8 in_access_register = 1;

/// Translation-exception identification: what kind of protection it was (PoP ch. 6, enhanced suppression on protection).
struct Teid {
    static constexpr u64 store = 0x400;
    static constexpr u64 fetch = 0x800;
    static constexpr u64 execution_protection = 0x84;
    static constexpr u64 dat_protection = 0x04;
    static constexpr u64 key_protection = 0x08;
    static constexpr u64 access_list_protection = 0x0c;
    static constexpr u64 low_address_protection = 0x80;
};

[[nodiscard]] bool is_low_address(u64 address)
{
    return (address & ~u64 { 0x11ff }) == 0;
}

/// Whether the access-list entry a translated access register names allows fetching only.
[[nodiscard]] bool is_fetch_only(const Cpu& c, u8 access_register)
{
    constexpr u32 fetch_only = 0x02000000;
    u32 alet = access_register == 0 ? 0 : c.a(access_register);
    if (alet < 2)
        return false;
    u64 control = (alet & 0x01000000 ? c.cr[5] : c.cr[2]) & 0x7fffffc0;
    const u8* host = c.storage().host();
    u64 list = load_be<u32>(host + c.real_to_absolute(control + 16)) & 0x7fffff80;
    return load_be<u32>(host + c.real_to_absolute(list + (alet & 0xffff) * 16)) & fetch_only;
}

[[nodiscard]] u8* or_raise(const HostView& view)
{
    if (!view) [[unlikely]]
        throw view.error();
    return *view;
}

} // namespace

ProgramInterruption Cpu::access_exception(ProgramCode code, u64 address, Access access, u8 space_indication, u64 extra) const
{
    u64 teid = (address & page_mask) | extra | space_indication;
    if (has(Facility::access_exception_fetch_store_indication))
        teid |= access == Access::store ? Teid::store : Teid::fetch;
    return { .code = code, .translation_exception = teid };
}

/// What a walk found, and what may be done there.
struct FoundPage {
    u64 absolute;
    u64 entry;
    bool large;
    bool fetch_permitted;
    u8 flags;
};

std::expected<FoundPage, ProgramInterruption> Cpu::find_page(Space& space, u64 address, Access access, u8 space_indication)
{
    auto exception
        = [&](ProgramCode code, u64 extra) { return std::unexpected(access_exception(code, address, access, space_indication, extra)); };
    const SpaceKey& key = space.key;
    bool store = access == Access::store;
    if (store && (key.controls & cr0::low_address_protection) && is_low_address(address))
        return exception(ProgramCode::protection, Teid::low_address_protection);

    Translation translation { .address = address };
    if (key.dat) {
        auto walked = translate(*m_group_storage, { key.asce }, dat_features(), address);
        if (!walked)
            return exception(walked.error().code, 0);
        translation = *walked;
        space.note_entry(translation.entry_address);
    }
    u64 where = translation.large ? translation.address : real_to_absolute(translation.address);
    if (!m_group_storage->contains(where))
        return exception(ProgramCode::addressing, 0);
    m_group_storage->prepare(where);
    if (access == Access::instruction && translation.execution_protect)
        return exception(ProgramCode::protection, Teid::execution_protection);
    if (store && translation.protect)
        return exception(ProgramCode::protection, Teid::dat_protection);

    // The page is marked as cached before its flags and key are read: who changes them then purges.
    u64 page = where & page_mask;
    u8 flags = m_group_storage->page_flags(page).fetch_or(PageFlag::cached) | PageFlag::cached;
    StorageKey storage_key = m_group_storage->key(where);
    if (translation.has_access_control)
        storage_key.value
            = static_cast<u8>(translation.access_control << 4 | (translation.fetch_protect ? StorageKey::fetch_protection : 0));
    bool override_store = (key.controls & cr0::storage_protection_override) && storage_key.access_control() == 9;
    bool override_fetch = (key.controls & cr0::fetch_protection_override) && address < 2048;
    bool fetch_permitted = override_store || storage_key.permits(key.psw_key, false);
    if (store ? !override_store && !storage_key.permits(key.psw_key, true) : !override_fetch && !fetch_permitted)
        return exception(ProgramCode::protection, Teid::key_protection);

    return FoundPage { page, translation.entry_address, translation.large, fetch_permitted, flags };
}

HostView Cpu::fill(Space& space, u64 address, Access access, u8 space_indication)
{
    FoundPage page = TRY(find_page(space, address, access, space_indication));
    u8* host_page = m_host + page.absolute;
    bool store = access == Access::store;
    m_group_storage->mark(page.absolute, store ? StorageKey::reference | StorageKey::change : StorageKey::reference);
    if (access == Access::instruction) {
        space.note_code(page.entry);
        space.code.add({ address & page_mask, host_page, page.entry, page.large });
        return host_page + address % page_size;
    }
    u64 allowed = (page.fetch_permitted ? TranslationCache::read : 0) | (store ? TranslationCache::write : 0);
    // Of the first two pages only parts are under low-address protection.
    if (address >= 2 * page_size)
        space.walked.add(address, allowed, host_page, microseconds);
    fill_entry(space, address, allowed, host_page, page.flags);
    return host_page + address % page_size;
}

/// After a purge code is mostly where it was: then everything made from it is found as before. What is in the tables now may be used
/// from now on, as if it had been fetched; a page that has not been referred to since then is to be fetched from again.
void Cpu::settle_code()
{
    if (!m_code->code_in_doubt)
        return;
    auto is_there = [&](const CodePages::Page& page) {
        // What is to be raised is raised when code is fetched.
        auto now = find_page(*m_code, page.address, Access::instruction, in_primary);
        if (!now)
            return false;
        m_code->note_code(now->entry);
        // By the same entry too: another one says nothing of the other pages of a larger frame.
        return m_host + now->absolute == page.host && now->entry == page.entry;
    };
    auto is_open = [&](const CodePages::Page& page) {
        u64 at = absolute(page.host);
        m_group_storage->page_flags(at).fetch_or(PageFlag::cached);
        StorageKey key = m_group_storage->key(at);
        return (key.value & StorageKey::reference) && key.permits(m_code->key.psw_key, false);
    };
    bool is_known = !m_code->code.empty() && !m_code->code.is_full() && m_code->code.all(is_there, is_open);
    if (!is_known)
        m_code->forget_code(++m_generation);
    m_code->code_in_doubt = false;
}

void Cpu::fill_entry(Space& space, u64 address, u64 allowed, u8* host_page, u8 flags)
{
    u64 controls = space.key.controls;
    u64 tag = address & page_mask;
    if (m_store_watcher && (allowed & TranslationCache::write)) [[unlikely]]
        m_store_watcher->page_opened(*this, space, tag, host_page);
    const TlbEntry& old = space.entry(address);
    if (old.read_tag != tag && old.write_tag != tag && old.noticed_tag != tag)
        space.replace(address, microseconds);
    TlbEntry& entry = space.entry(address);
    entry.delta = reinterpret_cast<u64>(host_page) - tag;
    if (allowed & TranslationCache::read)
        entry.read_tag = tag;
    bool low = (controls & cr0::low_address_protection) && is_low_address(tag);
    if ((allowed & TranslationCache::write) && !(controls & SpaceKey::watch_stores))
        (low || (flags & (PageFlag::code | PageFlag::updated)) ? entry.noticed_tag : entry.write_tag) = tag;
}

/// What an earlier walk found; null when it is to be walked again.
u8* Cpu::recall(Space& space, u64 address, Access access)
{
    u64 wanted = access == Access::store ? TranslationCache::write : TranslationCache::read;
    u8* host_page = space.walked.find(address, wanted);
    if (!host_page)
        return nullptr;
    u8 flags = m_group_storage->page_flags(absolute(host_page)).load();
    fill_entry(space, address, wanted, host_page, flags);
    return host_page + address % page_size;
}

u8* Cpu::plain_operand(Space& space, u64 address, u64 length, Access access)
{
    bool store = access == Access::store;
    if (space.key.access_register || address % page_size + length > page_size || (store && m_psw.per()))
        return nullptr;
    HostView view = find_view_in(space, address, access, in_primary); // what is to be raised is raised when the operand is accessed
    const TlbEntry& entry = space.entry(address);
    return view && address - (store ? entry.write_tag : entry.read_tag) < page_size ? *view : nullptr;
}

/// What can be had without walking; null when it cannot.
u8* Cpu::known_view(Space& space, u64 address, Access access)
{
    if (access == Access::instruction)
        return space.code.find(address);
    TlbEntry& entry = space.entry(address);
    u64 tag = access == Access::store ? entry.write_tag : entry.read_tag;
    if (address - tag < page_size)
        return reinterpret_cast<u8*>(address + entry.delta);
    bool protected_low = (space.key.controls & cr0::low_address_protection) && is_low_address(address);
    if (access == Access::store && address - entry.noticed_tag < page_size && !protected_low) {
        if (m_store_watcher) [[unlikely]]
            m_store_watcher->page_opened(*this, space, address & page_mask, reinterpret_cast<u8*>((address & page_mask) + entry.delta));
        return reinterpret_cast<u8*>(address + entry.delta);
    }
    return recall(space, address, access);
}

HostView Cpu::find_view_in(Space& space, u64 address, Access access, u8 space_indication)
{
    if (u8* host = known_view(space, address, access))
        return host;
    return fill(space, address, access, space_indication);
}

u8* Cpu::host_view_in(Space& space, u64 address, Access access, u8 space_indication)
{
    return or_raise(find_view_in(space, address, access, space_indication));
}

HostView Cpu::find_fetch_view(u64 address)
{
    bool home = m_psw.dat() && m_psw.space() == AddressSpaceControl::home;
    return find_view_in(*m_code, address, Access::instruction, home ? static_cast<u8>(AddressSpaceControl::home) : in_primary);
}

u8* Cpu::fetch_view(u64 address)
{
    return or_raise(find_fetch_view(address));
}

u8* Cpu::host_view(Address a, u64 length, Access access)
{
    return or_raise(find_view(a, length, access));
}

HostView Cpu::find_view(Address a, u64 length, Access access)
{
    if (access == Access::store && m_psw.per())
        note_alteration(a.at, length, false);
    if (!m_data->key.access_register)
        return find_view_in(*m_data, a.at, access, operand_space_indication());
    return find_access_register_view(a, access);
}

u8 Cpu::operand_space_indication() const
{
    return m_psw.dat() ? static_cast<u8>(m_psw.space()) : in_primary;
}

HostView Cpu::find_access_register_view(Address a, Access access)
{
    u8 access_id = 0;
    HostView view;
    try {
        Space& space = access_register_space(a.base, access_id);
        if (access == Access::store && is_fetch_only(*this, access_id))
            view = std::unexpected(
                access_exception(ProgramCode::protection, a.at, access, in_access_register, Teid::access_list_protection));
        else
            view = find_view_in(space, a.at, access, in_access_register);
    } catch (const ProgramInterruption& interruption) {
        view = std::unexpected(interruption);
    }
    if (!view)
        view.error().access_id = access_id;
    return view;
}

Space& Cpu::access_register_space(u8 base, u8& access_id)
{
    access_id = base & 0xf;
    return space_of(access_register_asce(access_id), m_psw.key());
}

Asce Cpu::access_register_asce(u8 base)
{
    u32 alet = (base & 0xf) == 0 ? 0 : ar[base & 0xf];
    if (alet == 0)
        return { cr[1] };
    if (alet == 1)
        return { cr[7] };
    return access_list_space(alet);
}

Asce Cpu::operand_asce(AddressSpaceControl space, u8 base)
{
    return space == AddressSpaceControl::access_register ? access_register_asce(base) : asce_of(space);
}

void Cpu::load_bytes(Address a, void* to, u64 length)
{
    auto* out = static_cast<u8*>(to);
    while (length > 0) {
        u64 part = std::min(length, page_size - a.at % page_size);
        std::memcpy(out, host_view(a, part, Access::fetch), part);
        out += part;
        length -= part;
        a = offset(a, part);
    }
}

void Cpu::load_registers(u8 first, u8 last, Address a)
{
    load_elements<u64>(*this, a, ((last - first) & 15U) + 1, [&](unsigned i, u64 value) { gr[(first + i) & 15] = value; });
}

void Cpu::store_registers(u8 first, u8 last, Address a)
{
    store_elements<u64>(*this, a, ((last - first) & 15U) + 1, [&](unsigned i) { return gr[(first + i) & 15]; });
}

void Cpu::probe(Address a, u64 length, Access access)
{
    while (length > 0) {
        u64 part = std::min(length, page_size - a.at % page_size);
        (void)host_view(a, part, access);
        length -= part;
        a = offset(a, part);
    }
}

void Cpu::store_bytes(Address a, const void* from, u64 length)
{
    if (a.at % page_size + length > page_size)
        probe(a, length, Access::store);
    const auto* in = static_cast<const u8*>(from);
    while (length > 0) {
        u64 part = std::min(length, page_size - a.at % page_size);
        u8* host = host_view(a, part, Access::store);
        std::memcpy(host, in, part);
        stored(host, part);
        in += part;
        length -= part;
        a = offset(a, part);
    }
}

} // namespace zvisor
