#include "isa/crypto/core/digest.h"

#include "base/big_endian.h"

#include <algorithm>
#include <bit>
#include <iterator>
#include <nettle/sha1.h>
#include <nettle/sha2.h>
#include <nettle/sha3.h>

namespace zvisor::isa::crypto {

namespace {

/// Whole blocks go straight to the compression function, which nettle offers for SHA-1 only.
template<class Context, void (*update)(Context*, std::size_t, const u8*)>
void compress_sha(u8* chaining_value, const u8* blocks, std::size_t length)
{
    Context context {};
    using Word = std::remove_reference_t<decltype(context.state[0])>;
    for (unsigned i = 0; i < std::size(context.state); ++i)
        context.state[i] = load_be<Word>(chaining_value + i * sizeof(Word));
    update(&context, length, blocks);
    for (unsigned i = 0; i < std::size(context.state); ++i)
        store_be<Word>(chaining_value + i * sizeof(Word), context.state[i]);
}

/// Keccak-f[1600] (FIPS 202), whose lanes are little-endian.
void permute(u8* bytes)
{
    sha3_state state;
    for (unsigned i = 0; i < SHA3_STATE_LENGTH; ++i)
        state.a[i] = std::byteswap(load_be<u64>(bytes + i * 8));
    sha3_permute(&state);
    for (unsigned i = 0; i < SHA3_STATE_LENGTH; ++i)
        store_be<u64>(bytes + i * 8, std::byteswap(state.a[i]));
}

template<unsigned BlockSize>
void absorb(u8* state, const u8* blocks, std::size_t length)
{
    for (std::size_t at = 0; at < length; at += BlockSize) {
        for (unsigned i = 0; i < BlockSize; ++i)
            state[i] = static_cast<u8>(state[i] ^ blocks[at + i]);
        permute(state);
    }
}

constexpr Digest table[] = {
    { 1, 20, 64, 8, compress_sha<sha1_ctx, sha1_update> },
    { 2, 32, 64, 8, compress_sha<sha256_ctx, sha256_update> },
    { 3, 64, 128, 16, compress_sha<sha512_ctx, sha512_update> },
    { 32, sizeof(sha3_state), 144, 0, absorb<144> },
    { 33, sizeof(sha3_state), 136, 0, absorb<136> },
    { 34, sizeof(sha3_state), 104, 0, absorb<104> },
    { 35, sizeof(sha3_state), 72, 0, absorb<72> },
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
    sha512_ctx context;
    sha512_init(&context);
    sha512_update(&context, message.size(), message.data());
    sha512_digest(&context, digest.size(), digest.data());
    return digest;
}

} // namespace zvisor::isa::crypto
