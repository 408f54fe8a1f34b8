// Calls between programs and spaces: PROGRAM CALL, PROGRAM RETURN, PROGRAM TRANSFER, SET SECONDARY ASN, the linkage stack, and the program
// interruptions they alone give (PoP ch. 5 and 10).

#include "lib/identity.h"

enum { STACKING = 0x80000000, EXTENDED = 0x40000000, STATE_ENTRY = 296 };
#define DAT_PSW (HOME_PSW | PSW_DAT)

static segment_table segments;
static u32 first_table[1024] __attribute__((aligned(4096)));
static u32 astes[64][16] __attribute__((aligned(4096)));
static u32 duct[16] __attribute__((aligned(64)));
static u32 linkage_table[32] __attribute__((aligned(128)));
static u32 entries[8][8] __attribute__((aligned(64)));
static u8 authority[64] __attribute__((aligned(64)));
static u64 stack[256] __attribute__((aligned(4096)));
static u16 called[8] __attribute__((aligned(8)));

static u64 asce(void) { return (u64)segments | 3; }

static void make_tables(void)
{
    map_identity(segments);
    for (u32 i = 0; i < 1024; ++i)
        first_table[i] = i ? 0x80000000 : (u32)(u64)astes;
    for (u32 i = 0; i < 64; ++i)
        astes[i][0] = 0x80000000;
    for (u32 asn = 1; asn <= 3; ++asn) {
        astes[asn][0] = (u32)(u64)authority;
        astes[asn][1] = 0x00030000;
        *(u64 *)&astes[asn][2] = asce();
        astes[asn][6] = 0x80000000 | (u32)(u64)linkage_table;
        astes[asn][11] = asn;
    }
    // Authorization index 1 has both authorities, index 0 none.
    authority[0] = 0x30;
    for (u32 i = 0; i < 32; ++i)
        linkage_table[i] = i ? 0x80000000 : (u32)(u64)entries | 1;
}

static void make_program(u32 index, u64 address, u32 asn, u32 controls)
{
    u32 *entry = entries[index];
    entry[0] = (u32)(address >> 32);
    entry[1] = (u32)address;
    entry[2] = 0x80000000 | asn;
    entry[3] = 0x40000000;
    entry[4] = controls;
    entry[5] = asn ? (u32)(u64)astes[asn] : 0;
    entry[6] = 0x11223344;
    entry[7] = 0x55667788;
}

/// Header with `space` free bytes behind it, and a trailer.
static void make_stack(u64 space)
{
    memset(stack, 0, sizeof stack);
    stack[1] = 0x0900000000000000 | space << 32;
    load_control(15, (u64)&stack[1]);
}

static void set_up(void)
{
    load_control(0, 0xe0UL | BIT(37));
    load_control(1, asce());
    load_control(2, (u64)duct);
    load_control(3, 0x80000001UL);
    load_control(4, 0x00010001UL);
    load_control(5, (u64)astes[1]);
    load_control(7, asce());
    load_control(8, 0UL);
    load_control(13, asce());
    load_control(14, BIT(44) | (u64)first_table >> 12);
    make_stack(2 * STATE_ENTRY);
}

/// The called program: keeps what register 14 has in 6 and gives the caller's, which is in 5, back.
static void put_called(u32 basic)
{
    static const u16 code[] = { 0xb904, 0x006e, 0xb904, 0x00e5, 0x0aff };
    if (basic)
        memcpy(called, code, sizeof code);
    else
        called[0] = 0x0101; // PR
    asm volatile("bcr 15,0" : : : "memory");
}

