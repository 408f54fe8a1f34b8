#pragma once

#include "arch/interruption.h"
#include "arch/storage_update.h"
#include "ir/rounds.h"
#include "ir/value.h"

#include <array>
#include <optional>
#include <type_traits>
#include <utility>
#include <vector>

namespace zvisor::ir {

/// Reads instruction semantics as the CPU does, with the same words (cpu/cpu.h), and writes down what they do.
///
/// General registers and the condition code are values while a block is recorded: what is in the CPU at the points that may leave
/// the block is described by snapshots.
class Builder {
public:
    explicit Builder(Program& program)
        : m_program(program)
    {
    }

    // ---- For the engine ------------------------------------------------------------------------------------

    /// How a block is recorded.
    struct Manner {
        /// 24, 31 or 64 bits.
        unsigned addressing_mode { 64 };
        /// The program mask has the bit for fixed-point overflow.
        bool overflow { false };
        /// Operands near each other are located once.
        bool locates { false };
        /// Each instruction puts the registers it changes into the CPU, so that nothing of them is left to do where the block is left.
        bool writes_through { false };
    };
    /// Starts a block.
    void begin(const Manner& manner);
    /// `goes_on_at`: where the path that is recorded goes on if this instruction branches; without it the block ends with a branch
    /// that is always made, and goes on behind one that depends. `branches`: the instruction may. `keeps_exit`: what leaves the path at
    /// its branch is to be gone on with, see begin_arm.
    void begin_instruction(u64 address, u8 length, std::optional<u64> goes_on_at = {}, bool branches = false, bool keeps_exit = false);
    /// Ends the instruction; `overflow`: condition code 3 interrupts when the program mask says so. False when what was recorded
    /// has no recorded form: nothing of it remains.
    [[nodiscard]] bool end_instruction(bool overflow);
    /// The instruction is executed by its handler. `leaves`: it decides what is next.
    void call(bool leaves);
    /// Ends the block with the instruction at `address`.
    void finish(u64 address);
    /// The instruction behind the last one on the path that is recorded.
    [[nodiscard]] u64 goes_on_at() const { return m_next; }
    /// What is recorded is back where it began, and nothing was known when it did: notes what such a round does.
    void note_round(Rounds& rounds);
    /// What is recorded from here on is a loop, whose rounds do what was noted: what is known of registers and of the condition code is
    /// carried from one round to the next in values.
    void begin_loop(const Rounds& rounds);
    /// Ends the block or the arm: back to where the loop began, with the instruction at `address` next.
    void close_loop(u64 address);
    /// How many branches' exits were kept.
    [[nodiscard]] std::size_t kept() const { return m_kept.size(); }
    /// The node of one of them.
    [[nodiscard]] Id kept_exit(std::size_t kept) const { return m_kept[kept].exit; }
    /// What is recorded from here on is executed behind a kept exit. The block, or the arm before, has its end.
    void begin_arm(std::size_t kept);
    /// After the block's end: operands that are near others are accessed where those were located.
    void use_located();
    /// A branch was made without condition: the block has its end.
    [[nodiscard]] bool finished() const { return m_finished; }

    // ---- The vocabulary ------------------------------------------------------------------------------------

    [[nodiscard]] G g(u8 r);
    void g(u8 r, G value) { put_full(r, value); }
    [[nodiscard]] W w(u8 r);
    void w(u8 r, W value) { put_half(r, value); }
    [[nodiscard]] W h(u8 r) { return hi(g(r)); }
    void h(u8 r, W value) { g(r, zx(value) << 32 | (g(r) & 0xffffffffU)); }
    [[nodiscard]] G f(u8 r);
    void f(u8 r, G value) { put_full(floating(r), value); }
    [[nodiscard]] W fs(u8 r);
    void fs(u8 r, W value) { put_half(floating(r), value); }
    [[nodiscard]] Vector v(u8 r);
    void v(u8 r, Vector value);
    /// Bits 64-127 of a vector register become zeros.
    void clear_right_half(u8 r);
    [[nodiscard]] W a(u8 r) { return get<W>(Place::access_register, r); }
    void a(u8 r, W value) { put(Place::access_register, r, value); }

