#pragma once

#include "ir/node.h"

#include <cstddef>
#include <span>

namespace zvisor {

class Cpu;

namespace isa {
struct Row;
}

/// A guest instruction as it was translated.
struct GuestInstruction {
    u64 address { 0 };
    /// Left-aligned.
    u64 bits { 0 };
    /// Null when there is no such instruction.
    const isa::Row* row { nullptr };
};

/// Where in a block's code begins what a node became.
struct CodeMark {
    std::size_t offset { 0 };
    ir::Id node { 0 };
};

/// A block that has just been translated.
struct TranslatedBlock {
    const Cpu& cpu;
    u64 address;
    /// Whether it was made of what is executed often, over branches.
    bool is_path;
    /// ir::Node::step counts these.
    std::span<const GuestInstruction> instructions;
    /// Of the instructions, the first of each part; the part behind the first one is a loop, or else what there is before arms.
    std::span<const u32> parts;
    bool is_loop;
    const ir::Program& program;
    /// Where the host executes it.
    std::span<const u8> code;
    /// What is behind this many bytes of the code is executed seldom.
    std::size_t path_bytes;
    /// By ascending offset.
    std::span<const CodeMark> marks;
};

/// Sees what is translated. Called on each CPU's own thread, so possibly concurrently.
class TranslationObserver {
public:
    virtual ~TranslationObserver() = default;
    /// Code that all blocks of one CPU call and leave through.
    virtual void made_shared_code(std::span<const u8> code) = 0;
    virtual void translated(const TranslatedBlock& block) = 0;
};

} // namespace zvisor
