// What one CPU changes of tables and keys holds for the other CPU's accesses once the instruction is complete: IPTE, IDTE, CSPG, SSKE (PoP ch. 3, 10).
// zvisor: --cpus 2

#include "lib/identity.h"

enum { ROUNDS = 20, CHANGE = 2, REFERENCE = 4 };

static segment_table segments;
static u64 pages[256] __attribute__((aligned(2048)));
static volatile u64 frames[2][512] __attribute__((aligned(4096)));
static u16 code[2][2048] __attribute__((aligned(4096)));

/// CPU 1 waits in its handler while this is set.
static volatile u64 blocked;
static volatile u64 stopping, faults, progress, wrong_code;
static volatile u16 fault_code;

static void set_up(void)
{
    map_identity(segments);
    for (u64 i = 0; i < 256; ++i)
        pages[i] = PAGE_INVALID;
    segments[SEGMENT] = (u64)pages;
    pages[0] = (u64)frames[0];
    for (u32 i = 0; i < 2; ++i) {
        code[i][0] = 0xa729;
        code[i][1] = (u16)(i + 1);
        code[i][2] = 0x07fe;
    }
}

static int on_program(const struct outcome *what, struct psw *resume)
{
    (void)resume;
    if (lc(u64, LC_RUN_ACTIVE))
        return 0;
    faults++;
    fault_code = what->code;
    while (blocked && !stopping)
        relax();
    return 1;
}

static void dat_on(void)
{
    load_control(1, (u64)segments | 3);
    static u8 old;
    asm volatile("stosm %0,4" : "=Q"(old) : : "memory");
}

/// Stores ever higher numbers at V.
static void store_at_v(void)
{
    dat_on();
    u64 n = 0;
    while (!stopping) {
        *(volatile u64 *)V = ++n;
        progress = n;
    }
}

/// The same with key 3: only the store itself, since nothing else may be stored with that key.
static void store_with_key(void)
{
    u64 n = 0;
    while (!stopping) {
        ++n;
        asm volatile("spka 0x30\n stg %1,%0\n spka 0" : "=m"(frames[0][0]) : "d"(n) : "memory");
        progress = n;
    }
}

static void call_at_v(void)
{
    dat_on();
    while (!stopping) {
        u64 value = ((u64(*)(void))V)();
        wrong_code += value != frames[1][1];
        progress++;
    }
}

static int moves_on(void)
{
    u64 from = progress;
    for (u64 end = tod() + (20UL << 32); tod() < end; relax())
        if (progress > from + 3)
            return 1;
    return 0;
}

static void start(void (*program)(void))
{
    stopping = blocked = faults = progress = 0;
    start_program(1, program);
    CHECK(moves_on());
}

static void stop(void)
{
    stopping = 1;
    blocked = 0;
    wait_stopped(1);
}

/// Invalidates, sees that nothing is stored any more, and lets the other CPU go on in the other frame.
static void rounds(void (*invalidate)(void), void (*validate)(u64 frame))
{
    u64 late = 0, stuck = 0;
    u64 now = 0;
    for (u32 i = 0; i < ROUNDS; ++i) {
        blocked = 1;
        invalidate();
        u64 before = frames[now][0];
        delay(20);
        late += frames[now][0] != before;
        now = !now;
        validate((u64)frames[now]);
        blocked = 0;
        if (i % 8 == 0)
            stuck += !moves_on();
    }
    EQUAL(late, 0);
    EQUAL(stuck, 0);
    CHECK(faults > 0);
    if (now)
        validate((u64)frames[0]);
}

static void ipte(void) { asm volatile("ipte %0,%1" : : "a"(pages), "a"(V) : "memory"); }
static void set_page(u64 frame) { *(volatile u64 *)&pages[0] = frame; }
static void idte(void) { asm volatile(".insn rrf,0xb98e0000,%0,%1,0,0" : : "a"(segments), "a"(V) : "memory"); }
static void set_segment(u64 frame)
{
    *(volatile u64 *)&pages[0] = frame;
    *(volatile u64 *)&segments[SEGMENT] = (u64)pages;
}
static void cspg(void)
{
    asm volatile("lg 2,%0\n lgr 3,2\n oill 3,0x400\n la 4,%0\n ahi 4,1\n cspg 2,4" : "+Q"(pages[0]) : : "2", "3", "4", "cc", "memory");
}

static void tables(void)
{
    HOOK(CLASS_PROGRAM) = on_program;
    TEST("INVALIDATE PAGE TABLE ENTRY");
    start(store_at_v);
    rounds(ipte, set_page);
    EQUAL(fault_code, 0x11);
    stop();
    TEST("INVALIDATE DAT TABLE ENTRY");
    start(store_at_v);
    rounds(idte, set_segment);
    EQUAL(fault_code, 0x10);
    stop();
    TEST("COMPARE AND SWAP AND PURGE");
    start(store_at_v);
    rounds(cspg, set_page);
    EQUAL(fault_code, 0x11);
    stop();
}

static void keys(void)
{
    TEST("SET STORAGE KEY EXTENDED");
    set_key((u64)frames[0], 0x30);
    start(store_with_key);
    u64 late = 0, unrecorded = 0, stuck = 0;
    for (u32 i = 0; i < ROUNDS; ++i) {
        blocked = 1;
        set_key((u64)frames[0], 0x40);
        u64 before = frames[0][0];
        delay(20);
        late += frames[0][0] != before;
        // Change is recorded anew after it was reset.
        set_key((u64)frames[0], 0x30);
        blocked = 0;
        if (i % 8 == 0) {
            stuck += !moves_on();
            set_key((u64)frames[0], 0x30);
            stuck += !moves_on();
            unrecorded += (get_key((u64)frames[0]) & (CHANGE | REFERENCE)) != (CHANGE | REFERENCE);
        }
    }
    EQUAL(late, 0);
    EQUAL(stuck, 0);
    EQUAL(unrecorded, 0);
    CHECK(faults > 0);
    EQUAL(fault_code, 0x04);
    stop();
    set_key((u64)frames[0], 0);
}

static void instructions(void)
{
    TEST("code in a page that is invalidated");
    pages[0] = (u64)code[0];
    frames[1][1] = 1;
    wrong_code = 0;
    start(call_at_v);
    u64 late = 0, stuck = 0;
    for (u32 i = 1; i <= ROUNDS; ++i) {
        blocked = 1;
        ipte();
        u64 before = progress;
        delay(20);
        // The call under way when the page went may still count, however late: no second one may.
        late += progress > before + 1;
        frames[1][1] = i % 2 + 1;
        set_page((u64)code[i % 2]);
        blocked = 0;
        stuck += !moves_on();
    }
    EQUAL(late, 0);
    EQUAL(stuck, 0);
    // The value compared with changes while a call may be between its return and the comparison.
    CHECK(wrong_code <= ROUNDS);
    EQUAL(fault_code, 0x11);
    u64 wrong = wrong_code;
    CHECK(moves_on());
    CHECK(moves_on());
    EQUAL(wrong_code, wrong);
    stop();
    HOOK(CLASS_PROGRAM) = 0;
}

int main(void)
{
    set_up();
    tables();
    keys();
    instructions();
    return 0;
}
