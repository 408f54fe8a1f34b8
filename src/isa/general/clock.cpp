// General instructions (PoP ch. 7): storing the TOD clock.

#include "isa/general/storage_operand.h"
#include "isa/insn.h"

namespace zvisor::isa {

namespace {

/// The clock's value for STORE CLOCK, which no other execution in the configuration may get: each CPU has a place of its own in
/// every 64 units (15 ns), and the instruction lasts until that place is past.
[[nodiscard]] u64 unique_clock(const Cpu& c)
{
    constexpr u64 slot = 64;
    u64 value = c.tod() & ~(slot - 1);
    while (c.tod() - value < slot) { }
    return value | (c.address() & (slot - 1));
}

constexpr auto store_clock = [](Cpu& c, Storage op2) {
    Address a = c.ea(op2);
    c.probe(a, 8, Access::store);
    c.store64(a, unique_clock(c));
    c.cc(0);
};

constexpr auto store_clock_fast = [](Cpu& c, Storage op2) {
    c.store64(c.ea(op2), c.tod());
    c.cc(0);
};

/// Epoch index (zero), clock bits 0-103, TOD programmable field. The rightmost clock bits make the value unique by the CPU's address.
constexpr auto store_clock_extended = [](Cpu& c, Storage op2) {
    Address a = c.ea(op2);
    c.probe(a, 16, Access::store);
    u64 clock = unique_clock(c);
    std::array<u8, 16> value {};
    store_be<u64>(&value[1], clock);
    store_be<u32>(&value[10], c.address() + u32 { 1 });
    store_be<u16>(&value[14], static_cast<u16>(c.tod_programmable));
    c.store_bytes(a, value.data(), value.size());
    c.cc(0);
};

/// GR0: first operand less the CPU timer; GR1: second operand; R3: the doubleword at the address in R3.
constexpr auto extract_cpu_time = [](Cpu& c, Storage op1, Storage op2, Gr r3) {
    u64 first = c.load64(c.ea(op1));
    u64 second = c.load64(c.ea(op2));
    u64 third = c.load64(c.register_address(r3));
    c.g(0, first - c.cpu_timer());
    c.g(1, second);
    c.g(r3, third);
};

constexpr Row rows[] = {
    insn("STCK", 0xB205, S, base, volatile_result, store_clock, "0(0) | cc=3 -> cc=0"),
    insn("STCKF", 0xB27C, S, Facility::store_clock_fast, volatile_result, store_clock_fast, "0(0) | cc=3 -> cc=0"),
    insn("STCKE", 0xB278, S, base, volatile_result, store_clock_extended, "0(0) | cc=3 -> cc=0"),
    insn("ECTG", 0xC81, SSF, Facility::extract_cpu_time, volatile_result, extract_cpu_time,
        "0(2),0(3),4 | r2=200000 r3=3000 r4=4000 -> pgm=5"),
};

} // namespace

extern constexpr Group general_clock { rows };

} // namespace zvisor::isa
