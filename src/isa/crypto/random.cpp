// Message-security assist (PoP ch. 7): PERFORM RANDOM NUMBER OPERATION.

#include "isa/crypto/core/generator.h"
#include "isa/crypto/message.h"
#include "isa/insn.h"

#include <sys/random.h>

namespace zvisor::isa {

namespace {

using namespace crypto;

enum class RandomFunction : u8 { query = 0, sha512_generator = 3, raw_to_conditioned_ratio = 112, true_random_numbers = 114 };

/// Bytes of the host's entropy.
void fill_random(std::span<u8> out)
{
    for (std::size_t done = 0; done < out.size();) {
        ssize_t got = getrandom(&out[done], std::min<std::size_t>(out.size() - done, 256), 0);
        if (got > 0)
            done += static_cast<std::size_t>(got);
    }
}

[[nodiscard]] GeneratorState load_state(Cpu& c)
{
    GeneratorState state;
    Address a = c.register_address(1);
    c.load_bytes(a, &state, sizeof state);
    c.probe(a, sizeof state, Access::store);
    return state;
}

void store_state(Cpu& c, const GeneratorState& state)
{
    c.store_bytes(c.register_address(1), &state, sizeof state);
}

/// Seed material beyond this, and output beyond this in one request, serve no purpose.
constexpr u64 most_bytes = u64 { 1 } << 16;

/// The second operand is the seed material, all of it in one execution.
void seed_generator(Cpu& c, u8 r2)
{
    GeneratorState state = load_state(c);
    LongOperand material(c, r2);
    if (material.length > most_bytes)
        c.specification();
    std::vector<u8> bytes(material.length);
    c.load_bytes(material.at, bytes.data(), bytes.size());
    state.seed(bytes);
    store_state(c, state);
    material.advance(c, material.length);
    material.put(c);
    c.cc(0);
}

/// The first operand is filled; a long one by several requests.
void generate(Cpu& c, u8 r1)
{
    GeneratorState state = load_state(c);
    if (state.reseed_counter == 0)
        c.specification();
    LongOperand out(c, r1);
    u64 length = std::min(out.length, most_bytes);
    std::vector<u8> bytes(length);
    c.probe(out.at, length, Access::store);
    state.generate(bytes);
    c.store_bytes(out.at, bytes.data(), length);
    store_state(c, state);
    out.advance(c, length);
    out.put(c);
    c.cc(out.length > 0 ? 3 : 0);
}

/// Parameter block: how many raw bytes make how many conditioned ones.
void store_ratio(Cpu& c)
{
    std::array<u8, 8> ratio {};
    store_be<u32>(&ratio[0], 1);
    store_be<u32>(&ratio[4], 1);
    c.store_bytes(c.register_address(1), ratio.data(), ratio.size());
    c.cc(0);
}

/// The first operand gets raw, the second conditioned random numbers; here both are the host's.
void store_true_random_numbers(Cpu& c, u8 r1, u8 r2)
{
    std::array<LongOperand, 2> operands { LongOperand(c, r1), LongOperand(c, r2) };
    auto commit = [&] {
        for (const auto& operand : operands)
            operand.put(c);
    };
    auto step = [&] {
        LongOperand& operand = operands[0].length > 0 ? operands[0] : operands[1];
        Chunk chunk;
        u64 length = std::min(operand.length, chunk_size);
        fill_random(std::span(chunk).first(length));
        c.store_bytes(operand.at, chunk.data(), length);
        operand.advance(c, length);
        if ((operands[0].length | operands[1].length) != 0)
            return false;
        commit();
        c.cc(0);
        return true;
    };
    cpu_determined(c, most_parts, step, commit);
}

constexpr auto perform_random_number_operation = [](Cpu& c, Gr r1, Gr r2) {
    require_pair(c, r1);
    require_pair(c, r2);
    FunctionControl control(c);
    bool modified = control.direction == Direction::decipher;
    auto function = static_cast<RandomFunction>(control.code);
    if (modified && function == RandomFunction::sha512_generator)
        return seed_generator(c, r2);
    if (modified)
        c.specification();
    switch (function) {
    case RandomFunction::query: {
        FunctionStatus status;
        for (auto code :
            { RandomFunction::sha512_generator, RandomFunction::raw_to_conditioned_ratio, RandomFunction::true_random_numbers })
            status.add(std::to_underlying(code));
        return status.store(c);
    }
    case RandomFunction::sha512_generator:
        return generate(c, r1);
    case RandomFunction::raw_to_conditioned_ratio:
        return store_ratio(c);
    case RandomFunction::true_random_numbers:
        return store_true_random_numbers(c, r1, r2);
    default:
        c.specification();
    }
};

constexpr Row rows[] = {
    insn("PRNO", 0xB93C, RRE, Facility::message_security_assist_5, volatile_result, perform_random_number_operation,
        "2,4 | r0=0 r1=5000 m5000=00 -> m5000=9000000000000000000000000000a000 cc=0",
        "2,4 | r0=70 r1=5000 m5000=00 -> m5000=0000000100000001 cc=0", "2,4 | r0=72 r2=2000 r3=0 r4=3000 r5=8 -> r4=3008 r5=0 cc=0",
        "3,4 | r0=0 r1=5000 -> pgm=6"),
};

} // namespace

extern constexpr Group crypto_random { rows };

} // namespace zvisor::isa
