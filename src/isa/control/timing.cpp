// Clock comparator, CPU timer and TOD clock (PoP ch. 10; ch. 4, "Timing").

#include "isa/control/control.h"
#include "isa/control/formats.h"

#include <array>

namespace zvisor::isa {

namespace {

[[nodiscard]] Address doubleword(Cpu& c, Storage operand)
{
    auto a = c.ea(operand);
    c.require_aligned(a.at, 8);
    return a;
}

constexpr auto sck = [](Cpu& c, Storage source) {
    c.group().set_tod(c, c.load64(doubleword(c, source)));
    c.cc(0);
};

constexpr auto sckc = [](Cpu& c, Storage source) { c.set_clock_comparator(c.load64(doubleword(c, source))); };
constexpr auto stckc = [](Cpu& c, Storage target) { c.store64(doubleword(c, target), c.clock_comparator()); };
constexpr auto spt = [](Cpu& c, Storage source) { c.set_cpu_timer(c.load64(doubleword(c, source))); };
constexpr auto stpt = [](Cpu& c, Storage target) { c.store64(doubleword(c, target), c.cpu_timer()); };

constexpr auto sckpf = [](Cpu& c) {
    if (bits<32, 47>(c.g(0)))
        c.specification();
    c.tod_programmable = c.w(0) & 0xffff;
};

// ---- PERFORM TIMING FACILITY FUNCTION ----------------------------------------------------------------------

using ParameterBlock = std::array<u8, 56>;

/// Fills the parameter block of a query.
struct TimingQuery {
    u8 function;
    u64 length;
    void (*fill)(Cpu&, ParameterBlock&);
};

void query_available_functions(Cpu&, ParameterBlock& block);
/// Physical clock, TOD offset, logical TOD offset and TOD-epoch difference; the clock runs without offsets.
void query_tod_offset(Cpu& c, ParameterBlock& block)
{
    store_be<u64>(block.data(), c.tod());
}
/// Physical clock, then the old and the new steering episode: start and rates, all zero as nothing steers it.
void query_steering_information(Cpu& c, ParameterBlock& block)
{
    store_be<u64>(block.data(), c.tod());
}
void query_physical_clock(Cpu& c, ParameterBlock& block)
{
    store_be<u64>(block.data(), c.tod());
}

constexpr TimingQuery timing_queries[] = {
    { 0, 16, query_available_functions },
    { 1, 32, query_tod_offset },
    { 2, 56, query_steering_information },
    { 3, 8, query_physical_clock },
};

void query_available_functions(Cpu&, ParameterBlock& block)
{
    for (const auto& query : timing_queries)
        block[query.function / 8] |= static_cast<u8>(0x80 >> query.function % 8);
}

constexpr auto ptff = [](Cpu& c) {
    u64 control = c.g(0);
    if (bits<56>(control))
        c.specification();
    auto function = static_cast<u8>(bits<57, 63>(control));
    if (function >= 64)
        c.require_supervisor();
    else
        require_extraction_authority(c);
    for (const auto& query : timing_queries) {
        if (query.function != function)
            continue;
        ParameterBlock block {};
        query.fill(c, block);
        c.store_bytes(c.register_address(1), block.data(), query.length);
        c.cc(0);
        return;
    }
    c.cc(3);
};

constexpr Row rows[] = {
    insn("SCK", 0xB204, S, base, privileged | volatile_result, sck, "4(0) | -> pgm=6", "0(1) | r1=100 m100=e000000000000000 cc=3 -> cc=0"),
    insn("SCKC", 0xB206, S, base, privileged | context, sckc, "0(1) | r1=100 m100=ffffffffffffffff ->", "4(0) | -> pgm=6"),
    insn("STCKC", 0xB207, S, base, privileged, stckc, "0(1) | r1=100 m100=1111111111111111 -> m100=0000000000000000", "4(0) | -> pgm=6"),
    insn("SPT", 0xB208, S, base, privileged | context, spt, "0(1) | r1=100 m100=7fffffffffffffff ->", "4(0) | -> pgm=6"),
    insn("STPT", 0xB209, S, base, privileged | volatile_result, stpt, "4(0) | -> pgm=6"),
    insn("SCKPF", 0x0107, E, base, privileged, sckpf, "| r0=ffffffff00001234 ->", "| r0=10000 -> pgm=6"),
    insn("PTFF", 0x0104, E, Facility::tod_clock_steering, volatile_result, ptff,
        "| r0=0 r1=100 m100=ffffffffffffffffffffffffffffffff cc=3 -> m100=f0000000000000000000000000000000 cc=0", "| r0=7f -> cc=3",
        "| r0=80 -> pgm=6", "| r0=40 problem=1 -> pgm=2"),
};

} // namespace

extern constexpr Group control_timing { rows };

} // namespace zvisor::isa
