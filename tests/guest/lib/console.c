// The console: SCLP ASCII (VT220) messages by WRITE EVENT DATA.

#include "lib/guest.h"

enum {
    WRITE_EVENT_MASK = 0x00780005,
    WRITE_EVENT_DATA = 0x00760005,
    SERVICE_SIGNAL = 0x2401,
    VT220_EVENT = 0x1a,
};

static u8 sccb[4096] __attribute__((aligned(4096)));
static u32 signal_parameter;
static int ready;

int service_call(u32 command, const void *block)
{
    int cc;
    asm volatile(".insn rre,0xb2200000,%1,%2\n ipm %0\n srl %0,28" : "=d"(cc) : "d"(command), "a"(block) : "cc", "memory");
    return cc;
}

static int on_service_signal(const struct outcome *what, struct psw *resume)
{
    (void)resume;
    if (what->code != SERVICE_SIGNAL)
        return 0;
    signal_parameter = what->parameter;
    return 1;
}

u32 wait_service_signal(void)
{
    interruption_hook *hook = HOOK(CLASS_EXTERNAL);
    u64 cr0 = store_control(0);
    HOOK(CLASS_EXTERNAL) = on_service_signal;
    signal_parameter = 0;
    load_control(0, (cr0 & ~0xfcc0UL) | 0x200);
    u64 end = tod() + (5UL << 32);
    while (!signal_parameter && tod() < end)
        open_window(PSW_EXTERNAL);
    load_control(0, cr0);
    HOOK(CLASS_EXTERNAL) = hook;
    return signal_parameter;
}

u16 serve(u32 command, void *block)
{
    while (service_call(command, block) == 2)
        relax();
    wait_service_signal();
    return *(u16 *)((u8 *)block + 6);
}

static void write_event_mask(void)
{
    memset(sccb, 0, 64);
    sccb[1] = 8 + 4 + 16;
    sccb[11] = 4;
    *(u32 *)(sccb + 16) = 1U << (32 - VT220_EVENT);
    serve(WRITE_EVENT_MASK, sccb);
    ready = 1;
}

void console_line(const char *text, u64 length);
void console_line(const char *text, u64 length)
{
    if (!ready)
        write_event_mask();
    memset(sccb, 0, 16);
    *(u16 *)sccb = (u16)(8 + 6 + length);
    *(u16 *)(sccb + 8) = (u16)(6 + length);
    sccb[10] = VT220_EVENT;
    memcpy(sccb + 14, text, length);
    serve(WRITE_EVENT_DATA, sccb);
}
