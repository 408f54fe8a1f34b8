// Interruptible instructions: what an interruption or an access exception leaves of MVCL, CLCL, MVCLE, CLCLE and their kin, and going on (PoP ch. 5, 7).

#include "lib/guest.h"

#define MEGABYTE (1UL << 20)
enum { EMERGENCY_MASK = 0x4000, COMPARATOR_MASK = 0x800 };

static u8 *const from = (u8 *)0x1000000;
static u8 *const to = (u8 *)0x2000000;
static u64 table[2048] __attribute__((aligned(16384)));
static u64 pages[64][256] __attribute__((aligned(2048)));
#define DAT_PSW (HOME_PSW | PSW_DAT)

static void set_up(void)
{
    for (u64 i = 0; i < 64; ++i) {
        table[i] = (u64)pages[i];
        for (u64 j = 0; j < 256; ++j)
            pages[i][j] = i << 20 | j << 12;
    }
    for (u64 i = 64; i < 2048; ++i)
        table[i] = 0x20;
    load_control(1, (u64)table | 3);
}

static void invalidate(u8 *page, int invalid)
{
    u64 *entry = &pages[(u64)page >> 20][(u64)page >> 12 & 0xff];
    *entry = (*entry & ~0x400UL) | (invalid ? 0x400 : 0);
    asm volatile("ptlb" : : : "memory");
}

static void fill(void)
{
    for (u64 i = 0; i < 5 * 4096; ++i) {
        from[i] = (u8)(i * 7 + i / 256);
        to[i] = 0xee;
    }
}

static int moved(u64 count)
{
    for (u64 i = 0; i < 5 * 4096; ++i)
        if (to[i] != (i < count ? (u8)(i * 7 + i / 256) : 0xee))
            return 0;
    return 1;
}

static void page_faults(void)
{
    TEST("MVCL meets an invalid page");
    static const u64 offset = 3 * 4096;
    fill();
    invalidate(to + offset, 1);
    IN(2) = (u64)to;
    IN(3) = 4 * 4096;
    IN(4) = (u64)from;
    IN(5) = 4 * 4096;
    RUN(DAT_PSW, "mvcl 2,4");
    NULLIFIED("MVCL", 0x11, 2);
    EQUAL(last.translation_exception & ~0xfffUL, (u64)to + offset);
    u64 done = last.registers[2] - (u64)to;
    CHECK(done <= offset);
    EQUAL(last.registers[3], 4 * 4096 - done);
    EQUAL(last.registers[4], (u64)from + done);
    EQUAL(last.registers[5], 4 * 4096 - done);
    CHECK(moved(done));
    // It goes on with the registers it left.
    invalidate(to + offset, 0);
    for (u32 r = 2; r <= 5; ++r)
        IN(r) = last.registers[r];
    RUN(DAT_PSW, "mvcl 2,4");
    COMPLETED("MVCL resumed");
    EQUAL(LAST_CC, 0);
    EQUAL(last.registers[3], 0);
    EQUAL(last.registers[5], 0);
    CHECK(moved(4 * 4096));

    TEST("MVCL meets an invalid source page, and a protected target");
    fill();
    invalidate(from + offset, 1);
    IN(2) = (u64)to;
    IN(3) = 4 * 4096;
    IN(4) = (u64)from;
    IN(5) = 4 * 4096;
    RUN(DAT_PSW, "mvcl 2,4");
    NULLIFIED("MVCL", 0x11, 2);
    done = last.registers[2] - (u64)to;
    EQUAL(last.registers[4], (u64)from + done);
    CHECK(done <= offset && moved(done));
    invalidate(from + offset, 0);
    fill();
    set_key((u64)to + 4096, 0x40);
    set_key((u64)to, 0x30);
    IN(2) = (u64)to;
    IN(3) = 2 * 4096;
    IN(4) = (u64)from;
    IN(5) = 2 * 4096;
    RUN(HOME_PSW | PSW_KEY(3), "mvcl 2,4");
    SUPPRESSED("MVCL into a protected page", 0x04, 2);
    done = last.registers[2] - (u64)to;
    EQUAL(last.registers[3], 2 * 4096 - done);
    CHECK(done <= 4096 && moved(done));
    set_key((u64)to + 4096, 0);
    set_key((u64)to, 0);

    TEST("MVCLE meets an invalid page");
    fill();
    invalidate(to + offset, 1);
    IN(2) = (u64)to;
    IN(3) = 4 * 4096;
    IN(4) = (u64)from;
    IN(5) = 4 * 4096;
    RUN(DAT_PSW, "0: mvcle 2,4,0\n jo 0b");
    EQUAL(last.class, CLASS_PROGRAM);
    EQUAL(last.code, 0x11);
    done = last.registers[2] - (u64)to;
    EQUAL(last.registers[3], 4 * 4096 - done);
    EQUAL(last.registers[4], (u64)from + done);
    CHECK(done <= offset && moved(done));
    invalidate(to + offset, 0);
    for (u32 r = 2; r <= 5; ++r)
        IN(r) = last.registers[r];
    RUN(DAT_PSW, "0: mvcle 2,4,0\n jo 0b");
    COMPLETED("MVCLE resumed");
    EQUAL(LAST_CC, 0);
    CHECK(moved(4 * 4096));

    TEST("CLCL and CLCLE meet an invalid page");
    invalidate(from + offset, 1);
    IN(2) = (u64)to;
    IN(3) = 4 * 4096;
    IN(4) = (u64)from;
    IN(5) = 4 * 4096;
    RUN(DAT_PSW, "clcl 2,4");
    NULLIFIED("CLCL", 0x11, 2);
    done = last.registers[2] - (u64)to;
    CHECK(done <= offset);
    EQUAL(last.registers[5], 4 * 4096 - done);
    RUN(DAT_PSW, "0: clcle 2,4,0\n jo 0b");
    EQUAL(last.code, 0x11);
    invalidate(from + offset, 0);
    RUN(DAT_PSW, "clcl 2,4");
    COMPLETED("CLCL");
    EQUAL(LAST_CC, 0);
    to[offset + 5] ^= 1;
    RUN(DAT_PSW, "clcl 2,4");
    CHECK(LAST_CC != 0);
    EQUAL(last.registers[2], (u64)to + offset + 5);
    EQUAL(last.registers[3], 4096 - 5);
    // CLCL that finds a difference before the invalid page does not need that.
    invalidate(from + 3 * 4096, 1);
    to[9] ^= 1;
    RUN(DAT_PSW, "clcl 2,4");
    COMPLETED("CLCL that ends before the invalid page");
    invalidate(from + 3 * 4096, 0);
}

