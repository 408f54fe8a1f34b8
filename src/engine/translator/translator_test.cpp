#include "engine/translator/translator.h"

#include "cpu/cpu_group.h"
#include "cpu/null_services.h"
#include "isa/table.h"

#include <chrono>
#include <condition_variable>
#include <cstring>
#include <fmt/format.h>
#include <gtest/gtest.h>
#include <mutex>
#include <random>
#include <thread>

namespace zvisor {
namespace {

constexpr u64 code_at = 0x3000;
constexpr u64 data_at = 0x20000;
constexpr u64 storage_bytes = 0x100000;

/// Prints what is executed.
class Printer : public Observer {
public:
    bool before_instruction(Cpu& cpu, u64 address, u64 bits, const isa::Row* row) override
    {
        fmt::print("{:x}: {:012x} {:6}", address, bits >> 16, row ? row->mnemonic : "?");
        for (u64 value : cpu.gr)
            fmt::print(" {:x}", value);
        fmt::print("\n");
        return true;
    }
};

/// A CPU without a machine. A program interruption puts it into a disabled wait.
class Guest {
public:
    explicit Guest(bool translated, Observer* observer = nullptr)
        : m_observed(observer != nullptr)
    {
        for (unsigned bit = 0; bit < FacilitySet::size; ++bit)
            m_facilities.set(static_cast<Facility>(bit));
        if (translated) {
            auto engine = std::make_unique<Translator>(*storage);
            engine->set_patience(0);
            cpu.set_engine(std::move(engine));
        } else {
            cpu.set_engine(std::make_unique<Interpreter>(*storage, observer));
        }
    }

    void prepare(std::span<const u8> program, u64 seed, unsigned amode)
    {
        std::mt19937_64 random(seed);
        cpu.clear_reset();
        cpu.set_careful(m_observed);
        cpu.engine().forget_all();
        std::memset(storage->host(), 0, storage_bytes);
        for (u64 page = 0; page < storage_bytes; page += page_size)
            storage->set_key(page, {});
        store_be<u64>(storage->host() + lowcore::program_new_psw, Psw::wait_bit | Psw::extended_addressing_bit | Psw::basic_addressing_bit);
        store_be<u64>(storage->host() + lowcore::program_new_psw + 8, 0xdead);
        for (u64 i = 0; i < 0x2000; ++i)
            storage->host()[data_at + i] = static_cast<u8>(random());
        std::memcpy(storage->host() + code_at, program.data(), program.size());
        for (unsigned r = 0; r < 16; ++r)
            cpu.gr[r] = value(random);
        for (unsigned r = 10; r < 13; ++r)
            cpu.gr[r] = data_at + 0x800 + random() % 0x800;
        cpu.gr[13] = code_at + random() % 128;
        for (auto& v : cpu.vr)
            v = { random(), number(random) };
        for (auto& a : cpu.ar)
            a = static_cast<u32>(random());
        cpu.cr[0] |= cr0::afp_register | cr0::vector;
        cpu.control_registers_changed();
        u64 mask = amode == 64 ? Psw::extended_addressing_bit | Psw::basic_addressing_bit : amode == 31 ? Psw::basic_addressing_bit : 0;
        cpu.load_psw({ mask, code_at });
        cpu.cc(static_cast<u8>(random() % 4));
        cpu.set_program_mask(random() % 4 == 0 ? 8 : 0);
        static constexpr u32 controls[] { 0, 0x80000, 0x80000, 0xf80000, 0x8080000, 0x80002, 0xf8000000, 0x10080070 };
        cpu.fpc = controls[random() % 8];
        cpu.retired = 0;
    }

    /// False when the program had to be stopped, being a loop.
    [[nodiscard]] bool run(std::chrono::milliseconds longest)
    {
        {
            std::unique_lock lock(m_mutex);
            m_runs = true;
            ++m_run;
            m_longest = longest;
            m_wake.notify_all();
        }
        cpu.engine().run(cpu);
        std::unique_lock lock(m_mutex);
        m_runs = false;
        m_wake.notify_all();
        return !cpu.stop_ordered();
    }

