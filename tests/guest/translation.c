// Dynamic address translation: walks and their exceptions, large frames, protection, and what purges make visible (PoP ch. 3, 10).

#include "lib/spaces.h"

static volatile u64 *const big = (volatile u64 *)0x1000000;

static void walks(void)
{
    TEST("walks from each table");
    static const u64 asces[] = { 0, 4, 8, 12 };
    u64 *tops[] = { segments[0], region_3, region_2, region_1 };
    for (u32 type = 0; type < 4; ++type) {
        load_control(1, (u64)tops[type] | asces[type] | 3);
        EQUAL(fetch(DAT_PSW, V), 0xa000);
        COMPLETED("LG");
        if (type < 3) {
            static const u32 shift[] = { 31, 42, 53 };
            (void)fetch(DAT_PSW, 1UL << shift[type]);
            NULLIFIED("an address beyond the ASCE", 0x38, 6);
            EQUAL(last.translation_exception & ~0xfffUL, 1UL << shift[type]);
        }
    }
    TEST("exceptions of each table");
    load_control(1, (u64)region_1 | 12 | 3);
    static const struct { u64 *table; u64 index; u16 code; const char *what; } levels[] = {
        { region_1, 0, 0x39, "region first" },
        { region_2, 0, 0x3a, "region second" },
        { region_3, 0, 0x3b, "region third" },
        { segments[0], SEGMENT, 0x10, "segment" },
    };
    for (u32 i = 0; i < 4; ++i) {
        // The test runs at V with the code in the same tables, so the entry tested is another one that leads to the same place.
        u64 *entry = &levels[i].table[levels[i].index ? levels[i].index + 1 : 1];
        static const u32 shift[] = { 53, 42, 31, 20 };
        u64 address = V + (1UL << shift[i]);
        u64 good = levels[i].table[levels[i].index];
        *entry = good;
        EQUAL(fetch(DAT_PSW, address), 0xa000);
        *entry = good | INVALID;
        ptlb();
        (void)fetch(DAT_PSW, address);
        NULLIFIED(levels[i].what, levels[i].code, 6);
        EQUAL(last.translation_exception, address | FETCH_INDICATION);
        *entry = good ^ 4;
        (void)fetch(DAT_PSW, address);
        SUPPRESSED("another table type", 0x12, 6);
        *entry = 0x10000000000UL | (good & 15);
        (void)fetch(DAT_PSW, address);
        SUPPRESSED("a table outside storage", 0x05, 6);
        if (i < 3) {
            // The next table begins with the second quarter: index 32 or 0 is before it.
            *entry = (good & ~0xc3UL) | 0x40 | 3;
            (void)fetch(DAT_PSW, address);
            NULLIFIED("an index before the table offset", (u16)(i < 2 ? levels[i + 1].code : 0x10), 6);
            *entry = good & ~3UL;
            EQUAL(fetch(DAT_PSW, address), 0xa000);
            ptlb();
            (void)fetch(DAT_PSW, (address | 1UL << (shift[i] - 2)));
            NULLIFIED("an index behind the table length", (u16)(i < 2 ? levels[i + 1].code : 0x10), 6);
        }
        *entry = good | INVALID;
        ptlb();
    }
    load_control(1, asce(0));
    TEST("page-table entries");
    (void)fetch(DAT_PSW, V + 0x5000);
    NULLIFIED("an invalid page", 0x11, 6);
    pages[0][6] = (u64)frames[0] | 0x800;
    (void)fetch(DAT_PSW, V + 0x6000);
    SUPPRESSED("a reserved bit in a page-table entry", 0x12, 6);
    pages[0][6] = 0x10000000000UL;
    (void)fetch(DAT_PSW, V + 0x6000);
    SUPPRESSED("a page outside storage", 0x05, 6);
    IN(2) = V + 0x3ffc;
    RUN(DAT_PSW, "lg 3,0(2)");
    NULLIFIED("LG across into an invalid page", 0x11, 6);
    EQUAL(last.translation_exception, (V + 0x4000) | FETCH_INDICATION);
    frames[0][3][511] = 0;
    RUN(DAT_PSW, "stg 2,0(2)");
    NULLIFIED("STG across into an invalid page", 0x11, 6);
    EQUAL(frames[0][3][511], 0);
    IN(2) = V + 0x5000;
    RUN(DAT_PSW, "br 2");
    EQUAL(last.code, 0x11);
    EQUAL(last.old.address, V + 0x5000);
    EQUAL(last.translation_exception & ~0xfffUL, V + 0x5000);
}

