// Timing facilities: TOD clock, clock comparator, CPU timer and their interruptions (PoP ch. 4, "Timing").
// zvisor: --cpus 2

#include "lib/guest.h"

enum { COMPARATOR_MASK = 0x800, TIMER_MASK = 0x400, CODE_COMPARATOR = 0x1004, CODE_TIMER = 0x1005 };
#define MICROSECOND 4096UL
#define MILLISECOND (1000 * MICROSECOND)
#define NEVER (~0UL)

static u64 cr0;
static u64 count;
static u16 codes[8];
static u64 taken_at;

static u64 stck(void)
{
    u64 t;
    asm volatile("stck %0" : "=Q"(t) : : "cc");
    return t;
}
static void set_comparator(u64 value) { asm volatile("sckc %0" : : "Q"(value)); }
static u64 comparator(void)
{
    u64 value;
    asm volatile("stckc %0" : "=Q"(value));
    return value;
}
static void set_timer(u64 value) { asm volatile("spt %0" : : "Q"(value)); }
static u64 timer(void)
{
    u64 value;
    asm volatile("stpt %0" : "=Q"(value));
    return value;
}

/// Quiets the timer that interrupted.
static int take(const struct outcome *what, struct psw *resume)
{
    if (what->code == 0x2401)
        return 0;
    taken_at = tod();
    if (count < 8)
        codes[count] = what->code;
    count++;
    if (what->code == CODE_COMPARATOR)
        set_comparator(NEVER);
    if (what->code == CODE_TIMER)
        set_timer(1UL << 62);
    resume->mask &= ~PSW_WAIT;
    return 1;
}

static void expect_pending(u64 mask, u64 expected, int line)
{
    count = 0;
    load_control(0, cr0 | mask);
    open_window(PSW_EXTERNAL);
    load_control(0, cr0);
    equal_at(count, expected, "interruptions taken", line);
}
#define EXPECT_PENDING(mask, expected) expect_pending(mask, expected, __LINE__)

static void clock(void)
{
    TEST("TOD clock");
    u64 before = stck();
    u64 bad = 0;
    for (u32 i = 0; i < 5000; ++i) {
        u64 now = stck();
        bad += now <= before;
        before = now;
    }
    EQUAL(bad, 0);
    u64 extended[2][2];
    for (u32 i = 0; i < 2000; ++i) {
        asm volatile("stcke %0\n stcke %1" : "=Q"(extended[0]), "=Q"(extended[1]) : : "cc");
        bad += (extended[0][0] << 8 | extended[0][1] >> 56) > (extended[1][0] << 8 | extended[1][1] >> 56);
        bad += extended[0][0] == extended[1][0] && extended[0][1] >= extended[1][1];
    }
    EQUAL(bad, 0);
    u64 t = stck();
    u64 e = extended[1][0] << 8 | extended[1][1] >> 56;
    CHECK(t > e && t - e < 1000 * MILLISECOND);
    asm volatile("lghi 0,0x1234\n sckpf" : : : "0");
    asm volatile("stcke %0" : "=Q"(extended[0]) : : "cc");
    EQUAL(extended[0][1] & 0xffff, 0x1234);
    asm volatile("lghi 0,0\n sckpf" : : : "0");
    IN(2) = 0x12340000;
    RUN2(HOME_PSW, "lgr 0,2", "sckpf");
    SUPPRESSED("SCKPF of a value with reserved bits", 0x06, 2);
    static u64 area[3];
    IN(2) = (u64)area + 1;
    RUN(HOME_PSW, "stck 0(2)");
    COMPLETED("STCK unaligned");
    EQUAL(LAST_CC, 0);
    RUN(HOME_PSW, "stcke 0(2)");
    COMPLETED("STCKE unaligned");
    RUN(HOME_PSW, "sckc 0(2)");
    SUPPRESSED("SCKC unaligned", 0x06, 4);
    RUN(HOME_PSW, "spt 0(2)");
    SUPPRESSED("SPT unaligned", 0x06, 4);
    RUN(HOME_PSW, "stpt 0(2)");
    SUPPRESSED("STPT unaligned", 0x06, 4);
    RUN(HOME_PSW, "sck 0(2)");
    SUPPRESSED("SCK unaligned", 0x06, 4);
    IN(2) = (u64)area;
    RUN(HOME_PSW | PSW_PROBLEM, "sckc 0(2)");
    SUPPRESSED("SCKC in problem state", 0x02, 4);
    RUN(HOME_PSW | PSW_PROBLEM, "stpt 0(2)");
    SUPPRESSED("STPT in problem state", 0x02, 4);
    RUN(HOME_PSW | PSW_PROBLEM, "stck 0(2)");
    COMPLETED("STCK in problem state");
}

