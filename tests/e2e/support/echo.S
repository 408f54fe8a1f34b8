// A program that runs alone: writes `ready`, then whatever is typed at its console, and waits enabled between. many_partitions.py makes
// echo.elf of it:
//   s390x-linux-gnu-gcc -march=z15 -nostdlib -static -no-pie -Wl,--build-id=none -Wl,-Ttext=0x10000 -Wl,-e,start -o echo.elf echo.S

#define EXTERNAL_NEW_PSW 0x1b0
#define EXTERNAL_PARAMETER 0x80
#define WRITE_EVENT_MASK 0x00780005
#define WRITE_EVENT_DATA 0x00760005
#define READ_EVENT_DATA 0x00770005
#define SERVICE_SIGNAL_MASK 0x200
#define NORMAL_READ_COMPLETION 0x0020
#define ASCII_CONSOLE 0x1a
#define BLOCK_LENGTH 4096
#define BLOCK_HEADER 8

    .text
    .globl  start
start:
    larl    %r12, data
    lmg     %r0, %r1, external_new_psw - data(%r12)
    stmg    %r0, %r1, EXTERNAL_NEW_PSW(%r0)
    larl    %r3, event_mask_block
    lgfi    %r2, WRITE_EVENT_MASK
    brasl   %r14, service_call
    larl    %r3, ready_block
    lgfi    %r2, WRITE_EVENT_DATA
    brasl   %r14, service_call
    j       read

next_event:
    brasl   %r14, wait
read:
    larl    %r3, block
    mvhhi   0(%r3), BLOCK_LENGTH
    mvi     2(%r3), 0
    mvi     5(%r3), 0x80        // of any length
    mvhhi   6(%r3), 0
    lgfi    %r2, READ_EVENT_DATA
    brasl   %r14, service_call
    clhhsi  6(%r3), NORMAL_READ_COMPLETION
    jne     next_event
    // The event goes back as it came.
    llgh    %r1, BLOCK_HEADER(%r3)
    aghi    %r1, BLOCK_HEADER
    sth     %r1, 0(%r3)
    mvi     5(%r3), 0
    mvhhi   6(%r3), 0
    mvi     BLOCK_HEADER + 2(%r3), ASCII_CONSOLE
    mvi     BLOCK_HEADER + 3(%r3), 0
    lgfi    %r2, WRITE_EVENT_DATA
    brasl   %r14, service_call
    j       read

// %r2 command, %r3 its block; returns when the answer is there.
service_call:
    lgr     %r11, %r14
1:  .insn   rre, 0xb2200000, %r2, %r3
    brc     2, 1b
    // A service signal without an address tells of an event.
2:  brasl   %r14, wait
    l       %r1, EXTERNAL_PARAMETER(%r0)
    nilf    %r1, 0xfffffff8
    jz      2b
    br      %r11

wait:
    lctlg   %c0, %c0, control_0 - data(%r12)
    lpswe   wait_psw - data(%r12)
interrupted:
    br      %r14

    .balign 8
data:
external_new_psw:
    .quad   0x0000000180000000, interrupted
wait_psw:
    .quad   0x0102000180000000, 0
control_0:
    .quad   SERVICE_SIGNAL_MASK

    .balign 8
event_mask_block:
    .short  28, 0, 0, 0, 0, 4
    // What it takes, and what it sends.
    .long   0x80000000 >> (ASCII_CONSOLE - 1), 0x80000000 >> (ASCII_CONSOLE - 1), 0, 0

    .balign 8
ready_block:
    .short  ready_end - ready_block, 0, 0, 0
    .short  ready_end - ready_event
    .set    ready_event, . - 2
    .byte   ASCII_CONSOLE, 0
    .short  0
    .ascii  "ready\r\n"
ready_end:

    .balign BLOCK_LENGTH
block:
    .space  BLOCK_LENGTH
