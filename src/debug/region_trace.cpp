#include "debug/region_trace.h"

#include "engine/host_code.h"
#include "ir/printer.h"
#include "isa/disassembler.h"

#include <algorithm>
#include <fmt/format.h>
#include <iterator>

namespace zvisor::debug {

namespace {

/// Characters of the recorded form, to the left of host code.
constexpr std::size_t left_width = 56;
using Lines = std::vector<std::string>;

class Listing {
public:
    Listing(const TranslatedBlock& block, const Symbols& symbols)
        : m_block(block)
        , m_symbols(symbols)
    {
    }

    [[nodiscard]] std::string text()
    {
        write_head();
        write_beside({ "(instructions are counted)" }, host_code(0, path_mark(0) ? path_mark(0)->offset : m_block.path_bytes));
        u32 step = ~u32 { 0 };
        for (ir::Id id = 1; id < m_block.program.nodes.size(); ++id) {
            const ir::Node& node = m_block.program.nodes[id];
            if (node.kind == ir::Kind::constant)
                continue;
            if (node.step != step)
                write_instruction(step = node.step);
            write_beside(recorded(id), code_on_path(id));
        }
        write_detours();
        return std::move(m_text);
    }

private:
    void write_head()
    {
        m_text += fmt::format("{} at {:x}{}: {} instructions, {} bytes of host code at {:x}, of which {} on its path\n",
            m_block.is_path ? "Path" : "Block", m_block.address, place(m_block.address), m_block.instructions.size(), m_block.code.size(),
            reinterpret_cast<u64>(m_block.code.data()), m_block.path_bytes);
    }

    /// " <name+0x12>" where a symbol is known.
    [[nodiscard]] std::string place(u64 address) const
    {
        std::string name = m_symbols.name(address);
        return name.empty() ? "" : fmt::format(" <{}>", name);
    }

    void write_instruction(u32 step)
    {
        if (step >= m_block.instructions.size()) {
            m_text += "\n(end of the block)\n";
            return;
        }
        const GuestInstruction& instruction = m_block.instructions[step];
        auto item = isa::disassemble(
            instruction.bits, instruction.address, [this](u64 target) { return fmt::format("{:#x}{}", target, place(target)); });
        auto hex = fmt::format("{:016x}", instruction.bits).substr(0, 2U * item.length);
        m_text += fmt::format("\n{:016x}  {:<12}  {}{}\n", instruction.address, hex, item.text(), place(instruction.address));
    }

    [[nodiscard]] Lines recorded(ir::Id id) const
    {
        const ir::Node& node = m_block.program.nodes[id];
        Lines lines { ir::node_text(m_block.program, id) };
        for (auto [when, snapshot] : { std::pair { "before", node.before }, std::pair { "after", node.after } })
            if (std::string state = ir::snapshot_text(m_block.program, snapshot); snapshot && !state.empty())
                lines.push_back(fmt::format("  {}: {}", when, state));
        return lines;
    }

    [[nodiscard]] const CodeMark* path_mark(std::size_t index) const
    {
        bool there = index < m_block.marks.size() && m_block.marks[index].offset < m_block.path_bytes;
        return there ? &m_block.marks[index] : nullptr;
    }

    /// Nodes are emitted in order; those that nothing uses are not.
    [[nodiscard]] Lines code_on_path(ir::Id id)
    {
        const CodeMark* mark = path_mark(m_next_mark);
        if (!mark || mark->node != id)
            return {};
        const CodeMark* following = path_mark(++m_next_mark);
        return host_code(mark->offset, following ? following->offset : m_block.path_bytes);
    }

    void write_detours()
    {
        if (m_next_mark < m_block.marks.size())
            m_text += "\nAway from the path:\n";
        for (; m_next_mark < m_block.marks.size(); ++m_next_mark) {
            const CodeMark& mark = m_block.marks[m_next_mark];
            bool last = m_next_mark + 1 == m_block.marks.size();
            std::size_t end = last ? m_block.code.size() : m_block.marks[m_next_mark + 1].offset;
            write_beside({ ir::node_text(m_block.program, mark.node) }, host_code(mark.offset, end));
        }
    }

    [[nodiscard]] Lines host_code(std::size_t from, std::size_t to) const
    {
        Lines lines;
        while (from < to) {
            u64 address = reinterpret_cast<u64>(m_block.code.data()) + from;
            HostInstruction instruction = disassemble_host(m_block.code.subspan(from, to - from), address);
            lines.push_back(fmt::format("{:x}: {}", address, instruction.text));
            from += instruction.length;
        }
        return lines;
    }

    void write_beside(const Lines& left, const Lines& right)
    {
        static const std::string none;
        for (std::size_t i = 0; i < std::max(left.size(), right.size()); ++i) {
            std::string line
                = fmt::format("    {:<{}}  {}", i < left.size() ? left[i] : none, left_width, i < right.size() ? right[i] : none);
            line.erase(line.find_last_not_of(' ') + 1);
            m_text += line + '\n';
        }
    }

    const TranslatedBlock& m_block;
    const Symbols& m_symbols;
    std::size_t m_next_mark { 0 };
    std::string m_text;
};

} // namespace

std::string list_block(const TranslatedBlock& block, const Symbols& symbols)
{
    return Listing(block, symbols).text();
}

RegionTrace::RegionTrace(u64 address, bool path, const Symbols& symbols)
    : m_address(address)
    , m_path(path)
    , m_symbols(symbols)
{
}

std::string RegionTrace::listing()
{
    std::lock_guard lock(m_mutex);
    return m_found.empty() ? m_inside : m_found;
}

void RegionTrace::translated(const TranslatedBlock& block)
{
    if (m_path && !block.is_path)
        return;
    bool begins = block.address == m_address;
    if (!begins && std::ranges::find(block.instructions, m_address, &GuestInstruction::address) == block.instructions.end())
        return;
    {
        std::lock_guard lock(m_mutex);
        std::string& kept = begins ? m_found : m_inside;
        if (!kept.empty())
            return;
        kept = list_block(block, m_symbols);
    }
    if (begins && m_found_hook)
        m_found_hook();
}

} // namespace zvisor::debug
