// Exceptions of arithmetic: overflow, division, decimal, binary and hexadecimal floating point, vectors; masks and data-exception codes
// (PoP ch. 6, "Program Interruption").

#include "lib/guest.h"

static u8 area[4096] __attribute__((aligned(4096)));
/// 1.0 and 3.0.
asm(".data\n .balign 8\none_bits: .quad 0x3ff0000000000000, 0x4008000000000000\n .text\n");

static void overflow_and_divide(void)
{
    TEST("fixed-point overflow and divide");
    const u64 masked = HOME_PSW | PSW_MASKS(8);
    IN(2) = IN(3) = 0x7fffffff;
    RUN(HOME_PSW, "ar 2,3");
    COMPLETED("AR overflow without the mask");
    EQUAL(LAST_CC, 3);
    EQUAL(last.registers[2], 0xfffffffe);
    RUN(masked, "ar 2,3");
    SUPPRESSED("AR overflow", 0x08, 2);
    EQUAL(last.registers[2], 0xfffffffe);
    EQUAL(LAST_CC, 3);
    RUN(masked, "alr 2,3");
    COMPLETED("ALR");
    IN(2) = IN(3) = 0x8000000000000000;
    RUN(masked, "agr 2,3");
    SUPPRESSED("AGR overflow", 0x08, 4);
    EQUAL(last.registers[2], 0);
    RUN(masked, "sllg 2,3,1");
    COMPLETED("SLLG");
    RUN(masked, "slag 2,3,1");
    SUPPRESSED("SLAG overflow", 0x08, 6);
    IN(2) = 0x80000000;
    RUN(masked, "lcr 3,2");
    SUPPRESSED("LCR overflow", 0x08, 2);
    RUN(masked, "lpr 3,2");
    SUPPRESSED("LPR overflow", 0x08, 2);
    RUN(masked, "sla 2,1");
    SUPPRESSED("SLA overflow", 0x08, 4);
    IN(2) = 0;
    IN(3) = 1;
    IN(4) = 0;
    RUN(HOME_PSW, "dr 2,4");
    SUPPRESSED("DR by zero", 0x09, 2);
    EQUAL(last.registers[3], 1);
    RUN(HOME_PSW, "dlgr 2,4");
    SUPPRESSED("DLGR by zero", 0x09, 4);
    IN(3) = 0x8000000000000000;
    IN(4) = -1UL;
    RUN(HOME_PSW, "dsgr 2,4");
    SUPPRESSED("DSGR of the smallest by -1", 0x09, 4);
    IN(2) = 4;
    IN(4) = 4;
    RUN(HOME_PSW, "dlr 2,4");
    SUPPRESSED("DLR with too large a quotient", 0x09, 4);
    memcpy(area, "\x7f\xff\xff\xff\xff\xff\xff\x9c", 8);
    IN(2) = (u64)area;
    RUN(HOME_PSW, "cvb 3,0(2)");
    SUPPRESSED("CVB of an invalid digit", 0x07, 4);
    memcpy(area, "\x00\x00\x09\x99\x99\x99\x99\x9c", 8);
    RUN(HOME_PSW, "cvb 3,0(2)");
    SUPPRESSED("CVB too large", 0x09, 4);
}

static void decimal(void)
{
    TEST("decimal");
    IN(2) = (u64)area;
    memcpy(area, "\x12\x3b\x0a\x5c", 4);
    RUN(HOME_PSW, "ap 0(2,2),2(2,2)");
    SUPPRESSED("AP with an invalid digit", 0x07, 6);
    EQUAL(last.data_code, 0);
    memcpy(area, "\x99\x9c\x00\x1c", 4);
    RUN(HOME_PSW, "ap 0(2,2),2(2,2)");
    COMPLETED("AP overflow without the mask");
    EQUAL(LAST_CC, 3);
    memcpy(area, "\x99\x9c\x00\x1c", 4);
    RUN(HOME_PSW | PSW_MASKS(4), "ap 0(2,2),2(2,2)");
    SUPPRESSED("AP overflow", 0x0a, 6);
    EQUAL(*(u16 *)area, 0x000c);
    memcpy(area, "\x00\x12\x3c\x0c", 4);
    RUN(HOME_PSW, "dp 0(3,2),3(1,2)");
    SUPPRESSED("DP by zero", 0x0b, 6);
    RUN(HOME_PSW, "dp 0(2,2),0(3,2)");
    SUPPRESSED("DP with lengths that do not fit", 0x06, 6);
    RUN(HOME_PSW, "mp 0(2,2),0(2,2)");
    SUPPRESSED("MP with lengths that do not fit", 0x06, 6);
}

static u32 fpc(void)
{
    u32 value;
    asm volatile("stfpc %0" : "=Q"(value));
    return value;
}

static void set_fpc(u32 value)
{
    asm volatile("lfpc %0" : : "Q"(value));
}

