#pragma once

#include "base/types.h"

#include <array>

namespace zvisor::isa {

/// What an operand is and how it is spelled; where its fields are is in OperandInfo.
enum class OperandKind : u8 {
    gr,      ///< general register
    gr_pair, ///< even register of an even-odd pair
    fr,      ///< floating-point register
    fr_pair, ///< first register of an extended operand
    vr,      ///< vector register; the fifth bit is in RXB
    ar,      ///< access register
    cr,      ///< control register
    mask,    ///< unsigned field selecting or modifying
    unsigned_immediate,
    signed_immediate,
    relative,             ///< signed halfword offset from the instruction
    base_displacement,    ///< D(B)
    base_index,           ///< D(X,B)
    base_length,          ///< D(L,B): the length field is one less than the length
    base_register_length, ///< D(R,B): the length is in a register
    base_vector_index,    ///< D(V,B)
};

/// Positions are PoP bit numbers within the instruction. `at`/`width` is the field itself, for storage operands its
/// index, length or register field; `base` the base field (the 12-bit displacement follows it); `long_displacement`
/// adds the high displacement byte at bits 32-39. `rxb` is the operand's bit in the RXB field, 4 for none.
struct OperandInfo {
    OperandKind kind {};
    u8 at { 0 };
    u8 width { 0 };
    u8 base { 0 };
    bool long_displacement { false };
    u8 rxb { 4 };
    /// May be left out by the assembler when zero.
    bool optional { false };
};

/// An instruction's bits, left-aligned in a doubleword.
template<unsigned At, unsigned Width>
[[nodiscard]] constexpr u32 field(u64 bits)
{
    return static_cast<u32>(bits >> (64 - At - Width)) & static_cast<u32>((u64 { 1 } << Width) - 1);
}

template<unsigned At, unsigned Width>
[[nodiscard]] constexpr i32 signed_field(u64 bits)
{
    return static_cast<i32>(static_cast<i64>(bits << At) >> (64 - Width));
}

/// Register operands convert to their number.
template<OperandKind Kind>
struct Register {
    u8 number;
    constexpr operator u8() const { return number; } // NOLINT(google-explicit-constructor): c.g(r1)
};
using Gr = Register<OperandKind::gr>;
using GrPair = Register<OperandKind::gr_pair>;
using Fr = Register<OperandKind::fr>;
using FrPair = Register<OperandKind::fr_pair>;
using VrNumber = Register<OperandKind::vr>;
using Ar = Register<OperandKind::ar>;
using Cr = Register<OperandKind::cr>;

struct Mask {
    u8 value;
    constexpr operator u8() const { return value; } // NOLINT(google-explicit-constructor)
};
/// Immediates convert to the width the semantics ask for; signed ones are sign-extended.
struct Unsigned {
    u32 value;
    constexpr operator u32() const { return value; } // NOLINT(google-explicit-constructor)
};
struct Signed {
    i32 value;
    constexpr operator i32() const { return value; } // NOLINT(google-explicit-constructor)
};
/// The address a relative operand designates; packed so that every format's operands fit an Op.
struct [[gnu::packed, gnu::aligned(4)]] Relative {
    u64 target;
    constexpr operator u64() const { return target; } // NOLINT(google-explicit-constructor)
};

/// Register 16 of Cpu::gr is zero: an absent base or index costs no branch.
[[nodiscard]] constexpr u8 base_or_none(u32 number)
{
    return number == 0 ? 16 : static_cast<u8>(number);
}

/// D(X,B) or D(B).
struct [[gnu::packed, gnu::aligned(2)]] Storage {
    i32 displacement;
    u8 base;
    u8 index;

    template<class Registers>
    [[nodiscard]] auto sum(const Registers& gr) const
    {
        return gr[base] + gr[index] + static_cast<u64>(i64 { displacement });
    }
};

/// D(L,B): `length` is the number of bytes less one.
struct [[gnu::packed, gnu::aligned(2)]] StorageLength {
    i32 displacement;
    u8 base;
    u8 length;

    template<class Registers>
    [[nodiscard]] auto sum(const Registers& gr) const
    {
        return gr[base] + static_cast<u64>(i64 { displacement });
    }
};

/// D(V,B): the index is an element of a vector register, added by the semantics.
struct [[gnu::packed, gnu::aligned(2)]] StorageVectorIndex {
    i32 displacement;
    u8 base;
    u8 vector;