    [[nodiscard]] G zx(W value);
    [[nodiscard]] G sx(W value);
    [[nodiscard]] W sx8(W value);
    [[nodiscard]] W sx16(W value);
    [[nodiscard]] W zx8(W value) { return value & 0xffU; }
    [[nodiscard]] W zx16(W value) { return value & 0xffffU; }
    [[nodiscard]] W lo(G value);
    [[nodiscard]] W hi(G value);

    template<class V>
    [[nodiscard]] Value<V> sar(Value<V> value, W count)
    {
        return Value<V>::shift(
            Kind::sar, value, count, [](V p, u32 q) { return static_cast<V>(static_cast<std::make_signed_t<V>>(p) >> q); });
    }
    template<class V>
    [[nodiscard]] Value<V> rol(Value<V> value, W count)
    {
        constexpr unsigned bits = sizeof(V) * 8;
        return Value<V>::shift(Kind::rol, value, count, [](V p, u32 q) { return q ? p << q | p >> (bits - q) : p; });
    }

    [[nodiscard]] G high_product_u(G x, G y) { return { this, ordered(Kind::high_product_u, x, y) }; }
    [[nodiscard]] G high_product_s(G x, G y) { return { this, ordered(Kind::high_product_s, x, y) }; }
    [[nodiscard]] G quotient_u(G high, G low, G divisor);
    [[nodiscard]] G quotient_s(G dividend, G divisor) { return { this, ordered(Kind::quotient_s, dividend, divisor) }; }

    [[nodiscard]] W leading_zeros(W value) { return { this, add_node({ .kind = Kind::leading_zeros, .width = 4, .a = node(value) }) }; }
    [[nodiscard]] G leading_zeros(G value) { return { this, add_node({ .kind = Kind::leading_zeros, .a = node(value) }) }; }

    [[nodiscard]] Truth lt_s(W x, W y) { return compared(ConditionKind::lt_s, x, y); }
    [[nodiscard]] Truth lt_s(G x, G y) { return compared(ConditionKind::lt_s, x, y); }
    [[nodiscard]] Truth lt_u(W x, W y) { return compared(ConditionKind::lt_u, x, y); }
    [[nodiscard]] Truth lt_u(G x, G y) { return compared(ConditionKind::lt_u, x, y); }
    template<class A, class B>
    [[nodiscard]] auto select(const Truth& condition, A yes, B no)
    {
        if constexpr (is_long<A> || is_long<B>)
            return selected<u64>(condition, yes, no);
        else
            return selected<u32>(condition, yes, no);
    }

    /// The condition code as a number.
    [[nodiscard]] W code();
    void cc(W value) { m_code = { CodeKind::value, 4, node(value), 0, 0 }; }
    [[nodiscard]] Truth cc_in(u8 mask) const;
    /// The handler has to execute this instruction: it is not one of those that are recorded.
    void leave_to_handler() { m_unsupported = true; }

    /// A number whose bits go to floating-point register r1. It is the last thing that may end the instruction.
    template<class... Values>
    [[nodiscard]] auto bfp(BfpOperation operation, u8 r1, Values... operands)
    {
        return bfp_of(operation, r1, std::array { operands... });
    }
    /// The same for an operand of another format than that of the result, To.
    template<class To, class From>
    [[nodiscard]] Value<To> convert_bfp(BfpOperation operation, u8 r1, Value<From> operand)
    {
        return bfp_node<To>(operation, r1, { node(operand), 0, 0 });
    }
    /// A number as a signed integer, to nearest or toward zero.
    template<class To, class From>
    [[nodiscard]] Value<To> bfp_to_integer(Value<From> number, bool toward_zero)
    {
        Kind kind = toward_zero ? Kind::bfp_truncate : Kind::bfp_round;
        return { this, add_bfp({ .kind = kind, .width = sizeof(To), .info = sizeof(From) }, { node(number), 0, 0 }) };
    }
    template<class V>
    void cc_bfp_sign(Value<V> number)
    {
        m_code = { CodeKind::bfp_sign, sizeof(V), node(number), 0, 0 };
    }
    template<class V>
    void compare_bfp(Value<V> x, Value<V> y)
    {
        set_code(CodeKind::bfp_compare, x, y);
        (void)add_node({ .kind = Kind::bfp_ordered, .width = sizeof(V), .a = m_code.a, .b = m_code.b, .before = before() });
    }

