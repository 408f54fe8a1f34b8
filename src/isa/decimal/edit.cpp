// Decimal instructions (PoP ch. 8): EDIT and EDIT AND MARK.

#include "isa/decimal/packed.h"
#include "isa/insn.h"

#include <optional>
#include <utility>

namespace zvisor::isa {

namespace {

/// Pattern bytes with a meaning.
enum class PatternByte : u8 { digit_selector = 0x20, significance_starter = 0x21, field_separator = 0x22 };

/// Gives the source's digits one at a time; a byte is fetched when its left digit is wanted.
class SourceDigits {
public:
    SourceDigits(Cpu& c, Address a)
        : m_cpu(c)
        , m_at(a)
    {
    }
    [[nodiscard]] unsigned next()
    {
        if (std::exchange(m_right_left, false))
            return m_right;
        unsigned byte = m_cpu.load8(m_at);
        if (byte >> 4 > 9)
            m_cpu.data_exception(DataCode::decimal_operand);
        m_at = m_cpu.offset(m_at, 1);
        m_right = byte & 0xf;
        m_right_left = !decimal::is_sign(m_right);
        return byte >> 4;
    }
    /// True when the digit just taken was followed by a plus sign.
    [[nodiscard]] bool at_plus() const { return decimal::is_sign(m_right) && !decimal::is_minus(m_right); }

private:
    Cpu& m_cpu;
    Address m_at;
    /// The right digit, or sign, of the byte fetched last.
    unsigned m_right { 0 };
    bool m_right_left { false };
};

/// The editing of one pattern, byte by byte.
struct Editor {
    SourceDigits source;
    u8 fill;
    bool significant { false };
    bool field_is_zero { true };
    /// Index of the last result digit before which there was no significance.
    std::optional<unsigned> mark {};

    [[nodiscard]] u8 edit(u8 pattern, unsigned index)
    {
        switch (static_cast<PatternByte>(pattern)) {
        case PatternByte::digit_selector:
        case PatternByte::significance_starter:
            return edit_digit(pattern, index);
        case PatternByte::field_separator:
            significant = false;
            field_is_zero = true;
            return fill;
        default:
            return significant || index == 0 ? pattern : fill;
        }
    }

private:
    [[nodiscard]] u8 edit_digit(u8 pattern, unsigned index)
    {
        unsigned digit = source.next();
        bool shown = significant || digit != 0;
        if (digit != 0 && !significant)
            mark = index;
        field_is_zero &= digit == 0;
        significant = shown || pattern == std::to_underlying(PatternByte::significance_starter);
        if (source.at_plus())
            significant = false;
        return shown ? static_cast<u8>(0xf0 | digit) : fill;
    }
};

/// The mark: where EDIT AND MARK says the first significant digit is.
std::optional<unsigned> edit_pattern(Cpu& c, const StorageLength& op1, const Storage& op2)
{
    u64 length = op1.length + u64 { 1 };
    Address first = c.ea(op1);
    std::array<u8, 256> pattern;
    c.probe(first, length, Access::store);
    c.load_bytes(first, pattern.data(), length);
    Editor editor { SourceDigits(c, c.ea(op2)), pattern[0] };
    for (unsigned i = 0; i < length; ++i)
        pattern[i] = editor.edit(pattern[i], i);
    c.store_bytes(first, pattern.data(), length);
    c.cc(editor.field_is_zero ? 0 : editor.significant ? 1 : 2);
    return editor.mark;
}

constexpr auto edit = [](Cpu& c, StorageLength op1, Storage op2) { edit_pattern(c, op1, op2); };

constexpr auto edit_and_mark = [](Cpu& c, StorageLength op1, Storage op2) {
    Address first = c.ea(op1);
    if (auto mark = edit_pattern(c, op1, op2))
        put_result_address(c, 1, c.offset(first, *mark).at);
};

constexpr Row rows[] = {
    insn("ED", 0xDE, SS_a, base, problem, edit,
        "0(9,1),0(2) | r1=2000 r2=3000 m2000=402020206b20204bc1 m3000=01234c -> m2000=4040f1f26bf3f44040 cc=2",
        "0(4,1),0(2) | r1=2000 r2=3000 m2000=40202120 m3000=000c cc=3 -> m2000=404040f0 cc=0",
        "0(5,1),0(2) | r1=2000 r2=3000 m2000=4020202060 m3000=123d -> m2000=40f1f2f360 cc=1",
        "0(2,1),0(2) | r1=2000 r2=3000 m2000=4020 m3000=c2 -> pgm=7"),
    insn("EDMK", 0xDF, SS_a, base, problem, edit_and_mark,
        "0(4,3),0(2) | r2=3000 r3=2000 m2000=40202120 m3000=012c -> r1=2002 m2000=4040f1f2 cc=2",
        "0(4,3),0(2) | r1=7 r2=3000 r3=2000 m2000=40202120 m3000=000c -> r1=7 m2000=404040f0 cc=0"),
};

} // namespace

extern constexpr Group decimal_edit { rows };

} // namespace zvisor::isa
