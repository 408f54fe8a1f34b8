// What a broken guest may do: the machine answers with architected results and goes on.
// zvisor: --disk @disk@

#include "lib/guest.h"

static u64 state = 0x123456789;
static u64 random64(void)
{
    state = state * 6364136223846793005UL + 1442695040888963407UL;
    return state ^ state >> 29;
}

static u8 page[2][4096] __attribute__((aligned(4096)));

// ---- Service calls -----------------------------------------------------------------------------------------------------

static u16 response(const void *block) { return *(const u16 *)((const u8 *)block + 6); }

/// Makes a service call and waits for its end.
static int call(u32 command, const void *block)
{
    int cc;
    while ((cc = service_call(command, block)) == 2)
        ;
    if (cc == 0)
        wait_service_signal();
    return cc;
}

static void service_calls(void)
{
    TEST("SERVC with bad addresses");
    static const struct { u64 address; u16 code; const char *what; } bad[] = {
        { 4, 0x06, "unaligned" },
        { 0x100000000, 0x06, "above 2 GiB" },
        { 0x1000, 0x06, "in the prefix area" },
        { 0x7ffff000, 0x05, "outside storage" },
    };
    for (u32 i = 0; i < sizeof bad / sizeof *bad; ++i) {
        IN(2) = 0x00020001;
        IN(3) = bad[i].address + (i == 0 ? (u64)page[0] : 0);
        RUN(HOME_PSW, ".insn rre,0xb2200000,2,3");
        SUPPRESSED(bad[i].what, bad[i].code, 4);
    }
    RUN(HOME_PSW | PSW_PROBLEM, ".insn rre,0xb2200000,2,3");
    SUPPRESSED("in problem state", 0x02, 4);

    TEST("SERVC with bad blocks");
    memset(page[0], 0, 4096);
    *(u16 *)page[0] = 64;
    EQUAL(call(0xffff0001, page[0]), 0);
    EQUAL(response(page[0]), 0x01f0);
    // Too short for the answer.
    *(u16 *)page[0] = 8;
    *(u16 *)(page[0] + 6) = 0;
    EQUAL(call(0x00020001, page[0]), 0);
    EQUAL(response(page[0]), 0x0300);
    // Across a page.
    u8 *across = page[0] + 4096 - 16;
    *(u16 *)across = 64;
    *(u16 *)(across + 6) = 0;
    EQUAL(call(0x00020001, across), 0);
    EQUAL(response(across), 0x0100);
    // Whatever is in an event buffer.
    for (u32 i = 0; i < 300; ++i) {
        for (u32 j = 0; j < 512; ++j)
            ((u64 *)page[0])[j] = random64();
        *(u16 *)page[0] = (u16)(8 + random64() % 4089);
        *(u16 *)(page[0] + 8) = (u16)(random64() % (i % 2 ? 64 : 65536));
        // An event type that writes nothing to the console.
        page[0][10] = (u8)(0x30 + random64() % 0x40);
        (void)call(i % 3 == 0 ? 0x00760005 : i % 3 == 1 ? 0x00770005 : (u32)(random64() & 0x7f) << 16 | 0x0d0d, page[0]);
    }
    CHECK(1);
}

// ---- Translation --------------------------------------------------------------------------------------------------------

static u64 tables[4][2048] __attribute__((aligned(16384)));
static u64 good[2048] __attribute__((aligned(16384)));
static u64 good_pages[16][256] __attribute__((aligned(2048)));

static int is_access_exception(u16 code)
{
    return code == 0x04 || code == 0x05 || code == 0x10 || code == 0x11 || code == 0x12 || (code >= 0x38 && code <= 0x3b);
}

static void translations(void)
{
    TEST("garbage in translation tables");
    for (u64 i = 0; i < 2048; ++i)
        good[i] = i < 16 ? (u64)good_pages[i] : 0x20;
    for (u64 i = 0; i < 16; ++i)
        for (u64 j = 0; j < 256; ++j)
            good_pages[i][j] = i << 20 | j << 12;
    u64 cr0 = store_control(0);
    load_control(0, cr0 | BIT(40) | BIT(37));
    u64 wrong = 0;
    for (u32 i = 0; i < 4000; ++i) {
        for (u32 t = 0; t < 4; ++t)
            for (u32 j = 0; j < 4; ++j)
                tables[t][random64() % 2048] = random64() & ~(i % 4 ? 0xffffffff00000020UL : 0);
        load_control(1, (u64)good | 3);
        // The secondary space is the wild one: instructions come from the primary one.
        u64 wild = i % 5 ? (u64)tables[i % 4] | (random64() & 0x3f) : random64();
        load_control(7, wild & ~0x40UL);
        asm volatile("ptlb" : : : "memory");
        IN(2) = i % 3 ? random64() >> (random64() % 64) : (random64() & 0xffffffff);
        RUN(HOME_PSW | PSW_DAT | PSW_SECONDARY, "lg 3,0(2)");
        wrong += !(last.class == CLASS_SVC || is_access_exception(last.code));
        RUN(HOME_PSW, "lrag 3,0(2)");
        wrong += last.class != CLASS_SVC && !is_access_exception(last.code);
    }
    EQUAL(wrong, 0);
    // Instructions from a wild primary space: the first fetch gives the exception.
    for (u32 i = 0; i < 500; ++i) {
        load_control(1, (random64() & ~0x7fUL) | (random64() & 0xc));
        RUN(HOME_PSW | PSW_DAT, "nopr");
        wrong += !(last.class == CLASS_PROGRAM && is_access_exception(last.code)) && last.class != CLASS_SVC;
    }
    EQUAL(wrong, 0);
    load_control(0, cr0);
    load_control(1, 0UL);
    load_control(7, 0UL);
}

