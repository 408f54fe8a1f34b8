// I/O: the scan for subchannels, channel programs on a virtio device and what ends them, I/O interruptions and their masks (PoP ch. 13-17).
// zvisor: --cpus 2 --disk @disk@

#include "lib/guest.h"

enum {
    CHAIN_DATA = 0x80,
    CHAIN_COMMAND = 0x40,
    SLI = 0x20,
    SKIP = 0x10,
    PCI = 0x08,
    IDA = 0x04,
    SUSPEND = 0x02,
    SENSE = 0x04,
    SENSE_ID = 0xe4,
    NO_OPERATION = 0x03,
    TIC = 0x08,
    READ_CONFIGURATION = 0x22,
    ORB_SUSPEND = 0x08000000,
    ORB_FORMAT_1 = 0x00800000,
    ORB_SUPPRESS_SUSPENDED = 0x00080000,
    ORB_FORMAT_2_IDAW = 0x00020000,
    ORB_PATHS = 0x0000ff00,
    STATUS_PENDING = 1,
    SECONDARY = 2,
    PRIMARY = 4,
    INTERMEDIATE = 8,
    ALERT = 16,
    PROGRAM_CHECK = 0x20,
    PROTECTION_CHECK = 0x10,
    INCORRECT_LENGTH = 0x40,
};

struct schib {
    u32 parameter;
    u8 isc; // bits 2-4
    u8 flags; // 80 enabled, 01 device number valid
    u16 device;
    u8 lpm, pnom, lpum, pim;
    u16 mbi;
    u8 pom, pam;
    u8 chpid[8];
    u32 characteristics;
    u32 scsw[3];
    u32 rest[3];
} __attribute__((aligned(4)));
struct irb {
    u32 control;
    u32 ccw_address;
    u8 device_status, channel_status;
    u16 count;
    u32 rest[13];
} __attribute__((aligned(4)));
struct orb {
    u32 parameter;
    u32 flags;
    u32 program;
};
struct ccw {
    u8 command, flags;
    u16 count;
    u32 address;
} __attribute__((aligned(8)));

static struct schib schib;
static struct irb irb;
static struct orb orb;
static struct ccw program[16];
static u8 data[2][4096] __attribute__((aligned(4096)));
static u32 subchannel;
static const u8 isc = 3;

#define IO(name, text) \
    static int name(u32 id, void *operand) \
    { \
        int cc; \
        asm volatile("lgr 1,%1\n" text "\n ipm %0\n srl %0,28" : "=d"(cc) : "d"((u64)id), "a"(operand) : "1", "cc", "memory"); \
        return cc; \
    }
IO(stsch, "stsch 0(%2)")
IO(msch, "msch 0(%2)")
IO(ssch, "ssch 0(%2)")
IO(tsch, "tsch 0(%2)")
IO(hsch, "hsch")
IO(csch, "csch")
IO(rsch, "rsch")
IO(xsch, "xsch")
IO(tpi, "tpi 0(%2)")
IO(stcrw, "stcrw 0(%2)")

static void isc_mask(u8 mask) { load_control(6, (u64)mask << 24); }

static struct ccw *ccw(u32 i, u8 command, u8 flags, u16 count, u64 address)
{
    program[i] = (struct ccw) { command, flags, count, (u32)address };
    return &program[i];
}

static int start(u32 flags)
{
    orb = (struct orb) { 0x12345678, flags | ORB_FORMAT_1 | ORB_PATHS, (u32)(u64)program };
    return ssch(subchannel, &orb);
}

/// Waits for status and takes it; the interruption is removed with it.
static int wait_status(void)
{
    for (u64 end = tod() + (5UL << 32); tod() < end;)
        if (tsch(subchannel, &irb) == 0)
            return 1;
    return 0;
}

static void run_program(u32 flags, int line)
{
    equal_at((u64)start(flags), 0, "SSCH", line);
    check_at(wait_status(), "status came", line);
}
#define PROGRAM(flags) run_program(flags, __LINE__)

