// Prefixing: the exchange of the first 8 KiB of real storage with the prefix area of absolute storage (PoP ch. 3, "Prefixing").

#include "lib/guest.h"

static u8 area[2][8192] __attribute__((aligned(8192)));
static u64 table[2048] __attribute__((aligned(16384)));
static u64 pages[16][256] __attribute__((aligned(2048)));

static void set_prefix(u64 value)
{
    u32 word = (u32)value;
    asm volatile("spx %0" : : "Q"(word) : "memory");
}
static u64 prefix(void)
{
    u32 word;
    asm volatile("stpx %0" : "=Q"(word));
    return word;
}
static volatile u64 *at(u64 address) { return (volatile u64 *)address; }

enum { PLACE = 0x800 };

static void exchange(void)
{
    TEST("exchange");
    EQUAL(prefix(), 0);
    prepare_prefix_area((u64)area[0]);
    prepare_prefix_area((u64)area[1]);
    *at(PLACE) = 0xa;
    *at((u64)area[0] + PLACE) = 0xb;
    *at((u64)area[1] + PLACE) = 0xc;
    *at((u64)area[0] + 8192 - 8) = 0xd;
    *at(0x1ff8) = 0xe;
    set_prefix((u64)area[0]);
    EQUAL(prefix(), (u64)area[0]);
    EQUAL(*at(PLACE), 0xb);
    EQUAL(*at((u64)area[0] + PLACE), 0xa);
    EQUAL(*at((u64)area[1] + PLACE), 0xc);
    EQUAL(*at(0x1ff8), 0xd);
    EQUAL(*at((u64)area[0] + 8192 - 8), 0xe);
    *at(PLACE) = 0x1b;
    *at((u64)area[0] + PLACE) = 0x1a;
    set_prefix((u64)area[1]);
    EQUAL(*at(PLACE), 0xc);
    EQUAL(*at((u64)area[0] + PLACE), 0x1b);
    EQUAL(*at((u64)area[1] + PLACE), 0x1a);
    set_prefix(0);
    EQUAL(*at(PLACE), 0x1a);
    EQUAL(*at((u64)area[0] + PLACE), 0x1b);
    // The rightmost 13 bits and the leftmost one are ignored.
    set_prefix((u64)area[0] + 0x1234);
    EQUAL(prefix(), (u64)area[0]);
    set_prefix(0);
}

static void interruptions(void)
{
    TEST("interruptions use the prefix area");
    set_prefix((u64)area[0]);
    RUN(HOME_PSW, ".short 0");
    SUPPRESSED("an operation exception", 0x01, 2);
    u64 old = *at(0x158);
    set_prefix(0);
    EQUAL(*at((u64)area[0] + 0x158), old);
    EQUAL(*(u16 *)(area[0] + 0x8e), 1);
    TEST("STFL stores by real address");
    set_prefix((u64)area[0]);
    asm volatile("stfl 0" : : : "memory");
    set_prefix(0);
    CHECK(*(u32 *)(area[0] + 0xc8) & 0x40000000);
}

static void keys(void)
{
    TEST("keys are those of absolute blocks");
    set_key(0, 0x10);
    set_key((u64)area[0], 0x20);
    set_prefix((u64)area[0]);
    EQUAL(get_key(0) & 0xf0, 0x20);
    EQUAL(get_key((u64)area[0]) & 0xf0, 0x10);
    set_key(0, 0x30);
    set_prefix(0);
    EQUAL(get_key((u64)area[0]) & 0xf0, 0x30);
    set_key(0, 0);
    set_key((u64)area[0], 0);
}

static void translated(void)
{
    TEST("translated addresses are prefixed");
    for (u64 i = 0; i < 16; ++i) {
        table[i] = (u64)pages[i];
        for (u64 j = 0; j < 256; ++j)
            pages[i][j] = i << 20 | j << 12;
    }
    for (u64 i = 16; i < 2048; ++i)
        table[i] = 0x20;
    u64 to_area = (u64)area[0];
    pages[15][0] = 0;
    pages[15][1] = to_area;
    load_control(1, (u64)table | 3);
    *at(PLACE) = 0xa;
    *at(to_area + PLACE) = 0xb;
    static const u64 base = 15UL << 20;
    IN(2) = base + PLACE;
    RUN(HOME_PSW | PSW_DAT, "lg 3,0(2)\n lay 2,0x1000(2)\n lg 4,0(2)");
    EQUAL(last.registers[3], 0xa);
    EQUAL(last.registers[4], 0xb);
    set_prefix(to_area);
    IN(2) = base + PLACE;
    RUN(HOME_PSW | PSW_DAT, "lg 3,0(2)\n lay 2,0x1000(2)\n lg 4,0(2)");
    EQUAL(last.registers[3], 0xb);
    EQUAL(last.registers[4], 0xa);
    IN(2) = base + PLACE;
    RUN(HOME_PSW, "lrag 3,0(2)");
    EQUAL(last.registers[3], PLACE);
    IN(2) = PLACE;
    RUN(HOME_PSW | PSW_DAT, "lurag 3,2");
    EQUAL(last.registers[3], 0xb);
    set_prefix(0);
}

static void exceptions(void)
{
    TEST("SET PREFIX and STORE PREFIX");
    static u32 word[2] __attribute__((aligned(8)));
    IN(2) = (u64)word;
    word[0] = 0x7fffe000;
    RUN(HOME_PSW, "spx 0(2)");
    SUPPRESSED("SPX outside storage", 0x05, 4);
    EQUAL(prefix(), 0);
    RUN(HOME_PSW, "spx 2(2)");
    SUPPRESSED("SPX unaligned", 0x06, 4);
    RUN(HOME_PSW, "stpx 2(2)");
    SUPPRESSED("STPX unaligned", 0x06, 4);
    RUN(HOME_PSW | PSW_PROBLEM, "spx 0(2)");
    SUPPRESSED("SPX in problem state", 0x02, 4);
    RUN(HOME_PSW | PSW_PROBLEM, "stpx 0(2)");
    SUPPRESSED("STPX in problem state", 0x02, 4);
    word[0] = 64 << 20;
    RUN(HOME_PSW, "spx 0(2)");
    SUPPRESSED("SPX behind storage", 0x05, 4);
    IN(2) = 0x10000000000UL;
    RUN(HOME_PSW, "stpx 0(2)");
    SUPPRESSED("STPX outside storage", 0x05, 4);
}

int main(void)
{
    exchange();
    interruptions();
    keys();
    translated();
    exceptions();
    return 0;
}