// ---- PSWs -----------------------------------------------------------------------------------------------------------------

static void psws(void)
{
    TEST("wild PSWs");
    static struct psw psw;
    memset(page[0], 0, 4096);
    load_control(1, (u64)good | 3);
    load_control(7, (u64)good | 3);
    load_control(13, (u64)good | 3);
    u64 wrong = 0;
    for (u32 i = 0; i < 5000; ++i) {
        psw.mask = random64() & random64();
        // A valid waiting PSW is a way to wait for ever, one with interruptions or PER a way to be interrupted.
        psw.mask &= ~(PSW_WAIT | PSW_IO | PSW_EXTERNAL | PSW_MACHINE_CHECK | PSW_PER);
        if (i % 2)
            psw.mask &= 0x04f1ff0180000000;
        psw.address = i % 3 ? (u64)page[0] + random64() % 4096 : random64() >> (random64() % 64) | 0x8000000;
        IN(2) = (u64)&psw;
        RUN(HOME_PSW, "lpswe 0(2)");
        wrong += last.class != CLASS_PROGRAM || !(last.code == 0x01 || last.code == 0x06 || is_access_exception(last.code));
    }
    EQUAL(wrong, 0);
    for (u32 i = 0; i < 64; ++i) {
        psw.mask = HOME_PSW | BIT(i) | PSW_WAIT;
        // Bits that leave the PSW valid would wait.
        if (HOME_PSW & BIT(i) || i == 1 || i == 5 || i == 6 || i == 7 || (i >= 8 && i <= 11) || (i >= 13 && i <= 23))
            continue;
        RUN(HOME_PSW, "lpswe 0(2)");
        EQUAL(last.code, 0x06);
    }
}

// ---- Instructions ---------------------------------------------------------------------------------------------------------

static u64 sum(const void *at, u64 length)
{
    u64 total = 0;
    for (u64 i = 0; i < length / 8; ++i)
        total = total * 31 + ((const u64 *)at)[i];
    return total;
}

static u64 expired;

/// Ends a RUN that takes too long.
static int on_comparator(const struct outcome *what, struct psw *resume)
{
    if (what->code != 0x1004)
        return 0;
    u64 never = -1UL;
    asm volatile("sckc %0" : : "Q"(never));
    expired++;
    resume->mask = HOME_PSW;
    resume->address = lc(u64, LC_RUN_RESUME);
    lc(u64, LC_RUN_ACTIVE) = 0;
    return 1;
}

/// A small address or register content, often one that means something.
static u64 value(void)
{
    switch (random64() % 6) {
    case 0: return random64();
    case 1: return random64() % 64;
    case 2: return (u64)page[1] + random64() % 4096;
    case 3: return (u64)page[0] + random64() % 4096;
    case 4: return -(random64() % 64);
    default: return random64() >> (random64() % 64);
    }
}