static void calls(void)
{
    TEST("basic PROGRAM CALL");
    set_up();
    put_called(1);
    make_program(0, (u64)called, 0, EXTENDED);
    IN(7) = 0;
    RUN2(DAT_PSW, "lgr 5,14", "pc 0(7)");
    EQUAL(last.class, CLASS_SVC);
    EQUAL(last.old.address, (u64)called + 10);
    EQUAL(last.registers[6], last.start + 4);
    EQUAL(last.registers[3], 0x80000001);
    EQUAL(last.registers[4], 0x1122334455667788);
    EQUAL(store_control(3), 0xc0000001);

    TEST("stacking PROGRAM CALL and PROGRAM RETURN");
    for (u32 asn = 0; asn < 3; ++asn) {
        set_up();
        put_called(0);
        make_program(0, (u64)called, asn, STACKING | EXTENDED);
        IN(1) = 0x101;
        IN(4) = 0x404;
        RUN(DAT_PSW, "pc 0(7)");
        COMPLETED("PC and PR");
        EQUAL(last.registers[4], 0x404);
        EQUAL(store_control(15), (u64)&stack[1]);
        EQUAL(store_control(3), 0x80000001);
        EQUAL(store_control(4) & 0xffff, 1);
    }
    TEST("BRANCH AND STACK");
    set_up();
    IN(4) = 7;
    RUN(DAT_PSW, "larl 2,773f\n larl 3,774f\n aghi 3,1\n bakr 3,2\n 773: lghi 4,9\n pr\n 774: nopr\n");
    EQUAL(last.registers[4], 7);
    EQUAL(last.class, CLASS_SVC);
    EQUAL(store_control(15), (u64)&stack[1]);
}

static void call_exceptions(void)
{
    TEST("PC-number translation");
    set_up();
    put_called(0);
    make_program(0, (u64)called, 0, STACKING | EXTENDED);
    IN(7) = 0x100;
    RUN(DAT_PSW, "pc 0(7)");
    NULLIFIED("an invalid linkage-table entry", 0x22, 4);
    EQUAL(last.translation_exception, 0x100);
    IN(7) = 0x2000;
    RUN(DAT_PSW, "pc 0(7)");
    NULLIFIED("an index beyond the linkage table", 0x22, 4);
    IN(7) = 8;
    RUN(DAT_PSW, "pc 0(7)");
    NULLIFIED("an index beyond the entry table", 0x23, 4);
    EQUAL(last.translation_exception, 8);
    make_program(1, 0x1000000, 0, STACKING);
    IN(7) = 1;
    RUN(DAT_PSW, "pc 0(7)");
    SUPPRESSED("a 24-bit program above 16 MiB", 0x1f, 4);
    make_program(1, (u64)called, 0, STACKING | EXTENDED);
    entries[1][2] = 0x00010000;
    RUN(DAT_PSW | PSW_PROBLEM, "pc 0(7)");
    SUPPRESSED("a key mask that does not authorize", 0x02, 4);
    make_program(1, (u64)called, 0, 0);
    RUN(DAT_PSW, "pc 0(7)");
    SUPPRESSED("a basic call into another addressing mode", 0x13, 4);
    astes[1][6] = 0;
    RUN(DAT_PSW, "pc 0(7)");
    SUPPRESSED("a space without a linkage table", 0x13, 4);
    astes[1][6] = 0x80000000 | (u32)(u64)linkage_table;
    make_program(1, (u64)called, 5, STACKING | EXTENDED);
    RUN(DAT_PSW, "pc 0(7)");
    NULLIFIED("a call into a space whose ASTE is invalid", 0x21, 4);
    EQUAL(last.translation_exception & 0xffff, 5);
    load_control(14, (u64)first_table >> 12);
    make_program(1, (u64)called, 2, STACKING | EXTENDED);
    RUN(DAT_PSW, "pc 0(7)");
    SUPPRESSED("a space-switching call without ASN translation", 0x13, 4);
    load_control(14, BIT(44) | (u64)first_table >> 12);
    RUN(DAT_PSW | PSW_SECONDARY, "pc 0(7)");
    SUPPRESSED("a call in secondary-space mode", 0x13, 4);

    TEST("space-switch event");
    set_up();
    load_control(1, asce() | 0x40);
    make_program(1, (u64)called, 2, STACKING | EXTENDED);
    RUN(DAT_PSW, "pc 0(7)");
    EQUAL(last.class, CLASS_PROGRAM);
    EQUAL(last.code, 0x1c);
    EQUAL(last.old.address, (u64)called);
    EQUAL(last.translation_exception, 0x80000001);
    EQUAL(store_control(4) & 0xffff, 2);
}

