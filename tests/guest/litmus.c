// What CPUs may see of each other's storage accesses (PoP ch. 5, "Sequence of Storage References", "Relationship between Operand Accesses"):
// litmus tests in batches of places, without and with serialization. The load parameter is the number of thousands of iterations.
// zvisor: --cpus 4

#include "lib/guest.h"

enum { PLACES = 1024, LEAST_BATCHES = 10, OUTCOMES = 16 };

static struct place {
    volatile u64 x;
    u64 pad_x[15];
    volatile u64 y;
    u64 pad_y[15];
} places[PLACES] __attribute__((aligned(4096)));
/// What each CPU loaded first and second.
static volatile u64 seen[4][PLACES][2];
static volatile u64 rendezvous[3];
static volatile u64 batches;
/// Places a CPU may be ahead of another. Few make more accesses meet, and more waiting where CPUs share a processor.
static volatile u64 most_ahead = 256;
/// How far each CPU is in the batch, in a line of its own.
static struct {
    volatile u64 place;
    u64 pad[31];
} progress[4];

typedef void role(u32 i);
/// The number of an outcome: a bit for each value loaded, 8 for the first.
typedef u32 outcome_of(u32 i);
struct litmus {
    const char *name;
    u64 cpus;
    role *roles[4];
    outcome_of *outcome;
    /// Outcomes the architecture forbids: bit 1 << n for outcome n.
    u32 forbidden;
};
static const struct litmus *volatile running;
static u64 outcomes[OUTCOMES];

static void judge(void)
{
    for (u32 i = 0; i < PLACES; ++i) {
        outcomes[running->outcome(i)]++;
        places[i].x = places[i].y = 0;
    }
}

/// Waits for CPUs that are far behind: accesses to a place are to be at about the same time.
static void stay_together(u64 who, u64 cpus, u64 place)
{
    progress[who].place = place;
    for (u64 other = 0; other < cpus; ++other)
        for (u32 i = 0; progress[other].place + most_ahead < place; ++i)
            if (i > 1000)
                relax();
}

static void act(void)
{
    u64 who = cpu_address();
    u64 cpus = running->cpus;
    role *mine = running->roles[who];
    for (u64 batch = 0; batch < batches; ++batch) {
        progress[who].place = 0;
        barrier(&rendezvous[0], cpus);
        for (u32 i = 0; i < PLACES; ++i) {
            if (i % 4 == 0)
                stay_together(who, cpus, i);
            mine(i);
        }
        progress[who].place = PLACES;
        barrier(&rendezvous[1], cpus);
        if (who == 0)
            judge();
        barrier(&rendezvous[2], cpus);
    }
}

/// "  outcome 1100:      12345", in decimal.
static void say_outcome(u32 number, u64 count)
{
    static char text[] = "  outcome ????:           ?";
    enum { BITS_AT = 10, LAST_DIGIT = sizeof text - 2, FIRST_DIGIT = LAST_DIGIT - 10 };
    for (u32 bit = 0; bit < 4; ++bit)
        text[BITS_AT + bit] = number >> (3 - bit) & 1 ? '1' : '0';
    for (u32 at = LAST_DIGIT; at >= FIRST_DIGIT; --at, count /= 10)
        text[at] = count || at == LAST_DIGIT ? (char)('0' + count % 10) : ' ';
    say(text);
}

static void report(const struct litmus *litmus)
{
    u64 forbidden = 0;
    for (u32 n = 0; n < OUTCOMES; ++n) {
        if (outcomes[n] == 0)
            continue;
        say_outcome(n, outcomes[n]);
        if (litmus->forbidden >> n & 1)
            forbidden += outcomes[n];
    }
    EQUAL(forbidden, 0);
}

