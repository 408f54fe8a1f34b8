#include "debug/listing.h"

#include "isa/disassembler.h"

#include <algorithm>
#include <fmt/format.h>

namespace zvisor::debug {

namespace {

constexpr std::size_t bytes_a_line = 6;
/// Zero bytes in a row that are not listed, and how many at the end of a section are as good as none.
constexpr std::size_t long_run = 8;
constexpr std::size_t short_end = 3;

class Listing {
public:
    Listing(std::span<const u8> code, u64 address, const Symbols& symbols, const ListingRange& range, const LineWriter& write)
        : m_code(code)
        , m_address(address)
        , m_symbols(symbols)
        , m_range(range)
        , m_write(write)
    {
    }

    void list()
    {
        u64 end = m_address + m_code.size();
        u64 at = std::clamp(m_range.from, m_address, end);
        end = std::clamp(m_range.to, at, end);
        while (at < end) {
            u64 next = std::min(next_label(at), end);
            write_label(at);
            list_between(at, next);
            at = next;
        }
    }

private:
    [[nodiscard]] u64 next_label(u64 address) const
    {
        auto found = std::ranges::upper_bound(m_symbols.all(), address, {}, &Symbols::Symbol::address);
        return found == m_symbols.all().end() ? ~u64 { 0 } : found->address;
    }

    void write_label(u64 address)
    {
        std::string name = m_symbols.name(address);
        if (name.empty())
            return;
        m_write("");
        m_write(fmt::format("{:016x} <{}>:", address, name));
    }

    void list_between(u64 at, u64 end)
    {
        m_width = address_width(end);
        while (at < end) {
            if (u64 skipped = m_range.zeroes ? 0 : zeroes_to_skip(at, end)) {
                m_write("\t...");
                at += skipped;
                continue;
            }
            at += list_one(at, end);
        }
    }

    /// objdump leaves out leading zeros by fours.
    [[nodiscard]] static std::size_t address_width(u64 end)
    {
        std::size_t digits = 16;
        while (digits > 4 && end >> (4 * (digits - 5)) == 0)
            digits -= 4;
        return digits;
    }

    [[nodiscard]] u64 zeroes_to_skip(u64 at, u64 end) const
    {
        auto left = m_code.subspan(at - m_address, end - at);
        auto run = static_cast<u64>(std::ranges::find_if(left, [](u8 byte) { return byte != 0; }) - left.begin());
        if (run == left.size())
            return run >= long_run || run < short_end ? run : 0;
        return run >= long_run ? run & ~u64 { 3 } : 0;
    }

    u8 list_one(u64 at, u64 end)
    {
        auto bytes = m_code.subspan(at - m_address, std::min<u64>(end - at, bytes_a_line));
        auto item = isa::disassemble(bytes, at, [this](u64 target) { return target_text(target); });
        std::string hex;
        for (u8 byte : bytes.first(item.length))
            hex += fmt::format("{:02x} ", byte);
        m_write(fmt::format("{:>{}x}:\t{:<{}}\t{}", at, m_width, hex, bytes_a_line * 3, item.text("\t")));
        return item.length;
    }

    [[nodiscard]] std::string target_text(u64 target) const
    {
        if (m_symbols.empty())
            return fmt::format("{:#x}", target);
        std::string name = m_symbols.name(target);
        return name.empty() ? fmt::format("{:#x}", target) : fmt::format("{:x} <{}>", target, name);
    }

    std::span<const u8> m_code;
    u64 m_address;
    const Symbols& m_symbols;
    const ListingRange& m_range;
    const LineWriter& m_write;
    std::size_t m_width { 0 };
};

} // namespace

void list_code(std::span<const u8> code, u64 address, const Symbols& symbols, const ListingRange& range, const LineWriter& write)
{
    Listing(code, address, symbols, range, write).list();
}

} // namespace zvisor::debug
