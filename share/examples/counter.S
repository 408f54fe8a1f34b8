// A program that runs alone in a partition: counts the seconds on its console and waits enabled between them, so that the partition
// gives its physical CPU back. tools/run-machine makes counter.elf of it:
//   s390x-linux-gnu-gcc -nostdlib -static -no-pie -Wl,--build-id=none -Wl,-Ttext=0x10000 -Wl,-e,start -o counter.elf counter.S

#define EXTERNAL_NEW_PSW 0x1b0
#define WRITE_EVENT_MASK 0x00780005
#define WRITE_EVENT_DATA 0x00760005
#define CLOCK_COMPARATOR_MASK 0x800
#define SERVICE_SIGNAL_MASK 0x200

    .text
    .globl  start
start:
    larl    %r12, data
    lmg     %r0, %r1, external_new_psw - data(%r12)
    stmg    %r0, %r1, EXTERNAL_NEW_PSW(%r0)
    larl    %r3, event_mask_block
    lgfi    %r2, WRITE_EVENT_MASK
    brasl   %r14, service_call
    stck    clock - data(%r12)

next_second:
    lg      %r1, clock - data(%r12)
    alg     %r1, one_second - data(%r12)
    stg     %r1, clock - data(%r12)
    sckc    clock - data(%r12)
    lghi    %r1, CLOCK_COMPARATOR_MASK
    brasl   %r14, wait
    asi     seconds - data(%r12), 1
    l       %r1, seconds - data(%r12)
    cvd     %r1, packed - data(%r12)
    unpk    digits - data(8, %r12), packed - data(8, %r12)
    // The sign of the packed number stands where the last zone belongs, and ASCII's zones are 3.
    nc      digits - data(8, %r12), digit_mask - data(%r12)
    oc      digits - data(8, %r12), zones - data(%r12)
    larl    %r3, line_block
    lgfi    %r2, WRITE_EVENT_DATA
    brasl   %r14, service_call
    j       next_second

// %r2 command, %r3 its block; returns when the answer is there.
service_call:
    lgr     %r11, %r14
1:  .insn   rre, 0xb2200000, %r2, %r3
    brc     2, 1b
    lghi    %r1, SERVICE_SIGNAL_MASK
    brasl   %r14, wait
    br      %r11

// %r1 the external interruption to wait for, as a mask of control register 0.
wait:
    stg     %r1, control_0 - data(%r12)
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
    .quad   0
clock:
    .quad   0
one_second:
    .quad   1000000 << 12
packed:
    .quad   0
seconds:
    .long   0
digit_mask:
    .byte   0x0f, 0x0f, 0x0f, 0x0f, 0x0f, 0x0f, 0x0f, 0x0f
zones:
    .byte   0x30, 0x30, 0x30, 0x30, 0x30, 0x30, 0x30, 0x30

    .balign 8
event_mask_block:
    .short  28, 0, 0, 0, 0, 4
    // What it sends: events of type 0x1a, ASCII for the console.
    .long   0, 0x80000000 >> 25, 0, 0

    .balign 8
line_block:
    .short  line_end - line_block, 0, 0, 0
    .short  line_end - line_event
    .set    line_event, . - 2
    .byte   0x1a, 0
    .short  0
    .ascii  "second "
digits:
    .ascii  "00000000\r\n"
line_end:
