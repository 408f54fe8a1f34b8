#include "service/cpu_attributes.h"

#include <algorithm>
#include <iterator>

namespace zvisor {

namespace {

constexpr u64 kib = 1024;
constexpr u64 mib = 1024 * kib;
constexpr u64 undefined = ~u64 { 0 };
constexpr u64 line_size = 256;
constexpr unsigned maximum_levels = 4;

enum class Scope : u8 { none = 0, private_to_cpu = 1, shared = 2 };
enum class Kind : u8 { separate = 0, unified = 3 };

struct Cache {
    Scope scope { Scope::none };
    Kind kind { Kind::unified };
    u64 size { 0 };
    u64 ways { 0 };
    /// Of the instruction cache where they are separate.
    u64 instruction_size { 0 };
    u64 instruction_ways { 0 };
};

struct Caches {
    unsigned generation;
    Cache levels[maximum_levels];
};

constexpr Cache split(u64 size, u64 ways, u64 instruction_size, u64 instruction_ways)
{
    return { Scope::private_to_cpu, Kind::separate, size, ways, instruction_size, instruction_ways };
}

constexpr Cache unified(u64 size, u64 ways, Scope scope = Scope::shared)
{
    return { scope, Kind::unified, size, ways, 0, 0 };
}

// Caches as IBM describes each machine; the last row also serves newer ones.
constexpr Caches machines[] = {
    { 10, { split(128 * kib, 8, 64 * kib, 4), unified(3 * mib, 12, Scope::private_to_cpu), unified(48 * mib, 24) } },
    { 11,
        { split(128 * kib, 8, 64 * kib, 4), unified(1536 * kib, 12, Scope::private_to_cpu), unified(24 * mib, 12),
            unified(192 * mib, 24) } },
    { 12, { split(96 * kib, 6, 64 * kib, 4), split(1 * mib, 8, 1 * mib, 8), unified(48 * mib, 12), unified(384 * mib, 24) } },
    { 13, { split(128 * kib, 8, 96 * kib, 6), split(2 * mib, 8, 2 * mib, 8), unified(64 * mib, 16), unified(480 * mib, 30) } },
    { 14, { split(128 * kib, 8, 128 * kib, 8), split(4 * mib, 8, 2 * mib, 8), unified(128 * mib, 32), unified(672 * mib, 42) } },
    { 15, { split(128 * kib, 8, 128 * kib, 8), split(4 * mib, 8, 4 * mib, 8), unified(256 * mib, 32), unified(960 * mib, 60) } },
    { 16,
        { split(128 * kib, 8, 128 * kib, 8), unified(32 * mib, 16, Scope::private_to_cpu), unified(256 * mib, 16),
            unified(2048 * mib, 16) } },
    { 17,
        { split(128 * kib, 8, 128 * kib, 8), unified(36 * mib, 18, Scope::private_to_cpu), unified(360 * mib, 18),
            unified(2880 * mib, 18) } },
};

const Caches& caches_of(unsigned generation)
{
    auto found = std::find_if(std::begin(machines), std::end(machines), [&](auto& row) { return row.generation >= generation; });
    return found == std::end(machines) ? *std::prev(std::end(machines)) : *found;
}

/// One byte a level, the first leftmost: bits 4-5 scope, bits 6-7 kind.
u64 summary(const Caches& caches)
{
    u64 word = 0;
    for (unsigned i = 0; i < 8; ++i) {
        Cache cache = i < maximum_levels ? caches.levels[i] : Cache {};
        u64 byte = cache.scope == Scope::none ? 0 : static_cast<u64>(cache.scope) << 2 | static_cast<u64>(cache.kind);
        word = word << 8 | byte;
    }
    return word;
}

} // namespace

u64 extract_cpu_attribute(unsigned generation, u8 attribute, u8 level, u8 type)
{
    const Caches& caches = caches_of(generation);
    if (attribute == 0)
        return summary(caches);
    if (level >= maximum_levels || caches.levels[level].scope == Scope::none)
        return undefined;
    const Cache& cache = caches.levels[level];
    bool instruction = type == 1 && cache.kind == Kind::separate;
    switch (attribute) {
    case 1:
        return line_size;
    case 2:
        return instruction ? cache.instruction_size : cache.size;
    case 3:
        return instruction ? cache.instruction_ways : cache.ways;
    default:
        return undefined;
    }
}

} // namespace zvisor
