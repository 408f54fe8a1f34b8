#include "isa/example.h"

#include "arch/control.h"
#include "cpu/cpu_group.h"
#include "cpu/engine.h"
#include "cpu/null_services.h"
#include "isa/text.h"

#include <charconv>
#include <cstring>
#include <fmt/format.h>

namespace zvisor::isa {

namespace {

constexpr u64 instruction_at = 0x1000;
constexpr u64 storage_size = 1 << 20;

void run_leave(Cpu& c, const Op* op)
{
    c.next = op->address;
}

/// Decodes and executes one instruction at a time, keeping nothing.
class SingleEngine final : public Engine {
public:
    void run(Cpu& cpu) override
    {
        Op ops[2];
        const Row* row = nullptr;
        u64 bits = load_be<u64>(cpu.storage().host() + cpu.next);
        decode(ops[0], bits, cpu.next, cpu.mode(), cpu.facilities(), row);
        ops[1].address = cpu.next + ops[0].length;
        ops[1].run = &run_leave;
        ops[0].run(cpu, &ops[0]);
    }
    void execute_target(Cpu& cpu, u64 bits, u64 address) override
    {
        Op ops[2];
        const Row* row = find_row(bits);
        if (row && row->has(RowFlag::not_target))
            cpu.program(ProgramCode::execute);
        decode(ops[0], bits, address, cpu.mode(), cpu.facilities(), row);
        ops[0].address = cpu.op->address;
        ops[0].length = cpu.op->length;
        ops[1].run = [](Cpu&, const Op*) { };
        ops[0].run(cpu, &ops[0]);
    }
    void code_stored(u64, u64) override { }
    void forget_all() override { }
};

/// One "name=value" of an example.
struct Item {
    std::string name;
    std::string value;

    [[nodiscard]] u64 number() const { return parse(value); }
    [[nodiscard]] unsigned index() const { return static_cast<unsigned>(std::strtoul(name.c_str() + 1, nullptr, 10)); }
    [[nodiscard]] u64 address() const { return parse(std::string_view(name).substr(1)); }
    [[nodiscard]] std::vector<u8> bytes() const
    {
        std::vector<u8> out;
        for (std::size_t i = 0; i + 1 < value.size(); i += 2)
            out.push_back(static_cast<u8>(parse(std::string_view(value).substr(i, 2))));
        return out;
    }
    [[nodiscard]] bool is(char kind) const
    {
        return name.size() > 1 && name[0] == kind && std::isxdigit(static_cast<unsigned char>(name[1]));
    }

    static u64 parse(std::string_view text)
    {
        u64 out = 0;
        std::from_chars(text.data(), text.data() + text.size(), out, 16);
        return out;
    }
};

[[nodiscard]] Result<std::vector<Item>> parse_items(std::string_view text)
{
    std::vector<Item> items;
    std::size_t at = 0;
    while ((at = text.find_first_not_of(' ', at)) != std::string_view::npos) {
        auto end = std::min(text.find(' ', at), text.size());
        auto word = text.substr(at, end - at);
        auto equal = word.find('=');
        if (equal == std::string_view::npos)
            return fail(fmt::format("'{}' is not name=value", word));
        items.push_back({ std::string(word.substr(0, equal)), std::string(word.substr(equal + 1)) });
        at = end;
    }
    return items;
}

[[nodiscard]] Vr parse_vector(std::string_view text)
{
    if (text.size() != 32)
        return { .lo = 0, .hi = 0 };
    return { .lo = Item::parse(text.substr(16)), .hi = Item::parse(text.substr(0, 16)) };
}

/// What examples compare: registers, condition code and the outcome.
struct State {
    std::array<u64, 16> gr {};
    std::array<Vr, 32> vr {};
    std::array<u32, 16> ar {};
    std::array<u64, 16> cr {};
    u32 fpc { 0 };
    u64 cc { 0 };
    u64 program_mask { 0 };
    u64 program_code { 0 };
    u64 next { 0 };

