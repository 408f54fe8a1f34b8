// Program interruptions: codes, instruction length, where the old PSW points, and what is stored with them (PoP ch. 6).

#include "lib/guest.h"

static u8 area[8192] __attribute__((aligned(4096)));
static u16 target[8] __attribute__((aligned(8)));

static void operation_and_privilege(void)
{
    TEST("operation and privileged operation");
    RUN(HOME_PSW, ".short 0");
    SUPPRESSED("a zero instruction", 0x01, 2);
    RUN(HOME_PSW, ".long 0xb2f10000");
    SUPPRESSED("an unassigned 4-byte instruction", 0x01, 4);
    RUN(HOME_PSW, ".short 0xe3ff,0,0xff");
    SUPPRESSED("an unassigned 6-byte instruction", 0x01, 6);
    IN(2) = (u64)area;
    static const u64 problem = HOME_PSW | PSW_PROBLEM;
    RUN(problem, "ssm 0(2)");
    SUPPRESSED("SSM in problem state", 0x02, 4);
    RUN(problem, "ptlb");
    SUPPRESSED("PTLB in problem state", 0x02, 4);
    RUN(problem, "lctlg 0,0,0(2)");
    SUPPRESSED("LCTLG in problem state", 0x02, 6);
    RUN(problem, "lpswe 1(2)");
    SUPPRESSED("LPSWE in problem state, before alignment", 0x02, 4);
    RUN(problem, ".long 0xb2f10000");
    SUPPRESSED("an unassigned instruction in problem state", 0x01, 4);
    load_control(3, 0UL);
    RUN(problem, "spka 0x50");
    SUPPRESSED("SPKA without the key mask", 0x02, 4);
    load_control(3, 1UL << (31 - 5 + 0));
    RUN(problem, "spka 0x50");
    COMPLETED("SPKA with the key mask");
    EQUAL(last.old.mask >> 52 & 0xf, 5);
}

static void execute(void)
{
    TEST("EXECUTE");
    IN(2) = (u64)target;
    target[0] = 0x4400;
    target[1] = 0;
    RUN(HOME_PSW, "ex 0,0(2)");
    SUPPRESSED("EX of EX", 0x03, 4);
    target[0] = 0xc600;
    target[1] = target[2] = 0;
    RUN(HOME_PSW, "ex 0,0(2)");
    SUPPRESSED("EX of EXRL", 0x03, 4);
    RUN(HOME_PSW, "ex 0,1(2)");
    SUPPRESSED("EX of an odd address", 0x06, 4);
    target[0] = 0x0000;
    RUN(HOME_PSW, "ex 0,0(2)");
    SUPPRESSED("EX of an unassigned instruction", 0x01, 4);
    IN(1) = 0xff;
    target[0] = 0x0a00;
    RUN(HOME_PSW, "ex 1,0(2)");
    COMPLETED("EX of SVC");
    EQUAL(last.ilc, 4);
    EQUAL(last.old.address, last.start + 4);
    // DR of odd registers by EX: the specification exception is that of a 4-byte instruction.
    target[0] = 0x1d34;
    RUN(HOME_PSW, "ex 0,0(2)");
    SUPPRESSED("EX of DR with an odd register", 0x06, 4);
    RUN(HOME_PSW, "exrl 0,target");
    SUPPRESSED("EXRL of DR with an odd register", 0x06, 6);
    // The mask and register form: LR R3,R4 with R1 = 34 hex.
    IN(1) = 0x34;
    IN(4) = 0x1234;
    target[0] = 0x1800;
    RUN(HOME_PSW, "ex 1,0(2)");
    COMPLETED("EX of LR");
    EQUAL(last.registers[3], 0x1234);
    // A relative branch executed is relative to the target.
    target[0] = 0xa7f4;
    target[1] = 0x0002;
    target[2] = 0x0aff;
    RUN(HOME_PSW, "ex 0,0(2)");
    COMPLETED("EX of BRC");
    EQUAL(last.old.address, (u64)target + 6);
    // BALR executed: the link is behind EX.
    target[0] = 0x0d50;
    RUN(HOME_PSW, "ex 0,0(2)");
    COMPLETED("EX of BASR 5,0");
    EQUAL(last.registers[5], last.start + 4);
}

