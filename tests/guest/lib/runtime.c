// Checks, interruptions and other CPUs.

#include "lib/guest.h"

struct outcome last;
interruption_hook *hooks[8];

static const char *test_name;
static u32 test_line;
static u64 checks, failures, test_checks, test_failures;

// ---- Checks -----------------------------------------------------------------------------------------------------------

static char line[160];
static u64 line_length;

static void put(const char *text)
{
    while (*text && line_length < sizeof line - 1)
        line[line_length++] = *text++;
}

static void put_hex(u64 value)
{
    char digits[17] = { 0 };
    u64 at = 16;
    do {
        digits[--at] = "0123456789abcdef"[value & 15];
        value >>= 4;
    } while (value);
    put(digits + at);
}

static void put_decimal(u64 value)
{
    char digits[21] = { 0 };
    u64 at = 20;
    do {
        digits[--at] = (char)('0' + value % 10);
        value /= 10;
    } while (value);
    put(digits + at);
}

void console_line(const char *text, u64 length);

static void put_line(void)
{
    line[line_length++] = '\n';
    console_line(line, line_length);
    line_length = 0;
}

void say(const char *text)
{
    put(text);
    put_line();
}

void say_number(const char *text, u64 value)
{
    put(text);
    put(" ");
    put_hex(value);
    put_line();
}

static void test_end(void)
{
    if (!test_name)
        return;
    put(test_failures ? "FAIL " : "ok   ");
    put(test_name);
    put(": ");
    put_decimal(test_checks - test_failures);
    put(" of ");
    put_decimal(test_checks);
    put_line();
    test_name = 0;
}

void test_begin(const char *name)
{
    test_end();
    test_name = name;
    test_checks = test_failures = 0;
}

static int count(int ok, int at_line)
{
    test_line = (u32)at_line;
    checks++;
    test_checks++;
    if (ok)
        return 1;
    failures++;
    test_failures++;
    put("  line ");
    put_decimal((u64)at_line);
    put(": ");
    return 0;
}

void check_at(int ok, const char *what, int at_line)
{
    if (count(ok, at_line))
        return;
    put(what);
    put_line();
}

void equal_at(u64 actual, u64 expected, const char *what, int at_line)
{
    if (count(actual == expected, at_line))
        return;
    put(what);
    put(" is ");
    put_hex(actual);
    put(", not ");
    put_hex(expected);
    put_line();
}

static __attribute__((noreturn)) void disabled_wait(u64 code)
{
    struct psw psw = { PSW_WAIT | PSW_64, code };
    for (;;)
        asm volatile("lpswe %0" : : "Q"(psw) : "memory");
}

void finish(void)
{
    test_end();
    put_decimal(checks);
    put(" checks, ");
    put_decimal(failures);
    put(" failed");
    put_line();
    if (failures)
        disabled_wait(0xbad0000 + failures);
    for (;;)
        sigp(cpu_address(), SIGP_STOP, 0, 0);
}

void fail(const char *why, u64 value)
{
    line_length = 0;
    put("FAIL ");
    put(test_name ? test_name : "");
    put(" after line ");
    put_decimal(test_line);
    put(": ");
    put(why);
    put(" ");
    put_hex(value);
    put_line();
    disabled_wait(0xbad0000);
}

static void describe_last(void)
{
    put(" gave class ");
    put_hex(last.class);
    put(" code ");
    put_hex(last.code);
    put(" ilc ");
    put_hex(last.ilc);
    put(" at start");
    put(last.old.address >= last.start ? "+" : "-");
    put_hex(last.old.address >= last.start ? last.old.address - last.start : last.start - last.old.address);
    put_line();
}

void completed_at(const char *what, int at_line)
{
    if (count(last.class == CLASS_SVC && last.code == 255, at_line))
        return;
    put(what);
    put(" did not complete, it");
    describe_last();
}

