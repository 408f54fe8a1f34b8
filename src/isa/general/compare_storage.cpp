// General instructions (PoP ch. 7): logical comparison of storage operands.

#include "isa/general/storage_operand.h"
#include "isa/insn.h"

#include <bit>

namespace zvisor::isa {

u64 first_difference(const u8* x, const u8* y, u64 length)
{
    u64 i = 0;
    for (; i + 8 <= length; i += 8) {
        u64 different = load_host<u64>(x + i) ^ load_host<u64>(y + i);
        if (different != 0)
            return i + static_cast<u64>(std::countr_zero(swap_if_little(std::byteswap(different)))) / 8;
    }
    while (i < length && x[i] == y[i])
        ++i;
    return i;
}

u64 first_other(const u8* x, u8 value, u64 length)
{
    u64 i = 0;
    while (i < length && x[i] == value)
        ++i;
    return i;
}

namespace {

/// Bytes as one number that compares as they do; two overlapping loads cover any length in [sizeof(T), 2 * sizeof(T)].
template<class T>
void compare_ends(Cpu& c, const u8* x, const u8* y, u64 length)
{
    auto x_first = load_be<T>(x);
    auto y_first = load_be<T>(y);
    if (x_first != y_first)
        c.compare_u(x_first, y_first);
    else
        c.compare_u(load_be<T>(x + length - sizeof(T)), load_be<T>(y + length - sizeof(T)));
}

void compare_views(Cpu& c, const u8* x, const u8* y, u64 length)
{
    if (length > 16) {
        int order = std::memcmp(x, y, length);
        c.cc(static_cast<u8>((order < 0) | (order > 0) << 1));
    } else if (length >= 8) {
        compare_ends<u64>(c, x, y, length);
    } else if (length >= 4) {
        compare_ends<u32>(c, x, y, length);
    } else if (length >= 2) {
        compare_ends<u16>(c, x, y, length);
    } else {
        c.compare_u(*x, *y);
    }
}

[[gnu::noinline]] void compare_over_pages(Cpu& c, Address first, Address second, u64 length)
{
    std::array<u8, 256> x;
    std::array<u8, 256> y;
    c.load_bytes(first, x.data(), length);
    c.load_bytes(second, y.data(), length);
    compare_views(c, x.data(), y.data(), length);
}

void compare_operands(Cpu& c, StorageLength op1, Storage op2)
{
    u64 length = op1.length + u64 { 1 };
    Address first = c.ea(op1);
    Address second = c.ea(op2);
    const u8* x = cached_view<Access::fetch>(c, first, length);
    const u8* y = cached_view<Access::fetch>(c, second, length);
    if (x && y) [[likely]]
        compare_views(c, x, y, length);
    else
        compare_over_pages(c, first, second, length);
}
void compare_operands(ir::Builder& c, StorageLength op1, Storage op2)
{
    auto first = c.ea(op1);
    auto second = c.ea(op2);
    if (op1.length == 0) {
        auto x = c.load8(first);
        auto y = c.load8(second);
        c.compare_u(x, y);
    } else if (op1.length == 3) {
        auto x = c.load32(first);
        auto y = c.load32(second);
        c.compare_u(x, y);
    } else if (op1.length == 7) {
        auto x = c.load64(first);
        auto y = c.load64(second);
        c.compare_u(x, y);
    } else {
        c.cc_sign(c.compare_block(first, second, op1.length + u64 { 1 }));
    }
}

constexpr auto compare_character = [](auto& c, StorageLength op1, Storage op2) { compare_operands(c, op1, op2); };

/// Compares as much as lies in one page of each operand, the shorter one padded. True when an inequality was found, which sets the
/// condition code and leaves the operands there.
[[nodiscard]] bool differs_in_part(Cpu& c, LongOperand& first, LongOperand& second, u8 padding)
{
    u64 x_length = first.part();
    u64 y_length = second.part();
    const u8* x = x_length ? c.host_view(first.at, x_length, Access::fetch) : nullptr;
    const u8* y = y_length ? c.host_view(second.at, y_length, Access::fetch) : nullptr;
    u64 length = x && y ? std::min(x_length, y_length) : std::max(x_length, y_length);
    u64 equal = !x ? first_other(y, padding, length) : !y ? first_other(x, padding, length) : first_difference(x, y, length);
    if (equal < length)
        c.compare_u(x ? x[equal] : padding, y ? y[equal] : padding);
    if (x)
        first.advance(c, equal);
    if (y)
        second.advance(c, equal);
    return equal < length;
}

constexpr auto compare_long = [](Cpu& c, GrPair r1, GrPair r2) {
    auto first = short_length_operand(c, r1);
    auto second = short_length_operand(c, r2);
    auto padding = static_cast<u8>(c.w(static_cast<u8>(r2 + 1)) >> 24);
    bool unequal = false;
    while (!unequal && (first.length | second.length) != 0) {
        unequal = differs_in_part(c, first, second, padding);
        put_short_length_operand(c, second);
        put_short_length_operand(c, first);
        if (!unequal && (first.length | second.length) != 0 && c.pending())
            return c.repeat();
    }
    if (!unequal)
        c.cc(0);
};

constexpr auto compare_long_extended = [](Cpu& c, GrPair r1, GrPair r3, Storage pad) {
    LongOperand first(c, r1);
    LongOperand second(c, r3);
    auto padding = static_cast<u8>(c.ea(pad).at);
    auto commit = [&] {
        second.put(c);
        first.put(c);
    };
    auto step = [&] {
        bool unequal = (first.length | second.length) != 0 && differs_in_part(c, first, second, padding);
        if (!unequal && (first.length | second.length) != 0)
            return false;
        commit();
        if (!unequal)
            c.cc(0);
        return true;
    };
    cpu_determined(c, most_parts, step, commit);
};

constexpr auto compare_long_unicode = [](Cpu& c, GrPair r1, GrPair r3, Storage pad) {
    LongOperand first(c, r1);
    LongOperand second(c, r3);
    if ((first.length | second.length) & 1)
        c.specification();
    auto padding = static_cast<u32>(c.ea(pad).at & 0xffff);
    auto commit = [&] {
        second.put(c);
        first.put(c);
    };
    auto step = [&] {
        u32 x = first.length > 0 ? c.load16(first.at) : padding;
        u32 y = second.length > 0 ? c.load16(second.at) : padding;
        bool end = (first.length | second.length) == 0;
        if (x == y && !end) {
            first.advance(c, std::min<u64>(first.length, 2));
            second.advance(c, std::min<u64>(second.length, 2));
            return false;
        }
        commit();
        c.compare_u(x, y);
        return true;
    };
    cpu_determined(c, most_characters, step, commit);
};

constexpr Row rows[] = {
    insn("CLC", 0xD5, SS_a, base, problem, compare_character, "0(3,1),0(2) | r1=2000 r2=3000 m2000=010203 m3000=010204 -> cc=1",
        "0(3,1),0(2) | r1=2fff r2=4000 m2fff=810203 m4000=010203 -> cc=2",
        "0(9,1),0(2) | r1=2000 r2=3000 m2000=010203040506070809 m3000=010203040506070809 -> cc=0"),
    insn("CLCL", 0x0F, RR_PP, base, branch, compare_long,
        "2,4 | r2=2000 r3=4 r4=3000 r5=40000002 m2000=01024041 m3000=0102 -> r2=2003 r3=1 r4=3002 r5=40000000 cc=2",
        "2,4 | r2=2000 r3=2 r4=3000 r5=2 m2000=0102 m3000=0102 -> r2=2002 r3=0 r4=3002 r5=0 cc=0"),
    insn("CLCLE", 0xA9, RS_PP, base, problem, compare_long_extended,
        "2,4,64 | r2=2000 r3=4 r4=3000 r5=2 m2000=01024040 m3000=0102 -> r2=2004 r3=0 r4=3002 r5=0 cc=0",
        "2,4,64 | r2=2000 r3=2 r4=3000 r5=3 m2000=0102 m3000=010341 -> r2=2001 r3=1 r4=3001 r5=2 cc=1"),
    insn("CLCLU", 0xEB8F, RSY_PP, Facility::extended_translation_2, problem, compare_long_unicode,
        "2,4,32 | r2=2000 r3=4 r4=3000 r5=2 m2000=01020020 m3000=0102 -> r2=2004 r3=0 r4=3002 r5=0 cc=0",
        "2,4,32 | r2=2000 r3=4 r4=3000 r5=2 m2000=01020021 m3000=0102 -> r2=2002 r3=2 r4=3002 r5=0 cc=2"),
};

} // namespace

extern constexpr Group general_compare_storage { rows };

} // namespace zvisor::isa
