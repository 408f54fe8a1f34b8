// Alone on a machine: writes record after record to the first disk (virtio-ccw, virtio 1.2 chapters 4.3 and 5.2), each flushed,
// and says so with its number in hexadecimal. A record is a block of its number, repeated.

#include "lib/guest.h"

enum { RECORD = 4096, SECTORS_A_RECORD = 8, QUEUE = 256, SUBCHANNEL = 0x10000 };

// Channel commands of virtio-ccw.
enum { SET_VQ = 0x13, WRITE_FEATURES = 0x11, WRITE_STATUS = 0x31, RESET = 0x33, SET_REVISION = 0x83 };
// Block requests.
enum { OUT_REQUEST = 1, FLUSH_REQUEST = 4 };
enum { NEXT = 1, WRITABLE = 2 };

#define le16(x) __builtin_bswap16((u16)(x))
#define le32(x) __builtin_bswap32((u32)(x))
#define le64(x) __builtin_bswap64((u64)(x))

static struct {
    u64 address;
    u32 length;
    u16 flags, next;
} descriptors[QUEUE] __attribute__((aligned(4096)));
static volatile struct {
    u16 flags, index, ring[QUEUE];
} available __attribute__((aligned(4096)));
static volatile struct {
    u16 flags, index;
    u32 ring[QUEUE][2];
} used __attribute__((aligned(4096)));

static struct {
    u32 type, priority;
    u64 sector;
} header;
static u64 record[RECORD / 8] __attribute__((aligned(4096)));
static volatile u8 status;

#define CHANNEL(name) \
    static int name(void *block) \
    { \
        register u64 subchannel asm("1") = SUBCHANNEL; \
        int cc; \
        asm volatile(#name " 0(%2)\n ipm %0\n srl %0,28" : "=d"(cc) : "d"(subchannel), "a"(block) : "cc", "memory"); \
        return cc; \
    }
CHANNEL(stsch)
CHANNEL(msch)
CHANNEL(ssch)
CHANNEL(tsch)

/// Runs a channel program of one command.
static void command(u8 code, void *data, u16 length)
{
    static struct {
        u8 code, flags;
        u16 count;
        u32 address;
    } ccw __attribute__((aligned(8)));
    static u32 orb[8], irb[24];
    ccw.code = code;
    ccw.flags = 0x20;
    ccw.count = length;
    ccw.address = (u32)(u64)data;
    orb[1] = 0x0080ff00;
    orb[2] = (u32)(u64)&ccw;
    if (ssch(orb) != 0)
        fail("SSCH of command", code);
    while (tsch(irb) != 0)
        ;
    if ((irb[2] & 0xffff0000) != 0x0c000000)
        fail("status of a command", irb[2]);
}

static void write_status(u8 value) { command(WRITE_STATUS, &value, 1); }

static void write_features(u8 index, u32 bits)
{
    struct {
        u32 bits;
        u8 index;
    } __attribute__((packed)) features = { le32(bits), index };
    command(WRITE_FEATURES, &features, 5);
}

static void begin(void)
{
    static u8 schib[64] __attribute__((aligned(4)));
    if (stsch(schib) != 0)
        fail("there is no disk", 0);
    schib[5] |= 0x80;
    if (msch(schib) != 0)
        fail("the subchannel cannot be enabled", 0);
    u16 revision[2] = { 1, 0 };
    command(SET_REVISION, revision, sizeof revision);
    command(RESET, 0, 0);
    write_status(1);
    write_status(3);
    write_features(0, 1 << 9);
    write_features(1, 1);
    write_status(11);
    struct {
        u64 descriptors;
        u32 reserved;
        u16 index, size;
        u64 available, used;
    } queue = { (u64)descriptors, 0, 0, QUEUE, (u64)&available, (u64)&used };
    command(SET_VQ, &queue, sizeof queue);
    write_status(15);
}

static void describe(u32 index, volatile void *what, u32 length, u16 flags)
{
    descriptors[index].address = le64(what);
    descriptors[index].length = le32(length);
    descriptors[index].flags = le16(flags);
    descriptors[index].next = le16(index + 1);
}

/// One request, to its end; its status.
static u8 request(u32 type, u64 sector)
{
    static u16 made;
    u32 last = 1;
    header.type = le32(type);
    header.sector = le64(sector);
    describe(0, &header, sizeof header, NEXT);
    if (type == OUT_REQUEST)
        describe(last++, record, RECORD, NEXT);
    describe(last, &status, 1, WRITABLE);
    status = 0xff;
    available.ring[made++ % QUEUE] = 0;
    asm volatile("bcr 14,0" : : : "memory");
    available.index = le16(made);
    register u64 code asm("1") = 3;
    register u64 subchannel asm("2") = SUBCHANNEL;
    register u64 queue asm("3") = 0;
    asm volatile("diag 2,4,0x500" : "+d"(subchannel) : "d"(code), "d"(queue) : "cc", "memory");
    while (used.index != le16(made))
        ;
    asm volatile("bcr 14,0" : : : "memory");
    return status;
}

int main(void)
{
    begin();
    say("WRITING");
    for (u64 number = 0;; ++number) {
        for (u32 i = 0; i < RECORD / 8; ++i)
            record[i] = number;
        if (request(OUT_REQUEST, number * SECTORS_A_RECORD) != 0)
            fail("writing record", number);
        if (request(FLUSH_REQUEST, 0) != 0)
            fail("flushing record", number);
        say_number("SAFE", number);
    }
}
