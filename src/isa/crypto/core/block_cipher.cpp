#include "isa/crypto/core/block_cipher.h"

#include "base/big_endian.h"
#include "base/verify.h"

#include <algorithm>
#include <openssl/evp.h>

namespace zvisor::isa::crypto {

namespace {

/// TDEA with three keys serves for one and two.
[[nodiscard]] std::array<u8, 24> three_keys(std::span<const u8> key)
{
    std::array<u8, 24> all {};
    for (std::size_t i = 0; i < all.size(); ++i)
        all[i] = key[i % key.size()];
    return all;
}

[[nodiscard]] const EVP_CIPHER* aes_by_key_length(std::size_t length)
{
    return length == 16 ? EVP_aes_128_ecb() : length == 24 ? EVP_aes_192_ecb() : EVP_aes_256_ecb();
}

} // namespace

BlockCipher::BlockCipher(Algorithm algorithm, std::span<const u8> key, Direction direction)
    : m_block_size(crypto::block_size(algorithm))
    , m_context(EVP_CIPHER_CTX_new())
{
    VERIFY(m_context);
    int encipher = direction == Direction::encipher;
    int done = 0;
    if (algorithm == Algorithm::des)
        done = EVP_CipherInit_ex(m_context, EVP_des_ede3_ecb(), nullptr, three_keys(key).data(), nullptr, encipher);
    else
        done = EVP_CipherInit_ex(m_context, aes_by_key_length(key.size()), nullptr, key.data(), nullptr, encipher);
    VERIFY(done == 1);
    EVP_CIPHER_CTX_set_padding(m_context, 0);
}

BlockCipher::~BlockCipher()
{
    EVP_CIPHER_CTX_free(m_context);
}

void BlockCipher::transform(const u8* from, u8* to, std::size_t length)
{
    int out = 0;
    VERIFY(EVP_CipherUpdate(m_context, to, &out, from, static_cast<int>(length)) == 1 && out == static_cast<int>(length));
}

namespace {

[[nodiscard]] u128 load_left_to_right(const u8* bytes)
{
    return u128 { load_be<u64>(bytes) } << 64 | load_be<u64>(bytes + 8);
}
void store_left_to_right(u8* bytes, u128 value)
{
    store_be<u64>(bytes, static_cast<u64>(value >> 64));
    store_be<u64>(bytes + 8, static_cast<u64>(value));
}

/// In GHASH's field the leftmost bit is the constant term.
[[nodiscard]] u128 multiply_reflected(u128 x, u128 y)
{
    u128 product = 0;
    for (int bit = 127; bit >= 0; --bit) {
        if (x >> bit & 1)
            product ^= y;
        y = y >> 1 ^ (y & 1 ? u128 { 0xe1 } << 120 : u128 { 0 });
    }
    return product;
}

/// XTS numbers a block's bits from its first byte's rightmost one.
[[nodiscard]] u128 load_tweak(const Block& block)
{
    Block reversed = block;
    std::reverse(reversed.begin(), reversed.end());
    return load_left_to_right(reversed.data());
}
void store_tweak(Block& block, u128 value)
{
    store_left_to_right(block.data(), value);
    std::reverse(block.begin(), block.end());
}

[[nodiscard]] u128 times_alpha(u128 value)
{
    return value << 1 ^ (value >> 127 ? u128 { 0x87 } : u128 { 0 });
}

[[nodiscard]] u128 multiply(u128 x, u128 y)
{
    u128 product = 0;
    for (int bit = 127; bit >= 0; --bit)
        product = times_alpha(product) ^ (x >> bit & 1 ? y : u128 { 0 });
    return product;
}

} // namespace

void ghash(Block& state, const Block& subkey, std::span<const u8> blocks)
{
    u128 value = load_left_to_right(state.data());
    u128 key = load_left_to_right(subkey.data());
    for (std::size_t at = 0; at < blocks.size(); at += 16)
        value = multiply_reflected(value ^ load_left_to_right(&blocks[at]), key);
    store_left_to_right(state.data(), value);
}

void next_tweak(Block& tweak)
{
    store_tweak(tweak, times_alpha(load_tweak(tweak)));
}

void skip_tweaks(Block& tweak, u128 count)
{
    u128 value = load_tweak(tweak);
    for (u128 power = 2; count != 0; count >>= 1, power = multiply(power, power))
        if (count & 1)
            value = multiply(value, power);
    store_tweak(tweak, value);
}

} // namespace zvisor::isa::crypto
