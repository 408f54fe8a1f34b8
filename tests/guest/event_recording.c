// Program-event recording: instruction fetching, branching, storage alteration, nullification, and events with other interruptions
// (PoP ch. 4, "Program-Event Recording").

#include "lib/guest.h"

enum {
    BRANCHING = 0x80000000,
    FETCHING = 0x40000000,
    ALTERATION = 0x20000000,
    REAL_STORE = 0x08000000,
    NULLIFICATION = 0x01000000,
    BRANCH_ADDRESS = 0x00800000,
    PER_EVENT = 0x80,
};
#define PER_PSW (HOME_PSW | PSW_PER)

static u16 code[64] __attribute__((aligned(4096)));
static u64 data[64] __attribute__((aligned(4096)));
extern char entry_svc[];

static void watch(u32 events, u64 from, u64 to)
{
    load_control(10, from);
    load_control(11, to);
    load_control(9, (u64)events);
}

static void run_code(u64 psw)
{
    IN(2) = (u64)code;
    RUN(psw, "br 2");
}

/// The last RUN ended by the event of the instruction at code + `at`, with the next one at code + `next`.
static void event_at(const char *what, u8 per_code, u64 at, u64 next, u8 ilc, int line)
{
    equal_at(last.class, CLASS_PROGRAM, what, line);
    equal_at(last.code, PER_EVENT, what, line);
    equal_at(last.per_code, per_code, what, line);
    equal_at(last.per_address, (u64)code + at, what, line);
    equal_at(last.old.address, (u64)code + next, what, line);
    equal_at(last.ilc, ilc, what, line);
}
#define EVENT(what, per_code, at, next, ilc) event_at(what, per_code, at, next, ilc, __LINE__)

static void put(u64 at, u64 instruction, u32 length)
{
    for (u32 i = 0; i < length; i += 2)
        code[at / 2 + i / 2] = (u16)(instruction >> (8 * (length - 2 - i)));
}

static void fetching(void)
{
    TEST("instruction fetching");
    put(0, 0xa7390001, 4); // LGHI 3,1
    put(4, 0xa7490002, 4); // LGHI 4,2
    put(8, 0xa7590003, 4); // LGHI 5,3
    put(12, 0x0aff, 2);
    IN(3) = IN(4) = IN(5) = 0;
    watch(FETCHING, (u64)code + 4, (u64)code + 4);
    run_code(HOME_PSW);
    COMPLETED("code without the PER mask");
    run_code(PER_PSW);
    EVENT("the second instruction", 0x40, 4, 8, 4);
    EQUAL(last.per_mode, 0xe0);
    EQUAL(last.registers[4], 2);
    EQUAL(last.registers[5], 0);
    watch(FETCHING, (u64)code + 5, (u64)code + 7);
    run_code(PER_PSW);
    COMPLETED("a range that has no first byte of an instruction");
    watch(FETCHING, (u64)code + 7, (u64)code + 9);
    run_code(PER_PSW);
    EVENT("the third instruction", 0x40, 8, 12, 4);
    watch(0, 0, -1UL);
    run_code(PER_PSW);
    COMPLETED("code without events");
    // A range that wraps: everything but code + 1 to code + 7.
    watch(FETCHING, (u64)code + 8, (u64)code - 1);
    load_control(10, (u64)code + 8);
    load_control(11, 0x10000UL);
    run_code(PER_PSW);
    EVENT("a range around the end of storage", 0x40, 8, 12, 4);

    TEST("instruction fetching with nullification");
    watch(FETCHING | NULLIFICATION, (u64)code + 4, (u64)code + 4);
    run_code(PER_PSW);
    EQUAL(last.class, CLASS_PROGRAM);
    EQUAL(last.code, PER_EVENT);
    EQUAL(last.per_code, 0x41);
    EQUAL(last.per_address, (u64)code + 4);
    EQUAL(last.old.address, (u64)code + 4);
    EQUAL(last.registers[3], 1);
    EQUAL(last.registers[4], 0);

    TEST("an executed instruction");
    put(0, 0x44001010, 4); // EX 0,16(1)
    put(4, 0x0aff, 2);
    put(16, 0xa7390009, 4);
    IN(1) = (u64)code;
    watch(FETCHING, (u64)code, (u64)code + 3);
    run_code(PER_PSW);
    EVENT("EX", 0x40, 0, 4, 4);
    EQUAL(last.registers[3], 9);
}

static void branching(void)
{
    TEST("branching");
    put(0, 0xa7040008, 4); // BRC 0,code+16
    put(4, 0xa7f40006, 4); // BRC 15,code+16
    put(16, 0xa7390001, 4);
    put(20, 0x0aff, 2);
    IN(3) = 0;
    watch(BRANCHING, 0, 0);
    // The way in is a branch, too.
    run_code(PER_PSW);
    EQUAL(last.per_code, 0x80);
    EQUAL(last.per_address, last.start);
    EQUAL(last.old.address, (u64)code);
    EQUAL(last.ilc, 2);
    watch(BRANCHING | BRANCH_ADDRESS, (u64)code + 16, (u64)code + 17);
    run_code(PER_PSW);
    EVENT("a branch into the range", 0x80, 4, 16, 4);
    EQUAL(last.registers[3], 0);
    watch(BRANCHING | BRANCH_ADDRESS, (u64)code + 18, (u64)code + 20);
    run_code(PER_PSW);
    COMPLETED("branches elsewhere");
    // Both events at once.
    put(0, 0xa7f40008, 4);
    watch(BRANCHING | FETCHING, (u64)code, (u64)code);
    RUN2(HOME_PSW, "larl 3,773f\n stg 2,8(3)\n lpswe 0(3)\n .balign 8\n 773: .quad 0x4000000180000000,0\n", "nopr");
    EVENT("a branch that is fetched", 0xc0, 0, 16, 4);
}

