// Address spaces: primary, secondary, home and access-register mode, access lists, moves between spaces (PoP ch. 3, 5, 10).

#include "lib/spaces.h"

static void spaces(void)
{
    TEST("address spaces");
    static const struct { u64 psw; u64 value; } modes[] = { { PSW_PRIMARY, 0xa000 }, { PSW_SECONDARY, 0xa100 }, { PSW_HOME, 0xa200 } };
    for (u32 i = 0; i < 3; ++i) {
        EQUAL(fetch(DAT_PSW | modes[i].psw, V), modes[i].value);
        COMPLETED("LG");
        (void)fetch(DAT_PSW | modes[i].psw, V + 0x200000);
        NULLIFIED("LG of an invalid segment", 0x10, 6);
        EQUAL(last.translation_exception, (V + 0x200000) | FETCH_INDICATION | (modes[i].psw >> 46));
        store(DAT_PSW | modes[i].psw, V + 0x5000, 1);
        NULLIFIED("STG into an invalid page", 0x11, 6);
        EQUAL(last.translation_exception, (V + 0x5000) | STORE_INDICATION | (modes[i].psw >> 46));
    }
    // Access-register mode: ALET 0 primary, 1 secondary; access register 0 is always primary.
    asm volatile("sar 2,%0" : : "d"(0));
    EQUAL(fetch(DAT_PSW | PSW_ACCESS_REGISTER, V), 0xa000);
    asm volatile("sar 2,%0" : : "d"(1));
    EQUAL(fetch(DAT_PSW | PSW_ACCESS_REGISTER, V), 0xa100);
    asm volatile("sar 2,%0" : : "d"(0x02000000));
    (void)fetch(DAT_PSW | PSW_ACCESS_REGISTER, V);
    SUPPRESSED("an ALET with a reserved bit", 0x28, 6);
    EQUAL(last.access_id, 2);
    asm volatile("sar 2,%0\n sar 3,%1" : : "d"(1), "d"(0));
    IN(2) = V;
    IN(3) = V + 0x1000;
    RUN(DAT_PSW | PSW_ACCESS_REGISTER, "mvc 8(8,3),0(2)");
    COMPLETED("MVC from secondary to primary");
    EQUAL(frames[0][1][1], 0xa100);
}

static void access_registers(void)
{
    TEST("access registers name the space of each operand");
    static const u64 psw = DAT_PSW | PSW_ACCESS_REGISTER;
    asm volatile("sar 2,%0\n sar 3,%1\n sar 4,%1\n sar 5,%0\n sar 6,%0" : : "d"(1), "d"(0));
    IN(2) = V + 0x100;
    IN(3) = 0x77;
    RUN(psw, "stg 3,0(2)");
    EQUAL(frames[1][0][0x20], 0x77);
    IN(4) = V + 0x100;
    frames[0][0][0x20] = 0;
    RUN(psw, "stg 3,0(4)");
    EQUAL(frames[0][0][0x20], 0x77);
    // The index register's access register is not looked at.
    IN(5) = 0x100;
    IN(4) = V;
    frames[0][0][0x20] = 5;
    RUN(psw, "lg 3,0(5,4)");
    EQUAL(last.registers[3], 5);
    IN(4) = 0x77;
    IN(5) = 0x88;
    IN(2) = V + 0x100;
    frames[1][0][0x20] = 0x77;
    RUN(psw, "csg 4,5,0(2)");
    COMPLETED("CSG in the secondary space");
    EQUAL(frames[1][0][0x20], 0x88);
    // MVCL from secondary (register 2) to primary (register 4).
    frames[1][1][0] = 0x1234;
    frames[0][2][0] = 0;
    IN(2) = V + 0x1000;
    IN(3) = 8;
    IN(4) = V + 0x2000;
    IN(5) = 8;
    RUN(psw, "mvcl 4,2");
    COMPLETED("MVCL");
    EQUAL(frames[0][2][0], 0x1234);
    IN(2) = V + 0x1000;
    IN(4) = V + 0x2000;
    RUN(psw, "clc 0(8,2),0(4)");
    EQUAL(LAST_CC, 0);
    frames[0][2][0] = 0xa002;
    frames[1][1][0] = 0xa101;
    // LOAD ADDRESS EXTENDED tells the space by the mode.
    static const struct { u64 space; u32 alet; } modes[] = { { PSW_PRIMARY, 0 }, { PSW_SECONDARY, 1 }, { PSW_HOME, 2 }, { PSW_ACCESS_REGISTER, 1 } };
    for (u32 i = 0; i < 4; ++i) {
        IN(2) = V;
        RUN(DAT_PSW | modes[i].space, "lae 3,5(2)\n ear 4,3");
        EQUAL(last.registers[3], V + 5);
        EQUAL((u32)last.registers[4], modes[i].alet);
    }
    // MOVE PAGE says what is missing by condition code when asked to.
    asm volatile("sar 2,%0\n sar 4,%0" : : "d"(0));
    IN(2) = V + 0x5000;
    IN(4) = V + 0x1000;
    RUN2(DAT_PSW, "lghi 0,0x100", "mvpg 4,2");
    COMPLETED("MVPG from an invalid page");
    EQUAL(LAST_CC, 2);
    RUN2(DAT_PSW, "lghi 0,0x100", "mvpg 2,4");
    COMPLETED("MVPG into an invalid page");
    EQUAL(LAST_CC, 1);
    RUN2(DAT_PSW, "lghi 0,0", "mvpg 2,4");
    NULLIFIED("MVPG without the option", 0x11, 4);
}

