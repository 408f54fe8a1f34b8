// SIGNAL PROCESSOR: every order, between two CPUs (PoP ch. 4, "CPU Signaling and Response"), and the external interruptions it makes.
// zvisor: --cpus 2

#include "lib/guest.h"

enum { EXTERNAL_CALL_MASK = 0x2000, EMERGENCY_MASK = 0x4000 };
enum {
    STATUS_INCORRECT_STATE = 0x200,
    STATUS_INVALID_PARAMETER = 0x100,
    STATUS_EXTERNAL_CALL_PENDING = 0x80,
    STATUS_STOPPED = 0x40,
    STATUS_INVALID_ORDER = 0x02,
};

static volatile u64 progress;
static volatile u64 go;
static u32 status;
static struct outcome taken;
static u64 taken_count;

static int take(const struct outcome *what, struct psw *resume)
{
    (void)resume;
    if (what->code == 0x2401)
        return 0;
    taken = *what;
    taken_count++;
    return 1;
}

static int send(u8 order, u64 parameter)
{
    int cc;
    status = 0;
    while ((cc = sigp(1, order, parameter, &status)) == 2)
        ;
    return cc;
}

static int wait_for(volatile u64 *what, u64 value)
{
    for (u64 end = tod() + (20UL << 32); tod() < end; relax())
        if (*what == value)
            return 1;
    return 0;
}

static void count_forever(void)
{
    progress = 1;
    for (;;)
        ++*(volatile u64 *)&go;
}

static void run_once(void)
{
    progress = cpu_address() + 100;
}

static void invalid_orders(void)
{
    TEST("addresses and invalid orders");
    EQUAL(cpu_address(), 0);
    EQUAL(sigp(2, SIGP_SENSE, 0, 0), 3);
    EQUAL(sigp(0xffff, SIGP_EMERGENCY, 0, 0), 3);
    EQUAL(send(0, 0), 1);
    EQUAL(status, STATUS_INVALID_ORDER);
    EQUAL(send(0x7f, 0), 1);
    EQUAL(status, STATUS_INVALID_ORDER);
    IN(2) = 1;
    RUN(HOME_PSW | PSW_PROBLEM, "sigp 4,2,1(0)");
    SUPPRESSED("SIGP in problem state", 0x02, 4);
}

static void start_and_stop(void)
{
    TEST("sense, restart, stop, start");
    EQUAL(send(SIGP_SENSE, 0), 1);
    EQUAL(status, STATUS_STOPPED);
    start_program(1, run_once);
    CHECK(wait_for(&progress, 101));
    wait_stopped(1);
    EQUAL(*(u64 *)(prefix_of(1) + 0x120), 0);
    start_program(1, count_forever);
    CHECK(wait_for(&progress, 1));
    EQUAL(send(SIGP_SENSE, 0), 0);
    EQUAL(send(SIGP_STOP, 0), 0);
    wait_stopped(1);
    u64 before = go;
    delay(2000);
    EQUAL(go, before);
    EQUAL(send(SIGP_START, 0), 0);
    delay(20000);
    CHECK(go > before);
    EQUAL(send(SIGP_SENSE, 0), 0);
}

