#pragma once

#include "arch/facility.h"
#include "cpu/cpu.h"
#include "ir/builder.h"
#include "isa/format.h"

#include <algorithm>
#include <cstring>

namespace zvisor::isa {

/// The facility of rows that every z/Architecture CPU has.
inline constexpr Facility base = Facility::zarch_installed;

/// Facts of a row that one piece of code checks for all.
struct RowFlag {
    static constexpr unsigned privileged = 0x001;
    /// May set Cpu::next: the instruction ends its block.
    static constexpr unsigned branch = 0x002;
    /// Condition code 3 becomes the fixed-point-overflow interruption when the program mask asks for it.
    static constexpr unsigned overflow = 0x004;
    /// Needs CR0's AFP-register control; the data-exception code tells BFP, DFP and vector apart.
    static constexpr unsigned bfp = 0x008;
    static constexpr unsigned dfp = 0x010;
    static constexpr unsigned vector = 0x020;
    /// EXECUTE may not name it.
    static constexpr unsigned not_target = 0x040;
    /// Changes what following instructions decode to or where they are fetched (mode, spaces, storage): ends its block.
    static constexpr unsigned changes_context = 0x080;
    /// The sign, carry and zero of the operands do not matter to random tests: results depend on time or the machine.
    static constexpr unsigned volatile_result = 0x100;
};

template<unsigned Bits>
struct Flags {
    static constexpr unsigned value = Bits;
};
template<unsigned A, unsigned B>
constexpr Flags<A | B> operator|(Flags<A>, Flags<B>)
{
    return {};
}

inline constexpr Flags<0> problem;
inline constexpr Flags<RowFlag::privileged> privileged;
inline constexpr Flags<RowFlag::branch> branch;
inline constexpr Flags<RowFlag::overflow> overflow;
inline constexpr Flags<RowFlag::bfp> bfp;
inline constexpr Flags<RowFlag::dfp> dfp;
inline constexpr Flags<RowFlag::vector> vector;
inline constexpr Flags<RowFlag::not_target> not_target;
inline constexpr Flags<RowFlag::changes_context | RowFlag::branch> context;
inline constexpr Flags<RowFlag::volatile_result> volatile_result;

/// One instruction of the table.
struct Row {
    const char* mnemonic { nullptr };
    u32 opcode { 0 };
    Facility facility {};
    unsigned flags { 0 };
    const FormatInfo* format { nullptr };
    void (*decode)(Op&, u64 bits, u64 address) { nullptr };
    Op::Run run { nullptr };
    /// Writes down what the instruction does; null when only the CPU can read its semantics.
    void (*record)(ir::Builder&, const Op&) { nullptr };
    /// "r1=1 r2=2 -> r1=3 cc=2": registers, storage and condition code before and after (isa/example.h).
    std::array<const char*, 4> examples {};

    [[nodiscard]] bool has(unsigned flag) const { return flags & flag; }
};

/// The rows of one section of the book.
struct Group {
    std::span<const Row> rows;
};

/// Leaves the op chain through the op behind this one.
inline void run_next(Cpu& c, const Op* op)
{
    const Op* following = op + 1;
    return following->run(c, following);
}

/// Executes one op and goes on: what Row::run points to.
template<class Format, class Semantics, unsigned Bits>
void run_row(Cpu& c, const Op* op)
{
    c.op = op;
    if constexpr (Bits & RowFlag::branch)
        c.next = c.next_address();
    std::apply([&c](auto... operands) { Semantics {}(c, operands...); }, Format::values(*op));
    if constexpr (Bits & RowFlag::overflow) {
        if (c.cc() == 3 && (c.program_mask() & 8)) [[unlikely]]
            c.program(ProgramCode::fixed_point_overflow);
    }
    if constexpr (!(Bits & RowFlag::branch))
        return run_next(c, op);
}

template<class Semantics, class Values>
struct Accepts;
template<class Semantics, class... Values>
struct Accepts<Semantics, std::tuple<Values...>> {
    static constexpr bool value = std::is_invocable_v<Semantics, Cpu&, Values...>;
};

template<class Format, class Semantics>
void record_row(ir::Builder& builder, const Op& op)
{
    std::apply([&builder](auto... operands) { Semantics {}(builder, operands...); }, Format::values(op));
}

/// record_row for semantics that take a builder, else null.
template<class Format, class Semantics, class... Values>
consteval auto recorder(std::type_identity<std::tuple<Values...>>) -> void (*)(ir::Builder&, const Op&)
{
    if constexpr (std::is_invocable_v<Semantics, ir::Builder&, Values...>)
        return &record_row<Format, Semantics>;
    else
        return nullptr;
}

/// Defines an instruction: its opcode as the book writes it (0x1A, 0xB904, 0xE35A, 0xA7B), format, facility, flags,
/// semantics and at least one example.
///
/// The first parameter of the semantics is the contract: `auto& c` can be read by the CPU and by the IR builder,
/// `Cpu& c` only by the CPU, and the translator calls it.
template<class Format, class Semantics, unsigned Bits, class... Examples>
consteval Row insn(const char* mnemonic, u32 opcode, Format, Facility facility, Flags<Bits>, Semantics, Examples... examples)
{
    static_assert(sizeof...(Examples) >= 1, "an instruction needs an example");
    static_assert(Accepts<Semantics, typename Format::Values>::value, "the semantics do not take the operands the format yields");
    return { mnemonic, opcode, facility, Bits, &Format::info, &Format::decode, &run_row<Format, Semantics, Bits>,
        recorder<Format, Semantics>(std::type_identity<typename Format::Values> {}), { examples... } };
}

// ---- Operand values by the kind of operand: a register, storage or an immediate ------------------------------

template<class C>
[[nodiscard]] auto get32(C& c, Gr r)
{
    return c.w(r);
}
template<class C>
[[nodiscard]] auto get32(C& c, const Storage& s)
{
    return c.load32(c.ea(s));
}
template<class C>
[[nodiscard]] auto get32(C&, Signed i)
{
    return static_cast<u32>(i.value);
}
template<class C>
[[nodiscard]] auto get32(C&, Unsigned i)
{
    return i.value;
}
template<class C>
[[nodiscard]] auto get64(C& c, Gr r)
{
    return c.g(r);
}
template<class C>
[[nodiscard]] auto get64(C& c, const Storage& s)
{
    return c.load64(c.ea(s));
}
template<class C>
[[nodiscard]] auto get64(C&, Signed i)
{
    return static_cast<u64>(i64 { i.value });
}
template<class C>
[[nodiscard]] auto get64(C&, Unsigned i)
{
    return u64 { i.value };
}

} // namespace zvisor::isa
