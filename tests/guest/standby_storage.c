// Standby storage: what the service processor tells of it, assigning and unassigning it, what no access reaches afterwards (CPUs, code,
// channel programs), also while another CPU uses it.
// zvisor: --cpus 2 --max-memory 80M

#include "lib/guest.h"

enum {
    READ_SCP_INFORMATION = 0x00120001,
    READ_STORAGE_ELEMENT = 0x00040001,
    ATTACH_STORAGE_ELEMENT = 0x00080001,
    ASSIGN_STORAGE = 0x000d0001,
    UNASSIGN_STORAGE = 0x000c0001,
    STANDBY_READ_COMPLETE = 0x0410,
    ADDRESSING = 0x05,
    INCREMENT = 16 << 20,
    INITIAL = 4,
    ROUNDS = 40,
};
#define STANDBY ((u64)INITIAL * INCREMENT)
/// Of the initial storage, the increment in which nothing of the guest is.
#define LAST_INITIAL (STANDBY - INCREMENT)

static u8 sccb[4096] __attribute__((aligned(4096)));

static u16 call(u32 command)
{
    *(u16 *)sccb = sizeof sccb;
    return serve(command, sccb);
}

static u16 change(u32 command, u16 increment)
{
    memset(sccb, 0, sizeof sccb);
    *(u16 *)(sccb + 8) = increment;
    return call(command);
}
static u16 assign(u16 increment) { return change(ASSIGN_STORAGE, increment); }
static u16 unassign(u16 increment) { return change(UNASSIGN_STORAGE, increment); }

static void element(u8 id, u16 response, u32 assigned, u32 standby)
{
    memset(sccb, 0, sizeof sccb);
    EQUAL(call(READ_STORAGE_ELEMENT | (u32)id << 8), response);
    EQUAL(*(u16 *)(sccb + 8), 1);
    EQUAL(*(u16 *)(sccb + 10), assigned);
    EQUAL(*(u16 *)(sccb + 12), standby);
    u32 first = id == 0 ? 1 : INITIAL + 1;
    for (u32 i = 0; i < assigned; ++i)
        EQUAL(*(u32 *)(sccb + 16 + i * 4) >> 16, first + i);
}

/// Extents of DIAGNOSE X'260': their number, and the last byte of the last.
static u64 extents(u64 *last_byte)
{
    static u64 list[8] __attribute__((aligned(16)));
    register u64 r2 asm("2") = (u64)list;
    register u64 r3 asm("3") = sizeof list;
    register u64 r4 asm("4") = 0x10;
    asm volatile("diag 2,4,0x260" : "+d"(r2), "+d"(r3), "+d"(r4) : : "cc", "memory");
    *last_byte = list[r4 * 2 - 1];
    return r4;
}

static void no_access(u64 address)
{
    IN(2) = address;
    IN(3) = (u64)sccb;
    RUN(HOME_PSW, "lg 5,0(2)");
    SUPPRESSED("LG", ADDRESSING, 6);
    RUN(HOME_PSW, "stg 5,0(2)");
    SUPPRESSED("STG", ADDRESSING, 6);
    RUN(HOME_PSW, "mvc 0(16,2),0(3)");
    SUPPRESSED("MVC to", ADDRESSING, 6);
    RUN(HOME_PSW, "mvc 0(16,3),0(2)");
    SUPPRESSED("MVC from", ADDRESSING, 6);
    RUN(HOME_PSW, "cs 4,5,0(2)");
    SUPPRESSED("CS", ADDRESSING, 4);
    RUN(HOME_PSW, "tprot 0(2),0");
    SUPPRESSED("TPROT", ADDRESSING, 6);
    RUN(HOME_PSW, "iske 5,2");
    SUPPRESSED("ISKE", ADDRESSING, 4);
    RUN(HOME_PSW, "sske 5,2");
    SUPPRESSED("SSKE", ADDRESSING, 4);
    RUN(HOME_PSW, "ex 0,0(2)");
    SUPPRESSED("EX target", ADDRESSING, 4);
}

