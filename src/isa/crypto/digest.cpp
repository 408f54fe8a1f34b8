// Message-security assist (PoP ch. 7): COMPUTE INTERMEDIATE MESSAGE DIGEST and COMPUTE LAST MESSAGE DIGEST.

#include "isa/crypto/core/digest.h"

#include "isa/crypto/message.h"
#include "isa/insn.h"

namespace zvisor::isa {

namespace {

using namespace crypto;

constexpr u8 ghash_code = 65;

[[nodiscard]] const Digest& require_digest(Cpu& c, u8 code)
{
    for (const auto& digest : digests())
        if (digest.function_code == code)
            return digest;
    c.specification();
}

void store_digest_status(Cpu& c, bool with_ghash)
{
    FunctionStatus status;
    for (const auto& digest : digests())
        status.add(digest.function_code);
    if (with_ghash)
        status.add(ghash_code);
    status.store(c);
}

/// The modifier bit must be zero.
[[nodiscard]] u8 require_code(Cpu& c)
{
    if (c.g(0) & 0x80)
        c.specification();
    return FunctionControl(c).code;
}

/// Parameter block: hash value, hash subkey.
void intermediate_ghash(Cpu& c, u8 r2)
{
    ParameterBlock<32> parameters(c, 32, 16);
    Block state;
    Block subkey;
    std::copy_n(parameters.at(0), 16, state.begin());
    std::copy_n(parameters.at(16), 16, subkey.begin());
    process_message(
        c, {}, r2, 16, [&](std::span<u8> data) { ghash(state, subkey, data); },
        [&] {
            std::copy_n(state.begin(), 16, parameters.at(0));
            parameters.store(c);
        });
}

constexpr auto intermediate_digest = [](Cpu& c, Gr, Gr r2) {
    require_pair(c, r2);
    u8 code = require_code(c);
    bool has_ghash = c.has(Facility::message_security_assist_4);
    if (code == 0)
        return store_digest_status(c, has_ghash);
    if (code == ghash_code && has_ghash)
        return intermediate_ghash(c, r2);
    const Digest& digest = require_digest(c, code);
    ParameterBlock<200> parameters(c, digest.chaining_value_size, digest.chaining_value_size);
    auto process = [&](std::span<u8> data) { digest.compress(parameters.at(0), data.data(), data.size()); };
    process_message(c, {}, r2, digest.block_size, process, [&] { parameters.store(c); });
};

/// Parameter block: chaining value, bit length of the whole message. Only an execution that takes in the rest of the message pads it.
constexpr auto last_digest = [](Cpu& c, Gr, Gr r2) {
    require_pair(c, r2);
    u8 code = require_code(c);
    if (code == 0)
        return store_digest_status(c, false);
    const Digest& digest = require_digest(c, code);
    u64 size = digest.chaining_value_size;
    ParameterBlock<216> parameters(c, size + digest.length_size, size);
    LongOperand message(c, r2);
    auto commit = [&] {
        parameters.store(c);
        message.put(c);
    };
    auto step = [&] {
        Chunk chunk;
        u64 whole = chunk_size - chunk_size % digest.block_size;
        u64 length = std::min(message.length, whole);
        c.load_bytes(message.at, chunk.data(), length);
        u64 rest = length % digest.block_size;
        digest.compress(parameters.at(0), chunk.data(), length - rest);
        message.advance(c, length);
        if (length == whole)
            return false;
        digest.finish(parameters.at(0), std::span(chunk).subspan(length - rest, rest), parameters.at(size));
        commit();
        c.cc(0);
        return true;
    };
    cpu_determined(c, most_parts, step, commit);
};

constexpr Row rows[] = {
    insn("KIMD", 0xB93E, RRE, Facility::message_security_assist, problem, intermediate_digest,
        "0,4 | r0=1 r1=5000 r4=3000 r5=40 "
        "m3000="
        "61626380000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000018 "
        "m5000=67452301efcdab8998badcfe10325476c3d2e1f0 -> r4=3040 r5=0 m5000=a9993e364706816aba3e25717850c26c9cd0d89d cc=0",
        "0,4 | r0=41 r1=5000 r4=3000 r5=10 m3000=0388dace60b6a392f328c2b971b2fe78 "
        "m5000=0000000000000000000000000000000066e94bd4ef8a2c3b884cfa59ca342b2e -> "
        "r4=3010 r5=0 m5000=5e2ec746917062882c85b0685353deb766e94bd4ef8a2c3b884cfa59ca342b2e cc=0",
        "0,4 | r0=0 r1=5000 m5000=00 -> m5000=f0000000f00000004000000000000000 cc=0", "0,4 | r0=1 r5=3f -> pgm=6"),
    insn("KLMD", 0xB93F, RRE, Facility::message_security_assist, problem, last_digest,
        "0,4 | r0=2 r1=5000 r4=3000 r5=3 m3000=616263 "
        "m5000=6a09e667bb67ae853c6ef372a54ff53a510e527f9b05688c1f83d9ab5be0cd190000000000000018 -> "
        "r4=3003 r5=0 m5000=ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad0000000000000018 cc=0",
        "0,4 | r0=21 r1=5000 r4=3000 r5=3 m3000=616263 m5000=00 -> "
        "r4=3003 r5=0 m5000=3a985da74fe225b2045c172d6bd390bd855f086e3e9d525b46bfe24511431532 cc=0"),
};

} // namespace

extern constexpr Group crypto_digest { rows };

} // namespace zvisor::isa