    [[nodiscard]] W add_s(W x, W y) { return arithmetic(CodeKind::add_s, x, y, x + y); }
    [[nodiscard]] G add_s(G x, G y) { return arithmetic(CodeKind::add_s, x, y, x + y); }
    [[nodiscard]] W sub_s(W x, W y) { return arithmetic(CodeKind::sub_s, x, y, x - y); }
    [[nodiscard]] G sub_s(G x, G y) { return arithmetic(CodeKind::sub_s, x, y, x - y); }
    [[nodiscard]] W add_u(W x, W y) { return arithmetic(CodeKind::add_u, x, y, x + y); }
    [[nodiscard]] G add_u(G x, G y) { return arithmetic(CodeKind::add_u, x, y, x + y); }
    [[nodiscard]] W sub_u(W x, W y) { return arithmetic(CodeKind::sub_u, x, y, x - y); }
    [[nodiscard]] G sub_u(G x, G y) { return arithmetic(CodeKind::sub_u, x, y, x - y); }
    [[nodiscard]] W add_carry(W x, W y) { return with_carry(x, y, carry()); }
    [[nodiscard]] G add_carry(G x, G y) { return with_carry(x, y, zx(carry())); }
    [[nodiscard]] W sub_borrow(W x, W y) { return with_borrow(x, y, borrow()); }
    [[nodiscard]] G sub_borrow(G x, G y) { return with_borrow(x, y, zx(borrow())); }
    void compare_s(W x, W y) { set_code(CodeKind::compare_s, x, y); }
    void compare_s(G x, G y) { set_code(CodeKind::compare_s, x, y); }
    void compare_u(W x, W y) { set_code(CodeKind::compare_u, x, y); }
    void compare_u(G x, G y) { set_code(CodeKind::compare_u, x, y); }
    void cc_sign(W value) { set_code(CodeKind::compare_s, value, W { 0 }); }
    void cc_sign(G value) { set_code(CodeKind::compare_s, value, G { 0 }); }
    void cc_zero(W value) { set_code(CodeKind::zero, value, W { 0 }); }
    void cc_zero(G value) { set_code(CodeKind::zero, value, G { 0 }); }

    template<class Operand>
    [[nodiscard]] Address ea(const Operand& operand)
    {
        return { operand.sum(Registers { *this }) & m_address_mask, operand.base };
    }
    [[nodiscard]] Address register_address(u8 r) { return { g(r) & m_address_mask, r }; }
    [[nodiscard]] Address offset(const Address& from, G by) const { return { (from.at + by) & m_address_mask, from.base }; }
    void put_address(u8 r, G address);
    [[nodiscard]] u64 address_mask() const { return m_address_mask; }

    [[nodiscard]] W load8(const Address& from) { return W { this, load(1, from, Kind::data_tlb) }; }
    [[nodiscard]] W load16(const Address& from) { return W { this, load(2, from, Kind::data_tlb) }; }
    [[nodiscard]] W load32(const Address& from) { return W { this, load(4, from, Kind::data_tlb) }; }
    [[nodiscard]] G load64(const Address& from) { return G { this, load(8, from, Kind::data_tlb) }; }
    void store8(const Address& to, W value) { store(1, to, node(value), Kind::data_tlb); }
    void store16(const Address& to, W value) { store(2, to, node(value), Kind::data_tlb); }
    void store32(const Address& to, W value) { store(4, to, node(value), Kind::data_tlb); }
    void store64(const Address& to, G value) { store(8, to, node(value), Kind::data_tlb); }
    /// For vector register r1.
    [[nodiscard]] Vector load_vector(const Address& from, u8 r1);
    void store_vector(const Address& to, Vector value) { store(16, to, value.id, Kind::data_tlb); }
    /// The leftmost `count` bytes, 1 to 16, which may be any word; nothing else may happen afterwards.
    void store_leftmost(const Address& to, Vector value, W count);
    void load_registers(u8 first, u8 last, const Address& from);
    void store_registers(u8 first, u8 last, const Address& to) { store_multiple(8, first, last, to); }
    void store_words(u8 first, u8 last, const Address& to) { store_multiple(4, first, last, to); }
    template<class T>
    [[nodiscard]] auto swap_if_equal(const Address& at, Value<T> expected, Value<T> replacement)
    {
        Id old = node(expected);
        return Value<T> { this, interlocked({ .kind = Kind::swap, .width = sizeof(T), .c = node(replacement), .d = old }, at) };
    }
    /// `operand` is a word when T is a byte.
    template<class T>
    [[nodiscard]] auto fetch_update(StorageUpdate update, const Address& at, Value<std::conditional_t<sizeof(T) == 8, u64, u32>> operand)
    {
        Node update_node { .kind = Kind::update, .width = sizeof(T), .c = node(operand), .imm = static_cast<u64>(update) };
        return decltype(operand) { this, interlocked(update_node, at) };
    }
    template<class T>
    [[nodiscard]] auto fetch_relative(u64 target)
    {
        u64 at = target & m_address_mask;
        require_aligned(at, sizeof(T));
        using V = Value<std::conditional_t<sizeof(T) == 8, u64, u32>>;
        return V { this, load(sizeof(T), { at }, Kind::code_tlb) };
    }
    template<class T, class V>
    void store_relative(u64 target, Value<V> value)
    {
        u64 at = target & m_address_mask;
        require_aligned(at, sizeof(T));
        store(sizeof(T), { at }, node(value), Kind::code_tlb);
    }