    template<class Registers>
    [[nodiscard]] auto sum(const Registers& gr) const
    {
        return gr[base] + static_cast<u64>(i64 { displacement });
    }
};

template<unsigned Base, bool Long>
[[nodiscard]] constexpr i32 displacement(u64 bits)
{
    auto low = static_cast<i32>(field<Base + 4, 12>(bits));
    if constexpr (Long)
        return signed_field<32, 8>(bits) * 4096 + low;
    else
        return low;
}

/// Register fields of four bits at a bit position: R<8> is R1 of most formats.
template<OperandKind Kind, unsigned At>
struct RegisterField {
    using Value = Register<Kind>;
    static constexpr OperandInfo info { .kind = Kind, .at = At, .width = 4 };
    static constexpr Value decode(u64 bits, u64) { return { static_cast<u8>(field<At, 4>(bits)) }; }
};
template<unsigned At>
using R = RegisterField<OperandKind::gr, At>;
template<unsigned At>
using P = RegisterField<OperandKind::gr_pair, At>;
template<unsigned At>
using F = RegisterField<OperandKind::fr, At>;
template<unsigned At>
using X = RegisterField<OperandKind::fr_pair, At>;
template<unsigned At>
using A = RegisterField<OperandKind::ar, At>;
template<unsigned At>
using C = RegisterField<OperandKind::cr, At>;

/// Vector register: four bits and one of the RXB bits 36-39 (`Rxb` 0-3).
template<unsigned At, unsigned Rxb>
struct V {
    using Value = VrNumber;
    static constexpr OperandInfo info { .kind = OperandKind::vr, .at = At, .width = 4, .rxb = Rxb };
    static constexpr Value decode(u64 bits, u64) { return { static_cast<u8>(field<At, 4>(bits) | field<36 + Rxb, 1>(bits) << 4) }; }
};

template<unsigned At, unsigned Width = 4, bool Optional = false>
struct M {
    using Value = Mask;
    static constexpr OperandInfo info { .kind = OperandKind::mask, .at = At, .width = Width, .optional = Optional };
    static constexpr Value decode(u64 bits, u64) { return { static_cast<u8>(field<At, Width>(bits)) }; }
};

template<unsigned At, unsigned Width>
struct U {
    using Value = Unsigned;
    static constexpr OperandInfo info { .kind = OperandKind::unsigned_immediate, .at = At, .width = Width };
    static constexpr Value decode(u64 bits, u64) { return { field<At, Width>(bits) }; }
};

template<unsigned At, unsigned Width>
struct I {
    using Value = Signed;
    static constexpr OperandInfo info { .kind = OperandKind::signed_immediate, .at = At, .width = Width };
    static constexpr Value decode(u64 bits, u64) { return { signed_field<At, Width>(bits) }; }
};

template<unsigned At, unsigned Width>
struct RI {
    using Value = Relative;
    static constexpr OperandInfo info { .kind = OperandKind::relative, .at = At, .width = Width };
    static constexpr Value decode(u64 bits, u64 address)
    {
        return { address + static_cast<u64>(i64 { signed_field<At, Width>(bits) } * 2) };
    }
};

/// D(B) with the base field at `Base`.
template<unsigned Base, bool Long = false>
struct BD {
    using Value = Storage;
    static constexpr OperandInfo info { .kind = OperandKind::base_displacement, .base = Base, .long_displacement = Long };
    static constexpr Value decode(u64 bits, u64) { return { displacement<Base, Long>(bits), base_or_none(field<Base, 4>(bits)), 16 }; }
};

/// D(X,B) with the index at bits 12-15 and the base at 16-19.
template<bool Long = false>
struct BXD {
    using Value = Storage;
    static constexpr OperandInfo info { .kind = OperandKind::base_index, .at = 12, .width = 4, .base = 16, .long_displacement = Long };
    static constexpr Value decode(u64 bits, u64)
    {
        return { displacement<16, Long>(bits), base_or_none(field<16, 4>(bits)), base_or_none(field<12, 4>(bits)) };
    }
};

/// D(L,B): a length field of `Width` bits at `At`, the base at `Base`.
template<unsigned At, unsigned Width, unsigned Base>
struct BLD {
    using Value = StorageLength;
    static constexpr OperandInfo info { .kind = OperandKind::base_length, .at = At, .width = Width, .base = Base };
    static constexpr Value decode(u64 bits, u64)
    {
        return { displacement<Base, false>(bits), base_or_none(field<Base, 4>(bits)), static_cast<u8>(field<At, Width>(bits)) };
    }
};

/// D(R,B): the register at `At` holds the length; `length` is its number.
template<unsigned At, unsigned Base>
struct BRD {
    using Value = StorageLength;
    static constexpr OperandInfo info { .kind = OperandKind::base_register_length, .at = At, .width = 4, .base = Base };
    static constexpr Value decode(u64 bits, u64)
    {
        return { displacement<Base, false>(bits), base_or_none(field<Base, 4>(bits)), static_cast<u8>(field<At, 4>(bits)) };
    }
};

/// D(V,B) of VRV.
struct BVD {
    using Value = StorageVectorIndex;
    static constexpr OperandInfo info { .kind = OperandKind::base_vector_index, .at = 12, .width = 4, .base = 16, .rxb = 1 };
    static constexpr Value decode(u64 bits, u64)
    {
        return { displacement<16, false>(bits), base_or_none(field<16, 4>(bits)),
            static_cast<u8>(field<12, 4>(bits) | field<37, 1>(bits) << 4) };
    }
};

} // namespace zvisor::isa
