#pragma once

#include "engine/code_cache.h"
#include "engine/translator/emitter.h"

#include <vector>

namespace zvisor {

/// The blocks' exits by link number, and which of them lead to which block. An exit is on one list at most, so that what is kept
/// of a block does not grow while exits are linked again and again.
class Exits {
public:
    struct Exit {
        ExitCode code;
        u8 mode { 0 };
    };
    /// The exits that lead to a block.
    class Incoming {
    public:
        explicit Incoming(CodeBlock& block)
            : m_block(block)
        {
        }

    private:
        friend class Exits;
        CodeBlock& m_block;
        u32 m_first { none };
    };

    /// Link numbers come without gaps.
    void add(const ExitCode& code, u8 mode) { m_all.push_back({ { code, mode }, nullptr, none, none }); }
    [[nodiscard]] const Exit& operator[](u32 number) const { return m_all[number].exit; }
    /// The block that exit `number` leads to, or null.
    [[nodiscard]] CodeBlock* led_to(u32 number) const { return m_all[number].on ? &m_all[number].on->m_block : nullptr; }
    /// Its memory goes, too.
    void clear() { m_all = std::vector<Entry>(); }

    /// Exit `number` leads to the block with this list from now on, and to no other.
    void lead(u32 number, Incoming& to);
    /// Calls `function(number, exit)` for each exit on the list, and empties it.
    template<class Function>
    void release(Incoming& list, Function function);
    /// The same for every exit that leads to a block.
    template<class Function>
    void release_all(Function function);

private:
    static constexpr u32 none = ~u32 { 0 };
    struct Entry {
        Exit exit;
        Incoming* on;
        u32 previous;
        u32 next;
    };

    void take_off(Entry& entry);

    std::vector<Entry> m_all;
};

template<class Function>
void Exits::release(Incoming& list, Function function)
{
    while (list.m_first != none) {
        u32 number = list.m_first;
        take_off(m_all[number]);
        function(number, m_all[number].exit);
    }
}

template<class Function>
void Exits::release_all(Function function)
{
    for (Entry& entry : m_all) {
        if (!entry.on)
            continue;
        take_off(entry);
        function(entry.exit);
    }
}

} // namespace zvisor
