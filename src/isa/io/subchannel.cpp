// I/O instructions (PoP ch. 14) and the calls of the channel subsystem beside them.

#include "arch/lowcore.h"
#include "base/verify.h"
#include "cpu/cpu_group.h"
#include "isa/insn.h"

#include <array>
#include <cstddef>

namespace zvisor::isa {

namespace {

[[nodiscard]] ChannelServices& channels(Cpu& c)
{
    return c.group().channels();
}

/// Bits 32-63 of register 1: the subsystem-identification word.
[[nodiscard]] u32 subchannel(const Cpu& c)
{
    return c.w(1);
}

[[nodiscard]] Address aligned(Cpu& c, Storage operand, u64 boundary)
{
    auto a = c.ea(operand);
    c.require_aligned(a.at, boundary);
    return a;
}

// ---- Subchannels -------------------------------------------------------------------------------------------

constexpr auto ssch = [](Cpu& c, Storage operand) {
    constexpr std::size_t basic_size = 12;
    constexpr u8 extension_control = 1;
    auto a = aligned(c, operand, 4);
    std::array<std::byte, 32> orb {};
    c.load_bytes(a, orb.data(), basic_size);
    if (std::to_integer<u8>(orb[7]) & extension_control)
        c.load_bytes(c.offset(a, basic_size), orb.data() + basic_size, orb.size() - basic_size);
    c.cc(channels(c).start_subchannel(subchannel(c), orb));
};

/// Status is cleared when it is stored, so what could stop the store is looked for first.
constexpr auto tsch = [](Cpu& c, Storage operand) {
    constexpr u64 irb_size = 64;
    constexpr u8 not_operational = 3;
    auto a = aligned(c, operand, 4);
    c.probe(a, irb_size, Access::store);
    std::array<std::byte, 96> irb {};
    u8 code = channels(c).test_subchannel(subchannel(c), irb);
    if (code != not_operational)
        c.store_bytes(a, irb.data(), irb_size);
    c.cc(code);
};

constexpr auto stsch = [](Cpu& c, Storage operand) {
    auto a = aligned(c, operand, 4);
    std::array<std::byte, 52> schib {};
    u8 code = channels(c).store_subchannel(subchannel(c), schib);
    if (code == 0)
        c.store_bytes(a, schib.data(), schib.size());
    c.cc(code);
};

constexpr auto msch = [](Cpu& c, Storage operand) {
    auto a = aligned(c, operand, 4);
    std::array<std::byte, 52> schib {};
    c.load_bytes(a, schib.data(), schib.size());
    c.cc(channels(c).modify_subchannel(subchannel(c), schib));
};

constexpr auto csch = [](Cpu& c) { c.cc(channels(c).clear_subchannel(subchannel(c))); };
constexpr auto hsch = [](Cpu& c) { c.cc(channels(c).halt_subchannel(subchannel(c))); };
constexpr auto rsch = [](Cpu& c) { c.cc(channels(c).resume_subchannel(subchannel(c))); };
constexpr auto xsch = [](Cpu& c) { c.cc(channels(c).cancel_subchannel(subchannel(c))); };

// ---- Interruptions and reports -----------------------------------------------------------------------------

/// Operand address zero names the I/O-interruption code in real storage, where all three words are stored.
constexpr auto tpi = [](Cpu& c, Storage operand) {
    auto a = aligned(c, operand, 4);
    bool in_lowcore = a.at == 0;
    if (!in_lowcore)
        c.probe(a, 8, Access::store);
    auto interruption = channels(c).take_io(static_cast<u8>(bits<32, 39>(c.cr[6])));
    if (!interruption) {
        c.cc(0);
        return;
    }
    std::array<Be<u32>, 3> code { interruption->subsystem_id, interruption->parameter, interruption->identification };
    if (!in_lowcore)
        c.store_bytes(a, code.data(), 8);
    else if (!c.storage().write_as(c.real_to_absolute(lowcore::subsystem_id), code))
        c.program(ProgramCode::addressing);
    c.cc(1);
};

constexpr auto stcrw = [](Cpu& c, Storage operand) {
    auto a = aligned(c, operand, 4);
    c.probe(a, 4, Access::store);
    u32 word = 0;
    u8 code = channels(c).store_channel_report_word(word);
    c.store32(a, word);
    c.cc(code);
};

// ---- Channel paths, limits and measurement -----------------------------------------------------------------

constexpr auto rchp = [](Cpu& c) {
    if (bits<32, 55>(c.g(1)))
        c.program(ProgramCode::operand);
    c.cc(channels(c).reset_channel_path(static_cast<u8>(c.g(1))));
};

constexpr auto stcps = [](Cpu& c, Storage operand) {
    std::array<std::byte, 32> status {};
    auto a = aligned(c, operand, status.size());
    channels(c).store_channel_path_status(status);
    c.store_bytes(a, status.data(), status.size());
};

constexpr auto sal = [](Cpu& c) {
    constexpr u32 must_be_zero = 0x8000ffff;
    if (c.w(1) & must_be_zero)
        c.program(ProgramCode::operand);
    channels(c).set_address_limit(c.w(1));
};

constexpr auto schm = [](Cpu& c) {
    constexpr u32 must_be_zero = 0x0fffffec;
    constexpr u32 measurement_block_update = 2;
    bool unaligned_origin = (c.w(1) & measurement_block_update) && c.g(2) % 32 != 0;
    if ((c.w(1) & must_be_zero) || unaligned_origin)
        c.program(ProgramCode::operand);
    channels(c).set_channel_monitor(c.w(1), c.g(2));
};

/// CHANNEL SUBSYSTEM CALL: R1 has the logical address of a block of 4 KiB, the response goes behind the request.
constexpr auto chsc = [](Cpu& c, Gr r1, Gr) {
    auto a = c.register_address(r1);
    c.require_aligned(a.at, page_size);
    std::array<std::byte, page_size> block;
    c.load_bytes(a, block.data(), block.size());
    c.probe(a, block.size(), Access::store);
    u8 code = channels(c).channel_subsystem_call(block);
    c.store_bytes(a, block.data(), block.size());
    c.cc(code);
};

/// SET INTERRUPTION CONTROLS: R1 has the operation, bits 34-36 of R3 the interruption subclass.
constexpr auto sic = [](Cpu& c, Gr r1, Gr r3, Storage) {
    channels(c).set_interruption_control(static_cast<u16>(c.w(r1)), static_cast<u8>(bits<34, 36>(c.g(r3))));
};

constexpr Row rows[] = {
    insn("CSCH", 0xB230, S_0, base, privileged, csch, "| r1=10000 cc=0 -> cc=3"),
    insn("HSCH", 0xB231, S_0, base, privileged, hsch, "| r1=10000 cc=0 -> cc=3"),
    insn("MSCH", 0xB232, S, base, privileged, msch, "0(2) | r1=10000 r2=100 cc=0 -> cc=3", "2(0) | -> pgm=6", "0(2) | r2=100000 -> pgm=5"),
    insn("SSCH", 0xB233, S, base, privileged, ssch, "0(2) | r1=10000 r2=ffff4 cc=0 -> cc=3", "2(0) | -> pgm=6",
        "0(2) | r2=ffff4 mffff8=00000001 -> pgm=5"),
    insn("STSCH", 0xB234, S, base, privileged, stsch, "0(2) | r1=10000 r2=100 m100=11 -> cc=3", "2(0) | -> pgm=6"),
    insn(
        "TSCH", 0xB235, S, base, privileged, tsch, "0(2) | r1=10000 r2=100 m100=11 -> cc=3", "2(0) | -> pgm=6", "0(2) | r2=fffc4 -> pgm=5"),
    insn("TPI", 0xB236, S, base, privileged, tpi, "0(0) | cc=1 mb8=11 -> cc=0", "2(0) | -> pgm=6", "0(2) | r2=ffffc -> pgm=5"),
    insn("SAL", 0xB237, S_0, base, privileged, sal, "| r1=10000 ->", "| r1=1 -> pgm=15"),
    insn("RSCH", 0xB238, S_0, base, privileged, rsch, "| r1=10000 cc=0 -> cc=3"),
    insn("STCRW", 0xB239, S, base, privileged, stcrw, "0(2) | r2=100 m100=ffffffff -> m100=00000000 cc=1", "2(0) | -> pgm=6"),
    insn("STCPS", 0xB23A, S, base, privileged, stcps, "0(2) | r2=100 m100=ffff -> m100=0000", "8(0) | -> pgm=6"),
    insn("RCHP", 0xB23B, S_0, base, privileged, rchp, "| r1=10 -> cc=3", "| r1=100 -> pgm=15"),
    insn("SCHM", 0xB23C, S_0, base, privileged, schm, "| r1=2 r2=20 ->", "| r1=2 r2=10 -> pgm=15", "| r1=100 -> pgm=15"),
    insn("CHSC", 0xB25F, RRE, base, privileged, chsc, "2,0 | r2=3000 m3000=11 -> cc=3", "2,0 | r2=3008 -> pgm=6"),
    insn("XSCH", 0xB276, S_0, base, privileged, xsch, "| r1=10000 cc=0 -> cc=3"),
    insn("SIC", 0xEBD1, RSY, Facility::adapter_interruption_suppression, privileged, sic, "1,3,0(0) | r1=1 r3=18000000 ->"),
};

} // namespace

extern constexpr Group io_subchannel { rows };

} // namespace zvisor::isa
