// General instructions (PoP ch. 7): interlocked updates and block-concurrent loads and stores.

#include "isa/general/interlocked.h"

namespace zvisor::isa {

namespace {

/// A general register as an operand of type T.
template<class T>
[[nodiscard]] auto get(auto& c, u8 r)
{
    if constexpr (sizeof(T) == 4)
        return c.w(r);
    else
        return c.g(r);
}
template<class T>
void put(auto& c, u8 r, auto value)
{
    if constexpr (sizeof(T) == 4)
        c.w(r, value);
    else
        c.g(r, value);
}

template<class T>
constexpr auto swap = [](auto& c, Gr r1, Gr r3, Storage op2) {
    auto a = c.ea(op2);
    c.require_aligned(a.at, sizeof(T));
    auto expected = get<T>(c, r1);
    auto old = c.template swap_if_equal<T>(a, expected, get<T>(c, r3));
    put<T>(c, r1, old);
    c.cc_zero(old ^ expected);
};

[[nodiscard]] u64 word_pair(const Cpu& c, u8 r)
{
    return u64 { c.w(r) } << 32 | c.w(static_cast<u8>(r + 1));
}
void put_word_pair(Cpu& c, u8 r, u64 value)
{
    c.w(r, c.hi(value));
    c.w(static_cast<u8>(r + 1), c.lo(value));
}
[[nodiscard]] u128 doubleword_pair(const Cpu& c, u8 r)
{
    return join(c.g(r), c.g(static_cast<u8>(r + 1)));
}
void put_doubleword_pair(Cpu& c, u8 r, u128 value)
{
    c.g(r, static_cast<u64>(value >> 64));
    c.g(static_cast<u8>(r + 1), static_cast<u64>(value));
}

/// COMPARE AND SWAP of a value that is no register; what the operand was.
template<class T>
[[nodiscard]] T compare_and_swap(Cpu& c, Address a, T expected, T replacement)
{
    c.require_aligned(a.at, sizeof(T));
    T old = c.swap_if_equal(a, expected, replacement);
    c.cc(old == expected ? 0 : 1);
    return old;
}

constexpr auto swap_word_pair = [](Cpu& c, GrPair r1, GrPair r3, Storage op2) {
    put_word_pair(c, r1, compare_and_swap(c, c.ea(op2), word_pair(c, r1), word_pair(c, r3)));
};

constexpr auto swap_doubleword_pair = [](Cpu& c, GrPair r1, GrPair r3, Storage op2) {
    put_doubleword_pair(c, r1, compare_and_swap(c, c.ea(op2), doubleword_pair(c, r1), doubleword_pair(c, r3)));
};

// ---- Interlocked-access facility 1 -------------------------------------------------------------------------

template<class T, StorageUpdate Update, bool Logical = false>
constexpr auto load_and = [](auto& c, Gr r1, Gr r3, Storage op2) {
    auto a = c.ea(op2);
    c.require_aligned(a.at, sizeof(T));
    auto operand = get<T>(c, r3);
    auto old = c.template fetch_update<T>(Update, a, operand);
    set_code_of_update<Update, Logical>(c, old, operand);
    put<T>(c, r1, old);
};

/// Both operands are fetched again until they are found unchanged; condition code 3 says they never were.
template<class T, class Load>
[[nodiscard]] bool load_disjoint(T& first, T& second, Load load)
{
    for (unsigned attempt = 0; attempt < 16; ++attempt) {
        first = load(0);
        second = load(1);
        if (load(0) == first && load(1) == second)
            return true;
    }
    return false;
}

template<class T>
constexpr auto load_pair_disjoint = [](Cpu& c, GrPair r3, Storage op1, Storage op2) {
    std::array<Address, 2> at { c.ea(op1), c.ea(op2) };
    c.require_aligned(at[0].at | at[1].at, sizeof(T));
    T first = 0;
    T second = 0;
    bool interlocked = load_disjoint(first, second, [&](unsigned i) { return c.load<T>(at[i]); });
    put<T>(c, r3, first);
    put<T>(c, static_cast<u8>(r3 + 1), second);
    c.cc(interlocked ? 0 : 3);
};

/// A quadword read at once.
[[nodiscard]] u128 load_quadword(u8* host)
{
    // SAFETY: aligned by the caller; comparing with itself changes nothing.
    return swap_if_little(__sync_val_compare_and_swap(reinterpret_cast<u128*>(host), u128 { 0 }, u128 { 0 }));
}

constexpr auto load_pair_from_quadword = [](Cpu& c, GrPair r1, Storage op2) {
    Address a = c.ea(op2);
    c.require_aligned(a.at, 16);
    u8* host = c.host_view(a, 16, Access::fetch);
    put_doubleword_pair(c, r1, load_quadword(host));
};

constexpr auto store_pair_to_quadword = [](Cpu& c, GrPair r1, Storage op2) {
    Address a = c.ea(op2);
    c.require_aligned(a.at, 16);
    u128 value = doubleword_pair(c, r1);
    u128 old = load_quadword(c.host_view(a, 16, Access::store));
    for (u128 expected = ~old; old != expected;) {
        expected = old;
        old = c.swap_if_equal(a, expected, value);
    }
};

constexpr auto test_and_set = [](Cpu& c, Storage op2) {
    u8* host = c.host_view(c.ea(op2), 1, Access::store);
    u8 old = __atomic_exchange_n(host, u8 { 0xff }, __ATOMIC_SEQ_CST);
    c.stored(host, 1);
    c.cc(old >> 7);
};

// ---- COMPARE AND SWAP AND STORE ----------------------------------------------------------------------------

/// Function codes (operand of 4, 8, 16 bytes) and store characteristics (1 to 16 bytes), from general register 0.
struct SwapAndStore {
    unsigned function;
    unsigned characteristic;

