#pragma once

#include "base/types.h"

#include <array>
#include <span>
#include <vector>

namespace zvisor::isa::crypto {

/// A message-digest algorithm seen from its inside: the chaining value between blocks.
struct Digest {
    using Compress = void (*)(u8* chaining_value, const u8* blocks, std::size_t length);

    u8 function_code;
    u8 chaining_value_size;
    u8 block_size;
    /// Bytes of the message's bit length in the last block; 0 for SHA-3, which ends otherwise.
    u8 length_size;
    Compress compress;

    /// Pads the rest of a message (shorter than a block) and takes it into the chaining value.
    void finish(u8* chaining_value, std::span<const u8> rest, const u8* bit_length) const;
};

/// SHA-1, SHA-256, SHA-512, SHA3-224 to SHA3-512.
[[nodiscard]] std::span<const Digest> digests();

using Sha512 = std::array<u8, 64>;
[[nodiscard]] Sha512 sha512(std::span<const u8> message);

} // namespace zvisor::isa::crypto
