// What a CPU is and the machine around it (PoP ch. 10: prefix, identification, system information, DIAGNOSE; SCLP's SERVICE CALL).

#include "arch/lowcore.h"
#include "base/verify.h"
#include "isa/control/control.h"

namespace zvisor::isa {

namespace {

constexpr u64 prefix_field = 0x7fffe000;

constexpr auto spx = [](Cpu& c, Storage source) {
    auto a = c.ea(source);
    c.require_aligned(a.at, 4);
    u64 prefix = c.load32(a) & prefix_field;
    if (!c.storage().contains(prefix, 2 * page_size))
        c.program(ProgramCode::addressing);
    serialize();
    c.prefix = prefix;
    c.purge_all();
};

constexpr auto stpx = [](Cpu& c, Storage target) {
    auto a = c.ea(target);
    c.require_aligned(a.at, 4);
    c.store32(a, c.lo(c.prefix));
};

constexpr auto stap = [](Cpu& c, Storage target) {
    auto a = c.ea(target);
    c.require_aligned(a.at, 2);
    c.store16(a, c.address());
};

constexpr auto stidp = [](Cpu& c, Storage target) {
    auto a = c.ea(target);
    c.require_aligned(a.at, 8);
    c.store64(a, c.group().machine().cpu_identification(c));
};

constexpr auto stfl = [](Cpu& c, Storage) {
    Be<u32> list = static_cast<u32>(c.facilities().doubleword(0) >> 32);
    if (!c.storage().write_as(c.real_to_absolute(lowcore::stfl_list), list))
        c.program(ProgramCode::addressing);
};

constexpr auto stsi = [](Cpu& c, Storage target) {
    u64 r0 = c.g(0);
    u64 r1 = c.g(1);
    if (bits<36, 55>(r0) || bits<32, 47>(r1))
        c.specification();
    auto function = static_cast<u8>(bits<32, 35>(r0));
    auto& machine = c.group().machine();
    if (function == 0) {
        c.g(0, with_bits<32, 35>(r0, machine.current_level()));
        c.cc(0);
        return;
    }
    auto a = c.ea(target);
    c.require_aligned(a.at, page_size);
    std::array<std::byte, page_size> block {};
    if (!machine.store_system_information(c, function, static_cast<u8>(r0), static_cast<u16>(r1), block)) {
        c.cc(3);
        return;
    }
    c.store_bytes(a, block.data(), block.size());
    c.cc(0);
};

constexpr auto servc = [](Cpu& c, Gr r1, Gr r2) {
    serialize();
    c.cc(c.group().machine().service_call(c, c.w(r1), c.register_address(r2).at));
};

constexpr auto diagnose = [](Cpu& c, Gr r1, Gr r3, Storage code) {
    serialize();
    if (!c.group().machine().diagnose(c, static_cast<u16>(c.ea(code).at), r1, r3))
        c.specification();
};

constexpr auto ptf = [](Cpu& c, Gr r1) {
    constexpr u8 check_for_report = 2;
    constexpr u8 rejected = 2;
    u64 operand = c.g(r1);
    if (bits<0, 55>(operand) || operand > check_for_report)
        c.specification();
    u8 reason = 0;
    u8 condition = c.group().machine().perform_topology_function(c, static_cast<u8>(operand), reason);
    if (condition == rejected)
        c.g(r1, with_bits<48, 55>(operand, reason));
    c.cc(condition);
};

/// Register R1 has the function code in bits 48-63, R2 the address of a page; R2+1 gets the return code.
constexpr auto sthyi = [](Cpu& c, Gr r1, Gr r2) {
    constexpr u16 capacity = 0;
    constexpr u64 unknown_function = 4;
    if (r1 == r2 || (r1 | r2) & 1)
        c.specification();
    auto function = static_cast<u16>(c.g(r1));
    auto a = c.register_address(r2);
    auto return_code = static_cast<u8>(r2 + 1);
    if (function != capacity) {
        c.g(return_code, unknown_function);
        c.cc(3);
        return;
    }
    c.require_aligned(a.at, page_size);
    c.probe(a, page_size, Access::store);
    std::array<std::byte, page_size> block {};
    c.group().machine().store_hypervisor_information(c, block);
    c.store_bytes(a, block.data(), block.size());
    c.g(return_code, 0);
    c.cc(0);
};

constexpr Row rows[] = {
    insn("SPX", 0xB210, S, base, privileged | context, spx, "0(1) | r1=100 m100=00002000 ->", "2(0) | -> pgm=6",
        "0(1) | r1=100 m100=00100000 -> pgm=5"),
    insn("STPX", 0xB211, S, base, privileged, stpx, "0(1) | r1=100 m100=ffffffff -> m100=00000000", "2(0) | -> pgm=6"),
    insn("STAP", 0xB212, S, base, privileged, stap, "0(1) | r1=100 m100=ffff -> m100=0000", "1(0) | -> pgm=6"),
    insn("STIDP", 0xB202, S, base, privileged, stidp, "0(1) | r1=100 m100=ffffffffffffffff -> m100=0000000000000000", "4(0) | -> pgm=6"),
    insn("STFL", 0xB2B1, S, base, privileged, stfl, "0(0) | mc8=00000000 -> mc8=ffffffff"),
    insn("STSI", 0xB27D, S, base, privileged, stsi, "0(0) | r0=0 r1=0 cc=3 -> r0=10000000 cc=0", "0(0) | r0=100 -> pgm=6",
        "1(0) | r0=10000001 r1=1 -> pgm=6", "0(2) | r0=10000001 r1=1 r2=3000 -> cc=3"),
    insn("SERVC", 0xB220, RRE, base, privileged | context, servc, "1,2 | r1=120001 r2=2000 -> cc=3"),
    insn("DIAG", 0x83, RS, base, privileged | context, diagnose, "0,0,4095(0) | -> pgm=6"),
    insn("PTF", 0xB9A2, RRE_1, Facility::configuration_topology, privileged, ptf, "1 | r1=2 cc=3 -> cc=0", "1 | r1=3 -> pgm=6",
        "1 | r1=100 -> pgm=6"),
    insn("STHYI", 0xB256, RRE, Facility::store_hypervisor_information, problem | context | volatile_result, sthyi,
        "0,2 | r0=0 r2=3000 r3=9 cc=3 -> r3=0 cc=0", "0,2 | r0=1 r2=3001 r3=9 -> r3=4 cc=3", "0,2 | r2=3008 -> pgm=6",
        "0,3 | r2=3000 -> pgm=6"),
};

} // namespace

extern constexpr Group control_machine { rows };

} // namespace zvisor::isa
