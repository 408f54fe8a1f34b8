// Stores into code: what is executed is what was stored last (PoP ch. 5, "Sequence of Storage References").
// zvisor: --cpus 2

#include "lib/guest.h"

// A function in a page of its own: LGHI 2,n; BR 14.
static u16 code[4][2048] __attribute__((aligned(4096)));
static u16 spare[8] __attribute__((aligned(8)));

typedef u64 function(void);

static void put_function(u16 *at, u16 value)
{
    at[0] = 0xa729;
    at[1] = value;
    at[2] = 0x07fe;
    asm volatile("" : : : "memory");
}

static u64 call(const u16 *at) { return ((function *)at)(); }

#define NEXT_INSTRUCTION(what, text) \
    IN(2) = 0; \
    IN(3) = 0; \
    RUN(HOME_PSW, "larl 4,775f\n larl 5,776f\n lrl 6,776f\n lgrl 7,778f\n j 774f\n .balign 8\n778: .quad 0xa72900020aff0707\n" \
                  "776: .long 0xa7290002\n 777: .long 0xa7290001\n 774: " text "\n.balign 8,7\n775: lghi 2,1\n svc 255\n nopr\n"); \
    equal_at(last.registers[2], 2, what, __LINE__);

static void next_instruction(void)
{
    TEST("the instruction behind the store");
    // The code lies in storage that may be stored into; each is run once as loaded.
    NEXT_INSTRUCTION("ST", "st 6,0(4)")
    NEXT_INSTRUCTION("STH", "sth 6,2(4)")
    NEXT_INSTRUCTION("MVI", "mvi 3(4),2")
    NEXT_INSTRUCTION("MVC", "mvc 0(4,4),0(5)")
    NEXT_INSTRUCTION("STG", "stg 7,0(4)")
    NEXT_INSTRUCTION("MVHHI", "mvhhi 2(4),2")
    NEXT_INSTRUCTION("XI", "xi 3(4),3")
    NEXT_INSTRUCTION("STCM", "stcm 6,15,0(4)")
    NEXT_INSTRUCTION("STRL", "strl 6,775f")
    NEXT_INSTRUCTION("CS", "l 3,4(5)\n cs 3,6,0(4)")
    NEXT_INSTRUCTION("LAA", "lhi 3,1\n laa 1,3,0(4)")
    NEXT_INSTRUCTION("ASI", "asi 0(4),1")
    NEXT_INSTRUCTION("MVCL", "lr 3,4\n lgr 2,4\n lghi 3,4\n lgr 6,5\n lghi 7,4\n mvcl 2,6")
    NEXT_INSTRUCTION("EX of MVC", "bras 1,779f\n mvc 0(4,4),0(5)\n779: ex 0,0(1)")
    NEXT_INSTRUCTION("STURA", "stura 6,4")
    NEXT_INSTRUCTION("OC", "oc 3(1,4),3(5)\n xi 3(4),1")
}

static void same_place(void)
{
    TEST("code written again and again");
    u64 wrong = 0;
    for (u32 i = 1; i < 3000; ++i) {
        put_function(code[0], (u16)(i & 0x7fff));
        wrong += call(code[0]) != (i & 0x7fff);
    }
    EQUAL(wrong, 0);
    // Hot before it is changed: executed often, then changed once, many times over.
    for (u32 i = 1; i < 20; ++i) {
        put_function(code[0], (u16)i);
        for (u32 j = 0; j < 3000; ++j)
            wrong += call(code[0]) != i;
    }
    EQUAL(wrong, 0);
    // Data and code in one page: stores beside code leave it alone, stores into it do not.
    put_function(code[0], 5);
    for (u32 i = 0; i < 3000; ++i) {
        code[0][100] = (u16)i;
        wrong += call(code[0]) != 5 || code[0][100] != i;
    }
    EQUAL(wrong, 0);
}

static void copies(void)
{
    TEST("code moved by long moves");
    put_function(spare, 77);
    put_function(code[1], 1);
    EQUAL(call(code[1]), 1);
    memset(code[2], 0, 4096);
    asm volatile("lgr 2,%0\n lgr 4,%1\n lghi 3,8\n lghi 5,8\n0: mvcle 2,4,0\n jo 0b" : : "a"(code[1]), "a"(spare) : "2", "3", "4", "5", "cc", "memory");
    EQUAL(call(code[1]), 77);
    put_function(code[2], 88);
    asm volatile("lghi 0,0\n mvpg %0,%1" : : "a"(code[1]), "a"(code[2]) : "0", "cc", "memory");
    EQUAL(call(code[1]), 88);
    put_function(code[1], 1);
    EQUAL(call(code[1]), 1);
    asm volatile("lmg 4,5,0(%0)\n stmg 4,5,0(%1)" : : "a"(spare), "a"(code[1]) : "4", "5", "memory");
    EQUAL(call(code[1]), 77);
    asm volatile("std 0,0(%0)\n" : : "a"(code[3]) : "memory");
    asm volatile("mvcin 0(1,%0),0(%1)" : : "a"((u64)code[1] + 3), "a"((u64)code[2] + 3) : "memory");
    EQUAL(call(code[1]), 88);
    // XC makes it zeros: an operation exception.
    IN(2) = (u64)code[1];
    asm volatile("xc 0(2,%0),0(%0)" : : "a"(code[1]) : "cc", "memory");
    RUN(HOME_PSW, "br 2");
    EQUAL(last.class, CLASS_PROGRAM);
    EQUAL(last.code, 1);
    // PFMF and TEST BLOCK clear code.
    put_function(code[1], 9);
    EQUAL(call(code[1]), 9);
    asm volatile("lghi 0,0\n .insn rre,0xb22c0000,0,%0" : : "a"(code[1]) : "0", "cc", "memory");
    RUN(HOME_PSW, "br 2");
    EQUAL(last.code, 1);
}