static void protection_and_addressing(void)
{
    TEST("protection and addressing");
    IN(2) = 0x10000000000UL;
    RUN(HOME_PSW, "lg 3,0(2)");
    SUPPRESSED("LG outside storage", 0x05, 6);
    RUN(HOME_PSW, "stg 3,0(2)");
    SUPPRESSED("STG outside storage", 0x05, 6);
    RUN(HOME_PSW, "l 3,0(2)");
    SUPPRESSED("L outside storage", 0x05, 4);
    IN(3) = (u64)area;
    RUN(HOME_PSW, "mvc 0(8,3),0(2)");
    SUPPRESSED("MVC from outside storage", 0x05, 6);
    u64 cr0 = store_control(0);
    load_control(0, cr0 | BIT(35));
    RUN(HOME_PSW, "stg 3,0x1f0(0)");
    SUPPRESSED("a store at 1f0 under low-address protection", 0x04, 6);
    EQUAL(last.translation_exception & 0xfffffffffffff000, 0);
    RUN(HOME_PSW, "stg 3,0x200(0)");
    COMPLETED("a store at 200 under low-address protection");
    IN(2) = 0x1000;
    RUN(HOME_PSW, "mvi 0x1ff(2),0");
    SUPPRESSED("a store at 11ff under low-address protection", 0x04, 4);
    EQUAL(last.translation_exception & 0xfffffffffffff000, 0x1000);
    RUN(HOME_PSW, "mvi 0x200(2),0");
    COMPLETED("a store at 1200 under low-address protection");
    IN(2) = 0x1fe;
    RUN(HOME_PSW, "mvc 0(4,2),0(3)");
    SUPPRESSED("MVC across the end of the protected range", 0x04, 6);
    IN(2) = 0xffe;
    RUN(HOME_PSW, "mvc 0(4,2),0(3)");
    SUPPRESSED("MVC into the second protected range", 0x04, 6);
    load_control(0, cr0);
}

static void specification(void)
{
    TEST("specification");
    IN(2) = (u64)area + 1;
    IN(6) = 0;
    RUN(HOME_PSW, "cs 4,6,0(2)");
    SUPPRESSED("CS unaligned", 0x06, 4);
    RUN(HOME_PSW, "csg 4,6,3(2)");
    SUPPRESSED("CSG unaligned", 0x06, 6);
    RUN(HOME_PSW, ".short 0x1d34");
    SUPPRESSED("DR of an odd register", 0x06, 2);
    RUN(HOME_PSW, ".short 0x0e25");
    SUPPRESSED("MVCL of an odd register", 0x06, 2);
    RUN(HOME_PSW, ".long 0xb90d0034");
    SUPPRESSED("DSGR of an odd register", 0x06, 4);
    RUN(HOME_PSW, "lpq 2,0(2)");
    SUPPRESSED("LPQ unaligned", 0x06, 6);
    RUN(HOME_PSW, "stctg 0,0,0(2)");
    SUPPRESSED("STCTG unaligned", 0x06, 6);
    RUN(HOME_PSW, "lpswe 0(2)");
    SUPPRESSED("LPSWE unaligned", 0x06, 4);
    // LGRL needs an aligned operand: one of two neighbours is not.
    RUN(HOME_PSW, "lgrl 3,area+4");
    SUPPRESSED("LGRL unaligned", 0x06, 6);
    RUN(HOME_PSW, "lgfrl 3,area+2");
    SUPPRESSED("LGFRL unaligned", 0x06, 6);
}

static void monitor_events(void)
{
    TEST("monitor events");
    load_control(8, 1UL << (15 - 3));
    IN(2) = 0x123456789abcUL;
    RUN(HOME_PSW, "mc 0(2),3");
    SUPPRESSED("MC with its class on", 0x40, 4);
    EQUAL(last.monitor_class, 3);
    EQUAL(last.monitor_code, 0x123456789abc);
    RUN(HOME_PSW, "mc 0(2),4");
    COMPLETED("MC with its class off");
    RUN(HOME_PSW, ".short 0xaf13,0x2000");
    SUPPRESSED("MC with an invalid class", 0x06, 4);
    load_control(8, 0UL);
}

static void supervisor_calls(void)
{
    TEST("supervisor call");
    RUN(HOME_PSW, "svc 254");
    EQUAL(last.class, CLASS_SVC);
    EQUAL(last.code, 254);
    EQUAL(last.ilc, 2);
    EQUAL(last.old.address, last.start + 2);
    RUN(HOME_PSW | PSW_MASKS(5) | PSW_KEY(0) | 2UL << 44, "svc 253");
    EQUAL(last.old.mask, HOME_PSW | PSW_MASKS(5) | 2UL << 44);
}