static void many_spaces(void)
{
    TEST("more spaces than are remembered");
    u64 wrong = 0;
    static u64 tables[40][256] __attribute__((aligned(2048)));
    for (u32 i = 0; i < 40; ++i)
        tables[i][0] = (u64)frames[i % 3][i % 4];
    for (u32 round = 0; round < 3; ++round)
        for (u32 i = 0; i < 40; ++i) {
            segments[i % 3][SEGMENT + 3] = (u64)tables[i];
            ptlb();
            load_control(1, asce(i % 3) | (i & 1 ? PRIVATE : 0));
            wrong += fetch(DAT_PSW | PSW_KEY(i % 16), V + (3UL << 20)) != 0xa000 + i % 3 * 0x100 + i % 4;
        }
    EQUAL(wrong, 0);
    // The same without a purge: other tables, other keys, nothing stale.
    for (u32 round = 0; round < 50; ++round)
        for (u32 i = 0; i < 36; ++i) {
            load_control(1, asce(i % 3) | (i & 1 ? PRIVATE : 0));
            wrong += fetch(DAT_PSW | PSW_KEY(i % 16), V + (i % 4 << 12)) != 0xa000 + i % 3 * 0x100 + i % 4;
        }
    EQUAL(wrong, 0);
    load_control(1, asce(0));
    for (u32 i = 0; i < 3; ++i)
        segments[i][SEGMENT + 3] = INVALID;
    ptlb();
}

