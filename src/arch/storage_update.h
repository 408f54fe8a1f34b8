#pragma once

#include "base/types.h"

namespace zvisor {

/// What an interlocked update makes of an operand in storage and another operand.
enum class StorageUpdate : u8 { add, bit_and, bit_or, bit_xor };

template<class T>
[[nodiscard]] constexpr T updated(StorageUpdate update, T old, T operand)
{
    switch (update) {
    case StorageUpdate::add:
        return static_cast<T>(old + operand);
    case StorageUpdate::bit_and:
        return old & operand;
    case StorageUpdate::bit_or:
        return old | operand;
    case StorageUpdate::bit_xor:
        return old ^ operand;
    }
    return old;
}

} // namespace zvisor
