// Storage keys and whole frames (PoP ch. 10, INSERT STORAGE KEY EXTENDED to TEST PROTECTION; ch. 3, "Storage Key").

#include "isa/control/translation.h"

#include <algorithm>
#include <array>
#include <cstring>

namespace zvisor::isa {

namespace {

constexpr u8 protection_bits = 0xf8;
constexpr u8 key_bits = 0xfe;
constexpr u8 reference_and_change = StorageKey::reference | StorageKey::change;

/// True when some CPU may hold a translation of the block; once asked, the caller purges.
[[nodiscard]] bool take_cached(Cpu& c, u64 absolute)
{
    constexpr u8 others = static_cast<u8>(~PageFlag::cached);
    return c.storage().page_flags(absolute).fetch_and(others) & PageFlag::cached;
}

/// Sets a key. True when cached translations may let through what the new key would notice.
[[nodiscard]] bool set_key(Cpu& c, u64 absolute, u8 key)
{
    u8 old = c.storage().key(absolute).value;
    c.storage().set_key(absolute, { key });
    bool matters = ((old ^ key) & protection_bits) || (key & reference_and_change) != reference_and_change;
    return matters && take_cached(c, absolute);
}

/// Resets the reference bit. True as for set_key; `old` receives the key before.
[[nodiscard]] bool reset_reference(Cpu& c, u64 absolute, StorageKey& old)
{
    old = c.storage().unmark(absolute, StorageKey::reference);
    return (old.value & StorageKey::reference) && take_cached(c, absolute);
}

// ---- One key -----------------------------------------------------------------------------------------------

constexpr auto iske = [](Cpu& c, Gr r1, Gr r2) {
    u64 absolute = available_real(c, c.register_address(r2).at);
    c.g(r1, with_bits<56, 63>(c.g(r1), c.storage().key(absolute).value & key_bits));
};

constexpr auto ivsk = [](Cpu& c, Gr r1, Gr r2) {
    require_dat(c);
    require_extraction_authority(c);
    auto a = c.register_address(r2);
    Translated found = translate_operand(c, a);
    if (!found)
        raise_fault(c, found.error(), a);
    u64 absolute = absolute_of(c, *found);
    c.g(r1, with_bits<56, 63>(c.g(r1), c.storage().key(absolute).value & protection_bits));
};

constexpr auto rrbe = [](Cpu& c, Gr, Gr r2) {
    StorageKey old;
    if (reset_reference(c, available_real(c, c.register_address(r2).at), old))
        purge_everywhere(c);
    c.cc(old.value >> 1 & 3);
};

/// Bits of the third operand of SSKE, and at another place of the first operand of PFMF.
struct KeyOptions {
    static constexpr u8 reference_mask = 4;
    static constexpr u8 change_mask = 2;
    static constexpr u8 multiple_block = 1;

    u8 bits { 0 };

