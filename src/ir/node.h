#pragma once

#include "base/types.h"

#include <bit>
#include <vector>

namespace zvisor::ir {

/// A node by its index in Program::nodes; 0 is none.
using Id = u32;

/// What a node computes or does. Values are held in 64-bit host registers; a 32-bit value leaves the upper half undefined, so
/// that the low word of a doubleword is the same node.
enum class Kind : u8 {
    none,
    constant,     ///< imm
    get_gr,       ///< general register `info`, `width` bytes of its right end
    get_vr,       ///< `width` bytes of state at the place `info`, see Place
    put_vr,       ///< a into it
    put_register, ///< a into `width` bytes of the register `info`, a RegisterNumber
    put_code,     ///< the condition code of the state `cc` of condition c into the CPU
    data_tlb,     ///< the space of operands
    code_tlb,     ///< the space of instructions
    add,
    sub,
    mul,
    high_product_u, ///< left half of the product of doublewords
    high_product_s,
    quotient_u, ///< of the quadword a, b by `c`, which is a value here
    quotient_s, ///< of doublewords a by b
    bit_and,
    bit_or,
    bit_xor,
    shl,
    shr,
    sar,
    rol,
    zx, ///< word to doubleword
    sx,
    sx8, ///< within a word
    sx16,
    zx8,
    zx16,
    hi,       ///< bits 0-31 of a doubleword as a word
    merge,    ///< bits 0-31 of a, bits 32-63 of b
    reverse,  ///< bytes from right to left
    select,   ///< condition c ? a : b
    truth,    ///< condition c as 0 or 1
    code,     ///< condition code of the state `cc` of condition c
    load,     ///< `info` bytes at address a, through the space b; 16 are a vector, for vector register `imm`
    store,    ///< value c at address a, through the space b
    locate,   ///< where the host has address a, through the space b, with Program::located[c] around it in the same page; else leaves
    load_at,  ///< `info` bytes `imm` behind the located a; 16 are a vector
    store_at, ///< value c there
    swap,     ///< compares `info` bytes at address a, through the space b, with d and replaces them by value c when equal; what they were
    update,   ///< the same by `imm`, a StorageUpdate, of them and value c
    load_registers,  ///< general registers `info` to `imm` from address a, in space b, or c behind the located a; they are in the CPU then
    store_registers, ///< the same to storage, or their right words; all registers are in the CPU then
    block,           ///< the BlockOperation `info` of `imm` bytes at the addresses a and c, through the space b
    string,          ///< the StringOperation `info` at address a, through the space b, with c and the character d
    program_mask,    ///< of the PSW, as a word
    change_mask,     ///< stores the system mask at address a, through the space b, and changes it by the MaskChange `imm`
    store_leftmost,  ///< the leftmost d bytes, 1 to 16, of vector c at address a, through the space b
    get_vector,      ///< vector register `info`
    vector,          ///< the VectorOperation `info` of a and b, on elements of `width` bytes
    pair,            ///< the vector of the doublewords a, on the left, and b
    insert,          ///< vector a with b as element `info` of `width` bytes
    element,         ///< element `info` of `width` bytes of vector a, as a doubleword
    byte_signs,      ///< bit 0 of each byte of vector a, the leftmost byte's in bit 16 of a word
    leading_zeros,   ///< of a word or doubleword
    leave_if_stale,  ///< leaves when the instruction changed the block
    raise,           ///< the program interruption `imm` when condition c
    align,           ///< specification exception unless a is a multiple of imm
    overflow,        ///< fixed-point overflow of a + b (info 0) or a - b (1) when the program mask asks for it
    bfp_state,       ///< a limit of the host's results that stand; zero when the FPC register lets none stand
    bfp, ///< the BfpOperation `info` of numbers a, b and value c, whose result goes to floating-point register `imm`; d: the bfp_state
    bfp_round, ///< the number a of `info` bytes to the nearest signed integer; d as above; leaves behind the instruction when it has none
    bfp_truncate, ///< the same toward zero
    bfp_ordered,  ///< the interpreter's handler when the number a or b is a NaN
    fence,
    call,      ///< the interpreter's handler of instruction `step`; imm: 1 leaves for Cpu::next
    side_exit, ///< to address a when condition c; to the `arm` node imm if that is not 0
    exit,      ///< to address a
    carried,   ///< a in the first round of the loop, what Program::carried says in the next ones
    loop,      ///< where the loop begins
    repeat,    ///< the next round of the loop, with Program::carried from imm on; leaves for address a when something is pending
    arm,       ///< what follows is executed behind the side exit imm
};

enum class CodeKind : u8 {
    memory, ///< where the CPU keeps it
    value,  ///< node a
    zero,   ///< a: 0, not 0
    compare_s,
    compare_u,
    add_s, ///< of a + b = result
    sub_s,
    add_u,
    sub_u,    ///< of a - b: 1 borrow, 2 zero, 3 positive
    bfp_sign, ///< of the number a against 0
    bfp_compare,
    test_byte,     ///< of the bits a, some of those of the constant b: 0 none, 3 all, else 1
    test_halfword, ///< else 1 without the leftmost of b, 2 with it
    search, ///< of the bits a of ends and b of finds, none in common, the leftmost: 0 an end, 2 a find; 1 finds without an end, 3 none
};

/// Of the system mask: what stays of it, and what is set then.
struct MaskChange {
    u8 keeps { 0xff };
    u8 sets { 0 };

