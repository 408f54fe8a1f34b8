#include "engine/lockstep/store_log.h"

#include "cpu/cpu.h"

#include <cstring>
#include <fmt/format.h>

namespace zvisor {

namespace {

/// Calls `each(offset)` for the doublewords of two ranges that differ.
template<class Each>
void for_each_difference(const u8* x, const u8* y, u64 length, Each each)
{
    constexpr u64 line = 64;
    for (u64 start = 0; start < length; start += line) {
        if (std::memcmp(x + start, y + start, line) == 0)
            continue;
        for (u64 at = start; at < start + line; at += 8)
            if (std::memcmp(x + at, y + at, 8) != 0)
                each(at);
    }
}

} // namespace

void StoreLog::begin(Cpu& cpu)
{
    close_pages();
    m_used = 0;
    constexpr u64 interruption_parameters = 0x200;
    add(cpu, cpu.storage().host() + cpu.prefix, interruption_parameters);
}

void StoreLog::page_opened(const Cpu& cpu, Space& space, u64 tag, u8* host_page)
{
    m_opened.push_back({ &space, tag });
    add(cpu, host_page, page_size);
}

void StoreLog::add(const Cpu& cpu, u8* host, u64 length)
{
    for (std::size_t i = 0; i < m_used; ++i)
        if (m_pages[i]->host == host && m_pages[i]->length == length)
            return;
    if (m_used == m_pages.size())
        m_pages.push_back(std::make_unique<Page>());
    Page& page = *m_pages[m_used++];
    page.host = host;
    page.length = length;
    std::memcpy(page.before, host, length);
    keep(cpu, page);
}

/// Makes the next store into each page be seen again.
void StoreLog::close_pages()
{
    for (const Opened& opened : m_opened)
        opened.space->close_to_stores(opened.tag);
    m_opened.clear();
}

void StoreLog::keep_and_undo(Cpu& cpu)
{
    for (std::size_t i = 0; i < m_used; ++i)
        keep(cpu, *m_pages[i]);
    undo(cpu);
}

void StoreLog::keep(const Cpu& cpu, Page& page)
{
    std::memcpy(page.kept, page.host, page.length);
    page.kept_key = cpu.storage().key(cpu.absolute(page.host));
}

void StoreLog::redo(Cpu& cpu)
{
    restore(cpu, &Page::kept);
    for (std::size_t i = 0; i < m_used; ++i)
        cpu.storage().set_key(cpu.absolute(m_pages[i]->host), m_pages[i]->kept_key);
}

void StoreLog::restore(Cpu& cpu, u8 (Page::*to)[page_size])
{
    close_pages();
    for (std::size_t i = 0; i < m_used; ++i) {
        Page& page = *m_pages[i];
        for_each_difference(page.host, page.*to, page.length, [&](u64 at) {
            std::memcpy(page.host + at, page.*to + at, 8);
            cpu.stored(page.host + at, 8);
        });
    }
}

std::string StoreLog::differences(const Cpu& cpu) const
{
    std::string out;
    for (std::size_t i = 0; i < m_used; ++i) {
        const Page& page = *m_pages[i];
        for_each_difference(page.host, page.kept, page.length, [&](u64 at) {
            out += fmt::format("  storage {:x}: the interpreter has {:016x}, the translator {:016x}\n", cpu.absolute(page.host) + at,
                load_be<u64>(page.host + at), load_be<u64>(page.kept + at));
        });
    }
    return out;
}

} // namespace zvisor