static void protection(void)
{
    TEST("DAT protection");
    pages[0][1] |= PROTECT;
    EQUAL(fetch(DAT_PSW, V + 0x1000), 0xa001);
    store(DAT_PSW, V + 0x1008, 1);
    SUPPRESSED("a store into a protected page", 0x04, 6);
    EQUAL(last.translation_exception, (V + 0x1000) | STORE_INDICATION | 4);
    pages[0][1] &= ~(u64)PROTECT;
    segments[0][SEGMENT] |= PROTECT;
    ptlb();
    store(DAT_PSW, V + 8, 1);
    SUPPRESSED("a store into a protected segment", 0x04, 6);
    segments[0][SEGMENT] &= ~(u64)PROTECT;
    ptlb();
    store(DAT_PSW, V + 8, 1);
    COMPLETED("a store after protection ended");

    TEST("low-address protection and private spaces");
    u64 cr0 = store_control(0);
    load_control(0, cr0 | BIT(35));
    store(DAT_PSW, 0x100, lc(u64, 0x100));
    SUPPRESSED("a store at 100", 0x04, 6);
    EQUAL(last.translation_exception, 0x80 | STORE_INDICATION);
    load_control(1, asce(0) | PRIVATE);
    store(DAT_PSW, 0x100, lc(u64, 0x100));
    COMPLETED("a store at 100 of a private space");
    segments[0][SEGMENT] |= COMMON;
    (void)fetch(DAT_PSW, V);
    SUPPRESSED("a common segment in a private space", 0x12, 6);
    load_control(1, asce(0));
    EQUAL(fetch(DAT_PSW, V), 0xa000);
    segments[0][SEGMENT] &= ~(u64)COMMON;
    load_control(0, cr0);

    TEST("real space");
    load_control(1, (u64)REAL);
    EQUAL(fetch(DAT_PSW, (u64)frames[1][0]), 0xa100);
    COMPLETED("LG of a real space");
    load_control(1, asce(0));
}

