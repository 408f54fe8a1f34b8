// Operands in writing: both directions are driven by OperandInfo, so a new format needs nothing here.

#include "isa/text.h"

#include "isa/aliases.h"
#include "isa/described.h"

#include <charconv>
#include <fmt/format.h>
#include <vector>

namespace zvisor::isa {

namespace {

constexpr unsigned rxb_at = 36;

[[nodiscard]] u64 get(u64 bits, unsigned at, unsigned width)
{
    return width == 0 ? 0 : bits >> (64 - at - width) & ((u64 { 1 } << width) - 1);
}

[[nodiscard]] u64 put(u64 bits, unsigned at, unsigned width, u64 value)
{
    u64 mask = ((u64 { 1 } << width) - 1) << (64 - at - width);
    return (bits & ~mask) | (value << (64 - at - width) & mask);
}

[[nodiscard]] i64 sign_extend(u64 value, unsigned width)
{
    return static_cast<i64>(value << (64 - width)) >> (64 - width);
}

[[nodiscard]] char register_letter(OperandKind kind)
{
    switch (kind) {
    case OperandKind::fr:
    case OperandKind::fr_pair:
        return 'f';
    case OperandKind::vr:
    case OperandKind::base_vector_index:
        return 'v';
    case OperandKind::ar:
        return 'a';
    case OperandKind::cr:
        return 'c';
    default:
        return 'r';
    }
}

[[nodiscard]] bool is_storage(OperandKind kind)
{
    return kind >= OperandKind::base_displacement;
}

[[nodiscard]] bool is_register(OperandKind kind)
{
    return kind <= OperandKind::cr;
}

// ---- Printing ----------------------------------------------------------------------------------------------

class Printer {
public:
    Printer(u64 bits, u64 address, bool prefix)
        : m_bits(bits)
        , m_address(address)
        , m_prefix(prefix)
    {
    }

    [[nodiscard]] std::string operand(const OperandInfo& info) const
    {
        if (is_storage(info.kind))
            return storage(info);
        u64 value = get(m_bits, info.at, info.width);
        if (is_register(info.kind))
            return register_name(register_letter(info.kind), value | rxb(info));
        switch (info.kind) {
        case OperandKind::signed_immediate:
            return fmt::format("{}", sign_extend(value, info.width));
        case OperandKind::relative:
            return fmt::format("{:#x}", relative_target(info, m_bits, m_address));
        default:
            return fmt::format("{}", value);
        }
    }

private:
    [[nodiscard]] std::string register_name(char letter, u64 number) const
    {
        return m_prefix ? fmt::format("%{}{}", letter, number) : fmt::format("{}", number);
    }

    [[nodiscard]] u64 rxb(const OperandInfo& info) const { return info.rxb < 4 ? get(m_bits, rxb_at + info.rxb, 1) << 4 : 0; }

    [[nodiscard]] std::string storage(const OperandInfo& info) const
    {
        u64 base = get(m_bits, info.base, 4);
        i64 low = static_cast<i64>(get(m_bits, info.base + 4, 12));
        i64 displacement = info.long_displacement ? sign_extend(get(m_bits, 32, 8), 8) * 4096 + low : low;
        u64 first = get(m_bits, info.at, info.width) | rxb(info);
        std::string inner = first_part(info, first);
        if (base != 0 || !inner.empty()) // as objdump: no lone base register 0
            inner += (inner.empty() ? "" : ",") + register_name('r', base);
        return inner.empty() ? fmt::format("{}", displacement) : fmt::format("{}({})", displacement, inner);
    }

    [[nodiscard]] std::string first_part(const OperandInfo& info, u64 value) const
    {
        switch (info.kind) {
        case OperandKind::base_index:
            return value == 0 ? "" : register_name('r', value);
        case OperandKind::base_length:
            return fmt::format("{}", value + 1);
        case OperandKind::base_register_length:
            return register_name('r', value);
        case OperandKind::base_vector_index:
            return register_name('v', value);
        default:
            return "";
        }
    }

    u64 m_bits;
    u64 m_address;
    bool m_prefix;
};

// ---- Assembling --------------------------------------------------------------------------------------------

[[nodiscard]] std::string_view trim(std::string_view text)
{
    while (!text.empty() && text.front() == ' ')
        text.remove_prefix(1);
    while (!text.empty() && text.back() == ' ')
        text.remove_suffix(1);
    return text;
}

[[nodiscard]] Result<i64> parse_number(std::string_view text)
{
    std::string_view digits = trim(text);
    bool negative = digits.starts_with('-');
    digits.remove_prefix(negative);
    if (digits.starts_with('%'))
        digits.remove_prefix(std::min<std::size_t>(2, digits.size()));
    bool hex = digits.starts_with("0x");
    digits.remove_prefix(hex ? 2 : 0);
    u64 value = 0;
    auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), value, hex ? 16 : 10);
    if (error != std::errc {} || end != digits.data() + digits.size() || digits.empty())
        return fail(fmt::format("'{}' is not a number", text));
    return negative ? -static_cast<i64>(value) : static_cast<i64>(value);
}

class Encoder {
public:
    Encoder(u64 bits, u64 address)
        : m_bits(bits)
        , m_address(address)
    {
    }

    Result<void> operand(const OperandInfo& info, std::string_view text)
    {
        if (is_storage(info.kind))
            return storage(info, text);
        i64 value = TRY(parse_number(text));
        if (info.kind == OperandKind::relative) {
            if ((static_cast<u64>(value) - m_address) & 1)
                return fail(fmt::format("branch target {:#x} is odd", value));
            value = static_cast<i64>(static_cast<u64>(value) - m_address) / 2;
        }
        return place(info, value, text);
    }