void program_at(u16 code, u8 ilc, int nullified, const char *what, int at_line)
{
    u64 address = last.start + (nullified ? 0 : ilc);
    if (count(last.class == CLASS_PROGRAM && last.code == code && last.ilc == ilc && last.old.address == address, at_line))
        return;
    put(what);
    put(" should give ");
    put_hex(code);
    put(" ilc ");
    put_hex(ilc);
    put(nullified ? " nullified, it" : ", it");
    describe_last();
}

// ---- Interruptions ----------------------------------------------------------------------------------------------------

static void read_outcome(struct outcome *out, u32 class)
{
    memset(out, 0, sizeof *out);
    out->class = class;
    out->old.mask = lc(u64, class);
    out->old.address = lc(u64, class + 8);
    out->start = lc(u64, LC_RUN_START);
    memcpy(out->registers, (const void *)(prefix_area + LC_REGISTERS), sizeof out->registers);
    switch (class) {
    case CLASS_EXTERNAL:
        out->code = lc(u16, 0x86);
        out->cpu_address = lc(u16, 0x84);
        out->parameter = lc(u32, 0x80);
        break;
    case CLASS_SVC:
        out->code = lc(u16, 0x8a);
        out->ilc = (u8)lc(u16, 0x88);
        break;
    case CLASS_IO:
        out->subsystem_id = lc(u32, 0xb8);
        out->io_parameter = lc(u32, 0xbc);
        out->io_identification = lc(u32, 0xc0);
        break;
    case CLASS_PROGRAM:
        out->ilc = (u8)lc(u16, 0x8c);
        out->code = lc(u16, 0x8e);
        out->data_code = lc(u32, 0x90);
        out->monitor_class = lc(u16, 0x94);
        out->per_code = lc(u8, 0x96);
        out->per_mode = lc(u8, 0x97);
        out->per_address = lc(u64, 0x98);
        out->access_id = lc(u8, 0xa0);
        out->per_access_id = lc(u8, 0xa1);
        out->translation_exception = lc(u64, 0xa8);
        out->monitor_code = lc(u64, 0xb0);
        out->breaking_event = lc(u64, 0x110);
        break;
    default:
        break;
    }
}

/// Goes on behind the RUN this interruption ends, if it does.
static int ends_run(u32 class, struct psw *resume)
{
    if (!lc(u64, LC_RUN_ACTIVE) || (class != CLASS_PROGRAM && class != CLASS_SVC))
        return 0;
    lc(u64, LC_RUN_ACTIVE) = 0;
    read_outcome(&last, class);
    resume->mask = HOME_PSW;
    resume->address = lc(u64, LC_RUN_RESUME);
    return 1;
}

/// Says what came; an interruption while that is said ends the guest at once.
static __attribute__((noreturn)) void unexpected(u32 class)
{
    static int saying;
    struct outcome what;
    read_outcome(&what, class);
    if (saying++)
        disabled_wait((u64)what.code << 48 | what.old.address);
    // Saying it takes interruptions of its own, which must leave this stack alone.
    lc(u64, LC_INTERRUPTION_STACK) -= 4096;
    line_length = 0;
    say_number("unexpected interruption, old PSW", what.old.mask);
    say_number("  address", what.old.address);
    say_number("  TEID", what.translation_exception);
    fail("unexpected interruption, class and code", (u64)class << 16 | what.code);
}

void on_interruption(u32 class);
void on_interruption(u32 class)
{
    struct psw *resume = (struct psw *)(prefix_area + LC_RESUME_PSW);
    *resume = (struct psw) { lc(u64, class), lc(u64, class + 8) };
    struct outcome what;
    if (HOOK(class)) {
        read_outcome(&what, class);
        if (HOOK(class)(&what, resume))
            return;
    }
    if (ends_run(class, resume))
        return;
    unexpected(class);
}

extern char entry_restart[], entry_external[], entry_svc[], entry_program[], entry_machine_check[], entry_io[], start_cpu[];
static u8 interruption_stacks[4][8192] __attribute__((aligned(16)));
static u8 cpu_stacks[4][16384] __attribute__((aligned(16)));
static u8 prefix_areas[4][8192] __attribute__((aligned(8192)));