    explicit State(const Cpu& cpu)
        : vr(cpu.vr)
        , ar(cpu.ar)
        , cr(cpu.cr)
        , fpc(cpu.fpc)
        , cc(cpu.cc())
        , program_mask(cpu.program_mask())
        , next(cpu.next)
    {
        std::copy_n(cpu.gr.begin(), 16, gr.begin());
    }

    [[nodiscard]] bool expect(const Item& item)
    {
        if (item.is('r'))
            gr[item.index() % 16] = item.number();
        else if (item.is('f') && item.name != "fpc")
            vr[item.index() % 32].hi = item.number();
        else if (item.is('v'))
            vr[item.index() % 32] = parse_vector(item.value);
        else if (item.name == "cc")
            cc = item.number();
        else if (item.is('a') && item.name != "amode")
            ar[item.index() % 16] = static_cast<u32>(item.number());
        else if (item.is('c'))
            cr[item.index() % 16] = item.number();
        else if (item.name == "pm")
            program_mask = item.number();
        else if (item.name == "fpc")
            fpc = static_cast<u32>(item.number());
        else if (item.name == "pgm")
            program_code = item.number();
        else if (item.name == "ia")
            next = item.number();
        else
            return false;
        return true;
    }
};

template<class Values, class Print>
void compare(std::string& differences, const char* name, const Values& expected, const Values& found, Print print)
{
    for (std::size_t i = 0; i < expected.size(); ++i)
        if (expected[i] != found[i])
            differences += fmt::format(" {}{} is {} not {};", name, i, print(found[i]), print(expected[i]));
}

[[nodiscard]] std::string difference(const State& expected, const State& found)
{
    std::string out;
    auto hex = [](auto value) { return fmt::format("{:x}", value); };
    auto vector_hex = [](const Vr& value) { return fmt::format("{:016x}{:016x}", value.hi, value.lo); };
    compare(out, "r", expected.gr, found.gr, hex);
    compare(out, "v", expected.vr, found.vr, vector_hex);
    compare(out, "a", expected.ar, found.ar, hex);
    compare(out, "c", expected.cr, found.cr, hex);
    auto one = [&](const char* name, u64 wanted, u64 got) {
        if (wanted != got)
            out += fmt::format(" {} is {:x} not {:x};", name, got, wanted);
    };
    one("fpc", expected.fpc, found.fpc);
    one("cc", expected.cc, found.cc);
    one("pm", expected.program_mask, found.program_mask);
    one("pgm", expected.program_code, found.program_code);
    if (found.program_code == 0)
        one("ia", expected.next, found.next);
    return out;
}

[[nodiscard]] FacilitySet every_facility()
{
    FacilitySet set;
    for (unsigned bit = 0; bit < FacilitySet::size; ++bit)
        set.set(static_cast<Facility>(bit));
    return set;
}

} // namespace

struct ExampleMachine::Parts {
    std::unique_ptr<AbsoluteStorage> storage { std::move(AbsoluteStorage::create(storage_size)).value() };
    FacilitySet facilities { every_facility() };
    NullChannelServices channels;
    NullMachineServices machine;
    CpuGroup group { *storage, facilities, channels, machine };
    Cpu& cpu { group.add() };

    void reset()
    {
        cpu.clear_reset();
        cpu.cr[0] |= cr0::afp_register | cr0::vector;
        cpu.control_registers_changed();
        cpu.load_psw({ Psw::extended_addressing_bit | Psw::basic_addressing_bit, instruction_at });
    }

    [[nodiscard]] Result<void> prepare(const Item& item)
    {
        if (item.is('r'))
            cpu.gr[item.index() % 16] = item.number();
        else if (item.is('f') && item.name != "fpc")
            cpu.vr[item.index() % 32].hi = item.number();
        else if (item.is('v'))
            cpu.vr[item.index() % 32] = parse_vector(item.value);
        else if (item.is('m'))
            return store(item);
        else if (item.name == "cc")
            cpu.cc(static_cast<u8>(item.number()));
        else if (item.is('a') && item.name != "amode")
            cpu.ar[item.index() % 16] = static_cast<u32>(item.number());
        else if (item.is('c')) {
            cpu.cr[item.index() % 16] = item.number();
            cpu.control_registers_changed();
        } else if (item.name == "pm")
            cpu.set_program_mask(static_cast<u8>(item.number()));
        else if (item.name == "fpc")
            cpu.fpc = static_cast<u32>(item.number());
        else if (item.name == "key")
            cpu.set_psw_mask(with_bits<8, 11>(cpu.psw_fields().mask, item.number()));
        else if (item.name == "problem")
            cpu.set_psw_mask(with_bits<15>(cpu.psw_fields().mask, item.number()));
        else if (item.name == "amode")
            cpu.set_addressing_mode(item.value == "64" ? 64 : item.value == "31" ? 31 : 24);
        else
            return fail(fmt::format("'{}' is no state item", item.name));
        return {};
    }

