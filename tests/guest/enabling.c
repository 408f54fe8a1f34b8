// When a pending interruption is taken: behind the instruction that enables for it, in the order of priority, and between two PSW swaps
// (PoP ch. 6, "Priority of Interruptions", "Point of Interruption").
// zvisor: --disk @disk@

#include "lib/guest.h"

enum { EMERGENCY = 0x4000, EXTERNAL_CALL = 0x2000, COMPARATOR = 0x800, TIMER = 0x400, ALL = 0x6c00, IO_MASK = 0xff000000 };

static u64 cr0;
static u64 count;
static struct { u32 class; u16 code; struct psw old; } taken[8];

static int note(const struct outcome *what, struct psw *resume)
{
    (void)resume;
    if (what->class == CLASS_EXTERNAL && what->code == 0x2401)
        return 0;
    if (count < 8) {
        taken[count].class = what->class;
        taken[count].code = what->class == CLASS_IO ? 0 : what->code;
        taken[count].old = what->old;
    }
    count++;
    if (what->code == 0x1004 && what->class == CLASS_EXTERNAL) {
        u64 never = -1UL;
        asm volatile("sckc %0" : : "Q"(never));
    }
    if (what->code == 0x1005 && what->class == CLASS_EXTERNAL) {
        u64 far = 1UL << 62;
        asm volatile("spt %0" : : "Q"(far));
    }
    return 1;
}

static void signal_self(void)
{
    count = 0;
    EQUAL(sigp(0, SIGP_EMERGENCY, 0, 0), 0);
    EQUAL(count, 0);
}

static u64 scratch[8] __attribute__((aligned(16)));

/// The interruption came once, behind the instruction the RUN begins with, `length` bytes long.
static void taken_behind(const char *what, u64 length, int line)
{
    equal_at(count, 1, what, line);
    equal_at(taken[0].class, CLASS_EXTERNAL, what, line);
    equal_at(taken[0].old.address, last.start + length, what, line);
    equal_at(last.registers[3], 1, what, line);
}
#define TAKEN_BEHIND(what, length) taken_behind(what, length, __LINE__)

static void enabling(void)
{
    TEST("instructions that enable");
    load_control(0, cr0 | EMERGENCY);
    IN(2) = (u64)scratch;
    IN(3) = 0;
    *(u8 *)scratch = 1;
    signal_self();
    RUN(HOME_PSW, "ssm 0(2)\n lghi 3,1");
    TAKEN_BEHIND("SSM", 4);
    EQUAL(taken[0].code, 0x1201);
    signal_self();
    RUN(HOME_PSW, "stosm 8(2),1\n lghi 3,1");
    TAKEN_BEHIND("STOSM", 4);
    signal_self();
    RUN(HOME_PSW, "larl 4,773f\n stg 4,8(2)\n mvc 0(8,2),16(2)\n lpswe 0(2)\n 773: lghi 3,1\n");
    EQUAL(count, 0); // scratch + 16 holds no enabling PSW yet
    scratch[2] = HOME_PSW | PSW_EXTERNAL;
    RUN2(HOME_PSW, "larl 4,773f\n stg 4,8(2)\n mvc 0(8,2),16(2)\n", "lpswe 0(2)\n 773: lghi 3,1\n");
    TAKEN_BEHIND("LPSWE", 4);
    *(u8 *)scratch = 1;
    static u16 target[2] __attribute__((aligned(8))) = { 0x8000, 0x2000 };
    IN(5) = (u64)target;
    signal_self();
    RUN(HOME_PSW, "ex 0,0(5)\n lghi 3,1");
    TAKEN_BEHIND("EX of SSM", 4);
    load_control(0, cr0);
    signal_self();
    scratch[3] = cr0 | EMERGENCY;
    RUN(HOME_PSW | PSW_EXTERNAL, "lctlg 0,0,24(2)\n lghi 3,1");
    TAKEN_BEHIND("LCTLG", 6);
    scratch[3] = (u64)(u32)(cr0 | EMERGENCY) << 32;
    load_control(0, cr0);
    signal_self();
    RUN(HOME_PSW | PSW_EXTERNAL, "lctl 0,0,24(2)\n lghi 3,1");
    TAKEN_BEHIND("LCTL", 4);
    // The instruction that makes it pending, with everything enabled.
    count = 0;
    IN(6) = 0;
    RUN(HOME_PSW | PSW_EXTERNAL, "sigp 4,6,3(0)\n lghi 3,1");
    TAKEN_BEHIND("SIGP to oneself", 4);
    // In a loop without anything that looks like an occasion.
    signal_self();
    RUN(HOME_PSW | PSW_EXTERNAL, "lghi 3,1\n");
    EQUAL(count, 1);
    EQUAL(taken[0].old.address, last.start);
    load_control(0, cr0);
}

