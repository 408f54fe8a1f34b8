// What the machine says about itself: STIDP, STAP, STFL, STFLE, STSI, ECAG, the service processor (PoP ch. 7, 10).
// zvisor: --cpus 3 --name GUESTTST

#include "lib/guest.h"

static u8 block[4096] __attribute__((aligned(4096)));

static int stsi(u32 function, u32 selector_1, u32 selector_2)
{
    register u64 r0 asm("0") = (u64)function << 28 | selector_1;
    register u64 r1 asm("1") = selector_2;
    int cc;
    asm volatile("stsi 0(%3)\n ipm %0\n srl %0,28" : "=d"(cc), "+d"(r0), "+d"(r1) : "a"(block) : "cc", "memory");
    return cc ? -cc : function == 0 ? (int)(r0 >> 28 & 0xf) : 0;
}

static void identification(void)
{
    TEST("identification");
    u64 id;
    asm volatile("stidp %0" : "=Q"(id));
    CHECK((id >> 16 & 0xffff) >= 0x2097 && (id & 0x7fff) == 0);
    EQUAL(cpu_address(), 0);
    u16 place[2];
    IN(2) = (u64)place + 1;
    RUN(HOME_PSW, "stap 0(2)");
    SUPPRESSED("STAP unaligned", 0x06, 4);
    RUN(HOME_PSW, "stidp 0(2)");
    SUPPRESSED("STIDP unaligned", 0x06, 4);
    IN(2) = (u64)block;
    RUN(HOME_PSW | PSW_PROBLEM, "stidp 0(2)");
    SUPPRESSED("STIDP in problem state", 0x02, 4);
    RUN(HOME_PSW | PSW_PROBLEM, "stap 0(2)");
    SUPPRESSED("STAP in problem state", 0x02, 4);
}

static u64 last_stored;
/// Condition code of STFLE for `last` + 1 doublewords.
static int stfle(u64 *list, u64 last)
{
    register u64 r0 asm("0") = last;
    int cc;
    asm volatile("stfle 0(%2)\n ipm %0\n srl %0,28" : "=d"(cc), "+d"(r0) : "a"(list) : "cc", "memory");
    last_stored = r0 & 0xff;
    return cc;
}

static void facilities(void)
{
    TEST("facility lists");
    static u64 list[8];
    asm volatile("stfl 0" : : : "memory");
    memset(list, 0xee, sizeof list);
    EQUAL(stfle(list, 7), 0);
    u64 last_doubleword = last_stored;
    CHECK(last_doubleword >= 2 && last_doubleword < 8);
    EQUAL(list[0] >> 32, lc(u32, 0xc8));
    CHECK(last_doubleword == 7 || list[7] == 0xeeeeeeeeeeeeeeee);
    // What a 64-bit Linux asks for.
    static const u8 needed[] = { 0, 1, 2, 17, 18, 21, 25, 27, 32, 33, 34, 35 };
    for (u32 i = 0; i < sizeof needed; ++i)
        CHECK(list[0] >> (63 - needed[i]) & 1);
    // One doubleword is what fits; condition code 3 says that there is more.
    u64 first[2] = { 0, 0xeeeeeeeeeeeeeeee };
    EQUAL(stfle(first, 0), 3);
    EQUAL(first[0], list[0]);
    EQUAL(first[1], 0xeeeeeeeeeeeeeeee);
    EQUAL(last_stored, last_doubleword);
    RUN(HOME_PSW | PSW_PROBLEM, "stfl 0");
    SUPPRESSED("STFL in problem state", 0x02, 4);
    IN(2) = (u64)list + 4;
    RUN(HOME_PSW, "stfle 0(2)");
    SUPPRESSED("STFLE unaligned", 0x06, 4);
}

static void system_information(void)
{
    TEST("STSI");
    int level = stsi(0, 0, 0);
    CHECK(level >= 1 && level <= 3);
    EQUAL(stsi(1, 1, 1), 0);
    // Type and manufacturer in EBCDIC.
    CHECK(block[32] != 0);
    EQUAL(stsi(1, 2, 1), 0);
    EQUAL(stsi(1, 2, 2), 0);
    CHECK(*(u16 *)(block + 38) >= 3 || *(u16 *)(block + 36) >= 3);
    if (level >= 2) {
        EQUAL(stsi(2, 2, 1), 0);
        EQUAL(stsi(2, 2, 2), 0);
    }
    if (level >= 3)
        EQUAL(stsi(3, 2, 2), 0);
    EQUAL(stsi(1, 1, 9), -3);
    EQUAL(stsi(4, 1, 1), -3);
    IN(2) = (u64)block + 8;
    RUN2(HOME_PSW, "lgfi 0,0x10000001\n lghi 1,1", "stsi 0(2)");
    SUPPRESSED("STSI unaligned", 0x06, 4);
    IN(2) = (u64)block;
    RUN2(HOME_PSW, "lgfi 0,0x10000101\n lghi 1,1", "stsi 0(2)");
    SUPPRESSED("STSI with a reserved bit", 0x06, 4);
    RUN2(HOME_PSW | PSW_PROBLEM, "lgfi 0,0x10000001\n lghi 1,1", "stsi 0(2)");
    SUPPRESSED("STSI in problem state", 0x02, 4);
}

static int call(u32 command, u16 length)
{
    memset(block, 0, sizeof block);
    *(u16 *)block = length;
    // Variable-length answer.
    block[5] = 0x80;
    return serve(command, block);
}

static void service_processor(void)
{
    TEST("service processor");
    EQUAL(call(0x00020001, 4096), 0x0010);
    u64 increments = *(u16 *)(block + 8);
    u64 increment = block[10] ? block[10] : *(u32 *)(block + 0x64);
    EQUAL(increments * increment, 64);
    EQUAL(*(u16 *)(block + 16), 3);
    EQUAL(call(0x00120001, 4096), 0x0010);
    EQUAL(*(u16 *)(block + 16), 3);
    EQUAL(call(0x00010001, 4096), 0x0010);
    EQUAL(*(u16 *)(block + 8), 3);
    u16 offset = *(u16 *)(block + 10);
    for (u32 i = 0; i < 3; ++i)
        EQUAL(block[offset + i * 16], i);
    for (u16 cpu = 0; cpu < 3; ++cpu)
        CHECK(sigp(cpu, SIGP_SENSE, 0, 0) != 3);
    EQUAL(sigp(3, SIGP_SENSE, 0, 0), 3);
}

static void cache_attributes(void)
{
    TEST("ECAG");
    IN(2) = 0;
    RUN(HOME_PSW | PSW_PROBLEM, "ecag 3,0,0(2)");
    COMPLETED("ECAG topology");
    CHECK(last.registers[3] >> 56 != 0);
    IN(2) = 0x10;
    RUN(HOME_PSW, "ecag 3,0,0(2)");
    EQUAL(last.registers[3], 256);
    IN(2) = 0x20;
    RUN(HOME_PSW, "ecag 3,0,0(2)");
    CHECK(last.registers[3] >= 65536);
    IN(2) = 0xf0;
    RUN(HOME_PSW, "ecag 3,0,0(2)");
    EQUAL(last.registers[3], -1UL);
}

int main(void)
{
    identification();
    facilities();
    system_information();
    service_processor();
    cache_attributes();
    return 0;
}
