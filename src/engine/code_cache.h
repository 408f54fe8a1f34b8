#pragma once

#include "base/host_pages.h"
#include "storage/absolute_storage.h"

#include <algorithm>
#include <iterator>
#include <list>
#include <map>
#include <memory>
#include <memory_resource>
#include <optional>
#include <vector>

namespace zvisor {

class Cpu;

/// Something executable made from one place of absolute storage as seen at one virtual address under one mode.
struct CodeBlock {
    virtual ~CodeBlock() = default;
    /// Storage under the block changed: if it is being executed it leaves at the next instruction.
    virtual void retire() = 0;
    /// Whether it is made of what a store changes.
    [[nodiscard]] bool overlaps(u64 stored, u64 length) const;

    u64 absolute { 0 };
    u64 address { 0 };
    /// ExecutionMode, and the bit of the engine that made it when several share the cache.
    u8 mode { 0 };
    bool stale { false };
    /// Where its first byte in storage is, and from there to behind the last; it may begin to be executed in between.
    u64 first { 0 };
    u32 bytes { 0 };
    u32 count { 0 };
    /// Absolute address of the second page when the last instruction crosses into it.
    std::optional<u64> second_page;
    /// The next one with the same place in a BlockTable.
    std::unique_ptr<CodeBlock> next;
};

/// What blocks are found by.
struct BlockKey {
    u64 absolute;
    u64 address;
    u8 mode;

    [[nodiscard]] bool is_of(const CodeBlock& block) const
    {
        return block.absolute == absolute && block.address == address && block.mode == mode;
    }
};

/// Blocks by their keys. A block is all that is read to find it, besides its place: there are more of them than the host's caches hold.
class BlockTable {
public:
    BlockTable();

    [[nodiscard]] CodeBlock* find(const BlockKey& key) const;
    /// A block whose key no other one has.
    void add(std::unique_ptr<CodeBlock> block);
    /// The block is in the table.
    [[nodiscard]] std::unique_ptr<CodeBlock> take(const CodeBlock& block);
    template<class Function>
    void take_all(Function take);
    [[nodiscard]] std::size_t size() const { return m_size; }

private:
    [[nodiscard]] std::size_t place(const BlockKey& key) const;
    void grow();

    std::vector<std::unique_ptr<CodeBlock>> m_places; // a power of 2
    std::size_t m_size { 0 };
};

/// The blocks of one CPU, found by where they are and dropped when a store hits them.
class CodeCache {
public:
    explicit CodeCache(AbsoluteStorage& storage);
    ~CodeCache();
    CodeCache(const CodeCache&) = delete;
    CodeCache& operator=(const CodeCache&) = delete;

    /// The block made under `mode` at a virtual address that is at `absolute` now, or null.
    [[nodiscard]] CodeBlock* find(Cpu& cpu, u64 address, u64 absolute, u8 mode) const;
    /// The same without a look at where its second page is now.
    [[nodiscard]] CodeBlock* find(const BlockKey& key) const { return m_blocks.find(key); }
    CodeBlock* add(std::unique_ptr<CodeBlock> block);
    /// Makes stores of all CPUs into the page noticed from now on.
    void watch(Cpu& cpu, u64 page);

    /// A store: drops what overlaps. True when something was dropped.
    bool stored(u64 absolute, u64 length);
    /// One that `find` gives.
    void drop(CodeBlock& block) { drop_block(&block); }
    void drop_all();
    /// Drops and frees all; none is being executed.
    void give_memory_back();
    /// Drops `count` blocks that are meant, those in pages watched longest first.
    template<class Function>
    void drop_some(std::size_t count, Function is_meant);
    /// How often a store hit a page that is watched. What is made of code while it changes is not to be kept.
    [[nodiscard]] u64 noticed() const { return m_noticed; }
    /// Frees what was dropped; only while no block of this cache is being executed.
    void free_dropped() { m_dropped.clear(); }

    [[nodiscard]] std::size_t size() const { return m_blocks.size(); }
    /// For what blocks are made of: it goes back as a whole, where the library's allocator would keep each page of the host in which
    /// anything else is.
    [[nodiscard]] std::pmr::memory_resource& memory() { return m_memory; }

private:
    struct Page {
        explicit Page(std::pmr::memory_resource& memory)
            : blocks(&memory)
        {
        }
        std::pmr::vector<CodeBlock*> blocks;
        /// Its place in m_watched.
        std::pmr::list<u64>::iterator place {};
    };

    [[nodiscard]] Page& make_page(u64 page);
    void drop_page(u64 page);
    void drop_block(CodeBlock* block);

    AbsoluteStorage& m_storage;
    HostPages m_host_pages;
    std::pmr::monotonic_buffer_resource m_pieces { 0x10000, &m_host_pages };
    /// In chunks that are small beside what an idle guest needs. Pieces do not take back: all that grows comes from pools.
    std::pmr::unsynchronized_pool_resource m_memory { { .max_blocks_per_chunk = 64, .largest_required_pool_block = 0x400000 }, &m_pieces };
    BlockTable m_blocks;
    /// Empty, it has no memory.
    std::pmr::map<u64, Page> m_pages { &m_memory };
    /// The pages, what is watched longest first.
    std::pmr::list<u64> m_watched { &m_memory };
    std::vector<std::unique_ptr<CodeBlock>> m_dropped;
    u64 m_noticed { 0 };
};

/// Calls `take(block)` with each; none is left.
template<class Function>
void BlockTable::take_all(Function take)
{
    for (auto& first : m_places) {
        while (first) {
            auto block = std::move(first);
            first = std::move(block->next);
            take(std::move(block));
        }
    }
    m_size = 0;
}

/// Pages that were looked through are the last ones next time: blocks that are not meant stay in them.
template<class Function>
void CodeCache::drop_some(std::size_t count, Function is_meant)
{
    for (std::size_t pages = m_watched.size(); pages && count; --pages) {
        auto blocks = m_pages.at(m_watched.front()).blocks;
        m_watched.splice(m_watched.end(), m_watched, m_watched.begin());
        for (CodeBlock* block : blocks) {
            if (count && is_meant(*block)) {
                drop_block(block);
                --count;
            }
        }
    }
}

/// The instruction at `address`, left-aligned; access exceptions are raised.
[[nodiscard]] u64 fetch_instruction(Cpu& cpu, u64 address);

} // namespace zvisor