    [[nodiscard]] bool conditional() const { return bits & (reference_mask | change_mask); }
    /// Whether the options allow leaving `old` when `key` was asked for.
    [[nodiscard]] bool leave(u8 old, u8 key) const
    {
        u8 compared = protection_bits;
        if (!(bits & reference_mask))
            compared |= StorageKey::reference;
        if (!(bits & change_mask))
            compared |= StorageKey::change;
        return conditional() && !((old ^ key) & compared);
    }
};

[[nodiscard]] KeyOptions offered(const Cpu& c, u8 m3)
{
    u8 bits = 0;
    if (c.has(Facility::conditional_sske))
        bits |= KeyOptions::reference_mask | KeyOptions::change_mask;
    if (c.has(Facility::edat_1))
        bits |= KeyOptions::multiple_block;
    return { static_cast<u8>(m3 & bits) };
}

/// Sets the keys of the 4 KiB blocks from R2 to the end of its 1 MiB block, which are designated absolutely.
void set_keys_of_segment(Cpu& c, u8 r1, u8 r2, KeyOptions options)
{
    constexpr u64 megabyte = 1 << 20;
    auto key = static_cast<u8>(c.g(r1) & key_bits);
    u64 start = c.register_address(r2).at & page_mask;
    u64 end = (start + megabyte) & ~(megabyte - 1);
    if (!c.storage().contains(start, end - start))
        c.program(ProgramCode::addressing);
    bool stale = false;
    for (u64 block = start; block < end; block += page_size)
        if (!options.leave(c.storage().key(block).value, key))
            stale |= set_key(c, block, key);
    if (stale)
        purge_everywhere(c);
    c.put_address(r2, (end & c.address_mask()) | (c.g(r2) & ~page_mask));
    if (options.conditional())
        c.cc(3);
}

constexpr auto sske = [](Cpu& c, Gr r1, Gr r2, Mask m3) {
    KeyOptions options = offered(c, m3);
    serialize();
    if (options.bits & KeyOptions::multiple_block) {
        set_keys_of_segment(c, r1, r2, options);
        return;
    }
    u64 absolute = available_real(c, c.register_address(r2).at);
    u8 old = c.storage().key(absolute).value & key_bits;
    auto key = static_cast<u8>(c.g(r1) & key_bits);
    bool leave = options.leave(old, key);
    if (!leave && set_key(c, absolute, key))
        purge_everywhere(c);
    if (options.conditional()) {
        c.g(r1, with_bits<48, 55>(c.g(r1), old));
        c.cc(leave ? 0 : 1);
    }
};

// ---- Reference bits of 64 blocks ---------------------------------------------------------------------------

constexpr u64 blocks_of_mask = 64;

/// Real address of the first of the 64 blocks that R2 designates; raises addressing unless all are there.
[[nodiscard]] u64 first_block(Cpu& c, u8 r2)
{
    u64 first = c.register_address(r2).at & ~(blocks_of_mask * page_size - 1);
    for (u64 i = 0; i < blocks_of_mask; ++i)
        (void)available_real(c, first + i * page_size);
    return first;
}

constexpr auto irbm = [](Cpu& c, Gr r1, Gr r2) {
    u64 first = first_block(c, r2);
    u64 mask = 0;
    for (u64 i = 0; i < blocks_of_mask; ++i)
        mask = mask << 1 | ((c.storage().key(c.real_to_absolute(first + i * page_size)).value & StorageKey::reference) != 0);
    c.g(r1, mask);
};

constexpr auto rrbm = [](Cpu& c, Gr r1, Gr r2) {
    u64 first = first_block(c, r2);
    u64 mask = 0;
    bool stale = false;
    for (u64 i = 0; i < blocks_of_mask; ++i) {
        StorageKey old;
        stale |= reset_reference(c, c.real_to_absolute(first + i * page_size), old);
        mask = mask << 1 | ((old.value & StorageKey::reference) != 0);
    }
    if (stale)
        purge_everywhere(c);
    c.g(r1, mask);
};

// ---- Whole frames ------------------------------------------------------------------------------------------

void clear_block(Cpu& c, u64 absolute)
{
    std::memset(c.storage().host() + absolute, 0, page_size);
    c.storage().stored(absolute, page_size);
}

constexpr auto tb = [](Cpu& c, Gr, Gr r2) {
    u64 address = c.register_address(r2).at & page_mask;
    if (is_low_address_protected(c, address))
        throw ProgramInterruption { .code = ProgramCode::protection, .translation_exception = address };
    clear_block(c, available_real(c, address));
    c.g(0, 0);
    c.cc(0);
};

/// First operand of PERFORM FRAME MANAGEMENT FUNCTION.
struct FrameFunction {
    u64 value;

    static constexpr u64 reserved = bit_mask<32, 45> | bit_mask<55> | bit_mask<63>;

