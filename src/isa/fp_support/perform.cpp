// PERFORM FLOATING-POINT OPERATION: PoP ch. 9, "Floating-Point-Support Instructions".
#include "isa/bfp/operation.h"
#include "isa/dfp/operation.h"
#include "isa/fp_support/core/radix.h"
#include "isa/hfp/operation.h"
#include "isa/insn.h"

namespace zvisor::isa {

namespace {

using radix::Rounding;

// The operand-format codes are these indexes into the tables below.
enum class Radix : u8 { none, hfp, bfp, dfp };
constexpr Radix radices[] = { Radix::hfp, Radix::hfp, Radix::hfp, Radix::none, Radix::none, Radix::bfp, Radix::bfp, Radix::bfp, Radix::dfp,
    Radix::dfp, Radix::dfp };

[[nodiscard]] Radix radix_of(u32 format)
{
    return format < std::size(radices) ? radices[format] : Radix::none;
}

/// General register 0, bits 32-63.
struct Function {
    u32 bits;

    [[nodiscard]] bool test() const { return bits >> 31; }
    [[nodiscard]] u32 operation_type() const { return bits >> 24 & 0x7f; }
    [[nodiscard]] u32 target() const { return bits >> 16 & 0xff; }
    [[nodiscard]] u32 source() const { return bits >> 8 & 0xff; }
    [[nodiscard]] bool suppresses_inexact() const { return bits & 0x80; }
    [[nodiscard]] bool alternate_action() const { return bits & 0x40; }
    [[nodiscard]] u32 rounding_method() const { return bits & 0xf; }

    // The target-radix-dependent controls.
    static constexpr u32 radix_dependent = 0x30;
    [[nodiscard]] bool hfp_overflow_is_ieee() const { return bits & 0x20; }
    [[nodiscard]] bool hfp_underflow_is_ieee() const { return bits & 0x10; }
    [[nodiscard]] bool permits_quantum_exception() const { return bits & 0x20; }
    [[nodiscard]] bool prefers_quantum_one() const { return bits & 0x10; }

    [[nodiscard]] bool valid(const Cpu& c) const
    {
        constexpr u32 convert_radix = 1;
        Radix to = radix_of(target());
        Radix from = radix_of(source());
        bool known = operation_type() == convert_radix && to != Radix::none && from != Radix::none && to != from;
        bool rounds = rounding_method() < 2 || rounding_method() >= 8;
        if (to == Radix::bfp && (bits & radix_dependent))
            return false;
        if (to == Radix::dfp && permits_quantum_exception() && !c.has(Facility::floating_point_extension))
            return false;
        return known && rounds;
    }
};

[[nodiscard]] Rounding rounding(const Cpu& c, const Function& function)
{
    using enum Rounding;
    static constexpr Rounding bfp_modes[]
        = { nearest_even, toward_zero, up, down, nearest_even, nearest_even, nearest_even, shorter_precision };
    if (function.rounding_method() == 0)
        return decimal_float::current_rounding(c);
    if (function.rounding_method() == 1)
        return bfp_modes[c.fpc & Fpc::bfp_rounding];
    return static_cast<Rounding>(function.rounding_method() - 8);
}

// ---- Operands ------------------------------------------------------------------------------------------------

// The source is in floating-point register 4 or the pair 4 and 6, the target in 0 or the pair 0 and 2.
constexpr u8 source_register = 4;
constexpr u8 target_register = 0;

/// A source of radix 2 or 16 or one of radix 10; of a NaN, the payload as an integer.
struct Source {
    softfloat::Number binary {};
    decimal_float::Number decimal {};
    bool is_decimal { false };
    u128 payload { 0 };

