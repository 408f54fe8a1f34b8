#pragma once

namespace zvisor {

/// The host fetches the instructions behind this again: code that was changed at another address than it is executed at needs that.
/// IRET is the one serializing instruction that every x86-64 executes without a hypervisor taking notice.
inline void serialize_host()
{
    unsigned long kept;
    asm volatile("mov %%rsp, %0\n\t"
                 "sub $128, %%rsp\n\t" // what leaf functions have below the stack pointer
                 "and $-16, %%rsp\n\t"
                 "mov %%ss, %%eax\n\t"
                 "push %%rax\n\t"
                 "push %0\n\t"
                 "pushf\n\t"
                 "mov %%cs, %%eax\n\t"
                 "push %%rax\n\t"
                 "lea 1f(%%rip), %%rax\n\t"
                 "push %%rax\n\t"
                 "iretq\n"
                 "1:"
        : "=&r"(kept)
        :
        : "rax", "memory", "cc");
}

} // namespace zvisor