    /// Moves, fills or clears `length` bytes at `to`; nothing else may happen afterwards.
    void change_block(BlockOperation operation, const Address& to, const Address& from, u64 length);
    /// Combines them; the value is not zero when a result byte is not.
    [[nodiscard]] G combine_block(BlockOperation operation, const Address& to, const Address& from, u64 length);
    /// Negative, zero or positive as the first operand is low, equal or high.
    [[nodiscard]] W compare_block(const Address& first, const Address& second, u64 length);
    /// `other` is the address of the second string, or how many bytes to search.
    [[nodiscard]] G string(StringOperation operation, const Address& first, G other, W character);
    [[nodiscard]] W program_mask() { return { this, add_node({ .kind = Kind::program_mask, .width = 4 }) }; }

    // Vectors; `bytes` is the size of elements.
    [[nodiscard]] Vector vector(VectorOperation operation, u8 bytes, Vector a, Vector b);
    [[nodiscard]] Vector vector(VectorOperation operation, u8 bytes, Vector a, W b);
    [[nodiscard]] Vector pair(G left, G right) { return { ordered(Kind::pair, left, right) }; }
    [[nodiscard]] Vector replicate(G value, u8 bytes);
    [[nodiscard]] Vector insert(Vector vector, u8 bytes, u8 index, G value);
    [[nodiscard]] G element(Vector vector, u8 bytes, u8 index);
    [[nodiscard]] W byte_signs(Vector vector) { return { this, add_node({ .kind = Kind::byte_signs, .width = 4, .a = vector.id }) }; }
    void cc_test_byte(W selected, W mask) { set_code(CodeKind::test_byte, selected, mask); }
    void cc_test_halfword(W selected, W mask) { set_code(CodeKind::test_halfword, selected, mask); }
    void cc_search(W ends, W finds) { set_code(CodeKind::search, ends, finds); }

    void branch(G target) { branch_if(constant_truth(true), target); }
    void branch_if(const Truth& condition, G target);
    [[nodiscard]] u64 next_address() const { return (m_address + m_length) & m_address_mask; }
    void put_link(u8 r, u64 address);
    void require_aligned(G address, u64 boundary);
    void raise_if(const Truth& condition, ProgramCode code);
    void serialize() { (void)add_node({ .kind = Kind::fence }); }
    /// Stores the system mask, which changes then.
    void store_and_change_mask(const Address& to, MaskChange change);

private:
    template<class T>
    static constexpr bool is_long = std::is_same_v<T, G> || (std::is_integral_v<T> && sizeof(T) == 8);

