// OpenSSL 3 has the compression functions by themselves only in its older interface.
#define OPENSSL_SUPPRESS_DEPRECATED

#include "isa/crypto/core/digest.h"

#include "base/big_endian.h"
#include "base/verify.h"

#include <algorithm>
#include <bit>
#include <openssl/sha.h>
#include <utility>

namespace zvisor::isa::crypto {

namespace {

void compress_sha1(u8* chaining_value, const u8* blocks, std::size_t length)
{
    SHA_CTX context {};
    SHA_LONG* words[5] = { &context.h0, &context.h1, &context.h2, &context.h3, &context.h4 };
    for (unsigned i = 0; i < 5; ++i)
        *words[i] = load_be<u32>(chaining_value + i * 4);
    SHA1_Update(&context, blocks, length);
    for (unsigned i = 0; i < 5; ++i)
        store_be<u32>(chaining_value + i * 4, *words[i]);
}

template<class Context, class Word, int (*Update)(Context*, const void*, std::size_t)>
void compress_sha2(u8* chaining_value, const u8* blocks, std::size_t length)
{
    Context context {};
    for (unsigned i = 0; i < 8; ++i)
        context.h[i] = load_be<Word>(chaining_value + i * sizeof(Word));
    Update(&context, blocks, length);
    for (unsigned i = 0; i < 8; ++i)
        store_be<Word>(chaining_value + i * sizeof(Word), static_cast<Word>(context.h[i]));
}

// Keccak-f[1600] (FIPS 202); lanes are little-endian, lane (x, y) is number x + 5y.
using Lanes = std::array<u64, 25>;
constexpr unsigned keccak_state_size = 200;

/// The iota constants come from a linear-feedback shift register.
[[nodiscard]] u64 round_constant(u8& shift_register)
{
    u64 constant = 0;
    for (unsigned j = 0; j < 7; ++j) {
        if (shift_register & 1)
            constant |= u64 { 1 } << ((1u << j) - 1);
        shift_register = static_cast<u8>(shift_register << 1 ^ (shift_register >> 7 ? 0x71 : 0));
    }
    return constant;
}

void theta(Lanes& a)
{
    std::array<u64, 5> column {};
    for (unsigned i = 0; i < 25; ++i)
        column[i % 5] ^= a[i];
    for (unsigned i = 0; i < 25; ++i)
        a[i] ^= column[(i + 4) % 5] ^ std::rotl(column[(i + 1) % 5], 1);
}

void rho_and_pi(Lanes& a)
{
    unsigned x = 1;
    unsigned y = 0;
    u64 moved = a[1];
    for (unsigned t = 0; t < 24; ++t) {
        unsigned next_y = (2 * x + 3 * y) % 5;
        x = std::exchange(y, next_y);
        std::swap(moved, a[x + 5 * y]);
        a[x + 5 * y] = std::rotl(a[x + 5 * y], static_cast<int>((t + 1) * (t + 2) / 2 % 64));
    }
}

void chi(Lanes& a)
{
    for (unsigned y = 0; y < 25; y += 5) {
        std::array<u64, 5> row;
        std::copy_n(&a[y], 5, row.begin());
        for (unsigned x = 0; x < 5; ++x)
            a[y + x] = row[x] ^ (~row[(x + 1) % 5] & row[(x + 2) % 5]);
    }
}

void keccak(u8* state)
{
    Lanes a;
    for (unsigned i = 0; i < 25; ++i)
        a[i] = std::byteswap(load_be<u64>(state + i * 8));
    u8 shift_register = 1;
    for (unsigned round = 0; round < 24; ++round) {
        theta(a);
        rho_and_pi(a);
        chi(a);
        a[0] ^= round_constant(shift_register);
    }
    for (unsigned i = 0; i < 25; ++i)
        store_be<u64>(state + i * 8, std::byteswap(a[i]));
}

template<unsigned BlockSize>
void absorb(u8* state, const u8* blocks, std::size_t length)
{
    for (std::size_t at = 0; at < length; at += BlockSize) {
        for (unsigned i = 0; i < BlockSize; ++i)
            state[i] = static_cast<u8>(state[i] ^ blocks[at + i]);
        keccak(state);
    }
}

constexpr Digest table[] = {
    { 1, 20, 64, 8, compress_sha1 },
    { 2, 32, 64, 8, compress_sha2<SHA256_CTX, u32, SHA256_Update> },
    { 3, 64, 128, 16, compress_sha2<SHA512_CTX, u64, SHA512_Update> },
    { 32, keccak_state_size, 144, 0, absorb<144> },
    { 33, keccak_state_size, 136, 0, absorb<136> },
    { 34, keccak_state_size, 104, 0, absorb<104> },
    { 35, keccak_state_size, 72, 0, absorb<72> },
};

} // namespace

std::span<const Digest> digests()
{
    return table;
}

void Digest::finish(u8* chaining_value, std::span<const u8> rest, const u8* bit_length) const
{
    std::array<u8, 256> last {};
    std::copy(rest.begin(), rest.end(), last.begin());
    if (length_size == 0) {
        last[rest.size()] = 0x06;
        last[block_size - 1u] |= 0x80;
        return compress(chaining_value, last.data(), block_size);
    }
    last[rest.size()] = 0x80;
    std::size_t size = rest.size() + 1 + length_size <= block_size ? block_size : block_size * std::size_t { 2 };
    std::copy_n(bit_length, length_size, &last[size - length_size]);
    compress(chaining_value, last.data(), size);
}

Sha512 sha512(std::span<const u8> message)
{
    Sha512 digest;
    VERIFY(SHA512(message.data(), message.size(), digest.data()));
    return digest;
}

} // namespace zvisor::isa::crypto
