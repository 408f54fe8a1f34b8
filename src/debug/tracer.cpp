#include "debug/tracer.h"

#include "arch/lowcore.h"
#include "base/big_endian.h"
#include "isa/disassembler.h"

#include <algorithm>
#include <fmt/format.h>

namespace zvisor::debug {

namespace {

/// A class of interruption, by where its old PSW goes.
struct InterruptionClass {
    u64 old_at;
    std::string_view name;
    /// Real address of its halfword of code, 0 for none.
    u64 code_at;
};
constexpr InterruptionClass classes[]
    = { { lowcore::restart_old_psw, "restart", 0 }, { lowcore::external_old_psw, "external", lowcore::external_code },
          { lowcore::svc_old_psw, "supervisor call", lowcore::svc_code }, { lowcore::program_old_psw, "program", lowcore::program_code },
          { lowcore::machine_check_old_psw, "machine check", 0 }, { lowcore::io_old_psw, "I/O", 0 } };

[[nodiscard]] std::string vector_hex(const Vr& value)
{
    return fmt::format("{:016x}{:016x}", value.hi, value.lo);
}

template<class Values, class Print>
void compare(std::string& out, char letter, const Values& before, const Values& after, Print print)
{
    for (std::size_t i = 0; i < after.size(); ++i)
        if (before[i] != after[i])
            out += fmt::format(" {}{}={}", letter, i, print(after[i]));
}

/// What the prefix area says of an interruption besides its old PSW.
[[nodiscard]] std::string details(Cpu& cpu, const InterruptionClass& kind)
{
    const u8* low = cpu.storage().host() + cpu.prefix;
    switch (kind.old_at) {
    case lowcore::program_old_psw:
        return fmt::format(
            " code {:04x} translation {:016x}", load_be<u16>(low + kind.code_at), load_be<u64>(low + lowcore::translation_exception));
    case lowcore::external_old_psw:
        return fmt::format(" code {:04x} CPU {} parameter {:08x}", load_be<u16>(low + kind.code_at),
            load_be<u16>(low + lowcore::external_cpu_address), load_be<u32>(low + lowcore::external_parameter));
    case lowcore::io_old_psw:
        return fmt::format(" subsystem {:08x} parameter {:08x} identification {:08x}", load_be<u32>(low + lowcore::subsystem_id),
            load_be<u32>(low + lowcore::io_parameter), load_be<u32>(low + lowcore::io_identification));
    case lowcore::machine_check_old_psw:
        return fmt::format(" code {:016x}", load_be<u64>(low + lowcore::machine_check_code));
    default:
        return kind.code_at ? fmt::format(" code {:04x}", load_be<u16>(low + kind.code_at)) : "";
    }
}

} // namespace

Tracer::Tracer(const TraceOptions& options, const Symbols& symbols, Write write)
    : m_options(options)
    , m_symbols(symbols)
    , m_write(std::move(write))
{
}

Tracer::~Tracer()
{
    for (const auto& current : m_current)
        if (current && !current->text.empty())
            m_write(current->text);
}

void Tracer::line(std::string_view kind, std::string_view text)
{
    write(fmt::format("{} {}", kind, text));
}

void Tracer::write(const std::string& text)
{
    std::lock_guard lock(m_mutex);
    m_write(text);
}

Tracer::Registers Tracer::registers_of(const Cpu& cpu)
{
    Registers now { .cr = cpu.cr, .ar = cpu.ar, .vr = cpu.vr, .fpc = cpu.fpc, .psw = cpu.psw() };
    std::copy_n(cpu.gr.begin(), now.gr.size(), now.gr.begin());
    return now;
}

std::string Tracer::changes(const Registers& before, const Registers& after)
{
    std::string out;
    auto hex = [](auto value) { return fmt::format("{:x}", value); };
    compare(out, 'r', before.gr, after.gr, hex);
    compare(out, 'v', before.vr, after.vr, vector_hex);
    compare(out, 'a', before.ar, after.ar, hex);
    compare(out, 'c', before.cr, after.cr, hex);
    if (before.fpc != after.fpc)
        out += fmt::format(" fpc={:x}", after.fpc);
    constexpr u64 condition_code = bit_mask<18, 19>;
    if (before.psw.condition_code() != after.psw.condition_code())
        out += fmt::format(" cc={}", after.psw.condition_code());
    if ((before.psw.mask ^ after.psw.mask) & ~condition_code)
        out += fmt::format(" psw={:016x}", after.psw.mask);
    return out;
}

std::string Tracer::instruction_text(u16 cpu, u64 address, u64 bits) const
{
    auto item = isa::disassemble(bits, address, [this](u64 target) {
        std::string name = m_symbols.name(target);
        return name.empty() ? fmt::format("{:#x}", target) : fmt::format("{:x} <{}>", target, name);
    });
    auto hex = fmt::format("{:016x}", bits).substr(0, 2u * isa::instruction_length(static_cast<u8>(bits >> 56)));
    std::string place = m_symbols.name(address);
    return fmt::format("{} {:016x} {:<12} {:<36}{}", cpu, address, hex, item.text(), place.empty() ? "" : fmt::format(" <{}>", place));
}

bool Tracer::before_instruction(Cpu& cpu, u64 address, u64 bits, const isa::Row*)
{
    finish(cpu);
    if (!m_options.instructions || address < m_options.from || address >= m_options.to)
        return true;
    auto& current = m_current[cpu.address()];
    if (!current)
        current = std::make_unique<Current>();
    current->text = instruction_text(cpu.address(), address, bits);
    current->before = registers_of(cpu);
    return true;
}

void Tracer::finish(Cpu& cpu)
{
    auto& current = m_current[cpu.address()];
    if (!current || current->text.empty())
        return;
    write(current->text + changes(current->before, registers_of(cpu)));
    current->text.clear();
}

void Tracer::interruption(Cpu& cpu, u64 old_at, const Psw& old)
{
    finish(cpu);
    auto kind = std::ranges::find(classes, old_at, &InterruptionClass::old_at);
    if (!m_options.interruptions || kind == std::end(classes))
        return;
    Psw now = cpu.psw();
    std::string place = m_symbols.name(old.address);
    write(fmt::format("{} interruption {}{} old {:016x} {:016x}{} new {:016x} {:016x}", cpu.address(), kind->name, details(cpu, *kind),
        old.mask, old.address, place.empty() ? "" : fmt::format(" <{}>", place), now.mask, now.address));
}

} // namespace zvisor::debug
