// Interlocked updates by two CPUs: none is lost (PoP ch. 5, "Interlocked Update").
// zvisor: --cpus 2

#include "lib/guest.h"

enum { UPDATES = 10000 };

static volatile u64 rendezvous;

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
    barrier(&rendezvous, 2);
    for (u32 i = 0; i < UPDATES; ++i)
        updating();
}

static void contend(void (*once)(void))
{
    updating = once;
    rendezvous = 0;
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
    rendezvous = 0;
    start_program(1, flip);
    flip();
    wait_stopped(1);
    EQUAL(lost, 0);
    EQUAL(flags, 0);
}

int main(void)
{
    interlocked();
    return 0;
}
