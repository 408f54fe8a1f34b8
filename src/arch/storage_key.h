#pragma once

#include "base/types.h"

namespace zvisor {

/// Storage key of a 4 KiB block, as ISKE inserts it: ACC (4 bits), F, R, C, 0 (PoP ch. 3, "Storage Key").
struct StorageKey {
    static constexpr u8 fetch_protection = 0x08;
    static constexpr u8 reference = 0x04;
    static constexpr u8 change = 0x02;

    u8 value { 0 };

    [[nodiscard]] u8 access_control() const { return value >> 4; }

    /// Key-controlled protection (PoP ch. 3): may a program under `psw_key` fetch from or store into the block?
    [[nodiscard]] bool permits(u8 psw_key, bool store) const
    {
        bool match = psw_key == 0 || psw_key == access_control();
        return match || (!store && !(value & fetch_protection));
    }
};

} // namespace zvisor