static void clock_comparator(void)
{
    TEST("clock comparator");
    set_comparator(0x123456789abcdef0);
    EQUAL(comparator() >> 12, 0x123456789abcd);
    set_comparator(0);
    EXPECT_PENDING(TIMER_MASK, 0);
    EXPECT_PENDING(COMPARATOR_MASK, 1);
    EQUAL(codes[0], CODE_COMPARATOR);
    EXPECT_PENDING(COMPARATOR_MASK, 0);
    set_comparator(tod() + 60000 * MILLISECOND);
    EXPECT_PENDING(COMPARATOR_MASK, 0);
    // It comes by itself, and not before its time.
    for (u32 i = 0; i < 3; ++i) {
        count = 0;
        u64 goal = tod() + 3 * MILLISECOND;
        set_comparator(goal);
        load_control(0, cr0 | COMPARATOR_MASK);
        u64 end = goal + 2000 * MILLISECOND;
        while (!count && tod() < end)
            open_window(PSW_EXTERNAL);
        load_control(0, cr0);
        EQUAL(count, 1);
        CHECK(taken_at >= goal);
    }
    TEST("clock comparator in a loop without system operations");
    count = 0;
    u64 goal = tod() + 5 * MILLISECOND;
    set_comparator(goal);
    load_control(0, cr0 | COMPARATOR_MASK);
    // The loop ends when the interruption's handler has changed what it looks at.
    IN(2) = (u64)&count;
    RUN(HOME_PSW | PSW_EXTERNAL, "775: ltg 3,0(2)\n jz 775b");
    COMPLETED("the loop");
    EQUAL(count, 1);
    CHECK(taken_at >= goal);
    TEST("clock comparator ends a wait");
    for (u32 i = 0; i < 5; ++i) {
        count = 0;
        goal = tod() + 2 * MILLISECOND;
        set_comparator(goal);
        open_window(PSW_EXTERNAL | PSW_WAIT);
        EQUAL(count, 1);
        CHECK(taken_at >= goal && taken_at < goal + 4000 * MILLISECOND);
    }
    load_control(0, cr0);
    set_comparator(NEVER);
}

static void cpu_timer(void)
{
    TEST("CPU timer");
    set_timer(1000 * MILLISECOND);
    u64 a = timer();
    u64 b = timer();
    CHECK(a <= 1000 * MILLISECOND && b <= a && b > 0);
    u64 from = tod();
    delay(3000);
    u64 c = timer();
    u64 passed = tod() - from;
    CHECK(b - c >= 2 * MILLISECOND && b - c <= passed + 100 * MILLISECOND);
    EXPECT_PENDING(TIMER_MASK, 0);
    set_timer(-1UL);
    EXPECT_PENDING(COMPARATOR_MASK, 0);
    EXPECT_PENDING(TIMER_MASK, 1);
    EQUAL(codes[0], CODE_TIMER);
    set_timer((1UL << 63) + (1UL << 40));
    EXPECT_PENDING(TIMER_MASK, 1);
    set_timer(2 * MILLISECOND);
    count = 0;
    load_control(0, cr0 | TIMER_MASK);
    IN(2) = (u64)&count;
    RUN(HOME_PSW | PSW_EXTERNAL, "775: ltg 3,0(2)\n jz 775b");
    EQUAL(count, 1);
    EQUAL(codes[0], CODE_TIMER);
    load_control(0, cr0);
    TEST("both timers, comparator first");
    set_timer(-1UL);
    set_comparator(0);
    EXPECT_PENDING(TIMER_MASK | COMPARATOR_MASK, 2);
    EQUAL(codes[0], CODE_COMPARATOR);
    EQUAL(codes[1], CODE_TIMER);
}

