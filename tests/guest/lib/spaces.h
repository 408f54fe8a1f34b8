// Three address spaces for guests that test translation: primary, secondary and home map the guest's own storage one to one and have
// four pages of their own at V.
#pragma once

#include "lib/identity.h"

enum {
    PROTECT = 0x200,
    FORMAT_CONTROL = 0x400,
    PAGE_IEP = 0x100,
    COMMON = 0x10,
    PRIVATE = 0x100,
    REAL = 0x20,
    FETCH_INDICATION = 0x800,
    STORE_INDICATION = 0x400,
};

static segment_table region_1, region_2, region_3, segments[3];
static u64 pages[3][256] __attribute__((aligned(2048)));
static u64 frames[3][4][512] __attribute__((aligned(4096)));

static u64 asce(u32 space)
{
    return (u64)segments[space] | 3;
}
#define DAT_PSW (HOME_PSW | PSW_DAT)

static inline void ptlb(void)
{
    asm volatile("ptlb" : : : "memory");
}

static void set_up(void)
{
    for (u64 i = 0; i < 2048; ++i) {
        region_1[i] = 12 | INVALID;
        region_2[i] = 8 | INVALID;
        region_3[i] = 4 | INVALID;
    }
    region_1[0] = (u64)region_2 | 12 | 3;
    region_2[0] = (u64)region_3 | 8 | 3;
    region_3[0] = (u64)segments[0] | 4 | 3;
    for (u32 s = 0; s < 3; ++s) {
        map_identity(segments[s]);
        segments[s][SEGMENT] = (u64)pages[s];
        for (u64 j = 0; j < 256; ++j)
            pages[s][j] = PAGE_INVALID;
        for (u64 j = 0; j < 4; ++j) {
            pages[s][j] = (u64)frames[s][j];
            frames[s][j][0] = 0xa000 + s * 0x100 + j;
        }
    }
    load_control(1, asce(0));
    load_control(7, asce(1));
    load_control(13, asce(2));
}

static inline u64 fetch(u64 psw, u64 address)
{
    IN(2) = address;
    RUN(psw, "lg 3,0(2)");
    return last.registers[3];
}
static inline void store(u64 psw, u64 address, u64 value)
{
    IN(2) = address;
    IN(3) = value;
    RUN(psw, "stg 3,0(2)");
}
