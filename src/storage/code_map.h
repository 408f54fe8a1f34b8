#pragma once

#include "storage/host_range.h"

#include <atomic>
#include <bit>
#include <vector>

namespace zvisor {

/// What code was made of: a bit for each 16 bytes of storage, in memory the host gives page by page. All methods may be called from any
/// thread.
class CodeMap {
private:
    /// Bytes of storage one bit stands for, and one word.
    static constexpr u64 code_block = 16;
    static constexpr u64 word_bytes = 64 * code_block;
    static constexpr u64 host_page = 4096;

public:
    /// Storage that one page of the host is the map of, in bytes.
    static constexpr u64 stretch = host_page * 8 * code_block;

    /// Bytes of the map of so many bytes of storage, a multiple of 1 MiB.
    [[nodiscard]] static constexpr u64 size(u64 storage_size) { return storage_size / code_block / 8; }
    /// In a fresh range of that size.
    explicit CodeMap(HostRange words);

    /// Who marks a stretch has made it used before, in the sense of `forget_unused`, and reads its storage afterwards.
    void mark(u64 address, u64 length);
    [[nodiscard]] bool holds(u64 address, u64 length) const;
    /// In stretches that are not used nothing is marked any more, and their pages of the map are the host's again.
    /// `is_used(address)` says it of the stretch that begins there.
    template<class Function>
    void forget_unused(Function is_used);

private:
    using Word = std::atomic<u64>;

    template<class Each>
    [[nodiscard]] static bool any_word(u64 address, u64 length, Each each);
    [[nodiscard]] Word* words() const { return reinterpret_cast<Word*>(m_range.start()); }
    void mark_once(u64 address, u64 length);
    void forget(u64 index);

    HostRange m_range;
    /// A bit for each stretch in which something may be marked.
    std::vector<Word> m_stretches;
    /// How often forgetting began and ended: odd in between.
    std::atomic<u64> m_changes { 0 };
};

template<class Function>
void CodeMap::forget_unused(Function is_used)
{
    u64 before = m_changes.load();
    if (before & 1 || !m_changes.compare_exchange_strong(before, before + 1))
        return; // another thread does
    for (u64 at = 0; at < m_stretches.size(); ++at) {
        for (u64 marked = m_stretches[at].load(); marked != 0; marked &= marked - 1) {
            u64 index = at * 64 + static_cast<u64>(std::countr_zero(marked));
            if (!is_used(index * stretch))
                forget(index);
        }
    }
    ++m_changes;
}

} // namespace zvisor
