#pragma once

#include "isa/crypto/core/block_cipher.h"
#include "isa/format.h"
#include "isa/general/storage_operand.h"

#include <optional>
#include <span>

// What the message-security-assist instructions have in common (PoP ch. 7): function codes, parameter blocks, operands.

namespace zvisor::isa {

/// R1,R3,R2 without a mask: KMCTR and KMA.
inline constexpr Format<OpcodePlace::second_byte, 4, R<24>, R<16>, R<28>> RRF_b_crypto;

namespace crypto {

/// General register 0: function code and modifier (one: decipher).
struct FunctionControl {
    u8 code;
    Direction direction;

    explicit FunctionControl(const Cpu& c)
        : code(static_cast<u8>(c.g(0) & 0x7f))
        , direction(c.g(0) & 0x80 ? Direction::decipher : Direction::encipher)
    {
    }
};

/// A function that uses a block cipher. Which are installed depends on a facility.
struct CipherFunction {
    u8 code;
    Algorithm algorithm;
    u8 key_length;
    Facility facility { Facility::message_security_assist };

    [[nodiscard]] unsigned block_size() const { return crypto::block_size(algorithm); }
};

/// DEA, TDEA and AES: the codes are the same for all instructions that encipher.
inline constexpr CipherFunction cipher_functions[] = {
    { 1, Algorithm::des, 8 },
    { 2, Algorithm::des, 16 },
    { 3, Algorithm::des, 24 },
    { 18, Algorithm::aes, 16 },
    { 19, Algorithm::aes, 24 },
    { 20, Algorithm::aes, 32 },
};

/// The installed function with this code; raises specification when there is none.
template<class Functions>
[[nodiscard]] const auto& require_function(Cpu& c, const Functions& functions, u8 code)
{
    for (const auto& function : functions)
        if (function.code == code && c.has(function.facility))
            return function;
    c.specification();
}

/// A bit for each function code, as function code 0 stores them at the parameter-block address.
class FunctionStatus {
public:
    FunctionStatus() { add(0); }
    void add(u8 code) { m_bits[code / 8] |= static_cast<u8>(0x80 >> code % 8); }
    template<class Functions>
    void add_installed(const Cpu& c, const Functions& functions)
    {
        for (const auto& function : functions)
            if (c.has(function.facility))
                add(function.code);
    }
    void store(Cpu& c) const
    {
        c.store_bytes(c.register_address(1), m_bits.data(), m_bits.size());
        c.cc(0);
    }

private:
    Block m_bits {};
};

/// R fields of these instructions name even registers other than 0.
inline void require_pair(Cpu& c, u8 r)
{
    if (r == 0 || r % 2)
        c.specification();
}

/// The parameter block: copied in once; its first `stored` bytes go back when the instruction ends.
template<unsigned Size>
struct ParameterBlock {
    std::array<u8, Size> bytes {};
    u64 stored;

    ParameterBlock(Cpu& c, u64 size, u64 stored_bytes)
        : stored(stored_bytes)
    {
        Address a = c.register_address(1);
        c.load_bytes(a, bytes.data(), size);
        c.probe(a, stored, Access::store);
    }
    [[nodiscard]] u8* at(u64 offset) { return &bytes[offset]; }
    [[nodiscard]] std::span<u8> part(u64 offset, u64 length) { return std::span(bytes).subspan(offset, length); }
    void store(Cpu& c) const
    {
        if (stored > 0)
            c.store_bytes(c.register_address(1), bytes.data(), stored);
    }
};

/// How much is done at a time, through a copy: operands may cross pages and overlap.
inline constexpr u64 chunk_size = 4096;
using Chunk = std::array<u8, chunk_size>;

/// Feeds the second operand, whole units of it, to `process(bytes)`. When `target` names a register, what the bytes became is stored
/// at its address. `commit` keeps the state.
template<class Process, class Commit>
void process_message(Cpu& c, std::optional<u8> target, u8 r2, u64 unit, Process process, Commit commit)
{
    LongOperand from(c, r2);
    Address to = target ? c.register_address(*target) : Address {};
    if (from.length % unit != 0)
        c.specification();
    auto commit_all = [&] {
        commit();
        if (target)
            c.put_address(*target, to.at);
        from.put(c);
    };
    auto step = [&] {
        if (from.length > 0) {
            Chunk chunk;
            u64 length = std::min(from.length, chunk_size - chunk_size % unit);
            c.load_bytes(from.at, chunk.data(), length);
            if (target)
                c.probe(to, length, Access::store);
            process(std::span(chunk).first(length));
            if (target)
                c.store_bytes(to, chunk.data(), length);
            to = c.offset(to, length);
            from.advance(c, length);
        }
        if (from.length > 0)
            return false;
        commit_all();
        c.cc(0);
        return true;
    };
    cpu_determined(c, most_parts, step, commit_all);
}

} // namespace crypto

} // namespace zvisor::isa