    [[nodiscard]] u64 bits() const { return m_bits; }

private:
    Result<void> place(const OperandInfo& info, i64 value, std::string_view text)
    {
        unsigned width = info.width + (info.rxb < 4 ? 1 : 0);
        bool is_signed = info.kind == OperandKind::signed_immediate || info.kind == OperandKind::relative;
        bool fits = is_signed ? sign_extend(static_cast<u64>(value), width) == value : value >= 0 && static_cast<u64>(value) >> width == 0;
        if (!fits)
            return fail(fmt::format("'{}' does not fit its field of {} bits", text, width));
        m_bits = put(m_bits, info.at, info.width, static_cast<u64>(value));
        if (info.rxb < 4)
            m_bits = put(m_bits, rxb_at + info.rxb, 1, static_cast<u64>(value) >> 4);
        return {};
    }

    Result<void> storage(const OperandInfo& info, std::string_view text)
    {
        auto open = text.find('(');
        i64 displacement = TRY(parse_number(text.substr(0, open)));
        std::vector<std::string_view> inner;
        if (open != std::string_view::npos) {
            if (!text.ends_with(')'))
                return fail(fmt::format("'{}' lacks its closing parenthesis", text));
            inner = split_operands(text.substr(open + 1, text.size() - open - 2));
        }
        unsigned width = info.long_displacement ? 20 : 12;
        bool fits = info.long_displacement ? sign_extend(static_cast<u64>(displacement), width) == displacement
                                           : displacement >= 0 && displacement < 4096;
        if (!fits)
            return fail(fmt::format("displacement {} does not fit {} bits", displacement, width));
        m_bits = put(m_bits, info.base + 4u, 12, static_cast<u64>(displacement));
        if (info.long_displacement)
            m_bits = put(m_bits, 32, 8, static_cast<u64>(displacement) >> 12);
        return parts(info, inner, text);
    }

    /// The part before the base (index, length, register) and the base.
    Result<void> parts(const OperandInfo& info, const std::vector<std::string_view>& inner, std::string_view text)
    {
        bool optional = info.kind == OperandKind::base_index;
        std::size_t leading = info.kind == OperandKind::base_displacement || (optional && inner.size() < 2) ? 0 : 1;
        if (inner.size() > leading + 1 || inner.size() < leading)
            return fail(fmt::format("'{}' has the wrong number of parts in parentheses", text));
        if (leading == 1) {
            i64 value = TRY(parse_number(inner[0]));
            TRY_VOID(place(info, info.kind == OperandKind::base_length ? value - 1 : value, text));
        }
        if (inner.size() > leading) {
            i64 base_register = TRY(parse_number(inner[leading]));
            m_bits = put(m_bits, info.base, 4, static_cast<u64>(base_register));
        }
        return {};
    }

    u64 m_bits;
    u64 m_address;
};

} // namespace

std::vector<std::string_view> split_operands(std::string_view text)
{
    std::vector<std::string_view> parts;
    int depth = 0;
    std::size_t start = 0;
    for (std::size_t i = 0; i < text.size(); ++i) {
        depth += text[i] == '(' ? 1 : text[i] == ')' ? -1 : 0;
        if (text[i] == ',' && depth == 0) {
            parts.push_back(text.substr(start, i - start));
            start = i + 1;
        }
    }
    if (!text.empty())
        parts.push_back(text.substr(start));
    return parts;
}

std::string print_operand(const OperandInfo& info, u64 bits, u64 address, bool register_prefix)
{
    return Printer(bits, address, register_prefix).operand(info);
}

u64 relative_target(const OperandInfo& info, u64 bits, u64 address)
{
    return address + static_cast<u64>(sign_extend(get(bits, info.at, info.width), info.width) * 2);
}

std::size_t written_operands(const Row& row, u64 bits, bool last_is_optional)
{
    auto operands = row.format->operands;
    std::size_t count = operands.size();
    while (count > 0) {
        const auto& info = operands[count - 1];
        bool optional = info.optional || (last_is_optional && count == operands.size());
        if (!optional || get(bits, info.at, info.width) != 0)
            break;
        --count;
    }
    return count;
}

std::string print_operands(const Row& row, u64 bits, u64 address, bool register_prefix)
{
    std::string text;
    for (const auto& info : row.format->operands.first(written_operands(row, bits)))
        text += (text.empty() ? "" : ",") + print_operand(info, bits, address, register_prefix);
    return text;
}

Result<u64> assemble(const Row& row, std::string_view operands, u64 address)
{
    auto texts = split_operands(trim(operands));
    Encoder encoder(opcode_bits(row), address);
    std::size_t used = 0;
    for (const auto& info : row.format->operands) {
        if (used == texts.size() && info.optional)
            continue;
        if (used == texts.size())
            return fail(fmt::format("{} takes {} operands, not '{}'", row.mnemonic, row.format->operands.size(), operands));
        TRY_VOID(encoder.operand(info, trim(texts[used++])));
    }
    if (used != texts.size())
        return fail(fmt::format("{} takes {} operands, not '{}'", row.mnemonic, row.format->operands.size(), operands));
    return encoder.bits();
}

Result<u64> assemble(std::string_view line, u64 address)
{
    line = trim(line);
    auto space = line.find(' ');
    std::string_view operands = space == std::string_view::npos ? "" : line.substr(space + 1);
    if (const Row* row = find_row(line.substr(0, space)))
        return assemble(*row, operands, address);
    if (const Row* row = find_described(line.substr(0, space)))
        return assemble(*row, operands, address);
    if (const Alias* alias = find_alias(line.substr(0, space)))
        return assemble(*alias, operands, address);
    return fail(fmt::format("no instruction is called '{}'", line.substr(0, space)));
}

} // namespace zvisor::isa
