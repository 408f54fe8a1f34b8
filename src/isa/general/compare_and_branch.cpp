// COMPARE AND BRANCH, COMPARE LOGICAL AND BRANCH, and their relative and immediate forms (PoP ch. 7).

#include "isa/general/relation.h"
#include "isa/general/target.h"

namespace zvisor::isa {

namespace {

template<class Order>
struct CompareAndBranch {
    static constexpr auto word = [](auto& c, Gr r1, auto src, Mask m3, auto target) {
        branch_if_related<Order>(c, c.w(r1), get32(c, src), m3, branch_target(c, target));
    };
    static constexpr auto doubleword = [](auto& c, Gr r1, auto src, Mask m3, auto target) {
        branch_if_related<Order>(c, c.g(r1), get64(c, src), m3, branch_target(c, target));
    };
};
using Arithmetic = CompareAndBranch<SignedOrder>;
using Logical = CompareAndBranch<UnsignedOrder>;

constexpr Facility extension = Facility::general_instructions_extension;

constexpr Row rows[] = {
    insn("CRJ", 0xEC76, RIE_b, extension, branch, Arithmetic::word, "1,2,4,0xff0 | r1=80000000 r2=1 -> ia=ff0",
        "1,2,10,0xff0 | r1=80000000 r2=1 -> ia=1006", "1,2,8,0xff0 | r1=ffffffff00000001 r2=1 -> ia=ff0"),
    insn("CGRJ", 0xEC64, RIE_b, extension, branch, Arithmetic::doubleword, "1,2,2,0xff0 | r1=100000000 r2=80000000 -> ia=ff0",
        "1,2,12,0xff0 | r1=100000000 r2=1 -> ia=1006"),
    insn("CIJ", 0xEC7E, RIE_c, extension, branch, Arithmetic::word, "1,-1,8,0xff0 | r1=ffffffff -> ia=ff0",
        "1,-1,6,0xff0 | r1=ffffffff -> ia=1006"),
    insn("CGIJ", 0xEC7C, RIE_c, extension, branch, Arithmetic::doubleword, "1,-1,6,0xff0 | r1=ffffffff -> ia=ff0",
        "1,-1,4,0xff0 | r1=ffffffff -> ia=1006"),
    insn("CRB", 0xECF6, RRS, extension, branch, Arithmetic::word, "1,2,4,16(5) | r1=1 r2=2 r5=2000 -> ia=2010",
        "1,2,0,16(5) | r1=1 r2=2 r5=2000 -> ia=1006"),
    insn("CGRB", 0xECE4, RRS, extension, branch, Arithmetic::doubleword, "1,2,14,16(5) | r1=1 r2=2 r5=2000 -> ia=2010",
        "1,2,4,16(5) | r1=1 r2=8000000000000000 r5=2000 -> ia=1006"),
    insn("CIB", 0xECFE, RIS, extension, branch, Arithmetic::word, "1,-128,2,16(5) | r1=ffffff81 r5=2000 -> ia=2010",
        "1,-128,4,16(5) | r1=1 r5=2000 -> ia=1006"),
    insn("CGIB", 0xECFC, RIS, extension, branch, Arithmetic::doubleword, "1,-128,2,16(5) | r1=1 r5=2000 -> ia=2010",
        "1,127,8,16(5) | r1=1 r5=2000 -> ia=1006"),

    insn("CLRJ", 0xEC77, RIE_b, extension, branch, Logical::word, "1,2,2,0xff0 | r1=80000000 r2=1 -> ia=ff0",
        "1,2,4,0xff0 | r1=80000000 r2=1 -> ia=1006"),
    insn("CLGRJ", 0xEC65, RIE_b, extension, branch, Logical::doubleword, "1,2,2,0xff0 | r1=8000000000000000 r2=1 -> ia=ff0",
        "1,1,6,0xff0 | -> ia=1006"),
    insn("CLIJ", 0xEC7F, RIE_cu, extension, branch, Logical::word, "1,255,8,0xff0 | r1=11223344000000ff -> ia=ff0",
        "1,255,8,0xff0 | r1=ffffffff -> ia=1006"),
    insn("CLGIJ", 0xEC7D, RIE_cu, extension, branch, Logical::doubleword, "1,255,2,0xff0 | r1=11223344000000ff -> ia=ff0",
        "1,1,4,0xff0 | r1=1 -> ia=1006"),
    insn("CLRB", 0xECF7, RRS, extension, branch, Logical::word, "1,2,4,16(5) | r1=1 r2=80000000 r5=2000 -> ia=2010",
        "1,2,2,16(5) | r1=1 r2=80000000 r5=2000 -> ia=1006"),
    insn("CLGRB", 0xECE5, RRS, extension, branch, Logical::doubleword, "1,2,4,16(5) | r1=1 r2=8000000000000000 r5=2000 -> ia=2010",
        "1,1,4,16(5) | r5=2000 -> ia=1006"),
    insn("CLIB", 0xECFF, RIS_u, extension, branch, Logical::word, "1,255,4,16(5) | r1=1 r5=2000 -> ia=2010",
        "1,255,4,16(5) | r1=ffffffff r5=2000 -> ia=1006"),
    insn("CLGIB", 0xECFD, RIS_u, extension, branch, Logical::doubleword, "1,0,2,16(5) | r1=100000000 r5=2000 -> ia=2010",
        "1,0,8,16(5) | r1=1 r5=2000 -> ia=1006"),
};

} // namespace

extern constexpr Group general_compare_and_branch { rows };

} // namespace zvisor::isa