static void run_litmus(const struct litmus *litmus)
{
    TEST(litmus->name);
    running = litmus;
    memset(outcomes, 0, sizeof outcomes);
    rendezvous[0] = rendezvous[1] = rendezvous[2] = 0;
    for (u16 cpu = 1; cpu < litmus->cpus; ++cpu)
        start_program(cpu, act);
    act();
    for (u16 cpu = 1; cpu < litmus->cpus; ++cpu)
        wait_stopped(cpu);
    report(litmus);
}

#define NOTHING asm volatile("" : : : "memory")
#define BCR_14 asm volatile("bcr 14,0" : : : "memory")
#define BCR_15 asm volatile("bcr 15,0" : : : "memory")
static u64 words[4][32];
#define CSG                                                                                                           \
    do {                                                                                                              \
        u64 old_ = 0;                                                                                                 \
        asm volatile("csg %0,%0,%1" : "+d"(old_), "+QS"(words[&places[i].x == 0][0]) : : "cc", "memory");              \
    } while (0)

#define X places[i].x
#define Y places[i].y
#define FIRST(cpu) seen[cpu][i][0]
#define SECOND(cpu) seen[cpu][i][1]

/// The roles of every test with one way to serialize between their two accesses.
#define ROLES(name, serialize)                                            \
    static void sb_0_##name(u32 i) { X = 1; serialize; FIRST(0) = Y; }    \
    static void sb_1_##name(u32 i) { Y = 1; serialize; FIRST(1) = X; }    \
    static void mp_0_##name(u32 i) { X = 1; serialize; Y = 1; }           \
    static void mp_1_##name(u32 i) { u64 y = Y; serialize; u64 x = X; FIRST(1) = y; SECOND(1) = x; }   \
    static void lb_0_##name(u32 i) { u64 y = Y; serialize; X = 1; FIRST(0) = y; } \
    static void lb_1_##name(u32 i) { u64 x = X; serialize; Y = 1; FIRST(1) = x; } \
    static void ww_0_##name(u32 i) { X = 1; serialize; Y = 2; }           \
    static void ww_1_##name(u32 i) { Y = 1; serialize; X = 2; }           \
    static void co_1_##name(u32 i) { u64 old = X; serialize; u64 new = X; FIRST(1) = old; SECOND(1) = new; } \
    static void iriw_2_##name(u32 i) { u64 x = X; serialize; u64 y = Y; FIRST(2) = x; SECOND(2) = y; }  \
    static void iriw_3_##name(u32 i) { u64 y = Y; serialize; u64 x = X; FIRST(3) = y; SECOND(3) = x; }

ROLES(plain, NOTHING)
ROLES(14, BCR_14)
ROLES(15, BCR_15)
static void sb_0_csg(u32 i) { X = 1; CSG; FIRST(0) = Y; }
static void sb_1_csg(u32 i) { Y = 1; CSG; FIRST(1) = X; }
static void co_0(u32 i) { X = 1; }
static void iriw_0(u32 i) { X = 1; }
static void iriw_1(u32 i) { Y = 1; }
/// Message passing by MVC.
static void mp_0_mvc(u32 i)
{
    static const u64 one = 1;
    asm volatile("mvc %O0(8,%R0),%2\n mvc %O1(8,%R1),%2" : "=Q"(X), "=Q"(Y) : "Q"(one) : "memory");
}

static u32 each_first(u32 i) { return (u32)(FIRST(0) << 3 | FIRST(1) << 2); }
static u32 reader(u32 i) { return (u32)(FIRST(1) << 3 | SECOND(1) << 2); }
/// Who stored last into each: 1 the first of a CPU's two stores.
static u32 last_stores(u32 i) { return (u32)((X == 1) << 3 | (Y == 1) << 2); }
static u32 readers(u32 i) { return (u32)(FIRST(2) << 3 | SECOND(2) << 2 | FIRST(3) << 1 | SECOND(3)); }