    [[nodiscard]] bool sign() const { return is_decimal ? decimal.sign : binary.sign; }
    [[nodiscard]] bool nan() const { return is_decimal ? decimal.nan() : binary.nan(); }
    [[nodiscard]] bool signaling() const { return is_decimal ? decimal.signaling() : binary.signaling(); }
    [[nodiscard]] bool infinite() const { return is_decimal ? decimal.infinite() : binary.infinite(); }
    [[nodiscard]] bool zero() const { return is_decimal ? decimal.zero() : binary.zero(); }
};

template<class F>
[[nodiscard]] Source hfp_source(Cpu& c)
{
    return { .binary = radix::from_hfp(hfp::number<F>(c, source_register)) };
}
template<class F>
[[nodiscard]] Source bfp_source(Cpu& c)
{
    Bits<F> bits = get<F>(c, source_register);
    return { .binary = softfloat::unpack<F>(bits), .payload = bits & (softfloat::quiet_bit<F> - 1) };
}
template<class F>
[[nodiscard]] Source dfp_source(Cpu& c)
{
    decimal_float::Number number = decimal_float::number<F>(c, source_register);
    return { .decimal = number, .is_decimal = true, .payload = number.coefficient };
}

/// What is to be stored, and the exponent that goes with a scaled result.
struct Target {
    u128 bits;
    int scaling { 0 };
};

[[nodiscard]] softfloat::Number binary_value(const Source& source)
{
    return source.is_decimal ? radix::to_binary(source.decimal) : source.binary;
}

template<class F>
[[nodiscard]] Target bfp_target(const Source& source, const Function&, radix::Environment& work)
{
    Bits<F> sign = source.sign() ? softfloat::sign_bit<F> : 0;
    if (source.nan()) {
        Bits<F> payload = source.payload < softfloat::quiet_bit<F> ? static_cast<Bits<F>>(source.payload) : 0;
        return { static_cast<Bits<F>>(sign | softfloat::default_nan<F> | payload) };
    }
    if (source.infinite())
        return { static_cast<Bits<F>>(sign | softfloat::infinity<F>) };
    if (source.zero())
        return { sign };
    auto [bits, scaling] = radix::round_to_bfp<F>(binary_value(source), work);
    return { bits, scaling };
}

template<class F>
[[nodiscard]] Target dfp_target(const Source& source, const Function& function, radix::Environment& work)
{
    using decimal_float::Kind;
    if (source.nan()) {
        bool fits = source.payload < decimal_float::power_of_ten(F::digits - 1);
        return { decimal_float::pack<F>({ Kind::quiet_nan, source.sign(), 0, fits ? source.payload : 0 }) };
    }
    if (source.infinite())
        return { decimal_float::pack<F>({ Kind::infinity, source.sign(), 0, 0 }) };
    if (source.zero())
        return { decimal_float::pack<F>({ Kind::finite, source.sign(), 0, 0 }) };
    auto [number, scaling]
        = radix::round_to_dfp(radix::to_decimal(source.binary), decimal_float::parameters<F>, function.prefers_quantum_one(), work);
    return { decimal_float::pack<F>(number), scaling };
}

/// Overflow and underflow of an HFP target are IEEE conditions only when the controls say so: an overflow is an invalid operation
/// otherwise, and an underflow not recognized.
template<class F>
[[nodiscard]] Target hfp_target(const Source& source, const Function& function, radix::Environment& work)
{
    if (source.nan() || source.infinite()) {
        work.conditions = Condition::invalid;
        return { hfp::pack<F>(radix::largest_hfp(source.sign() && !source.nan(), F::digits)) };
    }
    if (source.zero())
        return { hfp::pack<F>({ source.sign(), 0, 0 }) };
    u8 traps = work.traps;
    work.traps &= static_cast<u8>(
        ~((function.hfp_overflow_is_ieee() ? 0 : Condition::overflow) | (function.hfp_underflow_is_ieee() ? 0 : Condition::underflow)));
    auto [number, scaling] = radix::round_to_hfp(binary_value(source), F::digits, work);
    work.traps = traps;
    if (!function.hfp_overflow_is_ieee() && (work.conditions & Condition::overflow))
        work.conditions = Condition::invalid;
    if (!function.hfp_underflow_is_ieee())
        work.conditions &= static_cast<u8>(~Condition::underflow);
    return { hfp::pack<F>(number), scaling };
}

using ReadSource = Source (*)(Cpu&);
constexpr ReadSource sources[]
    = { hfp_source<hfp::Short>, hfp_source<hfp::Long>, hfp_source<hfp::Extended>, nullptr, nullptr, bfp_source<Short>, bfp_source<Long>,
          bfp_source<Extended>, dfp_source<decimal_float::Short>, dfp_source<decimal_float::Long>, dfp_source<decimal_float::Extended> };

/// `bytes`: of the target's format.
struct MakeTarget {
    unsigned bytes;
    Target (*make)(const Source&, const Function&, radix::Environment&);
};
constexpr MakeTarget targets[] = { { 4, hfp_target<hfp::Short> }, { 8, hfp_target<hfp::Long> }, { 16, hfp_target<hfp::Extended> }, {}, {},
    { 4, bfp_target<Short> }, { 8, bfp_target<Long> }, { 16, bfp_target<Extended> }, { 4, dfp_target<decimal_float::Short> },
    { 8, dfp_target<decimal_float::Long> }, { 16, dfp_target<decimal_float::Extended> } };

/// A short result leaves zeros on its right.
void put_target(Cpu& c, unsigned bytes, u128 bits)
{
    u128 aligned = bits << (128 - 8 * bytes);
    c.f(target_register, static_cast<u64>(aligned >> 64));
    if (bytes == 16)
        c.f(target_register + 2, static_cast<u64>(aligned));
}

// ---- Exceptions ----------------------------------------------------------------------------------------------

constexpr u8 return_code_register = 1;

/// The conditions that trap, as a data-exception code; 0 for none.
[[nodiscard]] u8 trapping(const radix::Environment& found)
{
    constexpr u8 range = Condition::overflow | Condition::underflow;
    constexpr u8 inexact = Condition::inexact | Condition::incremented;
    if (found.trapped(Condition::invalid))
        return Condition::invalid;
    if (found.trapped(range))
        return found.conditions & (range | inexact);
    return found.trapped(Condition::inexact) ? found.conditions & inexact : u8 { 0 };
}

void perform(Cpu& c, const Function& function)
{
    radix::Environment work = decimal_float::environment(c, rounding(c, function));
    Source source = sources[function.source()](c);
    const auto& [bytes, make] = targets[function.target()];
    if (source.signaling())
        work.conditions = Condition::invalid;
    Target target = make(source, function, work);
    if (function.suppresses_inexact())
        work.conditions &= static_cast<u8>(~(Condition::inexact | Condition::incremented));
    work.quantum &= radix_of(function.target()) == Radix::dfp && function.permits_quantum_exception();
    u8 code = trapping(work);
    bool alternate = code && function.alternate_action();
    if (code == Condition::invalid && !alternate)
        c.data_exception(static_cast<DataCode>(code));
    if (code != Condition::invalid)
        put_target(c, bytes, target.bits);
    c.w(return_code_register, static_cast<u32>(target.scaling));
    c.cc(alternate ? 2 : work.conditions || work.quantum ? 1 : 0);
    if (!alternate)
        decimal_float::complete(c, work, false);
}

constexpr auto perform_operation = [](Cpu& c) {
    Function function { c.w(0) };
    bool valid = function.valid(c);
    if (!valid && !function.test())
        c.specification();
    if (!function.test())
        return perform(c, function);
    c.w(return_code_register, u32 { 0 });
    c.cc(valid ? 0 : 3);
};

constexpr Row rows[] = {
    insn("PFPO", 0x010A, E, Facility::perform_floating_point_operation, dfp, perform_operation,
        "| r0=1010a00 r1=12345678 f4=39ffd2b32d873e6e f6=a9daad5abe6b6404 -> f0=416487ed5110b461 r1=0 cc=1 fpc=80000",
        "| r0=81990600 r1=1234567811111111 cc=0 -> r1=1234567800000000 cc=3",
        "| r0=1080600 f4=7fefffffffffffff f0=1111111111111111 -> f0=7800000000000000 r1=0 cc=1 fpc=280000", "| r0=1090900 -> pgm=6"),
};

} // namespace

extern constexpr Group fp_support_perform { rows };

} // namespace zvisor::isa
