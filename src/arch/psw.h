#pragma once

#include "base/bits.h"
#include "base/types.h"

namespace zvisor {

/// Where the CPU finds instructions and operands (PSW bits 16-17 with DAT on).
enum class AddressSpaceControl : u8 { primary = 0, access_register = 1, secondary = 2, home = 3 };

/// Program status word, 16-byte z/Architecture form (PoP ch. 4, "Program-Status-Word Format").
struct Psw {
    u64 mask { 0 };
    u64 address { 0 };

    static constexpr u64 per_bit = bit_mask<1>;
    static constexpr u64 dat_bit = bit_mask<5>;
    static constexpr u64 io_bit = bit_mask<6>;
    static constexpr u64 external_bit = bit_mask<7>;
    static constexpr u64 short_form_bit = bit_mask<12>;
    static constexpr u64 machine_check_bit = bit_mask<13>;
    static constexpr u64 wait_bit = bit_mask<14>;
    static constexpr u64 problem_bit = bit_mask<15>;
    static constexpr u64 extended_addressing_bit = bit_mask<31>;
    static constexpr u64 basic_addressing_bit = bit_mask<32>;

    [[nodiscard]] bool per() const { return mask & per_bit; }
    [[nodiscard]] bool dat() const { return mask & dat_bit; }
    [[nodiscard]] bool io() const { return mask & io_bit; }
    [[nodiscard]] bool external() const { return mask & external_bit; }
    [[nodiscard]] u8 key() const { return static_cast<u8>(bits<8, 11>(mask)); }
    [[nodiscard]] bool machine_check() const { return mask & machine_check_bit; }
    [[nodiscard]] bool wait() const { return mask & wait_bit; }
    [[nodiscard]] bool problem() const { return mask & problem_bit; }
    [[nodiscard]] AddressSpaceControl space() const { return static_cast<AddressSpaceControl>(bits<16, 17>(mask)); }
    [[nodiscard]] u8 condition_code() const { return static_cast<u8>(bits<18, 19>(mask)); }
    [[nodiscard]] u8 program_mask() const { return static_cast<u8>(bits<20, 23>(mask)); }

    /// Addressing mode: 24, 31 or 64 bits.
    [[nodiscard]] unsigned addressing_mode() const { return mask & extended_addressing_bit ? 64 : mask & basic_addressing_bit ? 31 : 24; }

    /// True when the fields give no early specification exception (PoP ch. 6, "Early Exception Recognition").
    [[nodiscard]] bool is_valid() const;

    /// Expands the 8-byte ESA/390 form that LPSW and the IPL record use; bit 12 must be one and is inverted.
    [[nodiscard]] static Psw from_short(u64 doubleword);

    friend bool operator==(const Psw&, const Psw&) = default;
};

/// Bits of an address that take part under an addressing mode.
[[nodiscard]] constexpr u64 address_mask(unsigned addressing_mode)
{
    return addressing_mode == 64 ? ~u64 { 0 } : addressing_mode == 31 ? 0x7fffffff : 0xffffff;
}

} // namespace zvisor
