#include "engine/code_cache.h"

#include "cpu/cpu.h"
#include "cpu/cpu_group.h"
#include "isa/table.h"

#include <algorithm>
#include <utility>

namespace zvisor {

namespace {

[[nodiscard]] BlockKey key_of(const CodeBlock& block)
{
    return { block.absolute, block.address, block.mode };
}

} // namespace

bool CodeBlock::overlaps(u64 stored, u64 length) const
{
    if (second_page && stored < *second_page + 4 && *second_page < stored + length)
        return true;
    return stored < first + bytes && first < stored + length;
}

BlockTable::BlockTable()
    : m_places(256)
{
}

std::size_t BlockTable::place(const BlockKey& key) const
{
    return (key.absolute >> 1 ^ key.address << 17 ^ key.mode) * 0x9e3779b97f4a7c15 >> 20 & (m_places.size() - 1);
}

CodeBlock* BlockTable::find(const BlockKey& key) const
{
    CodeBlock* block = m_places[place(key)].get();
    while (block && !key.is_of(*block))
        block = block->next.get();
    return block;
}

void BlockTable::add(std::unique_ptr<CodeBlock> block)
{
    if (m_size == m_places.size())
        grow();
    ++m_size;
    auto& first = m_places[place(key_of(*block))];
    block->next = std::move(first);
    first = std::move(block);
}

std::unique_ptr<CodeBlock> BlockTable::take(const CodeBlock& block)
{
    auto* at = &m_places[place(key_of(block))];
    while (at->get() != &block)
        at = &(*at)->next;
    auto taken = std::move(*at);
    *at = std::move(taken->next);
    --m_size;
    return taken;
}

void BlockTable::grow()
{
    std::vector<std::unique_ptr<CodeBlock>> all;
    take_all([&](std::unique_ptr<CodeBlock> block) { all.push_back(std::move(block)); });
    m_places.resize(2 * m_places.size());
    for (auto& block : all)
        add(std::move(block));
}

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
    CodeBlock* block = m_blocks.find({ absolute, address, mode });
    // The page behind may be mapped elsewhere by now.
    if (!block || !block->second_page)
        return block;
    u64 behind = ((address & page_mask) + page_size) & cpu.address_mask();
    return cpu.absolute(cpu.fetch_view(behind)) == block->second_page ? block : nullptr;
}

CodeBlock* CodeCache::add(std::unique_ptr<CodeBlock> block)
{
    CodeBlock* added = block.get();
    make_page(added->absolute & page_mask).blocks.push_back(added);
    if (added->second_page)
        make_page(*added->second_page).blocks.push_back(added);
    if (CodeBlock* old = m_blocks.find(key_of(*added)))
        drop_block(old);
    m_blocks.add(std::move(block));
    return added;
}

CodeCache::Page& CodeCache::make_page(u64 page)
{
    auto [found, is_new] = m_pages.try_emplace(page, m_memory);
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

bool CodeCache::stored(u64 absolute, u64 length)
{
    bool dropped = false;
    for (u64 page = absolute & page_mask; page < absolute + length; page += page_size) {
        auto found = m_pages.find(page);
        if (found == m_pages.end())
            continue;
        ++m_noticed;
        auto hit = [&](const CodeBlock* block) { return block->overlaps(absolute, length); };
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
    u64 first = block->absolute & page_mask;
    for (u64 page : { first, block->second_page.value_or(first) })
        if (auto found = m_pages.find(page); found != m_pages.end())
            std::erase(found->second.blocks, block);
    m_dropped.push_back(m_blocks.take(*block));
}

void CodeCache::drop_all()
{
    for (u64 page : m_watched)
        m_storage.page_flags(page).fetch_sub(PageFlag::code_user);
    m_watched.clear();
    m_pages.clear();
    m_dropped.reserve(m_dropped.size() + m_blocks.size());
    m_blocks.take_all([&](std::unique_ptr<CodeBlock> block) {
        block->stale = true;
        block->retire();
        m_dropped.push_back(std::move(block));
    });
}

void CodeCache::give_memory_back()
{
    drop_all();
    m_dropped = std::vector<std::unique_ptr<CodeBlock>>();
    m_blocks = BlockTable();
    m_memory.release();
    m_pieces.release();
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