    Result<void> store(const Item& item)
    {
        auto bytes = item.bytes();
        if (!storage->write(item.address(), std::as_bytes(std::span { bytes })))
            return fail(fmt::format("'{}' is outside the storage of examples", item.name));
        return {};
    }

    [[nodiscard]] std::string storage_difference(const std::vector<Item>& before, const std::vector<Item>& after)
    {
        std::string out;
        auto check = [&](const Item& item) {
            auto expected = item.bytes();
            if (std::memcmp(storage->host() + item.address(), expected.data(), expected.size()) != 0) {
                out += fmt::format(" {} is ", item.name);
                for (std::size_t i = 0; i < expected.size(); ++i)
                    out += fmt::format("{:02x}", storage->host()[item.address() + i]);
                out += fmt::format(" not {};", item.value);
            }
        };
        for (const auto& item : before) {
            bool changed = false;
            for (const auto& later : after)
                changed |= later.is('m') && later.address() < item.address() + item.value.size() / 2
                    && item.address() < later.address() + later.value.size() / 2;
            if (item.is('m') && !changed)
                check(item);
        }
        for (const auto& item : after)
            if (item.is('m'))
                check(item);
        return out;
    }
};

ExampleMachine::ExampleMachine()
    : m_parts(std::make_unique<Parts>())
{
    m_parts->cpu.set_engine(std::make_unique<SingleEngine>());
}

ExampleMachine::~ExampleMachine() = default;

Cpu& ExampleMachine::cpu()
{
    return m_parts->cpu;
}

Result<void> ExampleMachine::check(const Row& row, std::string_view example)
{
    auto bar = example.find('|');
    auto arrow = example.find("->");
    if (bar == std::string_view::npos || arrow == std::string_view::npos)
        return fail(fmt::format("{}: example '{}' is not 'operands | before -> after'", row.mnemonic, example));
    auto wrap = [&](const std::string& message) { return fail(fmt::format("{}: '{}':{}", row.mnemonic, example, message)); };
    auto bits = assemble(row, example.substr(0, bar), instruction_at);
    if (!bits)
        return wrap(" " + bits.error().message);
    auto before = TRY(parse_items(example.substr(bar + 1, arrow - bar - 1)));
    auto after = TRY(parse_items(example.substr(arrow + 2)));

    Parts& parts = *m_parts;
    parts.reset();
    std::memset(parts.storage->host(), 0, storage_size);
    store_be<u64>(parts.storage->host() + instruction_at, *bits);
    for (const auto& item : before)
        if (auto prepared = parts.prepare(item); !prepared)
            return wrap(" " + prepared.error().message);

    State expected(parts.cpu);
    expected.next = instruction_at + row.format->length;
    u64 program_code = 0;
    try {
        parts.cpu.engine().run(parts.cpu);
    } catch (const ProgramInterruption& interruption) {
        program_code = static_cast<u64>(interruption.code);
        if (interruption.code == ProgramCode::data || interruption.code == ProgramCode::vector_processing)
            parts.cpu.record_data_code(interruption.data_code);
    }
    State found(parts.cpu);
    found.program_code = program_code;
    for (const auto& item : after)
        if (!item.is('m') && !expected.expect(item))
            return wrap(fmt::format(" '{}' is no state item", item.name));
    std::string differences = difference(expected, found) + parts.storage_difference(before, after);
    if (!differences.empty())
        return wrap(differences);
    return {};
}

} // namespace zvisor::isa
