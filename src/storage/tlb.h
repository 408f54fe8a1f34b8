#pragma once

#include "base/host_pages.h"
#include "base/types.h"
#include "storage/absolute_storage.h"
#include "storage/code_pages.h"

#include <algorithm>
#include <array>
#include <bit>
#include <bitset>
#include <cstring>
#include <functional>
#include <numeric>
#include <utility>

namespace zvisor {

/// One translated page of one space. A tag is the page's address when that kind of access is allowed; otherwise it is a
/// page that other entries hold, so that one compare rejects every address that comes to this one.
struct TlbEntry {
    u64 read_tag;
    u64 write_tag;
    /// Stores are allowed, but are to be looked at: the page holds code, or low-address protection covers part of it.
    u64 noticed_tag;
    /// Guest virtual address + delta = host address.
    u64 delta;
};

/// What each of the places in translated code that access storage found last, which is mostly what it finds next: where its tag is does
/// not depend on the address, so the host need not wait for that. Places of one number access as many bytes in the same way.
struct Sites {
    static constexpr unsigned count = 4096;
    static constexpr unsigned group = 64;

    // Zero at first as a space's memory is: each page of it is taken from the host when it is used.
    std::array<u64, count> tag;
    /// How far from the tag an access may begin: an access further away, or any when this is 0, looks into the TLB.
    std::array<u64, count> limit;
    /// Where the host has the page.
    std::array<u64, count> page;
    /// By page index: a bit for each group of places of which one may have found a page with that index.
    std::array<u64, 256> groups {};

    [[nodiscard]] static constexpr u64 page_index(u64 address) { return address / page_size % 256; }
    /// Of the groups, those whose places store.
    static constexpr u64 storing = 0xaaaaaaaaaaaaaaaa;

    void clear()
    {
        drop_places(all_groups(), [](unsigned) { return true; });
        groups.fill(0);
    }
    /// Forgets every page with the page index of `address`.
    void drop_index(u64 address)
    {
        drop_places(
            std::exchange(groups[page_index(address)], 0), [&](unsigned place) { return page_index(tag[place]) == page_index(address); });
    }
    /// Makes the next store to a page look into the TLB.
    void drop_write_tags(u64 host_page)
    {
        drop_places(all_groups() & storing, [&](unsigned place) { return page[place] == host_page; });
    }

private:
    static_assert(count == 64 * group);

    [[nodiscard]] u64 all_groups() const { return std::accumulate(groups.begin(), groups.end(), u64 { 0 }, std::bit_or<> {}); }
    /// Forgets the places in a set of groups for which `is_meant` holds.
    template<class Function>
    void drop_places(u64 in, Function is_meant)
    {
        for (; in; in &= in - 1) {
            auto first = static_cast<unsigned>(std::countr_zero(in)) * group;
            for (unsigned place = first; place < first + group; ++place)
                limit[place] = is_meant(place) ? 0 : limit[place];
        }
    }
};

/// Whether entries of a table are taken for other pages so often that a larger one is worth the host's memory: a CPU that idles and a
/// program that works for long replace as many in the end.
class Crowding {
public:
    /// One more. Looked at each time that `limit` more were; `now()` says microseconds since any time.
    template<class Now>
    [[nodiscard]] bool replaced(u32 limit, Now now)
    {
        if (++m_replaced % limit != 0)
            return false;
        u64 since = std::exchange(m_since, now());
        return m_since - since < limit * slowest;
    }
    /// Since it was told to forget.
    [[nodiscard]] u32 count() const { return m_replaced; }
    void forget() { m_replaced = 0; }

private:
    /// Microseconds between two.
    static constexpr u64 slowest = 20;

    u32 m_replaced { 0 };
    u64 m_since { 0 };
};

/// What a page's last walk found, kept for longer than its TlbEntry: where it is and which accesses it allows. Whether stores to it
/// are to be noticed is not kept, because that changes without a purge. There is a row for each page index, so that what IPTE drops lies
/// together, of few columns until many pages are used.
class TranslationCache {
public:
    static constexpr u64 read = 1;
    static constexpr u64 write = 2;

