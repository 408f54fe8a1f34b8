#include "values.h"

#include "base/big_endian.h"

#include <algorithm>

namespace zvisor::differential {

namespace {

constexpr std::array<u64, 22> corners {
    0,
    1,
    2,
    3,
    7,
    8,
    0x7f,
    0x80,
    0xff,
    0x7fff,
    0x8000,
    0xffff,
    0x7fffffff,
    0x80000000,
    0xffffffff,
    0x100000000,
    0x7fffffffffffffff,
    0x8000000000000000,
    0x8000000000000001,
    0xffffffff00000000,
    0xffffffff80000000,
    0xffffffffffffffff,
};

[[nodiscard]] u64 some_bits(Random& random)
{
    switch (random.below(5)) {
    case 0:
        return 0;
    case 1:
        return ~u64 { 0 };
    case 2:
        return u64 { 1 } << random.below(64);
    case 3:
        return ~u64 { 0 } << random.below(64);
    default:
        return random.next();
    }
}

void put(std::span<u8> bytes, u128 value)
{
    for (std::size_t i = bytes.size(); i-- > 0; value >>= 8)
        bytes[i] = static_cast<u8>(value);
}

void random_bytes(Random& random, std::span<u8> bytes)
{
    std::size_t at = 0;
    for (; at + 8 <= bytes.size(); at += 8)
        store_be<u64>(bytes.data() + at, random.next());
    for (; at < bytes.size(); ++at)
        bytes[at] = static_cast<u8>(random.next());
}

/// Elements of few different values, so that comparisons find equal ones.
void few_values(Random& random, std::span<u8> bytes)
{
    u64 pool = random.next();
    u64 choice = random.next();
    for (auto& byte : bytes) {
        byte = static_cast<u8>(choice & 4 ? pool >> (choice & 3) * 8 : choice & 3);
        choice = choice >> 3 | choice << 61;
    }
}

void integers(Random& random, std::span<u8> bytes)
{
    unsigned size = random.pick({ 1U, 2U, 4U, 8U });
    for (std::size_t at = 0; at < bytes.size(); at += size)
        put(bytes.subspan(at, size), integer(random));
}

void floating_points(Random& random, std::span<u8> bytes)
{
    unsigned size = random.pick({ 4U, 8U, 16U });
    for (std::size_t at = 0; at + size <= bytes.size(); at += size)
        put(bytes.subspan(at, size), floating_point(random, size));
}

} // namespace

u64 integer(Random& random)
{
    switch (random.below(8)) {
    case 0:
    case 1:
        return random.pick(corners);
    case 2:
        return random.pick(corners) + random.below(5) - 2;
    case 3:
        return random.below(300);
    case 4:
        return some_bits(random);
    case 5:
        return random.next() >> random.below(64);
    case 6:
        return static_cast<u64>(static_cast<i64>(random.next()) >> random.below(64));
    default:
        return random.next();
    }
}

u128 floating_point(Random& random, unsigned bytes)
{
    unsigned exponent_bits = bytes == 4 ? 8 : bytes == 8 ? 11 : 15;
    unsigned fraction_bits = bytes * 8 - 1 - exponent_bits;
    u32 most = (1U << exponent_bits) - 1;
    u32 bias = most >> 1;
    u32 exponent = 0;
    switch (random.below(8)) {
    case 0:
        exponent = random.pick({ 0U, most });
        break;
    case 1:
        exponent = random.pick({ 0U, 1U, 2U, most - 1, most - 2, most });
        break;
    case 2:
        exponent = random.below(most + 1);
        break;
    case 3:
        exponent = bias + random.pick({ 7U, 15U, 22U, 23U, 24U, 30U, 31U, 32U, 51U, 52U, 53U, 62U, 63U, 64U, 65U });
        break;
    default:
        exponent = bias + random.below(20) - 10;
        break;
    }
    if (bytes == 4 && exponent > most)
        exponent = most - 1;
    u128 fraction = u128 { some_bits(random) } << 64 | some_bits(random);
    if (random.chance(40)) // few significant bits: exact results
        fraction = u128 { random.next() >> (56 + random.below(8)) } << (fraction_bits - 8);
    fraction &= (u128 { 1 } << fraction_bits) - 1;
    return u128 { random.below(2) } << (bytes * 8 - 1) | u128 { exponent } << fraction_bits | fraction;
}

void packed_decimal(Random& random, std::span<u8> bytes)
{
    std::size_t zeros = random.chance(60) ? random.below(static_cast<u32>(bytes.size())) : 0;
    bool nines = random.chance(10);
    for (std::size_t i = 0; i < bytes.size(); ++i)
        bytes[i] = i < zeros ? u8 { 0 } : nines ? u8 { 0x99 } : static_cast<u8>(random.below(10) << 4 | random.below(10));
    u8 sign = random.chance(80) ? random.pick<u8>({ 0xc, 0xd }) : static_cast<u8>(random.below(16));
    bytes.back() = static_cast<u8>((bytes.back() & 0xf0) | sign);
    if (random.chance(5))
        bytes[random.below(static_cast<u32>(bytes.size()))] = static_cast<u8>(random.next());
}

void vector_register(Random& random, Content content, std::span<u8, 16> bytes)
{
    if (content != Content::any && random.chance(85)) {
        content == Content::floating_point ? floating_points(random, bytes) : packed_decimal(random, bytes);
        return;
    }
    switch (random.below(4)) {
    case 0:
        return few_values(random, bytes);
    case 1:
        return integers(random, bytes);
    case 2:
        return floating_points(random, bytes);
    default:
        return random_bytes(random, bytes);
    }
}

void storage(Random& random, std::span<u8> bytes)
{
    switch (random.below(5)) {
    case 0:
        return few_values(random, bytes);
    case 1:
        return integers(random, bytes);
    case 2:
        std::ranges::generate(bytes, [&] { return static_cast<u8>(0x30 + random.below(16)); });
        return;
    case 3:
        return floating_points(random, bytes);
    default:
        return random_bytes(random, bytes);
    }
}

} // namespace zvisor::differential
