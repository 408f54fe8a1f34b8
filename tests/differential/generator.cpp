#include "generator.h"

#include "values.h"

#include <algorithm>
#include <cstring>
#include <string_view>

namespace zvisor::differential {

namespace {

using isa::OperandInfo;
using isa::OperandKind;
using isa::Row;
using isa::RowFlag;

/// Rows whose register operands designate storage, in the order of the operands: an address, a pair of address and length,
/// or nothing special.
struct Roles {
    std::string_view mnemonic;
    std::string_view operands;
};
constexpr Roles roles[] = {
    { "MVCL", "pp" },
    { "CLCL", "pp" },
    { "MVCLE", "pp" },
    { "CLCLE", "pp" },
    { "MVCLU", "pp" },
    { "CLCLU", "pp" },
    { "CKSM", "-p" },
    { "SRST", "aa" },
    { "SRSTU", "aa" },
    { "CLST", "aa" },
    { "MVST", "aa" },
    { "MVPG", "aa" },
    { "CUSE", "pp" },
    { "TRE", "pa" },
    { "TROO", "pa" },
    { "TROT", "pa" },
    { "TRTO", "pa" },
    { "TRTT", "pa" },
    { "TRTE", "p-" },
    { "TRTRE", "p-" },
    { "CU12", "pp" },
    { "CU21", "pp" },
    { "CU14", "pp" },
    { "CU24", "pp" },
    { "CU41", "pp" },
    { "CU42", "pp" },
    { "KM", "pp" },
    { "KMC", "pp" },
    { "KIMD", "-p" },
    { "KLMD", "-p" },
    { "KMAC", "-p" },
};

/// Rows that end with condition code 3 after an amount of work the CPU chooses.
constexpr std::string_view repeating[] = { "MVCLE", "CLCLE", "MVCLU", "CLCLU", "CKSM", "SRST", "SRSTU", "CLST", "MVST", "CUSE", "TRE",
    "TROO", "TROT", "TRTO", "TRTT", "TRTE", "TRTRE", "CU12", "CU14", "CU21", "CU24", "CU41", "CU42", "KM", "KMC", "KIMD", "KLMD", "KMAC" };

[[nodiscard]] std::string_view roles_of(const Row& row)
{
    const auto* found = std::ranges::find(roles, std::string_view(row.mnemonic), &Roles::mnemonic);
    return found == std::end(roles) ? std::string_view {} : found->operands;
}

[[nodiscard]] bool is_execute(const Row& row)
{
    return row.mnemonic == std::string_view("EX") || row.mnemonic == std::string_view("EXRL");
}

/// Not those that end their block because they can be interrupted.
[[nodiscard]] bool branches(const Row& row)
{
    return row.has(RowFlag::branch) && !is_execute(row) && roles_of(row).empty();
}

[[nodiscard]] u64 get(u64 bits, unsigned at, unsigned width)
{
    return bits >> (64 - at - width) & ((u64 { 1 } << width) - 1);
}

void put(u64& bits, unsigned at, unsigned width, u64 value)
{
    u64 mask = ((u64 { 1 } << width) - 1) << (64 - at - width);
    bits = (bits & ~mask) | (value << (64 - at - width) & mask);
}

/// An address within the area; now and then at its edges.
[[nodiscard]] u64 area_address(Random& random)
{
    u64 window = area_at + window_offset;
    switch (random.below(20)) {
    case 0:
        return area_at + area_size - random.below(40);
    case 1:
        return area_at + random.below(40) - 20;
    case 2:
    case 3:
        return area_at + area_size / 2 - random.below(40);
    default:
        return (window + 32 + random.below(window_size - 64)) & ~(u64 { random.pick({ 0U, 0U, 1U, 1U, 3U, 3U, 7U, 15U, 15U, 15U }) });
    }
}

// ---- Instructions ----------------------------------------------------------------------------------------------

[[nodiscard]] u64 relative_offset(Random& random, const Instruction& instruction, const OperandInfo& operand)
{
    u64 target = instruction.landing();
    if (is_execute(*instruction.row))
        target = instruction.target_address();
    else if (!branches(*instruction.row) && operand.width == 32)
        target = area_address(random);
    else if (!branches(*instruction.row))
        return random.next();
    return (target - instruction.address()) >> 1;
}

[[nodiscard]] u64 mask_value(Random& random)
{
    return random.chance(65) ? random.below(6) : random.below(16);
}

void put_register(Random& random, const OperandInfo& operand, u64& bits)
{
    bool pair = operand.kind == OperandKind::gr_pair && random.chance(97);
    bool extended = operand.kind == OperandKind::fr_pair && random.chance(97);
    u64 number = random.below(16) & (pair ? 14U : extended ? 13U : 15U);
    put(bits, operand.at, 4, number);
}

void put_storage(Random& random, const OperandInfo& operand, u64& bits)
{
    put(bits, operand.base, 4, random.chance(97) ? 1 + random.below(15) : 0);
    put(bits, operand.base + 4U, 12, random.chance(50) ? random.below(4096) : random.below(16));
    if (operand.long_displacement && random.chance(50)) // without a base it reaches neither the area nor what the oracle keeps
        put(bits, 32, 8, random.below(32) | (random.chance(50) ? 0x80 : 0));
    u64 index = random.chance(50) ? 0 : random.below(16);
    if (operand.kind == OperandKind::base_index)
        put(bits, operand.at, 4, index == get(bits, operand.base, 4) ? 0 : index);
    if (operand.kind == OperandKind::base_length)
        put(bits, operand.at, operand.width, random.chance(60) ? random.below(16) : random.next());
    if (operand.kind == OperandKind::base_register_length)
        put(bits, operand.at, 4, random.below(16));
}

void put_vector(Random& random, const OperandInfo& operand, u64& bits)
{
    put(bits, operand.at, 4, random.next());
    put(bits, 36U + operand.rxb, 1, random.below(2));
}

void put_operand(Random& random, const Instruction& instruction, const OperandInfo& operand, u64& bits)
{
    switch (operand.kind) {
    case OperandKind::gr:
    case OperandKind::gr_pair:
    case OperandKind::fr:
    case OperandKind::fr_pair:
    case OperandKind::ar:
    case OperandKind::cr:
        return put_register(random, operand, bits);
    case OperandKind::vr:
        return put_vector(random, operand, bits);
    case OperandKind::mask:
        return put(bits, operand.at, operand.width, mask_value(random));
    case OperandKind::unsigned_immediate:
    case OperandKind::signed_immediate:
        return put(bits, operand.at, operand.width, random.chance(50) ? integer(random) : random.next());
    case OperandKind::relative:
        return put(bits, operand.at, operand.width, relative_offset(random, instruction, operand));
    case OperandKind::base_displacement:
    case OperandKind::base_index:
    case OperandKind::base_length:
    case OperandKind::base_register_length:
        return put_storage(random, operand, bits);
    case OperandKind::base_vector_index:
        put_storage(random, operand, bits);
        return put_vector(random, operand, bits);
    }
}

void put_operands(Random& random, const Instruction& instruction, const Row& row, u64& bits)
{
    bits = opcode_bits(row);
    for (const auto& operand : row.format->operands)
        put_operand(random, instruction, operand, bits);
}

// ---- States ----------------------------------------------------------------------------------------------------

struct Operands {
    Random& random;
    const Instruction& instruction;
    const Row& row;
    u64 bits;
    State& state;