static void alteration(void)
{
    TEST("storage alteration");
    put(0, 0xe33010000024, 6); // STG 3,0(1)
    put(6, 0x0aff, 2);
    IN(1) = (u64)data;
    IN(3) = 0x1122;
    watch(ALTERATION, (u64)data, (u64)data);
    data[0] = 0;
    run_code(PER_PSW);
    EVENT("STG into the range", 0x20, 0, 6, 6);
    EQUAL(data[0], 0x1122);
    EQUAL(last.per_mode & 0xe0, 0xe0);
    IN(1) = (u64)data + 8;
    run_code(PER_PSW);
    COMPLETED("STG behind the range");
    watch(ALTERATION, (u64)data + 15, (u64)data + 15);
    run_code(PER_PSW);
    EVENT("STG whose last byte is in the range", 0x20, 0, 6, 6);
    run_code(HOME_PSW);
    COMPLETED("STG without the PER mask");
    put(0, 0xe33010000004, 6); // LG
    run_code(PER_PSW);
    COMPLETED("LG");
    static const struct { u64 instruction; u32 length; const char *what; } stores[] = {
        { 0x50301000, 4, "ST" }, { 0x92071000, 4, "MVI" }, { 0xd20710001100, 6, "MVC" }, { 0xd70710001000, 6, "XC" },
        { 0x90351000, 4, "STM" }, { 0xba351000, 4, "CS" }, { 0xeb33100000f8, 6, "LAA" }, { 0xeb01100000 << 8 | 0x6a, 6, "ASI" },
        { 0x60001000, 4, "STD" }, { 0xb2051000, 4, "STCK" }, { 0xe54810000001, 6, "MVGHI" }, { 0x4e301000, 4, "CVD" },
    };
    for (u32 i = 0; i < sizeof stores / sizeof *stores; ++i) {
        IN(1) = (u64)data;
        data[0] = 0x1122UL << 32;
        IN(3) = 0x1122;
        put(0, stores[i].instruction, stores[i].length);
        put(stores[i].length, 0x0aff, 2);
        watch(ALTERATION, (u64)data, (u64)data + 7);
        run_code(PER_PSW);
        EVENT(stores[i].what, 0x20, 0, stores[i].length, (u8)stores[i].length);
    }
    // A store that is suppressed alters nothing.
    set_key((u64)data, 0x40);
    put(0, 0x50301000, 4);
    run_code(PER_PSW | PSW_KEY(3));
    EQUAL(last.code, 0x04);
    set_key((u64)data, 0);
    TEST("store using a real address");
    put(0, 0xb9250031, 4); // STURG 3,1
    put(4, 0x0aff, 2);
    IN(1) = (u64)data;
    watch(ALTERATION | REAL_STORE, 0, 0);
    run_code(PER_PSW);
    EVENT("STURG", 0x28, 0, 4, 4);
}

static void with_others(void)
{
    TEST("events with other interruptions");
    put(0, 0x1d24, 2); // DR 2,4
    put(2, 0x0aff, 2);
    IN(4) = 0;
    watch(FETCHING, (u64)code, (u64)code);
    run_code(PER_PSW);
    EQUAL(last.code, 0x89);
    EQUAL(last.ilc, 2);
    EQUAL(last.per_code, 0x40);
    EQUAL(last.per_address, (u64)code);
    EQUAL(last.old.address, (u64)code + 2);
    load_control(8, 1UL << 12);
    put(0, 0xaf030000, 4); // MC 0,3
    run_code(PER_PSW);
    EQUAL(last.code, 0xc0);
    EQUAL(last.monitor_class, 3);
    EQUAL(last.per_address, (u64)code);
    load_control(8, 0UL);
    put(0, 0x0000, 2);
    run_code(PER_PSW);
    EQUAL(last.code & 0x7f, 0x01);
    // SVC: its interruption first, then the event, with the PSW of the first interruption's handler.
    put(0, 0x0a63, 2);
    run_code(PER_PSW);
    EQUAL(last.class, CLASS_PROGRAM);
    EQUAL(last.code, PER_EVENT);
    EQUAL(last.per_address, (u64)code);
    EQUAL(last.per_code, 0x40);
    EQUAL(last.old.address, (u64)entry_svc);
    EQUAL(last.old.mask, HOME_PSW);
    EQUAL(lc(u64, 0x148), (u64)code + 2);
    EQUAL(lc(u16, 0x8a), 0x63);
    // A data exception that suppresses, with its fetch event.
    put(0, 0xb9720012, 4); // CRT 1,2 with the mask in the next digit
    code[1] = 0xe012;
    IN(1) = 1;
    run_code(PER_PSW);
    EQUAL(last.code, 0x87);
    EQUAL(last.data_code, 0xff);
    // LPSWE that turns PER on is not watched itself.
    put(0, 0xa7390001, 4);
    put(4, 0x0aff, 2);
    watch(FETCHING, 0, -1UL);
    IN(2) = (u64)code;
    RUN2(HOME_PSW, "larl 3,773f\n stg 2,8(3)\n lpswe 0(3)\n .balign 8\n 773: .quad 0x4000000180000000,0\n", "nopr");
    EVENT("the first instruction under PER", 0x40, 0, 4, 4);
}

int main(void)
{
    fetching();
    branching();
    alteration();
    with_others();
    return 0;
}
