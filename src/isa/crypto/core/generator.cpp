#include "isa/crypto/core/generator.h"

#include "isa/crypto/core/digest.h"

#include <algorithm>
#include <vector>

namespace zvisor::isa::crypto {

namespace {

using Seed = GeneratorState::Seed;
constexpr std::size_t seed_length = 111;

[[nodiscard]] std::span<const u8> seed_bytes(const Seed& seed)
{
    return std::span(seed).subspan(1);
}

/// `prefix` and then the parts, as one message.
[[nodiscard]] std::vector<u8> message(u8 prefix, std::span<const u8> first, std::span<const u8> second = {})
{
    std::vector<u8> out { prefix };
    out.insert(out.end(), first.begin(), first.end());
    out.insert(out.end(), second.begin(), second.end());
    return out;
}

/// Hash_df: the derivation function, for a seed of 888 bits.
[[nodiscard]] Seed derive(std::span<const u8> input)
{
    Seed seed {};
    std::vector<u8> block(5 + input.size());
    store_be<u32>(&block[1], seed_length * 8);
    std::copy(input.begin(), input.end(), block.begin() + 5);
    for (std::size_t done = 0; done < seed_length; done += 64) {
        block[0] = static_cast<u8>(done / 64 + 1);
        auto digest = sha512(block);
        std::copy_n(digest.begin(), std::min<std::size_t>(64, seed_length - done), seed.begin() + 1 + static_cast<std::ptrdiff_t>(done));
    }
    return seed;
}

/// seed + value, modulo 2 to the power 888.
void add(Seed& seed, std::span<const u8> value)
{
    unsigned carry = 0;
    for (std::size_t i = 0; i < seed_length; ++i) {
        unsigned digit = i < value.size() ? value[value.size() - 1 - i] : 0u;
        carry += seed[seed.size() - 1 - i] + digit;
        seed[seed.size() - 1 - i] = static_cast<u8>(carry);
        carry >>= 8;
    }
}

} // namespace

void GeneratorState::seed(std::span<const u8> material)
{
    bool instantiated = reseed_counter != 0;
    v = instantiated ? derive(message(1, seed_bytes(v), material)) : derive(material);
    c = derive(message(0, seed_bytes(v)));
    reseed_counter = 1;
    stream_bytes = 0;
}

void GeneratorState::generate(std::span<u8> out)
{
    constexpr std::array<u8, 1> one { 1 };
    Seed data = v;
    for (std::size_t done = 0; done < out.size(); done += 64) {
        auto digest = sha512(seed_bytes(data));
        std::copy_n(digest.begin(), std::min<std::size_t>(64, out.size() - done), out.begin() + static_cast<std::ptrdiff_t>(done));
        add(data, one);
    }
    std::array<u8, 4> counter;
    store_be<u32>(counter.data(), reseed_counter);
    auto digest = sha512(message(3, seed_bytes(v)));
    add(v, digest);
    add(v, seed_bytes(c));
    add(v, counter);
    reseed_counter = reseed_counter + 1;
    stream_bytes = stream_bytes + out.size();
}

} // namespace zvisor::isa::crypto
