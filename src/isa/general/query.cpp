// General instructions (PoP ch. 7): what the CPU offers.

#include "cpu/cpu_group.h"
#include "isa/general/storage_operand.h"
#include "isa/insn.h"

namespace zvisor::isa {

namespace {

/// Doublewords of the facility list up to the last one with a facility.
[[nodiscard]] unsigned facility_list_length(const FacilitySet& facilities)
{
    unsigned length = FacilitySet::size / 64;
    while (length > 1 && facilities.doubleword(length - 1) == 0)
        --length;
    return length;
}

/// Bits 56-63 of GR0: doublewords wanted less one, replaced by those there are less one; condition code 3 when fewer were wanted.
constexpr auto store_facility_list_extended = [](Cpu& c, Storage op2) {
    Address a = c.ea(op2);
    c.require_aligned(a.at, 8);
    unsigned length = facility_list_length(c.facilities());
    unsigned wanted = static_cast<unsigned>(c.g(0) & 0xff) + 1;
    std::array<u8, FacilitySet::size / 8> list {};
    for (unsigned i = 0; i < length; ++i)
        store_be<u64>(&list[i * 8], c.facilities().doubleword(i));
    c.store_bytes(a, list.data(), u64 { 8 } * std::min(length, wanted));
    c.g(0, (c.g(0) & ~u64 { 0xff }) | (length - 1));
    c.cc(wanted >= length ? 0 : 3);
};

/// The second-operand address is the request: attribute (bits 56-59), cache level (60-62), type (63); all ones for one not offered.
constexpr auto extract_cpu_attribute = [](Cpu& c, Gr r1, Gr, Storage op2) {
    u64 request = c.ea(op2).at;
    bool reserved = bits<40, 55>(request) != 0;
    auto attribute = static_cast<u8>(bits<56, 59>(request));
    auto level = static_cast<u8>(bits<60, 62>(request));
    auto type = static_cast<u8>(bits<63>(request));
    c.g(r1, reserved ? ~u64 { 0 } : c.group().machine().extract_cpu_attribute(attribute, level, type));
};

constexpr Row rows[] = {
    insn("STFLE", 0xB2B0, S, Facility::store_facility_list_extended, problem, store_facility_list_extended,
        "0(2) | r0=100 r2=2000 m2000=00 -> r0=103 m2000=ff cc=3", "0(2) | r2=2004 -> pgm=6"),
    insn("ECAG", 0xEB4C, RSY, Facility::general_instructions_extension, volatile_result, extract_cpu_attribute,
        "1,3,256(0) | r1=5 -> r1=ffffffffffffffff"),
};

} // namespace

extern constexpr Group general_query { rows };

} // namespace zvisor::isa