static void at_ipl(void)
{
    TEST("after IPL standby storage is known and cannot be reached");
    u64 last_byte;
    memset(sccb, 0, sizeof sccb);
    EQUAL(call(READ_SCP_INFORMATION), SCLP_READ_COMPLETE);
    EQUAL(*(u16 *)(sccb + 8), INITIAL + 1);
    EQUAL((u64)sccb[10] << 20, INCREMENT);
    EQUAL(*(u64 *)(sccb + 48) & 0xe00000000000, 0xe00000000000);
    element(0, SCLP_READ_COMPLETE, INITIAL, 0);
    element(1, STANDBY_READ_COMPLETE, 0, 1);
    EQUAL(extents(&last_byte), 1);
    EQUAL(last_byte, STANDBY - 1);
    no_access(STANDBY);
    no_access(STANDBY + INCREMENT - 8);
    IN(2) = STANDBY - 4;
    RUN(HOME_PSW, "lg 5,0(2)");
    SUPPRESSED("LG across the end", ADDRESSING, 6);
    EQUAL(assign(INITIAL + 1), SCLP_IMPROPER_STATE);
    EQUAL(assign(INITIAL + 2), SCLP_NOT_RECOGNIZED);
    EQUAL(assign(0), SCLP_NOT_RECOGNIZED);
    EQUAL(call(ATTACH_STORAGE_ELEMENT | 1 << 8), SCLP_COMPLETE);
    EQUAL(call(ATTACH_STORAGE_ELEMENT | 1 << 8), SCLP_NO_ACTION);
    element(1, SCLP_READ_COMPLETE, 0, 1);
    EQUAL(unassign(INITIAL + 1), SCLP_NO_ACTION);
}

/// LGHI 2,number; BR 14
static void put_code(u64 at, u16 number)
{
    volatile u16 *code = (u16 *)at;
    code[0] = 0xa729;
    code[1] = number;
    code[2] = 0x07fe;
}

static u64 use(u64 start)
{
    u64 sum = 0;
    for (u64 at = start; at < start + INCREMENT; at += 4096)
        sum |= *(volatile u64 *)at | get_key(at);
    for (u64 at = start; at < start + INCREMENT; at += 65536) {
        *(volatile u64 *)at = at;
        set_key(at, 0x30);
    }
    put_code(start + 4096, 77);
    // Often enough for it to be translated.
    for (u32 i = 0; i < 100; ++i)
        EQUAL(((u64(*)(void))(start + 4096))(), 77);
    return sum & ~6UL;
}

static void comes_and_goes(void)
{
    TEST("assigned storage is zero and can be used, unassigned storage cannot");
    u64 last_byte;
    for (u32 i = 0; i < 3; ++i) {
        EQUAL(assign(INITIAL + 1), SCLP_COMPLETE);
        EQUAL(assign(INITIAL + 1), SCLP_NO_ACTION);
        EQUAL(extents(&last_byte), 1);
        EQUAL(last_byte, STANDBY + INCREMENT - 1);
        element(1, SCLP_READ_COMPLETE, 1, 0);
        // Code that was there once is gone.
        IN(2) = STANDBY + 4096;
        RUN(HOME_PSW, "basr 3,2");
        EQUAL(last.code, 0x01);
        EQUAL(use(STANDBY), 0);
        EQUAL(unassign(INITIAL + 1), SCLP_COMPLETE);
        EQUAL(unassign(INITIAL + 1), SCLP_NO_ACTION);
        no_access(STANDBY);
        no_access(STANDBY + 4096);
        IN(2) = STANDBY + 4096;
        RUN(HOME_PSW, "basr 3,2");
        EQUAL(last.code, ADDRESSING);
    }
    element(1, SCLP_READ_COMPLETE, 0, 1);
}

static void initial_storage(void)
{
    TEST("initial storage goes and comes back too");
    u64 last_byte;
    *(volatile u64 *)LAST_INITIAL = 1;
    EQUAL(unassign(INITIAL), SCLP_COMPLETE);
    no_access(LAST_INITIAL);
    EQUAL(extents(&last_byte), 1);
    EQUAL(last_byte, LAST_INITIAL - 1);
    element(0, SCLP_READ_COMPLETE, INITIAL - 1, 1);
    EQUAL(assign(INITIAL + 1), SCLP_COMPLETE);
    EQUAL(extents(&last_byte), 2);
    EQUAL(last_byte, STANDBY + INCREMENT - 1);
    no_access(STANDBY - 8);
    EQUAL(assign(INITIAL), SCLP_COMPLETE);
    EQUAL(use(LAST_INITIAL), 0);
    EQUAL(unassign(INITIAL + 1), SCLP_COMPLETE);
}

static void service_call_block(void)
{
    TEST("an SCCB in the storage it unassigns");
    EQUAL(assign(INITIAL + 1), SCLP_COMPLETE);
    volatile u16 *there = (u16 *)(STANDBY + 4096);
    there[0] = 16;
    there[4] = INITIAL + 1;
    EQUAL(service_call(UNASSIGN_STORAGE, (void *)there), 0);
    EQUAL(wait_service_signal(), STANDBY + 4096);
    no_access(STANDBY);
}

// ---- Channel programs -------------------------------------------------------------------------------------------------

struct ccw {
    u8 command, flags;
    u16 count;
    u32 address;
} __attribute__((aligned(8)));

static u32 schib[13], irb[24];
static u32 subchannel;

#define IO(name, text)                                                                                                              \
    static int name(void *operand)                                                                                                  \
    {                                                                                                                               \
        int cc;                                                                                                                     \
        asm volatile("lgr 1,%1\n" text "\n ipm %0\n srl %0,28" : "=d"(cc) : "d"((u64)subchannel), "a"(operand) : "1", "cc", "memory"); \
        return cc;                                                                                                                  \
    }
IO(stsch, "stsch 0(%2)")
IO(msch, "msch 0(%2)")
IO(ssch, "ssch 0(%2)")
IO(tsch, "tsch 0(%2)")

/// Subchannel status of SENSE ID into `address`.
static u8 sense_id(u64 address)
{
    static struct ccw program;
    program = (struct ccw) { 0xe4, 0x20, 64, (u32)address };
    u32 orb[3] = { 0, 0x0080ff00, (u32)(u64)&program };
    EQUAL(ssch(orb), 0);
    for (u64 end = tod() + (5UL << 32); tod() < end;)
        if (tsch(irb) == 0)
            return (u8)(irb[2] >> 16);
    return 0xff;
}

static void channel_program(void)
{
    TEST("a channel program reaches assigned storage only");
    for (subchannel = 0x10000; stsch(schib) == 0 && !(schib[1] >> 16 & 1); ++subchannel)
        ;
    schib[1] |= 0x00800000;
    EQUAL(msch(schib), 0);
    EQUAL(sense_id((u64)sccb) & 0x3f, 0);
    EQUAL(sense_id(STANDBY), 0x20);
    EQUAL(assign(INITIAL + 1), SCLP_COMPLETE);
    EQUAL(sense_id(STANDBY) & 0x3f, 0);
    EQUAL(*(volatile u8 *)STANDBY, 0xff);
    EQUAL(unassign(INITIAL + 1), SCLP_COMPLETE);
    EQUAL(sense_id(STANDBY), 0x20);
}

// ---- Another CPU ------------------------------------------------------------------------------------------------------

static volatile u64 progress, faults, wrong, blocked, stopping;

/// CPU 1 waits here until the storage is back.
static int on_program(const struct outcome *what, struct psw *resume)
{
    (void)resume;
    if (lc(u64, LC_RUN_ACTIVE))
        return 0;
    wrong += what->code != ADDRESSING;
    faults++;
    while (blocked && !stopping)
        relax();
    return 1;
}

static void store_there(void)
{
    for (u64 n = 0; !stopping; ++n) {
        for (u64 i = 0; i < 16; ++i)
            ((volatile u64 *)STANDBY)[i * 65536] = n | 1;
        progress++;
    }
}

static void moves_on(void)
{
    u64 from = progress;
    for (u64 end = tod() + (20UL << 32); tod() < end && progress < from + 4;)
        relax();
    CHECK(progress >= from + 4);
}

/// What is assigned again is zero until CPU 1 goes on: nothing it stored to the storage before arrives late.
static void under_another_cpu(void)
{
    TEST("storage goes while another CPU stores there");
    EQUAL(assign(INITIAL + 1), SCLP_COMPLETE);
    HOOK(CLASS_PROGRAM) = on_program;
    start_program(1, store_there);
    u64 late = 0, refused = 0, silent = 0;
    for (u32 round = 0; round < ROUNDS; ++round) {
        moves_on();
        u64 faults_before = faults;
        blocked = 1;
        refused += unassign(INITIAL + 1) != SCLP_COMPLETE;
        u64 end = tod() + (20UL << 32);
        while (faults == faults_before && tod() < end)
            relax();
        silent += faults == faults_before;
        refused += assign(INITIAL + 1) != SCLP_COMPLETE;
        for (u64 i = 0; i < 16; ++i)
            late += ((volatile u64 *)STANDBY)[i * 65536] != 0;
        blocked = 0;
    }
    stopping = 1;
    wait_stopped(1);
    HOOK(CLASS_PROGRAM) = 0;
    EQUAL(refused, 0);
    EQUAL(silent, 0);
    EQUAL(late, 0);
    EQUAL(wrong, 0);
}

int main(void)
{
    at_ipl();
    comes_and_goes();
    initial_storage();
    service_call_block();
    channel_program();
    under_another_cpu();
    finish();
}