static void set_new_psw(u64 area, u64 offset, u64 address)
{
    *(volatile u64 *)(area + offset) = HOME_PSW;
    *(volatile u64 *)(area + offset + 8) = address;
}

static void prepare_area(u64 area, u32 index)
{
    set_new_psw(area, 0x1a0, (u64)entry_restart);
    set_new_psw(area, 0x1b0, (u64)entry_external);
    set_new_psw(area, 0x1c0, (u64)entry_svc);
    set_new_psw(area, 0x1d0, (u64)entry_program);
    set_new_psw(area, 0x1e0, (u64)entry_machine_check);
    set_new_psw(area, 0x1f0, (u64)entry_io);
    *(volatile u64 *)(area + LC_INTERRUPTION_STACK) = (u64)interruption_stacks[index] + sizeof interruption_stacks[index] - 160;
    *(volatile u64 *)(area + LC_CPU_STACK) = (u64)cpu_stacks[index] + sizeof cpu_stacks[index] - 160;
}

void prepare_prefix_area(u64 area)
{
    prepare_area(area, 0);
}

void open_window(u64 masks)
{
    lc(u64, LC_SCRATCH) = 0;
    asm volatile("larl 1,1f\n stg 1,%0\n stg %2,%1\n lpswe %1\n1: ssm %3"
        : "=Q"(lc(u64, LC_RUN_PSW + 8)), "=Q"(lc(u64, LC_RUN_PSW))
        : "d"(HOME_PSW | masks), "Q"(lc(u8, LC_SCRATCH))
        : "1", "memory");
}

// ---- Other CPUs ------------------------------------------------------------------------------------------------------

u64 prefix_of(u16 cpu)
{
    return (u64)prefix_areas[cpu];
}

void start_program(u16 cpu, void (*program)(void))
{
    u64 area = prefix_of(cpu);
    prepare_area(area, cpu);
    set_new_psw(area, 0x1a0, (u64)start_cpu);
    *(volatile u64 *)(area + LC_CPU_PROGRAM) = (u64)program;
    while (sigp(cpu, SIGP_INITIAL_RESET, 0, 0) == 2)
        ;
    while (sigp(cpu, SIGP_SET_PREFIX, area, 0) == 2)
        ;
    while (sigp(cpu, SIGP_RESTART, 0, 0) == 2)
        ;
}

void wait_stopped(u16 cpu)
{
    u32 status = 0;
    for (u64 end = tod() + (20UL << 32); tod() < end; relax())
        if (sigp(cpu, SIGP_SENSE, 0, &status) == 1 && (status & 0x40))
            return;
    fail("a CPU did not stop", cpu);
}

void barrier(volatile u64 *state, u64 count)
{
    u64 arrived;
    asm volatile("laag %0,%2,%1" : "=d"(arrived), "+QS"(*state) : "d"(1UL) : "cc", "memory");
    u64 goal = (arrived / count + 1) * count;
    for (u32 i = 0; *state < goal; ++i)
        if (i > 2000)
            relax();
}

// ---- Strings -----------------------------------------------------------------------------------------------------------

void *memset(void *to, int byte, u64 length)
{
    for (volatile u8 *p = to; length > 0; --length)
        *p++ = (u8)byte;
    return to;
}

void *memcpy(void *to, const void *from, u64 length)
{
    volatile u8 *p = to;
    const u8 *q = from;
    for (; length > 0; --length)
        *p++ = *q++;
    return to;
}

int memcmp(const void *a, const void *b, u64 length)
{
    const u8 *p = a;
    const u8 *q = b;
    for (; length > 0; --length, ++p, ++q)
        if (*p != *q)
            return *p < *q ? -1 : 1;
    return 0;
}

void guest_start(void);
void guest_start(void)
{
    prepare_area(0, 0);
    load_control(0, 0xe0UL);
    load_control(14, 0UL);
    main();
    finish();
}
