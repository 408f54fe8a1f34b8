// General instructions (PoP ch. 7): AND, OR and EXCLUSIVE OR of two storage operands.

#include "isa/general/storage_operand.h"
#include "isa/insn.h"

namespace zvisor::isa {

namespace {

struct And {
    static constexpr auto recorded = ir::BlockOperation::bit_and;
    template<class T>
    static T combine(T x, T y)
    {
        return static_cast<T>(x & y);
    }
};
struct Or {
    static constexpr auto recorded = ir::BlockOperation::bit_or;
    template<class T>
    static T combine(T x, T y)
    {
        return static_cast<T>(x | y);
    }
};
struct ExclusiveOr {
    static constexpr auto recorded = ir::BlockOperation::bit_xor;
    template<class T>
    static T combine(T x, T y)
    {
        return static_cast<T>(x ^ y);
    }
};

/// Combines [0, length) with two loads of T that may overlap, before either store.
template<class Operation, class T>
[[nodiscard]] u64 combine_ends(u8* to, const u8* from, u64 length)
{
    u64 last = length - sizeof(T);
    auto x = Operation::combine(load_host<T>(to), load_host<T>(from));
    auto y = Operation::combine(load_host<T>(to + last), load_host<T>(from + last));
    store_host(to, x);
    store_host(to + last, y);
    return u64 { x } | u64 { y };
}

template<class Operation>
[[nodiscard]] u64 combine_bytes(u8* to, const u8* from, u64 length)
{
    u64 result = 0;
    for (u64 i = 0; i < length; ++i)
        result |= to[i] = Operation::combine(to[i], from[i]);
    return result;
}

/// Combines as if byte by byte from the left; the value is not zero when a result byte is not.
template<class Operation>
[[nodiscard]] u64 combine_left_to_right(u8* to, const u8* from, u64 length)
{
    auto distance = static_cast<u64>(to - from);
    if (distance - 1 < length - 1)
        return combine_bytes<Operation>(to, from, length);
    if (length < 4)
        return combine_bytes<Operation>(to, from, length);
    if (length < 8)
        return combine_ends<Operation, u32>(to, from, length);
    if (length <= 16)
        return combine_ends<Operation, u64>(to, from, length);
    u64 result = 0;
    u64 i = 0;
    for (; i + 8 <= length; i += 8) {
        u64 value = Operation::combine(load_host<u64>(to + i), load_host<u64>(from + i));
        store_host(to + i, value);
        result |= value;
    }
    return result | combine_bytes<Operation>(to + i, from + i, length - i);
}

template<class Operation>
[[gnu::noinline]] void combine_over_pages(Cpu& c, Address to, Address from, u64 length)
{
    StorageOperand source(c, from, length, Access::fetch);
    StorageOperand target(c, to, length, Access::store);
    u64 result = 0;
    for_each_piece(target, source, [&](u8* t, const u8* s, u64 piece) { result |= combine_left_to_right<Operation>(t, s, piece); });
    target.stored(c);
    c.cc_zero(result);
}

template<class Operation>
void combine_operands(Cpu& c, StorageLength op1, Storage op2)
{
    u64 length = op1.length + u64 { 1 };
    Address to = c.ea(op1);
    Address from = c.ea(op2);
    u8* target = cached_view<Access::store>(c, to, length);
    const u8* source = cached_view<Access::fetch>(c, from, length);
    if (target && source) [[likely]]
        c.cc_zero(combine_left_to_right<Operation>(target, source, length));
    else
        combine_over_pages<Operation>(c, to, from, length);
}
template<class Operation>
void combine_operands(ir::Builder& c, StorageLength op1, Storage op2)
{
    u64 length = op1.length + u64 { 1 };
    if (length > ir::short_block)
        return c.leave_to_handler();
    auto to = c.ea(op1);
    auto from = c.ea(op2);
    c.cc_zero(c.combine_block(Operation::recorded, to, from, length));
}

template<class Operation>
constexpr auto combine_storage = [](auto& c, StorageLength op1, Storage op2) { combine_operands<Operation>(c, op1, op2); };

/// Stores zeros; by hand, since compilers make a slow string instruction of a memset that is known to be short.
void clear(u8* to, u64 length)
{
    if (length < 8) {
        for (u64 i = 0; i < length; ++i)
            to[i] = 0;
        return;
    }
    for (u64 i = 0; i + 8 <= length; i += 8)
        store_host(to + i, u64 { 0 });
    store_host(to + length - 8, u64 { 0 });
}

/// An area combined with itself by EXCLUSIVE OR is cleared, whatever it held.
void exclusive_or_operands(Cpu& c, StorageLength op1, Storage op2)
{
    Address to = c.ea(op1);
    u8* target = cached_view<Access::store>(c, to, op1.length + u64 { 1 });
    if (target && to.at == c.ea(op2).at && cached_view<Access::fetch>(c, to, op1.length + u64 { 1 })) {
        clear(target, op1.length + u64 { 1 });
        return c.cc(0);
    }
    combine_operands<ExclusiveOr>(c, op1, op2);
}
void exclusive_or_operands(ir::Builder& c, StorageLength op1, Storage op2)
{
    if (op1.base != op2.base || op2.index != 16 || op1.displacement != op2.displacement)
        return combine_operands<ExclusiveOr>(c, op1, op2);
    auto to = c.ea(op1);
    c.cc(0);
    c.change_block(ir::BlockOperation::clear, to, to, op1.length + u64 { 1 });
}

constexpr auto exclusive_or = [](auto& c, StorageLength op1, Storage op2) { exclusive_or_operands(c, op1, op2); };

constexpr Row rows[] = {
    insn("NC", 0xD4, SS_a, base, problem, combine_storage<And>, "0(2,1),0(2) | r1=2000 r2=3000 m2000=ff0f m3000=1234 -> m2000=1204 cc=1",
        "0(17,1),0(2) | r1=2ff8 r2=4000 m2ff8=ffffffffffffffffffffffffffffffffff -> m2ff8=0000000000000000000000000000000000 cc=0"),
    insn("OC", 0xD6, SS_a, base, problem, combine_storage<Or>,
        "0(5,1),0(2) | r1=2000 r2=3000 m2000=0f00000000 m3000=1000000001 -> m2000=1f00000001 cc=1"),
    insn("XC", 0xD7, SS_a, base, problem, exclusive_or, "0(4,1),0(1) | r1=2000 m2000=01020304 -> m2000=00000000 cc=0",
        "0(9,1),0(2) | r1=2000 r2=3000 m2000=010203040506070809 m3000=010203040506070808 -> m2000=000000000000000001 cc=1",
        "1(3,1),0(1) | r1=2000 m2000=01020408 -> m2000=0103070f cc=1"),
};

} // namespace

extern constexpr Group general_storage_logical { rows };

} // namespace zvisor::isa
