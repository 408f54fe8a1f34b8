#pragma once

#include "storage/absolute_storage.h"

#include <algorithm>
#include <utility>
#include <vector>

namespace zvisor {

/// The pages that instructions were fetched from in one space on one CPU, while nothing says that one of them is elsewhere by now: a
/// table of places by address, with one at least that is empty.
class CodePages {
public:
    struct Page {
        /// Guest virtual address.
        u64 address { 0 };
        /// Null in an empty place.
        u8* host { nullptr };
        /// Where the table entry it was translated through stands.
        u64 entry { 0 };
        /// That is the entry of a larger frame.
        bool large { false };
    };

    /// The host address of `address`, or null when its page is not known.
    [[nodiscard]] u8* find(u64 address) const
    {
        const Page* page = place(address & page_mask);
        return page && page->host ? page->host + address % page_size : nullptr;
    }
    /// A page that is not known. There is room for so many; of the others none is ever known.
    void add(const Page& page)
    {
        m_is_full |= m_known == most_pages;
        if (m_is_full)
            return;
        if (2 * ++m_known > m_pages.size())
            grow();
        *place(page.address) = page;
    }
    void clear()
    {
        m_pages.clear();
        m_known = 0;
        m_is_full = false;
    }

    [[nodiscard]] bool empty() const { return m_known == 0; }
    [[nodiscard]] bool is_full() const { return m_is_full; }
    /// Whether `is_open(page)` holds for all pages and `is_there(page)` too, for one page of each larger frame.
    template<class There, class Open>
    [[nodiscard]] bool all(There is_there, Open is_open) const
    {
        std::vector<u64> frames;
        auto is_walked = [&](const Page& page) {
            if (std::ranges::find(frames, page.entry) != frames.end())
                return true;
            if (page.large)
                frames.push_back(page.entry);
            return is_there(page);
        };
        return std::ranges::all_of(m_pages, [&](const Page& page) { return !page.host || (is_walked(page) && is_open(page)); });
    }

private:
    static constexpr std::size_t most_pages = 16384;

    /// Where the page at `address` is or would be; null when there are no places.
    [[nodiscard]] const Page* place(u64 address) const
    {
        if (m_pages.empty())
            return nullptr;
        std::size_t last = m_pages.size() - 1;
        std::size_t at = address / page_size * 0x9e3779b97f4a7c15 >> 40 & last;
        while (m_pages[at].host && m_pages[at].address != address)
            at = (at + 1) & last;
        return &m_pages[at];
    }
    [[nodiscard]] Page* place(u64 address) { return const_cast<Page*>(std::as_const(*this).place(address)); }
    void grow()
    {
        auto old = std::exchange(m_pages, std::vector<Page>(std::max<std::size_t>(32, 2 * m_pages.size())));
        for (const Page& page : old)
            if (page.host)
                *place(page.address) = page;
    }

    std::vector<Page> m_pages;
    std::size_t m_known { 0 };
    bool m_is_full { false };
};

} // namespace zvisor
