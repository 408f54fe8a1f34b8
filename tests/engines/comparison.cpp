#include "comparison.h"

#include <cstring>
#include <fmt/format.h>

namespace zvisor::engines {

namespace {

/// Instructions and interruptions of one program.
constexpr u64 most_instructions = 10'000;

/// Collects what is not as it should be.
class Differences {
public:
    void check(std::string_view what, u64 wanted, u64 got)
    {
        if (wanted != got)
            text += fmt::format("  {} is {:x} not {:x}\n", what, got, wanted);
    }
    void check(std::string_view what, unsigned number, u64 wanted, u64 got)
    {
        if (wanted != got)
            check(fmt::format("{}{}", what, number), wanted, got);
    }
    std::string text;
};

void compare_cpus(Differences& out, const Cpu& wanted, const Cpu& got)
{
    for (unsigned r = 0; r < 16; ++r) {
        out.check("r", r, wanted.gr[r], got.gr[r]);
        out.check("a", r, wanted.ar[r], got.ar[r]);
        out.check("c", r, wanted.cr[r], got.cr[r]);
    }
    for (unsigned v = 0; v < 32; ++v) {
        out.check("left half of v", v, wanted.vr[v].hi, got.vr[v].hi);
        out.check("right half of v", v, wanted.vr[v].lo, got.vr[v].lo);
    }
    out.check("PSW mask", wanted.psw().mask, got.psw().mask);
    out.check("PSW address", wanted.psw().address, got.psw().address);
    out.check("FPC", wanted.fpc, got.fpc);
    out.check("prefix", wanted.prefix, got.prefix);
    out.check("instructions", wanted.retired, got.retired);
    for (unsigned i = 0; i < wanted.interruptions.size(); ++i)
        out.check("interruptions of class ", i, wanted.interruptions[i], got.interruptions[i]);
}

void compare_page(Differences& out, const u8* wanted, const u8* got, u64 address)
{
    if (std::memcmp(wanted, got, page_size) == 0)
        return;
    for (u64 at = 0; at < page_size; at += 8)
        out.check(fmt::format("storage {:x}", address + at), load_be<u64>(wanted + at), load_be<u64>(got + at));
}

/// Storage as far as one of them may have changed it, or all of it. Reference bits may be set for what is not executed in the end.
void compare_storage(Differences& out, const Guest& wanted, const Guest& got, bool all)
{
    Guest::Pages pages = all ? Guest::Pages().set() : wanted.touched() | got.touched();
    for (u64 page = 0; page < pages.size(); ++page) {
        u64 address = page * page_size;
        if (pages[page])
            compare_page(out, wanted.storage->host() + address, got.storage->host() + address, address);
        auto key = [&](const Guest& guest) { return u64 { guest.storage->key(address).value } & ~u64 { StorageKey::reference }; };
        out.check("key of page ", static_cast<unsigned>(page), key(wanted), key(got));
    }
}

[[nodiscard]] std::string differences(const Guest& wanted, const Guest& got, bool all_storage)
{
    Differences out;
    compare_cpus(out, wanted.cpu, got.cpu);
    out.check("what interruptions found", wanted.log.hash, got.log.hash);
    compare_storage(out, wanted, got, all_storage);
    return out.text;
}

/// Whether what was changed unnoticed will not be there after the next program.
[[nodiscard]] bool is_last_look(const Case& made, std::size_t part)
{
    return part + 1 == made.parts.size() || made.parts[part + 1].tables;
}

/// BCR, BC or BRCL that never branches.
void put_no_operation(std::vector<u8>& program, std::size_t at, u8 length)
{
    constexpr std::array<u8, 6> forms[] { { 0x07, 0x07 }, { 0x47, 0x00, 0x00, 0x00 }, { 0xc0, 0x04 } };
    if (at + length <= program.size())
        std::copy_n(forms[length / 2 - 1].begin(), length, program.begin() + static_cast<std::ptrdiff_t>(at));
}

} // namespace

void Tally::operator+=(const Tally& other)
{
    programs += other.programs;
    instructions += other.instructions;
    interruptions += other.interruptions;
    endless += other.endless;
    unsteady += other.unsteady;
    differences += other.differences;
}

Comparison::Comparison(const EngineOptions& options)
    : m_options(options)
{
    make_guests();
}

void Comparison::make_guests()
{
    std::lock_guard lock(m_mutex);
    m_interpreted = std::make_unique<Guest>(Guest::EngineKind::interpreter);
    m_translated = std::make_unique<Guest>(Guest::EngineKind::translator, m_options);
}

void Comparison::stop()
{
    std::lock_guard lock(m_mutex);
    m_interpreted->cpu.order_stop(false);
    m_translated->cpu.order_stop(false);
}

std::string Comparison::compare(u64 seed, Tally& tally)
{
    m_running.store(seed, std::memory_order_relaxed);
    Case made = m_cases.make(seed);
    std::string differing = compare(made, tally);
    if (differing.empty())
        return {};
    if (!still_differs(made))
        return fmt::format("A program differs, and not when it is run alone:\n{}{}", describe(made), differing);
    minimize(made);
    make_guests();
    Tally unused;
    return fmt::format("A program differs:\n{}{}", describe(made), compare(made, unused));
}

/// Leaves away what the difference does not need.
void Comparison::minimize(Case& made)
{
    auto try_with = [&](auto change) {
        Case simpler = made;
        change(simpler);
        if (still_differs(simpler))
            made = std::move(simpler);
    };
    try_with([](Case& simpler) { simpler.keys.fill(0); });
    for (std::size_t part = made.parts.size(); part-- > 1;)
        try_with([&](Case& simpler) { simpler.parts.erase(simpler.parts.begin() + static_cast<std::ptrdiff_t>(part)); });
    for (std::size_t part = 0; part < made.parts.size(); ++part) {
        for (std::size_t at = 0; at < made.parts[part].program.size();) {
            u8 length = isa::instruction_length(made.parts[part].program[at]);
            try_with([&](Case& simpler) { put_no_operation(simpler.parts[part].program, at, length); });
            at += length;
        }
    }
}

bool Comparison::still_differs(Case& made)
{
    make_guests();
    Tally unused;
    return !compare(made, unused).empty();
}

/// The program before without what raised exceptions in it, from now on given as it is.
void Comparison::mend(Case& made, std::size_t part) const
{
    std::size_t last = part - 1;
    while (made.parts[last].program.empty())
        --last;
    Part& mended = made.parts[part];
    mended.program = made.parts[last].program;
    for (const auto& instruction : m_interpreted->log.excepted)
        if (u64 at = instruction.address - mended.program_at; instruction.length && at < mended.program.size())
            put_no_operation(mended.program, at, instruction.length);
}

/// A program may have ordered a reset of its CPU, by SIGP that is made of other instructions: nobody here carries that out.
void Comparison::prepare(const Case& made)
{
    m_interpreted->prepare(made);
    m_translated->prepare(made);
    if (!m_interpreted->cpu.has_orders() && !m_translated->cpu.has_orders())
        return;
    make_guests();
    m_interpreted->prepare(made);
    m_translated->prepare(made);
}

std::string Comparison::compare(Case& made, Tally& tally)
{
    prepare(made);
    for (std::size_t i = 0; i < made.parts.size(); ++i) {
        ++tally.programs;
        u64 before = m_interpreted->cpu.retired;
        if (std::exchange(made.parts[i].mended, false))
            mend(made, i);
        m_interpreted->prepare(made.parts[i]);
        m_translated->prepare(made.parts[i]);
        if (!m_interpreted->run_bounded(most_instructions)) {
            ++tally.endless;
            return {};
        }
        m_translated->run();
        bool all_storage = m_interpreted->changes_unnoticed() && is_last_look(made, i);
        std::string differing
            = m_translated->cpu.stop_ordered() ? "  it does not end\n" : differences(*m_interpreted, *m_translated, all_storage);
        if (differing.empty()) {
            tally.instructions += m_interpreted->cpu.retired - before;
            continue;
        }
        if (m_interpreted->changed_tables() || differs_from_itself(made, i + 1)) {
            ++tally.unsteady;
            return {};
        }
        ++tally.differences;
        return fmt::format("after program {}:\n{}", i + 1, differing);
    }
    for (u64 taken : m_interpreted->cpu.interruptions)
        tally.interruptions += taken;
    return {};
}

/// A clock of which two bits are left says the same every fourth time.
bool Comparison::differs_from_itself(const Case& made, std::size_t parts)
{
    constexpr int tries = 16;
    for (int i = 0; i < tries; ++i)
        if (differs_when_run_again(made, parts))
            return true;
    return false;
}

bool Comparison::differs_when_run_again(const Case& made, std::size_t parts)
{
    Guest again(Guest::EngineKind::interpreter);
    again.prepare(made);
    for (std::size_t i = 0; i < parts; ++i) {
        again.prepare(made.parts[i]);
        if (!again.run_bounded(most_instructions))
            return true;
    }
    return !differences(*m_interpreted, again, m_interpreted->changes_unnoticed()).empty();
}

} // namespace zvisor::engines
