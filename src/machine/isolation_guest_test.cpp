// Programs of some hundred instructions in partitions of a machine, as the firmware runs them; what they found is read from their storage,
// of which the firmware has the descriptors.

#include "machine/isolation.h"

#include "arch/interruption.h"
#include "arch/lowcore.h"
#include "base/big_endian.h"
#include "base/ebcdic.h"
#include "base/verify.h"
#include "isa/table.h"
#include "isa/text.h"
#include "machine/definition_file.h"
#include "machine/partition_program.h"
#include "prsm/firmware.h"
#include "prsm/test_program.h"

#include <algorithm>
#include <filesystem>
#include <fmt/format.h>
#include <fstream>
#include <set>
#include <sys/mman.h>
#include <thread>

namespace zvisor::isolation {
namespace {

using namespace std::chrono_literals;

constexpr u64 mega = 1 << 20;
constexpr u64 storage = 4 * mega;
constexpr u64 page = 4096;

const TestProgram guest("GUEST", [] { [[maybe_unused]] int status = PartitionProgram::run(PartitionProcess::listener_fd); });

constexpr std::string_view watcher = "GUESTWAT";
constexpr std::string_view neighbour = "GUESTNBR";
/// What the neighbour has all over its storage.
constexpr u64 secret = 0x5ec2'e7da'7a5e'c2e7;

// ---- Programs --------------------------------------------------------------------------------------------------------

/// A program that tries something after the other, each with a record of how that ended and a page for what it stores.
class Program {
public:
    static constexpr u64 records = 0x80000;
    static constexpr u64 record_size = 64;
    static constexpr u64 pages = mega;
    static constexpr u64 prefill = 0xa5;