    /// General registers as operand.sum reads them.
    struct Registers {
        Builder& builder;
        [[nodiscard]] G operator[](u8 r) const { return r == 16 ? G { 0 } : builder.g(r); }
    };
    /// What is known of a register: its value, that of the half that is used alone (the right one of a general register, the left
    /// one of a floating-point register), and what of it is not in the CPU yet. Of a vector register `full` is bits 0-63, and
    /// `whole` everything.
    struct Register {
        Id full { 0 };
        Id half { 0 };
        Id whole { 0 };
        /// Of a general register, `full` with `half`, if that is newer and both were needed as one.
        Id merged { 0 };
        bool half_is_newer { false };
        bool full_dirty { false };
        bool half_dirty { false };
        bool whole_dirty { false };
        /// `full` and `half` are of later than `whole`.
        bool whole_is_older { false };
        /// Bits 64-127 are zeros in the CPU.
        bool right_is_zero { false };

        /// Whether what is dirty is so at `then` too, or part of what is, and zeros that are taken for granted then are.
        [[nodiscard]] bool fits(const Register& then) const
        {
            bool all = then.whole_dirty;
            bool left = all || then.full_dirty;
            return (all || !whole_dirty) && (left || !full_dirty) && (left || then.half_dirty || !half_dirty)
                && (right_is_zero || !then.right_is_zero);
        }
    };
    struct RegisterFile {
        std::array<Register, RegisterNumber::count> all;
        /// A bit for each that may be dirty.
        u64 dirty { 0 };
    };
    static constexpr u64 all_registers = ~u64 { 0 } >> (64 - RegisterNumber::count);
    static constexpr u64 general_registers = ~u64 { 0 } >> (64 - RegisterNumber::floating);
    struct Branch {
        bool made { false };
        Condition condition;
        Id target { 0 };
    };
    /// A register, or an operand of the condition code, that a loop carries.
    struct Carried {
        enum class What : u8 { whole, full, half, newer_half, code_a, code_b, code_since };
        What what;
        u8 number;
    };
    /// Of Held.
    struct HeldIds {
        Id full { 0 };
        Id half { 0 };

        bool operator==(const HeldIds&) const = default;
    };
    using AllHeld = std::array<HeldIds, RegisterNumber::floating>;
    /// All that is known at one point.
    struct State {
        RegisterFile registers;
        CodeState code;
        Id data_space { 0 };
        Id code_space { 0 };
        Id bfp_state { 0 };
        bool has_called { false };
        u64 reloaded { 0 };
        std::vector<u32> known_located;
        /// As the instruction began.
        AllHeld held;
    };
    /// A side exit, and what is known where it is taken.
    struct Kept {
        Id exit;
        State state;
    };
    struct Store {
        u8 bytes { 0 };
        u8 base { 16 };
        Id address { 0 };
        Id value { 0 };
        Id space { 0 };
    };

