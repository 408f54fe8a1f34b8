// General instructions (PoP ch. 7): CHECKSUM.

#include "isa/general/storage_operand.h"
#include "isa/insn.h"

namespace zvisor::isa {

namespace {

/// Adds the words of [from, from+length) with end-around carry; the last word is extended with zeros. Parts but the last are whole words.
[[nodiscard]] u32 add_words(u32 sum, const u8* from, u64 length)
{
    u64 total = sum;
    u64 i = 0;
    for (; i + 4 <= length; i += 4)
        total += load_be<u32>(from + i);
    if (i < length) {
        std::array<u8, 4> last {};
        std::copy_n(from + i, length - i, last.data());
        total += load_be<u32>(last.data());
    }
    total = (total & 0xffffffff) + (total >> 32);
    return static_cast<u32>(total + (total >> 32));
}

constexpr auto checksum = [](Cpu& c, Gr r1, GrPair r2) {
    LongOperand operand(c, r2);
    u32 sum = c.w(r1);
    auto commit = [&] {
        operand.put(c);
        c.w(r1, sum);
    };
    auto step = [&] {
        if (operand.length > 0) {
            u64 length = operand.part();
            if (length < operand.length && length % 4 != 0)
                length = length > 4 ? length - length % 4 : std::min<u64>(4, operand.length);
            std::array<u8, 4> word;
            const u8* view = word.data();
            if (length <= to_page_end(operand.at))
                view = c.host_view(operand.at, length, Access::fetch);
            else
                c.load_bytes(operand.at, word.data(), length);
            sum = add_words(sum, view, length);
            operand.advance(c, length);
        }
        if (operand.length > 0)
            return false;
        commit();
        c.cc(0);
        return true;
    };
    cpu_determined(c, most_parts, step, commit);
};

constexpr Row rows[] = {
    insn("CKSM", 0xB241, RRE_RP, base, problem, checksum, "1,2 | r1=1 r2=2000 r3=6 m2000=00000001ff00 -> r1=ff000002 r2=2006 r3=0 cc=0",
        "1,2 | r1=ffffffff r2=2000 r3=4 m2000=00000001 -> r1=1 r2=2004 r3=0 cc=0",
        "1,2 | r2=2ffe r3=9 m2ffe=010203040506070880 -> r1=86080a0c r2=3007 r3=0 cc=0"),
};

} // namespace

extern constexpr Group general_checksum { rows };

} // namespace zvisor::isa
