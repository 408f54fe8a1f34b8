#include "isa/table.h"

#include "cpu/cpu_group.h"

#include <map>

namespace zvisor::isa {

#define ISA_GROUP(name) extern const Group name;
#include "isa_groups.inc"
#undef ISA_GROUP

namespace {

/// The bits of an instruction that are the second index, for a first opcode byte; none are index 0.
struct SecondIndex {
    unsigned at;
    unsigned width;

    [[nodiscard]] constexpr std::size_t count() const { return std::size_t { 1 } << width; }
    [[nodiscard]] constexpr std::size_t of(u64 bits) const { return bits >> (64 - at - width) & (count() - 1); }
};

[[nodiscard]] constexpr SecondIndex second_index(OpcodePlace place)
{
    switch (place) {
    case OpcodePlace::byte:
        break;
    case OpcodePlace::nibble:
        return { 12, 4 };
    case OpcodePlace::second_byte:
        return { 8, 8 };
    case OpcodePlace::last_byte:
        return { 40, 8 };
    }
    return { 8, 0 };
}

struct Table {
    struct First {
        SecondIndex second { second_index(OpcodePlace::byte) };
        std::vector<const Row*> rows = std::vector<const Row*>(second.count());
    };
    std::vector<NamedGroup> groups;
    std::vector<const Row*> all;
    std::array<First, 256> first {};

    Table()
    {
#define ISA_GROUP(name) add({ #name, &name });
#include "isa_groups.inc"
#undef ISA_GROUP
    }

    void add(const NamedGroup& named)
    {
        groups.push_back(named);
        for (const Row& row : named.group->rows)
            add(row);
    }

    void add(const Row& row)
    {
        u64 bits = opcode_bits(row);
        First& entry = first[bits >> 56];
        entry.second = second_index(row.format->place);
        entry.rows.resize(entry.second.count());
        entry.rows[entry.second.of(bits)] = &row;
        all.push_back(&row);
    }
};

[[nodiscard]] const Table& table()
{
    static const Table instance;
    return instance;
}

[[nodiscard]] std::map<std::string_view, const Row*> rows_by_mnemonic()
{
    std::map<std::string_view, const Row*> rows;
    for (const Row* row : table().all)
        rows.emplace(row->mnemonic, row);
    return rows;
}

/// Raises the program interruption whose code, data-exception code are in the operand bytes.
void run_exception(Cpu& c, const Op* op)
{
    c.op = op;
    throw ProgramInterruption { .code = static_cast<ProgramCode>(op->operands[0]), .data_code = static_cast<u8>(op->operands[1]) };
}

/// An unassigned instruction of the supervisor state, which a control program may know.
void run_unassigned(Cpu& c, const Op* op)
{
    c.op = op;
    u16 opcode = static_cast<u16>(std::to_integer<u16>(op->operands[0]) << 8 | std::to_integer<u16>(op->operands[1]));
    if (!c.group().machine().control_program_instruction(c, opcode))
        c.program(ProgramCode::operation);
    c.next = c.next_address();
}

void make_unassigned(Op& op, u64 bits)
{
    op.run = &run_unassigned;
    op.operands[0] = static_cast<std::byte>(bits >> 56);
    op.operands[1] = static_cast<std::byte>(bits >> 48);
}

void make_exception(Op& op, ProgramCode code, u8 data_code = 0)
{
    op.run = &run_exception;
    op.operands[0] = static_cast<std::byte>(code);
    op.operands[1] = static_cast<std::byte>(data_code);
}

/// The register an operand names; 0 when it has no such field.
[[nodiscard]] u32 register_number(const OperandInfo& operand, u64 bits)
{
    return operand.width == 0 ? 0 : static_cast<u32>(bits >> (64 - operand.at - operand.width)) & 0xf;
}

/// An odd register of a pair, or an invalid first register of an extended operand.
[[nodiscard]] bool has_invalid_pair(const Row& row, u64 bits)
{
    for (const auto& operand : row.format->operands) {
        u32 number = register_number(operand, bits);
        if (operand.kind == OperandKind::gr_pair && (number & 1))
            return true;
        if (operand.kind == OperandKind::fr_pair && (number & 2))
            return true;
    }
    return false;
}

/// A floating-point register other than 0, 2, 4 and 6 (PoP ch. 9, "AFP-Register-Control Bit").
[[nodiscard]] bool needs_afp_registers(const Row& row, u64 bits)
{
    for (const auto& operand : row.format->operands) {
        bool floating = operand.kind == OperandKind::fr || operand.kind == OperandKind::fr_pair;
        if (floating && (register_number(operand, bits) & 9))
            return true;
    }
    return false;
}

/// The data exception a row gives while CR0 does not allow its registers.
[[nodiscard]] std::optional<DataCode> disallowed_registers(const Row& row, u64 bits, u8 mode)
{
    if (row.has(RowFlag::vector) && !(mode & ExecutionMode::vector))
        return DataCode::vector_instruction;
    if (mode & ExecutionMode::afp_registers)
        return {};
    if (row.has(RowFlag::bfp))
        return DataCode::bfp_instruction;
    if (row.has(RowFlag::dfp))
        return DataCode::dfp_instruction;
    if (needs_afp_registers(row, bits))
        return DataCode::afp_register;
    return {};
}

} // namespace

const std::vector<NamedGroup>& all_groups()
{
    return table().groups;
}

const std::vector<const Row*>& all_rows()
{
    return table().all;
}

u64 opcode_bits(const Row& row)
{
    u64 opcode = row.opcode;
    switch (row.format->place) {
    case OpcodePlace::byte:
        return opcode << 56;
    case OpcodePlace::nibble:
        return opcode >> 4 << 56 | (opcode & 0xf) << 48;
    case OpcodePlace::second_byte:
        return opcode << 48;
    case OpcodePlace::last_byte:
        return opcode >> 8 << 56 | (opcode & 0xff) << 16;
    }
    return 0;
}

const Row* find_row(u64 bits)
{
    const auto& entry = table().first[bits >> 56];
    return entry.rows[entry.second.of(bits)];
}

const Row* find_row(std::string_view mnemonic)
{
    static const auto rows = rows_by_mnemonic();
    auto found = rows.find(mnemonic);
    return found == rows.end() ? nullptr : found->second;
}

void decode(Op& op, u64 bits, u64 address, u8 mode, const FacilitySet& facilities, const Row*& row)
{
    op.address = address;
    op.length = instruction_length(static_cast<u8>(bits >> 56));
    row = find_row(bits);
    if (!row && !(mode & ExecutionMode::problem))
        return make_unassigned(op, bits);
    if (!row || !facilities.has(row->facility))
        return make_exception(op, ProgramCode::operation);
    if (row->has(RowFlag::privileged) && (mode & ExecutionMode::problem))
        return make_exception(op, ProgramCode::privileged_operation);
    if (auto code = disallowed_registers(*row, bits, mode))
        return make_exception(op, ProgramCode::data, static_cast<u8>(*code));
    if (has_invalid_pair(*row, bits))
        return make_exception(op, ProgramCode::specification);
    row->decode(op, bits, address);
    op.run = row->run;
}

void run_end_of_block(Cpu& c, const Op* op)
{
    c.next = op->address;
}

} // namespace zvisor::isa