    /// The host address of the page of `address` when `access` was allowed, else null.
    [[nodiscard]] u8* find(u64 address, u64 access) const
    {
        const Entry& entry = at(address);
        return (entry.tag & ~(read | write)) == tag_of(address) && (entry.tag & access) ? entry.host : nullptr;
    }
    /// `now()`: see Crowding.
    template<class Now>
    void add(u64 address, u64 allowed, u8* host, Now now)
    {
        Entry& entry = at(address);
        u64 tag = tag_of(address);
        u64 known = (entry.tag & ~(read | write)) == tag && entry.host == host ? entry.tag & (read | write) : 0;
        bool replaces = known == 0 && (entry.tag & stamp_mask) == (tag & stamp_mask);
        if (replaces && m_crowding.replaced(rows << m_columns_shift, now) && m_columns_shift < most_columns_shift)
            return grow();
        entry = { tag | known | allowed, host };
    }
    void clear()
    {
        constexpr u64 most_stamps = 1023;
        m_crowding.forget();
        if (m_stamp == most_stamps)
            m_entries.clear();
        m_stamp = m_stamp % most_stamps + 1;
    }
    /// Drops every page with the page index of `address`.
    void drop_index(u64 address)
    {
        std::memset(&m_entries[address / page_size % rows << m_columns_shift], 0, sizeof(Entry) << m_columns_shift);
    }

private:
    struct Entry {
        /// The page's address, with the stamp it was added under and what is allowed in the bits below.
        u64 tag;
        u8* host;
    };
    static constexpr u32 rows = 256;
    static constexpr unsigned fewest_columns_shift = 2;
    static constexpr unsigned most_columns_shift = 6;
    static constexpr u64 stamp_mask = ~page_mask & ~(read | write);

    [[nodiscard]] u64 tag_of(u64 address) const { return (address & page_mask) | m_stamp << 2; }
    [[nodiscard]] Entry& at(u64 address) const
    {
        u64 page = address / page_size;
        u64 column = (page / rows ^ page / rows >> m_columns_shift) & ((u64 { 1 } << m_columns_shift) - 1);
        return m_entries[(page % rows << m_columns_shift) + column];
    }
    void grow()
    {
        m_entries.clear();
        m_columns_shift += 2;
    }

    HostTable<Entry> m_entries { rows << most_columns_shift };
    u64 m_stamp { 1 };
    unsigned m_columns_shift { fewest_columns_shift };
    Crowding m_crowding;
};

/// Everything that decides whether and where an access lands, so that a cached translation needs no other check:
/// two accesses with equal keys translate alike (PoP ch. 3).
struct SpaceKey {
    u64 asce { 0 };
    bool dat { false };
    /// Accesses are refused a cached translation: access-register mode resolves each one.
    bool access_register { false };
    u8 psw_key { 0 };
    /// CR0 controls that take part: low-address protection, fetch and storage protection override, EDAT, IEP.
    u64 controls { 0 };
    /// In `controls`, a bit CR0 does not use: every store takes the slow path, for program-event recording.
    static constexpr u64 watch_stores = 1;

    friend bool operator==(const SpaceKey&, const SpaceKey&) = default;
};

/// The cached translations of one space on one CPU. There are few entries until a program turns out to use many pages, since purging
/// takes as long as there are entries.
class Space {
    friend struct CpuLayout;
    static constexpr u32 fewest_entries = 512;
    static constexpr u32 most_entries = 32768;

public:
    // What translated code looks at in each access comes first: it is reached by short displacements.
    /// Changes whenever a translation that code was fetched through may have gone.
    u64 generation { 0 };

private:
    /// How far the last entry in use is from the first, in bytes.
    u32 m_mask { 0 };
    std::array<TlbEntry, most_entries> m_tlb; // what is not in use is never touched

public:
    Space() { clear(fewest_entries); }
    // Memory that is zero, of which what is not in use is not to be had.
    static void* operator new(std::size_t bytes) { return take_host_pages(bytes); }
    static void operator delete(void* space, std::size_t bytes) { give_host_pages(space, bytes); }