static void ended(u8 device_status, u8 channel_status, u32 at, u16 count, int line)
{
    equal_at(irb.device_status, device_status, "device status", line);
    equal_at(irb.channel_status, channel_status, "subchannel status", line);
    equal_at(irb.ccw_address, (u64)&program[at], "CCW address", line);
    equal_at(irb.count, count, "count", line);
    int alert = channel_status & ~0x80 || device_status & 2;
    equal_at(irb.control & 0x7fff, (u64)(0x4000 | PRIMARY | SECONDARY | STATUS_PENDING | (alert ? ALERT : 0)), "status control", line);
}
#define ENDED(device_status, channel_status, at, count) ended(device_status, channel_status, at, count, __LINE__)

static void scan(void)
{
    TEST("scan");
    u32 found = 0;
    u32 number = 0;
    for (; number < 0x10000 && stsch(0x10000 | number, &schib) == 0; ++number)
        if ((schib.flags & 1) && !found)
            found = 0x10000 | number;
    CHECK(found != 0);
    EQUAL(stsch(0x10000 | number, &schib), 3);
    subchannel = found;
    EQUAL(stsch(subchannel, &schib), 0);
    EQUAL(schib.flags & 0x80, 0);
    EQUAL(schib.pim, 0x80);
    ccw(0, SENSE_ID, SLI, 64, (u64)data[0]);
    EQUAL(start(0), 3);
    EQUAL(tsch(subchannel, &irb), 3);
    EQUAL(hsch(subchannel, 0), 3);
    EQUAL(csch(subchannel, 0), 3);
    schib.flags |= 0x80;
    schib.isc = (u8)(isc << 3);
    schib.parameter = 0xabcd;
    schib.lpm = 0xff;
    EQUAL(msch(subchannel, &schib), 0);
    EQUAL(stsch(subchannel, &schib), 0);
    EQUAL(schib.flags & 0x81, 0x81);
    EQUAL(schib.isc, isc << 3);
    EQUAL(schib.parameter, 0xabcd);
    EQUAL(tsch(subchannel, &irb), 1);
    EQUAL(rsch(subchannel, 0), 2);
    EQUAL(xsch(subchannel, 0), 2);
    static u32 crw __attribute__((aligned(8)));
    EQUAL(stcrw(0, &crw), 1);
    EQUAL(crw, 0);
    // Operands.
    IN(1) = subchannel;
    IN(2) = (u64)&schib + 2;
    RUN(HOME_PSW, "stsch 0(2)");
    SUPPRESSED("STSCH unaligned", 0x06, 4);
    IN(2) = 0x10000000000UL;
    RUN(HOME_PSW, "stsch 0(2)");
    SUPPRESSED("STSCH outside storage", 0x05, 4);
    RUN(HOME_PSW | PSW_PROBLEM, "stsch 0(2)");
    SUPPRESSED("STSCH in problem state", 0x02, 4);
    static struct orb bad = { 0, ORB_FORMAT_1 | ORB_PATHS | 0x04000000, 0 };
    IN(2) = (u64)&bad;
    RUN(HOME_PSW, "ssch 0(2)");
    SUPPRESSED("SSCH with a reserved bit", 0x15, 4);
    bad = (struct orb) { 0, ORB_FORMAT_1 | ORB_PATHS, 0x80000000 };
    RUN(HOME_PSW, "ssch 0(2)");
    SUPPRESSED("SSCH with bit 0 of the program's address", 0x15, 4);
}

