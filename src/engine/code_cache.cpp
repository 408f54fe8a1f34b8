#include "engine/code_cache.h"

#include "cpu/cpu.h"
#include "cpu/cpu_group.h"
#include "isa/table.h"

#include <algorithm>

namespace zvisor {

CodeCache::CodeCache(AbsoluteStorage& storage)
    : m_storage(storage)
{
}

CodeCache::~CodeCache()
{
    drop_all();
}

CodeBlock* CodeCache::find(Cpu& cpu, u64 address, u64 absolute, u8 mode) const
{
    auto found = m_blocks.find({ absolute, address, mode });
    if (found == m_blocks.end())
        return nullptr;
    CodeBlock* block = found->second.get();
    // The page behind may be mapped elsewhere by now.
    if (block->second_page && cpu.absolute(cpu.fetch_view((address & page_mask) + page_size)) != block->second_page)
        return nullptr;
    return block;
}

CodeBlock* CodeCache::add(std::unique_ptr<CodeBlock> block)
{
    CodeBlock* added = block.get();
    make_page(added->absolute & page_mask).blocks.push_back(added);
    if (added->second_page)
        make_page(added->second_page).blocks.push_back(added);
    Key key { added->absolute, added->address, added->mode };
    if (auto old = m_blocks.find(key); old != m_blocks.end())
        drop_block(old->second.get());
    m_blocks[key] = std::move(block);
    return added;
}

CodeCache::Page& CodeCache::make_page(u64 page)
{
    auto [found, is_new] = m_pages.try_emplace(page);
    if (is_new) {
        found->second.place = m_watched.insert(m_watched.end(), page);
        m_storage.page_flags(page).fetch_add(PageFlag::code_user);
    }
    return found->second;
}

void CodeCache::watch(Cpu& cpu, u64 page)
{
    if (m_pages.contains(page))
        return;
    (void)make_page(page);
    cpu.drop_write_tags(page);
    cpu.group().watch_code_page(cpu, page);
}

bool CodeCache::overlaps(const CodeBlock& block, u64 absolute, u64 length)
{
    if (block.second_page && absolute < block.second_page + 4 && block.second_page < absolute + length)
        return true;
    return absolute < block.first + block.bytes && block.first < absolute + length;
}

bool CodeCache::stored(u64 absolute, u64 length)
{
    bool dropped = false;
    for (u64 page = absolute & page_mask; page < absolute + length; page += page_size) {
        auto found = m_pages.find(page);
        if (found == m_pages.end())
            continue;
        auto hit = [&](const CodeBlock* block) { return overlaps(*block, absolute, length); };
        if (std::ranges::any_of(found->second.blocks, hit)) {
            drop_page(page);
            dropped = true;
        }
    }
    return dropped;
}

void CodeCache::drop_page(u64 page)
{
    auto found = m_pages.find(page);
    auto blocks = std::move(found->second.blocks);
    m_watched.erase(found->second.place);
    m_pages.erase(found);
    m_storage.page_flags(page).fetch_sub(PageFlag::code_user);
    for (CodeBlock* block : blocks)
        drop_block(block);
}

void CodeCache::drop_block(CodeBlock* block)
{
    if (block->stale)
        return;
    block->stale = true;
    block->retire();
    for (u64 page : { block->absolute & page_mask, block->second_page })
        if (auto found = m_pages.find(page); found != m_pages.end())
            std::erase(found->second.blocks, block);
    auto node = m_blocks.extract({ block->absolute, block->address, block->mode });
    m_dropped.push_back(std::move(node.mapped()));
}

void CodeCache::drop_all()
{
    for (u64 page : m_watched)
        m_storage.page_flags(page).fetch_sub(PageFlag::code_user);
    m_watched.clear();
    m_pages.clear();
    m_dropped.reserve(m_dropped.size() + m_blocks.size());
    for (auto& [key, block] : m_blocks) {
        block->stale = true;
        block->retire();
        m_dropped.push_back(std::move(block));
    }
    m_blocks.clear();
}

void CodeCache::shrink(std::size_t blocks)
{
    while (size() > blocks)
        drop_page(m_watched.front());
}

u64 fetch_instruction(Cpu& cpu, u64 address)
{
    u64 bits = 0;
    unsigned length = 2;
    for (unsigned at = 0; at < length; at += 2) {
        u64 halfword = load_shared<u16>(cpu.fetch_view((address + at) & cpu.address_mask()));
        bits |= halfword << (48 - at * 8);
        if (at == 0)
            length = isa::instruction_length(static_cast<u8>(halfword >> 8));
    }
    return bits;
}

} // namespace zvisor
