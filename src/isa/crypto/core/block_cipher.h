#pragma once

#include "base/types.h"

#include <array>
#include <cstddef>
#include <span>

namespace zvisor::isa::crypto {

/// DEA and TDEA by the length of their key (8, 16 or 24 bytes), AES likewise (16, 24 or 32).
enum class Algorithm : u8 { des, aes };

enum class Direction : u8 { encipher, decipher };

[[nodiscard]] constexpr unsigned block_size(Algorithm algorithm)
{
    return algorithm == Algorithm::des ? 8 : 16;
}

/// A block cipher under one key, each block by itself; modes of operation are made of it.
class BlockCipher {
public:
    BlockCipher(Algorithm algorithm, std::span<const u8> key, Direction direction);

    /// Transforms whole blocks; `from` and `to` are the same or do not overlap.
    void transform(const u8* from, u8* to, std::size_t length) { m_transform(m_context.data(), length, to, from); }
    void block(u8* data) { transform(data, data, m_block_size); }
    [[nodiscard]] unsigned block_size() const { return m_block_size; }

private:
    unsigned m_block_size;
    void (*m_transform)(const void* context, std::size_t length, u8* to, const u8* from);
    /// The keys of all rounds, as nettle has them.
    alignas(std::max_align_t) std::array<std::byte, 384> m_context;
};

inline void exclusive_or(u8* to, const u8* from, std::size_t length)
{
    for (std::size_t i = 0; i < length; ++i)
        to[i] = static_cast<u8>(to[i] ^ from[i]);
}

using Block = std::array<u8, 16>;

/// GHASH of GCM: `state` becomes (state XOR block) times `subkey` for each block (NIST SP 800-38D).
void ghash(Block& state, const Block& subkey, std::span<const u8> blocks);

/// XTS: the next block's tweak, and the tweak `count` blocks on (IEEE 1619).
void next_tweak(Block& tweak);
void skip_tweaks(Block& tweak, u128 count);

} // namespace zvisor::isa::crypto
