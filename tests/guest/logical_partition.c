// What a program learns of its logical partition: DIAGNOSE X'204' and X'224', STHYI, STSI 2.2.2; and CPUs that it configures and deconfigures.
// zvisor: --cpus 2 --max-cpus 4 --personality lpar --name LPTEST

#include "lib/guest.h"

enum {
    READ_CPU_INFORMATION = 0x00010001,
    CONFIGURE_CPU = 0x00110001,
    DECONFIGURE_CPU = 0x00100001,
    PRIVILEGED = 0x02,
    PROTECTION = 0x04,
    ADDRESSING = 0x05,
    SPECIFICATION = 0x06,
    EXTENDED = 0x10000,
    ONLINE = 0x20,
    LINUX_FACILITY = 3,
    BEYOND_STORAGE = 1 << 30,
};

static u8 data[2 * 4096] __attribute__((aligned(4096)));
/// LPTEST in EBCDIC.
static const u8 own_name[8] = { 0xd3, 0xd7, 0xe3, 0xc5, 0xe2, 0xe3, 0x40, 0x40 };

// ---- CPUs -----------------------------------------------------------------------------------------------------------

static u16 call(u32 command)
{
    *(u16 *)data = 4096;
    return serve(command, data);
}
static u16 configure(u8 cpu) { return call(CONFIGURE_CPU | (u32)cpu << 8); }
static u16 deconfigure(u8 cpu) { return call(DECONFIGURE_CPU | (u32)cpu << 8); }

static void counts(u16 configured, u16 standby)
{
    memset(data, 0, sizeof data);
    EQUAL(call(READ_CPU_INFORMATION), SCLP_READ_COMPLETE);
    EQUAL(*(u16 *)(data + 8), configured);
    EQUAL(*(u16 *)(data + 12), standby);
}

static volatile u32 runs;
static void count(void) { ++runs; }
static volatile u32 stays;
static void stay(void)
{
    while (stays)
        relax();
}

static void cpus(void)
{
    TEST("CPUs are configured and deconfigured");
    counts(2, 2);
    EQUAL(sigp(1, SIGP_SENSE, 0, 0), 1);
    EQUAL(sigp(2, SIGP_SENSE, 0, 0), 3);
    EQUAL(sigp(3, SIGP_START, 0, 0), 3);
    EQUAL(configure(1), SCLP_NO_ACTION);
    EQUAL(configure(4), SCLP_NOT_RECOGNIZED);
    EQUAL(deconfigure(2), SCLP_NO_ACTION);
    EQUAL(deconfigure(200), SCLP_NOT_RECOGNIZED);
    for (u32 i = 1; i <= 20; ++i) {
        EQUAL(configure(3), SCLP_COMPLETE);
        EQUAL(configure(3), SCLP_NO_ACTION);
        counts(3, 1);
        u32 status = 0;
        EQUAL(sigp(3, SIGP_SENSE, 0, &status), 1);
        EQUAL(status, 0x40);
        start_program(3, count);
        wait_stopped(3);
        EQUAL(runs, i);
        EQUAL(deconfigure(3), SCLP_COMPLETE);
        EQUAL(deconfigure(3), SCLP_NO_ACTION);
        EQUAL(sigp(3, SIGP_RESTART, 0, 0), 3);
        counts(2, 2);
    }
}

static void running_cpus(void)
{
    TEST("a CPU that runs stays configured");
    EQUAL(deconfigure(0), SCLP_IMPROPER_STATE);
    stays = 1;
    start_program(1, stay);
    EQUAL(deconfigure(1), SCLP_IMPROPER_STATE);
    stays = 0;
    wait_stopped(1);
    EQUAL(deconfigure(1), SCLP_COMPLETE);
    EQUAL(deconfigure(0), SCLP_IMPROPER_STATE);
    EQUAL(configure(1), SCLP_COMPLETE);
}

// ---- DIAGNOSE X'204' ------------------------------------------------------------------------------------------------

/// What is left in the register of the subcode; `size` is of R3+1.
static u64 utilization(u64 subcode, u64 *size, void *to)
{
    register u64 r2 asm("2") = subcode;
    register u64 r3 asm("3") = size ? *size : 0;
    asm volatile("diag %2,2,0x204" : "+d"(r2), "+d"(r3) : "d"(to) : "memory");
    if (size)
        *size = r3;
    return r2;
}

