// Code that goes from page to page while translations are purged: each page is executed where it is now (PoP ch. 3, "Translation Lookaside Buffer").

#include "lib/identity.h"

enum { PAGES = 16, ROUNDS = 200, CALLS = 40 };

static segment_table segments;
static u64 pages[256] __attribute__((aligned(2048)));
/// Each page adds its number, or a hundred times that, and goes on in the next; the last one returns.
static u16 code[2][PAGES][2048] __attribute__((aligned(4096)));
static u32 shown[PAGES];

static void set_up(void)
{
    map_identity(segments);
    for (u64 i = 0; i < 256; ++i)
        pages[i] = i < PAGES ? (u64)code[0][i] : PAGE_INVALID;
    segments[SEGMENT] = (u64)pages;
    for (u32 set = 0; set < 2; ++set) {
        for (u32 page = 0; page < PAGES; ++page) {
            u16 *at = code[set][page];
            at[0] = 0xa72b; // AGHI 2
            at[1] = (u16)((page + 1) * (set ? 100 : 1));
            at[2] = page + 1 < PAGES ? 0xc0f4 : 0x07fe; // BRCL 15 or BR 14
            at[3] = 0;
            at[4] = 2048 - 2;
        }
    }
    load_control(1, (u64)segments | 3);
    static u8 old;
    asm volatile("stosm %0,4" : "=Q"(old) : : "memory");
}

static u64 expected(void)
{
    u64 sum = 0;
    for (u32 page = 0; page < PAGES; ++page)
        sum += (page + 1) * (shown[page] ? 100 : 1);
    return sum;
}

static u64 call(void)
{
    register u64 sum asm("2") = 0;
    register u64 at asm("1") = V;
    asm volatile("basr 14,1" : "+d"(sum), "+d"(at) : : "14", "cc", "memory");
    return sum;
}

static void ptlb(void) { asm volatile("ptlb" : : : "memory"); }
static void ipte(u64 page) { asm volatile("ipte %0,%1" : : "a"(pages), "a"(V + page * 4096) : "memory"); }
static void idte(void) { asm volatile(".insn rrf,0xb98e0000,%0,%1,0,0" : : "a"(segments), "a"(V) : "memory"); }
static void idte_asce(void) { asm volatile(".insn rrf,0xb98e0000,0,%0,%1,0" : : "a"(0x800UL), "a"((u64)segments | 3) : "memory"); }

static void show(u64 page)
{
    shown[page] = !shown[page];
    *(volatile u64 *)&pages[page] = (u64)code[shown[page]][page];
}

static void purge_only(u64 page) { (void)page; ptlb(); }
static void purge_the_space(u64 page) { (void)page; idte_asce(); }
static void move_by_ipte(u64 page) { ipte(page); show(page); }
static void move_by_ptlb(u64 page) { show(page); ptlb(); }
static void move_by_asce(u64 page) { show(page); idte_asce(); }
static void move_by_segment(u64 page)
{
    idte();
    show(page);
    *(volatile u64 *)&segments[SEGMENT] = (u64)pages;
}
/// What two purges leave in doubt is one look's work.
static void move_between_purges(u64 page)
{
    ptlb();
    (void)call();
    show(page);
    ptlb();
}

int main(void)
{
    set_up();
    static void (*const ways[])(u64) = { purge_only, purge_the_space, move_by_ipte, purge_only, move_by_ptlb, move_by_asce, purge_the_space, move_by_segment, move_between_purges };
    TEST("code in pages that move");
    u64 wrong = 0;
    for (u32 i = 0; i < ROUNDS; ++i) {
        ways[i % (sizeof ways / sizeof *ways)](i * 7 % PAGES);
        for (u32 j = 0; j < CALLS; ++j)
            wrong += call() != expected();
    }
    EQUAL(wrong, 0);
    return 0;
}