// An aligned quadword is stored and loaded at once.
static void quad_0(u32 i)
{
    for (u64 j = 1; j < 20; ++j)
        asm volatile("lgr 2,%1\n lgr 3,%1\n stpq 2,%0" : "=QS"(X) : "d"(j) : "2", "3", "memory");
}
static void quad_1(u32 i)
{
    u64 torn = 0;
    for (u64 j = 1; j < 20; ++j) {
        u64 a, b;
        asm volatile("lpq 2,%2\n lgr %0,2\n lgr %1,3" : "=d"(a), "=d"(b) : "QS"(X) : "2", "3", "memory");
        torn |= a != b;
    }
    FIRST(1) = torn;
    SECOND(1) = 0;
}
static u32 quad(u32 i)
{
    places[i].pad_x[0] = 0;
    return reader(i);
}

enum { NONE_SET = 1 << 0, FIRST_ONLY = 1 << 8, BOTH_SET = 1 << 12 };
#define VARIANTS(test, cpus, outcome, forbidden, unserialized, ...) \
    { test, cpus, { __VA_ARGS__(plain) }, outcome, unserialized }, \
    { test " with BCR 14", cpus, { __VA_ARGS__(14) }, outcome, forbidden }, \
    { test " with BCR 15", cpus, { __VA_ARGS__(15) }, outcome, forbidden }
#define SB(way) sb_0_##way, sb_1_##way
#define MP(way) mp_0_##way, mp_1_##way
#define LB(way) lb_0_##way, lb_1_##way
#define WW(way) ww_0_##way, ww_1_##way
#define CO(way) co_0, co_1_##way
#define IRIW(way) iriw_0, iriw_1, iriw_2_##way, iriw_3_##way

static const struct litmus tests[] = {
    // Neither CPU sees the other's store: allowed as long as nothing serializes.
    VARIANTS("store buffering", 2, each_first, NONE_SET, 0, SB),
    { "store buffering with CSG", 2, { sb_0_csg, sb_1_csg }, each_first, NONE_SET },
    // The second store is seen and the first is not.
    VARIANTS("message passing", 2, reader, FIRST_ONLY, FIRST_ONLY, MP),
    { "message passing by MVC", 2, { mp_0_mvc, mp_1_plain }, reader, FIRST_ONLY },
    // Each loads what the other stores afterwards.
    VARIANTS("load buffering", 2, each_first, BOTH_SET, BOTH_SET, LB),
    // Two stores each, in opposite order: the last values cannot both be the first stores.
    VARIANTS("two stores each", 2, last_stores, BOTH_SET, BOTH_SET, WW),
    // A location's new value is followed by its old one.
    VARIANTS("coherence", 2, reader, FIRST_ONLY, FIRST_ONLY, CO),
    // Two readers disagree on the order of two writers.
    VARIANTS("independent reads of independent writes", 4, readers, 1 << 10, 1 << 10, IRIW),
    { "quadword consistency", 2, { quad_0, quad_1 }, quad, FIRST_ONLY | BOTH_SET },
};

/// Thousands of iterations from the load parameter, which the service processor tells.
static u64 wanted_batches(void)
{
    enum { READ_SCP_INFORMATION = 0x00020001, LOAD_PARAMETER_AT = 24 };
    static u8 block[4096] __attribute__((aligned(4096)));
    *(u16 *)block = sizeof block;
    serve(READ_SCP_INFORMATION, block);
    u64 number = 0;
    for (u32 i = 0; i < 8 && block[LOAD_PARAMETER_AT + i] >= 0xf0; ++i)
        number = number * 10 + (block[LOAD_PARAMETER_AT + i] & 0xf);
    if (number == 0)
        return LEAST_BATCHES;
    most_ahead = 32;
    return (number * 1000 + PLACES - 1) / PLACES;
}

int main(void)
{
    batches = wanted_batches();
    for (u32 i = 0; i < sizeof tests / sizeof *tests; ++i)
        run_litmus(&tests[i]);
    return 0;
}