static void sense_id(void)
{
    TEST("SENSE ID");
    memset(data[0], 0xee, 64);
    ccw(0, SENSE_ID, SLI, 64, (u64)data[0]);
    PROGRAM(0);
    u16 length = (u16)(64 - irb.count);
    ENDED(0x0c, 0, 1, 64 - length);
    CHECK(length >= 7);
    EQUAL(*(u32 *)data[0], 0xff383202);
    EQUAL(data[0][length], 0xee);
    EQUAL(tsch(subchannel, &irb), 1);

    TEST("incorrect length");
    ccw(0, SENSE_ID, 0, 64, (u64)data[0]);
    PROGRAM(0);
    ENDED(0x0c, INCORRECT_LENGTH, 1, 64 - length);
    ccw(0, SENSE_ID, 0, 4, (u64)data[0]);
    PROGRAM(0);
    ENDED(0x0c, INCORRECT_LENGTH, 1, 0);
    ccw(0, SENSE_ID, SLI, 4, (u64)data[0]);
    PROGRAM(0);
    ENDED(0x0c, 0, 1, 0);
    ccw(0, SENSE_ID, 0, length, (u64)data[0]);
    PROGRAM(0);
    ENDED(0x0c, 0, 1, 0);

    TEST("chaining");
    memset(data[0], 0xee, 256);
    ccw(0, NO_OPERATION, CHAIN_COMMAND | SLI, 1, 0);
    ccw(1, SENSE_ID, CHAIN_COMMAND | SLI, 4, (u64)data[0]);
    ccw(2, TIC, 0, 0, (u64)&program[5]);
    ccw(5, READ_CONFIGURATION, CHAIN_COMMAND | SLI, 8, (u64)data[0] + 16);
    ccw(6, NO_OPERATION, SLI, 1, 0);
    PROGRAM(0);
    EQUAL(irb.device_status, 0x0c);
    EQUAL(irb.channel_status, 0);
    EQUAL(irb.ccw_address, (u64)&program[7]);
    EQUAL(*(u32 *)data[0], 0xff383202);
    // The capacity of the disk: 2048 sectors, in the guest's order before a revision is set.
    EQUAL(*(u64 *)(data[0] + 16), 2048);
    // Incorrect length ends a chain.
    ccw(0, SENSE_ID, CHAIN_COMMAND, 64, (u64)data[0]);
    ccw(1, NO_OPERATION, SLI, 1, 0);
    PROGRAM(0);
    ENDED(0x0c, INCORRECT_LENGTH, 1, 64 - length);
    memset(data[0], 0xee, 256);
    ccw(0, SENSE_ID, CHAIN_DATA, 1, (u64)data[0] + 100);
    ccw(1, 0, CHAIN_DATA | SKIP, 2, (u64)data[0] + 50);
    ccw(2, 0, SLI, 60, (u64)data[0] + 200);
    PROGRAM(0);
    ENDED(0x0c, 0, 3, 60 - (length - 3));
    EQUAL(data[0][100], 0xff);
    EQUAL(data[0][101], 0xee);
    EQUAL(data[0][50], 0xee);
    EQUAL(data[0][200], 0x02);

    TEST("indirect data addresses");
    static u32 idaws[3];
    static u64 long_idaws[3];
    memset(data[0], 0xee, 4096);
    memset(data[1], 0xee, 4096);
    idaws[0] = (u32)(u64)data[1] - 2;
    idaws[1] = (u32)(u64)data[1];
    ccw(0, SENSE_ID, IDA | SLI, 32, (u64)idaws);
    PROGRAM(0);
    ENDED(0x0c, 0, 1, 32 - length);
    EQUAL(data[0][4094], 0xff);
    EQUAL(data[0][4095], 0x38);
    EQUAL(data[1][0], 0x32);
    EQUAL(data[1][1], 0x02);
    memset(data[1], 0xee, 4096);
    long_idaws[0] = (u64)data[1] - 1;
    long_idaws[1] = (u64)data[1];
    ccw(0, SENSE_ID, IDA | SLI, 32, (u64)long_idaws);
    PROGRAM(ORB_FORMAT_2_IDAW);
    ENDED(0x0c, 0, 1, 32 - length);
    EQUAL(data[0][4095], 0xff);
    EQUAL(data[1][0], 0x38);
    idaws[1] = (u32)(u64)data[1] + 8;
    ccw(0, SENSE_ID, IDA | SLI, 32, (u64)idaws);
    PROGRAM(0);
    EQUAL(irb.channel_status, PROGRAM_CHECK);
}

static void format_0(void)
{
    TEST("format-0 CCWs");
    static u32 old[2] __attribute__((aligned(8)));
    old[0] = 0xe4000000 | (u32)(u64)data[0];
    old[1] = 0x20000004;
    memset(data[0], 0, 16);
    orb = (struct orb) { 1, ORB_PATHS, (u32)(u64)old };
    EQUAL(ssch(subchannel, &orb), 0);
    CHECK(wait_status());
    EQUAL(irb.channel_status, 0);
    EQUAL(*(u32 *)data[0], 0xff383202);
}

