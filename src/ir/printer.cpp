#include "ir/printer.h"

#include <fmt/format.h>
#include <iterator>
#include <string_view>

namespace zvisor::ir {

namespace {

/// How a kind of node is written.
struct KindText {
    Kind kind;
    std::string_view name;
    u8 traits;

    static constexpr u8 is_value = 1;
    static constexpr u8 shows_width = 2;
    /// The operand c is a value.
    static constexpr u8 has_third = 4;
    static constexpr u8 has_condition = 8;
    static constexpr u8 accesses_storage = 16;
    static constexpr u8 shows_immediate = 32;
    /// `info` and `imm` name registers.
    static constexpr u8 names_registers = 64;
    /// At `imm` from a.
    static constexpr u8 is_located = 128;
};

using Text = KindText;
constexpr u8 value = Text::is_value | Text::shows_width;
constexpr KindText kinds[] {
    { Kind::none, "none", 0 },
    { Kind::constant, "constant", Text::is_value | Text::shows_immediate },
    { Kind::get_gr, "get", value | Text::names_registers },
    { Kind::get_vr, "get", value | Text::names_registers },
    { Kind::put_vr, "put", Text::shows_width | Text::names_registers },
    { Kind::put_register, "put", Text::names_registers },
    { Kind::put_code, "put_code", Text::has_condition },
    { Kind::data_tlb, "data", Text::is_value },
    { Kind::code_tlb, "code", Text::is_value },
    { Kind::add, "add", value },
    { Kind::sub, "sub", value },
    { Kind::mul, "mul", value },
    { Kind::high_product_u, "high_product_u", value },
    { Kind::high_product_s, "high_product_s", value },
    { Kind::quotient_u, "quotient_u", value | Text::has_third },
    { Kind::quotient_s, "quotient_s", value },
    { Kind::bit_and, "and", value },
    { Kind::bit_or, "or", value },
    { Kind::bit_xor, "xor", value },
    { Kind::shl, "shl", value },
    { Kind::shr, "shr", value },
    { Kind::sar, "sar", value },
    { Kind::rol, "rol", value },
    { Kind::zx, "zx", value },
    { Kind::sx, "sx", value },
    { Kind::sx8, "sx8", value },
    { Kind::sx16, "sx16", value },
    { Kind::zx8, "zx8", value },
    { Kind::zx16, "zx16", value },
    { Kind::hi, "hi", value },
    { Kind::merge, "merge", value },
    { Kind::reverse, "reverse", value },
    { Kind::select, "select", value | Text::has_condition },
    { Kind::truth, "truth", value | Text::has_condition },
    { Kind::code, "code", value | Text::has_condition },
    { Kind::load, "load", Text::is_value | Text::accesses_storage },
    { Kind::store, "store", Text::accesses_storage | Text::has_third },
    { Kind::locate, "locate", Text::is_value },
    { Kind::load_at, "load", Text::is_value | Text::is_located },
    { Kind::store_at, "store", Text::has_third | Text::is_located },
    { Kind::swap, "swap", Text::is_value | Text::accesses_storage | Text::has_third },
    { Kind::update, "update", Text::is_value | Text::accesses_storage | Text::has_third | Text::shows_immediate },
    { Kind::load_registers, "load_registers", Text::accesses_storage | Text::names_registers },
    { Kind::store_registers, "store_registers", Text::accesses_storage | Text::names_registers },
    { Kind::block, "block", Text::is_value | Text::accesses_storage | Text::has_third | Text::shows_immediate },
    { Kind::string, "string", Text::is_value | Text::accesses_storage | Text::has_third },
    { Kind::program_mask, "program_mask", Text::is_value },
    { Kind::change_mask, "change_mask", Text::accesses_storage | Text::shows_immediate },
    { Kind::store_leftmost, "store_leftmost", Text::accesses_storage | Text::has_third },
    { Kind::get_vector, "get", value | Text::names_registers },
    { Kind::vector, "vector", value },
    { Kind::pair, "pair", Text::is_value },
    { Kind::insert, "insert", value },
    { Kind::element, "element", value },
    { Kind::byte_signs, "byte_signs", Text::is_value },
    { Kind::leading_zeros, "leading_zeros", value },
    { Kind::leave_if_stale, "leave_if_stale", 0 },
    { Kind::raise, "raise", Text::has_condition | Text::shows_immediate },
    { Kind::align, "align", Text::shows_immediate },
    { Kind::overflow, "overflow", Text::shows_width },
    { Kind::bfp_state, "bfp_state", Text::is_value },
    { Kind::bfp, "bfp", value | Text::has_third },
    { Kind::bfp_round, "bfp_round", value },
    { Kind::bfp_truncate, "bfp_truncate", value },
    { Kind::bfp_ordered, "bfp_ordered", Text::shows_width },
    { Kind::fence, "fence", 0 },
    { Kind::call, "call", 0 },
    { Kind::side_exit, "side_exit", Text::has_condition },
    { Kind::exit, "exit", 0 },
    { Kind::carried, "carried", 0 },
    { Kind::loop, "loop", 0 },
    { Kind::repeat, "repeat", 0 },
    { Kind::arm, "arm", Text::shows_immediate },
};
static_assert([] {
    for (std::size_t i = 0; i < std::size(kinds); ++i)
        if (kinds[i].kind != static_cast<Kind>(i))
            return false;
    return true;
}());

constexpr std::string_view code_names[] { "memory", "value", "zero", "compare_s", "compare_u", "add_s", "sub_s", "add_u", "sub_u",
    "bfp_sign", "bfp_compare", "test_byte", "test_halfword", "search" };
static_assert(std::size(code_names) == static_cast<std::size_t>(CodeKind::search) + 1);

constexpr std::string_view operation_names[] { "add", "subtract", "multiply", "divide", "square_root", "test", "from_integer", "lengthen",
    "shorten", "round_to_nearest", "round_down", "round_up", "round_toward_zero", "multiply_add", "multiply_subtract" };
static_assert(std::size(operation_names) == static_cast<std::size_t>(BfpOperation::multiply_subtract) + 1);

/// Up to the first of `align`, which go on to the last of them, and behind these.
constexpr std::string_view vector_names[] { "and", "or", "xor", "and_not", "add", "subtract", "equal", "greater", "least", "merge_left",
    "merge_right", "shuffle", "align" };
constexpr std::string_view vector_names_behind[] { "shift_left", "shift_right", "shift_right_signed", "leftmost", "replicate" };
static_assert(std::size(vector_names) == static_cast<std::size_t>(VectorOperation::align_1) + 1);
static_assert(
    std::size(vector_names_behind) == static_cast<std::size_t>(VectorOperation::replicate) - static_cast<u8>(VectorOperation::align_15));

constexpr std::string_view string_names[] { "compare", "search" };
static_assert(std::size(string_names) == static_cast<std::size_t>(StringOperation::search) + 1);

[[nodiscard]] std::string vector_operation(u8 operation)
{
    constexpr auto first_align = static_cast<u8>(VectorOperation::align_1);
    constexpr auto last_align = static_cast<u8>(VectorOperation::align_15);
    if (operation < first_align)
        return std::string(vector_names[operation]);
    if (operation > last_align)
        return std::string(vector_names_behind[operation - last_align - 1]);
    return fmt::format("align_{}_", operation - first_align + 1);
}

[[nodiscard]] const KindText& text_of(const Node& node)
{
    return kinds[static_cast<std::size_t>(node.kind)];
}

[[nodiscard]] std::string operand(const Program& program, Id id)
{
    const Node& node = program.nodes[id];
    return node.kind == Kind::constant ? fmt::format("{:#x}", node.imm) : fmt::format("%{}", id);
}

/// A RegisterNumber: r and f are doublewords, w and s words, v 16 bytes.
[[nodiscard]] std::string register_name(u8 number, u8 width)
{
    bool floating = number >= RegisterNumber::floating;
    char letter = floating ? (width == 4 ? 's' : width == 8 ? 'f' : 'v') : (width == 4 ? 'w' : 'r');
    return fmt::format("{}{}", letter, floating ? number - RegisterNumber::floating : number);
}

/// What get_vr and put_vr name.
[[nodiscard]] std::string place_name(const Node& node)
{
    if (node.info >= Place::right_half)
        return fmt::format("v{} right", node.info - Place::right_half);
    if (node.info >= Place::access_register)
        return fmt::format("a{}", node.info - Place::access_register);
    return register_name(static_cast<u8>(RegisterNumber::floating + node.info), node.width);
}

[[nodiscard]] std::string registers_of(const Node& node)
{
    if (node.kind == Kind::get_gr || node.kind == Kind::put_register)
        return register_name(node.info, node.width);
    if (node.kind == Kind::get_vector)
        return register_name(static_cast<u8>(RegisterNumber::floating + node.info), 16);
    if (node.kind == Kind::get_vr || node.kind == Kind::put_vr)
        return place_name(node);
    return fmt::format("r{}-r{}", node.info, node.imm);
}

[[nodiscard]] std::string code_text(const Program& program, const CodeState& code)
{
    if (code.kind == CodeKind::memory)
        return "cc";
    std::string second = code.b ? ", " + operand(program, code.b) : "";
    std::string since = code.since ? fmt::format(" since {}", operand(program, code.since)) : "";
    return fmt::format(
        "{}{}({}{}){}", code_names[static_cast<std::size_t>(code.kind)], code.width, operand(program, code.a), second, since);
}

[[nodiscard]] std::string condition_text(const Program& program, const Condition& condition)
{
    const char* negation = condition.negate ? "not " : "";
    switch (condition.kind) {
    case ConditionKind::constant:
        return (condition.mask != 0) != condition.negate ? "always" : "never";
    case ConditionKind::code:
        return fmt::format("{}{} in {:04b}", negation, code_text(program, condition.code), condition.mask);
    default:
        break;
    }
    const char* sign = condition.kind == ConditionKind::equal ? "==" : condition.kind == ConditionKind::lt_s ? "<s" : "<u";
    return fmt::format("{}{} {}{} {}", negation, operand(program, condition.a), sign, condition.width, operand(program, condition.b));
}

[[nodiscard]] std::string name_of(const Node& node)
{
    const KindText& text = text_of(node);
    if (node.kind == Kind::bfp)
        return fmt::format("bfp_{}{}", operation_names[node.info], node.width);
    if (node.kind == Kind::string)
        return fmt::format("string_{}", string_names[node.info]);
    if (node.kind == Kind::vector)
        return fmt::format("vector_{}{}", vector_operation(node.info), node.width);
    if (node.kind == Kind::insert || node.kind == Kind::element)
        return fmt::format("{}{}[{}]", text.name, node.width, node.info);
    if (text.traits & Text::names_registers)
        return std::string(text.name);
    if (text.traits & (Text::accesses_storage | Text::is_located))
        return fmt::format("{}{}", text.name, node.info);
    return text.traits & Text::shows_width ? fmt::format("{}{}", text.name, node.width) : std::string(text.name);
}

/// "[address] space", with the register that designates the space in access-register mode.
[[nodiscard]] std::string access_text(const Program& program, const Node& node)
{
    if (node.b == 0)
        return fmt::format("[{} {:+#x}]", operand(program, node.a), static_cast<i32>(node.c));
    std::string base = node.base < 16 ? fmt::format(" a{}", node.base) : "";
    return fmt::format("[{}] {}{}", operand(program, node.a), text_of(program.nodes[node.b]).name, base);
}

[[nodiscard]] std::vector<std::string> operands_of(const Program& program, const Node& node)
{
    u8 traits = text_of(node).traits;
    std::vector<std::string> found;
    if (traits & Text::names_registers)
        found.push_back(registers_of(node));
    if (traits & Text::accesses_storage) {
        found.push_back(access_text(program, node));
    } else if (traits & Text::is_located) {
        found.push_back(fmt::format("[{} {:+#x}]", operand(program, node.a), static_cast<i64>(node.imm)));
    } else {
        for (Id id : { node.a, node.b })
            if (id)
                found.push_back(operand(program, id));
    }
    if (traits & Text::has_third && node.c)
        found.push_back(operand(program, node.c));
    if (node.d)
        found.push_back(operand(program, node.d));
    if (traits & Text::shows_immediate)
        found.push_back(fmt::format("{:#x}", node.imm));
    if (traits & Text::has_condition)
        found.push_back("if " + condition_text(program, program.conditions[node.c]));
    return found;
}

} // namespace

std::string node_text(const Program& program, Id id)
{
    const Node& node = program.nodes[id];
    std::string text = text_of(node).traits & Text::is_value ? fmt::format("%{} = {}", id, name_of(node)) : name_of(node);
    const char* between = " ";
    for (const std::string& operand : operands_of(program, node)) {
        text.append(between).append(operand);
        between = ", ";
    }
    return text;
}

std::string snapshot_text(const Program& program, u32 snapshot)
{
    const Snapshot& taken = program.snapshots[snapshot];
    std::string text;
    for (u32 i = taken.begin; i < taken.end; ++i) {
        const Saved& saved = program.saved[i];
        text += fmt::format("{}={} ", register_name(saved.reg, saved.width), operand(program, saved.value));
    }
    if (taken.code.kind != CodeKind::memory)
        text += "cc=" + code_text(program, taken.code);
    else if (!text.empty())
        text.pop_back();
    return text;
}

std::vector<std::string> print(const Program& program)
{
    std::vector<std::string> lines;
    for (Id id = 1; id < program.nodes.size(); ++id) {
        const Node& node = program.nodes[id];
        if (node.kind == Kind::constant)
            continue;
        lines.push_back(node_text(program, id));
        for (auto [when, snapshot] : { std::pair { "before", node.before }, std::pair { "after", node.after } })
            if (std::string state = snapshot_text(program, snapshot); snapshot && !state.empty())
                lines.push_back(fmt::format("    {}: {}", when, state));
    }
    return lines;
}

} // namespace zvisor::ir
