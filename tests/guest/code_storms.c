// Code that is changed ahead of itself and under another CPU: every distance within a block, every way to store, across pages, and targets of EXECUTE
// (PoP ch. 5, "Sequence of Storage References").
// zvisor: --cpus 2

#include "lib/guest.h"

enum { MOST_AHEAD = 66, ROUNDS = 12, STORM = 4000, LGHI_2 = 0xa729, BR_14 = 0x07fe, NOPR = 0x0707 };

static u16 code[3][2048] __attribute__((aligned(4096)));
static u64 operand[2] __attribute__((aligned(16)));

typedef u64 function(void);
#define COMPILER_BARRIER asm volatile("" : : : "memory")

// ---- Ahead of itself ---------------------------------------------------------------------------------------------------

/// Ways to store the halfword in register 2 at the address in register 3, which is the immediate of LGHI 2,0.
static const struct way {
    const char *name;
    u16 code[5];
    u32 count;
} ways[] = {
    { "STH", { 0x4020, 0x3000 }, 2 },
    { "STC", { 0x4220, 0x3001 }, 2 },
    { "MVC", { 0x4020, 0x4000, 0xd201, 0x3000, 0x4000 }, 5 }, // from the operand, whose address is in register 4
    { "STHY", { 0xe320, 0x3000, 0x0070 }, 3 },
    { "STCM", { 0xbe23, 0x3000 }, 2 },
};

/// The store, no-operations up to `ahead` instructions, LGHI 2,0 and BR 14, all at `at`. The address of the immediate.
static u16 *put_ahead(u16 *at, const struct way *way, u32 ahead)
{
    for (u32 i = 0; i < way->count; ++i)
        *at++ = way->code[i];
    for (u32 i = 1; i < ahead; ++i)
        *at++ = NOPR;
    *at++ = LGHI_2;
    u16 *immediate = at++;
    *immediate = 0;
    *at = BR_14;
    COMPILER_BARRIER;
    return immediate;
}

static u64 call_with_operand(const u16 *at, u64 value, const u16 *changed)
{
    register u64 r2 asm("2") = value;
    register u64 r3 asm("3") = (u64)changed;
    register u64 r4 asm("4") = (u64)operand;
    asm volatile("basr 14,%3" : "+d"(r2), "+d"(r3), "+d"(r4) : "a"(at) : "0", "1", "5", "14", "cc", "memory");
    return r2;
}

static void ahead_of_itself(void)
{
    for (u32 w = 0; w < sizeof ways / sizeof *ways; ++w) {
        TEST(ways[w].name);
        u64 wrong = 0;
        for (u32 ahead = 1; ahead <= MOST_AHEAD; ++ahead) {
            // From the middle of a page, and over its end at each instruction in turn.
            for (u32 place = 0; place < 2; ++place) {
                u16 *at = place == 0 ? &code[0][64] : &code[1][2048 - 8 - ahead];
                u16 *immediate = put_ahead(at, &ways[w], ahead);
                for (u64 i = 1; i <= ROUNDS; ++i)
                    wrong += call_with_operand(at, i, immediate) != i;
            }
        }
        EQUAL(wrong, 0);
    }
}

/// The same for interlocked updates of the word that is the instruction.
static void interlocked_ahead(void)
{
    TEST("CS and LAA of an instruction ahead");
    u64 wrong = 0;
    for (u32 ahead = 1; ahead <= MOST_AHEAD; ++ahead) {
        for (u32 kind = 0; kind < 2; ++kind) {
            u16 *at = &code[0][64];
            u16 *next = at;
            if (kind == 0) { // L 5,0(3); CS 5,2,0(3)
                static const u16 text[] = { 0x5850, 0x3000, 0xba52, 0x3000 };
                for (u32 i = 0; i < 4; ++i)
                    *next++ = text[i];
            } else { // LAA 5,2,0(3)
                static const u16 text[] = { 0xeb52, 0x3000, 0x00f8 };
                for (u32 i = 0; i < 3; ++i)
                    *next++ = text[i];
            }
            for (u32 i = 1; i < ahead || (next - at) % 2; ++i)
                *next++ = NOPR;
            u16 *instruction = next;
            *next++ = LGHI_2;
            *next++ = 0;
            *next++ = BR_14;
            COMPILER_BARRIER;
            for (u64 i = 1; i <= ROUNDS; ++i) {
                u64 value = kind == 0 ? (u64)LGHI_2 << 16 | i : 1;
                wrong += call_with_operand(at, value, instruction) != i;
            }
        }
    }
    EQUAL(wrong, 0);
}

