#pragma once

#include "base/big_endian.h"

// Bytes of guest storage that another CPU may be changing at the same time. What is found then is the guest's business (PoP ch. 5,
// "Block-Concurrent References"): each access is one host instruction, which never sees half of an aligned operand. The thread
// sanitizer, which knows only the C++ memory model, is told not to look.

namespace zvisor {

template<std::integral T>
[[nodiscard]] __attribute__((no_sanitize("thread"))) inline T load_shared(const void* from)
{
    T value;
    __builtin_memcpy(&value, from, sizeof value);
    return swap_if_little(value);
}

template<std::integral T>
__attribute__((no_sanitize("thread"))) inline void store_shared(void* to, T value)
{
    value = swap_if_little(value);
    __builtin_memcpy(to, &value, sizeof value);
}

} // namespace zvisor