static void data_codes(void)
{
    TEST("data-exception codes");
    u64 cr0 = store_control(0);
    load_control(0, cr0 & ~BIT(45));
    RUN(HOME_PSW, "adbr 0,2");
    SUPPRESSED("ADBR without the AFP-register control", 0x07, 4);
    EQUAL(last.data_code, 2);
    RUN(HOME_PSW, "ld 1,0x500(0)");
    SUPPRESSED("LD of register 1 without the AFP-register control", 0x07, 4);
    EQUAL(last.data_code, 1);
    RUN(HOME_PSW, "ld 2,0x500(0)");
    COMPLETED("LD of register 2 without the AFP-register control");
    load_control(0, cr0 | BIT(45));
    set_fpc(0);
    IN(2) = 1;
    IN(3) = 2;
    RUN(HOME_PSW, "crtl 2,3");
    SUPPRESSED("CRT", 0x07, 4);
    EQUAL(last.data_code, 0xff);
    EQUAL(fpc() >> 8 & 0xff, 0xff);
    RUN(HOME_PSW, "crth 2,3");
    COMPLETED("CRT whose condition is not met");
    RUN(HOME_PSW, "cgite 2,1");
    SUPPRESSED("CGIT", 0x07, 6);
    // Division by zero with the IEEE trap on.
    set_fpc(0x40000000);
    RUN2(HOME_PSW, "lzdr 4\n larl 1,one_bits\n ld 0,0(1)", "ddbr 0,4");
    SUPPRESSED("DDBR by zero", 0x07, 4);
    EQUAL(last.data_code, 0x40);
    EQUAL(fpc() >> 8 & 0xff, 0x40);
    set_fpc(0);
    RUN2(HOME_PSW, "lzdr 4\n larl 1,one_bits\n ld 0,0(1)", "ddbr 0,4");
    COMPLETED("DDBR by zero without the trap");
    EQUAL(fpc() >> 16 & 0xff, 0x40);
    // Inexact and incremented or truncated: interruption after completion.
    set_fpc(0x08000000);
    RUN2(HOME_PSW, "larl 1,one_bits\n ld 0,0(1)\n ld 2,8(1)", "ddbr 0,2");
    SUPPRESSED("an inexact quotient", 0x07, 4);
    CHECK(last.data_code == 0x08 || last.data_code == 0x0c);
    set_fpc(0);
    RUN(HOME_PSW, "sfpc 2");
    IN(2) = 0xffffffff;
    RUN(HOME_PSW, "sfpc 2");
    SUPPRESSED("SFPC of an invalid value", 0x06, 4);
    load_control(0, cr0);
}

static void vector(void)
{
    TEST("vector instructions");
    u64 cr0 = store_control(0);
    load_control(0, (cr0 | BIT(45)) & ~BIT(46));
    IN(2) = (u64)area;
    RUN(HOME_PSW, ".short 0xe700,0x2000,0x0006");
    SUPPRESSED("VL without the vector control", 0x07, 6);
    EQUAL(last.data_code, 0xfe);
    load_control(0, cr0 | BIT(45) | BIT(46));
    RUN(HOME_PSW, ".short 0xe700,0x2000,0x0006");
    COMPLETED("VL");
    // VFDDB 0,1,2 divides one by zero with the trap on.
    set_fpc(0x40000000);
    RUN2(HOME_PSW, "larl 1,one_bits\n .short 0xe710,0x1000,0x0006\n .short 0xe720,0x0000,0x0044", ".short 0xe701,0x2000,0x30e5");
    EQUAL(last.class, CLASS_PROGRAM);
    EQUAL(last.code, 0x1b);
    EQUAL(last.data_code & 0xf, 2);
    EQUAL(last.old.address, last.start + 6);
    set_fpc(0);
    load_control(0, cr0);
}

static void hexadecimal_floating_point(void)
{
    TEST("hexadecimal floating point");
    static const u64 numbers[] = { 0x4110000000000000, 0x7fffffffffffffff, 0x0010000000000000, 0, 0xc110000000000000 };
    IN(2) = (u64)numbers;
    RUN2(HOME_PSW, "ld 0,8(2)\n ld 2,8(2)", "mdr 0,2");
    SUPPRESSED("MDR exponent overflow", 0x0c, 2);
    RUN2(HOME_PSW, "ld 0,16(2)\n ld 2,16(2)", "mdr 0,2");
    COMPLETED("MDR exponent underflow without the mask");
    RUN2(HOME_PSW | PSW_MASKS(2), "ld 0,16(2)\n ld 2,16(2)", "mdr 0,2");
    SUPPRESSED("MDR exponent underflow", 0x0d, 2);
    RUN2(HOME_PSW, "ld 0,0(2)\n ld 2,0(2)", "sdr 0,2");
    COMPLETED("SDR without the significance mask");
    EQUAL(LAST_CC, 0);
    RUN2(HOME_PSW | PSW_MASKS(1), "ld 0,0(2)\n ld 2,0(2)", "sdr 0,2");
    SUPPRESSED("SDR with the significance mask", 0x0e, 2);
    RUN2(HOME_PSW, "ld 0,0(2)\n ld 2,24(2)", "ddr 0,2");
    SUPPRESSED("DDR by zero", 0x0f, 2);
    RUN2(HOME_PSW, "ld 2,32(2)", "sqdr 0,2");
    SUPPRESSED("SQDR of a negative number", 0x1d, 4);
}

int main(void)
{
    overflow_and_divide();
    decimal();
    data_codes();
    vector();
    hexadecimal_floating_point();
    return 0;
}
