// General instructions (PoP ch. 7): COMPARE AND FORM CODEWORD and UPDATE TREE, the instructions for sorting.

#include "isa/general/storage_operand.h"
#include "isa/insn.h"

#include <utility>

namespace zvisor::isa {

namespace {

/// What the addressing mode decides: registers take part with 64 or 32 bits.
struct SortWidth {
    bool wide;

    explicit SortWidth(const Cpu& c)
        : wide(c.mode() & ExecutionMode::amode_64)
    {
    }
    [[nodiscard]] u64 get(const Cpu& c, u8 r) const { return wide ? c.g(r) : c.w(r); }
    void put(Cpu& c, u8 r, u64 value) const
    {
        if (wide)
            c.g(r, value);
        else
            c.w(r, static_cast<u32>(value));
    }
    [[nodiscard]] u64 high_bit() const { return wide ? u64 { 1 } << 63 : u64 { 1 } << 31; }
    /// Bytes compared at a time; they fill a codeword but for the 16 bits of the index.
    [[nodiscard]] u64 comparison_unit() const { return wide ? 6 : 2; }
    [[nodiscard]] u64 node_size() const { return wide ? 16 : 8; }
};

/// The unit at an index from a base register; both operands are in the space of access register 1.
[[nodiscard]] u64 load_unit(Cpu& c, const SortWidth& width, u8 base_register, u64 index)
{
    u64 unit = width.comparison_unit();
    std::array<u8, 8> bytes {};
    c.load_bytes({ (c.g(base_register) + index) & c.address_mask(), 1 }, bytes.data() + 8 - unit, unit);
    return load_be<u64>(bytes.data());
}

/// The codeword is the complement of the higher unit, or with the operand control the lower unit; when that was the
/// first operand's, the operands change places.
void form_codeword(Cpu& c, const SortWidth& width, u64 first, u64 third, bool of_lower)
{
    u64 unit_bits = width.comparison_unit() * 8;
    bool of_first = (first < third) == of_lower;
    u64 chosen = of_first ? first : third;
    u64 unit = (of_lower ? chosen : ~chosen) & ((u64 { 1 } << unit_bits) - 1);
    width.put(c, 2, width.get(c, 2) << unit_bits | unit);
    if (of_first) {
        u64 base_address = width.get(c, 1);
        width.put(c, 1, width.get(c, 3));
        width.put(c, 3, base_address);
    }
    c.cc(of_first ? 2 : 1);
}

/// Index in GR2 bits 48-63, its limit and the operand control in the second-operand address.
constexpr auto compare_and_form_codeword = [](Cpu& c, Storage op2) {
    SortWidth width(c);
    u64 control = c.ea(op2).at;
    c.require_aligned(c.g(1) | c.g(2) | c.g(3), 2);
    u64 limit = control & 0x7ffe;
    for (;;) {
        u64 index = c.g(2) & 0xffff;
        if (index > limit) {
            width.put(c, 2, width.get(c, 3) | width.high_bit());
            return c.cc(0);
        }
        u64 first = load_unit(c, width, 1, index);
        u64 third = load_unit(c, width, 3, index);
        width.put(c, 2, width.get(c, 2) + width.comparison_unit());
        if (first != third)
            return form_codeword(c, width, first, third, control & 1);
        if (c.pending())
            return c.repeat();
    }
};

/// GR0, GR1: a node (codeword and its other word); GR4: base of the tree; GR5: index of a node. Higher nodes on the way to the root
/// change places with it until one is equal (code 0), the root is reached (1) or the codeword's sign bit is one (3).
constexpr auto update_tree = [](Cpu& c) {
    SortWidth width(c);
    u64 word = width.node_size() / 2;
    c.require_aligned(width.get(c, 4) | width.get(c, 5), width.node_size());
    for (;;) {
        u64 index = width.get(c, 5) >> 1 & ~(width.node_size() - 1);
        if (index == 0 || (width.get(c, 0) & width.high_bit())) {
            width.put(c, 5, index);
            return c.cc(index == 0 ? 1 : 3);
        }
        Address node { (c.g(4) + index) & c.address_mask(), 4 };
        Address other = c.offset(node, word);
        u64 codeword = width.wide ? c.load64(node) : c.load32(node);
        u64 data = width.wide ? c.load64(other) : c.load32(other);
        if (codeword > width.get(c, 0)) {
            std::array<u8, 16> held;
            store_be<u64>(held.data(), width.wide ? c.g(0) : u64 { c.w(0) } << 32 | c.w(1));
            store_be<u64>(held.data() + 8, c.g(1));
            c.store_bytes(node, held.data(), width.node_size());
            width.put(c, 0, codeword);
            width.put(c, 1, data);
        } else if (codeword == width.get(c, 0)) {
            width.put(c, 2, codeword);
            width.put(c, 3, data);
            width.put(c, 5, index);
            return c.cc(0);
        }
        width.put(c, 5, index);
    }
};

constexpr Row rows[] = {
    insn("CFC", 0xB21A, S, base, branch, compare_and_form_codeword,
        "6(0) | r1=2000 r2=0 r3=3000 m2000=010203040506010203040507 m3000=010203040506010203040506 -> r1=3000 r2=cfefdfcfbfaf8 r3=2000 "
        "cc=2"),
    insn("UPT", 0x0102, E, base, problem, update_tree,
        "| r0=5 r1=55 r2=0 r3=0 r4=2000 r5=40 m2010=0000000000000001000000000000001100000000000000070000000000000077 -> r0=7 r1=77 r5=0 "
        "m2020=00000000000000050000000000000055 cc=1",
        "| r0=5 r1=55 r4=2000 r5=20 m2010=00000000000000050000000000000011 -> r2=5 r3=11 r5=10 cc=0", "| r0=5 r4=2008 -> pgm=6"),
};

} // namespace

extern constexpr Group general_codeword { rows };

} // namespace zvisor::isa