    /// As Node::imm has it.
    [[nodiscard]] u64 immediate() const { return keeps | u64 { sets } << 8; }
    [[nodiscard]] static MaskChange from(u64 immediate) { return { static_cast<u8>(immediate), static_cast<u8>(immediate >> 8) }; }
    /// Only for which interruptions the CPU is enabled: I/O and external ones.
    [[nodiscard]] bool is_of_interruptions() const { return (keeps | 3) == 0xff && (sets & ~3) == 0; }
};

/// What is done with two storage operands of equal length; the first one is the target.
enum class BlockOperation : u8 {
    move,
    fill,    ///< with the byte at c
    clear,   ///< there is no second one
    compare, ///< its value is the order: a signed word
    bit_and, ///< their value is not zero when a result byte is not
    bit_or,
    bit_xor
};
[[nodiscard]] constexpr bool has_value(BlockOperation operation)
{
    return operation >= BlockOperation::compare;
}
/// What is done with strings; the value is 4 times the index of the byte that decides, and the condition code.
enum class StringOperation : u8 {
    compare, ///< with the string at address c, both up to the character
    search   ///< of c bytes for the character
};

/// Lengths of operands that are combined or compared as one or two values of a general register.
constexpr u64 short_block = 16;

/// What is done with whole vectors. Those named of a word take it as b.
enum class VectorOperation : u8 {
    bit_and,
    bit_or,
    bit_xor,
    bit_and_not, ///< b without the bits of a
    add,
    subtract,
    equal,   ///< a mask of all ones where elements are equal
    greater, ///< signed
    least,   ///< unsigned
    merge_left,
    merge_right,
    shuffle, ///< bytes of a by the bytes of b: their index from the right, with bit 0 a zero
    align_1, ///< 16 bytes of a and b, from byte 1 on the left; this and more up to align_15
    align_15 = align_1 + 14,
    shift_left, ///< elements by a word
    shift_right,
    shift_right_signed,
    leftmost,  ///< a word's number of bytes, 0 to 16, the others zeros
    replicate, ///< the doubleword a's rightmost bytes in each element
};

/// Arithmetic of binary floating-point numbers; c is the addend or subtrahend.
enum class BfpOperation : u8 {
    add,
    subtract,
    multiply,
    divide,
    square_root,
    test,         ///< the number itself
    from_integer, ///< of a signed doubleword
    lengthen,     ///< of a short number
    shorten,      ///< of a long number
    round_to_nearest,
    round_down,
    round_up,
    round_toward_zero,
    multiply_add,
    multiply_subtract
};
[[nodiscard]] constexpr bool is_fused(BfpOperation operation)
{
    return operation >= BfpOperation::multiply_add;
}
/// When a zero that the host has as a result is the exact one, not one of underflow.
enum class ExactZero : u8 { never, always, of_first_zero, of_zero };
[[nodiscard]] constexpr ExactZero exact_zero(BfpOperation operation)
{
    if (is_fused(operation))
        return ExactZero::never;
    return operation == BfpOperation::multiply                                    ? ExactZero::of_zero
        : operation == BfpOperation::divide || operation == BfpOperation::shorten ? ExactZero::of_first_zero
                                                                                  : ExactZero::always;
}

/// A condition code not computed yet: how it follows from values.
struct CodeState {
    CodeKind kind { CodeKind::memory };
    u8 width { 8 };
    Id a { 0 };
    Id b { 0 };
    Id result { 0 };
    /// A word that is 0 as long as the CPU has the code, as before the first round of a loop; 0 is none.
    Id since { 0 };