    std::unique_ptr<AbsoluteStorage> storage { std::move(AbsoluteStorage::create(storage_bytes)).value() };

private:
    /// Bits of a long or short number of every class; sums and products of these are often exact, tiny or too large.
    static u64 number(std::mt19937_64& random)
    {
        static constexpr u64 edges[] { 0, 1, 0x3ff0000000000000, 0x4000000000000000, 0x7ff0000000000000, 0x7ff8000000000001,
            0x7ff0000000000001, 0x0010000000000000, 0x0010000000000001, 0x7fefffffffffffff, 0x3ca0000000000000, 0x000fffffffffffff,
            0x3f80000040000000, 0x0080000000000001, 0x7f80000100000000, 0x7f7fffff00000000 };
        u64 sign = random() << 63;
        switch (random() % 4) {
        case 0:
            return random();
        case 1:
            return sign | (random() >> 12) | (0x3f0 + random() % 0x20) << 52;
        default:
            return sign | edges[random() % 16];
        }
    }
    static u64 value(std::mt19937_64& random)
    {
        constexpr u64 edges[] { 0, 1, 0x7fffffff, 0x80000000, 0xffffffff, 0x7fffffffffffffff, 0x8000000000000000, ~u64 { 0 } };
        switch (random() % 4) {
        case 0:
            return edges[random() % 8];
        case 1:
            return edges[random() % 8] << 32 | edges[random() % 8];
        case 2:
            return random() % 64;
        default:
            return random();
        }
    }

    /// Stops a program that runs for long.
    void watch(const std::stop_token& stop)
    {
        std::unique_lock lock(m_mutex);
        while (!stop.stop_requested()) {
            if (!m_wake.wait(lock, stop, [this] { return m_runs; }))
                return;
            if (!m_wake.wait_for(lock, stop, m_longest, [this, run = m_run] { return !m_runs || m_run != run; }))
                cpu.order_stop(false);
        }
    }

    bool m_observed;
    FacilitySet m_facilities;
    NullChannelServices m_channels;
    NullMachineServices m_machine;
    CpuGroup m_group { *storage, m_facilities, m_channels, m_machine };

public:
    Cpu& cpu { m_group.add() };

private:
    std::mutex m_mutex;
    std::condition_variable_any m_wake;
    bool m_runs { false };
    u64 m_run { 0 };
    std::chrono::milliseconds m_longest { 0 };
    std::jthread m_watch { [this](const std::stop_token& stop) { watch(stop); } };
};

void set_field(u64& bits, unsigned at, unsigned width, u64 value)
{
    u64 mask = ((u64 { 1 } << width) - 1) << (64 - at - width);
    bits = (bits & ~mask) | (value << (64 - at - width) & mask);
}

/// Instructions that stay within the program and mostly use storage there is.
class Generator {
public:
    explicit Generator(u64 seed)
        : m_random(seed)
    {
        for (const isa::Row* row : isa::all_rows())
            if (row->record)
                m_rows.push_back(row);
        for (const char* name : { "LMG", "STMG", "MVC", "CLC", "XC", "IPM", "MLGR", "DLGR", "CSG", "STCK", "NI", "SLA", "LAM" })
            if (const isa::Row* row = isa::find_row(std::string_view(name)))
                m_helpers.push_back(row);
        for (const char* name : { "BRC", "LOCGR", "LOCHI", "SELGR", "IPM" })
            m_conditional.push_back(isa::find_row(std::string_view(name)));
    }