static void enhanced_dat(void)
{
    TEST("large frames");
    u64 cr0 = store_control(0);
    big[0] = 0x1111;
    big[0x12340 / 8] = 0x2222;
    segments[0][40] = (u64)big | FORMAT_CONTROL;
    load_control(0, cr0 & ~BIT(40));
    load_control(0, cr0 | BIT(40));
    EQUAL(fetch(DAT_PSW, 40UL << 20), 0x1111);
    EQUAL(fetch(DAT_PSW, (40UL << 20) + 0x12340), 0x2222);
    store(DAT_PSW, (40UL << 20) + 0x80000, 5);
    COMPLETED("a store into a large frame");
    EQUAL(big[0x80000 / 8], 5);
    segments[0][40] |= PROTECT;
    ptlb();
    store(DAT_PSW, (40UL << 20) + 0x80000, 6);
    SUPPRESSED("a store into a protected large frame", 0x04, 6);
    // Prefixing does not apply to a segment-frame absolute address; it does to the pages of the identity map.
    segments[0][40] = FORMAT_CONTROL;
    ptlb();
    EQUAL(fetch(DAT_PSW, (40UL << 20) + 0x1b8), lc(u64, 0x1b8));
    // 2 GiB frames.
    load_control(1, (u64)region_3 | 4 | 3);
    region_3[1] = 4 | FORMAT_CONTROL;
    EQUAL(fetch(DAT_PSW, (1UL << 31) + (u64)big), 0x1111);
    COMPLETED("LG of a 2 GiB frame");
    region_3[1] = 4 | INVALID;
    // Protection of region-table entries counts under EDAT.
    region_3[2] = region_3[0] | PROTECT;
    store(DAT_PSW, (2UL << 31) + V + 8, 6);
    SUPPRESSED("a store into a protected region", 0x04, 6);
    load_control(0, cr0);
    ptlb();
    store(DAT_PSW, (2UL << 31) + V + 8, 6);
    COMPLETED("a store into a protected region without EDAT");
    region_3[2] = 4 | INVALID;
    load_control(1, asce(0));
    // The frame's own key.
    load_control(0, cr0 | BIT(40));
    set_key((u64)big, 0);
    segments[0][40] = (u64)big | FORMAT_CONTROL | 1UL << 16 | 0x3000 | 0x800;
    ptlb();
    EQUAL(fetch(DAT_PSW | PSW_KEY(3), 40UL << 20), 0x1111);
    COMPLETED("LG with the frame's key");
    (void)fetch(DAT_PSW | PSW_KEY(4), 40UL << 20);
    SUPPRESSED("LG with another key", 0x04, 6);
    segments[0][40] = INVALID;
    load_control(0, cr0);
    ptlb();

    TEST("instruction-execution protection");
    *(u32 *)frames[0][2] = 0x0aff0aff;
    IN(2) = V + 0x2000;
    pages[0][2] |= PAGE_IEP;
    RUN(DAT_PSW, "br 2");
    COMPLETED("a branch into a page without the control");
    load_control(0, cr0 | BIT(43));
    RUN(DAT_PSW, "br 2");
    EQUAL(last.class, CLASS_PROGRAM);
    EQUAL(last.code, 0x04);
    EQUAL(last.old.address & ~7UL, V + 0x2000);
    EQUAL(last.translation_exception & ~0x800UL, (V + 0x2000) | 0x84);
    EQUAL(fetch(DAT_PSW, V + 0x2000) >> 32, 0x0aff0aff);
    RUN(DAT_PSW, "ex 0,0(2)");
    EQUAL(last.code, 0x04);
    pages[0][2] &= ~(u64)PAGE_IEP;
    load_control(0, cr0);
    ptlb();
}

static void real_addresses(void)
{
    TEST("LRA, LURA, STURA");
    static const struct { u64 address; u64 cc; u64 value; } cases[] = {
        { V + 0x1234, 0, 0 },
        { V + 0x5000, 2, 0 },
        { V + 0x200000, 1, 0 },
    };
    u64 expected[] = { (u64)frames[0][1] + 0x234, (u64)&pages[0][5], (u64)&segments[0][SEGMENT + 2] };
    for (u32 i = 0; i < 3; ++i) {
        IN(2) = cases[i].address;
        RUN(HOME_PSW, "lrag 3,0(2)");
        COMPLETED("LRAG");
        EQUAL(LAST_CC, cases[i].cc);
        EQUAL(last.registers[3], expected[i]);
    }
    IN(2) = 1UL << 31;
    RUN(HOME_PSW, "lrag 3,0(2)");
    EQUAL(LAST_CC, 3);
    EQUAL((u32)last.registers[3], 0x80000038);
    IN(2) = (u64)frames[0][0];
    RUN(DAT_PSW, "lurag 3,2");
    EQUAL(last.registers[3], 0xa000);
    IN(3) = 77;
    IN(2) = (u64)&frames[0][0][9];
    RUN(DAT_PSW, "sturg 3,2");
    EQUAL(frames[0][0][9], 77);
    IN(2) = 4 + (u64)frames;
    RUN(DAT_PSW, "lurag 3,2");
    SUPPRESSED("LURAG unaligned", 0x06, 4);
    IN(2) = 0x10000000000UL;
    RUN(DAT_PSW, "lurag 3,2");
    SUPPRESSED("LURAG outside storage", 0x05, 4);
    // TPROT.
    IN(3) = 0;
    IN(2) = V;
    RUN(DAT_PSW, "tprot 0(2),0(3)");
    EQUAL(LAST_CC, 0);
    pages[0][1] |= PROTECT;
    ptlb();
    IN(2) = V + 0x1000;
    RUN(DAT_PSW, "tprot 0(2),0(3)");
    EQUAL(LAST_CC, 1);
    pages[0][1] &= ~(u64)PROTECT;
    IN(2) = V + 0x5000;
    RUN(DAT_PSW, "tprot 0(2),0(3)");
    EQUAL(LAST_CC, 3);
}

