#include "ir/builder.h"

#include <bit>

namespace zvisor::ir {

namespace {

/// A mask of the condition codes that may follow, as branch instructions have it.
[[nodiscard]] unsigned possible_codes(const Program& program, const CodeState& code)
{
    if (code.since)
        return 0b1111;
    switch (code.kind) {
    case CodeKind::zero:
        return 0b1100;
    case CodeKind::compare_s:
    case CodeKind::compare_u:
        return 0b1110;
    case CodeKind::sub_u:
        return 0b0111;
    case CodeKind::test_byte:
    case CodeKind::test_halfword:
        return tested_codes(code.kind, program.nodes[code.b].imm);
    default:
        return 0b1111;
    }
}

} // namespace

void Program::clear()
{
    nodes.clear();
    conditions.clear();
    snapshots.clear();
    saved.clear();
    located.clear();
    held.clear();
    carried.clear();
    loop = 0;
    arms.clear();
}

// ---- For the engine ------------------------------------------------------------------------------------

void Builder::begin(const Manner& manner)
{
    m_manner = manner;
    m_program.clear();
    m_program.nodes.emplace_back();
    m_program.conditions.emplace_back();
    m_program.snapshots.emplace_back();
    m_address_mask = ~u64 { 0 } >> (64 - manner.addressing_mode);
    m_step = 0;
    m_finished = false;
    m_has_called = false;
    m_carried.clear();
    m_kept.clear();
    m_unchanged = 0;
    m_reloaded = 0;
    forget_registers();
    m_registers_before = {};
    m_code_before = {};
    m_before = 0;
    m_first_node = 1;
    m_held = {};
}

void Builder::begin_instruction(u64 address, u8 length, std::optional<u64> goes_on_at, bool branches, bool keeps_exit)
{
    m_keeps_exit = keeps_exit;
    m_instruction_locates = m_manner.locates && !branches;
    m_goes_on_at = goes_on_at;
    m_next = (address + length) & m_address_mask;
    m_address = address;
    m_length = length;
    note_held();
    for (u64 left = std::exchange(m_changed, 0); left; left &= left - 1) {
        auto number = static_cast<std::size_t>(std::countr_zero(left));
        m_registers_before.all[number] = m_registers.all[number];
    }
    m_registers_before.dirty = m_registers.dirty;
    m_code_before = m_code;
    m_first_node = static_cast<Id>(m_program.nodes.size());
    m_before = 0;
    m_branch = {};
    m_store = {};
    m_changed_storage = false;
    m_unsupported = false;
}

bool Builder::end_instruction(bool overflow)
{
    if (overflow && m_manner.overflow && !m_unsupported)
        check_overflow();
    if (m_unsupported) {
        m_program.nodes.resize(m_first_node);
        m_registers = m_registers_before;
        m_code = m_code_before;
        for (Id* known : { &m_data_space, &m_code_space, &m_bfp_state })
            if (*known >= m_first_node)
                *known = 0;
        while (!m_program.located.empty() && m_program.located.back().node >= m_first_node)
            m_program.located.pop_back();
        std::erase_if(m_known_located, [this](u32 index) { return index >= m_program.located.size(); });
        return false;
    }
    if (m_store.bytes)
        flush_store(after());
    if (m_manner.writes_through)
        write_through();
    if (m_changed_storage)
        (void)add_node({ .kind = Kind::leave_if_stale, .after = after() });
    if (m_branch.made)
        end_branch();
    ++m_step;
    return true;
}

/// A computed branch of a path goes where it went when it was followed, or leaves.
void Builder::end_branch()
{
    bool is_computed = m_program.nodes[m_branch.target].kind != Kind::constant;
    bool is_always = m_branch.condition.kind == ConditionKind::constant;
    if (m_goes_on_at && is_computed && is_always) {
        m_next = *m_goes_on_at;
        Id expected = constant(m_next);
        m_branch.condition = { .kind = ConditionKind::equal, .negate = true, .a = m_branch.target, .b = expected, .code = {} };
        return side_exit(false);
    }
    bool is_followed = m_goes_on_at && !is_computed && m_program.nodes[m_branch.target].imm == *m_goes_on_at;
    if (is_followed)
        m_next = *m_goes_on_at;
    if (!is_always)
        return side_exit(m_next != next_address());
    if (is_followed)
        return;
    m_finished = true;
    note_held();
    (void)add_node({ .kind = Kind::exit, .a = m_branch.target, .after = after() });
}

/// A branch on the condition code often leaves one code that it can be where it is taken, or where it is not. `goes_along`: the path
/// that is recorded is where it is taken.
void Builder::side_exit(bool goes_along)
{
    Condition condition = m_branch.condition;
    condition.negate ^= goes_along;
    u32 number = add_condition(condition);
    Id target = goes_along ? constant(next_address()) : m_branch.target;
    CodeState otherwise = m_code;
    if (condition.kind == ConditionKind::code && m_code.kind != CodeKind::memory && condition.code == m_code) {
        unsigned possible = possible_codes(m_program, m_code);
        unsigned taken = possible & (condition.negate ? ~unsigned { condition.mask } : condition.mask);
        otherwise = narrowed_code(possible & ~taken);
        m_code = narrowed_code(taken);
    }
    Id exit = add_node({ .kind = Kind::side_exit, .a = target, .c = number, .after = after() });
    if (m_keeps_exit && m_program.nodes[target].kind == Kind::constant)
        m_kept.push_back({ exit, state() });
    m_code = otherwise;
}

/// The condition code when it is one in a mask.
CodeState Builder::narrowed_code(unsigned mask)
{
    if (std::popcount(mask) != 1)
        return m_code;
    return { CodeKind::value, 4, constant(static_cast<u64>(3 - std::countr_zero(mask))), 0, 0 };
}

void Builder::call(bool leaves)
{
    (void)add_node({ .kind = Kind::call, .before = before(), .imm = leaves });
    forget_registers();
    m_has_called = true;
    m_finished = leaves;
    ++m_step;
}

void Builder::finish(u64 address)
{
    // m_step stays behind the last instruction: nothing can raise here.
    note_held();
    Id target = constant(address);
    (void)add_node({ .kind = Kind::exit, .a = target, .after = after() });
    m_finished = true;
}

void Builder::forget_registers()
{
    m_known_located.clear();
    m_registers = {};
    m_changed = all_registers;
    m_code = {};
    m_data_space = 0;
    m_code_space = 0;
    m_bfp_state = 0;
}

void Builder::check_overflow()
{
    if (m_code.kind != CodeKind::add_s && m_code.kind != CodeKind::sub_s) {
        m_unsupported = true;
        return;
    }
    (void)add_node({ .kind = Kind::overflow,
        .width = m_code.width,
        .info = static_cast<u8>(m_code.kind == CodeKind::sub_s),
        .a = m_code.a,
        .b = m_code.b,
        .c = m_code.result,
        .after = after() });
}

/// Nothing of the instruction can be refused any more: what it has changed is put where it belongs.
void Builder::write_through()
{
    auto put = [this](bool& dirty, u8 number, u8 width, Id value) {
        if (std::exchange(dirty, false))
            (void)add_node({ .kind = Kind::put_register, .width = width, .info = number, .a = value });
    };
    for (u64 left = std::exchange(m_registers.dirty, 0); left; left &= left - 1) {
        auto number = static_cast<u8>(std::countr_zero(left));
        Register& reg = changed(number);
        put(reg.whole_dirty, number, 16, reg.whole);
        put(reg.full_dirty, number, 8, reg.full);
        put(reg.half_dirty, number, 4, reg.half);
    }
}

u32 Builder::snapshot(const RegisterFile& registers, const CodeState& code)
{
    Snapshot taken { .begin = static_cast<u32>(m_program.saved.size()), .end = 0, .code = code };
    for (u64 left = registers.dirty; left; left &= left - 1) {
        auto number = static_cast<u8>(std::countr_zero(left));
        const Register& reg = registers.all[number];
        if (reg.whole_dirty)
            m_program.saved.push_back({ number, 16, reg.whole });
        if (reg.full_dirty)
            m_program.saved.push_back({ number, 8, reg.full });
        if (reg.half_dirty)
            m_program.saved.push_back({ number, 4, reg.half });
    }
    taken.end = static_cast<u32>(m_program.saved.size());
    m_program.snapshots.push_back(taken);
    return static_cast<u32>(m_program.snapshots.size() - 1);
}

u32 Builder::before()
{
    if (m_before == 0)
        m_before = snapshot(m_registers_before, m_code_before);
    return m_before;
}

// ---- Nodes ---------------------------------------------------------------------------------------------

Id Builder::add_node(Node node)
{
    node.step = m_step;
    bool may_narrow = node.width == 8 && (node.kind == Kind::shr || node.kind == Kind::bit_and);
    if (may_narrow && m_program.nodes[node.a].kind == Kind::zx)
        node = narrowed(node);
    m_program.nodes.push_back(node);
    return static_cast<Id>(m_program.nodes.size() - 1);
}

/// Of an extended word the right bits, or those in a mask, are found before it is extended: what is made as a word is so already.
Node Builder::narrowed(Node node)
{
    const Node& second = m_program.nodes[node.b];
    if (second.kind != Kind::constant || (node.kind == Kind::shr ? second.imm >= 32 : second.imm >> 32 != 0))
        return node;
    node.width = 4;
    node.a = m_program.nodes[node.a].a;
    Id word = add_node(node);
    return { .kind = Kind::zx, .a = word, .step = m_step };
}

Id Builder::constant(u64 value)
{
    return add_node({ .kind = Kind::constant, .imm = value });
}

u32 Builder::add_condition(const Condition& condition)
{
    m_program.conditions.push_back(condition);
    return static_cast<u32>(m_program.conditions.size() - 1);
}

/// A rotated register of which only bits are wanted that were in its right half: read as a word, since a doubleword that was stored
/// as a word shortly before makes the host wait.
Id Builder::narrowed(Id rotated, u64 wanted)
{
    Node rotation = m_program.nodes[rotated];
    if (rotation.kind != Kind::rol || rotation.width != 8)
        return rotated;
    const Node& count = m_program.nodes[rotation.b];
    const Node& source = m_program.nodes[rotation.a];
    if (count.kind != Kind::constant || source.kind != Kind::get_gr || source.width != 8)
        return rotated;
    const Register& reg = m_registers.all[source.info];
    if (reg.full != rotation.a || reg.full_dirty || reg.half_is_newer || std::rotr(wanted, static_cast<int>(count.imm & 63)) >> 32 != 0)
        return rotated;
    rotation.a = add_node({ .kind = Kind::get_gr, .width = 4, .info = source.info });
    return add_node(rotation);
}

/// A doubleword of which the bits in a mask stay: a rotation whose bits are shifted out is a shift.
Id Builder::masked(Id x, u64 mask)
{
    if (m_program.nodes[x].kind == Kind::merge && mask >> 32 == 0)
        x = m_program.nodes[x].b;
    Node rotation = m_program.nodes[x];
    const Node& count = m_program.nodes[rotation.b];
    if (rotation.kind == Kind::rol && rotation.width == 8 && count.kind == Kind::constant && count.imm % 64 != 0) {
        u64 left = count.imm % 64;
        const Node& rotated = m_program.nodes[rotation.a];
        if (rotated.kind == Kind::merge && std::rotr(mask, static_cast<int>(left)) >> 32 == 0) {
            rotation.a = rotated.b;
            x = add_node(rotation);
        }
        u64 kept_of_shl = ~u64 { 0 } << left;
        u64 kept_of_shr = ~kept_of_shl;
        if ((mask & ~kept_of_shl) == 0 || (mask & ~kept_of_shr) == 0) {
            bool is_shl = (mask & ~kept_of_shl) == 0;
            if (is_shl && mask == u64 { 0xffffffff } << left) {
                Id word = add_node({ .kind = Kind::zx, .a = rotation.a });
                return add_node({ .kind = Kind::shl, .width = 8, .a = word, .b = constant(left) });
            }
            Id by = constant(is_shl ? left : 64 - left);
            x = add_node({ .kind = is_shl ? Kind::shl : Kind::shr, .width = 8, .a = rotation.a, .b = by });
            if (mask == (is_shl ? kept_of_shl : kept_of_shr))
                return x;
        } else {
            x = narrowed(x, mask);
        }
    }
    if (mask == 0xffffffff)
        return add_node({ .kind = Kind::zx, .a = x });
    Id wanted = constant(mask);
    return add_node({ .kind = Kind::bit_and, .width = 8, .a = x, .b = wanted });
}

/// Sums, products and bits: leaves out what does nothing, as x + 0, x & -1 and -(-x); constants go to the right.
Id Builder::binary(Kind kind, u8 width, Id x, Id y)
{
    auto is_constant = [this](Id id) { return m_program.nodes[id].kind == Kind::constant; };
    auto is_zero = [&](Id id) { return is_constant(id) && m_program.nodes[id].imm == 0; };
    const Node& second = m_program.nodes[y];
    if (kind == Kind::sub && is_zero(x) && second.kind == Kind::sub && second.width == width && is_zero(second.a))
        return second.b;
    if (is_constant(x) && kind != Kind::sub)
        std::swap(x, y);
    if (is_constant(y)) {
        u64 value = width == 4 ? static_cast<u32>(m_program.nodes[y].imm) : m_program.nodes[y].imm;
        u64 ones = width == 4 ? 0xffffffff : ~u64 { 0 };
        bool neutral = kind == Kind::bit_and ? value == ones : kind == Kind::mul ? value == 1 : value == 0;
        if (neutral)
            return x;
        if (kind == Kind::bit_and && width == 8)
            return masked(x, value);
        const Node& sum = m_program.nodes[x];
        if (kind == Kind::add && sum.kind == Kind::add && sum.width == width && is_constant(sum.b)
            && ((m_program.nodes[sum.b].imm + value) & ones) == 0)
            return sum.a;
    }
    return add_node({ .kind = kind, .width = width, .a = x, .b = y });
}

G Builder::g(u8 r)
{
    Register& reg = changed(r);
    if (!reg.full)
        reg.full = add_node({ .kind = Kind::get_gr, .width = 8, .info = r });
    if (!reg.half_is_newer)
        return value_of<G>(reg.full);
    if (!reg.merged)
        reg.merged = merge(reg.full, reg.half);
    return value_of<G>(reg.merged);
}

/// A doubleword whose right half is another word.
Id Builder::merge(Id whole, Id half)
{
    const Node& left = m_program.nodes[whole];
    const Node& right = m_program.nodes[half];
    const Node& operand = m_program.nodes[left.b];
    bool is_masked = left.kind == Kind::bit_and && left.width == 8 && operand.kind == Kind::constant && operand.imm >> 32 == 0;
    bool is_constant = left.kind == Kind::constant && left.imm >> 32 == 0;
    if (is_constant && right.kind == Kind::constant)
        return constant(static_cast<u32>(right.imm));
    if (left.kind == Kind::zx || is_masked || is_constant)
        return add_node({ .kind = Kind::zx, .a = half });
    return add_node({ .kind = Kind::merge, .a = whole, .b = half });
}

W Builder::w(u8 r)
{
    Register& reg = changed(r);
    if (!reg.half)
        reg.half = reg.full ? reg.full : add_node({ .kind = Kind::get_gr, .width = 4, .info = r });
    return value_of<W>(reg.half);
}

G Builder::f(u8 r)
{
    Register& reg = changed(floating(r));
    if (!reg.full)
        reg.full = reg.whole ? add_node({ .kind = Kind::element, .width = 8, .info = 0, .a = reg.whole })
                             : get<G>(Place::floating_register, r).id;
    if (reg.half_is_newer)
        put_full(floating(r), (G { this, reg.full } & 0xffffffffU) | zx(W { this, reg.half }) << 32);
    return { this, reg.full };
}

W Builder::fs(u8 r)
{
    Register& reg = changed(floating(r));
    if (!reg.half && !reg.full && reg.whole)
        (void)f(r);
    if (!reg.half)
        reg.half = reg.full ? hi(G { this, reg.full }).id : get<W>(Place::floating_register, r).id;
    return { this, reg.half };
}

void Builder::put_full(u8 number, G value)
{
    Register& reg = changed(number);
    Id full = node(value);
    if (full == reg.full && !reg.half_is_newer)
        return; // LOAD AND TEST of itself
    reg.full = full;
    reg.half = 0;
    reg.merged = 0;
    reg.half_is_newer = false;
    reg.full_dirty = true;
    reg.half_dirty = false;
    reg.whole_is_older = true;
    m_registers.dirty |= u64 { 1 } << number;
}

void Builder::put_half(u8 number, W value)
{
    Register& reg = changed(number);
    Id half = node(value);
    if (half == reg.half)
        return;
    reg.half = half;
    reg.merged = 0;
    reg.half_is_newer = true;
    reg.half_dirty = true;
    reg.whole_is_older = true;
    m_registers.dirty |= u64 { 1 } << number;
}

G Builder::zx(W value)
{
    if (value.is_constant())
        return { value.constant };
    return { this, add_node({ .kind = Kind::zx, .a = value.id }) };
}

G Builder::sx(W value)
{
    if (value.is_constant())
        return { static_cast<u64>(i64 { static_cast<i32>(value.constant) }) };
    return { this, add_node({ .kind = Kind::sx, .a = value.id }) };
}

W Builder::sx8(W value)
{
    if (value.is_constant())
        return { static_cast<u32>(i32 { static_cast<i8>(value.constant) }) };
    return { this, add_node({ .kind = Kind::sx8, .width = 4, .a = value.id }) };
}

W Builder::sx16(W value)
{
    if (value.is_constant())
        return { static_cast<u32>(i32 { static_cast<i16>(value.constant) }) };
    return { this, add_node({ .kind = Kind::sx16, .width = 4, .a = value.id }) };
}

G Builder::quotient_u(G high, G low, G divisor)
{
    Id a = node(high);
    Id b = node(low);
    Id by = node(divisor);
    return { this, add_node({ .kind = Kind::quotient_u, .a = a, .b = b, .c = by }) };
}

W Builder::lo(G value)
{
    if (value.is_constant())
        return { static_cast<u32>(value.constant) };
    const Node& from = m_program.nodes[value.id];
    return value_of<W>(from.kind == Kind::merge ? from.b : value.id);
}

W Builder::hi(G value)
{
    if (value.is_constant())
        return { static_cast<u32>(value.constant >> 32) };
    return { this, add_node({ .kind = Kind::hi, .width = 4, .a = value.id }) };
}

// ---- Condition code ------------------------------------------------------------------------------------

namespace {

template<class T>
[[nodiscard]] unsigned code_of(T x, T y)
{
    return x == y ? 0 : x < y ? 1 : 2;
}

/// The condition code of a comparison of constants.
[[nodiscard]] std::optional<unsigned> known_code(const Program& program, const CodeState& code)
{
    if (code.kind != CodeKind::compare_s && code.kind != CodeKind::compare_u)
        return {};
    const Node& x = program.nodes[code.a];
    const Node& y = program.nodes[code.b];
    if (x.kind != Kind::constant || y.kind != Kind::constant)
        return {};
    auto narrowed = [&](u64 value) { return code.width == 8 ? value : static_cast<u64>(i64 { static_cast<i32>(value) }); };
    u64 left = narrowed(x.imm);
    u64 right = narrowed(y.imm);
    return code.kind == CodeKind::compare_s ? code_of(static_cast<i64>(left), static_cast<i64>(right)) : code_of(left, right);
}

} // namespace

Truth Builder::cc_in(u8 mask) const
{
    if (mask == 0 || mask == 15)
        return constant_truth(mask != 0);
    if (m_code.since)
        return { { .kind = ConditionKind::code, .mask = mask, .code = m_code } };
    if (m_code.kind == CodeKind::value && m_program.nodes[m_code.a].kind == Kind::constant)
        return constant_truth(mask >> (3 - m_program.nodes[m_code.a].imm) & 1);
    if (auto known = known_code(m_program, m_code))
        return constant_truth(mask >> (3 - *known) & 1);
    return { { .kind = ConditionKind::code, .mask = mask, .code = m_code } };
}

W Builder::truth(const Truth& truth)
{
    const Condition& condition = truth.condition;
    if (condition.kind == ConditionKind::constant)
        return { (condition.mask != 0) != condition.negate };
    return { this, add_node({ .kind = Kind::truth, .width = 4, .c = add_condition(condition) }) };
}

W Builder::code()
{
    if (m_code.kind == CodeKind::value && !m_code.since)
        return { this, m_code.a };
    u32 state = add_condition({ .kind = ConditionKind::code, .code = m_code });
    return { this, add_node({ .kind = Kind::code, .width = 4, .c = state }) };
}

// ---- Flow ----------------------------------------------------------------------------------------------

void Builder::raise_if(const Truth& truth, ProgramCode code)
{
    const Condition& condition = truth.condition;
    if (condition.kind == ConditionKind::constant && (condition.mask != 0) == condition.negate)
        return;
    u32 when = add_condition(condition);
    (void)add_node({ .kind = Kind::raise, .c = when, .before = before(), .imm = static_cast<u64>(code) });
}

void Builder::branch_if(const Truth& truth, G target)
{
    const Condition& condition = truth.condition;
    if (condition.kind == ConditionKind::constant && (condition.mask != 0) == condition.negate)
        return;
    m_branch = { true, condition, node(target) };
}

void Builder::put_link(u8 r, u64 address)
{
    if (m_manner.addressing_mode == 64)
        g(r, G { address });
    else
        w(r, W { static_cast<u32>(address) | (m_manner.addressing_mode == 31 ? 0x80000000U : 0U) });
}

} // namespace zvisor::ir
