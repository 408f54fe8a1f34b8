#pragma once

#include "cpu/store_watcher.h"

#include <memory>
#include <string>
#include <vector>

namespace zvisor {

class Cpu;

/// Pages a CPU stored into since `begin`: what they held before, and what the first of two executions left.
///
/// Only words that differ are put back, since a device may be storing into others meanwhile.
class StoreLog final : public StoreWatcher {
public:
    /// Starts anew; the prefix area, where interruptions store without asking, is always among the pages.
    void begin(Cpu& cpu);
    void page_opened(const Cpu& cpu, Space& space, u64 tag, u8* host_page) override;

    /// Ends the first execution: keeps what it left and puts back what was there before.
    void keep_and_undo(Cpu& cpu);
    /// Puts back what was there before, or what the first execution left.
    void undo(Cpu& cpu) { restore(cpu, &Page::before); }
    void redo(Cpu& cpu);
    /// A line for each doubleword that is not what the first execution left; `cpu` tells where pages are.
    [[nodiscard]] std::string differences(const Cpu& cpu) const;

private:
    struct Page {
        u8* host { nullptr };
        u64 length { 0 };
        u8 before[page_size];
        u8 kept[page_size];
        StorageKey kept_key;
    };
    struct Opened {
        Space* space;
        u64 tag;
    };

    void add(const Cpu& cpu, u8* host, u64 length);
    static void keep(const Cpu& cpu, Page& page);
    void restore(Cpu& cpu, u8 (Page::*to)[page_size]);
    void close_pages();

    /// The first m_used of them are in use.
    std::vector<std::unique_ptr<Page>> m_pages;
    std::size_t m_used { 0 };
    std::vector<Opened> m_opened;
};

} // namespace zvisor