    [[nodiscard]] u8* window_at(u64 address, u64 length) const
    {
        u64 offset = address - area_at - window_offset;
        return length <= window_size && offset <= window_size - length ? state.window + offset : nullptr;
    }

    /// Gives a storage operand's registers values that make it designate `address`.
    void designate(const OperandInfo& operand, u64 address) const
    {
        u64 base = get(bits, operand.base, 4);
        u64 index = operand.kind == OperandKind::base_index ? get(bits, operand.at, 4) : 0;
        u64 displacement = get(bits, operand.base + 4U, 12);
        if (operand.long_displacement)
            displacement += static_cast<u64>(static_cast<i64>(static_cast<i8>(get(bits, 32, 8))) * 4096);
        u64 rest = address - displacement;
        if (base == 0 && index == 0)
            return;
        if (base == 0) {
            state.gr[index] = rest;
            return;
        }
        if (index != 0) {
            u64 part = random.chance(50) ? random.below(256) : state.gr[index] + 0;
            state.gr[index] = part;
            rest -= part;
        }
        state.gr[base] = rest;
    }

    /// Puts a number where an instruction of numbers looks for one.
    void prepare_storage(const OperandInfo& operand, u64 address) const
    {
        u64 length = operand.kind == OperandKind::base_length ? get(bits, operand.at, operand.width) + 1 : random.pick<u64>({ 8, 16 });
        bool floating = row.has(RowFlag::bfp);
        if (floating)
            length = random.pick<u64>({ 4, 8, 16 });
        u8* at = window_at(address, length);
        if (!at || !random.chance(floating ? 80 : 45))
            return;
        if (!floating)
            return packed_decimal(random, { at, length });
        u128 value = floating_point(random, static_cast<unsigned>(length));
        for (u64 i = length; i-- > 0; value >>= 8)
            at[i] = static_cast<u8>(value);
    }

    void designate_storage(const OperandInfo& operand) const
    {
        u64 address = area_address(random);
        bool indirect = row.mnemonic == std::string_view("BIC");
        if (branches(row) && !indirect)
            address = instruction.landing();
        else if (is_execute(row))
            address = instruction.target_address();
        designate(operand, address);
        prepare_storage(operand, address);
        if (u8* pointer = window_at(address, 8); pointer && indirect)
            store_be<u64>(pointer, instruction.landing());
        if (operand.kind == OperandKind::base_register_length && random.chance(90)) {
            u64 length = get(bits, operand.at, 4);
            state.gr[length] = random.below(300);
        }
        if (operand.kind == OperandKind::base_vector_index && random.chance(80)) {
            unsigned vector = static_cast<unsigned>(get(bits, operand.at, 4) | get(bits, 36U + operand.rxb, 1) << 4);
            for (unsigned element = 0; element < 4; ++element)
                store_be<u32>(state.vr[vector] + element * 4, random.chance(50) ? 0 : random.below(256));
        }
    }

    void designate_register(char role, u64 number) const
    {
        if (role == 'a' || role == 'p')
            state.gr[number] = area_address(random);
        if (role == 'p' && random.chance(95))
            state.gr[number | 1] = random.chance(30) ? random.below(8) : random.below(400);
        if (role == 'p' && random.chance(20)) // padding byte of MVCL and CLCL
            state.gr[number | 1] = state.gr[number | 1] | u64 { random.below(256) } << 24;
    }

    void designate_all() const
    {
        auto registers = roles_of(row);
        unsigned number = 0;
        u64 last = 0;
        for (const auto& operand : row.format->operands) {
            if (operand.kind == OperandKind::gr || operand.kind == OperandKind::gr_pair) {
                last = get(bits, operand.at, 4);
                designate_register(number < registers.size() ? registers[number] : '-', last);
                ++number;
            } else if (operand.base != 0)
                designate_storage(operand);
        }
        bool by_register = std::ranges::none_of(
            row.format->operands, [](const auto& operand) { return operand.kind == OperandKind::relative || operand.base != 0; });
        if (branches(row) && by_register)
            state.gr[last] = instruction.landing() | (row.mnemonic[0] == 'B' && std::strchr(row.mnemonic, 'M') ? 1 : 0);
    }
};

/// General register 0 of rows that find a function code or a length there; the emulator ends at some others.
void make_register_0(Random& random, std::string_view mnemonic, State& state)
{
    if (mnemonic == "MVCRL")
        state.gr[0] = random.below(256);
    if (mnemonic == "MVPG")
        state.gr[0] = 0;
    if (mnemonic == "CSST")
        state.gr[0] = random.below(3) | random.below(5) << 8;
    if (mnemonic == "CSST")
        state.gr[1] = area_address(random) & ~u64 { 15 };
}

void make_registers(Random& random, const Row& row, State& state)
{
    bool text = !roles_of(row).empty();
    for (auto& gr : state.gr)
        gr = random.chance(15) ? area_address(random) : integer(random);
    if (text && random.chance(90))
        state.gr[0] = random.chance(80) ? 0x30 + random.below(16) : random.below(128);
    if (text)
        state.gr[1] = area_at + window_offset + random.below(64) * 8;
    make_register_0(random, row.mnemonic, state);
    for (auto& ar : state.ar)
        ar = static_cast<u32>(random.next());
    bool packed = row.facility >= Facility::vector_packed_decimal && row.facility != Facility::vector_enhancements_1
        && row.facility != Facility::vector_enhancements_2;
    Content content = row.has(RowFlag::bfp) ? Content::floating_point : packed ? Content::packed_decimal : Content::any;
    for (auto& vr : state.vr)
        vector_register(random, content, vr);
    bool extended = random.chance(30);
    for (unsigned r = 0; extended && r < 16; r += r & 1 ? 3 : 1) {
        u128 value = floating_point(random, 16);
        store_be<u64>(state.vr[r], static_cast<u64>(value >> 64));
        store_be<u64>(state.vr[r + 2], static_cast<u64>(value));
    }
}

[[nodiscard]] u32 floating_point_control(Random& random, const Row& row)
{
    constexpr u32 flags = 0x00f80000;
    u32 rare = row.has(RowFlag::vector) ? 1 : 25; // the emulator ends at a vector-processing exception
    u32 masks = random.below(row.has(RowFlag::vector) ? 1000 : 100) < rare ? random.below(32) << 27 : 0;
    u32 sticky = random.chance(50) ? 0 : static_cast<u32>(random.next()) & flags;
    u32 decimal_rounding = random.below(8) << 4;
    return masks | sticky | decimal_rounding | random.pick({ 0U, 0U, 0U, 1U, 2U, 3U, 7U });
}

} // namespace

Slot Instruction::code() const
{
    Slot out {};
    for (unsigned i = 0; i < 6; ++i) {
        out.instruction[i] = static_cast<u8>(bits >> (56 - i * 8));
        out.target[i] = static_cast<u8>(target_bits >> (56 - i * 8));
    }
    out.length = row->format->length;
    out.repeats = std::ranges::find(repeating, std::string_view(row->mnemonic)) != std::end(repeating);
    return out;
}

bool may_be_target(const Row& row)
{
    // The emulator goes wrong when a target raises a data exception or is one of these, which it has not (TS: with bits 8-15).
    static constexpr std::string_view absent[] = { "AP", "SP", "ZAP", "MP", "DP", "CP", "SRP", "ED", "EDMK", "CVB", "LMD", "TS" };
    if (std::ranges::find(absent, std::string_view(row.mnemonic)) != std::end(absent))
        return false;
    // No index: EXECUTE would make another register of it.
    auto simple = [](const OperandInfo& operand) {
        return operand.kind == OperandKind::gr || operand.kind == OperandKind::unsigned_immediate
            || operand.kind == OperandKind::base_displacement || operand.kind == OperandKind::base_length;
    };
    return (row.flags & ~RowFlag::overflow) == 0 && row.facility == isa::base && row.format->place == isa::OpcodePlace::byte
        && std::ranges::all_of(row.format->operands, simple) && roles_of(row).empty();
}

/// Whether EXECUTE and its target have a base register in common, so that the target would read the code around it.
[[nodiscard]] static bool shares_base(const Row& row, u64 bits, const Row& target, u64 target_bits)
{
    for (const auto& mine : row.format->operands)
        for (const auto& other : target.format->operands)
            if (mine.base != 0 && other.base != 0 && get(bits, mine.base, 4) == get(target_bits, other.base, 4))
                return true;
    return false;
}

Instruction make_instruction(Random& random, const Row& row, const Row& target, unsigned slot)
{
    Instruction instruction { .row = &row, .slot = slot };
    put_operands(random, instruction, row, instruction.bits);
    if (is_execute(row)) {
        instruction.target = &target;
        do
            put_operands(random, instruction, target, instruction.target_bits);
        while (shares_base(row, instruction.bits, target, instruction.target_bits));
    }
    return instruction;
}

void make_state(Random& random, const Instruction& instruction, State& state)
{
    make_registers(random, instruction.target ? *instruction.target : *instruction.row, state);
    state.fpc = floating_point_control(random, instruction.target ? *instruction.target : *instruction.row);
    u32 program_mask = random.chance(60) ? 0 : random.below(16);
    state.program_mask = (random.below(4) << 4 | program_mask) << 24;
    storage(random, state.window);
    if (instruction.target)
        Operands { random, instruction, *instruction.target, instruction.target_bits, state }.designate_all();
    Operands { random, instruction, *instruction.row, instruction.bits, state }.designate_all();
}

} // namespace zvisor::differential
