// Message-security assist (PoP ch. 7): CIPHER MESSAGE in its modes of operation.

#include "isa/crypto/message.h"
#include "isa/insn.h"

namespace zvisor::isa {

namespace {

using namespace crypto;

constexpr auto msa_4 = Facility::message_security_assist_4;

/// XTS: the key length is that of one of the two keys; the other one made the tweak.
constexpr CipherFunction xts_functions[] = { { 50, Algorithm::aes, 16, msa_4 }, { 52, Algorithm::aes, 32, msa_4 } };

/// The pseudo-random-number function of KMC.
constexpr u8 random_number_code = 67;

[[nodiscard]] bool is_xts(u8 code)
{
    return code == xts_functions[0].code || code == xts_functions[1].code;
}

// ---- KM ----------------------------------------------------------------------------------------------------

/// Parameter block: key, tweak of the next block.
void cipher_xts(Cpu& c, u8 r1, u8 r2, const FunctionControl& control)
{
    const auto& function = require_function(c, xts_functions, control.code);
    ParameterBlock<48> parameters(c, function.key_length + u64 { 16 }, function.key_length + u64 { 16 });
    BlockCipher cipher(function.algorithm, parameters.part(0, function.key_length), control.direction);
    Block tweak;
    std::copy_n(parameters.at(function.key_length), 16, tweak.begin());
    auto process = [&](std::span<u8> data) {
        for (u64 at = 0; at < data.size(); at += 16) {
            exclusive_or(&data[at], tweak.data(), 16);
            cipher.block(&data[at]);
            exclusive_or(&data[at], tweak.data(), 16);
            next_tweak(tweak);
        }
    };
    process_message(c, r1, r2, 16, process, [&] {
        std::copy_n(tweak.begin(), 16, parameters.at(function.key_length));
        parameters.store(c);
    });
}

constexpr auto cipher_message = [](Cpu& c, Gr r1, Gr r2) {
    require_pair(c, r1);
    require_pair(c, r2);
    FunctionControl control(c);
    if (control.code == 0) {
        FunctionStatus status;
        status.add_installed(c, cipher_functions);
        status.add_installed(c, xts_functions);
        return status.store(c);
    }
    if (is_xts(control.code))
        return cipher_xts(c, r1, r2, control);
    const auto& function = require_function(c, cipher_functions, control.code);
    ParameterBlock<32> parameters(c, function.key_length, 0);
    BlockCipher cipher(function.algorithm, parameters.part(0, function.key_length), control.direction);
    auto process = [&](std::span<u8> data) { cipher.transform(data.data(), data.data(), data.size()); };
    process_message(c, r1, r2, function.block_size(), process, [] { });
};

// ---- KMC, KMF, KMO: the parameter block is the chaining value and the key ------------------------------------

struct ChainedCipher {
    const CipherFunction& function;
    unsigned size;
    ParameterBlock<48> parameters;
    BlockCipher cipher;

    ChainedCipher(Cpu& c, u8 code, Direction direction)
        : function(require_function(c, cipher_functions, code))
        , size(function.block_size())
        , parameters(c, size + u64 { function.key_length }, size)
        , cipher(function.algorithm, parameters.part(size, function.key_length), direction)
    {
    }
    [[nodiscard]] u8* chaining_value() { return parameters.at(0); }

