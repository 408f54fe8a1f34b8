// Storage keys: setting and asking, key-controlled protection on every access path, overrides, reference and change recording (PoP ch. 3, 10).

#include "lib/guest.h"

static u64 page[2][512] __attribute__((aligned(4096)));
static u64 mine[512] __attribute__((aligned(4096)));
static u8 block[1 << 20] __attribute__((aligned(1 << 20)));

enum { FETCH_PROTECTED = 8, REFERENCE = 4, CHANGE = 2 };

/// Every way to storage: text with the operand's address in register 2, own storage in register 3, instruction length.
#define ACCESS_PATHS(fetch, store) \
    fetch("L", "l 5,0(2)", 4) \
    fetch("LG", "lg 5,0(2)", 6) \
    fetch("LLC", "llc 5,0(2)", 6) \
    fetch("IC", "ic 5,0(2)", 4) \
    fetch("LM", "lm 4,7,0(2)", 4) \
    fetch("LMG", "lmg 4,7,0(2)", 6) \
    fetch("LPQ", "lpq 4,0(2)", 6) \
    fetch("CLC", "clc 0(9,2),0(3)", 6) \
    fetch("CLI", "cli 0(2),0", 4) \
    fetch("TM", "tm 0(2),1", 4) \
    fetch("A", "a 5,0(2)", 4) \
    fetch("CVB", "cvb 5,0(2)", 4) \
    fetch("TRT", "trt 0(4,2),0(2)", 6) \
    fetch("LD", "ld 0,0(2)", 4) \
    fetch("LAM", "lam 4,7,0(2)", 4) \
    fetch("EX target", "ex 0,0x200(2)", 4) \
    fetch("MVC from", "mvc 0(16,3),0(2)", 6) \
    fetch("LCTLG", "lctlg 9,9,0(2)", 6) \
    fetch("VL", ".short 0xe700,0x2000,0x0006", 6) \
    store("ST", "st 5,0(2)", 4) \
    store("STG", "stg 5,0(2)", 6) \
    store("STC", "stc 5,0(2)", 4) \
    store("STM", "stm 4,7,0(2)", 4) \
    store("STMG", "stmg 4,7,0(2)", 6) \
    store("STPQ", "stpq 4,0(2)", 6) \
    store("MVI", "mvi 0(2),1", 4) \
    store("MVHI", "mvhi 0(2),1", 6) \
    store("MVC to", "mvc 0(16,2),0(3)", 6) \
    store("XC", "xc 0(8,2),0(2)", 6) \
    store("NI", "ni 0(2),0", 4) \
    store("CS", "cs 4,5,0(2)", 4) \
    store("CSG", "csg 4,5,0(2)", 6) \
    store("CDSG", "cdsg 4,6,0(2)", 6) \
    store("LAA", "laa 4,5,0(2)", 6) \
    store("LAAG", "laag 4,5,0(2)", 6) \
    store("ASI", "asi 0(2),1", 6) \
    store("TS", "ts 0(2)", 4) \
    store("STD", "std 0,0(2)", 4) \
    store("STAM", "stam 4,7,0(2)", 4) \
    store("STCK", "stck 0(2)", 4) \
    store("STCTG", "stctg 9,9,0(2)", 6) \
    store("CVD", "cvd 5,0(2)", 4) \
    store("ZAP", "zap 0(8,2),0(8,3)", 6) \
    store("VST", ".short 0xe700,0x2000,0x000e", 6)

static void prepare(u8 key)
{
    set_key((u64)page, key);
    set_key((u64)page + 4096, key);
    for (u32 i = 0; i < 512; ++i)
        page[0][i] = page[1][i] = 0xc;
    page[0][64] = 0x0707000000000000; // what EX executes
}

static int unchanged(void)
{
    for (u32 i = 0; i < 512; ++i)
        if ((page[0][i] != 0xc && i != 64) || page[1][i] != 0xc)
            return 0;
    return 1;
}

static void expect(const char *what, int allowed, u8 ilc, int line)
{
    if (allowed)
        completed_at(what, line);
    else
        program_at(0x04, ilc, 0, what, line);
}

