#pragma once

#include "base/big_endian.h"
#include "base/types.h"

#include <array>
#include <span>

namespace zvisor::isa::crypto {

/// The state of the SHA-512 deterministic random-number generator as PRNO keeps it in its parameter block; Hash_DRBG of
/// NIST SP 800-90A with a seed length of 888 bits, right-aligned in V and C.
struct GeneratorState {
    using Seed = std::array<u8, 112>;

    Be<u32> reserved;
    Be<u32> reseed_counter;
    Be<u64> stream_bytes;
    Seed v;
    Seed c;

    /// Instantiates a fresh state (counter zero), else reseeds.
    void seed(std::span<const u8> material);
    void generate(std::span<u8> out);
};
static_assert(sizeof(GeneratorState) == 240);

} // namespace zvisor::isa::crypto
