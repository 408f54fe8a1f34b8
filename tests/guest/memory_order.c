// What CPUs may see of each other's storage accesses (PoP ch. 5, "Sequence of Storage References", "Relationship between Operand Accesses"):
// litmus tests in batches, and interlocked updates under contention.
// zvisor: --cpus 4

#include "lib/guest.h"

enum { PLACES = 1024, BATCHES = 10, UPDATES = 10000 };

static struct place {
    volatile u64 x;
    u64 pad_x[15];
    volatile u64 y;
    u64 pad_y[15];
} places[PLACES] __attribute__((aligned(4096)));
static volatile u64 seen[4][PLACES][2];
static volatile u64 rendezvous[3];

typedef void role(u32 i);
typedef int verdict(u32 i);
struct litmus {
    const char *name;
    u64 cpus;
    role *roles[4];
    /// True for an outcome the architecture forbids.
    verdict *forbidden;
};
static const struct litmus *volatile running;
static u64 forbidden_outcomes;

static inline void serialize(void) { asm volatile("bcr 15,0" : : : "memory"); }
static inline void fast_serialize(void) { asm volatile("bcr 14,0" : : : "memory"); }

static void judge(void)
{
    for (u32 i = 0; i < PLACES; ++i) {
        forbidden_outcomes += (u64)running->forbidden(i);
        places[i].x = places[i].y = 0;
    }
}

static void act(void)
{
    u64 who = cpu_address();
    for (u64 batch = 0; batch < BATCHES; ++batch) {
        barrier(&rendezvous[0], running->cpus);
        for (u32 i = 0; i < PLACES; ++i)
            running->roles[who](i);
        barrier(&rendezvous[1], running->cpus);
        if (who == 0)
            judge();
        barrier(&rendezvous[2], running->cpus);
    }
}

static void run_litmus(const struct litmus *litmus)
{
    TEST(litmus->name);
    running = litmus;
    forbidden_outcomes = 0;
    rendezvous[0] = rendezvous[1] = rendezvous[2] = 0;
    for (u16 cpu = 1; cpu < litmus->cpus; ++cpu)
        start_program(cpu, act);
    act();
    for (u16 cpu = 1; cpu < litmus->cpus; ++cpu)
        wait_stopped(cpu);
    EQUAL(forbidden_outcomes, 0);
}

// Store buffering: with serialization between, one CPU sees the other's store.
static void sb_0(u32 i) { places[i].x = 1; serialize(); seen[0][i][0] = places[i].y; }
static void sb_1(u32 i) { places[i].y = 1; serialize(); seen[1][i][0] = places[i].x; }
static void sb_fast_0(u32 i) { places[i].x = 1; fast_serialize(); seen[0][i][0] = places[i].y; }
static void sb_fast_1(u32 i) { places[i].y = 1; fast_serialize(); seen[1][i][0] = places[i].x; }
static void sb_cs_0(u32 i)
{
    static u64 word;
    u64 old = 0;
    places[i].x = 1;
    asm volatile("csg %0,%0,%1" : "+d"(old), "+QS"(word) : : "cc", "memory");
    seen[0][i][0] = places[i].y;
}
static void sb_cs_1(u32 i)
{
    static u64 word;
    u64 old = 0;
    places[i].y = 1;
    asm volatile("csg %0,%0,%1" : "+d"(old), "+QS"(word) : : "cc", "memory");
    seen[1][i][0] = places[i].x;
}
static int sb(u32 i) { return seen[0][i][0] == 0 && seen[1][i][0] == 0; }

// Message passing: stores are seen in order, by loads in order.
static void mp_0(u32 i) { places[i].x = 1; places[i].y = 1; }
static void mp_1(u32 i) { seen[1][i][0] = places[i].y; seen[1][i][1] = places[i].x; }
static int mp(u32 i) { return seen[1][i][0] == 1 && seen[1][i][1] == 0; }
// The same with MVC storing and CLC-like byte accesses loading.
static void mp_bytes_0(u32 i)
{
    static const u64 one = 1;
    asm volatile("mvc %O0(8,%R0),%2\n mvc %O1(8,%R1),%2" : "=Q"(places[i].x), "=Q"(places[i].y) : "Q"(one) : "memory");
}

