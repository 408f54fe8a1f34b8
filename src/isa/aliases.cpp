// Extended mnemonics as binutils spells them, by families: every base of a family has every variant.

#include "isa/aliases.h"

#include "isa/described.h"
#include "isa/text.h"

#include <bit>
#include <charconv>
#include <unordered_map>

namespace zvisor::isa {

namespace {

/// `spelling`: '*' is the stem. `fixed`: one word for each mask operand in order (each unsigned immediate where the format has
/// no mask): "." stays an operand, "N" is N and not written, "N/M" has the bits M equal to N and writes the rest; a final "?"
/// lets the last operand be left out when zero.
struct Variant {
    std::string_view spelling;
    std::string_view fixed;
};

/// `bases`: mnemonics of rows, "BASE" or "BASE=STEM".
struct Family {
    std::string_view bases;
    std::span<const Variant> variants;
};

// Where two variants say the same, the disassembler writes the first.
constexpr Variant conditions[] = { { "*O", "1" }, { "*H", "2" }, { "*P", "2" }, { "*NLE", "3" }, { "*L", "4" }, { "*M", "4" },
    { "*NHE", "5" }, { "*LH", "6" }, { "*NE", "7" }, { "*NZ", "7" }, { "*E", "8" }, { "*Z", "8" }, { "*NLH", "9" }, { "*HE", "10" },
    { "*NL", "11" }, { "*NM", "11" }, { "*LE", "12" }, { "*NH", "13" }, { "*NP", "13" }, { "*NO", "14" } };
constexpr Variant register_conditions[]
    = { { "*OR", "1" }, { "*HR", "2" }, { "*PR", "2" }, { "*NLER", "3" }, { "*LR", "4" }, { "*MR", "4" }, { "*NHER", "5" }, { "*LHR", "6" },
          { "*NER", "7" }, { "*NZR", "7" }, { "*ER", "8" }, { "*ZR", "8" }, { "*NLHR", "9" }, { "*HER", "10" }, { "*NLR", "11" },
          { "*NMR", "11" }, { "*LER", "12" }, { "*NHR", "13" }, { "*NPR", "13" }, { "*NOR", "14" }, { "*R", "15" }, { "NOPR", "0 ?" } };
constexpr Variant comparisons[] = { { "*H", "2" }, { "*NLE", "2" }, { "*L", "4" }, { "*NHE", "4" }, { "*NE", "6" }, { "*LH", "6" },
    { "*E", "8" }, { "*NLH", "8" }, { "*NL", "10" }, { "*HE", "10" }, { "*NH", "12" }, { "*LE", "12" } };
constexpr Variant always[] = { { "*", "15" } };
constexpr Variant no_operation[] = { { "*NOP", "0" } };
constexpr Variant plain_no_operation[] = { { "NOP", "0" } };
constexpr Variant zero_rest[] = { { "*Z", ". 128/192 ." } };

// Elements: b byte, h halfword, f word, g doubleword, q quadword.
constexpr Variant to_word[] = { { "*B", "0" }, { "*H", "1" }, { "*F", "2" } };
constexpr Variant byte_halfword[] = { { "*B", "0" }, { "*H", "1" } };
constexpr Variant to_word_hw[] = { { "*B", "0" }, { "*HW", "1" }, { "*F", "2" } };
constexpr Variant to_doubleword[] = { { "*B", "0" }, { "*H", "1" }, { "*F", "2" }, { "*G", "3" } };
constexpr Variant to_quadword[] = { { "*B", "0" }, { "*H", "1" }, { "*F", "2" }, { "*G", "3" }, { "*Q", "4" } };
constexpr Variant quadword[] = { { "*Q", "4" } };
constexpr Variant from_halfword[] = { { "*H", "1" }, { "*F", "2" }, { "*G", "3" } };
constexpr Variant from_halfword_to_quadword[] = { { "*H", "1" }, { "*F", "2" }, { "*G", "3" }, { "*Q", "4" } };
constexpr Variant halfword_word[] = { { "*H", "1" }, { "*F", "2" } };
constexpr Variant word_doubleword[] = { { "*F", "2" }, { "*G", "3" } };
constexpr Variant packs[] = { { "*H", "1 0" }, { "*F", "2 0" }, { "*G", "3 0" }, { "*HS", "1 1" }, { "*FS", "2 1" }, { "*GS", "3 1" } };
constexpr Variant compares[] = { { "*B", "0 0" }, { "*H", "1 0" }, { "*F", "2 0" }, { "*G", "3 0" }, { "*BS", "0 1" }, { "*HS", "1 1" },
    { "*FS", "2 1" }, { "*GS", "3 1" } };
constexpr Variant find_any[]
    = { { "*B", "0 ." }, { "*H", "1 ." }, { "*F", "2 ." }, { "*BS", "0 1/1" }, { "*HS", "1 1/1" }, { "*FS", "2 1/1" }, { "*ZB", "0 2/2" },
          { "*ZH", "1 2/2" }, { "*ZF", "2 2/2" }, { "*ZBS", "0 3/3" }, { "*ZHS", "1 3/3" }, { "*ZFS", "2 3/3" } };
constexpr Variant find_element[] = { { "*B", "0 ." }, { "*H", "1 ." }, { "*F", "2 ." }, { "*BS", "0 1" }, { "*HS", "1 1" },
    { "*FS", "2 1" }, { "*ZB", "0 2" }, { "*ZH", "1 2" }, { "*ZF", "2 2" }, { "*ZBS", "0 3" }, { "*ZHS", "1 3" }, { "*ZFS", "2 3" } };
constexpr Variant isolate[] = { { "*B", "0 ." }, { "*H", "1 ." }, { "*F", "2 ." }, { "*BS", "0 1" }, { "*HS", "1 1" }, { "*FS", "2 1" } };
constexpr Variant search[] = { { "*B", "0 ." }, { "*H", "1 ." }, { "*F", "2 ." }, { "*ZB", "0 2" }, { "*ZH", "1 2" }, { "*ZF", "2 2" } };
constexpr Variant multiply_sum[] = { { "*G", "3 ." } };
constexpr Variant byte_mask[] = { { "VZERO", "0" }, { "VONE", "65535" } };
constexpr Variant logical_zero[] = { { "*B", "0" }, { "*H", "1" }, { "*F", "2" }, { "*G", "3" }, { "*LF", "6" } };
constexpr Variant reversed_zero[] = { { "*H", "1" }, { "*F", "2" }, { "LDRV", "3" }, { "*G", "3" }, { "LERV", "6" }, { "*E", "6" } };
constexpr Variant store_short_reversed[] = { { "STERV", "0" } };
constexpr Variant store_long_reversed[] = { { "STDRV", "0" } };

// Floating point: v all elements, w one; s short, d long, x extended.
constexpr Variant floating[] = { { "V*SB", "2 0" }, { "V*DB", "3 0" }, { "W*SB", "2 8" }, { "W*DB", "3 8" }, { "W*XB", "4 8" } };
constexpr Variant floating_fused[] = { { "V*SB", "0 2" }, { "V*DB", "0 3" }, { "W*SB", "8 2" }, { "W*DB", "8 3" }, { "W*XB", "8 4" } };
constexpr Variant floating_scalar[] = { { "*SB", "2 0" }, { "*DB", "3 0" }, { "*XB", "4 0" } };
constexpr Variant floating_compares[]
    = { { "VFC*SB", "2 0 0" }, { "VFC*SBS", "2 0 1" }, { "VFC*DB", "3 0 0" }, { "VFC*DBS", "3 0 1" }, { "WFC*SB", "2 8 0" },
          { "WFC*SBS", "2 8 1" }, { "WFC*DB", "3 8 0" }, { "WFC*DBS", "3 8 1" }, { "WFC*XB", "4 8 0" }, { "WFC*XBS", "4 8 1" },
          { "VFK*SB", "2 4 0" }, { "VFK*SBS", "2 4 1" }, { "VFK*DB", "3 4 0" }, { "VFK*DBS", "3 4 1" }, { "WFK*SB", "2 12 0" },
          { "WFK*SBS", "2 12 1" }, { "WFK*DB", "3 12 0" }, { "WFK*DBS", "3 12 1" }, { "WFK*XB", "4 12 0" }, { "WFK*XBS", "4 12 1" } };
constexpr Variant floating_extremes[]
    = { { "V*SB", "2 0 ." }, { "V*DB", "3 0 ." }, { "W*SB", "2 8 ." }, { "W*DB", "3 8 ." }, { "W*XB", "4 8 ." } };
constexpr Variant from_signed[] = { { "VCDGB", "3 . ." }, { "WCDGB", "3 8/8 ." }, { "VCEFB", "2 . ." }, { "WCEFB", "2 8/8 ." } };
constexpr Variant from_logical[] = { { "VCDLGB", "3 . ." }, { "WCDLGB", "3 8/8 ." }, { "VCELFB", "2 . ." }, { "WCELFB", "2 8/8 ." } };
constexpr Variant to_signed[] = { { "VCGDB", "3 . ." }, { "WCGDB", "3 8/8 ." }, { "VCFEB", "2 . ." }, { "WCFEB", "2 8/8 ." } };
constexpr Variant to_logical[] = { { "VCLGDB", "3 . ." }, { "WCLGDB", "3 8/8 ." }, { "VCLFEB", "2 . ." }, { "WCLFEB", "2 8/8 ." } };
constexpr Variant load_integer[]
    = { { "VFISB", "2 . ." }, { "VFIDB", "3 . ." }, { "WFISB", "2 8/8 ." }, { "WFIDB", "3 8/8 ." }, { "WFIXB", "4 8/8 ." } };
constexpr Variant lengthened[] = { { "VFLLS", "2 0" }, { "VLDEB", "2 0" }, { "WFLLS", "2 8" }, { "WLDEB", "2 8" }, { "WFLLD", "3 8" } };
constexpr Variant rounded[]
    = { { "VFLRD", "3 . ." }, { "VLEDB", "3 . ." }, { "WFLRD", "3 8/8 ." }, { "WLEDB", "3 8/8 ." }, { "WFLRX", "4 8/8 ." } };
constexpr Variant sign_operations[]
    = { { "VFPSOSB", "2 0 ." }, { "VFPSODB", "3 0 ." }, { "WFPSOSB", "2 8 ." }, { "WFPSODB", "3 8 ." }, { "WFPSOXB", "4 8 ." },
          { "VFLCSB", "2 0 0" }, { "VFLCDB", "3 0 0" }, { "WFLCSB", "2 8 0" }, { "WFLCDB", "3 8 0" }, { "WFLCXB", "4 8 0" },
          { "VFLNSB", "2 0 1" }, { "VFLNDB", "3 0 1" }, { "WFLNSB", "2 8 1" }, { "WFLNDB", "3 8 1" }, { "WFLNXB", "4 8 1" },
          { "VFLPSB", "2 0 2" }, { "VFLPDB", "3 0 2" }, { "WFLPSB", "2 8 2" }, { "WFLPDB", "3 8 2" }, { "WFLPXB", "4 8 2" } };
constexpr Variant decimal_scales[] = { { "VSCHSP", "2 ." }, { "VSCHDP", "3 ." }, { "VSCHXP", "4 ." } };
// Instructions the floating-point extension facility gave masks; the old mnemonic is the one without.
constexpr Variant without_masks[] = { { "*", "0 0" } };
constexpr Variant without_last_mask[] = { { "*", ". 0" } };
constexpr Variant without_mask[] = { { "*", "0" } };

constexpr Family families[] = {
    { "BRC=J BRCL=JG BC=B BIC=BI", conditions },
    { "BRC=J BRCL=JG BC=B BIC=BI", always },
    { "BRC=J BRCL=JG", no_operation },
    { "BC", plain_no_operation },
    { "BCR=B", register_conditions },
    { "LOCR LOCGR LOC LOCG STOC STOCG LOCFHR LOCFH STOCFH LOCHI LOCGHI LOCHHI SELR SELGR SELFHR", conditions },
    { "CRB CGRB CRJ CGRJ CIB CGIB CIJ CGIJ CLRB CLGRB CLRJ CLGRJ CLIB CLGIB CLIJ CLGIJ", comparisons },
    { "CRT CGRT CIT CGIT CLRT CLGRT CLFIT CLGIT CLT CLGT", comparisons },
    { "RISBG RISBGN", zero_rest },
    { "VGBM", byte_mask },
    { "VA VACC VS VSCBI", to_quadword },
    { "VAC VACCC VSBI VSBCBI", quadword },
    { "VGM VLREP VLGV VLVG VMRH VMRL VREP VREPI VAVG VAVGL VEC VECL VCLZ VCTZ VGFM VGFMA VLC VLP VMX VMXL VMN VMNL VPOPCT", to_doubleword },
    { "VERLLV VERLL VERIM VESLV VESL VESRAV VESRA VESRLV VESRL", to_doubleword },
    { "VSEG VUPH VUPLH VUPLL VMAH VMALH VMAE VMALE VMAO VMALO VMH VMLH VME VMLE VMO VMLO", to_word },
    { "VSUM", byte_halfword },
    { "VUPL VMAL VML", to_word_hw },
    { "VPK VLER VSTER VLBRREP", from_halfword },
    { "VLBR VSTBR", from_halfword_to_quadword },
    { "VSUMG", halfword_word },
    { "VSUMQ", word_doubleword },
    { "VPKS VPKLS", packs },
    { "VCEQ VCH VCHL", compares },
    { "VFAE VSTRC", find_any },
    { "VFEE VFENE", find_element },
    { "VISTR", isolate },
    { "VSTRS", search },
    { "VMSL", multiply_sum },
    { "VLLEZ", logical_zero },
    { "VLLEBRZ", reversed_zero },
    { "VSTEBRF", store_short_reversed },
    { "VSTEBRG", store_long_reversed },
    { "VFA=FA VFS=FS VFM=FM VFD=FD VFSQ=FSQ VFTCI=FTCI", floating },
    { "VFMA=FMA VFMS=FMS VFNMA=FNMA VFNMS=FNMS", floating_fused },
    { "WFC WFK", floating_scalar },
    { "VFCE=E VFCH=H VFCHE=HE", floating_compares },
    { "VFMAX=FMAX VFMIN=FMIN", floating_extremes },
    { "VCFPS", from_signed },
    { "VCFPL", from_logical },
    { "VCSFP", to_signed },
    { "VCLFP", to_logical },
    { "VFI", load_integer },
    { "VFLL", lengthened },
    { "VFLR", rounded },
    { "VFPSO", sign_operations },
    { "VSCHP", decimal_scales },
    { "CEFBRA=CEFBR CDFBRA=CDFBR CXFBRA=CXFBR CEGBRA=CEGBR CDGBRA=CDGBR CXGBRA=CXGBR LEDBRA=LEDBR LEXBRA=LEXBR LDXBRA=LDXBR",
        without_masks },
    { "CDGTRA=CDGTR CXGTRA=CXGTR", without_masks },
    { "CFEBRA=CFEBR CFDBRA=CFDBR CFXBRA=CFXBR CGEBRA=CGEBR CGDBRA=CGDBR CGXBRA=CGXBR FIEBRA=FIEBR FIDBRA=FIDBR FIXBRA=FIXBR",
        without_last_mask },
    { "CGDTRA=CGDTR CGXTRA=CGXTR", without_last_mask },
    { "ADTRA=ADTR AXTRA=AXTR SDTRA=SDTR SXTRA=SXTR MDTRA=MDTR MXTRA=MXTR DDTRA=DDTR DXTRA=DXTR", without_mask },
    { "CU12=CUTFU CU21=CUUTF", without_mask },
};

[[nodiscard]] std::vector<std::string_view> words(std::string_view text)
{
    std::vector<std::string_view> found;
    while (!text.empty()) {
        auto space = std::min(text.find(' '), text.size());
        if (space > 0)
            found.push_back(text.substr(0, space));
        text.remove_prefix(std::min(space + 1, text.size()));
    }
    return found;
}

[[nodiscard]] u64 number(std::string_view text)
{
    u64 value = 0;
    std::from_chars(text.data(), text.data() + text.size(), value);
    return value;
}

/// The operands that the words of Variant::fixed are about.
[[nodiscard]] std::vector<std::size_t> fixable_operands(const FormatInfo& format)
{
    for (auto kind : { OperandKind::mask, OperandKind::unsigned_immediate }) {
        std::vector<std::size_t> found;
        for (std::size_t i = 0; i < format.operands.size(); ++i)
            if (format.operands[i].kind == kind)
                found.push_back(i);
        if (!found.empty())
            return found;
    }
    return {};
}

void fix(Alias& alias, std::size_t operand, std::string_view word)
{
    if (word == ".")
        return;
    const auto& info = alias.row->format->operands[operand];
    auto place = [&](u64 value) { return value << (64 - info.at - info.width); };
    auto slash = word.find('/');
    if (slash == std::string_view::npos)
        alias.hidden |= 1u << operand;
    u64 bits = slash == std::string_view::npos ? (u64 { 1 } << info.width) - 1 : number(word.substr(slash + 1));
    alias.mask |= place(bits);
    alias.value |= place(number(word.substr(0, slash)));
}

[[nodiscard]] std::string spell(std::string_view spelling, std::string_view stem)
{
    std::string text(spelling);
    if (auto star = text.find('*'); star != std::string::npos)
        text.replace(star, 1, stem);
    return text;
}

[[nodiscard]] Alias make_alias(const Row& row, std::string_view stem, const Variant& variant)
{
    Alias alias { .mnemonic = spell(variant.spelling, stem), .row = &row };
    auto operands = fixable_operands(*row.format);
    std::size_t next = 0;
    for (auto word : words(variant.fixed)) {
        if (word == "?")
            alias.optional_last = true;
        else if (next < operands.size())
            fix(alias, operands[next++], word);
    }
    return alias;
}

struct Aliases {
    std::vector<Alias> all;
    std::unordered_map<const Row*, std::vector<std::size_t>> by_row;
    std::unordered_map<std::string_view, std::size_t> by_mnemonic;