    [[nodiscard]] Id add_node(Node node);
    [[nodiscard]] Node narrowed(Node node);
    [[nodiscard]] Id constant(u64 value);
    [[nodiscard]] Id node(W value) { return value.is_constant() ? constant(value.constant) : value.id; }
    [[nodiscard]] Id node(G value) { return value.is_constant() ? constant(value.constant) : value.id; }
    [[nodiscard]] Id binary(Kind kind, u8 width, Id x, Id y);
    [[nodiscard]] Id merge(Id whole, Id half);
    [[nodiscard]] Id narrowed(Id rotated, u64 wanted);
    [[nodiscard]] Id masked(Id x, u64 mask);
    template<class V>
    [[nodiscard]] V value_of(Id id)
    {
        const Node& node = m_program.nodes[id];
        return node.kind == Kind::constant ? V { node.imm } : V { this, id };
    }
    [[nodiscard]] Id ordered(Kind kind, G x, G y)
    {
        Id a = node(x);
        Id b = node(y);
        return add_node({ .kind = kind, .a = a, .b = b });
    }
    [[nodiscard]] Id interlocked(Node node, const Address& at);
    [[nodiscard]] Id locate(Id address, u32 bytes, Id space, bool stores);
    [[nodiscard]] Id bfp_state();
    [[nodiscard]] Id space(Kind kind);
    [[nodiscard]] Id load(u8 bytes, const Address& from, Kind space_kind);
    void store(u8 bytes, const Address& to, Id value, Kind space_kind);
    [[nodiscard]] Id block(BlockOperation operation, const Address& first, const Address& second, u64 length);
    void store_multiple(u8 width, u8 first, u8 last, const Address& to);
    void flush_store(u32 after);
    [[nodiscard]] u32 snapshot(const RegisterFile& registers, const CodeState& code);
    [[nodiscard]] u32 before();
    [[nodiscard]] u32 after() { return snapshot(m_registers, m_code); }
    [[nodiscard]] u32 add_condition(const Condition& condition);
    void check_overflow();
    void write_through();
    void note_held();
    void note_held(u8 number);
    void side_exit(bool goes_along);
    void end_branch();
    [[nodiscard]] CodeState narrowed_code(unsigned mask);
    [[nodiscard]] Id carry(Id value, u8 width);
    [[nodiscard]] bool reads(Id id, u8 number) const;
    [[nodiscard]] bool is_unchanged(u8 number) const;
    [[nodiscard]] Register& changed(u8 number)
    {
        m_changed |= u64 { 1 } << number;
        return m_registers.all[number];
    }
    void note_register(u8 number, Rounds& rounds) const;
    void note_located(Rounds& rounds) const;
    void note_code(Rounds& rounds) const;
    void read_before_loop(u8 number, const Rounds& rounds);
    void locate_before_loop(const Rounds& rounds);
    void carry_register(u8 number, const Rounds& rounds);
    void carry_code(const Rounds& rounds);
    [[nodiscard]] Id carried_value(const Carried& carried);
    [[nodiscard]] State state() const;
    [[nodiscard]] Id full(u8 number) { return node(number < RegisterNumber::floating ? g(number) : f(number - RegisterNumber::floating)); }
    [[nodiscard]] Id half(u8 number) { return node(number < RegisterNumber::floating ? w(number) : fs(number - RegisterNumber::floating)); }
    [[nodiscard]] bool fits_loop() const;
    [[nodiscard]] bool code_fits_loop() const;
    void put_code();
    void forget_registers();
    [[nodiscard]] static u8 floating(u8 r) { return static_cast<u8>(RegisterNumber::floating + r); }
    [[nodiscard]] static u8 vector_number(u8 number) { return static_cast<u8>(number - RegisterNumber::floating); }
    void put_full(u8 number, G value);
    void put_half(u8 number, W value);

    template<class V>
    [[nodiscard]] V get(u8 place, u8 r)
    {
        constexpr u8 width = std::is_same_v<V, G> ? 8 : 4;
        return V { this, add_node({ .kind = Kind::get_vr, .width = width, .info = static_cast<u8>(place + r) }) };
    }
    template<class V>
    void put(u8 place, u8 r, V value)
    {
        constexpr u8 width = std::is_same_v<V, G> ? 8 : 4;
        (void)add_node({ .kind = Kind::put_vr, .width = width, .info = static_cast<u8>(place + r), .a = node(value) });
    }
    template<class V>
    [[nodiscard]] Truth compared(ConditionKind kind, Value<V> x, Value<V> y)
    {
        if (x.is_constant() && y.is_constant()) {
            using S = std::make_signed_t<V>;
            return constant_truth(
                kind == ConditionKind::lt_s ? static_cast<S>(x.constant) < static_cast<S>(y.constant) : x.constant < y.constant);
        }
        return { { .kind = kind, .width = sizeof(V), .a = node(x), .b = node(y), .code = {} } };
    }
    [[nodiscard]] static Truth constant_truth(bool value) { return { { .kind = ConditionKind::constant, .mask = value, .code = {} } }; }
    template<class V>
    [[nodiscard]] Value<V> selected(const Truth& truth, Value<V> yes, Value<V> no)
    {
        if (truth.condition.kind == ConditionKind::constant)
            return (truth.condition.mask != 0) != truth.condition.negate ? yes : no;
        Id a = node(yes);
        Id b = node(no);
        return { this, add_node({ .kind = Kind::select, .width = sizeof(V), .a = a, .b = b, .c = add_condition(truth.condition) }) };
    }
    [[nodiscard]] W truth(const Truth& truth);
    template<class V, std::size_t Count>
    [[nodiscard]] Value<V> bfp_of(BfpOperation operation, u8 r1, const std::array<Value<V>, Count>& operands)
    {
        std::array<Id, 3> ids {};
        for (std::size_t i = 0; i < Count; ++i)
            ids[i] = node(operands[i]);
        return bfp_node<V>(operation, r1, ids);
    }
    template<class V>
    [[nodiscard]] Value<V> bfp_node(BfpOperation operation, u8 r1, const std::array<Id, 3>& operands)
    {
        Node node { .kind = Kind::bfp, .width = sizeof(V), .info = static_cast<u8>(operation), .imm = r1 };
        return { this, add_bfp(node, operands) };
    }
    [[nodiscard]] Id add_bfp(Node node, const std::array<Id, 3>& operands);
    template<class V>
    void set_code(CodeKind kind, Value<V> x, Value<V> y, Id result = 0)
    {
        Id a = node(x);
        Id b = node(y);
        m_code = { kind, sizeof(V), a, b, result };
    }
    template<class V>
    [[nodiscard]] Value<V> arithmetic(CodeKind kind, Value<V> x, Value<V> y, Value<V> result)
    {
        set_code(kind, x, y, node(result));
        return result;
    }
    [[nodiscard]] W carry() { return truth(cc_in(0b0011)); }
    [[nodiscard]] W borrow() { return truth(cc_in(0b1100)); }
    template<class V>
    [[nodiscard]] Value<V> with_carry(Value<V> x, Value<V> y, Value<V> carry_in)
    {
        auto partial = x + y;
        auto sum = partial + carry_in;
        cc(truth(!lt_u(sum, Value<V> { 1 })) | (truth(lt_u(partial, x)) | truth(lt_u(sum, partial))) << 1);
        return sum;
    }
    template<class V>
    [[nodiscard]] Value<V> with_borrow(Value<V> x, Value<V> y, Value<V> borrow_in)
    {
        auto partial = x - y;
        auto difference = partial - borrow_in;
        auto borrowed = truth(lt_u(x, y)) | truth(lt_u(partial, borrow_in));
        cc(truth(!lt_u(difference, Value<V> { 1 })) | (borrowed ^ 1U) << 1);
        return difference;
    }

