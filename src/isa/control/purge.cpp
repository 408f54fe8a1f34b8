// Changing DAT tables and purging what was cached of them (PoP ch. 10, INVALIDATE PAGE TABLE ENTRY and its kin).

#include "isa/control/control.h"
#include "isa/control/formats.h"

namespace zvisor::isa {

namespace {

constexpr u8 local_clearing = 1;

/// The doubleword of a DAT table at a real address, for interlocked update in guest byte order.
[[nodiscard]] std::atomic_ref<u64> table_entry(Cpu& c, u64 real)
{
    u64 absolute = available_real(c, real, 8);
    return std::atomic_ref<u64>(*reinterpret_cast<u64*>(c.storage().host() + absolute));
}

void set_in_entry(Cpu& c, u64 real, u64 bit)
{
    table_entry(c, real).fetch_or(swap_if_little(bit));
    c.storage().stored(c.real_to_absolute(real), 8);
}

[[nodiscard]] bool clears_locally(const Cpu& c, u8 m4)
{
    return (m4 & local_clearing) && c.has(Facility::local_tlb_clearing);
}

// ---- Page-table entries ------------------------------------------------------------------------------------

constexpr u64 page_invalid = bit_mask<53>;
constexpr u64 page_table_origin = bit_mask<0, 52>;
constexpr u64 most_in_page_table = 256;

void purge(Cpu& c, const Purge& what, bool local)
{
    c.purge(what);
    if (!local)
        c.group().purge_others(c, what);
}

void purge_pages(Cpu& c, u64 first_address, u64 first_entry, u64 count, bool local)
{
    purge(c, { Purge::Kind::pages, first_address, first_entry, count }, local);
}

/// With the IPTE-range facility and a nonzero R3 field, bits 56-63 of R3 count further entries; R2 and R3 advance.
constexpr auto ipte = [](Cpu& c, Gr r1, Gr r2, Gr r3, Mask m4) {
    u64 address = c.g(r2);
    u64 index = bits<44, 51>(address);
    bool range = r3 != 0 && c.has(Facility::ipte_range);
    u64 count = range ? bits<56, 63>(c.g(r3)) + 1 : 1;
    if (index + count > most_in_page_table)
        c.specification();
    serialize();
    u64 entry = (c.g(r1) & page_table_origin) + index * 8;
    (void)available_real(c, entry, 8);
    for (u64 i = 0; i < count; ++i)
        set_in_entry(c, entry + i * 8, page_invalid);
    purge_pages(c, address, entry, count, clears_locally(c, m4));
    if (range) {
        c.g(r2, with_bits<44, 51>(address, index + count));
        c.g(r3, with_bits<56, 63>(c.g(r3), 0xff));
    }
};

/// RESET DAT PROTECTION: R1 and R2 as for IPTE; R3 designates the ASCE whose translations are cleared.
constexpr auto rdp = [](Cpu& c, Gr r1, Gr, Gr r2, Mask m4) {
    constexpr u64 dat_protection = bit_mask<54>;
    u64 address = c.g(r2);
    u64 entry = (c.g(r1) & page_table_origin) + bits<44, 51>(address) * 8;
    serialize();
    table_entry(c, entry).fetch_and(swap_if_little(~dat_protection));
    c.storage().stored(c.real_to_absolute(entry), 8);
    purge_pages(c, address, entry, 1, clears_locally(c, m4));
};

// ---- Region- and segment-table entries ---------------------------------------------------------------------

constexpr u64 entry_invalid = bit_mask<58>;
constexpr u64 table_origin = bit_mask<0, 51>;
constexpr u64 most_in_table = 2048;

/// Index into a table of the type in bits 60-61 of `designation`.
[[nodiscard]] u64 table_index(u64 designation, u64 address)
{
    constexpr unsigned shifts[] = { 20, 31, 42, 53 };
    return address >> shifts[bits<60, 61>(designation)] & (most_in_table - 1);
}

void invalidate_entries(Cpu& c, u64 designation, u64 address, u64 count)
{
    u64 index = table_index(designation, address);
    for (u64 i = 0; i < count; ++i)
        set_in_entry(c, (designation & table_origin) + (index + i) % most_in_table * 8, entry_invalid);
}

/// R1 has the table and its type, R2 the address the first entry translates with the options, R3 the ASCE to clear.
constexpr auto idte = [](Cpu& c, Gr r1, Gr r3, Gr r2, Mask m4) {
    constexpr u64 clearing_by_asce = bit_mask<52>;
    u64 options = c.g(r2);
    if (bits<44, 51>(options))
        c.specification();
    serialize();
    Purge what { Purge::Kind::space, c.g(r3) };
    if (!(options & clearing_by_asce)) {
        invalidate_entries(c, c.g(r1), options, bits<53, 63>(options) + 1);
        // Several spaces may have been formed through the entries.
        what = {};
    }
    purge(c, what, clears_locally(c, m4));
};

/// COMPARE AND REPLACE DAT TABLE ENTRY: R3 has the table and its type, R3+1 the address it translates, R2 the ASCE.
constexpr auto crdte = [](Cpu& c, GrPair r1, Gr, GrPair r2, Mask m4) {
    constexpr u64 of_page_table = 0;
    u64 type = bits<59, 61>(c.g(r2));
    u64 address = c.g(r2 + 1);
    if (type != of_page_table && type < 4)
        c.specification();
    u64 entry = type == of_page_table ? (c.g(r2) & page_table_origin) + bits<44, 51>(address) * 8
                                      : (c.g(r2) & table_origin) + table_index(c.g(r2), address) * 8;
    serialize();
    u64 expected = swap_if_little(c.g(r1));
    if (!table_entry(c, entry).compare_exchange_strong(expected, swap_if_little(c.g(r1 + 1)))) {
        c.g(r1, swap_if_little(expected));
        c.cc(1);
        return;
    }
    c.storage().stored(c.real_to_absolute(entry), 8);
    purge(c, {}, clears_locally(c, m4));
    c.cc(0);
};

// ---- Purging alone, and with a compare and swap ------------------------------------------------------------

constexpr auto ptlb = [](Cpu& c) {
    serialize();
    c.purge_all();
};

/// Bits 62 and 63 of R2 ask for the purge of the ALB and the TLB when the swap was made; the ALB is never filled here.
template<class T>
[[nodiscard]] bool swap_and_purge(Cpu& c, u8 r2, T& compare, T replacement)
{
    constexpr u64 purge_tlb = 1;
    u64 control = c.g(r2);
    auto a = c.register_address(r2);
    a.at &= ~u64 { sizeof(T) - 1 };
    T expected = swap_if_little(compare);
    u8* host = c.host_view(a, sizeof(T), Access::store);
    bool swapped = std::atomic_ref<T>(*reinterpret_cast<T*>(host)).compare_exchange_strong(expected, swap_if_little(replacement));
    compare = swap_if_little(expected);
    if (!swapped)
        return false;
    c.stored(host, sizeof(T));
    if (control & purge_tlb)
        purge_everywhere(c);
    return true;
}

constexpr auto csp = [](Cpu& c, GrPair r1, Gr r2) {
    u32 compare = c.w(r1);
    bool swapped = swap_and_purge(c, r2, compare, c.w(r1 + 1));
    if (!swapped)
        c.w(r1, compare);
    c.cc(swapped ? 0 : 1);
};

constexpr auto cspg = [](Cpu& c, GrPair r1, Gr r2) {
    u64 compare = c.g(r1);
    bool swapped = swap_and_purge(c, r2, compare, c.g(r1 + 1));
    if (!swapped)
        c.g(r1, compare);
    c.cc(swapped ? 0 : 1);
};

constexpr Row rows[] = {
    insn("IPTE", 0xB221, RRF_ipte, base, privileged | context, ipte,
        "1,2 | r1=5000 r2=2000 m5010=0000000000007000 -> m5010=0000000000007400",
        "1,2,3 | r1=5000 r2=2000 r3=1 m5010=00000000000070000000000000008000 -> m5010=00000000000074000000000000008400 r2=4000 r3=ff",
        "1,2,3,1 | r1=5000 r2=ff000 r3=1 -> pgm=6", "1,2 | r1=100000 r2=0 -> pgm=5"),
    insn("RDP", 0xB98B, RRF_b, Facility::reset_dat_protection, privileged | context, rdp,
        "1,3,2 | r1=5000 r2=2000 r3=4000 m5010=0000000000007200 -> m5010=0000000000007000"),
    insn("IDTE", 0xB98E, RRF_b, Facility::dat_enhancement_1, privileged | context, idte,
        "1,3,2 | r1=4000 r2=100000 m4008=0000000000005000 -> m4008=0000000000005020", "1,3,2 | r1=4000 r2=100800 m4008=0000000000005000 ->",
        "1,3,2 | r2=1000 -> pgm=6",
        "1,3,2,1 | r1=4004 r2=80000001 m4008=00000000000050040000000000006004 -> m4008=00000000000050240000000000006024"),
    insn("CRDTE", 0xB98F, RRF_b_PRP, Facility::edat_2, privileged | context, crdte,
        "2,4,6 | r2=7000 r3=7400 r6=5000 r7=2000 m5010=0000000000007000 cc=3 -> m5010=0000000000007400 cc=0",
        "2,4,6 | r2=7000 r6=4010 r7=100000 m4008=0000000000005000 -> r2=5000 cc=1"),
    insn("PTLB", 0xB20D, S_0, base, privileged | context, ptlb, "| ->"),
    insn("CSP", 0xB250, RRE_PR, base, privileged | context, csp,
        "2,4 | r2=11223344 r3=55667788 r4=101 m100=11223344 cc=1 -> m100=55667788 cc=0",
        "2,4 | r2=0 r4=103 m100=11223344 -> r2=11223344 cc=1"),
    insn("CSPG", 0xB98A, RRE_PR, Facility::dat_enhancement_1, privileged | context, cspg,
        "2,4 | r2=1122334455667788 r3=99 r4=101 m100=1122334455667788 cc=1 -> m100=0000000000000099 cc=0",
        "2,4 | r2=0 r4=107 m100=1122334455667788 -> r2=1122334455667788 cc=1"),
};

} // namespace

extern constexpr Group control_purge { rows };

} // namespace zvisor::isa
