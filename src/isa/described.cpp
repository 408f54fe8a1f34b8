#include "isa/described.h"

#include "isa/vector/formats.h"

#include <algorithm>

namespace zvisor::isa {

namespace {

template<class AnyFormat>
consteval Row described(const char* mnemonic, u32 opcode, AnyFormat)
{
    return {
        .mnemonic = mnemonic, .opcode = opcode, .facility = base, .flags = 0, .format = &AnyFormat::info, .decode = &AnyFormat::decode
    };
}

inline constexpr Format<last_byte, 6, Vf<8>, Vf<12>, Vf<16>, M<24>> VRR_j;
inline constexpr Format<second_byte, 4, R<24>, R<16>, R<28>, M<20>> RRF_bm;

constexpr Row rows[] = {
    // Interpretive execution, ESA subsystems, expanded storage.
    described("SIE", 0xB214, S),
    described("SIGA", 0xB274, S),
    described("ESEA", 0xB99D, RRE_1),
    described("PGIN", 0xB22E, RRE),
    described("PGOUT", 0xB22F, RRE),
    described("LPTEA", 0xB9AA, RRF_bm),
    described("TPEI", 0xB9A1, RRE),
    // CPU measurement.
    described("LCCTL", 0xB284, S),
    described("LPCTL", 0xB285, S),
    described("QSI", 0xB286, S),
    described("LSCTL", 0xB287, S),
    described("QCTRI", 0xB28E, S),
    described("QPACI", 0xB28F, S),
    described("SCCTR", 0xB2E0, RRE),
    described("SPCTR", 0xB2E1, RRE),
    described("ECCTR", 0xB2E4, RRE),
    described("EPCTR", 0xB2E5, RRE),
    described("ECPGA", 0xB2ED, RRE),
    // Transactional execution.
    described("ETND", 0xB2EC, RRE_1),
    described("TEND", 0xB2F8, S_0),
    described("TABORT", 0xB2FC, S),
    described("NTSTG", 0xE325, RXY),
    described("TBEGIN", 0xE560, SIL_u),
    described("TBEGINC", 0xE561, SIL_u),
    // Guarded storage.
    described("LLGFSG", 0xE348, RXY),
    described("STGSC", 0xE349, RXY),
    described("LGG", 0xE34C, RXY),
    described("LGSC", 0xE34D, RXY),
    // Assists: compression, sorting, keys, neural networks.
    described("CMPSC", 0xB263, RRE),
    described("PFPO", 0x010A, E),
    described("PCKMO", 0xB928, RRE_0),
    described("SORTL", 0xB938, RRE),
    described("DFLTCC", 0xB939, RRF_a),
    described("KDSA", 0xB93A, RRE),
    described("NNPA", 0xB93B, RRE_0),
    described("VCNF", 0xE655, VRR_a_m34),
    described("VCLFNH", 0xE656, VRR_a_m34),
    described("VCFN", 0xE65D, VRR_a_m34),
    described("VCLFNL", 0xE65E, VRR_a_m34),
    described("VCRNF", 0xE675, VRR_c_m45),
    // Vector packed decimal enhancement 2.
    described("VCLZDP", 0xE651, VRR_k),
    described("VUPKZH", 0xE654, VRR_k),
    described("VUPKZL", 0xE65C, VRR_k),
    described("VPKZR", 0xE670, VRI_f),
    described("VSRPR", 0xE672, VRI_f),
    described("VSCHP", 0xE674, VRR_b),
    described("VSCSHP", 0xE67C, VRR_c),
    described("VCSPH", 0xE67D, VRR_j),
};

[[nodiscard]] u64 opcode_mask(OpcodePlace place)
{
    constexpr u64 first = u64 { 0xff } << 56;
    switch (place) {
    case OpcodePlace::byte:
        return first;
    case OpcodePlace::nibble:
        return first | u64 { 0xf } << 48;
    case OpcodePlace::second_byte:
        return first | u64 { 0xff } << 48;
    case OpcodePlace::last_byte:
        return first | u64 { 0xff } << 16;
    }
    return 0;
}

} // namespace

std::span<const Row> described_rows()
{
    return rows;
}

const Row* find_described(u64 bits)
{
    auto found = std::ranges::find_if(rows, [bits](const Row& row) { return (bits & opcode_mask(row.format->place)) == opcode_bits(row); });
    return found == std::end(rows) ? nullptr : found;
}

const Row* find_described(std::string_view mnemonic)
{
    auto found = std::ranges::find_if(rows, [mnemonic](const Row& row) { return mnemonic == row.mnemonic; });
    return found == std::end(rows) ? nullptr : found;
}

} // namespace zvisor::isa