/// One path under a PSW key.
#define TRY(name, text, length, allowed) \
    IN(2) = (u64)page; \
    IN(3) = (u64)mine; \
    *(u64 *)mine = 0xc; \
    RUN(psw, text); \
    expect(name, allowed, length, __LINE__); \
    if (!(allowed)) { \
        EQUAL(last.translation_exception & ~0xfffUL, (u64)page); \
        CHECK(unchanged()); \
    }

static void paths(u64 psw, u8 key, int may_fetch, int may_store)
{
    u64 cr9 = store_control(9);
#define FETCH(name, text, length) \
    prepare(key); \
    TRY(name, text, length, may_fetch)
#define STORE(name, text, length) \
    prepare(key); \
    TRY(name, text, length, may_store)
    ACCESS_PATHS(FETCH, STORE)
    load_control(9, cr9);
}

static void access_paths(void)
{
    TEST("key 0 may everything");
    paths(HOME_PSW, 0x40 | FETCH_PROTECTED, 1, 1);
    TEST("the same key");
    set_key((u64)mine, 0x30);
    paths(HOME_PSW | PSW_KEY(3), 0x30 | FETCH_PROTECTED, 1, 1);
    TEST("another key, no fetch protection");
    paths(HOME_PSW | PSW_KEY(3), 0x40, 1, 0);
    TEST("another key, fetch protection");
    paths(HOME_PSW | PSW_KEY(3), 0x40 | FETCH_PROTECTED, 0, 0);
    set_key((u64)mine, 0);
}

static void crossing(void)
{
    TEST("operands across two pages");
    prepare(0x30);
    set_key((u64)page + 4096, 0x48);
    IN(2) = (u64)page + 4096 - 4;
    IN(3) = (u64)mine;
    set_key((u64)mine, 0x30);
    static const u64 psw = HOME_PSW | PSW_KEY(3);
#define ACROSS(name, text, length) \
    RUN(psw, text); \
    SUPPRESSED(name, 0x04, length); \
    CHECK(unchanged());
    ACROSS("LG", "lg 5,0(2)", 6)
    ACROSS("STG", "stg 5,0(2)", 6)
    ACROSS("STM", "stm 4,7,0(2)", 4)
    ACROSS("MVC", "mvc 0(8,2),0(3)", 6)
    ACROSS("XC", "xc 0(8,2),0(2)", 6)
    ACROSS("STMG", "stmg 4,7,0(2)", 6)
    ACROSS("CVD", "cvd 4,0(2)", 4)
    ACROSS("AP", "ap 0(8,2),0(8,2)", 6)
    ACROSS("STCK", "stck 0(2)", 4)
    EQUAL(last.translation_exception & ~0xfffUL, (u64)page + 4096);
    set_key((u64)mine, 0);
}

static void instruction_fetch(void)
{
    TEST("instruction fetching");
    prepare(0x40);
    page[0][0] = 0x0aff0aff00000000;
    IN(2) = (u64)page;
    RUN(HOME_PSW | PSW_KEY(3), "br 2");
    COMPLETED("a branch without fetch protection");
    set_key((u64)page, 0x48);
    RUN(HOME_PSW | PSW_KEY(3), "br 2");
    EQUAL(last.class, CLASS_PROGRAM);
    EQUAL(last.code, 0x04);
    EQUAL(last.translation_exception & ~0xfffUL, (u64)page);
    RUN(HOME_PSW | PSW_KEY(4), "br 2");
    COMPLETED("a branch with the key");
    RUN(HOME_PSW, "br 2");
    COMPLETED("a branch with key 0");
    // An instruction across two pages of which the second is protected.
    set_key((u64)page, 0x40);
    set_key((u64)page + 4096, 0x48);
    *(u16 *)((u64)page + 4094) = 0xa739;
    page[1][0] = 0x00070aff00000000;
    IN(2) = (u64)page + 4094;
    RUN(HOME_PSW | PSW_KEY(3), "br 2");
    EQUAL(last.code, 0x04);
    EQUAL(last.translation_exception & ~0xfffUL, (u64)page + 4096);
    set_key((u64)page + 4096, 0x40);
    RUN(HOME_PSW | PSW_KEY(3), "br 2");
    COMPLETED("a branch to an instruction across two pages");
    EQUAL(last.registers[3], 7);
}