/// A PSW loaded by LPSWE in a RUN.
static void load_wild(u64 mask, u64 address)
{
    static struct psw psw;
    psw.mask = mask;
    psw.address = address;
    IN(2) = (u64)&psw;
    RUN(HOME_PSW, "lpswe 0(2)");
}

static void invalid_psws(void)
{
    static const struct {
        u64 mask, address;
        const char *what;
    } early[] = {
        { HOME_PSW | BIT(0), 0x10000, "bit 0" },
        { HOME_PSW | BIT(2), 0x10000, "bit 2" },
        { HOME_PSW | BIT(4), 0x10000, "bit 4" },
        { HOME_PSW | BIT(12), 0x10000, "bit 12" },
        { HOME_PSW | BIT(25), 0x10000, "bit 25" },
        { HOME_PSW | BIT(30), 0x10000, "bit 30" },
        { HOME_PSW | BIT(33), 0x10000, "bit 33" },
        { HOME_PSW | BIT(63), 0x10000, "bit 63" },
        { BIT(31), 0x10000, "extended without basic addressing" },
        { PSW_31, 0x80000000, "31-bit with bit 32 of the address" },
        { PSW_31, 0x100000000, "31-bit with a large address" },
        { 0, 0x1000000, "24-bit with a large address" },
        { HOME_PSW | BIT(0) | PSW_WAIT, 0x10000, "waiting" },
        { HOME_PSW | BIT(0), 0x10001, "odd" },
    };
    for (u32 i = 0; i < sizeof early / sizeof *early; ++i) {
        load_wild(early[i].mask, early[i].address);
        TEST(early[i].what);
        EQUAL(last.class, CLASS_PROGRAM);
        EQUAL(last.code, 0x06);
        EQUAL(last.ilc, 0);
        EQUAL(last.old.mask, early[i].mask);
        EQUAL(last.old.address, early[i].address);
    }
    TEST("odd instruction address");
    load_wild(HOME_PSW, 0x10001);
    EQUAL(last.class, CLASS_PROGRAM);
    EQUAL(last.code, 0x06);
    CHECK(last.ilc == 2 || last.ilc == 4 || last.ilc == 6);
    EQUAL(last.old.address, 0x10001 + last.ilc);
    TEST("instruction address outside storage");
    load_wild(HOME_PSW, 0x10000000000UL);
    EQUAL(last.class, CLASS_PROGRAM);
    EQUAL(last.code, 0x05);
    TEST("LPSW: bit 12 must be one");
    *(u64 *)area = 0x0000000080010000;
    IN(2) = (u64)area;
    RUN(HOME_PSW, "lpsw 0(2)");
    EQUAL(last.class, CLASS_PROGRAM);
    EQUAL(last.code, 0x06);
    CHECK(last.ilc == 0 || last.ilc == 4);
    TEST("SSM of an invalid system mask is found at once");
    area[0] = 0x80;
    RUN(HOME_PSW, "ssm 0(2)");
    EQUAL(last.class, CLASS_PROGRAM);
    EQUAL(last.code, 0x06);
    EQUAL(last.ilc, 4);
    EQUAL(last.old.address, last.start + 4);
    EQUAL(last.old.mask >> 56, 0x80);
    TEST("SSM suppression");
    u64 cr0 = store_control(0);
    load_control(0, cr0 | BIT(33));
    area[0] = 0;
    RUN(HOME_PSW, "ssm 0(2)");
    SUPPRESSED("SSM", 0x13, 4);
    load_control(0, cr0);
}

static void special_operation(void)
{
    TEST("special operation");
    IN(2) = 0;
    RUN(HOME_PSW, "iac 2");
    SUPPRESSED("IAC without DAT", 0x13, 4);
    RUN(HOME_PSW, "sac 0");
    SUPPRESSED("SAC without DAT", 0x13, 4);
    RUN(HOME_PSW, "mvcp 0(2,2),0(2),2");
    SUPPRESSED("MVCP without DAT", 0x13, 6);
    RUN(HOME_PSW, "mvcs 0(2,2),0(2),2");
    SUPPRESSED("MVCS without DAT", 0x13, 6);
    RUN(HOME_PSW, "pr");
    SUPPRESSED("PR without DAT", 0x13, 2);
    RUN(HOME_PSW, "pc 0");
    SUPPRESSED("PC without DAT", 0x13, 4);
    RUN(HOME_PSW, "epar 3");
    SUPPRESSED("EPAR without DAT", 0x13, 4);
    RUN(HOME_PSW, "bakr 0,0");
    SUPPRESSED("BAKR without DAT", 0x13, 4);
}