static void status_and_prefix(void)
{
    TEST("orders a running CPU refuses");
    static u8 area[8192] __attribute__((aligned(8192)));
    EQUAL(send(SIGP_SET_PREFIX, (u64)area), 1);
    EQUAL(status, STATUS_INCORRECT_STATE);
    EQUAL(send(SIGP_STORE_STATUS, (u64)area), 1);
    EQUAL(status, STATUS_INCORRECT_STATE);
    EQUAL(send(SIGP_SET_ARCHITECTURE, 1), 1);
    EQUAL(send(SIGP_SET_PREFIX, 0x7fffe000), 1);
    CHECK(status & STATUS_INVALID_PARAMETER);

    TEST("stop and store status");
    // Absolute locations: prefixing does not apply.
    memset((void *)(prefix_of(1) + 0x1200), 0xee, 512);
    memset((void *)0x1200, 0xee, 512);
    lc(u8, 163) = 0;
    EQUAL(send(SIGP_STOP_AND_STORE_STATUS, 0), 0);
    wait_stopped(1);
    u64 save = 0x1200;
    EQUAL(*(u64 *)(prefix_of(1) + 0x1300), 0xeeeeeeeeeeeeeeee);
    EQUAL(*(u64 *)(save + 0x100), PSW_64 | (*(u64 *)(save + 0x100) & 3UL << 44));
    CHECK(*(u64 *)(save + 0x108) >= (u64)count_forever && *(u64 *)(save + 0x108) < (u64)count_forever + 64);
    EQUAL(*(u32 *)(save + 0x118), prefix_of(1));
    EQUAL(*(u64 *)(save + 0x180), 0xe0);
    EQUAL(*(u64 *)(save + 0x180 + 14 * 8), 0xc2000000);
    CHECK(*(u64 *)(save + 0x80 + 15 * 8) != 0xeeeeeeeeeeeeeeee);
    EQUAL(lc(u8, 163), 1);

    TEST("store status at an address");
    memset(area, 0xee, 512);
    EQUAL(send(SIGP_STORE_STATUS, (u64)area), 0);
    EQUAL(memcmp(area, (void *)save, 0x120), 0);
    EQUAL(send(SIGP_STORE_STATUS, 0x7ffffe00), 1);
    EQUAL(status, STATUS_INVALID_PARAMETER);

    TEST("set prefix of a stopped CPU");
    EQUAL(send(SIGP_SET_PREFIX, 0x7fffe000), 1);
    EQUAL(status, STATUS_INVALID_PARAMETER);
    memcpy(area, (void *)prefix_of(1), sizeof area);
    EQUAL(send(SIGP_SET_PREFIX, (u64)area), 0);
    progress = 0;
    *(u64 *)(area + LC_CPU_PROGRAM) = (u64)run_once;
    EQUAL(send(SIGP_RESTART, 0), 0);
    CHECK(wait_for(&progress, 101));
    wait_stopped(1);
    CHECK(*(u64 *)(area + 0x128) >= (u64)count_forever && *(u64 *)(area + 0x128) < (u64)count_forever + 64);
}

static void resets(void)
{
    TEST("resets");
    start_program(1, count_forever);
    CHECK(wait_for(&progress, 1));
    EQUAL(send(SIGP_RESET, 0), 0);
    wait_stopped(1);
    static u8 area[512] __attribute__((aligned(512)));
    EQUAL(send(SIGP_STORE_STATUS, (u64)area), 0);
    EQUAL(*(u32 *)(area + 0x118), prefix_of(1));
    CHECK(*(u64 *)(area + 0x108) != 0);
    EQUAL(send(SIGP_INITIAL_RESET, 0), 0);
    EQUAL(send(SIGP_STORE_STATUS, (u64)area), 0);
    EQUAL(*(u32 *)(area + 0x118), 0);
    EQUAL(*(u64 *)(area + 0x100), 0);
    EQUAL(*(u64 *)(area + 0x108), 0);
    EQUAL(*(u64 *)(area + 0x180), 0xe0);
    EQUAL(*(u32 *)(area + 0x11c), 0);
}

static void signal_back(void)
{
    sigp(0, SIGP_EMERGENCY, 0, 0);
    sigp(0, SIGP_EXTERNAL_CALL, 0, 0);
    progress = 2;
}

