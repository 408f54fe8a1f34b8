#include "isa/crypto/core/block_cipher.h"

#include "base/big_endian.h"
#include "base/verify.h"

#include <algorithm>
#include <nettle/des.h>
#include <nettle/nettle-meta.h>

namespace zvisor::isa::crypto {

namespace {

/// TDEA, which nettle does not list; with three keys it serves for one and two.
constexpr nettle_cipher tdea {
    .name = "tdea",
    .context_size = sizeof(des3_ctx),
    .block_size = DES_BLOCK_SIZE,
    .key_size = DES3_KEY_SIZE,
    .set_encrypt_key = [](void* context, const u8* key) { des3_set_key(static_cast<des3_ctx*>(context), key); },
    .set_decrypt_key = [](void* context, const u8* key) { des3_set_key(static_cast<des3_ctx*>(context), key); },
    .encrypt = [](const void* context, std::size_t length, u8* to,
                   const u8* from) { des3_encrypt(static_cast<const des3_ctx*>(context), length, to, from); },
    .decrypt = [](const void* context, std::size_t length, u8* to,
                   const u8* from) { des3_decrypt(static_cast<const des3_ctx*>(context), length, to, from); },
};

[[nodiscard]] const nettle_cipher& cipher_for(Algorithm algorithm, std::size_t key_length)
{
    if (algorithm == Algorithm::des)
        return tdea;
    return key_length == 16 ? nettle_aes128 : key_length == 24 ? nettle_aes192 : nettle_aes256;
}

} // namespace

BlockCipher::BlockCipher(Algorithm algorithm, std::span<const u8> key, Direction direction)
    : m_block_size(crypto::block_size(algorithm))
{
    const auto& cipher = cipher_for(algorithm, key.size());
    VERIFY(cipher.context_size <= m_context.size());
    std::array<u8, 32> whole {};
    for (std::size_t i = 0; i < cipher.key_size; ++i)
        whole[i] = key[i % key.size()];
    bool enciphers = direction == Direction::encipher;
    (enciphers ? cipher.set_encrypt_key : cipher.set_decrypt_key)(m_context.data(), whole.data());
    m_transform = enciphers ? cipher.encrypt : cipher.decrypt;
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