static void checks(void)
{
    TEST("program checks");
    static const struct {
        u8 command, flags;
        u16 count;
        u32 address;
        const char *what;
    } bad[] = {
        { TIC, 0, 0, 0x10000, "TIC first" },
        { 0x00, SLI, 1, 0x10000, "command 0" },
        { 0x10, SLI, 1, 0x10000, "command 10" },
        { SENSE_ID, SLI, 8, 0x80010000, "bit 0 of the address" },
        { SENSE_ID, SLI, 8, 0x40000000, "an address outside storage" },
        { SENSE_ID, CHAIN_DATA | SLI, 0, 0x10000, "count 0 with data chaining" },
        { SENSE_ID, IDA | SLI, 8, 0x10002, "an unaligned list of IDAWs" },
        { SENSE_ID, IDA | SLI, 8, 0x40000000, "a list of IDAWs outside storage" },
        { SENSE_ID, SUSPEND | SLI, 8, 0x10000, "suspend without the ORB's permission" },
        { SENSE_ID, SLI | 1, 8, 0x10000, "modified indirect addressing without permission" },
    };
    for (u32 i = 0; i < sizeof bad / sizeof *bad; ++i) {
        program[0] = (struct ccw) { bad[i].command, bad[i].flags, bad[i].count, bad[i].address };
        EQUAL(start(0), 0);
        CHECK(wait_status());
        equal_at(irb.channel_status, PROGRAM_CHECK, bad[i].what, __LINE__);
        equal_at(irb.control & 0x1f, ALERT | STATUS_PENDING | (irb.control & (PRIMARY | SECONDARY)), bad[i].what, __LINE__);
    }
    ccw(0, NO_OPERATION, CHAIN_COMMAND | SLI, 1, 0);
    ccw(1, TIC, 0, 0, (u64)&program[3]);
    ccw(3, TIC, 0, 0, (u64)&program[0]);
    PROGRAM(0);
    EQUAL(irb.channel_status, PROGRAM_CHECK);
    ccw(1, TIC, 0, 1, (u64)&program[3]);
    PROGRAM(0);
    EQUAL(irb.channel_status, PROGRAM_CHECK);
    ccw(1, TIC, 0, 0, 0x40000000);
    PROGRAM(0);
    EQUAL(irb.channel_status, PROGRAM_CHECK);
    ccw(1, TIC, 0, 0, (u64)program + 4);
    PROGRAM(0);
    EQUAL(irb.channel_status, PROGRAM_CHECK);

    TEST("protection check");
    set_key((u64)data[1], 0x40);
    ccw(0, SENSE_ID, SLI, 8, (u64)data[1]);
    PROGRAM(0x30000000);
    EQUAL(irb.channel_status, PROTECTION_CHECK);
    EQUAL(irb.control >> 28, 3);
    PROGRAM(0x40000000);
    EQUAL(irb.channel_status, 0);
    PROGRAM(0);
    EQUAL(irb.channel_status, 0);
    EQUAL(get_key((u64)data[1]), 0x46);
    set_key((u64)data[1], 0);
    set_key((u64)program, 0x48);
    PROGRAM(0x30000000);
    EQUAL(irb.channel_status, PROTECTION_CHECK);
    set_key((u64)program, 0);

    TEST("unit check");
    ccw(0, 0xcf, CHAIN_COMMAND | SLI, 1, (u64)data[0]);
    ccw(1, NO_OPERATION, SLI, 1, 0);
    PROGRAM(0);
    EQUAL(irb.device_status & 2, 2);
    EQUAL(irb.ccw_address, (u64)&program[1]);
    EQUAL(irb.control & ALERT, ALERT);
    ccw(0, SENSE, SLI, 32, (u64)data[0]);
    PROGRAM(0);
    EQUAL(irb.device_status, 0x0c);
    EQUAL(data[0][0] & 0x80, 0x80);
}