    Program()
        : m_bytes(code_at)
    {
        // 31-bit as IPL has it; disabled for all.
        set(0, u64 { 0x0008'0000'8000'0000 } | code_at);
        set_psw(lowcore::program_new_psw, plain, go_on_after_exception);
        set_psw(lowcore::external_new_psw, plain, go_on_after_signal);
        set_psw(enabled_wait, plain | external_wait, 0);
        set_psw(the_end, 0x0002'0001'8000'0000, 0);
        set(control_register_0, service_signal_mask);
        m_at = go_on_after_exception;
        put("LPSWE 336(0)");
        m_at = go_on_after_signal;
        put("BCR 15,15");
        m_at = code_at;
        put("SAM64");
        put(fmt::format("LCTLG 0,0,{}(0)", control_register_0));
    }

    /// Registers and an instruction; `what` names it.
    struct Try {
        std::string what;
        std::vector<std::pair<int, u64>> registers;
        std::vector<std::string> lines;
    };
    /// `@` in a line is the page of this one, and a register of `own_page` has its address.
    static constexpr u64 own_page = ~u64 { 0 };

    void add(const Try& attempt)
    {
        put("XC 140(4,0),140(0)");
        for (auto [number, value] : attempt.registers)
            load(number, value == own_page ? page_of(m_names.size()) : value);
        for (const auto& line : attempt.lines)
            put(line);
        load(13, records + m_names.size() * record_size);
        put("STMG 2,5,16(13)");
        put("MVC 0(4,13),140(0)");
        put("MVI 8(13),1");
        m_names.push_back(attempt.what);
    }
    /// A service call, waited for; the SCCB is the page of this one.
    void add_service_call(u32 command)
    {
        add({ fmt::format("service call {:08x}", command), { { 1, command }, { 2, own_page } }, { "MVHHI 0(2),4096" } });
        m_names.pop_back();
        u64 at = m_at;
        put("SERVC 1,2");
        put(fmt::format("BRC 2,{:#x}", at));
        constexpr u64 lengths = 4 + 4 + 4 + 6 + 4;
        put(fmt::format("BRC 1,{:#x}", at + lengths));
        put(fmt::format("LARL 15,{:#x}", at + lengths));
        put(fmt::format("LPSWE {}(0)", enabled_wait));
        add({ fmt::format("service call {:08x}", command), {}, {} });
    }
    /// Ends the program; the image to load.
    [[nodiscard]] std::vector<u8> finish()
    {
        put(fmt::format("LPSWE {}(0)", the_end));
        VERIFY(m_bytes.size() <= records && page_of(m_names.size()) <= storage);
        return m_bytes;
    }
    [[nodiscard]] const std::vector<std::string>& names() const { return m_names; }
    [[nodiscard]] static u64 page_of(std::size_t attempt) { return pages + attempt * page; }

private:
    static constexpr u64 code_at = 0x2000;
    static constexpr u64 plain = 0x0000'0001'8000'0000;
    static constexpr u64 external_wait = 0x0102'0000'0000'0000;
    static constexpr u64 service_signal_mask = 0x200;
    static constexpr u64 go_on_after_exception = 0x300;
    static constexpr u64 go_on_after_signal = 0x310;
    static constexpr u64 enabled_wait = 0x320;
    static constexpr u64 the_end = 0x330;
    static constexpr u64 control_register_0 = 0x340;

    void set(u64 at, u64 value) { store_be<u64>(&m_bytes[at], value); }
    void set_psw(u64 at, u64 mask, u64 address)
    {
        set(at, mask);
        set(at + 8, address);
    }
    void put(std::string_view line)
    {
        auto bits = isa::assemble(line, m_at);
        EXPECT_TRUE(bits) << line << ": " << (bits ? "" : bits.error().message);
        std::array<u8, 8> bytes {};
        store_be<u64>(bytes.data(), bits.value_or(0));
        auto length = isa::instruction_length(bytes[0]);
        m_bytes.resize(std::max(m_bytes.size(), m_at + length));
        std::copy_n(bytes.begin(), length, m_bytes.begin() + static_cast<std::ptrdiff_t>(m_at));
        m_at += length;
    }
    void load(int number, u64 value)
    {
        put(fmt::format("IIHF {},{}", number, value >> 32));
        put(fmt::format("IILF {},{}", number, value & 0xffffffff));
    }

    std::vector<u8> m_bytes;
    u64 m_at { code_at };
    std::vector<std::string> m_names;
};

// ---- The machine -----------------------------------------------------------------------------------------------------

class GuestMachine {
public:
    explicit GuestMachine(bool authority = false)
    {
        std::filesystem::create_directories(m_folder);
        auto text = fmt::format("[machine]\nname = \"CPC\"\nblock-size = \"1M\"\nphysical-cpus = 1\n[group.GUESTNBR]\ncap = 0.5\n");
        for (auto name : { watcher, neighbour })
            text += fmt::format(
                "[partition.{0}]\nmemory = \"4M\"\nmax-memory = \"8M\"\ncode-cache = \"2M\"\nrng = false\nkernel = \"{1}/{0}\"\n{2}\n",
                name, m_folder,
                name == neighbour ? "weight = 777\ngroup = \"GUESTNBR\""
                    : authority   ? "global-performance-data = true"
                                  : "");
        auto definition = parse_machine_definition(text, m_folder + "/m.toml");
        EXPECT_TRUE(definition) << definition.error().message;
        auto firmware = Firmware::create(
            std::move(*definition), { .folder = m_folder + "/run", .program = std::filesystem::read_symlink("/proc/self/exe") });
        EXPECT_TRUE(firmware) << firmware.error().message;
        m_firmware = std::move(*firmware);
    }
    ~GuestMachine()
    {
        m_firmware.reset();
        std::filesystem::remove_all(m_folder);
    }

    /// The program that is loaded next.
    void replace(std::string_view name, const std::vector<u8>& image) const
    {
        std::ofstream file(fmt::format("{}/{}", m_folder, name), std::ios::binary);
        file.write(reinterpret_cast<const char*>(image.data()), static_cast<std::streamsize>(image.size()));
    }
    /// Runs a program to its end in a newly activated partition; what its storage holds then.
    [[nodiscard]] std::vector<u8> run(std::string_view name, const std::vector<u8>& image)
    {
        replace(name, image);
        [[maybe_unused]] auto ended = m_firmware->deactivate(name);
        auto before = blocks();
        auto activated = m_firmware->activate(name);
        EXPECT_TRUE(activated) << activated.error().message;
        auto mine = blocks();
        std::erase_if(mine, [&](int fd) { return before.contains(fd); });
        return load(name, mine);
    }
    /// What is in its storage after a reset.
    [[nodiscard]] std::vector<u8> reset(std::string_view name)
    {
        u64 seen = m_firmware->events().after(0, 0ms).back().number;
        EXPECT_TRUE(m_firmware->reset(name));
        EXPECT_TRUE(happens(name, seen, "not-operating: it was reset"));
        return contents(name);
    }
    [[nodiscard]] std::vector<u8> contents(std::string_view name) const
    {
        std::vector<u8> bytes;
        for (int fd : m_blocks.at(std::string(name))) {
            auto* memory = static_cast<u8*>(mmap(nullptr, mega, PROT_READ, MAP_SHARED, fd, 0));
            bytes.insert(bytes.end(), memory, memory + mega);
            munmap(memory, mega);
        }
        return bytes;
    }

private:
    /// Descriptors of this process that are blocks of storage; those of one activation rise with the addresses.
    [[nodiscard]] static std::set<int> blocks()
    {
        std::set<int> found;
        for (const auto& entry : std::filesystem::directory_iterator("/proc/self/fd")) {
            std::error_code gone;
            if (std::filesystem::read_symlink(entry, gone).string().starts_with("/memfd:zvisor-block"))
                found.insert(std::stoi(entry.path().filename()));
        }
        return found;
    }
    [[nodiscard]] bool happens(std::string_view name, u64 after, std::string_view text)
    {
        for (auto end = std::chrono::steady_clock::now() + 60s; std::chrono::steady_clock::now() < end;)
            for (const auto& event : m_firmware->events().after(after, 100ms))
                if (event.partition == name && event.text.starts_with(text))
                    return true;
        return false;
    }
    [[nodiscard]] std::vector<u8> load(std::string_view name, const std::set<int>& of)
    {
        m_blocks[std::string(name)] = of;
        u64 seen = m_firmware->events().after(0, 0ms).back().number;
        EXPECT_TRUE(m_firmware->load(name));
        EXPECT_TRUE(happens(name, seen, "disabled-wait"))
            << name << " is " << name_of(m_firmware->partition(name)->state) << ": " << m_firmware->partition(name)->why;
        return contents(name);
    }

    std::string m_folder { testing::TempDir() + "/zvisor-isolation-guest-" + std::to_string(getpid()) };
    std::unique_ptr<Firmware> m_firmware;
    std::map<std::string, std::set<int>> m_blocks;
};

/// Fills its storage with the secret.
[[nodiscard]] std::vector<u8> filling_program()
{
    Program program;
    for (u64 at = 2 * mega; at < storage; at += 64 * 1024)
        program.add({ "fill", { { 2, at }, { 3, secret } }, { "STG 3,0(2)", "MVC 8(248,2),0(2)" } });
    return program.finish();
}

[[nodiscard]] bool holds(std::span<const u8> bytes, std::span<const u8> wanted)
{
    return !std::ranges::search(bytes, wanted).empty();
}

[[nodiscard]] bool holds_secret(std::span<const u8> bytes)
{
    std::array<u8, 8> text {};
    store_be<u64>(text.data(), secret);
    return holds(bytes, text);
}

/// In the character sets programs use, or the weight or the group of the neighbour.
[[nodiscard]] bool names_the_neighbour(std::span<const u8> bytes)
{
    std::string text(neighbour);
    auto ebcdic = to_ebcdic(text);
    std::span<const u8> in_ebcdic(reinterpret_cast<const u8*>(ebcdic.data()), ebcdic.size());
    return holds(bytes, { reinterpret_cast<const u8*>(text.data()), text.size() }) || holds(bytes, in_ebcdic);
}

// ---- What programs try -----------------------------------------------------------------------------------------------

/// Addresses beyond the partition's storage: standby storage, what follows the maximum, the ends of the address space.
constexpr std::array<u64, 7> beyond { storage, storage + 5 * page, 8 * mega, 8 * mega + 8, u64 { 1 } << 32, u64 { 1 } << 62,
    ~u64 { 0 } - 15 };

[[nodiscard]] Program storage_program()
{
    Program program;
    for (u64 at : beyond)
        for (const char* line : { "LG 3,0(2)", "STG 3,0(2)", "MVC 0(16,4),0(2)", "MVC 0(16,2),0(4)", "XC 0(8,2),0(2)", "CSG 3,5,0(2)",
                 "LRAG 3,0(2)", "ISKE 3,2", "SSKE 3,2", "TPROT 0(2),0(0)", "STSI 0(2)", "STFLE 0(2)", "TB 0,2", "STURA 3,2", "LURA 3,2" })
            program.add({ fmt::format("{} at {:x}", line, at),
                { { 0, 0x10000001 }, { 1, 1 }, { 2, at }, { 3, 0 }, { 4, Program::own_page } }, { line } });
    return program;
}

[[nodiscard]] Program looking_program()
{
    Program program;
    auto page_at = [](int number) { return std::pair(number, Program::own_page); };
    for (u64 format : { 0x0u, 0x10000u, 0x20000u, 0x80000000u })
        for (u64 subcode = 0; subcode < 16; ++subcode)
            program.add({ fmt::format("DIAGNOSE 204 subcode {:x}", format | subcode), { page_at(2), { 4, format | subcode }, { 5, 1 } },
                { "DIAG 2,4,516(0)" } });
    program.add({ "DIAGNOSE 224", { page_at(4) }, { "DIAG 2,4,548(0)" } });
    program.add({ "DIAGNOSE 8", { page_at(2), { 4, 8 } }, { "DIAG 2,4,8(0)" } });
    for (u64 function = 1; function < 16; ++function)
        for (u64 selector_1 : { 0, 1, 2, 3, 4 })
            for (u64 selector_2 : { 1, 2, 3 })
                program.add({ fmt::format("STSI {}.{}.{}", function, selector_1, selector_2),
                    { { 0, function << 28 | selector_1 }, { 1, selector_2 }, page_at(2) }, { "STSI 0(2)" } });
    for (u64 function = 0; function < 4; ++function)
        program.add({ fmt::format("STHYI {}", function), { { 2, function }, page_at(4), { 5, 0 } }, { "STHYI 2,4" } });
    for (u32 command : { 0x00020001u, 0x00120001u, 0x00010001u, 0x00110001u, 0x00100001u, 0x00040001u, 0x00080001u, 0x00700005u,
             0x00770005u, 0x00780005u })
        program.add_service_call(command);
    program.add({ "STIDP", { page_at(2) }, { "STIDP 0(2)" } });
    return program;
}

} // namespace

void guest_reaches_storage(Checks& checks)
{
    GuestMachine machine;
    auto before = machine.run(neighbour, filling_program());
    checks.check(holds_secret(before), "the neighbour did not fill its storage");
    auto program = storage_program();
    auto found = machine.run(watcher, program.finish());
    for (std::size_t i = 0; i < program.names().size(); ++i) {
        const u8* record = &found[Program::records + i * Program::record_size];
        checks.check(record[8] == 1, program.names()[i] + " was not survived");
        checks.check(!holds_secret({ record, Program::record_size }), program.names()[i] + " reads another's storage");
    }
    checks.check(!holds_secret(found), "what the neighbour stored arrived here");
    checks.check(machine.contents(neighbour) == before, "the neighbour's storage changed");
}

void guest_finds_residue(Checks& checks)
{
    GuestMachine machine;
    checks.check(holds_secret(machine.run(watcher, filling_program())), "the program did not fill its storage");
    Program nothing;
    for (u64 at : { 2 * mega, 3 * mega, storage - page })
        nothing.add({ fmt::format("key at {:x}", at), { { 2, at }, { 3, 0 } }, { "ISKE 3,2", "LG 4,0(2)" } });
    auto image = nothing.finish();
    auto look = [&](const std::string& when, const std::vector<u8>& found) {
        for (std::size_t i = 0; i < nothing.names().size(); ++i) {
            const u8* record = &found[Program::records + i * Program::record_size];
            checks.check((load_be<u64>(record + 24) & 0xfe) == 0, fmt::format("{}: {} is not zero", when, nothing.names()[i]));
            checks.check(load_be<u64>(record + 32) == 0, fmt::format("{}: storage with {} is not zero", when, nothing.names()[i]));
        }
        checks.check(!holds_secret(found), when + ": the secret is still there");
    };
    look("in another activation", machine.run(watcher, image));
    look("in another partition", machine.run(neighbour, image));
    [[maybe_unused]] auto filled = machine.run(watcher, filling_program());
    checks.check(!holds_secret(machine.reset(watcher)), "the secret is still there after a reset");
}

void guest_looks_for_others(Checks& checks)
{
    auto program = looking_program();
    auto image = program.finish();
    for (bool authority : { false, true }) {
        GuestMachine machine(authority);
        [[maybe_unused]] auto filled = machine.run(neighbour, filling_program());
        auto found = machine.run(watcher, image);
        std::size_t told = 0;
        for (std::size_t i = 0; i < program.names().size(); ++i) {
            std::span<const u8> of(&found[Program::page_of(i)], page);
            std::span<const u8> record(&found[Program::records + i * Program::record_size], Program::record_size);
            told += names_the_neighbour(of) ? 1 : 0;
            if (!authority)
                checks.check(record[8] == 1 && !names_the_neighbour(of), program.names()[i] + " names another partition");
        }
        checks.check(holds(found, { reinterpret_cast<const u8*>(to_ebcdic(std::string(watcher)).data()), watcher.size() }),
            "nothing was found at all");
        if (authority)
            checks.check(told >= 3, "with the authority a program is told of others; else this clause shows nothing");
    }
}

} // namespace zvisor::isolation