    std::vector<u8> program()
    {
        std::vector<u8> out;
        std::size_t count = 1 + m_random() % 40;
        for (std::size_t i = 0; i < count; ++i) {
            const auto& rows = m_random() % 12 == 0 ? m_helpers : m_random() % 6 == 0 ? m_conditional : m_rows;
            const isa::Row& row = *rows[m_random() % rows.size()];
            if (row.mnemonic == std::string_view("STCK"))
                continue;
            if (m_random() % 8 == 0)
                put_constant(out);
            u64 bits = instruction(row);
            for (unsigned at = 0; at < row.format->length; ++at)
                out.push_back(static_cast<u8>(bits >> (56 - 8 * at)));
        }
        out.resize(out.size() + 64);
        return out;
    }

private:
    /// LGHI: the translator knows the value.
    void put_constant(std::vector<u8>& out)
    {
        auto value = static_cast<u16>(m_random() % 4 ? m_random() % 3 - 1 : m_random());
        auto r1 = static_cast<u8>(m_random() % 10);
        out.insert(out.end(), { 0xa7, static_cast<u8>(r1 << 4 | 9), static_cast<u8>(value >> 8), static_cast<u8>(value) });
    }

    /// Lets the two storage operands of an SS instruction overlap.
    void bring_together(u64& bits)
    {
        u64 first = bits >> 32 & 0xffff;
        set_field(bits, 32, 16, first + m_random() % 9 - 4);
        if (m_random() % 2)
            set_field(bits, 8, 8, m_random() % 20);
    }

    u64 instruction(const isa::Row& row)
    {
        u64 bits = m_random() & ~u64 { 0xffff };
        for (const auto& operand : row.format->operands) {
            if (operand.kind == isa::OperandKind::gr_pair && m_random() % 16)
                set_field(bits, operand.at, operand.width, m_random() % 8 * 2);
            if (operand.kind == isa::OperandKind::relative)
                set_field(bits, operand.at, operand.width, m_random() % 8 == 0 ? m_random() % 512 : 2 + m_random() % 30);
            if (operand.base && m_random() % 16)
                set_field(bits, operand.base, 4, m_random() % 16 == 0 ? 13 : m_random() % 8 == 0 ? 0 : 10 + m_random() % 3);
            if (operand.kind == isa::OperandKind::mask && m_random() % 2)
                set_field(bits, operand.at, operand.width, m_random() % 2 ? 0 : m_random() % 4);
            if (operand.long_displacement)
                set_field(bits, 32, 8, m_random() % 8 ? 0 : 0xff);
            if (operand.kind == isa::OperandKind::base_index && m_random() % 4)
                set_field(bits, operand.at, operand.width, 0);
        }
        if (row.format->length == 6 && row.format->place == isa::OpcodePlace::byte && m_random() % 2)
            bring_together(bits);
        u64 opcode = isa::opcode_bits(row);
        u64 mask = 0xff00000000000000;
        switch (row.format->place) {
        case isa::OpcodePlace::byte:
            break;
        case isa::OpcodePlace::nibble:
            mask |= 0x000f000000000000;
            break;
        case isa::OpcodePlace::second_byte:
            mask |= 0x00ff000000000000;
            break;
        case isa::OpcodePlace::last_byte:
            mask |= 0x0000000000ff0000;
            break;
        }
        return (bits & ~mask) | opcode;
    }