static void destructive_overlap(void)
{
    TEST("operands and lengths");
    IN(2) = (u64)to + 1;
    IN(3) = 100;
    IN(4) = (u64)to;
    IN(5) = 100;
    RUN(HOME_PSW, "mvcl 2,4");
    EQUAL(LAST_CC, 3);
    fill();
    IN(2) = (u64)to;
    IN(3) = 2 * MEGABYTE;
    IN(4) = 0;
    IN(5) = 0x5a000000;
    RUN(HOME_PSW, "mvcl 2,4");
    COMPLETED("MVCL that fills");
    EQUAL(LAST_CC, 2);
    EQUAL(to[2 * MEGABYTE - 1], 0x5a);
    EQUAL(last.registers[2], (u64)to + 2 * MEGABYTE);
    // In 24-bit mode the address wraps; the count is what remains.
    IN(2) = 0xfffff0;
    IN(3) = 0;
    IN(5) = 0;
    RUN(0, "mvcl 2,4");
    COMPLETED("MVCL of nothing");
}

static u64 taken;
static struct psw interrupted;
static u64 seen[8];
static int take(const struct outcome *what, struct psw *resume)
{
    (void)resume;
    if (what->code != 0x1004 && what->code != 0x1201)
        return 0;
    interrupted = what->old;
    memcpy(seen, what->registers, sizeof seen);
    taken++;
    if (what->code == 0x1004) {
        u64 next = tod() + 4096 * 50;
        asm volatile("sckc %0" : : "Q"(next));
    }
    return 1;
}

static void interruptions(void)
{
    TEST("MVCL and CLCL under timer interruptions");
    HOOK(CLASS_EXTERNAL) = take;
    u64 cr0 = store_control(0);
    load_control(0, cr0 | COMPARATOR_MASK);
    u64 next = tod() + 4096 * 50;
    asm volatile("sckc %0" : : "Q"(next));
    for (u64 i = 0; i < 4 * MEGABYTE; i += 8)
        *(u64 *)(from + i) = i * 0x9e3779b97f4a7c15;
    u64 in_the_middle = 0;
    for (u32 round = 0; round < 30; ++round) {
        IN(2) = (u64)to;
        IN(3) = 4 * MEGABYTE;
        IN(4) = (u64)from;
        IN(5) = 4 * MEGABYTE;
        taken = 0;
        RUN(HOME_PSW | PSW_EXTERNAL, "mvcl 2,4");
        if (last.class != CLASS_SVC || last.registers[3] || last.registers[5] || last.registers[2] != (u64)to + 4 * MEGABYTE)
            break;
        in_the_middle += taken && interrupted.address == last.start && seen[3] && seen[3] < 4 * MEGABYTE;
        if (taken && interrupted.address == last.start)
            CHECK(seen[2] - (u64)to == seen[4] - (u64)from && seen[3] == seen[5] && seen[2] - (u64)to + seen[3] == 4 * MEGABYTE);
    }
    COMPLETED("MVCL");
    u64 different = 0;
    for (u64 i = 0; i < 4 * MEGABYTE; i += 8)
        different += *(u64 *)(from + i) != *(u64 *)(to + i);
    EQUAL(different, 0);
    IN(2) = (u64)to;
    IN(3) = 4 * MEGABYTE;
    IN(4) = (u64)from;
    IN(5) = 4 * MEGABYTE;
    RUN(HOME_PSW | PSW_EXTERNAL, "clcl 2,4");
    COMPLETED("CLCL");
    EQUAL(LAST_CC, 0);
    IN(3) = IN(5) = 4 * MEGABYTE;
    RUN(HOME_PSW | PSW_EXTERNAL, "0: mvcle 2,4,0\n jo 0b");
    COMPLETED("MVCLE");
    RUN(HOME_PSW | PSW_EXTERNAL, "0: cksm 6,2\n jo 0b");
    COMPLETED("CKSM");
    // Beginning again is no branch to program-event recording.
    load_control(9, 0x80000000UL);
    load_control(10, 0UL);
    load_control(11, -1UL);
    for (u32 round = 0; round < 10; ++round) {
        IN(2) = (u64)to;
        IN(3) = 4 * MEGABYTE;
        IN(4) = (u64)from;
        IN(5) = 4 * MEGABYTE;
        RUN(HOME_PSW | PSW_EXTERNAL | PSW_PER, "mvcl 2,4");
        COMPLETED("MVCL under PER");
    }
    load_control(9, 0UL);
    CHECK(taken > 0);
    load_control(0, cr0);
    next = -1UL;
    asm volatile("sckc %0" : : "Q"(next));
    HOOK(CLASS_EXTERNAL) = 0;
    say_number("  MVCL interrupted in the middle:", in_the_middle);
}

int main(void)
{
    set_up();
    page_faults();
    destructive_overlap();
    interruptions();
    return 0;
}
