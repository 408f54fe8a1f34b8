// Message-security assist (PoP ch. 7): message authentication: KMAC, PCC, and KMA, which also enciphers.

#include "isa/crypto/message.h"
#include "isa/insn.h"

namespace zvisor::isa {

namespace {

using namespace crypto;

constexpr auto msa_4 = Facility::message_security_assist_4;
constexpr auto msa_8 = Facility::message_security_assist_8;

/// The CBC message-authentication code of whole blocks.
void authenticate(BlockCipher& cipher, u8* chaining_value, std::span<const u8> data)
{
    for (u64 at = 0; at < data.size(); at += cipher.block_size()) {
        exclusive_or(chaining_value, &data[at], cipher.block_size());
        cipher.block(chaining_value);
    }
}

// ---- KMAC: initial chaining value, key ---------------------------------------------------------------------

constexpr CipherFunction authentication_functions[] = {
    { 1, Algorithm::des, 8 },
    { 2, Algorithm::des, 16 },
    { 3, Algorithm::des, 24 },
    { 18, Algorithm::aes, 16, msa_4 },
    { 19, Algorithm::aes, 24, msa_4 },
    { 20, Algorithm::aes, 32, msa_4 },
};

void store_authentication_status(Cpu& c)
{
    FunctionStatus status;
    status.add_installed(c, authentication_functions);
    status.store(c);
}

constexpr auto compute_authentication_code = [](Cpu& c, Gr, Gr r2) {
    require_pair(c, r2);
    if (c.g(0) & 0x80)
        c.specification();
    FunctionControl control(c);
    if (control.code == 0)
        return store_authentication_status(c);
    const auto& function = require_function(c, authentication_functions, control.code);
    u64 size = function.block_size();
    ParameterBlock<48> parameters(c, size + function.key_length, size);
    BlockCipher cipher(function.algorithm, parameters.part(size, function.key_length), Direction::encipher);
    auto process = [&](std::span<u8> data) { authenticate(cipher, parameters.at(0), data); };
    process_message(c, {}, r2, size, process, [&] { parameters.store(c); });
};

// ---- PCC ---------------------------------------------------------------------------------------------------

constexpr CipherFunction xts_parameter_functions[] = { { 50, Algorithm::aes, 16, msa_4 }, { 52, Algorithm::aes, 32, msa_4 } };

/// The subkey of CMAC is the enciphered zero doubled, twice for a block that needed padding (NIST SP 800-38B).
void cmac_subkey(BlockCipher& cipher, u8* subkey, bool padded)
{
    unsigned size = cipher.block_size();
    std::fill_n(subkey, size, u8 { 0 });
    cipher.block(subkey);
    for (unsigned times = 0; times < (padded ? 2u : 1u); ++times) {
        bool carry = subkey[0] & 0x80;
        for (unsigned i = 0; i < size; ++i)
            subkey[i] = static_cast<u8>(subkey[i] << 1 | (i + 1 < size ? subkey[i + 1] >> 7 : 0));
        if (carry)
            subkey[size - 1] ^= size == 8 ? 0x1b : 0x87;
    }
}

/// Parameter block: bit length of the last block (one byte of eight), the block, chaining value, key; the code takes the chaining value's
/// place.
void compute_last_block_cmac(Cpu& c, const CipherFunction& function)
{
    u64 size = function.block_size();
    u64 chaining_at = 8 + size;
    u64 key_at = chaining_at + size;
    ParameterBlock<72> parameters(c, key_at + function.key_length, key_at);
    unsigned length = *parameters.at(0);
    if (length > size * 8)
        c.specification();
    BlockCipher cipher(function.algorithm, parameters.part(key_at, function.key_length), Direction::encipher);
    bool padded = length < size * 8;
    Block last {};
    std::copy_n(parameters.at(8), size, last.begin());
    for (unsigned bit = length; bit < size * 8; ++bit) {
        auto one = static_cast<u8>(0x80 >> bit % 8);
        last[bit / 8] = static_cast<u8>(bit == length ? last[bit / 8] | one : last[bit / 8] & ~one);
    }
    Block subkey {};
    cmac_subkey(cipher, subkey.data(), padded);
    exclusive_or(last.data(), subkey.data(), size);
    authenticate(cipher, parameters.at(chaining_at), std::span(last).first(size));
    parameters.store(c);
    c.cc(0);
}

/// Parameter block: key, tweak, block number, intermediate bit index, XTS parameter; the last one is what KM begins with.
void compute_xts_parameter(Cpu& c, const CipherFunction& function)
{
    u64 key = function.key_length;
    ParameterBlock<96> parameters(c, key + 64, key + 64);
    BlockCipher cipher(function.algorithm, parameters.part(0, key), Direction::encipher);
    Block tweak;
    std::copy_n(parameters.at(key), 16, tweak.begin());
    cipher.block(tweak.data());
    const u8* number = parameters.at(key + 16);
    skip_tweaks(tweak, u128 { load_be<u64>(number) } << 64 | load_be<u64>(number + 8));
    std::copy(tweak.begin(), tweak.end(), parameters.at(key + 48));
    parameters.store(c);
    c.cc(0);
}

constexpr auto perform_cryptographic_computation = [](Cpu& c) {
    if (c.g(0) & 0x80)
        c.specification();
    FunctionControl control(c);
    if (control.code == 0) {
        FunctionStatus status;
        status.add_installed(c, authentication_functions);
        status.add_installed(c, xts_parameter_functions);
        return status.store(c);
    }
    for (const auto& function : xts_parameter_functions)
        if (function.code == control.code)
            return compute_xts_parameter(c, function);
    compute_last_block_cmac(c, require_function(c, authentication_functions, control.code));
};

// ---- KMA ---------------------------------------------------------------------------------------------------

constexpr CipherFunction counter_functions[] = {
    { 18, Algorithm::aes, 16, msa_8 },
    { 19, Algorithm::aes, 24, msa_8 },
    { 20, Algorithm::aes, 32, msa_8 },
};

/// Flags of GR0: the hash subkey is supplied; these are the last authenticated data; this is the last text.
struct CounterFlags {
    static constexpr u64 hash_subkey_supplied = bit_mask<53>;
    static constexpr u64 last_authenticated_data = bit_mask<54>;
    static constexpr u64 last_text = bit_mask<55>;
};

/// Parameter block of KMA: counter, tag, hash subkey, total lengths in bits, initial counter block, key.
struct GaloisCounterMode {
    static constexpr u64 counter_at = 12;
    static constexpr u64 tag_at = 16;
    static constexpr u64 subkey_at = 32;
    static constexpr u64 lengths_at = 48;
    static constexpr u64 initial_counter_at = 64;
    static constexpr u64 key_at = 80;

