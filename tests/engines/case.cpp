#include "case.h"

#include "arch/control.h"
#include "arch/lowcore.h"
#include "arch/psw.h"
#include "base/big_endian.h"
#include "differential/values.h"
#include "isa/text.h"

#include <algorithm>
#include <fmt/format.h>

namespace zvisor::engines {

namespace {

constexpr u64 page_bytes = 0x1000;
constexpr u64 invalid_segment = 0x20;
constexpr u64 invalid_page = 0x400;
constexpr u64 protected_page = 0x200;
constexpr u64 long_mode = Psw::extended_addressing_bit | Psw::basic_addressing_bit;

/// A patch that is filled doubleword by doubleword.
class Writer {
public:
    Writer(u64 address, u64 length)
        : m_patch { address, std::vector<u8>(length) }
    {
    }
    void put(u64 address, u64 value) { store_be<u64>(m_patch.bytes.data() + (address - m_patch.address), value); }
    void put_byte(u64 address, u8 value) { m_patch.bytes[address - m_patch.address] = value; }
    void put_word(u64 address, u32 value) { store_be<u32>(m_patch.bytes.data() + (address - m_patch.address), value); }
    [[nodiscard]] Patch take() { return std::move(m_patch); }

private:
    Patch m_patch;
};

/// How many program interruptions a program may have: mostly few, since each takes as long as hundreds of instructions.
[[nodiscard]] u32 some_patience(Random& random)
{
    return random.below(1 + random.below(40));
}

[[nodiscard]] Patch patience(Random& random)
{
    Writer out(Layout::patience, 8);
    out.put_word(Layout::patience, some_patience(random));
    return out.take();
}

/// New PSWs: disabled waits, or handlers that go on behind the instruction a number of times.
[[nodiscard]] Patch prefix_area(Random& random, bool handled)
{
    Writer out(0, 2 * page_bytes);
    constexpr u64 waiting = Psw::wait_bit | long_mode;
    for (u64 at : { lowcore::restart_new_psw, lowcore::external_new_psw, lowcore::svc_new_psw, lowcore::program_new_psw,
             lowcore::machine_check_new_psw, lowcore::io_new_psw, Layout::waiting_psw }) {
        out.put(at, waiting);
        out.put(at + 8, 0xdead0000 | at);
    }
    if (handled) {
        out.put(lowcore::program_new_psw, long_mode);
        out.put(lowcore::program_new_psw + 8, Layout::program_handler);
        out.put(lowcore::svc_new_psw, long_mode);
        out.put(lowcore::svc_new_psw + 8, Layout::svc_handler);
    }
    out.put_word(Layout::patience, some_patience(random));
    return out.take();
}

/// Goes on behind the instruction unless the patience turned negative; where the instruction was nullified its length is added.
constexpr std::string_view program_handler[] = { "ASI 0xf10,-1", "BRC 4,0x204c",                       //
    "CLI 0x8f,0x10", "BRC 8,0x2022", "CLI 0x8f,0x11", "BRC 8,0x2022", "CLI 0x8f,0x28", "BRC 4,0x2048", //
    "CLI 0x8d,4", "BRC 8,0x2038", "BRC 2,0x2042",                                                      // at 0x2022
    "AGSI 0x158,2", "BRC 15,0x2048",                                                                   //
    "AGSI 0x158,4", "BRC 15,0x2048",                                                                   // at 0x2038
    "AGSI 0x158,6",                                                                                    // at 0x2042
    "LPSWE 0x150", "LPSWE 0xf00" };
/// The end of the program, or any other number: goes on.
constexpr std::string_view svc_handler[] = { "CLI 0x8b,255", "BRC 8,0x208c", "LPSWE 0x140", "LPSWE 0xf00" };

void assemble(std::span<const std::string_view> lines, u64 at, Writer& out)
{
    for (std::string_view line : lines) {
        u64 bits = isa::assemble(line, at).value();
        u8 length = isa::instruction_length(static_cast<u8>(bits >> 56));
        for (unsigned i = 0; i < length; ++i)
            out.put_byte(at++, static_cast<u8>(bits >> (56 - 8 * i)));
    }
}

[[nodiscard]] Patch handlers()
{
    Writer out(Layout::program_handler, 0x100);
    assemble(program_handler, Layout::program_handler, out);
    assemble(svc_handler, Layout::svc_handler, out);
    return out.take();
}

/// Mostly the identity; data pages are anywhere among the data pages, now and then invalid or protected.
[[nodiscard]] u64 page_table_entry(Random& random, u64 page)
{
    u64 entry = page * page_bytes;
    u64 first_data = Layout::data / page_bytes;
    if (page >= first_data && page < first_data + Layout::data_pages) {
        entry = (first_data + random.below(Layout::data_pages)) * page_bytes;
        return entry | (random.below(10) == 0 ? invalid_page : 0) | (random.below(10) == 0 ? protected_page : 0);
    }
    if (entry >= Layout::segment_tables && entry < Layout::data)
        return entry | protected_page;
    if (page == Layout::code / page_bytes + 1)
        return entry | (random.below(6) == 0 ? invalid_page : 0) | (random.below(6) == 0 ? protected_page : 0);
    return entry | (random.below(32) == 0 ? protected_page : 0);
}

[[nodiscard]] Patch translation_tables(Random& random)
{
    Writer out(Layout::segment_tables, Layout::tables_bytes);
    for (unsigned space = 0; space < Layout::spaces; ++space) {
        u64 segments = Layout::segment_tables + space * page_bytes;
        u64 pages = Layout::page_tables + space * Layout::page_table_bytes;
        for (u64 entry = 0; entry < 512; ++entry)
            out.put(segments + entry * 8, entry == 0 ? pages : invalid_segment);
        for (u64 page = 0; page < 256; ++page)
            out.put(pages + page * 8, page_table_entry(random, page));
    }
    return out.take();
}

[[nodiscard]] Patch data(Random& random)
{
    Patch out { Layout::data, std::vector<u8>(Layout::data_pages * page_bytes) };
    std::span<u8> bytes = out.bytes;
    constexpr u64 block = 512;
    differential::storage(random, bytes.first(block));
    differential::storage(random, bytes.subspan(block, block));
    for (u64 at = 2 * block; at < bytes.size(); at += block)
        std::ranges::copy(bytes.subspan(random.below(2) * block, block), bytes.begin() + static_cast<std::ptrdiff_t>(at));
    return out;
}

/// One block of one page.
[[nodiscard]] Patch some_data(Random& random)
{
    Patch out { Layout::data + random.below(Layout::data_pages * 8) * 512, std::vector<u8>(512) };
    differential::storage(random, out.bytes);
    return out;
}

[[nodiscard]] u64 data_address(Random& random)
{
    u64 page = Layout::data + random.below(Layout::data_pages - 2) * page_bytes;
    switch (random.below(24)) {
    case 0:
        return Layout::storage_bytes - random.below(64); // the end of storage, and of what is mapped
    case 1:
        return random.pick<u64>({ 0x0, 0x1000, 0x7ffffff8, 0xfffff8, 0x80000000, 0x7fffffffff8, 0xfffffffffffffff0 }) + random.below(16);
    case 2:
    case 3:
    case 4:
    case 5:
        return page + page_bytes - random.below(48);
    default:
        return page + random.below(0x400) * (random.below(3) ? 8 : 1);
    }
}

[[nodiscard]] std::array<u64, 16> general_registers(Random& random, const Part& part)
{
    std::array<u64, 16> out {};
    for (u64& value : out)
        value = random.below(12) == 0 ? data_address(random) : differential::integer(random);
    out[Reserved::loop_counter] = 1 + random.below(30);
    for (unsigned r = Reserved::first_data; r <= Reserved::last_data; ++r)
        out[r] = data_address(random);
    out[Reserved::code] = part.program_at + random.below(64) * 2;
    return out;
}

[[nodiscard]] u64 psw_mask(Random& random, bool system)
{
    u64 mode = random.below(5);
    u64 mask = mode == 0 ? 0 : mode == 1 ? Psw::basic_addressing_bit : long_mode;
    if (random.below(2)) {
        mask |= Psw::dat_bit;
        mask |= (random.below(2) ? 0 : u64 { random.below(4) }) << 46;
    }
    if (random.below(system ? 4 : 2) == 0)
        mask |= Psw::problem_bit;
    if (random.below(5) == 0)
        mask |= u64 { random.below(16) } << 52;
    mask |= u64 { random.below(4) } << 44 | (random.below(4) ? 0 : u64 { random.below(16) } << 40);
    return mask;
}

void place_program(Random& random, Part& part, std::vector<u8> program)
{
    part.program_at = Layout::code + random.below(16) * 2;
    if (random.below(6) == 0)
        part.program_at = Layout::code + page_bytes - random.below(static_cast<u32>(program.size())) / 2 * 2;
    part.program = std::move(program);
}

[[nodiscard]] u64 control_register_0(Random& random, bool system)
{
    u64 value = 0xe0;
    if (random.below(10))
        value |= cr0::afp_register;
    if (random.below(10))
        value |= cr0::vector;
    if (random.below(2))
        value |= cr0::secondary_space | cr0::extraction_authority;
    for (u64 bit : { cr0::low_address_protection, cr0::fetch_protection_override, cr0::storage_protection_override, cr0::edat,
             cr0::instruction_execution_protection })
        if (random.below(system ? 6 : 12) == 0)
            value |= bit;
    return value;
}

void make_controls(Random& random, Case& made)
{
    made.control[0] = control_register_0(random, made.system);
    constexpr unsigned origins[] { 1, 7, 13 };
    for (unsigned space = 0; space < Layout::spaces; ++space)
        made.control[origins[space]] = Layout::segment_tables + (random.below(3) ? space : 0) * page_bytes;
    made.control[3] = u64 { random.below(0x10000) } << 16; // the PSW-key mask
    made.control[14] = 0xc2000000;
    for (u32& alet : made.access)
        alet = random.below(8) ? random.below(2) : static_cast<u32>(random.next());
}

void make_registers(Random& random, Case& made)
{
    std::array<u8, 16> bytes {};
    for (Vr& vr : made.vector) {
        differential::vector_register(random, random.below(2) ? differential::Content::floating_point : differential::Content::any, bytes);
        vr = { .lo = load_be<u64>(bytes.data() + 8), .hi = load_be<u64>(bytes.data()) };
    }
    static constexpr u32 controls[] { 0, 0, 0x80000, 0xf80000, 0x8080000, 0x80002, 0xf8000000, 0x10080070 };
    made.fpc = controls[random.below(8)];
}

/// All there are, some switched off, or few.
[[nodiscard]] FacilitySet some_facilities(Random& random)
{
    FacilitySet set;
    u32 kind = random.below(4);
    for (unsigned bit = 0; bit < FacilitySet::size; ++bit)
        set.set(static_cast<Facility>(bit), kind < 2 || random.below(kind == 2 ? 16 : 3) != 0);
    set.set(Facility::zarch_installed);
    set.set(Facility::zarch_active);
    return set;
}

void make_keys(Random& random, Case& made)
{
    if (random.below(4) != 0)
        return;
    for (u8& key : made.keys)
        key = random.below(3) ? 0 : static_cast<u8>(random.next() & 0xf8);
}

} // namespace

CaseMaker::CaseMaker()
    : m_handlers(handlers())
{
}

Part CaseMaker::first_part(Random& random, const Case& made) const
{
    Part part;
    part.patches = { prefix_area(random, made.handled), m_handlers, data(random) };
    part.tables = translation_tables(random);
    place_program(random, part, m_programs.make(random, made.system));
    part.psw_mask = psw_mask(random, made.system);
    part.psw_address = part.program_at;
    part.general = general_registers(random, part);
    return part;
}

/// Mostly the same program.
Part CaseMaker::next_part(Random& random, const Case& made) const
{
    const Part& before = made.parts.back();
    Part part;
    part.patches.push_back(patience(random));
    if (random.below(4) == 0)
        part.patches.push_back(some_data(random));
    if (random.below(6) == 0)
        part.tables = translation_tables(random);
    part.program_at = before.program_at;
    if (random.below(5) == 0)
        place_program(random, part, m_programs.make(random, made.system));
    else
        part.mended = random.below(4) != 0;
    part.psw_mask = random.below(4) == 0 ? psw_mask(random, made.system) : before.psw_mask;
    part.psw_address = part.program_at;
    if (random.below(4))
        part.general = general_registers(random, part);
    return part;
}

Case CaseMaker::make(u64 seed) const
{
    Random random(seed);
    Case made;
    made.seed = seed;
    made.facilities = some_facilities(random);
    made.patience = static_cast<u8>(random.below(4));
    made.system = random.below(4) == 0;
    made.handled = random.below(4) && made.facilities.has(Facility::general_instructions_extension);
    make_controls(random, made);
    make_registers(random, made);
    make_keys(random, made);
    made.parts.push_back(first_part(random, made));
    for (unsigned more = random.below(4) ? 1 + random.below(6) : 0; more; --more)
        made.parts.push_back(next_part(random, made));
    return made;
}

std::string describe(const Case& made)
{
    unsigned facilities = 0;
    for (unsigned bit = 0; bit < FacilitySet::size; ++bit)
        facilities += made.facilities.has_bit(bit);
    std::string out = fmt::format("seed {}: {} facilities, patience {}, CR0 {:x}\n", made.seed, facilities, made.patience, made.control[0]);
    for (const Part& part : made.parts) {
        out += fmt::format(" PSW {:016x} {:x}{}{}\n", part.psw_mask, part.psw_address, part.general ? "" : ", registers as they are",
            part.tables ? ", other spaces" : "");
        out += part.program.empty() ? "  the same program\n" : listing(part.program, part.program_at);
    }
    return out;
}

} // namespace zvisor::engines