static void overrides(void)
{
    TEST("overrides");
    u64 cr0 = store_control(0);
    prepare(0x98);
    IN(2) = (u64)page;
    RUN(HOME_PSW | PSW_KEY(3), "lg 5,0(2)");
    SUPPRESSED("LG of key 9", 0x04, 6);
    load_control(0, cr0 | BIT(39));
    RUN(HOME_PSW | PSW_KEY(3), "lg 5,0(2)");
    COMPLETED("LG of key 9 with storage-protection override");
    RUN(HOME_PSW | PSW_KEY(3), "stg 5,0(2)");
    COMPLETED("STG of key 9 with storage-protection override");
    prepare(0x88);
    RUN(HOME_PSW | PSW_KEY(3), "stg 5,0(2)");
    SUPPRESSED("STG of key 8 with storage-protection override", 0x04, 6);
    load_control(0, cr0);
    // Fetch-protection override: the first 2 KiB.
    set_key(0, 0x48);
    RUN(HOME_PSW | PSW_KEY(3), "lg 5,0x700(0)");
    SUPPRESSED("LG at 700", 0x04, 6);
    load_control(0, cr0 | BIT(38));
    RUN(HOME_PSW | PSW_KEY(3), "lg 5,0x700(0)");
    COMPLETED("LG at 700 with fetch-protection override");
    RUN(HOME_PSW | PSW_KEY(3), "lg 5,0x800(0)");
    SUPPRESSED("LG at 800 with fetch-protection override", 0x04, 6);
    RUN(HOME_PSW | PSW_KEY(3), "stg 5,0x700(0)");
    SUPPRESSED("STG at 700 with fetch-protection override", 0x04, 6);
    set_key(0, 0);
    load_control(0, cr0);
}

static void recording(void)
{
    TEST("reference and change recording");
    u64 psw = HOME_PSW;
#define RECORDS(name, text, bits) \
    prepare(0x50); \
    set_key((u64)page, 0x50); \
    IN(2) = (u64)page; \
    IN(3) = (u64)mine; \
    RUN(psw, text); \
    equal_at(get_key((u64)page), 0x50 | (bits), name, __LINE__);
#define RECORDS_FETCH(name, text, length) RECORDS(name, text, REFERENCE)
#define RECORDS_STORE(name, text, length) RECORDS(name, text, REFERENCE | CHANGE)
    *(u64 *)mine = 0xc;
    IN(4) = 0;
    ACCESS_PATHS(RECORDS_FETCH, RECORDS_STORE)
    load_control(9, 0UL);
    prepare(0);
    set_key((u64)page, 0);
    page[0][0] = 0x0aff0aff00000000;
    set_key((u64)page, 0);
    RUN(psw, "br 2");
    EQUAL(get_key((u64)page), REFERENCE);
    // A translation that is cached is no reason not to record again.
    page[0][1] = 1;
    (void)*(volatile u64 *)&page[0][1];
    set_key((u64)page, 0);
    page[0][1] = 2;
    EQUAL(get_key((u64)page), REFERENCE | CHANGE);
    set_key((u64)page, 0);
    (void)*(volatile u64 *)&page[0][1];
    EQUAL(get_key((u64)page), REFERENCE);
    page[0][1] = 3;
    EQUAL(get_key((u64)page), REFERENCE | CHANGE);
    IN(2) = (u64)page;
    RUN(psw, "rrbe 0,2");
    EQUAL(LAST_CC, 3);
    EQUAL(get_key((u64)page), CHANGE);
    RUN(psw, "rrbe 0,2");
    EQUAL(LAST_CC, 1);
    (void)*(volatile u64 *)&page[0][1];
    EQUAL(get_key((u64)page), REFERENCE | CHANGE);
    set_key((u64)page, 0);
    (void)*(volatile u64 *)&page[0][1];
    RUN(psw, "rrbe 0,2");
    EQUAL(LAST_CC, 2);
    RUN(psw, "rrbe 0,2");
    EQUAL(LAST_CC, 0);
}