static void access_list(void)
{
    TEST("access list");
    static u32 ducts[16] __attribute__((aligned(64)));
    static u32 list[8][4] __attribute__((aligned(128)));
    static u32 aste[16] __attribute__((aligned(64)));
    aste[2] = 0;
    *(u64 *)&aste[2] = asce(2);
    aste[5] = 7;
    ducts[4] = (u32)(u64)list;
    for (u32 i = 0; i < 8; ++i)
        list[i][0] = 0x80000000;
    list[2][0] = 0;
    list[2][2] = (u32)(u64)aste;
    list[2][3] = 7;
    load_control(2, (u64)ducts);
    asm volatile("sar 2,%0" : : "d"(2));
    EQUAL(fetch(DAT_PSW | PSW_ACCESS_REGISTER, V), 0xa200);
    COMPLETED("LG through an ALET of the dispatchable-unit list");
    asm volatile("sar 2,%0" : : "d"(3));
    (void)fetch(DAT_PSW | PSW_ACCESS_REGISTER, V);
    NULLIFIED("an invalid entry", 0x29, 6);
    asm volatile("sar 2,%0" : : "d"(8));
    (void)fetch(DAT_PSW | PSW_ACCESS_REGISTER, V);
    NULLIFIED("an entry beyond the list", 0x29, 6);
    asm volatile("sar 2,%0" : : "d"(0x10002));
    (void)fetch(DAT_PSW | PSW_ACCESS_REGISTER, V);
    NULLIFIED("another sequence number", 0x2a, 6);
    asm volatile("sar 2,%0" : : "d"(2));
    aste[0] = 0x80000000;
    (void)fetch(DAT_PSW | PSW_ACCESS_REGISTER, V);
    NULLIFIED("an invalid ASTE", 0x2b, 6);
    aste[0] = 0;
    aste[5] = 8;
    (void)fetch(DAT_PSW | PSW_ACCESS_REGISTER, V);
    NULLIFIED("an ASTE with another sequence number", 0x2c, 6);
    aste[5] = 7;
    list[2][0] = 0x01000000 | 5;
    load_control(8, 0UL);
    (void)fetch(DAT_PSW | PSW_ACCESS_REGISTER, V);
    NULLIFIED("a private entry of another authority", 0x2d, 6);
    list[2][0] = 0x02000000;
    asm volatile(".insn rre,0xb2480000,0,0" : : : "memory");
    EQUAL(fetch(DAT_PSW | PSW_ACCESS_REGISTER, V), 0xa200);
    store(DAT_PSW | PSW_ACCESS_REGISTER, V, 1);
    SUPPRESSED("a store through a fetch-only entry", 0x04, 6);
    EQUAL(last.translation_exception, V | STORE_INDICATION | 0x0c | 1);
    EQUAL(frames[2][0][0], 0xa200);
}

static void moves_between_spaces(void)
{
    TEST("MVCP, MVCS, MVCOS");
    u64 cr0 = store_control(0);
    load_control(0, cr0 & ~BIT(37));
    IN(2) = 8;
    IN(3) = V;
    IN(4) = V + 0x100;
    IN(5) = 0;
    RUN(DAT_PSW, "mvcp 0(2,4),0(3),5");
    SUPPRESSED("MVCP without secondary-space control", 0x13, 6);
    load_control(0, cr0 | BIT(37));
    RUN(DAT_PSW, "mvcp 0(2,4),0(3),5");
    COMPLETED("MVCP");
    EQUAL(frames[0][0][0x20], 0xa100);
    RUN(DAT_PSW, "mvcs 0(2,4),0(3),5");
    COMPLETED("MVCS");
    EQUAL(frames[1][0][0x20], 0xa000);
    IN(2) = 300;
    RUN(DAT_PSW, "mvcp 0(2,4),0(3),5");
    EQUAL(LAST_CC, 3);
    IN(5) = 0xf0;
    IN(2) = 8;
    load_control(3, 0UL);
    RUN(DAT_PSW | PSW_PROBLEM, "mvcp 0(2,4),0(3),5");
    SUPPRESSED("MVCP with a key the mask does not allow", 0x02, 6);
    // MVCOS: secondary to home.
    lc(u64, LC_SCRATCH) = 0x00c10081; // first operand home, second secondary: space and validity bits
    IN(4) = V + 0x200;
    IN(2) = 16;
    RUN2(DAT_PSW, "lg 0,0x4a8(0)", "mvcos 0(4),0(3),2");
    COMPLETED("MVCOS");
    EQUAL(frames[2][0][0x40], 0xa100);
    IN(3) = V + 0x5000;
    RUN2(DAT_PSW, "lg 0,0x4a8(0)", "mvcos 0(4),0(3),2");
    NULLIFIED("MVCOS from an invalid page", 0x11, 6);
    EQUAL(last.translation_exception & 3, 2);
    IN(3) = V;
    RUN(HOME_PSW, "mvcos 0(4),0(3),2");
    SUPPRESSED("MVCOS without DAT", 0x13, 6);
    load_control(0, cr0);
}

int main(void)
{
    set_up();
    spaces();
    access_registers();
    many_spaces();
    access_list();
    moves_between_spaces();
    return 0;
}
