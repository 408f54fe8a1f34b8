#include "isa/bfp/softfloat.h"

#include "isa/bfp/core/number.h"

namespace zvisor::isa::softfloat {

namespace {

/// Bits of a quotient or root that rounding needs: the precision, a half and one more for a leading zero.
template<class F>
constexpr int digits = F::precision + 2;

/// A dyadic operation on operands of format From with a result of format To.
template<class To, class From, class Operation>
Bits<To> dyadic(Bits<From> a, Bits<From> b, Environment& environment, Operation operation)
{
    Number first = unpack<From>(a);
    Number second = unpack<From>(b);
    bool nan = first.nan() || second.nan();
    return pack<To>(nan ? propagate({ first, second }, environment) : operation(first, second), environment);
}

/// A subtrahend: the sign of a NaN stays.
Number negate(Number a)
{
    a.sign ^= !a.nan();
    return a;
}

} // namespace

template<class F>
Bits<F> add(Bits<F> a, Bits<F> b, Environment& environment)
{
    return dyadic<F, F>(a, b, environment, [&](const Number& x, const Number& y) { return sum(x, y, environment); });
}

template<class F>
Bits<F> subtract(Bits<F> a, Bits<F> b, Environment& environment)
{
    return dyadic<F, F>(a, b, environment, [&](const Number& x, const Number& y) { return sum(x, negate(y), environment); });
}

template<class To, class F>
Bits<To> multiply(Bits<F> a, Bits<F> b, Environment& environment)
{
    return dyadic<To, F>(a, b, environment, [&](const Number& x, const Number& y) { return product(x, y, environment); });
}

template<class F>
Bits<F> divide(Bits<F> a, Bits<F> b, Environment& environment)
{
    return dyadic<F, F>(a, b, environment, [&](const Number& x, const Number& y) { return quotient(x, y, digits<F>, environment); });
}

template<class F>
Bits<F> square_root(Bits<F> a, Environment& environment)
{
    Number operand = unpack<F>(a);
    return pack<F>(operand.nan() ? propagate({ operand }, environment) : root(operand, digits<F>, environment), environment);
}

template<class F>
Bits<F> multiply_add(Bits<F> a, Bits<F> b, Bits<F> c, Environment& environment)
{
    return pack<F>(fused(unpack<F>(a), unpack<F>(b), unpack<F>(c), environment), environment);
}

template<class F>
Bits<F> multiply_subtract(Bits<F> a, Bits<F> b, Bits<F> c, Environment& environment)
{
    return pack<F>(fused(unpack<F>(a), unpack<F>(b), negate(unpack<F>(c)), environment), environment);
}

template<class F>
u8 compare(Bits<F> a, Bits<F> b, bool signaling, Environment& environment)
{
    Number first = unpack<F>(a);
    Number second = unpack<F>(b);
    if (!first.nan() && !second.nan())
        return order(first, second);
    if (signaling || first.signaling() || second.signaling())
        environment.conditions |= Condition::invalid;
    return 3;
}

template<class To, class From>
Bits<To> lengthen(Bits<From> a, Environment& environment)
{
    Number operand = unpack<From>(a);
    return pack<To>(operand.nan() ? propagate({ operand }, environment) : operand, environment);
}

template<class To, class From>
Shortened<To, From> shorten(Bits<From> a, Environment& environment)
{
    Number operand = unpack<From>(a);
    if (operand.nan())
        operand = propagate({ operand }, environment);
    if (!operand.finite())
        return { .value = pack_special<To>(operand) };
    Rounded rounded = round(operand, To::precision, bias<To>, environment);
    if (environment.trapped(Condition::overflow | Condition::underflow)) {
        rounded.exponent += environment.trapped(Condition::underflow) ? From::load_rounded_scale : -From::load_rounded_scale;
        rounded.significand <<= From::precision - To::precision;
        return { .scaled = assemble<From>(operand.sign, rounded), .is_scaled = true };
    }
    if (environment.conditions & Condition::overflow)
        return { .value = overflowed<To>(operand.sign, environment) };
    return { .value = assemble<To>(operand.sign, rounded) };
}

template<class F>
Bits<F> round_to_integer(Bits<F> a, Environment& environment)
{
    Number operand = unpack<F>(a);
    if (operand.nan())
        return pack_special<F>(propagate({ operand }, environment));
    if (!operand.finite() || operand.exponent >= fraction_width<F>)
        return a;
    Environment exact;
    return pack<F>(integer(operand.sign, round_integer(operand, environment)), exact);
}

template<class F>
Bits<F> from_integer(bool negative, u64 magnitude, Environment& environment)
{
    return pack<F>(integer(negative && magnitude, magnitude), environment);
}

namespace {

Integer out_of_range(i128 value, Environment& environment)
{
    environment.conditions = Condition::invalid | Condition::inexact;
    return { static_cast<u64>(value), 3 };
}

} // namespace

template<class F>
Integer to_integer(Bits<F> a, const IntegerRange& range, Environment& environment)
{
    Number operand = unpack<F>(a);
    if (operand.nan())
        return out_of_range(range.nan, environment);
    if (operand.zero())
        return { 0, 0 };
    i128 limit = operand.sign ? range.minimum : range.maximum;
    if (operand.infinite() || operand.exponent > 64)
        return out_of_range(limit, environment);
    auto magnitude = static_cast<i128>(round_integer(operand, environment));
    i128 value = operand.sign ? -magnitude : magnitude;
    if (value < range.minimum || value > range.maximum)
        return out_of_range(limit, environment);
    return { static_cast<u64>(value), condition_code<F>(a) };
}

template<class F>
u32 data_class(Bits<F> a)
{
    static constexpr u32 normal = 0x200;
    static constexpr u32 subnormal = 0x080;
    static constexpr u32 classes[] = { 0x800, normal, 0x020, 0x008, 0x002 };
    Number operand = unpack<F>(a);
    u32 bit = classes[static_cast<unsigned>(operand.kind)];
    if (operand.finite() && !(a & infinity<F>))
        bit = subnormal;
    return bit >> operand.sign;
}

// The library holds every operation for the formats that have it.

#define ZVISOR_FORMAT(F)                                                            \
    template Bits<F> add<F>(Bits<F>, Bits<F>, Environment&);                        \
    template Bits<F> subtract<F>(Bits<F>, Bits<F>, Environment&);                   \
    template Bits<F> multiply<F, F>(Bits<F>, Bits<F>, Environment&);                \
    template Bits<F> divide<F>(Bits<F>, Bits<F>, Environment&);                     \
    template Bits<F> square_root<F>(Bits<F>, Environment&);                         \
    template Bits<F> multiply_add<F>(Bits<F>, Bits<F>, Bits<F>, Environment&);      \
    template Bits<F> multiply_subtract<F>(Bits<F>, Bits<F>, Bits<F>, Environment&); \
    template u8 compare<F>(Bits<F>, Bits<F>, bool, Environment&);                   \
    template Bits<F> round_to_integer<F>(Bits<F>, Environment&);                    \
    template Bits<F> from_integer<F>(bool, u64, Environment&);                      \
    template Integer to_integer<F>(Bits<F>, const IntegerRange&, Environment&);     \
    template u32 data_class<F>(Bits<F>)
ZVISOR_FORMAT(Short);
ZVISOR_FORMAT(Long);
ZVISOR_FORMAT(Extended);
#undef ZVISOR_FORMAT

#define ZVISOR_FORMATS(Longer, Shorter)                                           \
    template Bits<Longer> lengthen<Longer, Shorter>(Bits<Shorter>, Environment&); \
    template Shortened<Shorter, Longer> shorten<Shorter, Longer>(Bits<Longer>, Environment&)
ZVISOR_FORMATS(Long, Short);
ZVISOR_FORMATS(Extended, Short);
ZVISOR_FORMATS(Extended, Long);
#undef ZVISOR_FORMATS

template Bits<Long> multiply<Long, Short>(Bits<Short>, Bits<Short>, Environment&);
template Bits<Extended> multiply<Extended, Long>(Bits<Long>, Bits<Long>, Environment&);

} // namespace zvisor::isa::softfloat