static void setting(void)
{
    TEST("setting keys");
    set_key((u64)page, 0xfe);
    EQUAL(get_key((u64)page), 0xfe);
    IN(2) = 0x10000000000UL;
    IN(3) = 0;
    RUN(HOME_PSW, "sske 3,2");
    SUPPRESSED("SSKE outside storage", 0x05, 4);
    RUN(HOME_PSW, "iske 3,2");
    SUPPRESSED("ISKE outside storage", 0x05, 4);
    RUN(HOME_PSW | PSW_PROBLEM, "sske 3,2");
    SUPPRESSED("SSKE in problem state", 0x02, 4);
    // Conditional: with reference and change bits not compared, the key stays and code 0 says so.
    set_key((u64)page, 0x36);
    IN(2) = (u64)page;
    IN(3) = 0x30;
    RUN(HOME_PSW, "sske 3,2,6");
    EQUAL(LAST_CC, 0);
    EQUAL(get_key((u64)page), 0x36);
    IN(3) = 0x40;
    RUN(HOME_PSW, "sske 3,2,6");
    EQUAL(LAST_CC, 1);
    EQUAL(last.registers[3] >> 8 & 0xff, 0x36);
    EQUAL(get_key((u64)page), 0x40);
    // A whole 1 MiB block.
    IN(2) = (u64)block + 0x3000;
    IN(3) = 0x60;
    RUN(HOME_PSW, "sske 3,2,1");
    EQUAL(last.registers[2], (u64)block + sizeof block);
    EQUAL(get_key((u64)block + 0x2000), 0);
    EQUAL(get_key((u64)block + 0x3000), 0x60);
    EQUAL(get_key((u64)block + 0xff000), 0x60);
    // PFMF.
    IN(3) = 1UL << 17 | 1UL << 12 | 0x70;
    IN(2) = (u64)block;
    RUN(HOME_PSW, ".insn rre,0xb9af0000,3,2");
    COMPLETED("PFMF");
    EQUAL(last.registers[2], (u64)block + sizeof block);
    EQUAL(get_key((u64)block), 0x70);
    EQUAL(get_key((u64)block + 0xff000), 0x70);
    block[0x5000] = 1;
    IN(3) = 1UL << 16;
    IN(2) = (u64)block + 0x5000;
    RUN(HOME_PSW, ".insn rre,0xb9af0000,3,2");
    EQUAL(block[0x5000], 0);
    EQUAL(get_key((u64)block + 0x5000) & 0xf0, 0x70);
    IN(3) = 0x80000000;
    RUN(HOME_PSW, ".insn rre,0xb9af0000,3,2");
    SUPPRESSED("PFMF with a reserved bit", 0x06, 4);
    // TPROT in real mode.
    static const struct { u8 key; u64 cc; } tests[] = { { 0x30, 0 }, { 0x38, 0 }, { 0x40, 1 }, { 0x48, 2 } };
    IN(2) = (u64)page;
    IN(3) = 0x30;
    for (u32 i = 0; i < 4; ++i) {
        set_key((u64)page, tests[i].key);
        RUN(HOME_PSW, "tprot 0(2),0(3)");
        EQUAL(LAST_CC, tests[i].cc);
    }
    // MVCK and MVCDK use a key of their own.
    load_control(3, 0xffff0000UL);
    set_key((u64)page, 0x48);
    IN(4) = 8;
    IN(5) = 0x40;
    IN(2) = (u64)mine;
    IN(3) = (u64)page;
    set_key((u64)mine, 0x30);
    RUN(HOME_PSW | PSW_KEY(3), "mvck 0(4,2),0(3),5");
    COMPLETED("MVCK");
    RUN(HOME_PSW | PSW_KEY(3), "mvck 0(4,3),0(2),5");
    SUPPRESSED("MVCK the other way", 0x04, 6);
    set_key((u64)mine, 0);
}

int main(void)
{
    u64 cr0 = store_control(0);
    load_control(0, cr0 | BIT(45) | BIT(46));
    access_paths();
    crossing();
    instruction_fetch();
    overrides();
    recording();
    setting();
    return 0;
}