static void wait_pending(void)
{
    for (u64 end = tod() + (20UL << 32); tod() < end; relax())
        if (stsch(subchannel, &schib) == 0 && (schib.scsw[0] & STATUS_PENDING))
            return;
}

static u64 taken;
static struct outcome interruption;
static int take(const struct outcome *what, struct psw *resume)
{
    (void)resume;
    interruption = *what;
    taken++;
    return 1;
}

static void interruptions(void)
{
    TEST("interruptions");
    HOOK(CLASS_IO) = take;
    static u32 code[3] __attribute__((aligned(8)));
    ccw(0, NO_OPERATION, SLI, 1, 0);
    isc_mask(0);
    EQUAL(start(0), 0);
    wait_pending();
    EQUAL(stsch(subchannel, &schib), 0);
    CHECK(schib.scsw[0] & STATUS_PENDING);
    EQUAL(start(0), 1);
    EQUAL(msch(subchannel, &schib), 1);
    EQUAL(hsch(subchannel, 0), 1);
    EQUAL(tpi(0, code), 0);
    isc_mask((u8) ~(0x80 >> isc));
    EQUAL(tpi(0, code), 0);
    open_window(PSW_IO);
    EQUAL(taken, 0);
    isc_mask(0x80 >> isc);
    EQUAL(taken, 0);
    open_window(PSW_IO);
    EQUAL(taken, 1);
    EQUAL(interruption.subsystem_id, subchannel);
    EQUAL(interruption.io_parameter, 0x12345678);
    EQUAL(interruption.io_identification, (u32)isc << 27);
    // The interruption is gone, the status is not.
    open_window(PSW_IO);
    EQUAL(taken, 1);
    EQUAL(tsch(subchannel, &irb), 0);
    EQUAL(tsch(subchannel, &irb), 1);
    // TPI, to storage and to the prefix area.
    EQUAL(start(0), 0);
    wait_pending();
    EQUAL(tpi(0, code), 1);
    EQUAL(code[0], subchannel);
    EQUAL(code[1], 0x12345678);
    EQUAL(tpi(0, code), 0);
    EQUAL(tsch(subchannel, &irb), 0);
    EQUAL(start(0), 0);
    wait_pending();
    lc(u32, 0xb8) = lc(u32, 0xc0) = 0;
    EQUAL(tpi(0, 0), 1);
    EQUAL(lc(u32, 0xb8), subchannel);
    EQUAL(lc(u32, 0xbc), 0x12345678);
    EQUAL(lc(u32, 0xc0), (u32)isc << 27);
    EQUAL(tsch(subchannel, &irb), 0);
    // TSCH takes the interruption away.
    EQUAL(start(0), 0);
    CHECK(wait_status());
    open_window(PSW_IO);
    EQUAL(taken, 1);
    // A wait is ended.
    for (u32 i = 0; i < 20; ++i) {
        taken = 0;
        EQUAL(start(0), 0);
        while (!taken)
            open_window(PSW_IO);
        EQUAL(tsch(subchannel, &irb), 0);
    }
    HOOK(CLASS_IO) = 0;
}

static volatile u64 other_taken;
static int take_there(const struct outcome *what, struct psw *resume)
{
    (void)what;
    resume->mask &= ~(PSW_WAIT | PSW_IO);
    other_taken++;
    return 1;
}

static void wait_for_io(void)
{
    static struct psw waiting = { PSW_64 | PSW_WAIT | PSW_IO, 0 };
    isc_mask(0x80 >> isc);
    asm volatile("larl 1,1f\n stg 1,8(%0)\n lpswe 0(%0)\n1:" : : "a"(&waiting) : "1", "memory");
}

static void floating(void)
{
    TEST("the CPU that is enabled takes the interruption");
    HOOK(CLASS_IO) = take_there;
    isc_mask(0);
    for (u32 i = 0; i < 5; ++i) {
        other_taken = 0;
        start_program(1, wait_for_io);
        EQUAL(start(0), 0);
        wait_stopped(1);
        EQUAL(other_taken, 1);
        EQUAL(*(u32 *)(prefix_of(1) + 0xb8), subchannel);
        EQUAL(tsch(subchannel, &irb), 0);
    }
    HOOK(CLASS_IO) = 0;
}