static void extended_utilization(void)
{
    TEST("extended logical-CPU utilization");
    u64 pages = 0;
    EQUAL(utilization(EXTENDED | 5, &pages, 0), 0);
    EQUAL(pages, 1);
    memset(data, 0xee, sizeof data);
    u64 before = tod();
    EQUAL(utilization(EXTENDED | 7, &pages, data), 0);
    EQUAL(pages, 1);
    EQUAL(data[0], 1);
    EQUAL(data[1] & 0x80, 0);
    u16 own = *(u16 *)(data + 6);
    EQUAL(own, 64);
    u64 at = *(u64 *)(data + 8) << 8;
    CHECK(at + 256 >= before && at <= tod());
    CHECK(memcmp(data + own + 8, own_name, 8) == 0);
    EQUAL(data[own + 1], 2);
    EQUAL(data[own + 2], 4);
    EQUAL(*(u64 *)(data + own + 32), 64);
    for (u16 cpu = 0; cpu < 4; ++cpu) {
        u8 *block = data + own + 96 + cpu * 96;
        EQUAL(*(u16 *)block, cpu);
        EQUAL(block[4], LINUX_FACILITY);
        EQUAL(block[5] & ONLINE, cpu < 2 ? ONLINE : 0);
    }
    EQUAL(data[own + 5 * 96], 0xee);
    EQUAL(utilization(EXTENDED | 6, &pages, data), 0);
    EQUAL(data[own + 2], 2);
}

static u64 field(u32 cpu, u32 offset)
{
    u64 pages = 1;
    EQUAL(utilization(EXTENDED | 7, &pages, data), 0);
    return *(u64 *)(data + 64 + 96 + cpu * 96 + offset);
}

static void times(void)
{
    TEST("the time of CPUs that run and that do not");
    enum { EFFECTIVE = 16, ONLINE_TIME = 32 };
    u64 self = field(0, EFFECTIVE);
    u64 online = field(0, ONLINE_TIME);
    u64 other = field(1, EFFECTIVE);
    delay(20000);
    CHECK(field(0, EFFECTIVE) > self);
    CHECK(field(0, ONLINE_TIME) >= online + 20000);
    EQUAL(field(1, EFFECTIVE), other);
    CHECK(field(0, EFFECTIVE) <= field(0, ONLINE_TIME));
    EQUAL(field(3, ONLINE_TIME) > 0, 1);
    online = field(3, ONLINE_TIME);
    delay(2000);
    EQUAL(field(3, ONLINE_TIME), online);
}

static void simple_utilization(void)
{
    TEST("simple logical-CPU utilization");
    for (u64 subcode = 0; subcode <= 4; subcode += 4) {
        memset(data, 0xee, sizeof data);
        EQUAL(utilization(subcode, 0, data), 0);
        EQUAL(data[0], 1);
        EQUAL(*(u16 *)(data + 6), 16);
        CHECK(memcmp(data + 16 + 8, own_name, 8) == 0);
        EQUAL(data[16 + 1], 2);
        EQUAL(*(u16 *)(data + 32 + 24), 1);
        EQUAL(data[32 + 2 * 24], 0xee);
    }
}

static void utilization_errors(void)
{
    TEST("operands of DIAGNOSE X'204'");
    static const u64 unknown[] = { 1, 2, 3, 5, 6, 7, 8, EXTENDED | 4, EXTENDED | 8, 0x20007, 0x80010007 };
    u64 pages = 1;
    for (u32 i = 0; i < sizeof unknown / sizeof *unknown; ++i)
        EQUAL(utilization(unknown[i], &pages, data), 4);
    pages = 0;
    memset(data, 0xee, sizeof data);
    EQUAL(utilization(EXTENDED | 7, &pages, data), 4);
    EQUAL(data[0], 0xee);
    pages = ~0UL;
    EQUAL(utilization(EXTENDED | 7, &pages, data), 0);
    IN(5) = 1;
    static const u64 storing[] = { 4, EXTENDED | 6, EXTENDED | 7 };
    for (u32 i = 0; i < 3; ++i) {
        IN(4) = storing[i];
        IN(2) = (u64)data + 8;
        RUN(HOME_PSW, "diag 2,4,0x204");
        SUPPRESSED("unaligned", SPECIFICATION, 4);
        IN(2) = BEYOND_STORAGE;
        RUN(HOME_PSW, "diag 2,4,0x204");
        SUPPRESSED("no storage", ADDRESSING, 4);
        IN(2) = (u64)data;
        RUN(HOME_PSW, "diag 2,5,0x204");
        SUPPRESSED("an odd register", SPECIFICATION, 4);
        RUN(HOME_PSW | PSW_PROBLEM, "diag 2,4,0x204");
        SUPPRESSED("in problem state", PRIVILEGED, 4);
    }
    set_key((u64)data, 0x30);
    RUN(HOME_PSW | PSW_KEY(5), "diag 2,4,0x204");
    SUPPRESSED("with another key", PROTECTION, 4);
    set_key((u64)data, 0);
}

