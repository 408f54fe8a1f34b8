#include "engine/translator/misses.h"

#include "base/result.h"
#include "base/verify.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <tuple>

namespace zvisor {

namespace {

using In = ValuePlace::In;
using ir::CodeKind;

/// Of operands as wide as T.
template<class T>
void set_code_of(Cpu& cpu, CodeKind kind, u64 first, u64 second)
{
    auto a = static_cast<T>(first);
    auto b = static_cast<T>(second);
    switch (kind) {
    case CodeKind::zero:
        return cpu.cc_zero(a);
    case CodeKind::compare_s:
        return cpu.compare_s(a, b);
    case CodeKind::compare_u:
        return cpu.compare_u(a, b);
    case CodeKind::add_s:
        return (void)cpu.add_s(a, b);
    case CodeKind::sub_s:
        return (void)cpu.sub_s(a, b);
    case CodeKind::add_u:
        return (void)cpu.add_u(a, b);
    case CodeKind::sub_u:
        return (void)cpu.sub_u(a, b);
    case CodeKind::test_byte:
        return cpu.cc_test_byte(a, b);
    case CodeKind::test_halfword:
        return cpu.cc_test_halfword(a, b);
    default:
        VERIFY(false);
    }
}

template<class Float, class T>
[[nodiscard]] u8 order_of(u64 first, u64 second)
{
    auto a = std::bit_cast<Float>(static_cast<T>(first));
    auto b = std::bit_cast<Float>(static_cast<T>(second));
    return std::isunordered(a, b) ? 3 : a == b ? 0 : a < b ? 1 : 2;
}

/// Of the bits of ends and finds, see ir::CodeKind::search.
[[nodiscard]] u8 search_code(u32 ends, u32 finds)
{
    if (finds > ends)
        return ends ? 2 : 1;
    return ends ? 0 : 3;
}

} // namespace

void Misses::begin(const Block& block, std::span<u64* const> handlers)
{
    Block& made = m_blocks.emplace_back(block);
    made.first_constant = static_cast<u32>(m_constants.size());
    made.first_counter = static_cast<u32>(m_counters.size());
    m_counters.insert(m_counters.end(), handlers.begin(), handlers.end());
}

void Misses::add(Miss miss)
{
    VERIFY(m_all.empty() || m_all.back().back < miss.back);
    miss.block = static_cast<u32>(m_blocks.size() - 1);
    m_first_in.resize(miss.back / piece + 1, static_cast<u32>(m_all.size()));
    m_all.push_back(miss);
}

ValuePlace Misses::constant(u64 value)
{
    auto index = static_cast<u32>(m_constants.size()) - m_blocks.back().first_constant;
    VERIFY(index < ValuePlace::most);
    m_constants.push_back(value);
    return { In::constant, index };
}

void Misses::clear()
{
    m_all.clear();
    m_first_in.clear();
    m_blocks.clear();
    m_saved.clear();
    m_constants.clear();
    m_counters.clear();
}

u64 Misses::Found::operator[](ValuePlace place) const
{
    switch (place.in()) {
    case In::nowhere:
        break;
    case In::reg:
        return values.registers[place.index()];
    case In::slot:
        return values.slots()[place.index()];
    case In::number:
        return values.numbers[place.index()][0];
    case In::constant:
        return constants[place.index()];
    }
    return 0;
}

Vr Misses::Found::vector(ValuePlace place) const
{
    const u64* at = place.in() == In::slot ? &values.slots()[place.index()] : values.numbers[place.index()];
    return { .lo = at[0], .hi = at[1] };
}

const Miss& Misses::find(u32 back) const
{
    u32 at = back / piece;
    VERIFY(at < m_first_in.size());
    std::size_t end = at + 1 < m_first_in.size() ? m_first_in[at + 1] : m_all.size();
    auto there = std::span(m_all).first(end).subspan(m_first_in[at]);
    auto found = std::ranges::lower_bound(there, back, {}, &Miss::back);
    VERIFY(found != there.end() && found->back == back);
    return *found;
}

void Misses::write_register(Cpu& cpu, const Found& found, const Miss::Saved& saved)
{
    bool is_general = saved.reg < ir::RegisterNumber::floating;
    auto number = static_cast<u8>(is_general ? saved.reg : saved.reg - ir::RegisterNumber::floating);
    u64 value = found[saved.value];
    if (saved.width == 16)
        cpu.vr[number] = found.vector(saved.value);
    else if (is_general)
        saved.width == 8 ? cpu.g(number, value) : cpu.w(number, static_cast<u32>(value));
    else
        saved.width == 8 ? cpu.f(number, value) : cpu.fs(number, static_cast<u32>(value));
}

void Misses::set_code(Cpu& cpu, const Found& found, const Miss::Code& code)
{
    u64 a = found[code.a];
    u64 b = found[code.b];
    bool is_short = code.width == 4;
    switch (code.kind) {
    case CodeKind::memory:
        return;
    case CodeKind::value:
        return cpu.cc(static_cast<u8>(a));
    case CodeKind::search:
        return cpu.cc(search_code(static_cast<u32>(a), static_cast<u32>(b)));
    case CodeKind::bfp_sign:
    case CodeKind::bfp_compare:
        return cpu.cc(is_short ? order_of<float, u32>(a, b) : order_of<double, u64>(a, b));
    default:
        return is_short ? set_code_of<u32>(cpu, code.kind, a, b) : set_code_of<u64>(cpu, code.kind, a, b);
    }
}

/// What is loaded comes to where the code has it otherwise.
std::expected<void, ProgramInterruption> Misses::access(Cpu& cpu, const Found& found, const Miss& miss, const Block& block) const
{
    u32 at = miss.result.index();
    if (!miss.access) {
        if (!m_counters.empty())
            ++*m_counters[block.first_counter + miss.step];
        cpu.op->run(cpu, cpu.op);
        if (miss.result.in() == In::number)
            std::tie(found.values.numbers[at][0], found.values.numbers[at][1]) = std::tie(cpu.vr[miss.vector].lo, cpu.vr[miss.vector].hi);
        return {};
    }
    if (block.slow_accesses)
        ++*block.slow_accesses;
    u64 result = TRY(miss.access(cpu, found.values.address, miss.base, found[miss.value], found[miss.expected]));
    if (miss.result.in() == In::reg) {
        found.values.registers[at] = result;
    } else if (miss.result.in() == In::number) {
        found.values.numbers[at][0] = result;
        found.values.numbers[at][1] = 0;
    }
    return {};
}

/// The instruction was the last of its block that may be executed.
void Misses::leave(Cpu& cpu, const Found& found, const Miss& miss, const Step& step) const
{
    for (u32 i = 0; i < miss.saved; ++i)
        write_register(cpu, found, m_saved[miss.first_saved + i]);
    set_code(cpu, found, miss.after);
    cpu.retired -= step.remaining - 1;
    cpu.next = step.ops[1].address;
}

std::expected<std::optional<u32>, ProgramInterruption> Misses::serve(Cpu& cpu, HostValues& values, u32 back) const
{
    const Miss& miss = find(back);
    const Block& block = m_blocks[miss.block];
    const Step& step = block.steps[miss.step];
    Found found { values, m_constants.data() + block.first_constant };
    set_code(cpu, found, miss.before);
    cpu.op = &step.ops[0];
    TRY_VOID(access(cpu, found, miss, block));
    if (!miss.stores || *block.stale == 0)
        return miss.back + miss.length;
    leave(cpu, found, miss, step);
    return std::nullopt;
}

} // namespace zvisor
