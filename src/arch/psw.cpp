#include "arch/psw.h"

namespace zvisor {

bool Psw::is_valid() const
{
    constexpr u64 must_be_zero = bit_mask<0> | bit_mask<2, 4> | bit_mask<12> | bit_mask<24, 30> | bit_mask<33, 63>;
    if (mask & must_be_zero)
        return false;
    bool extended = mask & extended_addressing_bit;
    bool basic = mask & basic_addressing_bit;
    if (extended && !basic)
        return false;
    return (address & ~address_mask(addressing_mode())) == 0;
}

Psw Psw::from_short(u64 doubleword)
{
    Psw psw;
    psw.mask = (doubleword & bit_mask<0, 32>)^short_form_bit;
    psw.address = doubleword & bit_mask<33, 63>;
    return psw;
}

} // namespace zvisor
