// Runtime of the bare-metal guests: checks, a console, interruptions, a second CPU, and `RUN`, which executes an instruction
// under any PSW and says what came of it.
#pragma once

#include "lib/layout.h"

typedef unsigned char u8;
typedef unsigned short u16;
typedef unsigned int u32;
typedef unsigned long u64;
typedef signed int i32;
typedef signed long i64;

#define BIT(n) (1UL << (63 - (n)))

// PSW masks.
enum {
    PSW_PER = BIT(1),
    PSW_DAT = BIT(5),
    PSW_IO = BIT(6),
    PSW_EXTERNAL = BIT(7),
    PSW_MACHINE_CHECK = BIT(13),
    PSW_WAIT = BIT(14),
    PSW_PROBLEM = BIT(15),
    PSW_PRIMARY = 0,
    PSW_ACCESS_REGISTER = BIT(17),
    PSW_SECONDARY = BIT(16),
    PSW_HOME = BIT(16) | BIT(17),
    PSW_31 = BIT(32),
    PSW_64 = BIT(31) | BIT(32),
};
#define PSW_KEY(key) ((u64)(key) << 52)
#define PSW_MASKS(bits) ((u64)(bits) << 40)
/// Supervisor state, key 0, real mode, 64-bit addressing, everything disabled.
#define HOME_PSW PSW_64

// ---- Checks -----------------------------------------------------------------------------------------------------------

void test_begin(const char* name);
void check_at(int ok, const char* what, int line);
void equal_at(u64 actual, u64 expected, const char* what, int line);
/// Prints a line; only CPU 0 may.
void say(const char* text);
void say_number(const char* text, u64 value);
/// Ends the guest: success when no check failed.
__attribute__((noreturn)) void finish(void);
__attribute__((noreturn)) void fail(const char* why, u64 value);

#define TEST(name) test_begin(name)
#define CHECK(condition) check_at(!!(condition), #condition, __LINE__)
#define EQUAL(actual, expected) equal_at((u64)(actual), (u64)(expected), #actual, __LINE__)

// ---- Interruptions ----------------------------------------------------------------------------------------------------

struct psw {
    u64 mask;
    u64 address;
};

/// What an interruption left, or what came of a RUN.
struct outcome {
    /// CLASS_… ; CLASS_SVC with code 255 says that the instructions of a RUN completed.
    u32 class;
    u16 code;
    u8 ilc;
    struct psw old;
    /// Address of the instruction a RUN is about.
    u64 start;
    u32 data_code;
    u64 translation_exception;
    u8 access_id;
    u64 breaking_event;
    u16 monitor_class;
    u64 monitor_code;
    u8 per_code;
    u8 per_mode;
    u64 per_address;
    u8 per_access_id;
    u32 parameter;
    u16 cpu_address;
    u32 subsystem_id;
    u32 io_parameter;
    u32 io_identification;
    u64 registers[16];
};

/// Outcome of the last RUN of this CPU (CPUs by prefix: at most four).
extern struct outcome last;

/// Called for interruptions no RUN waits for; changes `resume` to go on elsewhere. Returns 0 when it is not wanted there.
typedef int interruption_hook(const struct outcome* what, struct psw* resume);
extern interruption_hook* hooks[8];
#define HOOK(class) hooks[((class) - CLASS_RESTART) / 16]

/// Registers 1-7 of the next RUN; they keep their values from one to the next. What a RUN leaves is in last.registers.
#define IN(r) lc(u64, LC_RUN_INPUT + (r) * 8)
/// Executes `before`, then `text`, under PSW mask `psw`; register 0 is used on the way in. CPU 0 only.
#define RUN2(psw, before, text)                                                                               \
    ({                                                                                                        \
        lc(u64, LC_RUN_PSW) = (psw);                                                                          \
        asm volatile("larl 0,770f\n stg 0,%[lc_address](0)\n"                                                 \
                     "larl 0,771f\n stg 0,%[lc_start](0)\n"                                                   \
                     "larl 0,772f\n stg 0,%[lc_resume](0)\n"                                                  \
                     "lghi 0,1\n stg 0,%[lc_active](0)\n"                                                     \
                     "lmg 1,7,%[lc_input]+8(0)\n"                                                             \
                     "lghi 0,0\n"                                                                             \
                     "lpswe %[lc_psw](0)\n"                                                                   \
                     ".balign 2\n770: " before "\n771: " text "\n svc 255\n772:\n"                            \
            :                                                                                                 \
            : [lc_address] "i"(LC_RUN_PSW + 8), [lc_start] "i"(LC_RUN_START), [lc_resume] "i"(LC_RUN_RESUME), \
            [lc_active] "i"(LC_RUN_ACTIVE), [lc_psw] "i"(LC_RUN_PSW), [lc_input] "i"(LC_RUN_INPUT)            \
            : "0", "1", "2", "3", "4", "5", "6", "7", "cc", "memory");                                        \
        &last;                                                                                                \
    })
#define RUN(psw, text) RUN2(psw, "", text)

