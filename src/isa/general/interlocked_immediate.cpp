// Storage-and-immediate AND, OR, EXCLUSIVE OR and ADD: interlocked updates (PoP ch. 7; ch. 5, "Block-Concurrent References").

#include "isa/insn.h"

#include "cpu/cpu.h"

namespace zvisor::isa {

namespace {

/// Replaces the byte at `a` by what `update` (of an atomic reference) makes of it; condition code by the result.
template<class Update>
void update_byte(Cpu& c, Address a, Update update)
{
    u8* host = c.host_view(a, 1, Access::store);
    auto result = static_cast<u8>(update(std::atomic_ref<u8>(*host)));
    c.stored(host, 1);
    c.cc_zero(result);
}

constexpr auto and_byte = [](Cpu& c, Storage s, Unsigned i2) {
    auto mask = static_cast<u8>(i2.value);
    update_byte(c, c.ea(s), [mask](auto byte) { return byte.fetch_and(mask) & mask; });
};
constexpr auto or_byte = [](Cpu& c, Storage s, Unsigned i2) {
    auto mask = static_cast<u8>(i2.value);
    update_byte(c, c.ea(s), [mask](auto byte) { return byte.fetch_or(mask) | mask; });
};
constexpr auto exclusive_or_byte = [](Cpu& c, Storage s, Unsigned i2) {
    auto mask = static_cast<u8>(i2.value);
    update_byte(c, c.ea(s), [mask](auto byte) { return byte.fetch_xor(mask) ^ mask; });
};

/// Storage becomes storage + immediate by `sum`, which sets the condition code: interlocked on an integral boundary.
template<class T, class Sum>
void add_immediate(Cpu& c, Address a, T addend, Sum sum)
{
    if (a.at % sizeof(T) != 0) {
        c.probe(a, sizeof(T), Access::store);
        T old = c.load<T>(a);
        return c.store<T>(a, sum(c, old, addend));
    }
    u8* host = c.host_view(a, sizeof(T), Access::store);
    std::atomic_ref<T> operand(*reinterpret_cast<T*>(host));
    T old = operand.load();
    while (!operand.compare_exchange_strong(old, swap_if_little(sum(c, swap_if_little(old), addend)))) { }
    c.stored(host, sizeof(T));
}

constexpr auto signed_sum = [](Cpu& c, auto x, auto y) { return c.add_s(x, y); };
constexpr auto logical_sum = [](Cpu& c, auto x, auto y) { return c.add_u(x, y); };

constexpr auto add_immediate_32 = [](Cpu& c, Storage s, Signed i2) { add_immediate(c, c.ea(s), get32(c, i2), signed_sum); };
constexpr auto add_immediate_64 = [](Cpu& c, Storage s, Signed i2) { add_immediate(c, c.ea(s), get64(c, i2), signed_sum); };
constexpr auto add_logical_immediate_32 = [](Cpu& c, Storage s, Signed i2) { add_immediate(c, c.ea(s), get32(c, i2), logical_sum); };
constexpr auto add_logical_immediate_64 = [](Cpu& c, Storage s, Signed i2) { add_immediate(c, c.ea(s), get64(c, i2), logical_sum); };

constexpr Row rows[] = {
    insn("NI", 0x94, SI, base, problem, and_byte, "0(5),15 | r5=2000 m2000=3cff -> m2000=0cff cc=1",
        "0(5),15 | r5=2000 m2000=f0 cc=1 -> m2000=00 cc=0"),
    insn("NIY", 0xEB54, SIY, Facility::long_displacement, problem, and_byte, "-1(5),15 | r5=2000 m1fff=3c -> m1fff=0c cc=1"),
    insn("OI", 0x96, SI, base, problem, or_byte, "0(5),15 | r5=2000 m2000=3000 -> m2000=3f00 cc=1"),
    insn("OIY", 0xEB56, SIY, Facility::long_displacement, problem, or_byte, "-1(5),0 | r5=2000 m1fff=00 cc=1 -> cc=0"),
    insn("XI", 0x97, SI, base, problem, exclusive_or_byte, "0(5),255 | r5=2000 m2000=ff00 cc=1 -> m2000=0000 cc=0"),
    insn("XIY", 0xEB57, SIY, Facility::long_displacement, problem, exclusive_or_byte, "-1(5),255 | r5=2000 m1fff=0f -> m1fff=f0 cc=1"),
    insn("ASI", 0xEB6A, SIY_s, Facility::general_instructions_extension, overflow, add_immediate_32,
        "0(5),-1 | r5=2000 m2000=00000000 -> m2000=ffffffff cc=1", "0(5),1 | r5=2001 m2001=7fffffff -> m2001=80000000 cc=3",
        "0(5),1 | r5=2000 m2000=7fffffff pm=8 -> m2000=80000000 cc=3 pgm=8"),
    insn("AGSI", 0xEB7A, SIY_s, Facility::general_instructions_extension, overflow, add_immediate_64,
        "0(5),-1 | r5=2000 m2000=0000000000000001 cc=1 -> m2000=0000000000000000 cc=0"),
    insn("ALSI", 0xEB6E, SIY_s, Facility::general_instructions_extension, problem, add_logical_immediate_32,
        "0(5),-1 | r5=2000 m2000=00000001 -> m2000=00000000 cc=2", "0(5),1 | r5=2000 m2000=00000001 -> m2000=00000002 cc=1"),
    insn("ALGSI", 0xEB7E, SIY_s, Facility::general_instructions_extension, problem, add_logical_immediate_64,
        "0(5),-1 | r5=2000 m2000=0000000000000002 -> m2000=0000000000000001 cc=3"),
};

} // namespace

extern constexpr Group general_interlocked_immediate { rows };

} // namespace zvisor::isa