static void purges(void)
{
    TEST("purges");
    // IPTE.
    EQUAL(fetch(DAT_PSW, V), 0xa000);
    IN(2) = (u64)pages[0];
    IN(3) = V;
    RUN(HOME_PSW, "ipte 2,3");
    EQUAL(pages[0][0], (u64)frames[0][0] | PAGE_INVALID);
    (void)fetch(DAT_PSW, V);
    NULLIFIED("a page after IPTE", 0x11, 6);
    pages[0][0] = (u64)frames[0][3];
    EQUAL(fetch(DAT_PSW, V), 0xa003);
    pages[0][0] = (u64)frames[0][0];
    ptlb();
    EQUAL(fetch(DAT_PSW, V), 0xa000);
    // IDTE: invalidation and clearing.
    IN(2) = (u64)segments[0];
    IN(3) = V;
    IN(4) = 0;
    RUN(HOME_PSW, "idte 2,4,3");
    EQUAL(segments[0][SEGMENT], (u64)pages[0] | INVALID);
    (void)fetch(DAT_PSW, V);
    NULLIFIED("a segment after IDTE", 0x10, 6);
    segments[0][SEGMENT] = (u64)pages[1];
    EQUAL(fetch(DAT_PSW, V), 0xa100);
    segments[0][SEGMENT] = (u64)pages[0];
    IN(3) = 0x800;
    IN(4) = asce(0);
    RUN(HOME_PSW, "idte 2,4,3");
    EQUAL(fetch(DAT_PSW, V), 0xa000);
    // CSPG with the purge bit, and CSP.
    static volatile u64 word __attribute__((aligned(8)));
    word = 1;
    IN(2) = 1;
    IN(3) = 2;
    IN(4) = (u64)&word | 1;
    pages[0][0] = (u64)frames[0][3];
    RUN(HOME_PSW, "cspg 2,4");
    EQUAL(LAST_CC, 0);
    EQUAL(word, 2);
    EQUAL(fetch(DAT_PSW, V), 0xa003);
    RUN(HOME_PSW, "cspg 2,4");
    EQUAL(LAST_CC, 1);
    EQUAL(last.registers[2], 2);
    pages[0][0] = (u64)frames[0][0];
    ptlb();
    // Another ASCE: no purge is needed, and going back finds the first space again.
    EQUAL(fetch(DAT_PSW, V), 0xa000);
    load_control(1, asce(2));
    EQUAL(fetch(DAT_PSW, V), 0xa200);
    load_control(1, asce(0));
    EQUAL(fetch(DAT_PSW, V), 0xa000);
    // Code: a branch into a page whose frame changes.
    *(u64 *)frames[0][2] = 0xa73900010aff0affUL;
    *(u64 *)frames[1][2] = 0xa73900020aff0affUL;
    IN(2) = V + 0x2000;
    RUN(DAT_PSW, "br 2");
    EQUAL(last.registers[3], 1);
    pages[0][2] = (u64)frames[1][2];
    ptlb();
    RUN(DAT_PSW, "br 2");
    EQUAL(last.registers[3], 2);
    IN(4) = (u64)pages[0];
    RUN(HOME_PSW, "ipte 4,2");
    pages[0][2] = (u64)frames[0][2];
    RUN(DAT_PSW, "br 2");
    EQUAL(last.registers[3], 1);
    load_control(1, asce(1));
    RUN(DAT_PSW, "br 2");
    EQUAL(last.registers[3], 2);
    load_control(1, asce(0));
    RUN(DAT_PSW, "br 2");
    EQUAL(last.registers[3], 1);
}

int main(void)
{
    set_up();
    walks();
    protection();
    enhanced_dat();
    real_addresses();
    purges();
    return 0;
}
