// LOAD REVERSED and STORE REVERSED (PoP ch. 7).

#include "isa/general/reverse.h"
#include "isa/insn.h"

namespace zvisor::isa {

namespace {

constexpr auto load_reversed_32 = [](auto& c, Gr r1, auto src) { c.w(r1, reverse32(c, get32(c, src))); };
constexpr auto load_reversed_64 = [](auto& c, Gr r1, auto src) { c.g(r1, reverse64(c, get64(c, src))); };
constexpr auto load_reversed_16 = [](auto& c, Gr r1, Storage s) {
    auto value = reverse32(c, c.load16(c.ea(s)) << 16);
    c.w(r1, (c.w(r1) & 0xffff0000U) | value);
};
constexpr auto store_reversed_32 = [](auto& c, Gr r1, Storage s) { c.store32(c.ea(s), reverse32(c, c.w(r1))); };
constexpr auto store_reversed_64 = [](auto& c, Gr r1, Storage s) { c.store64(c.ea(s), reverse64(c, c.g(r1))); };
constexpr auto store_reversed_16 = [](auto& c, Gr r1, Storage s) { c.store16(c.ea(s), reverse32(c, c.w(r1)) >> 16); };

constexpr Row rows[] = {
    insn("LRV", 0xE31E, RXY, base, problem, load_reversed_32, "1,0(5) | r1=1122334455667788 r5=2000 m2000=01020304 -> r1=1122334404030201"),
    insn("LRVR", 0xB91F, RRE, base, problem, load_reversed_32, "1,2 | r1=1122334455667788 r2=01020304 -> r1=1122334404030201"),
    insn("LRVG", 0xE30F, RXY, base, problem, load_reversed_64, "1,0(5) | r5=2000 m2000=0102030405060708 -> r1=807060504030201"),
    insn("LRVGR", 0xB90F, RRE, base, problem, load_reversed_64, "1,2 | r2=0102030405060708 -> r1=807060504030201"),
    insn("LRVH", 0xE31F, RXY, base, problem, load_reversed_16, "1,0(5) | r1=1122334455667788 r5=2000 m2000=0102 -> r1=1122334455660201"),
    insn("STRV", 0xE33E, RXY, base, problem, store_reversed_32, "1,0(5) | r1=1122334455667788 r5=2000 m2000=00000000 -> m2000=88776655"),
    insn("STRVG", 0xE32F, RXY, base, problem, store_reversed_64,
        "1,0(5) | r1=1122334455667788 r5=2000 m2000=0000000000000000 -> m2000=8877665544332211"),
    insn("STRVH", 0xE33F, RXY, base, problem, store_reversed_16, "1,0(5) | r1=1122334455667788 r5=2000 m2000=00000000 -> m2000=88770000"),
};

} // namespace

extern constexpr Group general_load_reversed { rows };

} // namespace zvisor::isa