/// Checks on the last outcome.
void completed_at(const char* what, int line);
void program_at(u16 code, u8 ilc, int nullified, const char* what, int line);
#define COMPLETED(what) completed_at(what, __LINE__)
#define SUPPRESSED(what, code, ilc) program_at(code, ilc, 0, what, __LINE__)
#define NULLIFIED(what, code, ilc) program_at(code, ilc, 1, what, __LINE__)
/// Condition code in the PSW the last RUN ended with.
#define LAST_CC ((last.old.mask >> 44) & 3)

/// A field of this CPU's prefix area.
extern u8 prefix_area[];
#define lc(type, offset) (*(volatile type*)(prefix_area + (offset)))

/// Fills a prefix area with the new PSWs of the runtime and a stack for interruptions.
void prepare_prefix_area(u64 area);
/// Opens the PSW masks given (PSW_IO, PSW_EXTERNAL …) for a moment so that what is pending is taken.
void open_window(u64 masks);

// ---- Registers and storage -------------------------------------------------------------------------------------------

void* memset(void* to, int byte, u64 length);
void* memcpy(void* to, const void* from, u64 length);
int memcmp(const void* a, const void* b, u64 length);

#define load_control(n, value)                                         \
    ({                                                                 \
        u64 v_ = (value);                                              \
        asm volatile("lctlg " #n "," #n ",%0" : : "Q"(v_) : "memory"); \
    })
#define store_control(n)                                   \
    ({                                                     \
        u64 v_;                                            \
        asm volatile("stctg " #n "," #n ",%0" : "=Q"(v_)); \
        v_;                                                \
    })

static inline void set_key(u64 address, u8 key)
{
    asm volatile("sske %0,%1" : : "d"((u32)key), "a"(address) : "memory");
}
static inline u8 get_key(u64 address)
{
    u64 key = 0;
    asm volatile("iske %0,%1" : "+d"(key) : "a"(address));
    return (u8)key;
}
static inline u64 tod(void)
{
    u64 t;
    asm volatile("stckf %0" : "=Q"(t) : : "cc");
    return t;
}
/// Microseconds by the TOD clock.
static inline void delay(u64 microseconds)
{
    u64 end = tod() + microseconds * 4096;
    while (tod() < end)
        ;
}

// ---- Other CPUs ------------------------------------------------------------------------------------------------------

enum {
    SIGP_SENSE = 1,
    SIGP_EXTERNAL_CALL = 2,
    SIGP_EMERGENCY = 3,
    SIGP_START = 4,
    SIGP_STOP = 5,
    SIGP_RESTART = 6,
    SIGP_STOP_AND_STORE_STATUS = 9,
    SIGP_INITIAL_RESET = 11,
    SIGP_RESET = 12,
    SIGP_SET_PREFIX = 13,
    SIGP_STORE_STATUS = 14,
    SIGP_SET_ARCHITECTURE = 18,
    SIGP_CONDITIONAL_EMERGENCY = 19,
    SIGP_SENSE_RUNNING = 21,
};

/// Condition code; `status` (may be null) gets the status of condition code 1.
static inline int sigp(u16 cpu, u8 order, u64 parameter, u32* status)
{
    register u64 r1 asm("1") = parameter;
    register u64 r0 asm("0") = 0;
    int cc;
    asm volatile("sigp %1,%3,0(%4)\n ipm %0\n srl %0,28" : "=d"(cc), "+d"(r0), "+d"(r1) : "d"((u64)cpu), "a"((u64)order) : "cc", "memory");
    if (status)
        *status = (u32)r0;
    return cc;
}
static inline u16 cpu_address(void)
{
    u16 address;
    asm volatile("stap %0" : "=Q"(address));
    return address;
}
/// Starts another CPU (1, 2, 3) in `program` on a stack and in a prefix area of its own; it stops when `program` returns.
void start_program(u16 cpu, void (*program)(void));
/// Prefix area (absolute address) of a CPU start_program started.
u64 prefix_of(u16 cpu);
/// Waits until the CPU is stopped; fails the guest after some seconds.
void wait_stopped(u16 cpu);

/// Gives the rest of its time to others: for loops that wait for another CPU (DIAGNOSE X'44').
static inline void relax(void)
{
    asm volatile("diag 0,0,0x44" : : : "memory");
}

/// Rendezvous of `count` CPUs; `state` begins with zero.
void barrier(volatile u64* state, u64 count);

// ---- Service calls ------------------------------------------------------------------------------------------------------

enum {
    SCLP_READ_COMPLETE = 0x0010,
    SCLP_COMPLETE = 0x0020,
    SCLP_NO_ACTION = 0x0120,
    SCLP_IMPROPER_STATE = 0x05f0,
    SCLP_NOT_RECOGNIZED = 0x09f0,
};

int service_call(u32 command, const void* sccb);
/// Gives a command, when the service processor takes one, and waits for its end; the response code.
u16 serve(u32 command, void* sccb);
/// Waits for the service signal and gives its parameter.
u32 wait_service_signal(void);

int main(void);
