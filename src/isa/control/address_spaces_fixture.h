#pragma once

#include "isa/example.h"
#include "isa/text.h"

#include "arch/control.h"
#include "cpu/engine.h"

#include <gtest/gtest.h>

/// For tests of instructions that need DAT, which examples of rows run without.
namespace zvisor::isa {

inline constexpr u64 mode_64 = Psw::extended_addressing_bit | Psw::basic_addressing_bit;

/// Primary virtual page n is real page 80000 + n pages, secondary 90000 + n, home a0000 + n; pages 0-15 are valid.
class AddressSpaces : public testing::Test {
protected:
    static constexpr u64 primary = 0x10000;
    static constexpr u64 secondary = 0x20000;
    static constexpr u64 home = 0x30000;

    AddressSpaces()
    {
        make_space(primary, 0x80000);
        make_space(secondary, 0x90000);
        make_space(home, 0xa0000);
        c.cr[0] |= cr0::secondary_space;
        c.cr[1] = primary;
        c.cr[7] = secondary;
        c.cr[13] = home;
        c.control_registers_changed();
        enter(AddressSpaceControl::primary);
    }

    void make_space(u64 segment_table, u64 frames)
    {
        constexpr u64 invalid_page = 0x400;
        u64 page_table = segment_table + 0x4000;
        put(segment_table, page_table);
        for (u64 page = 0; page < 256; ++page)
            put(page_table + page * 8, page < 16 ? frames + page * page_size : invalid_page);
    }
    void put(u64 absolute, u64 value) { store_be<u64>(c.storage().host() + absolute, value); }
    [[nodiscard]] u64 get(u64 absolute) const { return load_be<u64>(c.storage().host() + absolute); }

    void enter(AddressSpaceControl space, bool problem_state = false)
    {
        u64 mask = with_bits<16, 17>(mode_64 | Psw::dat_bit, static_cast<u64>(space));
        c.load_psw({ with_bits<15>(mask, problem_state), 0x1000 });
    }

    /// Executes one instruction; the program interruption it raises, if any.
    ProgramInterruption run(std::string_view mnemonic, std::string_view operands)
    {
        u64 bits = assemble(*find_row(mnemonic), operands, 0x1000).value();
        // The engine of examples fetches by absolute address.
        put(0x1000, bits);
        c.next = 0x1000;
        try {
            c.engine().run(c);
        } catch (const ProgramInterruption& interruption) {
            return interruption;
        }
        return {};
    }

    ExampleMachine machine;
    Cpu& c { machine.cpu() };
};

} // namespace zvisor::isa