static void swaps(void)
{
    TEST("interruptions between two PSW swaps");
    extern char entry_svc[], entry_program[];
    load_control(0, cr0 | EMERGENCY);
    // The new PSW of the first interruption enables for the second.
    lc(u64, 0x1c0) = HOME_PSW | PSW_EXTERNAL;
    lc(u64, 0x1d0) = HOME_PSW | PSW_EXTERNAL;
    // The handlers share their save area: the first one's is restored by the second's return, which is all this needs.
    signal_self();
    RUN(HOME_PSW, "svc 255");
    EQUAL(count, 1);
    EQUAL(taken[0].old.address, (u64)entry_svc);
    EQUAL(taken[0].old.mask, HOME_PSW | PSW_EXTERNAL);
    COMPLETED("SVC");
    signal_self();
    RUN(HOME_PSW, ".short 0");
    EQUAL(count, 1);
    EQUAL(taken[0].old.address, (u64)entry_program);
    SUPPRESSED("an operation exception", 0x01, 2);
    lc(u64, 0x1c0) = HOME_PSW;
    lc(u64, 0x1d0) = HOME_PSW;
    load_control(0, cr0);
}

static u32 subchannel;
static u32 orb[3], irb[24], schib[13];
static u64 program __attribute__((aligned(8)));

static void start_io(void)
{
    program = 0x0320000100000000;
    orb[1] = 0x0080ff00;
    orb[2] = (u32)(u64)&program;
    int cc;
    asm volatile("lgr 1,%1\n ssch 0(%2)\n ipm %0\n srl %0,28" : "=d"(cc) : "d"((u64)subchannel), "a"(orb) : "1", "cc", "memory");
    EQUAL(cc, 0);
    // Until its status is pending, which STSCH shows and leaves.
    for (u64 end = tod() + (20UL << 32); !(schib[7] & 1) && tod() < end; relax())
        asm volatile("lgr 1,%0\n stsch 0(%1)" : : "d"((u64)subchannel), "a"(schib) : "1", "cc", "memory");
    schib[7] = 0;
}

static void find_device(void)
{
    for (subchannel = 0x10000;; ++subchannel) {
        int cc;
        asm volatile("lgr 1,%1\n stsch 0(%2)\n ipm %0\n srl %0,28" : "=d"(cc) : "d"((u64)subchannel), "a"(schib) : "1", "cc", "memory");
        if (cc)
            fail("no device", 0);
        if (schib[1] & 0x10000)
            break;
    }
    schib[1] |= 0x800000;
    asm volatile("lgr 1,%0\n msch 0(%1)" : : "d"((u64)subchannel), "a"(schib) : "1", "cc", "memory");
}

static void priorities(void)
{
    TEST("priorities");
    find_device();
    load_control(6, (u64)IO_MASK);
    u64 past = 0, negative = -1UL;
    asm volatile("sckc %0\n spt %1" : : "Q"(past), "Q"(negative));
    start_io();
    sigp(0, SIGP_EXTERNAL_CALL, 0, 0);
    sigp(0, SIGP_EMERGENCY, 0, 0);
    count = 0;
    load_control(0, cr0 | ALL);
    open_window(PSW_EXTERNAL | PSW_IO);
    load_control(0, cr0);
    EQUAL(count, 5);
    static const u16 order[] = { 0x1201, 0x1202, 0x1004, 0x1005, 0 };
    for (u32 i = 0; i < 5; ++i)
        EQUAL(taken[i].code, order[i]);
    EQUAL(taken[4].class, CLASS_IO);
    asm volatile("lgr 1,%0\n tsch 0(%1)" : : "d"((u64)subchannel), "a"(irb) : "1", "cc", "memory");
    // I/O alone when the external ones are masked, and the other way round.
    start_io();
    sigp(0, SIGP_EMERGENCY, 0, 0);
    count = 0;
    load_control(0, cr0 | ALL);
    open_window(PSW_IO);
    EQUAL(count, 1);
    EQUAL(taken[0].class, CLASS_IO);
    open_window(PSW_EXTERNAL);
    EQUAL(count, 2);
    EQUAL(taken[1].code, 0x1201);
    load_control(0, cr0);
    asm volatile("lgr 1,%0\n tsch 0(%1)" : : "d"((u64)subchannel), "a"(irb) : "1", "cc", "memory");
    // STNSM disables at once.
    sigp(0, SIGP_EMERGENCY, 0, 0);
    count = 0;
    IN(2) = (u64)scratch;
    load_control(0, cr0 | EMERGENCY);
    RUN(HOME_PSW, "stnsm 0(2),0xfe\n lghi 3,1");
    EQUAL(count, 0);
    open_window(PSW_EXTERNAL);
    EQUAL(count, 1);
    load_control(0, cr0);
}

int main(void)
{
    cr0 = store_control(0);
    u64 never = -1UL, far = 1UL << 62;
    asm volatile("sckc %0\n spt %1" : : "Q"(never), "Q"(far));
    HOOK(CLASS_EXTERNAL) = note;
    HOOK(CLASS_IO) = note;
    enabling();
    swaps();
    priorities();
    return 0;
}