// Load buffering.
static void lb_0(u32 i) { seen[0][i][0] = places[i].y; places[i].x = 1; }
static void lb_1(u32 i) { seen[1][i][0] = places[i].x; places[i].y = 1; }
static int lb(u32 i) { return seen[0][i][0] == 1 && seen[1][i][0] == 1; }

// Two writes each, in opposite order: the last values cannot both be the first writes.
static void ww_0(u32 i) { places[i].x = 1; places[i].y = 2; }
static void ww_1(u32 i) { places[i].y = 1; places[i].x = 2; }
static int ww(u32 i) { return places[i].x == 1 && places[i].y == 1; }

// Coherence: one location's new value is not followed by its old one.
static void co_0(u32 i) { places[i].x = 1; }
static void co_1(u32 i) { seen[1][i][0] = places[i].x; seen[1][i][1] = places[i].x; }
static int co(u32 i) { return seen[1][i][0] == 1 && seen[1][i][1] == 0; }

// Independent reads of independent writes: two readers agree on the order of two writers.
static void iriw_0(u32 i) { places[i].x = 1; }
static void iriw_1(u32 i) { places[i].y = 1; }
static void iriw_2(u32 i) { seen[2][i][0] = places[i].x; seen[2][i][1] = places[i].y; }
static void iriw_3(u32 i) { seen[3][i][0] = places[i].y; seen[3][i][1] = places[i].x; }
static int iriw(u32 i) { return seen[2][i][0] == 1 && seen[2][i][1] == 0 && seen[3][i][0] == 1 && seen[3][i][1] == 0; }

// An aligned quadword is stored and loaded at once.
static void quad_0(u32 i)
{
    for (u64 j = 1; j < 20; ++j)
        asm volatile("lgr 2,%1\n lgr 3,%1\n stpq 2,%0" : "=QS"(places[i].x) : "d"(j) : "2", "3", "memory");
}
static void quad_1(u32 i)
{
    u64 torn = 0;
    for (u64 j = 1; j < 20; ++j) {
        u64 a, b;
        asm volatile("lpq 2,%2\n lgr %0,2\n lgr %1,3" : "=d"(a), "=d"(b) : "QS"(places[i].x) : "2", "3", "memory");
        torn |= a != b;
    }
    seen[1][i][0] = torn;
}
static int quad(u32 i)
{
    places[i].pad_x[0] = 0;
    return seen[1][i][0] != 0;
}

static const struct litmus tests[] = {
    { "store buffering with BCR 15", 2, { sb_0, sb_1 }, sb },
    { "store buffering with BCR 14", 2, { sb_fast_0, sb_fast_1 }, sb },
    { "store buffering with CSG", 2, { sb_cs_0, sb_cs_1 }, sb },
    { "message passing", 2, { mp_0, mp_1 }, mp },
    { "message passing by MVC", 2, { mp_bytes_0, mp_1 }, mp },
    { "load buffering", 2, { lb_0, lb_1 }, lb },
    { "two writes each", 2, { ww_0, ww_1 }, ww },
    { "coherence", 2, { co_0, co_1 }, co },
    { "quadword consistency", 2, { quad_0, quad_1 }, quad },
    { "independent reads of independent writes", 4, { iriw_0, iriw_1, iriw_2, iriw_3 }, iriw },
};

// ---- Interlocked updates -----------------------------------------------------------------------------------------------

static u64 word __attribute__((aligned(16)));
static u64 pair[2] __attribute__((aligned(16)));
static u8 lock;
static volatile u64 guarded;

