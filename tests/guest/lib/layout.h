// Where a guest's runtime keeps its own things in the prefix area of each CPU; shared by C and assembler.
#pragma once

#define LC_REGISTERS 0x400
#define LC_RESUME_PSW 0x480
#define LC_INTERRUPTION_STACK 0x490
#define LC_CPU_STACK 0x498
#define LC_CPU_PROGRAM 0x4a0
#define LC_SCRATCH 0x4a8
#define LC_RUN_PSW 0x4b0
#define LC_RUN_START 0x4c0
#define LC_RUN_RESUME 0x4c8
#define LC_RUN_ACTIVE 0x4d0
#define LC_RUN_INPUT 0x500

#define CLASS_RESTART 0x120
#define CLASS_EXTERNAL 0x130
#define CLASS_SVC 0x140
#define CLASS_PROGRAM 0x150
#define CLASS_MACHINE_CHECK 0x160
#define CLASS_IO 0x170