    bool operator==(const CodeState&) const = default;
};

enum class ConditionKind : u8 { constant, lt_s, lt_u, equal, code };

/// A truth value not computed yet.
struct Condition {
    ConditionKind kind { ConditionKind::constant };
    bool negate { false };
    u8 width { 8 };
    /// Of `code`: the condition codes for which it is true, 8 for code 0; of `constant` 0 or 1.
    u8 mask { 0 };
    Id a { 0 };
    Id b { 0 };
    CodeState code;
};

/// A register whose value is not in the CPU yet: `width` bytes of the right end of a general register, of the left end of a
/// floating-point register; 16 of a vector register.
struct Saved {
    /// A RegisterNumber.
    u8 reg;
    u8 width;
    Id value;
};

/// What must go to the CPU so that it has the state between two instructions.
struct Snapshot {
    u32 begin { 0 };
    u32 end { 0 };
    CodeState code;
};

struct Node {
    Kind kind { Kind::none };
    u8 width { 8 };
    u8 info { 0 };
    /// Of load and store: the register that designates the space in access-register mode.
    u8 base { 16 };
    Id a { 0 };
    Id b { 0 };
    /// An operand of the kinds that say so, elsewhere an index in Program::conditions, or in Program::located.
    u32 c { 0 };
    Id d { 0 };
    /// Index in Program::snapshots of the state before and after the instruction; 0 none.
    u32 before { 0 };
    u32 after { 0 };
    /// Which instruction of the block.
    u32 step { 0 };
    u64 imm { 0 };
};

/// What a general register has from the node `to` on, in a path: a doubleword, and a word that its right half is; 0 where there is no one
/// value that is it. The nodes from `from` to there are of the instruction that changes it.
struct Held {
    Id from { 0 };
    Id to { 0 };
    u8 reg { 0 };
    Id full { 0 };
    Id half { 0 };
};

/// Operands that are near each other: in one page mostly, so that the host has them as far from each other.
struct Located {
    /// The `locate` node, of a value or of the constant address of a page.
    Id node { 0 };
    /// Where they are from there: up to 2 GiB before or behind.
    i64 begin { 0 };
    i64 end { 0 };
    /// Whether one of them is stored into; the first, as soon as it is located.
    bool stores { false };
    bool begins_with_store { false };
    u32 accesses { 0 };
};

/// The recorded form of one block.
struct Program {
    std::vector<Node> nodes;
    std::vector<Condition> conditions;
    std::vector<Snapshot> snapshots;
    std::vector<Saved> saved;
    std::vector<Located> located;
    /// By ascending nodes.
    std::vector<Held> held;
    /// For each `repeat` node, by order of their `carried` nodes: what these are in the next round.
    std::vector<Id> carried;
    /// The `loop` node, if there is one.
    Id loop { 0 };
    /// By ascending number. What is before the first one is the stem.
    std::vector<Id> arms;

    void clear();
};

/// Places that get_vr and put_vr name by `info`.
struct Place {
    /// The left end of a vector register, by number.
    static constexpr u8 floating_register = 0;
    static constexpr u8 access_register = 32;
    /// Bits 64-127 of a vector register.
    static constexpr u8 right_half = 48;
};

/// Numbers of registers among all that are values: general registers, then bits 0-63 of vector registers.
struct RegisterNumber {
    static constexpr u8 floating = 16;
    static constexpr u8 count = 48;
};

/// How many general registers there are from one to another, around the end.
[[nodiscard]] constexpr u8 registers_from(u8 first, u64 last)
{
    return static_cast<u8>(((last - first) & 15) + 1);
}

/// A mask of the condition codes that a test of the bits in a mask may have.
[[nodiscard]] constexpr unsigned tested_codes(CodeKind kind, u64 mask)
{
    if (std::has_single_bit(mask))
        return 0b1001;
    return kind == CodeKind::test_byte ? 0b1101 : 0b1111;
}

} // namespace zvisor::ir