static void addressing_modes(void)
{
    TEST("addressing modes");
    // The wrap of a 24-bit address: ffffff + 1 is 0.
    IN(2) = 0xffffff;
    RUN(0, "la 3,1(2)");
    EQUAL(last.registers[3], 0);
    IN(2) = 0xaa123456;
    IN(3) = -1UL;
    RUN(0, "la 3,0(2)");
    EQUAL(last.registers[3], 0xffffffff00123456);
    RUN(PSW_31, "la 3,0(2)");
    EQUAL(last.registers[3], 0xffffffff2a123456);
    RUN(HOME_PSW, "la 3,0(2)");
    EQUAL(last.registers[3], 0xaa123456);
    IN(2) = 0x7fffffff;
    RUN(PSW_31, "la 3,1(2)");
    EQUAL(last.registers[3], 0xffffffff00000000);
    // Operands: the addresses' high bits are ignored.
    *(u32 *)area = 0xcafe;
    IN(2) = (u64)area | 0x8000000080000000;
    RUN(PSW_31, "l 3,0(2)");
    COMPLETED("L in 31-bit mode");
    EQUAL((u32)last.registers[3], 0xcafe);
    IN(2) = (u64)area | 0x80000000ff000000;
    RUN(0, "l 3,0(2)");
    COMPLETED("L in 24-bit mode");
    EQUAL((u32)last.registers[3], 0xcafe);
    // An operand that wraps from the end of the 24-bit space to its beginning.
    IN(2) = 0xfffffe;
    IN(3) = 0;
    *(u16 *)0xfffffe = 0x1122;
    u16 low = lc(u16, 0);
    lc(u16, 0) = 0x3344;
    RUN(0, "l 3,0(2)");
    COMPLETED("L across the end of the 24-bit space");
    EQUAL(last.registers[3], 0x11223344);
    lc(u16, 0) = low;
    // Links.
    RUN(0, "basr 3,0");
    EQUAL(last.registers[3], last.start + 2);
    RUN(PSW_31, "basr 3,0");
    EQUAL(last.registers[3], (last.start + 2) | 0x80000000);
    IN(3) = 0;
    RUN(0, "balr 3,0");
    EQUAL(last.registers[3] & 0xffffff, last.start + 2);
    EQUAL(last.registers[3] >> 30 & 3, 1);
    // Mode changes.
    RUN(0, "sam31\n");
    EQUAL(last.old.mask & PSW_64, PSW_31);
    RUN(PSW_31, "sam64\n");
    EQUAL(last.old.mask & PSW_64, PSW_64);
    RUN(HOME_PSW, "sam24\n");
    EQUAL(last.old.mask & PSW_64, 0);
    RUN(HOME_PSW, "larl 1,773f\n aghi 1,1\n bsm 0,1\n773:");
    EQUAL(last.old.mask & PSW_64, PSW_64);
    RUN(HOME_PSW, "larl 1,773f\n oilh 1,0x8000\n lghi 5,0\n bassm 5,1\n773:");
    EQUAL(last.old.mask & PSW_64, PSW_31);
    EQUAL(last.registers[5] & 1, 1);
    RUN(HOME_PSW, "larl 1,0x1000000+773f\n nilh 1,0xff\n bsm 0,1\n773:");
    EQUAL(last.old.mask & PSW_64, 0);
    IN(2) = 0x1000000;
    RUN(PSW_31, "agr 2,2\n");
    *(u16 *)0x1800000 = 0x010c;
    IN(2) = 0x1800000;
    RUN(PSW_31, "br 2");
    EQUAL(last.code, 0x06);
    EQUAL(last.old.address, 0x1800002);
}

static void operand_exception(void)
{
    TEST("operand exception");
    memset(area, 0, 64);
    area[4] = 0xff;
    // A subchannel-identification word without its one is an operand exception.
    IN(1) = 0;
    IN(2) = (u64)area;
    RUN(HOME_PSW, "stsch 0(2)");
    SUPPRESSED("STSCH without a subchannel-identification word", 0x15, 4);
    RUN(HOME_PSW, "tsch 0(2)");
    SUPPRESSED("TSCH without a subchannel-identification word", 0x15, 4);
    IN(1) = 0x10000;
    area[4] = 0x04;
    RUN(HOME_PSW, "msch 0(2)");
    SUPPRESSED("MSCH with a reserved bit", 0x15, 4);
}