    ParameterBlock<112> parameters;
    BlockCipher cipher;
    Direction direction;
    Block tag;
    Block subkey;

    GaloisCounterMode(Cpu& c, const CipherFunction& function, Direction d)
        : parameters(c, key_at + function.key_length, lengths_at)
        , cipher(function.algorithm, parameters.part(key_at, function.key_length), Direction::encipher)
        , direction(d)
    {
        std::copy_n(parameters.at(tag_at), 16, tag.begin());
        if (c.g(0) & CounterFlags::hash_subkey_supplied) {
            std::copy_n(parameters.at(subkey_at), 16, subkey.begin());
        } else {
            subkey.fill(0);
            cipher.block(subkey.data());
        }
    }

    /// Data that do not fill the last block are extended with zeros.
    void hash(std::span<const u8> data)
    {
        u64 whole = data.size() / 16 * 16;
        ghash(tag, subkey, data.first(whole));
        if (whole == data.size())
            return;
        Block last {};
        std::copy(data.begin() + static_cast<std::ptrdiff_t>(whole), data.end(), last.begin());
        ghash(tag, subkey, last);
    }

    void process_text(std::span<u8> data)
    {
        if (direction == Direction::decipher)
            hash(data);
        for (u64 at = 0; at < data.size(); at += 16) {
            Block mask;
            std::copy_n(parameters.at(initial_counter_at), 12, mask.begin());
            store_be<u32>(parameters.at(counter_at), load_be<u32>(parameters.at(counter_at)) + 1);
            std::copy_n(parameters.at(counter_at), 4, &mask[12]);
            cipher.block(mask.data());
            exclusive_or(&data[at], mask.data(), std::min<u64>(16, data.size() - at));
        }
        if (direction == Direction::encipher)
            hash(data);
    }

    void finish()
    {
        ghash(tag, subkey, parameters.part(lengths_at, 16));
        Block mask;
        std::copy_n(parameters.at(initial_counter_at), 16, mask.begin());
        cipher.block(mask.data());
        exclusive_or(tag.data(), mask.data(), 16);
    }