static void type_names(void)
{
    TEST("names of CPU types");
    memset(data, 0, sizeof data);
    IN(2) = 0;
    IN(3) = (u64)data;
    RUN(HOME_PSW, "diag 2,3,0x224");
    COMPLETED("DIAGNOSE X'224'");
    CHECK(data[0] >= LINUX_FACILITY);
    EQUAL(*(u32 *)(data + 16), 0xc3d74040);
    EQUAL(*(u32 *)(data + 16 + LINUX_FACILITY * 16), 0xc9c6d340);
    IN(3) = (u64)data + 16;
    RUN(HOME_PSW, "diag 2,3,0x224");
    SUPPRESSED("unaligned", SPECIFICATION, 4);
    IN(3) = BEYOND_STORAGE;
    RUN(HOME_PSW, "diag 2,3,0x224");
    SUPPRESSED("no storage", ADDRESSING, 4);
}

// ---- Instructions -----------------------------------------------------------------------------------------------------

static void hypervisor_information(void)
{
    TEST("STORE HYPERVISOR INFORMATION");
    memset(data, 0xee, sizeof data);
    IN(2) = 0;
    IN(4) = (u64)data;
    IN(5) = 77;
    RUN(HOME_PSW | PSW_PROBLEM, ".insn rre,0xb2560000,2,4");
    COMPLETED("STHYI");
    EQUAL(LAST_CC, 0);
    EQUAL(last.registers[5], 0);
    EQUAL(data[0], 0x80);
    EQUAL(*(u16 *)(data + 8), 168);
    u16 machine = *(u16 *)(data + 12);
    u16 partition = *(u16 *)(data + 16);
    CHECK(data[machine + 2] & 0x40);
    CHECK(memcmp(data + partition + 16, own_name, 8) == 0);
    EQUAL(*(u16 *)(data + partition + 4), 1);
    EQUAL(*(u16 *)(data + partition + 10), 2);
    EQUAL(data[4095], 0);
    EQUAL(data[4096], 0xee);
    IN(2) = 1;
    RUN(HOME_PSW, ".insn rre,0xb2560000,2,4");
    COMPLETED("another function code");
    EQUAL(LAST_CC, 3);
    EQUAL(last.registers[5], 4);
    IN(2) = 0;
    RUN(HOME_PSW, ".insn rre,0xb2560000,2,2");
    SUPPRESSED("equal registers", SPECIFICATION, 4);
    RUN(HOME_PSW, ".insn rre,0xb2560000,3,4");
    SUPPRESSED("odd R1", SPECIFICATION, 4);
    RUN(HOME_PSW, ".insn rre,0xb2560000,2,5");
    SUPPRESSED("odd R2", SPECIFICATION, 4);
    IN(4) = (u64)data + 1;
    RUN(HOME_PSW, ".insn rre,0xb2560000,2,4");
    SUPPRESSED("unaligned", SPECIFICATION, 4);
    IN(4) = BEYOND_STORAGE;
    RUN(HOME_PSW, ".insn rre,0xb2560000,2,4");
    SUPPRESSED("no storage", ADDRESSING, 4);
    IN(4) = (u64)data;
    set_key((u64)data, 0x30);
    RUN(HOME_PSW | PSW_KEY(5), ".insn rre,0xb2560000,2,4");
    SUPPRESSED("with another key", PROTECTION, 4);
    set_key((u64)data, 0);
}

static void system_information(void)
{
    TEST("STSI 2.2.2");
    register u64 r0 asm("0") = 2UL << 28 | 2;
    register u64 r1 asm("1") = 2;
    int cc;
    asm volatile("stsi 0(%3)\n ipm %0\n srl %0,28" : "=d"(cc), "+d"(r0), "+d"(r1) : "a"(data) : "cc", "memory");
    EQUAL(cc, 0);
    EQUAL(*(u16 *)(data + 32), 1);
    EQUAL(*(u16 *)(data + 36), 4);
    EQUAL(*(u16 *)(data + 38), 2);
    EQUAL(*(u16 *)(data + 40), 2);
    EQUAL(*(u16 *)(data + 42), 0);
    CHECK(memcmp(data + 44, own_name, 8) == 0);
    EQUAL(*(u32 *)(data + 52), 1000);
    EQUAL(*(u16 *)(data + 74), 2);
    EQUAL(data[86] >> 4, 8);
    u64 id;
    asm volatile("stidp %0" : "=Q"(id));
    EQUAL(id >> 48 & 0xff, 1);
}

static u64 change_report(void)
{
    RUN2(HOME_PSW, "lghi 2,2", ".insn rre,0xb9a20000,2,0");
    COMPLETED("PTF");
    return LAST_CC;
}

static void topology(void)
{
    TEST("a change of the configuration is reported");
    change_report();
    EQUAL(change_report(), 0);
    EQUAL(configure(2), SCLP_COMPLETE);
    EQUAL(change_report(), 1);
    EQUAL(change_report(), 0);
    EQUAL(deconfigure(2), SCLP_COMPLETE);
    EQUAL(change_report(), 1);
}

int main(void)
{
    cpus();
    running_cpus();
    extended_utilization();
    times();
    simple_utilization();
    utilization_errors();
    type_names();
    hypervisor_information();
    system_information();
    topology();
    return 0;
}