// ---- Under another CPU -------------------------------------------------------------------------------------------------

static u16 *function_at;
static u16 *changed;
static volatile u64 started, done, backwards, calls;

/// Calls the function as fast as it can: what it gives never goes back, and is the last value in the end.
static void caller(void)
{
    u64 last_value = 0;
    started = 1;
    for (;;) {
        u64 ends = done;
        COMPILER_BARRIER;
        u64 value = ((function *)function_at)();
        backwards += value < last_value;
        last_value = value;
        ++calls;
        if (ends)
            break;
    }
    backwards += last_value != STORM;
}

static void store_halfword(u64 value) { *(volatile u16 *)changed = (u16)value; }
static void store_by_mvc(u64 value)
{
    operand[0] = value << 48;
    asm volatile("mvc 0(2,%0),0(%1)" : : "a"(changed), "a"(operand) : "memory");
}
static void store_by_cs(u64 value)
{
    u32 *word = (u32 *)(changed - 1);
    u32 old = *(volatile u32 *)word;
    asm volatile("cs %0,%2,%1" : "+d"(old), "+Q"(*word) : "d"((u32)LGHI_2 << 16 | (u32)value) : "cc", "memory");
}
static void store_by_mvcle(u64 value)
{
    operand[0] = value << 48;
    asm volatile("lgr 4,%0\n lgr 6,%1\n lghi 5,2\n lghi 7,2\n0: mvcle 4,6,0\n jo 0b" : : "a"(changed), "a"(operand) : "4", "5", "6", "7", "cc", "memory");
}

/// `at`: where LGHI 2,n; BR 14 goes; `entry`: what is called.
static void storm(const char *name, u16 *entry, u16 *at, void (*store)(u64))
{
    TEST(name);
    at[0] = LGHI_2;
    at[1] = 0;
    at[2] = BR_14;
    function_at = entry;
    changed = &at[1];
    started = done = backwards = calls = 0;
    COMPILER_BARRIER;
    start_program(1, caller);
    while (!started)
        relax();
    for (u64 value = 1; value <= STORM; ++value) {
        store(value);
        if (value % 512 == 0)
            relax();
    }
    asm volatile("bcr 15,0" : : : "memory");
    done = 1;
    wait_stopped(1);
    EQUAL(backwards, 0);
    CHECK(calls > 0);
}

static void storms(void)
{
    storm("STH into code another CPU runs", code[0], code[0], store_halfword);
    storm("MVC into code another CPU runs", code[0], code[0], store_by_mvc);
    storm("MVCLE into code another CPU runs", code[0], code[0], store_by_mvcle);
    storm("CS into code another CPU runs", &code[0][2], &code[0][2], store_by_cs);
    // LGHI lies in two pages, and its immediate in the second.
    storm("the second half of an instruction in two pages", &code[1][2047], &code[1][2047], store_halfword);
    for (u32 i = 2000; i < 2048; ++i)
        code[1][i] = NOPR;
    storm("code behind a page that does not change", &code[1][2000], &code[2][0], store_halfword);
    // EXRL 0,.+8 ; BR 14 ; the target.
    code[0][0] = 0xc600;
    code[0][1] = 0;
    code[0][2] = 4;
    code[0][3] = BR_14;
    storm("the target of EXECUTE", code[0], &code[0][4], store_halfword);
}

int main(void)
{
    ahead_of_itself();
    interlocked_ahead();
    storms();
    return 0;
}