    [[nodiscard]] TlbEntry& entry(u64 address) { return m_tlb[(address / page_size) & last_entry()]; }
    /// Makes the entry for `address` empty, for another page. `now()`: see Crowding.
    template<class Now>
    void replace(u64 address, Now now)
    {
        if (entry(address).delta && m_crowding.replaced(2 * last_entry(), now) && last_entry() + 1 < most_entries)
            clear(4 * (last_entry() + 1));
        m_empty = false;
        drop(address);
    }

    SpaceKey key;
    TranslationCache walked;
    Sites sites;
    CodePages code;
    /// After a purge: the pages of code are where they were only if they still are when code is fetched next.
    bool code_in_doubt { false };
    u64 last_used { 0 };

    /// A translation was made through the table entry at `entry`.
    void note_entry(u64 entry) { m_tables[table_index(entry)] = true; }
    /// Code was fetched through it.
    void note_code(u64 entry) { m_code_entries[code_index(entry)] = true; }

    /// What is known of its code stays as it is, but in doubt.
    void purge()
    {
        clear(m_crowding.count() < last_entry() / 2 ? fewest_entries : last_entry() + 1);
        walked.clear();
        m_tables.reset();
        m_code_entries.reset();
        code_in_doubt = true;
    }
    void forget_code(u64 new_generation)
    {
        m_code_entries.reset();
        code.clear();
        code_in_doubt = false;
        generation = new_generation;
    }

    /// Drops every translation whose address has the page index of `address`; `entry` is where its page-table entry stands.
    void purge_page(u64 address, u64 entry)
    {
        if (!m_tables[table_index(entry)])
            return;
        for (u64 at = address / page_size % 256; at <= last_entry(); at += 256)
            drop(at * page_size);
        walked.drop_index(address);
        sites.drop_index(address);
        code_in_doubt |= m_code_entries[code_index(entry)];
    }

    /// Forgets that the page of `address` may be stored into.
    void close_to_stores(u64 address)
    {
        sites.drop_index(address);
        if (TlbEntry& known = entry(address); known.write_tag == (address & page_mask))
            known.write_tag = no_tag(address);
    }

    /// Makes the next store to a page take the slow path.
    void drop_write_tags(u64 host_page)
    {
        if (m_empty)
            return;
        sites.drop_write_tags(host_page);
        for (u64 at = 0; at <= last_entry(); ++at) {
            u64 none = no_tag(at * page_size);
            if (m_tlb[at].write_tag == none || m_tlb[at].write_tag + m_tlb[at].delta != host_page)
                continue;
            m_tlb[at].noticed_tag = m_tlb[at].write_tag;
            m_tlb[at].write_tag = none;
        }
    }

private:
    /// The tag that no address of the entry for `address` matches.
    [[nodiscard]] u64 no_tag(u64 address) const { return ((address / page_size + (last_entry() + 1) / 2) & last_entry()) * page_size; }
    void drop(u64 address) { entry(address) = { no_tag(address), no_tag(address), no_tag(address), 0 }; }
    [[nodiscard]] u32 last_entry() const { return m_mask / static_cast<u32>(sizeof(TlbEntry)); }
    void clear(u32 entries)
    {
        m_crowding.forget();
        if (m_empty && entries == last_entry() + 1)
            return;
        m_mask = (entries - 1) * static_cast<u32>(sizeof(TlbEntry));
        sites.clear();
        for (u64 at = 0; at <= last_entry(); ++at)
            drop(at * page_size);
        m_empty = true;
    }
    [[nodiscard]] static u64 table_index(u64 entry) { return entry / 2048 * 0x9e3779b97f4a7c15 >> 52; }
    [[nodiscard]] static u64 code_index(u64 entry) { return entry / 8 * 0x9e3779b97f4a7c15 >> 52; }

    /// Of the entries, since there are as many as now.
    Crowding m_crowding;
    /// No entry is in use, and so no site.
    bool m_empty { false };
    /// Which page tables translations were made through, by a hash of their address: IPTE names an entry, not a space.
    std::bitset<4096> m_tables;
    /// Which table entries code was fetched through, likewise.
    std::bitset<4096> m_code_entries;
};

} // namespace zvisor