static void page_boundary(void)
{
    TEST("code across a page boundary");
    u16 *at = &code[1][2047]; // the last halfword of a page
    u64 wrong = 0;
    for (u32 i = 1; i < 300; ++i) {
        put_function(at, (u16)i);
        wrong += call(at) != i;
        at[1] = (u16)(i + 1);
        wrong += call(at) != i + 1;
    }
    EQUAL(wrong, 0);
    // Straight-line code that runs from one page into the next, of which the second changes.
    for (u32 i = 0; i < 10; ++i)
        code[1][2038 + i] = 0x0700;
    put_function(code[2], 3);
    EQUAL(call(&code[1][2038]), 3);
    put_function(code[2], 4);
    EQUAL(call(&code[1][2038]), 4);
    for (u32 i = 0; i < 100; ++i) {
        code[2][1] = (u16)i;
        wrong += call(&code[1][2038]) != i;
    }
    EQUAL(wrong, 0);
}

static void loops(void)
{
    TEST("a loop that changes itself");
    // LGHI's immediate is incremented by the loop that executes it: the sum is that of 0 to 999.
    IN(2) = 0;
    RUN(HOME_PSW, "lghi 3,1000\n larl 4,775f\n mvhhi 2(4),0\n"
                  "775: lghi 5,0\n agr 2,5\n lh 6,2(4)\n ahi 6,1\n sth 6,2(4)\n brct 3,775b");
    EQUAL(last.registers[2], 999 * 1000 / 2);
    // A branch inside a loop is turned into a no-operation by its own fall-through.
    IN(2) = 0;
    RUN(HOME_PSW, "lghi 3,100\n larl 4,776f\n mvi 1(4),0x04\n"
                  "775: nopr\n776: brc 0,777f\n aghi 2,1\n chi 3,50\n jne 777f\n mvi 1(4),0xf4\n777: brct 3,775b");
    EQUAL(last.registers[2], 51);
}

static void executed(void)
{
    TEST("the target of EXECUTE");
    u64 wrong = 0;
    IN(2) = (u64)spare;
    for (u16 i = 0; i < 200; ++i) {
        spare[0] = 0xa739;
        spare[1] = i;
        RUN(HOME_PSW, "ex 0,0(2)");
        wrong += last.registers[3] != i;
    }
    EQUAL(wrong, 0);
    IN(3) = 0x12;
    IN(4) = 5;
    spare[0] = 0x1834;
    RUN(HOME_PSW, "ex 0,0(2)");
    EQUAL(last.registers[3], 5);
}

static volatile u64 turn, other_wrong;

static void other(void)
{
    for (u64 i = 1; i <= 50; ++i) {
        while (turn != 2 * i - 1)
            relax();
        asm volatile("bcr 15,0" : : : "memory");
        if (call(code[0]) != i)
            other_wrong++;
        turn = 2 * i;
    }
}

static void other_cpu(void)
{
    TEST("code another CPU runs");
    turn = 0;
    start_program(1, other);
    u64 end = tod() + (20UL << 32);
    for (u64 i = 1; i <= 50 && tod() < end; ++i) {
        put_function(code[0], (u16)i);
        asm volatile("bcr 15,0" : : : "memory");
        turn = 2 * i - 1;
        while (turn != 2 * i && tod() < end)
            relax();
    }
    EQUAL(turn, 100);
    EQUAL(other_wrong, 0);
    wait_stopped(1);
}

static volatile u64 seen;

static void spin_in_code(void)
{
    seen = 1;
    call(code[3]);
    seen = 2;
}

static void changed_under_way(void)
{
    TEST("a loop another CPU ends by changing its branch");
    // LTGR 2,2; BRC 15,-4 ... becomes BR 14.
    code[3][0] = 0xb902;
    code[3][1] = 0x0022;
    code[3][2] = 0xa7f4;
    code[3][3] = 0xfffe;
    seen = 0;
    start_program(1, spin_in_code);
    while (seen != 1)
        relax();
    delay(2000);
    EQUAL(seen, 1);
    code[3][3] = 2;
    code[3][4] = 0x07fe;
    code[3][2] = 0x07fe;
    for (u64 end = tod() + (5UL << 32); seen != 2 && tod() < end;)
        relax();
    EQUAL(seen, 2);
    wait_stopped(1);
}

int main(void)
{
    next_instruction();
    same_place();
    copies();
    page_boundary();
    loops();
    executed();
    other_cpu();
    changed_under_way();
    return 0;
}