    [[nodiscard]] bool set_key() const { return bits<46>(value); }
    [[nodiscard]] bool clear() const { return bits<47>(value); }
    [[nodiscard]] unsigned frame_size() const { return static_cast<unsigned>(bits<49, 51>(value)); }
    [[nodiscard]] bool nonquiescing() const { return bits<52>(value); }
    [[nodiscard]] KeyOptions key_options() const { return { static_cast<u8>(bits<53, 54>(value) << 1) }; }
    [[nodiscard]] u8 key() const { return static_cast<u8>(value & key_bits); }
};

/// End of the frame that begins at or before `start`; 4 KiB, 1 MiB or 2 GiB frames.
[[nodiscard]] u64 frame_end(Cpu& c, FrameFunction function, u64 start)
{
    constexpr std::array<u64, 3> sizes { page_size, u64 { 1 } << 20, u64 { 1 } << 31 };
    unsigned code = function.frame_size();
    bool offered_size = code < 2 || (code == 2 && c.has(Facility::edat_2) && c.psw_fields().addressing_mode() != 24);
    if (!offered_size)
        c.specification();
    return (start + sizes[code]) & ~(sizes[code] - 1);
}

[[nodiscard]] bool manage_block(Cpu& c, FrameFunction function, u64 absolute)
{
    if (!c.storage().contains(absolute, page_size))
        c.program(ProgramCode::addressing);
    if (function.clear())
        clear_block(c, absolute);
    if (!function.set_key() || function.key_options().leave(c.storage().key(absolute).value, function.key()))
        return false;
    return set_key(c, absolute, function.key());
}

constexpr auto pfmf = [](Cpu& c, Gr r1, Gr r2) {
    constexpr u64 unit_of_operation = 1 << 20;
    FrameFunction function { c.g(r1) };
    bool bad_option = (function.key_options().bits && !c.has(Facility::conditional_sske))
        || (function.nonquiescing() && !c.has(Facility::nonquiescing_key_setting));
    if ((function.value & FrameFunction::reserved) || bad_option)
        c.specification();
    u64 start = c.register_address(r2).at & page_mask;
    u64 end = frame_end(c, function, start);
    bool one_block = function.frame_size() == 0;
    if (function.clear() && is_low_address_protected(c, start))
        throw ProgramInterruption { .code = ProgramCode::protection, .translation_exception = start };
    // An interruptible instruction: large frames are done a mebibyte at a time.
    u64 stop = std::min(end, start + unit_of_operation);
    bool stale = false;
    for (u64 block = start; block < stop; block += page_size)
        stale |= manage_block(c, function, one_block ? c.real_to_absolute(block) : block);
    if (stale)
        purge_everywhere(c);
    if (!one_block)
        c.put_address(r2, stop & c.address_mask());
    if (stop < end)
        c.repeat();
};

// ---- TEST PROTECTION ---------------------------------------------------------------------------------------

/// What a program under `key` may do with a translated location: 0 fetch and store, 1 fetch, 2 neither.
[[nodiscard]] u8 protection_of(Cpu& c, u64 address, bool private_space, const Translation& found, u8 key)
{
    StorageKey storage_key = c.storage().key(absolute_of(c, found));
    if (found.has_access_control)
        storage_key.value = static_cast<u8>(found.access_control << 4 | (found.fetch_protect ? StorageKey::fetch_protection : 0));
    bool override_all = (c.cr[0] & cr0::storage_protection_override) && storage_key.access_control() == 9;
    bool override_fetch = (c.cr[0] & cr0::fetch_protection_override) && !private_space && address < 2048;
    if (!override_all && !override_fetch && !storage_key.permits(key, false))
        return 2;
    bool low = !private_space && is_low_address_protected(c, address);
    bool store = !low && !found.protect && (override_all || storage_key.permits(key, true));
    return store ? 0 : 1;
}

constexpr auto tprot = [](Cpu& c, Storage first, Storage second) {
    auto a = c.ea(first);
    u8 key = key_field(c.ea(second).at);
    Translated found = Translation { .address = a.at };
    bool private_space = false;
    if (c.psw_fields().dat()) {
        found = translate_operand(c, a);
        if (!found && !is_translation_exception(found.error().code) && !is_access_register_exception(found.error().code))
            raise_fault(c, found.error(), a);
        if (found)
            private_space = c.operand_asce(c.psw_fields().space(), a.base).private_space();
    }
    c.cc(found ? protection_of(c, a.at, private_space, *found, key) : 3);
};

constexpr Row rows[] = {
    insn("ISKE", 0xB229, RRE, base, privileged, iske, "1,2 | r1=ffffffffffffffff r2=5000 -> r1=ffffffffffffff00",
        "1,2 | r2=100000 -> pgm=5"),
    insn("IVSK", 0xB223, RRE, base, problem, ivsk, "1,2 | -> pgm=13"),
    insn("RRBE", 0xB22A, RRE, base, privileged | context, rrbe, "1,2 | r2=5000 m5000=00 cc=0 -> cc=3", "1,2 | r2=100000 -> pgm=5"),
    insn("SSKE", 0xB22B, RRF_co, base, privileged | context, sske, "1,2 | r1=f0 r2=5000 ->", "1,2 | r2=100000 -> pgm=5",
        "1,2,6 | r1=30 r2=6000 m6000=00 cc=3 -> r1=630 cc=1", "1,2,1 | r1=40 r2=f0123 cc=2 -> r2=100123"),
    insn("IRBM", 0xB9AC, RRE, Facility::insert_reference_bits_multiple, privileged, irbm,
        "1,2 | r1=0 r2=41000 m40000=00 m7f000=00 -> r1=8000000000000001", "1,2 | r2=100000 -> pgm=5"),
    insn("RRBM", 0xB9AE, RRE, Facility::reset_reference_bits_multiple, privileged | context, rrbm,
        "1,2 | r2=41000 m40000=00 m7f000=00 -> r1=8000000000000001", "1,2 | r2=100000 -> pgm=5"),
    insn("TB", 0xB22C, RRE, base, privileged | context, tb, "1,2 | r0=0 r2=5008 m5000=11 cc=3 -> m5000=00 cc=0",
        "1,2 | r2=0 c0=10000000 -> pgm=4", "1,2 | r2=100000 -> pgm=5"),
    insn("PFMF", 0xB9AF, RRE, Facility::edat_1, privileged | context, pfmf, "1,2 | r1=10000 r2=5123 m5000=11 m6000=22 -> m5000=00",
        "1,2 | r1=11000 r2=fe000 mff000=22 -> mff000=00 r2=100000", "1,2 | r1=80000000 -> pgm=6", "1,2 | r1=22030 r2=80000000 -> pgm=5"),
    insn("TPROT", 0xE501, SSE, base, privileged, tprot, "0(1),64(0) | r1=5000 cc=3 -> cc=1", "0(1),0(0) | r1=5000 cc=3 -> cc=0",
        "0(1),0(0) | r1=100000 -> pgm=5", "0(1),0(0) | r1=100 c0=10000000 -> cc=1"),
};

} // namespace

extern constexpr Group control_storage_key { rows };

} // namespace zvisor::isa
