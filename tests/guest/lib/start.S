// Entry of CPU 0 and of the others, and the common entry of all interruptions.

#include "lib/layout.h"

    .section .text.start, "ax"
    .globl start
start:
    larl    %r15, stack_top - 160
    brasl   %r14, guest_start

// A CPU started by restart: its prefix area tells its stack and what to do.
    .globl  start_cpu
start_cpu:
    lg      %r15, LC_CPU_STACK(%r0)
    lg      %r1, LC_CPU_PROGRAM(%r0)
    basr    %r14, %r1
1:  lhi     %r1, 0
    stap    LC_SCRATCH(%r0)
    lh      %r2, LC_SCRATCH(%r0)
    sigp    %r0, %r2, 5
    j       1b

    .macro  interruption_entry name, class
    .globl  entry_\name
entry_\name:
    stmg    %r0, %r15, LC_REGISTERS(%r0)
    lghi    %r2, \class
    j       interruption_common
    .endm

    interruption_entry restart, CLASS_RESTART
    interruption_entry external, CLASS_EXTERNAL
    interruption_entry svc, CLASS_SVC
    interruption_entry program, CLASS_PROGRAM
    interruption_entry machine_check, CLASS_MACHINE_CHECK
    interruption_entry io, CLASS_IO

interruption_common:
    lg      %r15, LC_INTERRUPTION_STACK(%r0)
    brasl   %r14, on_interruption
    lmg     %r0, %r15, LC_REGISTERS(%r0)
    lpswe   LC_RESUME_PSW(%r0)

    .bss
    .balign 16
    .skip   16384
stack_top:
