// Instruction bytes, registers and the PSW as a guest may have them: executing anything ends in architected state.

#include "cpu/engine.h"
#include "isa/example.h"

#include <cstring>

using namespace zvisor;

extern "C" int LLVMFuzzerTestOneInput(const u8* data, std::size_t size)
{
    static isa::ExampleMachine machine;
    struct Input {
        u64 instruction;
        u64 psw_mask;
        u64 registers[16];
        u64 controls[16];
    } input {};
    if (size > 0)
        std::memcpy(&input, data, std::min(size, sizeof input));

    Cpu& cpu = machine.cpu();
    cpu.clear_reset();
    std::memcpy(cpu.storage().host() + 0x1000, &input.instruction, sizeof input.instruction);
    std::copy_n(input.registers, 16, cpu.gr.begin());
    std::copy_n(input.controls, 16, cpu.cr.begin());
    try {
        cpu.control_registers_changed();
        cpu.load_psw({ input.psw_mask & ~Psw::wait_bit, 0x1000 });
        cpu.engine().run(cpu);
    } catch (const ProgramInterruption&) {
    }
    return 0;
}