static void asn_exceptions(void)
{
    TEST("SET SECONDARY ASN");
    set_up();
    IN(2) = 2;
    RUN(DAT_PSW, "ssar 2");
    COMPLETED("SSAR");
    EQUAL(store_control(3) & 0xffff, 2);
    IN(2) = 64;
    RUN(DAT_PSW, "ssar 2");
    NULLIFIED("an ASN without a second table", 0x20, 4);
    EQUAL(last.translation_exception & 0xffff, 64);
    IN(2) = 9;
    RUN(DAT_PSW, "ssar 2");
    NULLIFIED("an invalid ASN", 0x21, 4);
    load_control(4, 0x00000001UL);
    IN(2) = 2;
    RUN(DAT_PSW, "ssar 2");
    NULLIFIED("no secondary authority", 0x25, 4);
    EQUAL(last.translation_exception & 0xffff, 2);
    RUN(DAT_PSW | PSW_SECONDARY, "ssar 2\n");
    NULLIFIED("no secondary authority in secondary-space mode", 0x25, 4);

    TEST("PROGRAM TRANSFER");
    set_up();
    load_control(4, 0x00000001UL);
    IN(2) = 0x80000002;
    IN(3) = (u64)called;
    RUN(DAT_PSW, "pt 2,3");
    NULLIFIED("no primary authority", 0x24, 4);
    IN(2) = 0x80000040;
    RUN(DAT_PSW, "pt 2,3");
    NULLIFIED("an ASN without a second table", 0x20, 4);
    set_up();
    put_called(1);
    IN(2) = 0x80000002;
    RUN2(DAT_PSW, "lgr 5,14", "pt 2,3");
    EQUAL(last.class, CLASS_SVC);
    EQUAL(store_control(4), 0x00030002);
    EQUAL(store_control(3) & 0xffff, 2);
    set_up();
    IN(3) = (u64)called | 1;
    RUN2(DAT_PSW | PSW_PROBLEM, "lgr 5,14", "pt 2,3");
    EQUAL(last.class, CLASS_SVC);
    EQUAL(last.old.mask & PSW_PROBLEM, PSW_PROBLEM);
    set_up();
    IN(3) = (u64)called;
    RUN(DAT_PSW | PSW_PROBLEM, "pt 2,3");
    SUPPRESSED("from problem to supervisor state", 0x02, 4);
}

static void stack_exceptions(void)
{
    TEST("linkage-stack exceptions");
    set_up();
    RUN(DAT_PSW, "pr");
    NULLIFIED("PR with an empty stack", 0x31, 2);
    RUN(DAT_PSW, "ereg 2,3");
    NULLIFIED("EREG with an empty stack", 0x31, 4);
    IN(2) = 0;
    make_stack(STATE_ENTRY - 8);
    RUN(DAT_PSW, "bakr 0,0");
    NULLIFIED("BAKR with a full stack", 0x30, 4);
    make_stack(STATE_ENTRY - 4);
    RUN(DAT_PSW, "bakr 0,0");
    NULLIFIED("BAKR with free space that is no multiple of 8", 0x32, 4);
    make_stack(2 * STATE_ENTRY);
    stack[1] = 0x7700000000000000;
    RUN(DAT_PSW, "pr");
    NULLIFIED("PR from an entry of no known type", 0x33, 2);
    RUN(DAT_PSW, "esta 2,0");
    NULLIFIED("ESTA of an entry of no known type", 0x33, 4);
    // A state entry that may not be unstacked.
    make_stack(2 * STATE_ENTRY);
    RUN(DAT_PSW, "bakr 0,0");
    COMPLETED("BAKR");
    u64 *descriptor = (u64 *)store_control(15);
    EQUAL((u64)descriptor, (u64)&stack[1] + STATE_ENTRY);
    *descriptor |= 1UL << 63;
    RUN(DAT_PSW, "pr");
    NULLIFIED("PR with unstack suppression", 0x34, 2);
    RUN(DAT_PSW, "ereg 2,3");
    COMPLETED("EREG with unstack suppression");
    // A section that continues in another.
    make_stack(STATE_ENTRY - 8);
    static u64 more[64] __attribute__((aligned(16)));
    memset(more, 0, sizeof more);
    more[1] = 0x0900000000000000 | (u64)STATE_ENTRY << 32;
    *(u64 *)((u64)&stack[2] + STATE_ENTRY - 8) = (u64)&more[1] | 1;
    RUN(DAT_PSW, "bakr 0,0");
    COMPLETED("BAKR into the next section");
    EQUAL(store_control(15), (u64)&more[1] + STATE_ENTRY);
    EQUAL(more[0], (u64)&stack[1] | 1);
}

int main(void)
{
    make_tables();
    calls();
    call_exceptions();
    asn_exceptions();
    stack_exceptions();
    return 0;
}
