#include "engine/interpreter/block_cache.h"

#include "cpu/cpu.h"

#include <algorithm>

namespace zvisor {

namespace {

void run_stale(Cpu& c, const Op* op)
{
    c.op = op;
    c.next = op->address;
}

} // namespace

BlockCache::BlockCache(AbsoluteStorage& storage)
    : m_storage(storage)
{
}

BlockCache::~BlockCache()
{
    drop_all();
}

Block* BlockCache::find(u64 absolute, u64 address, u8 mode) const
{
    auto found = m_blocks.find({ absolute, address, mode });
    return found == m_blocks.end() ? nullptr : found->second.get();
}

Block* BlockCache::add(std::unique_ptr<Block> block)
{
    Block* added = block.get();
    m_pages[added->absolute & page_mask].blocks.push_back(added);
    if (added->second_page)
        m_pages[added->second_page].blocks.push_back(added);
    Key key { added->absolute, added->address, added->mode };
    if (auto old = m_blocks.find(key); old != m_blocks.end())
        drop_block(old->second.get());
    m_blocks[key] = std::move(block);
    return added;
}

void BlockCache::watch(u64 page)
{
    if (m_pages.try_emplace(page).second)
        m_storage.page_flags(page).fetch_add(PageFlag::code_user);
}

bool BlockCache::overlaps(const Block& block, u64 absolute, u64 length)
{
    if (block.second_page && absolute < block.second_page + 4 && block.second_page < absolute + length)
        return true;
    return absolute < block.absolute + block.bytes && block.absolute < absolute + length;
}

bool BlockCache::stored(u64 absolute, u64 length)
{
    bool dropped = false;
    for (u64 page = absolute & page_mask; page < absolute + length; page += page_size) {
        auto found = m_pages.find(page);
        if (found == m_pages.end())
            continue;
        auto hit = [&](const Block* block) { return overlaps(*block, absolute, length); };
        if (std::ranges::any_of(found->second.blocks, hit)) {
            drop_page(page);
            dropped = true;
        }
    }
    return dropped;
}

void BlockCache::drop_page(u64 page)
{
    auto blocks = std::move(m_pages[page].blocks);
    m_pages.erase(page);
    m_storage.page_flags(page).fetch_sub(PageFlag::code_user);
    for (Block* block : blocks)
        drop_block(block);
}

void BlockCache::drop_block(Block* block)
{
    if (block->stale)
        return;
    block->stale = true;
    // The block may be running: its ops leave at the next one.
    for (u32 i = 0; i <= block->count; ++i)
        block->ops[i].run = &run_stale;
    for (u64 page : { block->absolute & page_mask, block->second_page })
        if (auto found = m_pages.find(page); found != m_pages.end())
            std::erase(found->second.blocks, block);
    auto node = m_blocks.extract({ block->absolute, block->address, block->mode });
    m_dropped.push_back(std::move(node.mapped()));
}

void BlockCache::drop_all()
{
    while (!m_pages.empty())
        drop_page(m_pages.begin()->first);
}

} // namespace zvisor