    void encipher_chaining(std::span<u8> data)
    {
        for (u64 at = 0; at < data.size(); at += size) {
            exclusive_or(chaining_value(), &data[at], size);
            cipher.block(chaining_value());
            std::copy_n(chaining_value(), size, &data[at]);
        }
    }
    void decipher_chaining(std::span<u8> data)
    {
        Chunk enciphered;
        std::copy(data.begin(), data.end(), enciphered.begin());
        cipher.transform(data.data(), data.data(), data.size());
        exclusive_or(data.data(), chaining_value(), size);
        exclusive_or(data.data() + size, enciphered.data(), data.size() - size);
        std::copy_n(&enciphered[data.size() - size], size, chaining_value());
    }
    void output_feedback(std::span<u8> data)
    {
        for (u64 at = 0; at < data.size(); at += size) {
            cipher.block(chaining_value());
            exclusive_or(&data[at], chaining_value(), size);
        }
    }
    /// The enciphered segment is shifted into the chaining value.
    void cipher_feedback(std::span<u8> data, u64 segment, Direction direction)
    {
        for (u64 at = 0; at < data.size(); at += segment) {
            Block mask;
            Block enciphered;
            cipher.transform(chaining_value(), mask.data(), size);
            std::copy_n(&data[at], segment, enciphered.begin());
            exclusive_or(&data[at], mask.data(), segment);
            if (direction == Direction::encipher)
                std::copy_n(&data[at], segment, enciphered.begin());
            std::copy(chaining_value() + segment, chaining_value() + size, chaining_value());
            std::copy_n(enciphered.begin(), segment, chaining_value() + size - segment);
        }
    }
};

void store_cipher_status(Cpu& c, std::optional<u8> also = {})
{
    FunctionStatus status;
    status.add_installed(c, cipher_functions);
    if (also)
        status.add(*also);
    status.store(c);
}

/// ANSI X9.17: parameter block is a seed of 8 bytes and three keys; the operand brings dates.
void generate_random_numbers(Cpu& c, u8 r1, u8 r2)
{
    ParameterBlock<32> parameters(c, 32, 8);
    BlockCipher cipher(Algorithm::des, parameters.part(8, 24), Direction::encipher);
    auto process = [&](std::span<u8> data) {
        for (u64 at = 0; at < data.size(); at += 8) {
            std::array<u8, 8> date;
            cipher.transform(&data[at], date.data(), 8);
            exclusive_or(parameters.at(0), date.data(), 8);
            cipher.transform(parameters.at(0), &data[at], 8);
            exclusive_or(date.data(), &data[at], 8);
            cipher.transform(date.data(), parameters.at(0), 8);
        }
    };
    process_message(c, r1, r2, 8, process, [&] { parameters.store(c); });
}

constexpr auto cipher_message_with_chaining = [](Cpu& c, Gr r1, Gr r2) {
    require_pair(c, r1);
    require_pair(c, r2);
    FunctionControl control(c);
    if (control.code == 0)
        return store_cipher_status(c, random_number_code);
    if (control.code == random_number_code)
        return generate_random_numbers(c, r1, r2);
    ChainedCipher chained(c, control.code, control.direction);
    bool encipher = control.direction == Direction::encipher;
    auto process = [&](std::span<u8> data) { encipher ? chained.encipher_chaining(data) : chained.decipher_chaining(data); };
    process_message(c, r1, r2, chained.size, process, [&] { chained.parameters.store(c); });
};

constexpr auto cipher_message_with_output_feedback = [](Cpu& c, Gr r1, Gr r2) {
    require_pair(c, r1);
    require_pair(c, r2);
    FunctionControl control(c);
    if (control.code == 0)
        return store_cipher_status(c);
    ChainedCipher chained(c, control.code, Direction::encipher);
    auto process = [&](std::span<u8> data) { chained.output_feedback(data); };
    process_message(c, r1, r2, chained.size, process, [&] { chained.parameters.store(c); });
};

/// Bits 32-39 of GR0: the length of a segment.
constexpr auto cipher_message_with_cipher_feedback = [](Cpu& c, Gr r1, Gr r2) {
    require_pair(c, r1);
    require_pair(c, r2);
    FunctionControl control(c);
    if (control.code == 0)
        return store_cipher_status(c);
    ChainedCipher chained(c, control.code, Direction::encipher);
    u64 segment = bits<32, 39>(c.g(0));
    if (segment == 0 || segment > chained.size)
        c.specification();
    auto process = [&](std::span<u8> data) { chained.cipher_feedback(data, segment, control.direction); };
    process_message(c, r1, r2, segment, process, [&] { chained.parameters.store(c); });
};

// ---- KMCTR -------------------------------------------------------------------------------------------------

/// The third operand has a counter for each block.
constexpr auto cipher_message_with_counter = [](Cpu& c, Gr r1, Gr r3, Gr r2) {
    require_pair(c, r1);
    require_pair(c, r2);
    require_pair(c, r3);
    FunctionControl control(c);
    if (control.code == 0)
        return store_cipher_status(c);
    const auto& function = require_function(c, cipher_functions, control.code);
    ParameterBlock<32> parameters(c, function.key_length, 0);
    BlockCipher cipher(function.algorithm, parameters.part(0, function.key_length), Direction::encipher);
    Address counters = c.register_address(r3);
    auto process = [&](std::span<u8> data) {
        Chunk mask;
        c.load_bytes(counters, mask.data(), data.size());
        cipher.transform(mask.data(), mask.data(), data.size());
        exclusive_or(data.data(), mask.data(), data.size());
        counters = c.offset(counters, data.size());
    };
    process_message(c, r1, r2, function.block_size(), process, [&] { c.put_address(r3, counters.at); });
};

constexpr Row rows[] = {
    insn("KM", 0xB92E, RRE, Facility::message_security_assist, problem, cipher_message,
        "2,4 | r0=12 r1=5000 r2=2000 r4=3000 r5=10 m2000=00 m3000=00112233445566778899aabbccddeeff m5000=000102030405060708090a0b0c0d0e0f "
        "-> "
        "r2=2010 r4=3010 r5=0 m2000=69c4e0d86a7b0430d8cdb78070b4c55a cc=0",
        "2,4 | r0=81 r1=5000 r2=2000 r4=3000 r5=8 m2000=00 m3000=85e813540f0ab405 m5000=133457799bbcdff1 -> "
        "r2=2008 r4=3008 r5=0 m2000=0123456789abcdef cc=0",
        "2,4 | r0=32 r1=5000 r2=2000 r4=3000 r5=10 m2000=00 m3000=44444444444444444444444444444444 "
        "m5000=111111111111111111111111111111113f803bcd0d7fd2b37558419f59d5cda6 -> "
        "r2=2010 r4=3010 r5=0 m2000=c454185e6a16936e39334038acef838b "
        "m5000=11111111111111111111111111111111f900779a1bfea467ebb0823eb3aa9b4d cc=0",
        "2,4 | r0=12 r1=5000 r2=2000 r4=3000 r5=8 -> pgm=6"),
    insn("KMC", 0xB92F, RRE, Facility::message_security_assist, problem, cipher_message_with_chaining,
        "2,4 | r0=12 r1=5000 r2=2000 r4=3000 r5=10 m2000=00 m3000=6bc1bee22e409f96e93d7e117393172a "
        "m5000=000102030405060708090a0b0c0d0e0f2b7e151628aed2a6abf7158809cf4f3c -> "
        "r2=2010 r4=3010 r5=0 m2000=7649abac8119b246cee98e9b12e9197d m5000=7649abac8119b246cee98e9b12e9197d cc=0",
        "2,4 | r0=92 r1=5000 r2=2000 r4=3000 r5=10 m2000=00 m3000=7649abac8119b246cee98e9b12e9197d "
        "m5000=000102030405060708090a0b0c0d0e0f2b7e151628aed2a6abf7158809cf4f3c -> "
        "r2=2010 r4=3010 r5=0 m2000=6bc1bee22e409f96e93d7e117393172a m5000=7649abac8119b246cee98e9b12e9197d cc=0",
        "2,4 | r0=0 r1=5000 m5000=00 cc=3 -> m5000=f0003800000000001000000000000000 cc=0"),
    insn("KMF", 0xB92A, RRE, msa_4, problem, cipher_message_with_cipher_feedback,
        "2,4 | r0=1000012 r1=5000 r2=2000 r4=3000 r5=2 m2000=00 m3000=6bc1 "
        "m5000=000102030405060708090a0b0c0d0e0f2b7e151628aed2a6abf7158809cf4f3c -> "
        "r2=2002 r4=3002 r5=0 m2000=3b79 m5000=02030405060708090a0b0c0d0e0f3b79 cc=0"),
    insn("KMO", 0xB92B, RRE, msa_4, problem, cipher_message_with_output_feedback,
        "2,4 | r0=12 r1=5000 r2=2000 r4=3000 r5=10 m2000=00 m3000=6bc1bee22e409f96e93d7e117393172a "
        "m5000=000102030405060708090a0b0c0d0e0f2b7e151628aed2a6abf7158809cf4f3c -> "
        "r2=2010 r4=3010 r5=0 m2000=3b3fd92eb72dad20333449f8e83cfb4a m5000=50fe67cc996d32b6da0937e99bafec60 cc=0"),
    insn("KMCTR", 0xB92D, RRF_b_crypto, msa_4, problem, cipher_message_with_counter,
        "2,6,4 | r0=12 r1=5000 r2=2000 r4=3000 r5=10 r6=4000 m2000=00 m3000=6bc1bee22e409f96e93d7e117393172a "
        "m4000=f0f1f2f3f4f5f6f7f8f9fafbfcfdfeff m5000=2b7e151628aed2a6abf7158809cf4f3c -> "
        "r2=2010 r4=3010 r5=0 r6=4010 m2000=874d6191b620e3261bef6864990db6ce cc=0"),
};

} // namespace

extern constexpr Group crypto_cipher { rows };

} // namespace zvisor::isa