static void set_clock(void)
{
    TEST("SET CLOCK");
    u64 now = tod();
    static u64 value __attribute__((aligned(8)));
    value = now + (1000UL << 32);
    set_timer(5000 * MILLISECOND);
    set_comparator(now + (500UL << 32));
    EXPECT_PENDING(COMPARATOR_MASK, 0);
    IN(2) = (u64)&value;
    RUN(HOME_PSW, "sck 0(2)");
    COMPLETED("SCK");
    if (LAST_CC != 0)
        return;
    u64 after = tod();
    CHECK(after >= value && after - value < 5000 * MILLISECOND);
    u64 left = timer();
    CHECK(left <= 5000 * MILLISECOND && left > 0);
    EXPECT_PENDING(COMPARATOR_MASK, 1);
    // Backwards.
    value = now;
    set_comparator(now + (500UL << 32));
    RUN(HOME_PSW, "sck 0(2)");
    EXPECT_PENDING(COMPARATOR_MASK, 0);
    CHECK(tod() < now + (100UL << 32));
    left = timer();
    CHECK(left <= 5000 * MILLISECOND && left > 0);
    set_comparator(NEVER);
}

static volatile u64 turn, clock_of_other, backwards, woken;

static void answer_clock(void)
{
    for (u64 i = 1; i <= 50; ++i) {
        while (turn != 2 * i - 1)
            relax();
        u64 now = stck();
        backwards += now <= clock_of_other;
        clock_of_other = now;
        turn = 2 * i;
    }
    // Its own clock comparator ends its own wait.
    u64 goal = tod() + 2 * MILLISECOND;
    set_comparator(goal);
    load_control(0, cr0 | COMPARATOR_MASK);
    static struct psw waiting = { PSW_64 | PSW_WAIT | PSW_EXTERNAL, 0 };
    asm volatile("larl 1,1f\n stg 1,8(%0)\n lpswe 0(%0)\n1:" : : "a"(&waiting) : "1", "memory");
    woken = tod() >= goal;
}

static void two_cpus(void)
{
    TEST("one clock for two CPUs, timers for each");
    HOOK(CLASS_EXTERNAL) = take;
    turn = 0;
    clock_of_other = stck();
    start_program(1, answer_clock);
    u64 end = tod() + (20UL << 32);
    count = 0;
    for (u64 i = 1; i <= 50 && tod() < end; ++i) {
        u64 now = stck();
        backwards += now <= clock_of_other;
        clock_of_other = now;
        turn = 2 * i - 1;
        while (turn != 2 * i && tod() < end)
            relax();
    }
    EQUAL(turn, 100);
    EQUAL(backwards, 0);
    wait_stopped(1);
    EQUAL(woken, 1);
    EQUAL(count, 1);
    EQUAL(*(u16 *)(prefix_of(1) + 0x86), CODE_COMPARATOR);
    EQUAL(comparator(), NEVER);
}

int main(void)
{
    cr0 = store_control(0);
    HOOK(CLASS_EXTERNAL) = take;
    set_comparator(NEVER);
    set_timer(1UL << 62);
    clock();
    clock_comparator();
    cpu_timer();
    two_cpus();
    set_clock();
    return 0;
}