static void halt_and_clear(void)
{
    TEST("halt and clear");
    EQUAL(hsch(subchannel, 0), 0);
    CHECK(wait_status());
    EQUAL(irb.control & 0x7000, 0x2000);
    EQUAL(csch(subchannel, 0), 0);
    CHECK(wait_status());
    EQUAL(irb.control & 0x7fff, 0x1001);
    // A channel program without end.
    ccw(0, NO_OPERATION, CHAIN_COMMAND | SLI, 1, 0);
    ccw(1, NO_OPERATION, CHAIN_COMMAND | SLI, 1, 0);
    ccw(2, TIC, 0, 0, (u64)&program[0]);
    for (u32 i = 0; i < 10; ++i) {
        EQUAL(start(0), 0);
        EQUAL(start(0), 2);
        EQUAL(tsch(subchannel, &irb), 1);
        EQUAL(irb.control & 0x4000, 0x4000);
        EQUAL(hsch(subchannel, 0), 0);
        CHECK(wait_status());
        EQUAL(irb.control & 0x7000, 0x6000);
        EQUAL(irb.control & 0xfe0, 0);
        EQUAL(start(0), 0);
        delay(100);
        EQUAL(csch(subchannel, 0), 0);
        CHECK(wait_status());
        EQUAL(irb.control & 0x7fff, 0x1001);
    }

    TEST("program-controlled interruption");
    ccw(0, NO_OPERATION, CHAIN_COMMAND | SLI | PCI, 1, 0);
    EQUAL(start(0), 0);
    CHECK(wait_status());
    EQUAL(irb.control & 0x1f, INTERMEDIATE | STATUS_PENDING);
    EQUAL(irb.channel_status & 0x80, 0x80);
    EQUAL(irb.control & 0x4000, 0x4000);
    EQUAL(csch(subchannel, 0), 0);
    CHECK(wait_status());

    TEST("suspend and resume");
    memset(data[0], 0, 16);
    ccw(0, NO_OPERATION, CHAIN_COMMAND | SLI, 1, 0);
    ccw(1, SENSE_ID, SUSPEND | SLI, 4, (u64)data[0]);
    EQUAL(start(ORB_SUSPEND), 0);
    CHECK(wait_status());
    EQUAL(irb.control & 0x3f, 0x20 | INTERMEDIATE | STATUS_PENDING);
    EQUAL(data[0][0], 0);
    EQUAL(tsch(subchannel, &irb), 1);
    program[1].flags = SLI;
    EQUAL(rsch(subchannel, 0), 0);
    CHECK(wait_status());
    ENDED(0x0c, 0, 2, 0);
    EQUAL(data[0][0], 0xff);
    // Without the interruption for suspending.
    ccw(1, NO_OPERATION, SUSPEND | SLI, 1, 0);
    EQUAL(start(ORB_SUSPEND | ORB_SUPPRESS_SUSPENDED), 0);
    delay(20000);
    EQUAL(tsch(subchannel, &irb), 1);
    EQUAL(irb.control & 0x20, 0x20);
    EQUAL(hsch(subchannel, 0), 0);
    CHECK(wait_status());
    EQUAL(irb.control & 0x7000, 0x6000);
}

static void into_code(void)
{
    TEST("a channel program that reads into code");
    static u16 code[2048] __attribute__((aligned(4096)));
    code[0] = 0xa729;
    code[1] = 5;
    code[2] = 0x07fe;
    u64 (*function)(void) = (u64(*)(void))code;
    EQUAL(function(), 5);
    // The bytes ff 38 of SENSE ID become the operand of LGHI.
    ccw(0, SENSE_ID, SLI, 2, (u64)&code[1]);
    PROGRAM(0);
    EQUAL(function(), 0xffffffffffffff38);
}

int main(void)
{
    isc_mask(0);
    scan();
    sense_id();
    format_0();
    checks();
    interruptions();
    floating();
    halt_and_clear();
    into_code();
    return 0;
}
