// INSERT IMMEDIATE, LOAD LOGICAL IMMEDIATE, AND / OR / EXCLUSIVE OR IMMEDIATE, TEST UNDER MASK (PoP ch. 7).

#include "isa/insn.h"

namespace zvisor::isa {

namespace {

/// Semantics that place the immediate `Left` bits left of the register's right end.
template<unsigned Left, u64 Field>
struct At {
    static constexpr auto insert = [](auto& c, Gr r1, Unsigned i2) { c.g(r1, (c.g(r1) & ~(Field << Left)) | u64 { i2.value } << Left); };
    static constexpr auto load_logical = [](auto& c, Gr r1, Unsigned i2) { c.g(r1, u64 { i2.value } << Left); };
    static constexpr auto and_immediate = [](auto& c, Gr r1, Unsigned i2) {
        auto result = c.g(r1) & (~(Field << Left) | u64 { i2.value } << Left);
        c.g(r1, result);
        c.cc_zero(result & Field << Left);
    };
    static constexpr auto or_immediate = [](auto& c, Gr r1, Unsigned i2) {
        auto result = c.g(r1) | u64 { i2.value } << Left;
        c.g(r1, result);
        c.cc_zero(result & Field << Left);
    };
    static constexpr auto exclusive_or_immediate = [](auto& c, Gr r1, Unsigned i2) {
        auto result = c.g(r1) ^ u64 { i2.value } << Left;
        c.g(r1, result);
        c.cc_zero(result & Field << Left);
    };
};
using HighHigh = At<48, 0xffff>;
using HighLow = At<32, 0xffff>;
using LowHigh = At<16, 0xffff>;
using LowLow = At<0, 0xffff>;
using High = At<32, 0xffffffff>;
using Low = At<0, 0xffffffff>;

/// A whole word, beside whatever is to its left.
constexpr auto insert_word = [](auto& c, Gr r1, Unsigned i2) { c.w(r1, i2.value); };

constexpr Row rows[] = {
    insn("IIHH", 0xA50, RI_au, base, problem, HighHigh::insert, "1,65535 | r1=1122334455667788 -> r1=ffff334455667788"),
    insn("IIHL", 0xA51, RI_au, base, problem, HighLow::insert, "1,65535 | r1=1122334455667788 -> r1=1122ffff55667788"),
    insn("IILH", 0xA52, RI_au, base, problem, LowHigh::insert, "1,65535 | r1=1122334455667788 -> r1=11223344ffff7788"),
    insn("IILL", 0xA53, RI_au, base, problem, LowLow::insert, "1,65535 | r1=1122334455667788 -> r1=112233445566ffff"),
    insn("IIHF", 0xC08, RIL_au, Facility::extended_immediate, problem, High::insert,
        "1,4294967295 | r1=1122334455667788 -> r1=ffffffff55667788"),
    insn("IILF", 0xC09, RIL_au, Facility::extended_immediate, problem, insert_word,
        "1,4294967295 | r1=1122334455667788 -> r1=11223344ffffffff"),

    insn("LLIHH", 0xA5C, RI_au, base, problem, HighHigh::load_logical, "1,65535 | r1=1122334455667788 -> r1=ffff000000000000"),
    insn("LLIHL", 0xA5D, RI_au, base, problem, HighLow::load_logical, "1,65535 | r1=1122334455667788 -> r1=ffff00000000"),
    insn("LLILH", 0xA5E, RI_au, base, problem, LowHigh::load_logical, "1,65535 | r1=1122334455667788 -> r1=ffff0000"),
    insn("LLILL", 0xA5F, RI_au, base, problem, LowLow::load_logical, "1,65535 | r1=1122334455667788 -> r1=ffff"),
    insn("LLIHF", 0xC0E, RIL_au, Facility::extended_immediate, problem, High::load_logical,
        "1,4294967295 | r1=1122334455667788 -> r1=ffffffff00000000"),
    insn("LLILF", 0xC0F, RIL_au, Facility::extended_immediate, problem, Low::load_logical,
        "1,4294967295 | r1=1122334455667788 -> r1=ffffffff"),

    insn("NIHH", 0xA54, RI_au, base, problem, HighHigh::and_immediate, "1,15 | r1=ffffffffffffffff -> r1=000fffffffffffff cc=1"),
    insn("NIHL", 0xA55, RI_au, base, problem, HighLow::and_immediate, "1,15 | r1=ffffffffffffffff -> r1=ffff000fffffffff cc=1"),
    insn("NILH", 0xA56, RI_au, base, problem, LowHigh::and_immediate, "1,15 | r1=ffffffffffffffff -> r1=ffffffff000fffff cc=1"),
    insn("NILL", 0xA57, RI_au, base, problem, LowLow::and_immediate, "1,15 | r1=ffffffffffffffff -> r1=ffffffffffff000f cc=1",
        "1,15 | r1=fffffffffffffff0 cc=1 -> r1=ffffffffffff0000 cc=0"),
    insn("NIHF", 0xC0A, RIL_au, Facility::extended_immediate, problem, High::and_immediate,
        "1,15 | r1=ffffffffffffffff -> r1=0000000fffffffff cc=1", "1,15 | r1=fffffff0ffffffff cc=1 -> r1=ffffffff cc=0"),
    insn("NILF", 0xC0B, RIL_au, Facility::extended_immediate, problem, Low::and_immediate,
        "1,15 | r1=ffffffffffffffff -> r1=ffffffff0000000f cc=1", "1,15 | r1=fffffffffffffff0 cc=1 -> r1=ffffffff00000000 cc=0"),

    insn("OIHH", 0xA58, RI_au, base, problem, HighHigh::or_immediate, "1,15 | r1=0 -> r1=000f000000000000 cc=1"),
    insn("OIHL", 0xA59, RI_au, base, problem, HighLow::or_immediate, "1,15 | r1=0 -> r1=f00000000 cc=1"),
    insn("OILH", 0xA5A, RI_au, base, problem, LowHigh::or_immediate, "1,15 | r1=0 -> r1=f0000 cc=1", "1,0 | r1=ff00ffff cc=1 -> cc=1"),
    insn("OILL", 0xA5B, RI_au, base, problem, LowLow::or_immediate, "1,15 | r1=0 -> r1=f cc=1", "1,0 | r1=ffff0000 cc=1 -> cc=0"),
    insn("OIHF", 0xC0C, RIL_au, Facility::extended_immediate, problem, High::or_immediate, "1,15 | r1=ff -> r1=f000000ff cc=1"),
    insn("OILF", 0xC0D, RIL_au, Facility::extended_immediate, problem, Low::or_immediate, "1,15 | r1=ff00000000 -> r1=ff0000000f cc=1"),

    insn("XIHF", 0xC06, RIL_au, Facility::extended_immediate, problem, High::exclusive_or_immediate,
        "1,4294967295 | r1=ffffffff00000001 cc=1 -> r1=1 cc=0", "1,1 | r1=ffffffff00000001 -> r1=fffffffe00000001 cc=1"),
    insn("XILF", 0xC07, RIL_au, Facility::extended_immediate, problem, Low::exclusive_or_immediate,
        "1,1 | r1=ffffffff00000001 cc=1 -> r1=ffffffff00000000 cc=0"),
};

} // namespace

extern constexpr Group general_immediate { rows };

} // namespace zvisor::isa
