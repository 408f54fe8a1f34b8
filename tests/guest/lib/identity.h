// An address space of one segment table that maps the guest's first 16 MiB to themselves.
#pragma once

#include "lib/guest.h"

enum { INVALID = 0x20, PAGE_INVALID = 0x400 };
/// Of the segment a guest has for itself, and of its first page.
#define SEGMENT 32UL
#define V (SEGMENT << 20)

typedef u64 segment_table[2048] __attribute__((aligned(16384)));
static u64 identity_pages[16][256] __attribute__((aligned(2048)));

static void map_identity(u64* segments)
{
    for (u64 i = 0; i < 16; ++i)
        for (u64 j = 0; j < 256; ++j)
            identity_pages[i][j] = i << 20 | j << 12;
    for (u64 i = 0; i < 2048; ++i)
        segments[i] = i < 16 ? (u64)identity_pages[i] : INVALID;
}
