// Three CPUs at once on one page of code: one stores into it, invalidates its translation, changes its key and sends signals, the others
// execute it through their own address space. Whatever they see has been stored, and never goes back.
// zvisor: --cpus 3

#include "lib/identity.h"

enum { FUNCTIONS = 8, ROUNDS = 1500 };

static segment_table segments;
static u64 pages[256] __attribute__((aligned(2048)));
static u16 code[1][2048] __attribute__((aligned(4096)));

static volatile u64 stopping;
static volatile struct {
    u64 calls, wrong, backwards, faults, signals;
    u64 pad[11];
} seen[3];

static void set_up(void)
{
    map_identity(segments);
    for (u64 i = 0; i < 256; ++i)
        pages[i] = PAGE_INVALID;
    segments[SEGMENT] = (u64)pages;
    pages[0] = (u64)code[0];
    for (u32 i = 0; i < FUNCTIONS; ++i) {
        // LGHI 2,0; BR 14
        code[0][i * 4] = 0xa729;
        code[0][i * 4 + 1] = 0;
        code[0][i * 4 + 2] = 0x07fe;
    }
}

static int on_program(const struct outcome *what, struct psw *resume)
{
    (void)resume;
    if (what->code != 0x11)
        return 0;
    seen[cpu_address()].faults++;
    return 1;
}

static int on_external(const struct outcome *what, struct psw *resume)
{
    (void)resume;
    if (what->code != 0x1201)
        return 0;
    seen[cpu_address()].signals++;
    return 1;
}

static void execute(void)
{
    u32 me = cpu_address();
    u64 before[FUNCTIONS] = { 0 };
    load_control(1, (u64)segments | 3);
    load_control(0, 0xe0UL | 0x4000);
    static u8 old;
    asm volatile("stosm %0,5" : "=Q"(old) : : "memory");
    while (!stopping)
        for (u32 i = 0; i < FUNCTIONS; ++i) {
            u64 value = ((u64(*)(void))(V + i * 8))();
            seen[me].wrong += value > ROUNDS;
            seen[me].backwards += value < before[i];
            before[i] = value;
            seen[me].calls++;
        }
    asm volatile("stnsm %0,0xfa" : "=Q"(old) : : "memory");
}

static void change(u64 i)
{
    *(volatile u16 *)&code[0][i % FUNCTIONS * 4 + 1] = (u16)i;
    if (i % 16 == 0) {
        // The whole page over itself: the same code, stored anew.
        asm volatile("lgr 2,%0\n lgr 4,%0\n lghi 3,64\n lghi 5,64\n 0: mvcle 2,4,0\n jo 0b" : : "a"(code[0]) : "2", "3", "4", "5", "cc", "memory");
    }
    if (i % 64 == 0) {
        asm volatile("ipte %0,%1" : : "a"(pages), "a"(V) : "memory");
        *(volatile u64 *)&pages[0] = (u64)code[0];
    }
    if (i % 100 == 0)
        set_key((u64)code[0], (u8)(i & 0xf0));
    if (i % 50 == 0)
        sigp((u16)(1 + i / 50 % 2), SIGP_EMERGENCY, 0, 0);
}

int main(void)
{
    TEST("code that is changed, moved away and signalled about while two CPUs execute it");
    set_up();
    HOOK(CLASS_PROGRAM) = on_program;
    HOOK(CLASS_EXTERNAL) = on_external;
    start_program(1, execute);
    start_program(2, execute);
    u64 end = tod() + (4UL << 32);
    u64 i = 1;
    for (; i <= ROUNDS && tod() < end; ++i)
        change(i);
    for (u16 cpu = 1; cpu < 3; ++cpu) {
        u64 from = seen[cpu].calls;
        for (u64 limit = tod() + (20UL << 32); seen[cpu].calls < from + 1000 && tod() < limit; relax())
            ;
        CHECK(seen[cpu].calls > 1000);
    }
    stopping = 1;
    for (u16 cpu = 1; cpu < 3; ++cpu) {
        wait_stopped(cpu);
        EQUAL(seen[cpu].wrong, 0);
        EQUAL(seen[cpu].backwards, 0);
    }
    HOOK(CLASS_PROGRAM) = 0;
    HOOK(CLASS_EXTERNAL) = 0;
    set_key((u64)code[0], 0);
    // All of them see the last values now.
    for (u64 f = 0; f < FUNCTIONS; ++f)
        EQUAL(((u64(*)(void))&code[0][f * 4])(), code[0][f * 4 + 1]);
    say_number("  rounds:", i);
    say_number("  calls:", seen[1].calls + seen[2].calls);
    say_number("  faults:", seen[1].faults + seen[2].faults);
    say_number("  signals:", seen[1].signals + seen[2].signals);
    return 0;
}