static void fetching(void)
{
    TEST("instructions across the ends of storage");
    // 24-bit mode: the second half of LGHI 3,5 is at address 0.
    *(u16 *)0xfffffe = 0xa739;
    u32 low = lc(u32, 0);
    lc(u32, 0) = 0x00050aff;
    IN(2) = 0xfffffe;
    RUN(0, "br 2");
    EQUAL(last.class, CLASS_SVC);
    EQUAL(last.old.address, 4);
    EQUAL(last.registers[3], 5);
    lc(u32, 0) = low;
    // The last halfword of storage begins an instruction of four bytes.
    *(u16 *)(0x4000000 - 2) = 0xa739;
    IN(2) = 0x4000000 - 2;
    RUN(HOME_PSW, "br 2");
    EQUAL(last.class, CLASS_PROGRAM);
    EQUAL(last.code, 0x05);
    *(u16 *)(0x4000000 - 2) = 0x0aff;
    RUN(HOME_PSW, "br 2");
    COMPLETED("the last instruction of storage");
    IN(2) = 0x4000000;
    RUN(HOME_PSW, "br 2");
    EQUAL(last.code, 0x05);
    IN(2) = 0x4000000 - 4;
    RUN(HOME_PSW, "lg 3,0(2)");
    SUPPRESSED("LG across the end of storage", 0x05, 6);
    u32 before = *(u32 *)(0x4000000 - 4);
    RUN(HOME_PSW, "stg 3,0(2)");
    SUPPRESSED("STG across the end of storage", 0x05, 6);
    EQUAL(*(u32 *)(0x4000000 - 4), before);
}

static void tracing(void)
{
    TEST("trace table");
    static const u32 operand __attribute__((aligned(8))) = 0x00001234;
    static const u32 off __attribute__((aligned(8))) = 0x80000000;
    IN(2) = (u64)&operand;
    load_control(12, (u64)area | 1);
    RUN(HOME_PSW, "trace 3,4,0(2)");
    COMPLETED("TRACE");
    u64 end = store_control(12);
    CHECK((end & ~3UL) > (u64)area && (end & ~3UL) <= (u64)area + 76);
    EQUAL(area[0] & 0xf0, 0x70);
    IN(2) = (u64)&off;
    RUN(HOME_PSW, "trace 3,4,0(2)");
    EQUAL(store_control(12), end);
    IN(2) = (u64)&operand;
    load_control(12, ((u64)area + 4096 - 8) | 1);
    RUN(HOME_PSW, "trace 3,4,0(2)");
    NULLIFIED("TRACE at the end of its table", 0x16, 4);
    load_control(12, 0UL);
    RUN(HOME_PSW, "trace 3,4,0(2)");
    COMPLETED("TRACE without explicit tracing");
}

static void precedence(void)
{
    TEST("which of several exceptions");
    IN(2) = 0x10000000001UL;
    RUN(HOME_PSW | PSW_PROBLEM, "lctlg 0,0,0(2)");
    SUPPRESSED("privileged operation before specification", 0x02, 6);
    RUN(HOME_PSW, "lctlg 0,0,0(2)");
    SUPPRESSED("specification before addressing", 0x06, 6);
    RUN(HOME_PSW, "cs 4,6,0(2)");
    SUPPRESSED("specification before addressing in CS", 0x06, 4);
    RUN(HOME_PSW, ".short 0xeb35,0x2000,0x003e");
    SUPPRESSED("CDSG of odd registers outside storage", 0x06, 6);
    u64 cr0 = store_control(0);
    load_control(0, cr0 | BIT(35));
    IN(2) = 0x1fc;
    RUN(HOME_PSW, "stctg 0,0,0(2)");
    SUPPRESSED("specification before protection", 0x06, 6);
    load_control(0, cr0);
}

int main(void)
{
    operation_and_privilege();
    execute();
    protection_and_addressing();
    specification();
    monitor_events();
    supervisor_calls();
    invalid_psws();
    special_operation();
    addressing_modes();
    operand_exception();
    fetching();
    tracing();
    precedence();
    return 0;
}
