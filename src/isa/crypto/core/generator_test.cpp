#include "isa/crypto/core/generator.h"

#include <algorithm>
#include <gtest/gtest.h>
#include <string_view>
#include <vector>

namespace zvisor::isa::crypto {
namespace {

std::vector<u8> from_hex(std::string_view text)
{
    std::vector<u8> bytes;
    for (std::size_t i = 0; i + 1 < text.size(); i += 2)
        bytes.push_back(static_cast<u8>(std::stoul(std::string(text.substr(i, 2)), nullptr, 16)));
    return bytes;
}

template<class Bytes>
std::vector<u8> first_bytes(const Bytes& bytes, std::size_t count)
{
    return { bytes.begin(), bytes.begin() + static_cast<std::ptrdiff_t>(count) };
}

// CAVS Hash_DRBG SHA-512 without prediction resistance, count 0.
TEST(Generator, GivesThePublishedNumbers)
{
    GeneratorState state {};
    state.seed(from_hex("6b50a7d8f8a55d7a3df8bb40bcc3b722d8708de67fda010b03c4c84d72096f8c3ec649cc6256d9fa31db7a2904aaf025"));
    EXPECT_EQ(first_bytes(state.v, 16), from_hex("00ade36f9a01c776613435f54e247422"));
    EXPECT_EQ(first_bytes(state.c, 16), from_hex("00f4a3e5a0726395c64f48d08b5b5f8e"));
    EXPECT_EQ(state.reseed_counter, 1u);

    std::vector<u8> out(256);
    state.generate(out);
    state.generate(out);
    EXPECT_EQ(first_bytes(out, 16), from_hex("95b7f17e9802d3577392c6a9c08083b6"));
    EXPECT_EQ(std::vector<u8>(out.end() - 8, out.end()), from_hex("368c5a9f7a4b3ee2"));
    EXPECT_EQ(state.stream_bytes, 512u);
}

TEST(Generator, ReseedingChangesWhatFollows)
{
    GeneratorState state {};
    state.seed(from_hex("00"));
    GeneratorState other = state;
    other.seed(from_hex("01"));
    EXPECT_NE(state.v, other.v);
    EXPECT_EQ(other.reseed_counter, 1u);
}

} // namespace
} // namespace zvisor::isa::crypto
