// A program of s390x Linux that executes single instructions and reports what they did. It uses no library and no
// floating-point or vector register of its own (-msoft-float), so that the registers belong to the instruction under test.
//
// Protocol: the driver fills `struct Memory` and writes a byte to standard input; the answer on standard output is a byte.

#include "protocol.h"

// Before and after the instruction all registers hold values of the test, so these have absolute addresses within reach of
// a long displacement without base.
#define SAVED_AT 0x20000
#define BEFORE_AT 0x20100
#define AFTER_AT 0x20200
#define TO_STRING_(x) #x
#define TO_STRING(x) TO_STRING_(x)

enum { page = 4096, private_at = 0x20000 };
/// Addresses no test is likely to have; own_code is where the program is linked to (-Ttext-segment).
static const unsigned long shared_at = 0x2b5c3a0000;
static const unsigned long own_code = 0x5c3a0000, own_code_size = 0x10000;

// ---- System calls ----------------------------------------------------------------------------------------------

enum { call_exit = 1, call_read = 3, call_write = 4, call_mmap = 90, call_rt_sigaction = 174, call_sigaltstack = 186 };

static long system_call(long number, long a, long b, long c, long d)
{
    register long r1 __asm__("1") = number;
    register long r2 __asm__("2") = a;
    register long r3 __asm__("3") = b;
    register long r4 __asm__("4") = c;
    register long r5 __asm__("5") = d;
    __asm__ volatile("svc 0" : "+d"(r2) : "d"(r1), "d"(r3), "d"(r4), "d"(r5) : "memory");
    return r2;
}

static void leave(int status)
{
    for (;;)
        system_call(call_exit, status, 0, 0, 0);
}

/// mmap takes its six arguments in storage.
static void* map(unsigned long at, unsigned long size, int protection, int flags, int descriptor)
{
    unsigned long arguments[6] = { at, size, (unsigned long)protection, (unsigned long)flags, (unsigned long)descriptor, 0 };
    long result = system_call(call_mmap, (long)arguments, 0, 0, 0);
    if (result != (long)at)
        leave(2);
    return (void*)at;
}

void* memcpy(void* to, const void* from, unsigned long size)
{
    char* out = to;
    const char* in = from;
    for (; size >= 256; size -= 256, out += 256, in += 256)
        __asm__ volatile("mvc 0(256,%0),0(%1)" : : "a"(out), "a"(in) : "memory");
    for (; size; --size)
        *out++ = *in++;
    return to;
}

// ---- One case --------------------------------------------------------------------------------------------------

// execute(slot, before, after, psw): loads everything but the general registers, which the slot itself loads and stores.
// The signal handler and both ends of a slot come back through leave_slot.
__asm__(".machine z15\n"
        ".text\n"
        "execute:\n"
        "    stmg %r0,%r15," TO_STRING(SAVED_AT) "(%r0)\n"
        "    vlm %v0,%v15,0(%r4)\n"
        "    vlm %v16,%v31,256(%r4)\n"
        "    lam %a0,%a15,512(%r4)\n"
        "    lfpc 576(%r4)\n"
        "    l %r1,580(%r4)\n"
        "    spm %r1\n"
        "    br %r2\n"
        "fell_through:\n"
        "    lghi %r2,0\n"
        "    j store_all\n"
        "branched:\n"
        "    lghi %r2,1\n"
        "store_all:\n"
        "    ipm %r1\n"
        "    lg %r5," TO_STRING(SAVED_AT) "+5*8(%r0)\n"
        "    vstm %v0,%v15,0(%r5)\n"
        "    vstm %v16,%v31,256(%r5)\n"
        "    stam %a0,%a15,512(%r5)\n"
        "    stfpc 576(%r5)\n"
        "    st %r1,580(%r5)\n"
        "leave_slot:\n"
        "    lmg %r3,%r15," TO_STRING(SAVED_AT) "+3*8(%r0)\n"
        "    lghi %r1,0\n"
        "    spm %r1\n"
        "    br %r14\n");

extern char fell_through[], branched[], leave_slot[];
/// Vector registers onwards of a state, as `execute` and the handler use them.
struct Rest {
    Byte vr[32][16];
    Word ar[16];
    Word fpc;
    Word program_mask;
};
long execute(unsigned long slot, void* unused, const void* before, void* after);

static struct Outcome* volatile outcome_of_signal;

/// s390x Linux: <asm/sigcontext.h>, <asm/ucontext.h>.
struct Context {
    unsigned long flags;
    void* link;
    unsigned long stack[3];
    unsigned long psw_mask;
    unsigned long psw_address;
    unsigned long gr[16];
};

static void on_signal(int signal, const int* information, struct Context* context)
{
    struct Outcome* outcome = outcome_of_signal;
    struct Rest* rest = (struct Rest*)outcome->after.vr;
    __asm__ volatile("vstm %%v0,%%v15,0(%0)\n vstm %%v16,%%v31,256(%0)\n stam %%a0,%%a15,512(%0)\n stfpc 576(%0)" : : "a"(rest) : "memory");
    outcome->signal = (Word)signal;
    outcome->code = (Word)information[2];
    rest->program_mask = (Word)(context->psw_mask >> 16) & 0x3f000000;
    memcpy(outcome->after.gr, context->gr, sizeof context->gr);
    if (context->psw_address - own_code < own_code_size)
        leave(3);
    context->psw_address = (unsigned long)leave_slot;
}

