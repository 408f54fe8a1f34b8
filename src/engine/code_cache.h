#pragma once

#include "storage/absolute_storage.h"

#include <list>
#include <memory>
#include <unordered_map>
#include <vector>

namespace zvisor {

class Cpu;

/// Something executable made from one place of absolute storage as seen at one virtual address under one mode.
struct CodeBlock {
    virtual ~CodeBlock() = default;
    /// Storage under the block changed: if it is being executed it leaves at the next instruction.
    virtual void retire() = 0;

    u64 absolute { 0 };
    u64 address { 0 };
    /// ExecutionMode, and the bit of the engine that made it when several share the cache.
    u8 mode { 0 };
    /// Where its first byte in storage is, and from there to behind the last; it may begin to be executed in between.
    u64 first { 0 };
    u32 bytes { 0 };
    u32 count { 0 };
    /// Absolute address of the second page when the last instruction crosses into it, else 0.
    u64 second_page { 0 };
    bool stale { false };
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
    CodeBlock* add(std::unique_ptr<CodeBlock> block);
    /// Makes stores of all CPUs into the page noticed from now on.
    void watch(Cpu& cpu, u64 page);

    /// A store: drops what overlaps. True when something was dropped.
    bool stored(u64 absolute, u64 length);
    void drop_all();
    /// Drops whole pages, those watched longest first, until at most `blocks` are left.
    void shrink(std::size_t blocks);
    /// Frees what was dropped; only while no block of this cache is being executed.
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
        std::vector<CodeBlock*> blocks;
        /// Its place in m_watched.
        std::list<u64>::iterator place;
    };

    [[nodiscard]] static bool overlaps(const CodeBlock& block, u64 absolute, u64 length);
    [[nodiscard]] Page& make_page(u64 page);
    void drop_page(u64 page);
    void drop_block(CodeBlock* block);

    AbsoluteStorage& m_storage;
    std::unordered_map<Key, std::unique_ptr<CodeBlock>, Hash> m_blocks;
    std::unordered_map<u64, Page> m_pages;
    /// The pages, what is watched longest first.
    std::list<u64> m_watched;
    std::vector<std::unique_ptr<CodeBlock>> m_dropped;
};

/// The instruction at `address`, left-aligned; access exceptions are raised.
[[nodiscard]] u64 fetch_instruction(Cpu& cpu, u64 address);

} // namespace zvisor
