#include "isa/disassembler.h"

#include "isa/aliases.h"
#include "isa/described.h"
#include "isa/text.h"

#include <algorithm>
#include <cctype>
#include <fmt/format.h>

namespace zvisor::isa {

namespace {

[[nodiscard]] std::string lower(std::string_view text)
{
    std::string out(text);
    std::ranges::transform(out, out.begin(), [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
    return out;
}

[[nodiscard]] u64 field_mask(unsigned at, unsigned width)
{
    return width == 0 ? 0 : ((u64 { 1 } << width) - 1) << (64 - at - width);
}

[[nodiscard]] u64 operand_mask(const OperandInfo& info)
{
    u64 mask = field_mask(info.at, info.width);
    if (info.kind >= OperandKind::base_displacement)
        mask |= field_mask(info.base, 16);
    if (info.long_displacement)
        mask |= field_mask(32, 8);
    if (info.rxb < 4)
        mask |= field_mask(36u + info.rxb, 1);
    return mask;
}

/// Whether the instruction has bits set that are neither opcode nor operand: reserved, so binutils takes them for data.
[[nodiscard]] bool has_stray_bits(const Row& row, u64 bits)
{
    u64 known = opcode_bits(row);
    for (const auto& info : row.format->operands)
        known |= operand_mask(info);
    u64 instruction = field_mask(0, row.format->length * 8u);
    return bits & instruction & ~known;
}

[[nodiscard]] Disassembly data(u64 bits, std::size_t available)
{
    if (available >= 4)
        return { ".long", fmt::format("0x{:08x}", bits >> 32), 4, nullptr };
    if (available >= 2)
        return { ".short", fmt::format("0x{:04x}", bits >> 48), 2, nullptr };
    return { ".byte", fmt::format("0x{:02x}", bits >> 56), 1, nullptr };
}

[[nodiscard]] Disassembly disassemble(u64 bits, std::size_t available, u64 address, const AddressWriter& write_address)
{
    const Row* row = find_row(bits);
    if (!row)
        row = find_described(bits);
    if (!row || row->format->length > available || has_stray_bits(*row, bits))
        return data(bits, available);
    const Alias* alias = find_alias(*row, bits);
    if (alias)
        bits &= ~alias->mask;
    Disassembly out { lower(alias ? alias->mnemonic : row->mnemonic), "", row->format->length, row };
    for (std::size_t i = 0; i < written_operands(*row, bits, alias && alias->optional_last); ++i) {
        const auto& info = row->format->operands[i];
        if (alias && (alias->hidden >> i & 1))
            continue;
        out.operands += out.operands.empty() ? "" : ",";
        if (info.kind == OperandKind::relative && write_address)
            out.operands += write_address(relative_target(info, bits, address));
        else
            out.operands += print_operand(info, bits, address, true);
    }
    return out;
}

} // namespace

std::string Disassembly::text(std::string_view separator) const
{
    return operands.empty() ? mnemonic : fmt::format("{}{}{}", mnemonic, separator, operands);
}

Disassembly disassemble(std::span<const u8> bytes, u64 address, const AddressWriter& write_address)
{
    u64 bits = 0;
    std::size_t available = std::min<std::size_t>(bytes.size(), 6);
    for (std::size_t i = 0; i < available; ++i)
        bits |= u64 { bytes[i] } << (56 - 8 * i);
    return disassemble(bits, available, address, write_address);
}

Disassembly disassemble(u64 bits, u64 address, const AddressWriter& write_address)
{
    return disassemble(bits, 6, address, write_address);
}

} // namespace zvisor::isa