static void add_cs(void)
{
    u32 *at = (u32 *)&word;
    u32 old = *(volatile u32 *)at;
    asm volatile("0: lr 2,%0\n ahi 2,1\n cs %0,2,%1\n jne 0b" : "+d"(old), "+Q"(*at) : : "2", "cc", "memory");
}
static void add_csg(void)
{
    u64 old = *(volatile u64 *)&word;
    asm volatile("0: lgr 2,%0\n aghi 2,1\n csg %0,2,%1\n jne 0b" : "+d"(old), "+QS"(word) : : "2", "cc", "memory");
}
static void add_cdsg(void)
{
    asm volatile("lmg 2,3,%0\n 0: lgr 4,2\n lgr 5,3\n aghi 4,1\n aghi 5,-1\n cdsg 2,4,%0\n jne 0b" : "+QS"(pair) : : "2", "3", "4", "5", "cc", "memory");
}
static void add_laa(void)
{
    asm volatile("laa 2,%1,%0" : "+QS"(*(u32 *)&word) : "d"(1) : "2", "cc", "memory");
}
static void add_laag(void) { asm volatile("laag 2,%1,%0" : "+QS"(word) : "d"(1UL) : "2", "cc", "memory"); }
static void add_laalg(void) { asm volatile("laalg 2,%1,%0" : "+QS"(word) : "d"(1UL) : "2", "cc", "memory"); }
static void add_asi(void) { asm volatile("asi %0,1" : "+QS"(*(u32 *)&word) : : "cc", "memory"); }
static void add_agsi(void) { asm volatile("agsi %0,1" : "+QS"(word) : : "cc", "memory"); }
static void add_locked(void)
{
    asm volatile("0: ts %0\n jnz 0b" : "+Q"(lock) : : "cc", "memory");
    guarded = guarded + 1;
    asm volatile("mvi %0,0" : "=Q"(lock) : : "memory");
}
static struct update {
    const char *name;
    void (*once)(void);
    int half;
} updates[] = {
    { "CS", add_cs, 1 },
    { "CSG", add_csg, 0 },
    { "LAA", add_laa, 1 },
    { "LAAG", add_laag, 0 },
    { "LAALG", add_laalg, 0 },
    { "ASI", add_asi, 1 },
    { "AGSI", add_agsi, 0 },
};
static void (*volatile updating)(void);

static void update_many(void)
{
    barrier(&rendezvous[0], 2);
    for (u32 i = 0; i < UPDATES; ++i)
        updating();
}

static void contend(void (*once)(void))
{
    updating = once;
    rendezvous[0] = 0;
    word = 0;
    start_program(1, update_many);
    update_many();
    wait_stopped(1);
}

/// Each CPU sets and resets a bit of its own in one byte; interlocked, neither loses the other's.
static volatile u64 lost;
static u8 flags;
static void flip(void)
{
    int other = cpu_address() != 0;
    for (u32 i = 0; i < UPDATES / 2; ++i) {
        if (other) {
            asm volatile("oi %0,1" : "+Q"(flags) : : "cc", "memory");
            lost += !(*(volatile u8 *)&flags & 1);
            asm volatile("ni %0,0xfe" : "+Q"(flags) : : "cc", "memory");
            lost += *(volatile u8 *)&flags & 1;
        } else {
            asm volatile("oi %0,2" : "+Q"(flags) : : "cc", "memory");
            asm volatile("xi %0,2" : "+Q"(flags) : : "cc", "memory");
        }
    }
}

static void interlocked(void)
{
    TEST("interlocked updates by two CPUs");
    for (u32 i = 0; i < sizeof updates / sizeof *updates; ++i) {
        contend(updates[i].once);
        equal_at(updates[i].half ? *(u32 *)&word : word, 2 * UPDATES, updates[i].name, __LINE__);
    }
    contend(add_cdsg);
    EQUAL(pair[0], 2 * UPDATES);
    EQUAL(pair[1], -2UL * UPDATES);
    contend(add_locked);
    EQUAL(guarded, 2 * UPDATES);
    rendezvous[0] = 0;
    start_program(1, flip);
    flip();
    wait_stopped(1);
    EQUAL(lost, 0);
    EQUAL(flags, 0);
}

int main(void)
{
    for (u32 i = 0; i < sizeof tests / sizeof *tests; ++i)
        run_litmus(&tests[i]);
    interlocked();
    return 0;
}