    template<class>
    friend struct Value;

    Program& m_program;
    Manner m_manner;
    u64 m_address_mask { ~u64 { 0 } };
    u64 m_address { 0 };
    u8 m_length { 0 };
    u32 m_step { 0 };
    bool m_finished { false };
    RegisterFile m_registers;
    CodeState m_code;
    Id m_data_space { 0 };
    Id m_code_space { 0 };
    Id m_bfp_state { 0 };
    Branch m_branch;
    std::optional<u64> m_goes_on_at;
    u64 m_next { 0 };
    /// A handler was called, so that spaces and the state of BFP may be others.
    bool m_has_called { false };
    /// General registers that were loaded by the CPU, a bit for each.
    u64 m_reloaded { 0 };
    // As the loop began:
    bool m_called_before_loop { false };
    RegisterFile m_loop_registers;
    CodeState m_loop_code;
    std::vector<Carried> m_carried;
    /// A bit for each register that the loop does not change.
    u64 m_unchanged { 0 };
    bool m_keeps_exit { false };
    std::vector<Kept> m_kept;
    Store m_store;
    bool m_instruction_locates { false };
    /// Of Program::located, by index, those that hold here.
    std::vector<u32> m_known_located;
    /// The instruction has changed storage before its end.
    bool m_changed_storage { false };
    // As the instruction began:
    RegisterFile m_registers_before;
    /// A bit for each register that may have other values since.
    u64 m_changed { all_registers };
    CodeState m_code_before;
    Id m_first_node { 0 };
    /// What Program::held says last.
    AllHeld m_held {};
    u32 m_before { 0 };
    bool m_unsupported { false };
};

template<class Plain>
Value<Plain> Value<Plain>::make(Kind kind, Value x, Value y)
{
    Builder* builder = x.builder ? x.builder : y.builder;
    Id a = builder->node(x);
    Id b = builder->node(y);
    return { builder, builder->binary(kind, sizeof(Plain), a, b) };
}

template<class Plain>
Value<Plain> Value<Plain>::make_shift(Kind kind, Value x, Value<u32> count)
{
    Builder* builder = x.builder ? x.builder : count.builder;
    Id a = builder->node(x);
    Id b = builder->node(count);
    return { builder, builder->add_node({ .kind = kind, .width = sizeof(Plain), .a = a, .b = b }) };
}

} // namespace zvisor::ir
