// Storage-and-immediate AND, OR, EXCLUSIVE OR and ADD: interlocked updates (PoP ch. 7; ch. 5, "Block-Concurrent References").

#include "isa/general/interlocked.h"

namespace zvisor::isa {

namespace {

template<StorageUpdate Update>
constexpr auto update_byte = [](auto& c, Storage s, Unsigned i2) {
    auto a = c.ea(s);
    u32 mask = i2.value & 0xff;
    auto old = c.zx8(c.template fetch_update<u8>(Update, a, static_cast<u8>(mask)));
    set_code_of_update<Update>(c, old, mask);
};

/// Storage becomes storage + immediate; interlocked on an integral boundary at least.
template<class T, bool Logical>
constexpr auto add_immediate = [](auto& c, Storage s, Signed i2) {
    auto a = c.ea(s);
    auto addend = static_cast<T>(i64 { i2.value });
    auto old = c.template fetch_update<T>(StorageUpdate::add, a, addend);
    set_code_of_update<StorageUpdate::add, Logical>(c, old, decltype(old) { addend });
};

constexpr Row rows[] = {
    insn("NI", 0x94, SI, base, problem, update_byte<StorageUpdate::bit_and>, "0(5),15 | r5=2000 m2000=3cff -> m2000=0cff cc=1",
        "0(5),15 | r5=2000 m2000=f0 cc=1 -> m2000=00 cc=0"),
    insn("NIY", 0xEB54, SIY, Facility::long_displacement, problem, update_byte<StorageUpdate::bit_and>,
        "-1(5),15 | r5=2000 m1fff=3c -> m1fff=0c cc=1"),
    insn("OI", 0x96, SI, base, problem, update_byte<StorageUpdate::bit_or>, "0(5),15 | r5=2000 m2000=3000 -> m2000=3f00 cc=1"),
    insn("OIY", 0xEB56, SIY, Facility::long_displacement, problem, update_byte<StorageUpdate::bit_or>,
        "-1(5),0 | r5=2000 m1fff=00 cc=1 -> cc=0"),
    insn("XI", 0x97, SI, base, problem, update_byte<StorageUpdate::bit_xor>, "0(5),255 | r5=2000 m2000=ff00 cc=1 -> m2000=0000 cc=0"),
    insn("XIY", 0xEB57, SIY, Facility::long_displacement, problem, update_byte<StorageUpdate::bit_xor>,
        "-1(5),255 | r5=2000 m1fff=0f -> m1fff=f0 cc=1"),
    insn("ASI", 0xEB6A, SIY_s, Facility::general_instructions_extension, overflow, add_immediate<u32, false>,
        "0(5),-1 | r5=2000 m2000=00000000 -> m2000=ffffffff cc=1", "0(5),1 | r5=2001 m2001=7fffffff -> m2001=80000000 cc=3",
        "0(5),1 | r5=2000 m2000=7fffffff pm=8 -> m2000=80000000 cc=3 pgm=8"),
    insn("AGSI", 0xEB7A, SIY_s, Facility::general_instructions_extension, overflow, add_immediate<u64, false>,
        "0(5),-1 | r5=2000 m2000=0000000000000001 cc=1 -> m2000=0000000000000000 cc=0"),
    insn("ALSI", 0xEB6E, SIY_s, Facility::general_instructions_extension, problem, add_immediate<u32, true>,
        "0(5),-1 | r5=2000 m2000=00000001 -> m2000=00000000 cc=2", "0(5),1 | r5=2000 m2000=00000001 -> m2000=00000002 cc=1"),
    insn("ALGSI", 0xEB7E, SIY_s, Facility::general_instructions_extension, problem, add_immediate<u64, true>,
        "0(5),-1 | r5=2000 m2000=0000000000000002 -> m2000=0000000000000001 cc=3"),
};

} // namespace

extern constexpr Group general_interlocked_immediate { rows };

} // namespace zvisor::isa