    explicit SwapAndStore(u64 r0)
        : function(static_cast<unsigned>(r0 & 0xff))
        , characteristic(static_cast<unsigned>(r0 >> 8 & 0xff))
    {
    }
    [[nodiscard]] bool is_valid(const Cpu& c) const
    {
        bool second = c.has(Facility::compare_and_swap_and_store_2);
        return function <= (second ? 2u : 1u) && characteristic <= (second ? 4u : 3u);
    }
};

/// The replacement and the store value are at 0 and 16 of the parameter list, which is on a quadword boundary by general register 1.
constexpr auto swap_and_store = [](Cpu& c, Storage op1, Storage op2, Gr r3) {
    SwapAndStore codes(c.g(0));
    if (!codes.is_valid(c))
        c.specification();
    Address first = c.ea(op1);
    Address second = c.ea(op2);
    u64 store_length = u64 { 1 } << codes.characteristic;
    c.require_aligned(first.at, u64 { 4 } << codes.function);
    c.require_aligned(second.at, store_length);
    Address list { c.register_address(1).at & ~u64 { 15 }, 1 };
    std::array<u8, 32> parameters;
    c.load_bytes(list, parameters.data(), parameters.size());
    u8* store_view = c.host_view(second, store_length, Access::store);
    const u8* replacement = parameters.data();
    if (codes.function == 0) {
        c.w(r3, compare_and_swap(c, first, c.w(r3), load_be<u32>(replacement)));
    } else if (codes.function == 1) {
        c.g(r3, compare_and_swap(c, first, c.g(r3), load_be<u64>(replacement)));
    } else {
        c.require_aligned(r3, 2);
        u128 pair = join(load_be<u64>(replacement), load_be<u64>(replacement + 8));
        put_doubleword_pair(c, r3, compare_and_swap(c, first, doubleword_pair(c, r3), pair));
    }
    if (c.cc() == 0) {
        std::copy_n(parameters.data() + 16, store_length, store_view);
        c.stored(store_view, store_length);
    }
};

constexpr auto interlocked_access = Facility::distinct_operands;

constexpr Row rows[] = {
    insn("CS", 0xBA, RS, base, problem, swap<u32>, "1,3,0(2) | r1=5 r3=7 r2=2000 m2000=00000005 -> m2000=00000007 cc=0",
        "1,3,0(2) | r1=5 r3=7 r2=2000 m2000=00000006 -> r1=6 cc=1", "1,3,2(2) | r2=2000 -> pgm=6"),
    insn("CSY", 0xEB14, RSY, Facility::long_displacement, problem, swap<u32>,
        "1,3,-4(2) | r1=5 r3=7 r2=2004 m2000=00000005 -> m2000=00000007 cc=0"),
    insn("CSG", 0xEB30, RSY, base, problem, swap<u64>, "1,3,0(2) | r1=5 r3=7 r2=2000 m2000=0000000000000005 -> m2000=0000000000000007 cc=0",
        "1,3,0(2) | r1=5 r3=7 r2=2000 m2000=0100000000000005 -> r1=100000000000005 cc=1", "1,3,4(2) | r2=2000 -> pgm=6"),
    insn("CDS", 0xBB, RS_PP, base, problem, swap_word_pair,
        "4,6,0(2) | r2=2000 r4=1 r5=2 r6=3 r7=4 m2000=0000000100000002 -> m2000=0000000300000004 cc=0",
        "4,6,0(2) | r2=2000 r4=1 r5=2 m2000=0000000500000006 -> r4=5 r5=6 cc=1"),
    insn("CDSY", 0xEB31, RSY_PP, Facility::long_displacement, problem, swap_word_pair,
        "4,6,0(2) | r2=2000 r4=1 r5=2 r6=3 r7=4 m2000=0000000100000002 -> m2000=0000000300000004 cc=0"),
    insn("CDSG", 0xEB3E, RSY_PP, base, problem, swap_doubleword_pair,
        "4,6,0(2) | r2=2000 r4=1 r5=2 r6=3 r7=4 m2000=00000000000000010000000000000002 -> m2000=00000000000000030000000000000004 cc=0",
        "4,6,0(2) | r2=2000 r4=1 r5=2 m2000=00000000000000050000000000000006 -> r4=5 r5=6 cc=1", "4,6,8(2) | r2=2000 -> pgm=6"),
    insn("CSST", 0xC82, SSF, Facility::compare_and_swap_and_store, problem, swap_and_store,
        "0(2),0(3),4 | r0=100 r1=4000 r2=2000 r3=3000 r4=5 m2000=00000005 m3000=0000 m4000=00000007000000000000000000000000abcd -> "
        "m2000=00000007 m3000=abcd cc=0",
        "0(2),0(3),4 | r0=401 r1=4000 r2=2000 r3=3000 r4=5 m2000=0000000000000006 -> r4=6 cc=1",
        "0(2),0(3),4 | r0=3 r1=4000 r2=2000 r3=3000 -> pgm=6"),

    insn("LAA", 0xEBF8, RSY, interlocked_access, overflow, load_and<u32, StorageUpdate::add>,
        "1,3,0(2) | r2=2000 r3=2 m2000=ffffffff -> r1=ffffffff m2000=00000001 cc=2",
        "1,3,0(2) | r2=2000 r3=1 m2000=7fffffff -> r1=7fffffff m2000=80000000 cc=3",
        "1,3,0(2) | pm=8 r2=2000 r3=1 m2000=7fffffff -> r1=7fffffff m2000=80000000 cc=3 pgm=8"),
    insn("LAAG", 0xEBE8, RSY, interlocked_access, overflow, load_and<u64, StorageUpdate::add>,
        "1,3,0(2) | r2=2000 r3=ffffffffffffffff m2000=0000000000000001 -> r1=1 m2000=0000000000000000 cc=0"),
    insn("LAAL", 0xEBFA, RSY, interlocked_access, problem, load_and<u32, StorageUpdate::add, true>,
        "1,3,0(2) | r2=2000 r3=1 m2000=ffffffff -> r1=ffffffff m2000=00000000 cc=2"),
    insn("LAALG", 0xEBEA, RSY, interlocked_access, problem, load_and<u64, StorageUpdate::add, true>,
        "1,3,0(2) | r2=2000 r3=1 m2000=0000000000000001 -> r1=1 m2000=0000000000000002 cc=1"),
    insn("LAN", 0xEBF4, RSY, interlocked_access, problem, load_and<u32, StorageUpdate::bit_and>,
        "1,3,0(2) | r2=2000 r3=f m2000=000000f0 -> r1=f0 m2000=00000000 cc=0"),
    insn("LANG", 0xEBE4, RSY, interlocked_access, problem, load_and<u64, StorageUpdate::bit_and>,
        "1,3,0(2) | r2=2000 r3=1f m2000=00000000000000f0 -> r1=f0 m2000=0000000000000010 cc=1"),
    insn("LAO", 0xEBF6, RSY, interlocked_access, problem, load_and<u32, StorageUpdate::bit_or>,
        "1,3,0(2) | r2=2000 r3=f m2000=000000f0 -> r1=f0 m2000=000000ff cc=1"),
    insn("LAOG", 0xEBE6, RSY, interlocked_access, problem, load_and<u64, StorageUpdate::bit_or>,
        "1,3,0(2) | r2=2000 r3=f m2000=00000000000000f0 -> r1=f0 m2000=00000000000000ff cc=1", "1,3,4(2) | r2=2000 -> pgm=6"),
    insn("LAX", 0xEBF7, RSY, interlocked_access, problem, load_and<u32, StorageUpdate::bit_xor>,
        "1,3,0(2) | r2=2000 r3=f0 m2000=000000f0 -> r1=f0 m2000=00000000 cc=0"),
    insn("LAXG", 0xEBE7, RSY, interlocked_access, problem, load_and<u64, StorageUpdate::bit_xor>,
        "1,3,0(2) | r2=2000 r3=f m2000=00000000000000f0 -> r1=f0 m2000=00000000000000ff cc=1"),
    insn("LPD", 0xC84, SSF_p, interlocked_access, problem, load_pair_disjoint<u32>,
        "4,0(1),0(2) | r1=2000 r2=3000 m2000=00000001 m3000=00000002 -> r4=1 r5=2 cc=0"),
    insn("LPDG", 0xC85, SSF_p, interlocked_access, problem, load_pair_disjoint<u64>,
        "4,0(1),0(2) | r1=2000 r2=3000 m2000=0000000000000001 m3000=0000000000000002 -> r4=1 r5=2 cc=0",
        "4,0(1),4(2) | r1=2000 r2=3000 -> pgm=6"),
    insn("LPQ", 0xE38F, RXY_P, base, problem, load_pair_from_quadword,
        "4,0(2) | r2=2000 m2000=00000000000000010000000000000002 -> r4=1 r5=2", "4,8(2) | r2=2000 -> pgm=6"),
    insn("STPQ", 0xE38E, RXY_P, base, problem, store_pair_to_quadword,
        "4,0(2) | r2=2000 r4=1 r5=2 m2000=00000000000000000000000000000000 -> m2000=00000000000000010000000000000002",
        "4,8(2) | r2=2000 -> pgm=6"),
    insn("TS", 0x93, SI_0, base, problem, test_and_set, "0(2) | r2=2000 m2000=00 -> m2000=ff cc=0",
        "0(2) | r2=2000 m2000=80 -> m2000=ff cc=1"),
};

} // namespace

extern constexpr Group general_interlocked { rows };

} // namespace zvisor::isa