    void store(Cpu& c)
    {
        std::copy(tag.begin(), tag.end(), parameters.at(tag_at));
        std::copy(subkey.begin(), subkey.end(), parameters.at(subkey_at));
        parameters.store(c);
        c.g(0, c.g(0) | CounterFlags::hash_subkey_supplied);
    }
};

void check_lengths(Cpu& c, u64 flags, const LongOperand& authenticated, const LongOperand& text)
{
    bool last_data = flags & CounterFlags::last_authenticated_data;
    bool last_text = flags & CounterFlags::last_text;
    if (!last_data && (authenticated.length % 16 != 0 || text.length != 0))
        c.specification();
    if (!last_text && text.length % 16 != 0)
        c.specification();
    if (last_text && !last_data)
        c.specification();
}

/// First the third operand is authenticated, then the second one enciphered into the first and authenticated.
constexpr auto cipher_with_authentication = [](Cpu& c, Gr r1, Gr r3, Gr r2) {
    require_pair(c, r1);
    require_pair(c, r2);
    require_pair(c, r3);
    FunctionControl control(c);
    if (control.code == 0) {
        FunctionStatus status;
        status.add_installed(c, counter_functions);
        return status.store(c);
    }
    const auto& function = require_function(c, counter_functions, control.code);
    LongOperand authenticated(c, r3);
    LongOperand text(c, r2);
    Address to = c.register_address(r1);
    u64 flags = c.g(0);
    check_lengths(c, flags, authenticated, text);
    GaloisCounterMode mode(c, function, control.direction);
    auto commit = [&] {
        mode.store(c);
        authenticated.put(c);
        c.put_address(r1, to.at);
        text.put(c);
    };
    auto step = [&] {
        Chunk chunk;
        if (authenticated.length > 0) {
            u64 length = std::min(authenticated.length, chunk_size);
            c.load_bytes(authenticated.at, chunk.data(), length);
            mode.hash(std::span(chunk).first(length));
            authenticated.advance(c, length);
        } else if (text.length > 0) {
            u64 length = std::min(text.length, chunk_size);
            c.load_bytes(text.at, chunk.data(), length);
            c.probe(to, length, Access::store);
            mode.process_text(std::span(chunk).first(length));
            c.store_bytes(to, chunk.data(), length);
            to = c.offset(to, length);
            text.advance(c, length);
        }
        if ((authenticated.length | text.length) != 0)
            return false;
        if (flags & CounterFlags::last_text)
            mode.finish();
        commit();
        c.cc(0);
        return true;
    };
    cpu_determined(c, most_parts, step, commit);
};

constexpr Row rows[] = {
    insn("KMAC", 0xB91E, RRE, Facility::message_security_assist, problem, compute_authentication_code,
        "0,4 | r0=12 r1=5000 r4=3000 r5=10 m3000=6bc1bee22e409f96e93d7e117393172a "
        "m5000=000102030405060708090a0b0c0d0e0f2b7e151628aed2a6abf7158809cf4f3c -> r4=3010 r5=0 m5000=7649abac8119b246cee98e9b12e9197d "
        "cc=0",
        "0,4 | r0=0 r1=5000 m5000=00 -> m5000=f0003800000000000000000000000000 cc=0"),
    insn("PCC", 0xB92C, RRE_0, msa_4, problem, perform_cryptographic_computation,
        "| r0=12 r1=5000 "
        "m5000=80000000000000006bc1bee22e409f96e93d7e117393172a000000000000000000000000000000002b7e151628aed2a6abf7158809cf4f3c -> "
        "m5018=070a16b46b4d4144f79bdd9dd04a287c cc=0",
        "| r0=12 r1=5000 "
        "m5000=000000000000000000000000000000000000000000000000000000000000000000000000000000002b7e151628aed2a6abf7158809cf4f3c -> "
        "m5018=bb1d6929e95937287fa37d129b756746 cc=0",
        "| r0=32 r1=5000 m5000=2222222222222222222222222222222233333333330000000000000000000000 -> m5040=3f803bcd0d7fd2b37558419f59d5cda6 "
        "cc=0",
        "| r0=32 r1=5000 m5000=2222222222222222222222222222222233333333330000000000000000000000 m5020=00000000000000000000000000000001 -> "
        "m5040=f900779a1bfea467ebb0823eb3aa9b4d cc=0"),
    insn("KMA", 0xB929, RRF_b_crypto, msa_8, problem, cipher_with_authentication,
        "2,6,4 | r0=312 r1=5000 r2=2000 r4=3000 r5=10 m2000=00 m3000=00000000000000000000000000000000 m500c=00000001 "
        "m5038=0000000000000080 m504c=00000001 -> "
        "r0=712 r2=2010 r4=3010 r5=0 m2000=0388dace60b6a392f328c2b971b2fe78 "
        "m500c=00000002ab6e47d42cec13bdf53a67b21257bddf66e94bd4ef8a2c3b884cfa59ca342b2e cc=0",
        "2,6,4 | r0=392 r1=5000 r2=2000 r4=3000 r5=10 m2000=00 m3000=0388dace60b6a392f328c2b971b2fe78 m500c=00000001 "
        "m5038=0000000000000080 m504c=00000001 -> "
        "r0=792 r2=2010 r4=3010 r5=0 m2000=00000000000000000000000000000000 "
        "m500c=00000002ab6e47d42cec13bdf53a67b21257bddf66e94bd4ef8a2c3b884cfa59ca342b2e cc=0",
        "2,6,4 | r0=112 r1=5000 -> pgm=6"),
};

} // namespace

extern constexpr Group crypto_authentication { rows };

} // namespace zvisor::isa