static void instructions(void)
{
    TEST("random instructions in problem state");
    HOOK(CLASS_EXTERNAL) = on_comparator;
    u64 cr0 = store_control(0);
    load_control(0, cr0 | 0x800 | BIT(45) | BIT(46));
    load_control(3, 0UL);
    load_control(4, 0UL);
    load_control(8, 0UL);
    static u8 others[4096] __attribute__((aligned(4096)));
    for (u32 j = 0; j < 512; ++j)
        ((u64 *)others)[j] = random64();
    u64 before = sum(others, sizeof others);
    set_key((u64)page[0], 0x30);
    set_key((u64)page[1], 0x30);
    u64 completed = 0;
    for (u32 i = 0; i < 12000; ++i) {
        u16 *code = (u16 *)page[0];
        for (u32 j = 0; j < 24; ++j)
            code[j] = (u16)random64();
        // Most first bytes are no instructions; the families with second opcodes are preferred.
        static const u8 families[] = { 0xb2, 0xb3, 0xb9, 0xc0, 0xc2, 0xc4, 0xe3, 0xe5, 0xe7, 0xeb, 0xec, 0xed, 0xa7, 0xa5, 0xd2, 0xf0, 0xfa, 0xe6 };
        code[0] = (u16)(families[random64() % sizeof families] << 8 | (code[0] & 0xff));
        for (u32 j = 3; j < 24; ++j)
            if (random64() % 2)
                code[j] = 0x0aff;
        for (u32 r = 1; r < 8; ++r)
            IN(r) = value();
        IN(2) = (u64)page[0];
        u64 soon = tod() + 4096 * 3000;
        asm volatile("sckc %0" : : "Q"(soon));
        // Registers 8-15 are the compiler's: they are saved around, since the code may change any.
        static u64 saved[16];
        asm volatile("stmg 6,15,%0" : "=QS"(saved) : : "memory");
        lc(u64, LC_RUN_PSW) = HOME_PSW | PSW_PROBLEM | PSW_KEY(3) | PSW_EXTERNAL;
        asm volatile("larl 0,775f\n stg 0,%[resume](0)\n larl 0,774f\n stg 0,%[start](0)\n stg 2,%[address](0)\n lghi 0,1\n stg 0,%[active](0)\n"
                     "lmg 1,7,%[input]+8(0)\n lg 0,%[input]+16(0)\n stg 0,%[address](0)\n lghi 0,0\n lpswe %[psw](0)\n 774: nopr\n"
                     "775: larl 1,%[saved]\n lmg 6,15,0(1)"
            :
            : [resume] "i"(LC_RUN_RESUME), [start] "i"(LC_RUN_START), [address] "i"(LC_RUN_PSW + 8), [active] "i"(LC_RUN_ACTIVE),
            [input] "i"(LC_RUN_INPUT), [psw] "i"(LC_RUN_PSW), [saved] "i"(saved)
            : "0", "1", "2", "3", "4", "5", "cc", "memory");
        completed += last.class == CLASS_SVC;
    }
    u64 never = -1UL;
    asm volatile("sckc %0" : : "Q"(never));
    CHECK(completed > 100);
    EQUAL(sum(others, sizeof others), before);
    set_key((u64)page[0], 0);
    set_key((u64)page[1], 0);
    load_control(0, cr0);
    HOOK(CLASS_EXTERNAL) = 0;
    say_number("  completed:", completed);
    say_number("  stopped by the clock:", expired);
}

// ---- Channel subsystem ------------------------------------------------------------------------------------------------------

static u32 block[1024] __attribute__((aligned(4096)));

static int io(u32 op, u64 id, void *operand)
{
    int cc = 4;
    IN(1) = id;
    IN(2) = (u64)operand;
    switch (op) {
    case 0: RUN(HOME_PSW, "stsch 0(2)"); break;
    case 1: RUN(HOME_PSW, "msch 0(2)"); break;
    case 2: RUN(HOME_PSW, "ssch 0(2)"); break;
    case 3: RUN(HOME_PSW, "tsch 0(2)"); break;
    case 4: RUN(HOME_PSW, "csch"); break;
    case 5: RUN(HOME_PSW, "hsch"); break;
    case 6: RUN(HOME_PSW, "rsch"); break;
    case 7: RUN(HOME_PSW, "xsch"); break;
    case 8: RUN(HOME_PSW, ".insn rre,0xb25f0000,2,0"); break;
    case 9: RUN(HOME_PSW, "stcrw 0(2)"); break;
    case 10: RUN(HOME_PSW, "stcps 0(2)"); break;
    case 11: RUN(HOME_PSW, "rchp"); break;
    case 12: RUN(HOME_PSW, "sal"); break;
    default: return 4;
    }
    if (last.class == CLASS_SVC)
        cc = (int)LAST_CC;
    else if (last.code != 0x15 && last.code != 0x06)
        cc = 5;
    return cc;
}

static void channels(void)
{
    TEST("garbage for the channel subsystem");
    u64 wrong = 0;
    for (u32 i = 0; i < 3000; ++i) {
        for (u32 j = 0; j < 16; ++j)
            block[j] = (u32)(random64() & random64());
        u32 op = (u32)(random64() % 13);
        u64 id = i % 3 ? 0x10000 + random64() % 3 : random64() & 0x7ffff;
        // Measurement and limits would write anywhere the guest says, which is its right.
        if (op == 1)
            block[1] &= 0x38e7ffff;
        if (op == 8)
            block[0] = (u32)(random64() % 4096) << 16 | (u32)(random64() % 0x60);
        wrong += io(op, id, block) == 5;
    }
    EQUAL(wrong, 0);
    IN(1) = 0;
    RUN(HOME_PSW, "sal");

    TEST("wild channel programs");
    static u32 schib[13];
    u32 device = 0x10000;
    while (io(0, device, schib) == 0 && !(schib[1] & 0x10000))
        ++device;
    io(4, device, 0);
    for (u64 end = tod() + 4096 * 100000; io(3, device, block) != 0 && tod() < end;)
        ;
    EQUAL(io(0, device, schib), 0);
    schib[1] |= 0x800000;
    schib[1] &= ~0x00600000U;
    schib[2] |= 0xff000000;
    schib[4] |= 0xff000000;
    EQUAL(io(1, device, schib), 0);
    static u32 orb[8];
    static const u8 commands[] = { 0x03, 0x04, 0xe4, 0x08, 0x83, 0x33, 0x72, 0x31, 0x12, 0x11, 0x22, 0x21, 0x32, 0x13, 0x43, 0x53, 0x73, 0xc4 };
    u64 never_ended = 0;
    for (u32 i = 0; i < 3000; ++i) {
        // The program and everything it reads and writes lie in two pages of their own, or outside storage.
        for (u32 j = 0; j < 16; ++j) {
            u32 *ccw = (u32 *)page[0] + j * 2;
            ccw[0] = (u32)commands[random64() % sizeof commands] << 24 | (u32)(random64() & random64() & 0xff) << 16 | (u32)(random64() % (i % 2 ? 64 : 1024));
            ccw[1] = random64() % 16 ? (u32)(u64)page[1] + (u32)(random64() % 3072) : (u32)random64() | 0x40000000;
            if (ccw[0] >> 24 == 0x08)
                ccw[1] = (u32)(u64)page[0] + (u32)(random64() % 16) * 8;
        }
        for (u32 j = 0; j < 512; ++j)
            ((u64 *)page[1])[j] = random64() % 4 ? (u64)page[1] + random64() % 2048 : 0x4000000040000000 | (u64)random64() >> 40;
        orb[0] = i;
        orb[1] = 0x0080ff00 | (random64() % 4 ? 0 : (u32)random64() & 0x08730080);
        orb[2] = (u32)(u64)page[0];
        int cc = io(2, device, orb);
        if (cc == 0) {
            u64 end = tod() + 4096 * 200;
            while (io(3, device, block) != 0 && tod() < end)
                ;
            io(4, device, 0);
            end = tod() + (5UL << 32);
            int done = 0;
            while (!done && tod() < end)
                done = io(3, device, block) == 0 && (block[0] & 0x1000);
            never_ended += !done;
        }
    }
    EQUAL(never_ended, 0);
    // The device still works.
    u32 *ccw = (u32 *)page[0];
    ccw[0] = 0xe4200004;
    ccw[1] = (u32)(u64)page[1];
    orb[1] = 0x0080ff00;
    EQUAL(io(2, device, orb), 0);
    for (u64 end = tod() + (5UL << 32); io(3, device, block) != 0 && tod() < end;)
        ;
    EQUAL(*(u32 *)page[1], 0xff383202);
}

// ---- DIAGNOSE ----------------------------------------------------------------------------------------------------------------

static void diagnoses(void)
{
    TEST("DIAGNOSE with wild operands");
    u64 wrong = 0;
    for (u32 i = 0; i < 3000; ++i) {
        // Not 308, which loads the machine anew, and not 288 and 501, which end it; nor 500, whose work goes on behind.
        static const u16 codes[] = { 0x0, 0x8, 0xc, 0x10, 0x44, 0x9c, 0x204, 0x210, 0x224, 0x258, 0x260, 0x26c, 0x2fc, 0x304, 0x318, 0x320, 0x5ff };
        IN(5) = codes[random64() % (sizeof codes / 2)];
        IN(2) = i % 2 ? (u64)block + random64() % 2048 : random64() >> (random64() % 64) | 0x8000000;
        IN(3) = i % 3 ? random64() % 64 : random64();
        IN(4) = i % 2 ? (u64)block : random64() | 0x8000000;
        RUN(HOME_PSW, "diag 2,4,0(5)");
        wrong += last.class == CLASS_PROGRAM && last.code != 0x06 && last.code != 0x05 && last.code != 0x01;
    }
    EQUAL(wrong, 0);
    RUN(HOME_PSW | PSW_PROBLEM, "diag 2,4,0(5)");
    SUPPRESSED("in problem state", 0x02, 4);
}

int main(void)
{
    service_calls();
    translations();
    psws();
    instructions();
    channels();
    diagnoses();
    return 0;
}
