// Work of partitions that compete for physical CPUs, and what they see of it. Without a load parameter each kind is tried for a moment. With
// one a kind goes on without end, and every two seconds there are figures on the console, names with hexadecimal numbers. The kinds:
//   S    computes                     Y    computes for 50 microseconds and yields
//   C    computes for 12.4 ms, which is a little less than the least slice, and sleeps for 0.1 ms
//   W5   wakes up after each 5 ms by the clock comparator, and computes for 100 microseconds; any number of milliseconds
// zvisor: --personality lpar

#include "lib/guest.h"

enum { COMPARATOR_MASK = 0x800, CODE_COMPARATOR = 0x1004, EXTENDED = 0x10000 };
#define MICROSECOND 4096UL
#define NEVER (~0UL)
#define LONGEST (1UL << 62)

// ---- Figures ----------------------------------------------------------------------------------------------------------

enum { BUCKETS = 4096, BUCKET_MICROSECONDS = 10 };
static u32 late[BUCKETS];
static u64 work, wake_ups, latest;

static void set_comparator(u64 value) { asm volatile("sckc %0" : : "Q"(value)); }
static void set_timer(u64 value) { asm volatile("spt %0" : : "Q"(value)); }
static u64 timer(void)
{
    u64 value;
    asm volatile("stpt %0" : "=Q"(value));
    return value;
}

/// Microseconds that a part of the wake-ups, in thousandths, was not later than.
static u64 lateness(u64 thousandths)
{
    u64 seen = 0;
    for (u32 i = 0; i < BUCKETS; ++i)
        if ((seen += late[i]) * 1000 >= wake_ups * thousandths)
            return (i + 1) * BUCKET_MICROSECONDS;
    return latest;
}

/// DIAGNOSE X'204': times of CPU 0 by its offset in the block of a logical CPU, in microseconds.
enum { EFFECTIVE = 16, ONLINE = 32, WAITING = 40 };
static u8 utilization[2 * 4096] __attribute__((aligned(4096)));
static u64 time_of(u32 offset)
{
    register u64 r2 asm("2") = EXTENDED | 7;
    register u64 r3 asm("3") = 2;
    asm volatile("diag %2,2,0x204" : "+d"(r2), "+d"(r3) : "d"(utilization) : "memory");
    return *(u64 *)(utilization + 64 + 96 + offset);
}

static void report(void)
{
    say_number("work", work);
    say_number("wakeups", wake_ups);
    say_number("p50", lateness(500));
    say_number("p99", lateness(990));
    say_number("max", latest);
    u64 effective = time_of(EFFECTIVE);
    u64 waiting = time_of(WAITING);
    u64 online = time_of(ONLINE);
    say_number("dispatched", effective);
    say_number("waiting", waiting);
    say_number("timer", (LONGEST - timer()) / MICROSECOND);
    say_number("online", online);
    say("reported");
}

// ---- Kinds of work ----------------------------------------------------------------------------------------------------

static u64 taken_at;
static int take(const struct outcome *what, struct psw *resume)
{
    if (what->code != CODE_COMPARATOR)
        return 0;
    taken_at = tod();
    set_comparator(NEVER);
    resume->mask &= ~PSW_WAIT;
    return 1;
}

/// Something at least, however late the host goes on with it.
static void compute(u64 microseconds)
{
    u64 end = tod() + microseconds * MICROSECOND;
    do {
        asm volatile("lghi 0,1000\n1: brctg 0,1b" : : : "0");
        ++work;
    } while (tod() < end);
}

static void sleep(u64 microseconds)
{
    u64 due = tod() + microseconds * MICROSECOND;
    u64 cr0 = store_control(0);
    set_comparator(due);
    load_control(0, cr0 | COMPARATOR_MASK);
    open_window(PSW_EXTERNAL | PSW_WAIT);
    load_control(0, cr0);
    u64 microseconds_late = (taken_at - due) / MICROSECOND;
    u64 bucket = microseconds_late / BUCKET_MICROSECONDS;
    ++late[bucket < BUCKETS ? bucket : BUCKETS - 1];
    ++wake_ups;
    latest = microseconds_late > latest ? microseconds_late : latest;
}

static void spin(u64 number)
{
    (void)number;
    compute(1000);
}
static void yield(u64 number)
{
    (void)number;
    compute(50);
    relax();
}
static void cheat(u64 number)
{
    (void)number;
    compute(12400);
    sleep(100);
}
static void wake(u64 milliseconds)
{
    sleep(milliseconds * 1000);
    compute(100);
}

/// By the letter in EBCDIC.
static const struct {
    u8 letter;
    void (*work)(u64 number);
} kinds[] = { { 0xe2, spin }, { 0xe8, yield }, { 0xc3, cheat }, { 0xe6, wake } };

// ---- What is wanted ---------------------------------------------------------------------------------------------------

static u8 block[4096] __attribute__((aligned(4096)));
static const u8 *load_parameter(void)
{
    enum { READ_SCP_INFORMATION = 0x00020001, LOAD_PARAMETER_AT = 24 };
    *(u16 *)block = sizeof block;
    serve(READ_SCP_INFORMATION, block);
    return block + LOAD_PARAMETER_AT;
}

static u64 number_in(const u8 *text)
{
    u64 number = 0;
    for (u32 i = 1; i < 8 && text[i] >= 0xf0; ++i)
        number = number * 10 + (text[i] & 0xf);
    return number;
}

static void go_on(void (*kind)(u64 number), u64 number)
{
    for (;;) {
        report();
        for (u64 end = tod() + 2000000 * MICROSECOND; tod() < end;)
            kind(number);
    }
}

static void try_all(void)
{
    for (u32 i = 0; i < sizeof kinds / sizeof kinds[0]; ++i) {
        TEST("a kind of work");
        u64 before = work;
        u64 from = time_of(EFFECTIVE);
        kinds[i].work(2);
        CHECK(work > before);
        CHECK(time_of(EFFECTIVE) > from);
    }
    TEST("figures");
    EQUAL(wake_ups, 2);
    CHECK(lateness(500) <= lateness(990));
    CHECK(time_of(WAITING) >= 2000);
    CHECK(time_of(ONLINE) >= time_of(EFFECTIVE) + time_of(WAITING));
}

int main(void)
{
    HOOK(CLASS_EXTERNAL) = take;
    set_comparator(NEVER);
    set_timer(LONGEST);
    const u8 *parameter = load_parameter();
    for (u32 i = 0; i < sizeof kinds / sizeof kinds[0]; ++i)
        if (parameter[0] == kinds[i].letter)
            go_on(kinds[i].work, number_in(parameter));
    try_all();
    return 0;
}
