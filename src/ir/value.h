#pragma once

#include "ir/node.h"

#include <concepts>

namespace zvisor::ir {

class Builder;

/// A word or doubleword: a constant, or a node of a builder.
template<class Plain>
struct Value {
    Builder* builder { nullptr };
    Id id { 0 };
    Plain constant { 0 };

    template<std::integral T>
    constexpr Value(T value) // NOLINT(google-explicit-constructor): semantics mix values and plain integers
        : constant(static_cast<Plain>(value))
    {
    }
    Value(Builder* made_by, Id node)
        : builder(made_by)
        , id(node)
    {
    }
    [[nodiscard]] bool is_constant() const { return builder == nullptr; }

    friend Value operator+(Value x, Value y)
    {
        return combine(Kind::add, x, y, [](Plain p, Plain q) { return p + q; });
    }
    friend Value operator-(Value x, Value y)
    {
        return combine(Kind::sub, x, y, [](Plain p, Plain q) { return p - q; });
    }
    friend Value operator*(Value x, Value y)
    {
        return combine(Kind::mul, x, y, [](Plain p, Plain q) { return p * q; });
    }
    friend Value operator&(Value x, Value y)
    {
        return combine(Kind::bit_and, x, y, [](Plain p, Plain q) { return p & q; });
    }
    friend Value operator|(Value x, Value y)
    {
        return combine(Kind::bit_or, x, y, [](Plain p, Plain q) { return p | q; });
    }
    friend Value operator^(Value x, Value y)
    {
        return combine(Kind::bit_xor, x, y, [](Plain p, Plain q) { return p ^ q; });
    }
    friend Value operator~(Value x) { return x ^ ~Plain { 0 }; }
    friend Value operator<<(Value x, Value<u32> count)
    {
        return shift(Kind::shl, x, count, [](Plain p, u32 q) { return p << q; });
    }
    friend Value operator>>(Value x, Value<u32> count)
    {
        return shift(Kind::shr, x, count, [](Plain p, u32 q) { return p >> q; });
    }

    template<class Fold>
    [[nodiscard]] static Value combine(Kind kind, Value x, Value y, Fold fold)
    {
        if (x.is_constant() && y.is_constant())
            return Value(fold(x.constant, y.constant));
        return make(kind, x, y);
    }
    template<class Fold>
    [[nodiscard]] static Value shift(Kind kind, Value x, Value<u32> count, Fold fold)
    {
        if (count.is_constant() && count.constant == 0)
            return x;
        if (x.is_constant() && count.is_constant())
            return Value(fold(x.constant, count.constant));
        return make_shift(kind, x, count);
    }

private:
    [[nodiscard]] static Value make(Kind kind, Value x, Value y);
    [[nodiscard]] static Value make_shift(Kind kind, Value x, Value<u32> count);
    template<class>
    friend struct Value;
    friend class Builder;
};
using W = Value<u32>;
using G = Value<u64>;

struct Truth {
    Condition condition;
    [[nodiscard]] Truth operator!() const
    {
        Truth negated = *this;
        negated.condition.negate = !negated.condition.negate;
        return negated;
    }
};

/// The value of a vector register: a node.
struct Vector {
    Id id { 0 };
};

/// A storage address with the register that designates its space in access-register mode.
struct Address {
    G at { 0 };
    u8 base { 16 };
};

} // namespace zvisor::ir
