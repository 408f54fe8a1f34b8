// General instructions (PoP ch. 7): interlocked updates and block-concurrent loads and stores.

#include "isa/general/interlocked.h"

#include "isa/insn.h"

namespace zvisor::isa {

namespace {

constexpr auto swap_word = [](auto& c, Gr r1, Gr r3, Storage op2) {
    auto a = c.ea(op2);
    c.require_aligned(a.at, 4);
    auto expected = c.w(r1);
    auto old = c.template swap_if_equal<u32>(a, expected, c.w(r3));
    c.w(r1, old);
    c.cc_zero(old ^ expected);
};

constexpr auto swap_doubleword = [](auto& c, Gr r1, Gr r3, Storage op2) {
    auto a = c.ea(op2);
    c.require_aligned(a.at, 8);
    auto expected = c.g(r1);
    auto old = c.template swap_if_equal<u64>(a, expected, c.g(r3));
    c.g(r1, old);
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

constexpr auto swap_word_pair = [](Cpu& c, GrPair r1, GrPair r3, Storage op2) {
    u64 expected = word_pair(c, r1);
    u8 outcome = compare_and_swap<u64>(c, c.ea(op2), expected, word_pair(c, r3));
    put_word_pair(c, r1, expected);
    c.cc(outcome);
};

constexpr auto swap_doubleword_pair = [](Cpu& c, GrPair r1, GrPair r3, Storage op2) {
    u128 expected = doubleword_pair(c, r1);
    u8 outcome = compare_and_swap<u128>(c, c.ea(op2), expected, doubleword_pair(c, r3));
    put_doubleword_pair(c, r1, expected);
    c.cc(outcome);
};

// ---- Interlocked-access facility 1 -------------------------------------------------------------------------

template<StorageUpdate Update, bool Logical>
void set_code_of_update(auto& c, auto old, auto operand)
{
    if constexpr (Update == StorageUpdate::bit_and)
        c.cc_zero(old & operand);
    else if constexpr (Update == StorageUpdate::bit_or)
        c.cc_zero(old | operand);
    else if constexpr (Update == StorageUpdate::bit_xor)
        c.cc_zero(old ^ operand);
    else if constexpr (Logical)
        (void)c.add_u(old, operand);
    else
        (void)c.add_s(old, operand);
}

template<StorageUpdate Update, bool Logical = false>
constexpr auto load_and32 = [](auto& c, Gr r1, Gr r3, Storage op2) {
    auto a = c.ea(op2);
    c.require_aligned(a.at, 4);
    auto operand = c.w(r3);
    auto old = c.template fetch_update<u32>(Update, a, operand);
    set_code_of_update<Update, Logical>(c, old, operand);
    c.w(r1, old);
};

template<StorageUpdate Update, bool Logical = false>
constexpr auto load_and64 = [](auto& c, Gr r1, Gr r3, Storage op2) {
    auto a = c.ea(op2);
    c.require_aligned(a.at, 8);
    auto operand = c.g(r3);
    auto old = c.template fetch_update<u64>(Update, a, operand);
    set_code_of_update<Update, Logical>(c, old, operand);
    c.g(r1, old);
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

constexpr auto load_pair_disjoint32 = [](Cpu& c, GrPair r3, Storage op1, Storage op2) {
    std::array<Address, 2> at { c.ea(op1), c.ea(op2) };
    c.require_aligned(at[0].at | at[1].at, 4);
    u32 first = 0;
    u32 second = 0;
    bool interlocked = load_disjoint(first, second, [&](unsigned i) { return c.load32(at[i]); });
    c.w(r3, first);
    c.w(static_cast<u8>(r3 + 1), second);
    c.cc(interlocked ? 0 : 3);
};

constexpr auto load_pair_disjoint64 = [](Cpu& c, GrPair r3, Storage op1, Storage op2) {
    std::array<Address, 2> at { c.ea(op1), c.ea(op2) };
    c.require_aligned(at[0].at | at[1].at, 8);
    u64 first = 0;
    u64 second = 0;
    bool interlocked = load_disjoint(first, second, [&](unsigned i) { return c.load64(at[i]); });
    c.g(r3, first);
    c.g(static_cast<u8>(r3 + 1), second);
    c.cc(interlocked ? 0 : 3);
};

constexpr auto load_pair_from_quadword = [](Cpu& c, GrPair r1, Storage op2) {
    Address a = c.ea(op2);
    c.require_aligned(a.at, 16);
    u8* host = c.host_view(a, 16, Access::fetch);
    put_doubleword_pair(c, r1, load_quadword(host));
};

constexpr auto store_pair_to_quadword = [](Cpu& c, GrPair r1, Storage op2) {
    u128 value = doubleword_pair(c, r1);
    Interlocked<u128> operand(c, c.ea(op2));
    u128 old = load_quadword(reinterpret_cast<u8*>(operand.host));
    while (!operand.compare_and_swap(old, value)) { }
    operand.stored(c);
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
    u8 outcome = 0;
    if (codes.function == 0) {
        u32 expected = c.w(r3);
        outcome = compare_and_swap<u32>(c, first, expected, load_be<u32>(parameters.data()));
        c.w(r3, expected);
    } else if (codes.function == 1) {
        u64 expected = c.g(r3);
        outcome = compare_and_swap<u64>(c, first, expected, load_be<u64>(parameters.data()));
        c.g(r3, expected);
    } else {
        c.require_aligned(r3, 2);
        u128 expected = doubleword_pair(c, r3);
        outcome = compare_and_swap<u128>(c, first, expected, join(load_be<u64>(parameters.data()), load_be<u64>(parameters.data() + 8)));
        put_doubleword_pair(c, r3, expected);
    }
    if (outcome == 0) {
        std::copy_n(parameters.data() + 16, store_length, store_view);
        c.stored(store_view, store_length);
    }
    c.cc(outcome);
};

constexpr auto interlocked_access = Facility::distinct_operands;

constexpr Row rows[] = {
    insn("CS", 0xBA, RS, base, problem, swap_word, "1,3,0(2) | r1=5 r3=7 r2=2000 m2000=00000005 -> m2000=00000007 cc=0",
        "1,3,0(2) | r1=5 r3=7 r2=2000 m2000=00000006 -> r1=6 cc=1", "1,3,2(2) | r2=2000 -> pgm=6"),
    insn("CSY", 0xEB14, RSY, Facility::long_displacement, problem, swap_word,
        "1,3,-4(2) | r1=5 r3=7 r2=2004 m2000=00000005 -> m2000=00000007 cc=0"),
    insn("CSG", 0xEB30, RSY, base, problem, swap_doubleword,
        "1,3,0(2) | r1=5 r3=7 r2=2000 m2000=0000000000000005 -> m2000=0000000000000007 cc=0",
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

    insn("LAA", 0xEBF8, RSY, interlocked_access, overflow, load_and32<StorageUpdate::add>,
        "1,3,0(2) | r2=2000 r3=2 m2000=ffffffff -> r1=ffffffff m2000=00000001 cc=2",
        "1,3,0(2) | r2=2000 r3=1 m2000=7fffffff -> r1=7fffffff m2000=80000000 cc=3",
        "1,3,0(2) | pm=8 r2=2000 r3=1 m2000=7fffffff -> r1=7fffffff m2000=80000000 cc=3 pgm=8"),
    insn("LAAG", 0xEBE8, RSY, interlocked_access, overflow, load_and64<StorageUpdate::add>,
        "1,3,0(2) | r2=2000 r3=ffffffffffffffff m2000=0000000000000001 -> r1=1 m2000=0000000000000000 cc=0"),
    insn("LAAL", 0xEBFA, RSY, interlocked_access, problem, load_and32<StorageUpdate::add, true>,
        "1,3,0(2) | r2=2000 r3=1 m2000=ffffffff -> r1=ffffffff m2000=00000000 cc=2"),
    insn("LAALG", 0xEBEA, RSY, interlocked_access, problem, load_and64<StorageUpdate::add, true>,
        "1,3,0(2) | r2=2000 r3=1 m2000=0000000000000001 -> r1=1 m2000=0000000000000002 cc=1"),
    insn("LAN", 0xEBF4, RSY, interlocked_access, problem, load_and32<StorageUpdate::bit_and>,
        "1,3,0(2) | r2=2000 r3=f m2000=000000f0 -> r1=f0 m2000=00000000 cc=0"),
    insn("LANG", 0xEBE4, RSY, interlocked_access, problem, load_and64<StorageUpdate::bit_and>,
        "1,3,0(2) | r2=2000 r3=1f m2000=00000000000000f0 -> r1=f0 m2000=0000000000000010 cc=1"),
    insn("LAO", 0xEBF6, RSY, interlocked_access, problem, load_and32<StorageUpdate::bit_or>,
        "1,3,0(2) | r2=2000 r3=f m2000=000000f0 -> r1=f0 m2000=000000ff cc=1"),
    insn("LAOG", 0xEBE6, RSY, interlocked_access, problem, load_and64<StorageUpdate::bit_or>,
        "1,3,0(2) | r2=2000 r3=f m2000=00000000000000f0 -> r1=f0 m2000=00000000000000ff cc=1", "1,3,4(2) | r2=2000 -> pgm=6"),
    insn("LAX", 0xEBF7, RSY, interlocked_access, problem, load_and32<StorageUpdate::bit_xor>,
        "1,3,0(2) | r2=2000 r3=f0 m2000=000000f0 -> r1=f0 m2000=00000000 cc=0"),
    insn("LAXG", 0xEBE7, RSY, interlocked_access, problem, load_and64<StorageUpdate::bit_xor>,
        "1,3,0(2) | r2=2000 r3=f m2000=00000000000000f0 -> r1=f0 m2000=00000000000000ff cc=1"),
    insn("LPD", 0xC84, SSF_p, interlocked_access, problem, load_pair_disjoint32,
        "4,0(1),0(2) | r1=2000 r2=3000 m2000=00000001 m3000=00000002 -> r4=1 r5=2 cc=0"),
    insn("LPDG", 0xC85, SSF_p, interlocked_access, problem, load_pair_disjoint64,
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