static void signals(void)
{
    TEST("emergency signal and external call");
    HOOK(CLASS_EXTERNAL) = take;
    u64 cr0 = store_control(0);
    start_program(1, signal_back);
    CHECK(wait_for(&progress, 2));
    wait_stopped(1);
    EQUAL(sigp(0, SIGP_SENSE, 0, &status), 1);
    EQUAL(status, STATUS_EXTERNAL_CALL_PENDING);
    EQUAL(sigp(0, SIGP_EXTERNAL_CALL, 0, &status), 1);
    EQUAL(status, STATUS_EXTERNAL_CALL_PENDING);
    open_window(PSW_EXTERNAL);
    EQUAL(taken_count, 0);
    load_control(0, cr0 | EMERGENCY_MASK);
    EQUAL(taken_count, 0);
    open_window(PSW_EXTERNAL);
    EQUAL(taken_count, 1);
    EQUAL(taken.code, 0x1201);
    EQUAL(taken.cpu_address, 1);
    load_control(0, cr0 | EXTERNAL_CALL_MASK);
    open_window(PSW_EXTERNAL);
    EQUAL(taken_count, 2);
    EQUAL(taken.code, 0x1202);
    EQUAL(taken.cpu_address, 1);
    EQUAL(sigp(0, SIGP_SENSE, 0, &status), 0);
    // To oneself, emergency signal before external call, each CPU's emergency signal by itself.
    EQUAL(sigp(0, SIGP_EXTERNAL_CALL, 0, &status), 0);
    EQUAL(sigp(0, SIGP_EMERGENCY, 0, &status), 0);
    start_program(1, signal_back);
    CHECK(wait_for(&progress, 2));
    wait_stopped(1);
    taken_count = 0;
    load_control(0, cr0 | EMERGENCY_MASK | EXTERNAL_CALL_MASK);
    open_window(PSW_EXTERNAL);
    EQUAL(taken_count, 3);
    EQUAL(taken.code, 0x1202);
    EQUAL(taken.cpu_address, 0);
    load_control(0, cr0);
    HOOK(CLASS_EXTERNAL) = 0;
}

static void wait_for_signal(void)
{
    static struct psw waiting = { PSW_64 | PSW_WAIT | PSW_EXTERNAL, 0 };
    load_control(0, 0xe0UL | EMERGENCY_MASK);
    progress = 3;
    asm volatile("larl 1,1f\n stg 1,8(%0)\n lpswe 0(%0)\n1:" : : "a"(&waiting) : "1", "memory");
    progress = 4;
}

static int wake(const struct outcome *what, struct psw *resume)
{
    if (what->code != 0x1201)
        return 0;
    resume->mask = PSW_64;
    return 1;
}

static void waking(void)
{
    TEST("a waiting CPU is woken");
    HOOK(CLASS_EXTERNAL) = wake;
    start_program(1, wait_for_signal);
    CHECK(wait_for(&progress, 3));
    delay(5000);
    EQUAL(progress, 3);
    if (send(SIGP_SENSE_RUNNING, 0) == 1)
        EQUAL(status, 0x400);
    EQUAL(send(SIGP_EMERGENCY, 0), 0);
    CHECK(wait_for(&progress, 4));
    wait_stopped(1);
    EQUAL(*(u16 *)(prefix_of(1) + 0x86), 0x1201);
    EQUAL(*(u16 *)(prefix_of(1) + 0x84), 0);
    EQUAL(*(u64 *)(prefix_of(1) + 0x130) & PSW_WAIT, PSW_WAIT);
    HOOK(CLASS_EXTERNAL) = 0;
}

static void ping_pong(void)
{
    for (u64 i = 0; i < 60; ++i) {
        while (go != 2 * i + 1)
            relax();
        go = 2 * i + 2;
        while (sigp(0, SIGP_EXTERNAL_CALL, 0, 0) != 0)
            relax();
    }
}

static void many(void)
{
    TEST("60 external calls");
    HOOK(CLASS_EXTERNAL) = take;
    u64 cr0 = store_control(0);
    load_control(0, cr0 | EXTERNAL_CALL_MASK);
    go = 0;
    taken_count = 0;
    start_program(1, ping_pong);
    for (u64 i = 0; i < 60; ++i) {
        go = 2 * i + 1;
        u64 end = tod() + (5UL << 32);
        while (taken_count != i + 1 && tod() < end) {
            open_window(PSW_EXTERNAL);
            relax();
        }
    }
    EQUAL(taken_count, 60);
    wait_stopped(1);
    load_control(0, cr0);
    HOOK(CLASS_EXTERNAL) = 0;
}