static Word hash_outside(void)
{
    const unsigned long* area = (const unsigned long*)area_at;
    unsigned long any = 0;
    for (int i = 0; i < window_offset / 8; i += 4)
        any |= area[i] | area[i + 1] | area[i + 2] | area[i + 3];
    for (int i = (window_offset + window_size) / 8; i < area_size / 8; i += 4)
        any |= area[i] | area[i + 1] | area[i + 2] | area[i + 3];
    if (!any)
        return 0;
    unsigned long hash = 0;
    for (int i = 0; i < area_size / 8; ++i) {
        if (i >= window_offset / 8 && i < (window_offset + window_size) / 8)
            continue;
        hash = hash * 0x9e3779b97f4a7c15 + area[i];
        ((unsigned long*)area_at)[i] = 0;
    }
    return (Word)(hash >> 32) | 1;
}

static void run_case(const struct State* before, unsigned long slot, struct Outcome* outcome)
{
    memcpy((void*)(area_at + window_offset), before->window, window_size);
    memcpy((void*)BEFORE_AT, before->gr, sizeof before->gr);
    outcome_of_signal = outcome;
    outcome->signal = 0;
    outcome->code = 0;
    outcome->branched = (Word)execute(slot, 0, before->vr, outcome->after.vr);
    if (outcome->signal)
        outcome->branched = 0;
    else
        memcpy(outcome->after.gr, (void*)AFTER_AT, sizeof before->gr);
    memcpy(outcome->after.window, (void*)(area_at + window_offset), window_size);
    outcome->outside = hash_outside();
}

// ---- Slots -----------------------------------------------------------------------------------------------------

static Byte* put(Byte* at, const Byte* code, unsigned long size)
{
    for (; size; --size)
        *at++ = *code++;
    return at;
}

/// LMG or STMG of all registers at an absolute address.
static Byte* put_multiple(Byte* at, Byte opcode, unsigned long address)
{
    Byte code[6] = { 0xeb, 0x0f, (Byte)(address >> 8 & 0xf), (Byte)address, (Byte)(address >> 12), opcode };
    return put(at, code, sizeof code);
}

static Byte* put_jump(Byte* at, const char* to)
{
    long distance = (to - (const char*)at) / 2;
    Byte code[6] = { 0xc0, 0xf4, (Byte)(distance >> 24), (Byte)(distance >> 16), (Byte)(distance >> 8), (Byte)distance };
    return put(at, code, sizeof code);
}

static void put_slot(Byte* at, const struct Slot* slot)
{
    Byte* next = put_multiple(at, 0x04, BEFORE_AT);
    next = put(next, slot->instruction, slot->length);
    if (slot->repeats) {
        Byte back[4] = { 0xa7, 0x14, 0xff, (Byte)(0x100 - slot->length / 2) };
        next = put(next, back, sizeof back);
    }
    put_jump(put_multiple(next, 0x24, AFTER_AT), fell_through);
    put_jump(put_multiple(at + landing_offset, 0x24, AFTER_AT), branched);
    put(at + target_offset, slot->target, sizeof slot->target);
}

// ---- Beginning -------------------------------------------------------------------------------------------------

static void catch_signals(void)
{
    enum { on_stack = 0x08000000, with_information = 4, no_defer = 0x40000000 };
    static Byte stack[65536];
    unsigned long alternate[3] = { (unsigned long)stack, 0, sizeof stack };
    system_call(call_sigaltstack, (long)alternate, 0, 0, 0);
    unsigned long action[4] = { (unsigned long)on_signal, on_stack | with_information | no_defer, 0, 0 };
    static const int signals[] = { 4, 5, 7, 8, 11 };
    for (unsigned i = 0; i < sizeof signals / sizeof *signals; ++i)
        if (system_call(call_rt_sigaction, signals[i], (long)action, 0, 8) != 0)
            leave(4);
}

void begin(void)
{
    enum { read_write = 3, everything = 7, shared_fixed = 0x11, private_fixed = 0x32 };
    struct Memory* memory = map(shared_at, (sizeof *memory + page - 1) / page * page, read_write, shared_fixed, memory_descriptor);
    map(private_at, page, read_write, private_fixed, -1);
    map(area_at, area_size, read_write, private_fixed, -1);
    map(slots_at, slot_size * slot_count, everything, private_fixed, -1);
    catch_signals();
    Byte byte;
    while (system_call(call_read, 0, (long)&byte, 1, 0) == 1) {
        for (Word i = memory->first / cases_of_slot; i * cases_of_slot < memory->count; ++i)
            put_slot((Byte*)slots_at + slot_size * i, &memory->slots[i]);
        for (Word i = memory->first; i < memory->count; ++i) {
            memory->current = i;
            run_case(&memory->cases[i], slots_at + i / cases_of_slot * slot_size, &memory->outcomes[i]);
        }
        system_call(call_write, 1, (long)&byte, 1, 0);
    }
    leave(0);
}

__asm__(".globl _start\n"
        "_start:\n"
        "    aghi %r15,-160\n"
        "    brasl %r14,begin\n");
