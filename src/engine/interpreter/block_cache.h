#pragma once

#include "cpu/op.h"
#include "storage/absolute_storage.h"

#include <memory>
#include <unordered_map>
#include <vector>

namespace zvisor {

/// Decoded instructions from one place of absolute storage as seen at one virtual address, ended by an op that leaves.
struct Block {
    u64 absolute { 0 };
    u64 address { 0 };
    u8 mode { 0 };
    u32 bytes { 0 };
    u32 count { 0 };
    /// Absolute address of the second page when the last instruction crosses into it, else 0.
    u64 second_page { 0 };
    /// Storage under it changed: every op leaves.
    bool stale { false };
    std::unique_ptr<Op[]> ops;
};

/// The blocks of one CPU, found by where they are and dropped when a store hits them.
class BlockCache {
public:
    explicit BlockCache(AbsoluteStorage& storage);
    ~BlockCache();
    BlockCache(const BlockCache&) = delete;
    BlockCache& operator=(const BlockCache&) = delete;

    [[nodiscard]] Block* find(u64 absolute, u64 address, u8 mode) const;
    Block* add(std::unique_ptr<Block> block);
    /// True when no block of this CPU was made from the page yet.
    [[nodiscard]] bool is_new_page(u64 page) const { return !m_pages.contains(page); }
    /// Registers the page so that stores into it are noticed.
    void watch(u64 page);

    /// A store: drops what overlaps. True when something was dropped.
    bool stored(u64 absolute, u64 length);
    void drop_all();
    /// Frees what was dropped; only while no op of this cache is being executed.
    void free_dropped() { m_dropped.clear(); }

    [[nodiscard]] std::size_t size() const { return m_blocks.size(); }

private:
    struct Key {
        u64 absolute;
        u64 address;
        u8 mode;
        friend bool operator==(const Key&, const Key&) = default;
    };
    struct Hash {
        std::size_t operator()(const Key& key) const
        {
            return (key.absolute >> 1 ^ key.address << 17 ^ key.mode) * 0x9e3779b97f4a7c15 >> 20;
        }
    };
    struct Page {
        std::vector<Block*> blocks;
    };

    [[nodiscard]] static bool overlaps(const Block& block, u64 absolute, u64 length);
    void drop_page(u64 page);
    void drop_block(Block* block);

    AbsoluteStorage& m_storage;
    std::unordered_map<Key, std::unique_ptr<Block>, Hash> m_blocks;
    std::unordered_map<u64, Page> m_pages;
    std::vector<std::unique_ptr<Block>> m_dropped;
};

} // namespace zvisor
