// Registers as gdb numbers and names them (GDB manual, "S/390 and System z Features").

#include "debug/gdb/registers.h"

#include "base/big_endian.h"
#include "cpu/cpu.h"

#include <fmt/format.h>

namespace zvisor::debug::gdb {

namespace {

using Get = void (*)(const Cpu&, unsigned index, u8* to);
using Set = void (*)(Cpu&, unsigned index, const u8* from);

/// Registers of one kind: `first` is the number in the name of the first, without number when there is only one.
struct Bank {
    const char* feature;
    const char* prefix;
    const char* suffix;
    unsigned first;
    unsigned count;
    unsigned bits;
    const char* type;
    const char* group;
    Get get;
    Set set;
};

constexpr Bank banks[] = {
    { "core", "pswm", "", 0, 1, 64, "uint64", "psw", [](const Cpu& c, unsigned, u8* to) { store_be<u64>(to, c.psw().mask); },
        [](Cpu& c, unsigned, const u8* from) { c.load_psw({ load_be<u64>(from), c.next }); } },
    { "core", "pswa", "", 0, 1, 64, "uint64", "psw", [](const Cpu& c, unsigned, u8* to) { store_be<u64>(to, c.next); },
        [](Cpu& c, unsigned, const u8* from) { c.next = load_be<u64>(from) & c.address_mask(); } },
    { "core", "r", "", 0, 16, 64, "uint64", "general", [](const Cpu& c, unsigned i, u8* to) { store_be<u64>(to, c.gr[i]); },
        [](Cpu& c, unsigned i, const u8* from) { c.gr[i] = load_be<u64>(from); } },
    { "acr", "acr", "", 0, 16, 32, "uint32", "access", [](const Cpu& c, unsigned i, u8* to) { store_be<u32>(to, c.ar[i]); },
        [](Cpu& c, unsigned i, const u8* from) { c.ar[i] = load_be<u32>(from); } },
    { "fpr", "fpc", "", 0, 1, 32, "uint32", "float", [](const Cpu& c, unsigned, u8* to) { store_be<u32>(to, c.fpc); },
        [](Cpu& c, unsigned, const u8* from) { c.fpc = load_be<u32>(from); } },
    { "fpr", "f", "", 0, 16, 64, "ieee_double", "float", [](const Cpu& c, unsigned i, u8* to) { store_be<u64>(to, c.vr[i].hi); },
        [](Cpu& c, unsigned i, const u8* from) { c.vr[i].hi = load_be<u64>(from); } },
    { "vx", "v", "l", 0, 16, 64, "uint64", "vector", [](const Cpu& c, unsigned i, u8* to) { store_be<u64>(to, c.vr[i].lo); },
        [](Cpu& c, unsigned i, const u8* from) { c.vr[i].lo = load_be<u64>(from); } },
    { "vx", "v", "", 16, 16, 128, "vec128", "vector",
        [](const Cpu& c, unsigned i, u8* to) {
            store_be<u64>(to, c.vr[16 + i].hi);
            store_be<u64>(to + 8, c.vr[16 + i].lo);
        },
        [](Cpu& c, unsigned i, const u8* from) { c.vr[16 + i] = { .lo = load_be<u64>(from + 8), .hi = load_be<u64>(from) }; } },
    { "cr", "cr", "", 0, 16, 64, "uint64", "control", [](const Cpu& c, unsigned i, u8* to) { store_be<u64>(to, c.cr[i]); },
        [](Cpu& c, unsigned i, const u8* from) {
            c.cr[i] = load_be<u64>(from);
            c.control_registers_changed();
        } },
};

/// The union gdb's vx feature has for a vector register.
constexpr const char* vector_types = R"(<vector id="v4f" type="ieee_single" count="4"/><vector id="v2d" type="ieee_double" count="2"/>
<vector id="v16i8" type="int8" count="16"/><vector id="v8i16" type="int16" count="8"/><vector id="v4i32" type="int32" count="4"/>
<vector id="v2i64" type="int64" count="2"/><union id="vec128"><field name="v4_float" type="v4f"/><field name="v2_double" type="v2d"/>
<field name="v16_int8" type="v16i8"/><field name="v8_int16" type="v8i16"/><field name="v4_int32" type="v4i32"/>
<field name="v2_int64" type="v2i64"/><field name="uint128" type="uint128"/></union>)";

[[nodiscard]] std::string describe(const Bank& bank)
{
    std::string out;
    for (unsigned i = 0; i < bank.count; ++i) {
        std::string number = bank.count == 1 ? "" : fmt::format("{}", bank.first + i);
        out += fmt::format(R"(<reg name="{}{}{}" bitsize="{}" type="{}" group="{}"/>)", bank.prefix, number, bank.suffix, bank.bits,
            bank.type, bank.group);
        out += '\n';
    }
    return out;
}

[[nodiscard]] std::string make_description()
{
    std::string out
        = R"(<?xml version="1.0"?><!DOCTYPE target SYSTEM "gdb-target.dtd"><target version="1.0"><architecture>s390:64-bit</architecture>)";
    std::string_view feature;
    for (const Bank& bank : banks) {
        if (feature != bank.feature) {
            out += feature.empty() ? "" : "</feature>\n";
            feature = bank.feature;
            out += fmt::format(R"(<feature name="org.gnu.gdb.s390.{}">)", feature);
            out += feature == "vx" ? vector_types : "";
        }
        out += describe(bank);
    }
    return out + "</feature></target>";
}

struct Place {
    const Bank* bank { nullptr };
    unsigned index { 0 };
};

[[nodiscard]] Place find(unsigned number)
{
    for (const Bank& bank : banks) {
        if (number < bank.count)
            return { &bank, number };
        number -= bank.count;
    }
    return {};
}

} // namespace

const std::string& target_description()
{
    static const std::string text = make_description();
    return text;
}

unsigned register_count()
{
    unsigned count = 0;
    for (const Bank& bank : banks)
        count += bank.count;
    return count;
}

std::optional<std::vector<u8>> read_register(const Cpu& cpu, unsigned number)
{
    Place place = find(number);
    if (!place.bank)
        return {};
    std::vector<u8> bytes(place.bank->bits / 8);
    place.bank->get(cpu, place.index, bytes.data());
    return bytes;
}

bool write_register(Cpu& cpu, unsigned number, std::span<const u8> bytes)
{
    Place place = find(number);
    if (!place.bank || bytes.size() != place.bank->bits / 8)
        return false;
    place.bank->set(cpu, place.index, bytes.data());
    return true;
}

} // namespace zvisor::debug::gdb
