#pragma once

#include "random.h"

#include <span>

namespace zvisor::differential {

/// Integers at which arithmetic changes its ways, and others.
[[nodiscard]] u64 integer(Random& random);

/// Bits of a binary floating-point number of 4, 8 or 16 bytes, right-aligned: zeros, subnormals, limits, infinities, NaNs,
/// numbers of moderate size.
[[nodiscard]] u128 floating_point(Random& random, unsigned bytes);

/// Fills with a signed packed decimal number, now and then an invalid one.
void packed_decimal(Random& random, std::span<u8> bytes);

enum class Content : u8 { any, floating_point, packed_decimal };

/// Fills a vector register with content of one kind.
void vector_register(Random& random, Content content, std::span<u8, 16> bytes);

/// Fills storage with one of several kinds of bytes.
void storage(Random& random, std::span<u8> bytes);

} // namespace zvisor::differential