    std::mt19937_64 m_random;
    std::vector<const isa::Row*> m_rows;
    std::vector<const isa::Row*> m_helpers;
    std::vector<const isa::Row*> m_conditional;
};

std::string listing(std::span<const u8> program)
{
    std::string out;
    for (std::size_t at = 0; at + 8 <= program.size();) {
        u64 bits = load_be<u64>(program.data() + at);
        const isa::Row* row = isa::find_row(bits);
        u8 length = isa::instruction_length(static_cast<u8>(bits >> 56));
        if (bits >> 48 == 0)
            break;
        out += fmt::format("  {:x}: {:0{}x} {}\n", code_at + at, bits >> (64 - 8 * length), 2 * length, row ? row->mnemonic : "?");
        at += length;
    }
    return out;
}

std::string differences(Guest& x, Guest& y)
{
    std::string out;
    auto check = [&](const std::string& what, u64 wanted, u64 got) {
        if (wanted != got)
            out += fmt::format("  {} is {:x} not {:x}\n", what, got, wanted);
    };
    for (unsigned r = 0; r < 16; ++r) {
        check(fmt::format("r{}", r), x.cpu.gr[r], y.cpu.gr[r]);
        check(fmt::format("a{}", r), x.cpu.ar[r], y.cpu.ar[r]);
    }
    for (unsigned v = 0; v < 32; ++v) {
        check(fmt::format("v{} left half", v), x.cpu.vr[v].hi, y.cpu.vr[v].hi);
        check(fmt::format("v{} right half", v), x.cpu.vr[v].lo, y.cpu.vr[v].lo);
    }
    check("PSW mask", x.cpu.psw().mask, y.cpu.psw().mask);
    check("PSW address", x.cpu.psw().address, y.cpu.psw().address);
    check("FPC", x.cpu.fpc, y.cpu.fpc);
    check("retired", x.cpu.retired, y.cpu.retired);
    if (std::memcmp(x.storage->host(), y.storage->host(), storage_bytes) == 0)
        return out;
    for (u64 at = 0; at < storage_bytes; at += 8) {
        const u8* a = x.storage->host() + at;
        const u8* b = y.storage->host() + at;
        if (std::memcmp(a, b, 8) != 0)
            check(fmt::format("storage {:x}", at), load_be<u64>(a), load_be<u64>(b));
    }
    return out;
}

/// The same programs for an interpreter and a translator.
class Comparison {
public:
    void compare(u64 seed)
    {
        auto program = Generator(seed).program();
        unsigned amode = seed % 5 == 0 ? 31 : seed % 7 == 0 ? 24 : 64;
        auto run = [&](Guest& guest, std::chrono::milliseconds longest) {
            guest.prepare(program, seed, amode);
            return guest.run(longest);
        };
        if (!run(*m_interpreted, std::chrono::milliseconds(20))) {
            m_interpreted = std::make_unique<Guest>(false);
            return;
        }
        ASSERT_TRUE(run(*m_translated, std::chrono::seconds(20))) << "seed " << seed << " amode " << amode << "\n" << listing(program);
        auto differing = differences(*m_interpreted, *m_translated);
        if (differing.empty())
            return;
        // A program that reads a clock differs from itself.
        Printer printer;
        Guest again(false, std::getenv("ZVISOR_TRACE") ? &printer : nullptr);
        if (!run(again, std::chrono::seconds(20)) || !differences(*m_interpreted, again).empty())
            return;
        FAIL() << differing << "seed " << seed << " amode " << amode << "\n" << listing(program);
    }

private:
    std::unique_ptr<Guest> m_interpreted { std::make_unique<Guest>(false) };
    std::unique_ptr<Guest> m_translated { std::make_unique<Guest>(true) };
};

u64 setting(const char* name, u64 otherwise)
{
    const char* given = std::getenv(name);
    return given ? std::strtoull(given, nullptr, 0) : otherwise;
}

/// A quarter of the programs; the parameter is its number.
class Programs : public testing::TestWithParam<u64> { };

/// $ZVISOR_SEED is the first program, $ZVISOR_RUNS how many there are in each quarter; with $ZVISOR_TRACE one that differs is
/// shown as it is executed.
TEST_P(Programs, DoWhatTheInterpreterDoes)
{
    Comparison comparison;
    u64 runs = setting("ZVISOR_RUNS", 250'000);
    u64 first = setting("ZVISOR_SEED", 1) + GetParam() * runs;
    for (u64 seed = first; seed < first + runs && !testing::Test::HasFailure(); ++seed)
        comparison.compare(seed);
}

INSTANTIATE_TEST_SUITE_P(Translator, Programs, testing::Values(0, 1, 2, 3));

} // namespace
} // namespace zvisor