    Aliases()
    {
        for (const auto& family : families)
            for (auto base : words(family.bases))
                add(family, base);
        for (std::size_t i = 0; i < all.size(); ++i) {
            by_row[all[i].row].push_back(i);
            by_mnemonic.emplace(all[i].mnemonic, i);
        }
    }

    void add(const Family& family, std::string_view base)
    {
        auto equals = base.find('=');
        const Row* row = find_row(base.substr(0, equals));
        if (!row)
            row = find_described(base.substr(0, equals));
        if (!row)
            return;
        for (const auto& variant : family.variants)
            all.push_back(make_alias(*row, equals == std::string_view::npos ? base : base.substr(equals + 1), variant));
    }
};

[[nodiscard]] const Aliases& aliases()
{
    static const Aliases instance;
    return instance;
}

} // namespace

const Alias* find_alias(const Row& row, u64 bits)
{
    auto found = aliases().by_row.find(&row);
    if (found == aliases().by_row.end())
        return nullptr;
    const Alias* best = nullptr;
    for (auto index : found->second) {
        const Alias& alias = aliases().all[index];
        if ((bits & alias.mask) == alias.value && (!best || std::popcount(alias.mask) > std::popcount(best->mask)))
            best = &alias;
    }
    return best;
}

const Alias* find_alias(std::string_view mnemonic)
{
    auto found = aliases().by_mnemonic.find(mnemonic);
    return found == aliases().by_mnemonic.end() ? nullptr : &aliases().all[found->second];
}

const std::vector<Alias>& all_aliases()
{
    return aliases().all;
}

Result<u64> assemble(const Alias& alias, std::string_view operands, u64 address)
{
    std::vector<std::string_view> written = split_operands(operands);
    const auto& infos = alias.row->format->operands;
    std::string full;
    std::size_t next = 0;
    for (std::size_t i = 0; i < infos.size(); ++i) {
        bool hidden = alias.hidden >> i & 1;
        bool left_out = !hidden && next == written.size() && (infos[i].optional || (alias.optional_last && i + 1 == infos.size()));
        if (!hidden && !left_out && next == written.size())
            break; // too few: the row's own message
        full += i == 0 ? "" : ",";
        full += hidden || left_out ? "0" : std::string(written[next++]);
    }
    for (; next < written.size(); ++next)
        full += "," + std::string(written[next]);
    u64 bits = TRY(assemble(*alias.row, full, address));
    return (bits & ~alias.mask) | alias.value;
}

} // namespace zvisor::isa