static void wait_disabled(void)
{
    static struct psw waiting = { PSW_64 | PSW_WAIT, 0x1234 };
    progress = 5;
    asm volatile("lpswe %0" : : "Q"(waiting) : "memory");
}

static void disabled_wait(void)
{
    TEST("a CPU in a disabled wait");
    start_program(1, wait_disabled);
    CHECK(wait_for(&progress, 5));
    delay(5000);
    EQUAL(send(SIGP_SENSE, 0), 0);
    EQUAL(send(SIGP_EMERGENCY, 0), 0);
    delay(2000);
    EQUAL(send(SIGP_SENSE, 0), 0);
    // Restart gets it out; the signal still waits to be enabled for.
    *(u64 *)(prefix_of(1) + LC_CPU_PROGRAM) = (u64)run_once;
    EQUAL(send(SIGP_RESTART, 0), 0);
    CHECK(wait_for(&progress, 101));
    wait_stopped(1);
    EQUAL(*(u64 *)(prefix_of(1) + 0x128), 0x1234);
    EQUAL(*(u64 *)(prefix_of(1) + 0x120) & PSW_WAIT, PSW_WAIT);
    start_program(1, wait_disabled);
    CHECK(wait_for(&progress, 5));
    delay(5000);
    EQUAL(send(SIGP_STOP, 0), 0);
    wait_stopped(1);
    // Started again it waits again.
    EQUAL(send(SIGP_START, 0), 0);
    delay(5000);
    EQUAL(send(SIGP_SENSE, 0), 0);
    EQUAL(send(SIGP_STOP_AND_STORE_STATUS, 0), 0);
    wait_stopped(1);
    EQUAL(lc(u64, 0x1308), 0x1234);
}

static void interrupt_for_ever(void)
{
    progress = 6;
    asm volatile(".short 0");
}

static void interruption_loop(void)
{
    TEST("a string of program interruptions is ended by a reset");
    for (u32 i = 0; i < 3; ++i) {
        start_program(1, interrupt_for_ever);
        // An invalid program new PSW: each interruption brings the next one.
        EQUAL(send(SIGP_STOP, 0), 0);
        wait_stopped(1);
        *(u64 *)(prefix_of(1) + 0x1d0) = HOME_PSW | BIT(0);
        progress = 0;
        *(u64 *)(prefix_of(1) + LC_CPU_PROGRAM) = (u64)interrupt_for_ever;
        EQUAL(send(SIGP_RESTART, 0), 0);
        CHECK(wait_for(&progress, 6));
        delay(3000);
        EQUAL(send(SIGP_SENSE, 0), 0);
        EQUAL(send(i == 0 ? SIGP_RESET : SIGP_INITIAL_RESET, 0), 0);
        wait_stopped(1);
        EQUAL(*(u16 *)(prefix_of(1) + 0x8e), 0x06);
        EQUAL(*(u64 *)(prefix_of(1) + 0x150), HOME_PSW | BIT(0));
    }
    start_program(1, run_once);
    CHECK(wait_for(&progress, 101));
    wait_stopped(1);
}

static u64 restarted;
static int on_restart(const struct outcome *what, struct psw *resume)
{
    (void)resume;
    restarted = what->old.address;
    return 1;
}

static void restart_self(void)
{
    TEST("restart of a CPU that runs");
    HOOK(CLASS_RESTART) = on_restart;
    IN(4) = 0;
    RUN(HOME_PSW, "sigp 2,4,6(0)\n lghi 3,1");
    COMPLETED("SIGP restart to oneself");
    EQUAL(restarted, last.start + 4);
    EQUAL(last.registers[3], 1);
    HOOK(CLASS_RESTART) = 0;
}

int main(void)
{
    invalid_orders();
    start_and_stop();
    status_and_prefix();
    resets();
    signals();
    waking();
    many();
    disabled_wait();
    interruption_loop();
    restart_self();
    return 0;
}
