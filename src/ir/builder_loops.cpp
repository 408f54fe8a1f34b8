#include "ir/builder.h"

#include "base/verify.h"

#include <algorithm>
#include <bit>

namespace zvisor::ir {

bool Rounds::need_first() const
{
    return std::ranges::any_of(registers, [](const Register& reg) { return reg.is_changed && reg.full && reg.right_is_zero; });
}

// ---- What registers have -----------------------------------------------------------------------------------

/// What registers have where the next node is, as far as it changed.
void Builder::note_held()
{
    if (m_manner.writes_through)
        return;
    for (u64 left = m_changed & general_registers; left; left &= left - 1)
        note_held(static_cast<u8>(std::countr_zero(left)));
}

void Builder::note_held(u8 number)
{
    const Register& reg = m_registers.all[number];
    HeldIds now { .full = reg.half_is_newer ? 0 : reg.full, .half = reg.half_is_newer && reg.full_dirty ? 0 : reg.half };
    if (now == m_held[number])
        return;
    m_held[number] = now;
    auto next = static_cast<Id>(m_program.nodes.size());
    m_program.held.push_back({ m_first_node, next, number, now.full, now.half });
}

// ---- What rounds do --------------------------------------------------------------------------------------

/// Whether a value is what a register had when it was not known.
bool Builder::reads(Id id, u8 number) const
{
    const Node& node = m_program.nodes[id];
    bool is_general = number < RegisterNumber::floating;
    bool is_of_kind = is_general ? node.kind == Kind::get_gr : node.kind == Kind::get_vr || node.kind == Kind::get_vector;
    return is_of_kind && node.info == (is_general ? number : vector_number(number));
}

/// Whether a register has what it had when the recording began.
bool Builder::is_unchanged(u8 number) const
{
    const Register& reg = m_registers.all[number];
    auto is_read = [&](Id id) { return id == 0 || reads(id, number); };
    bool was_put = reg.full_dirty || reg.half_dirty || reg.whole_dirty || reg.half_is_newer || m_reloaded >> number & 1;
    bool is_element = reg.whole && m_program.nodes[reg.full].kind == Kind::element;
    return !m_has_called && !was_put && is_read(reg.whole) && (is_element || is_read(reg.full));
}

void Builder::note_register(u8 number, Rounds& rounds) const
{
    const Register& reg = m_registers.all[number];
    Rounds::Register& noted = rounds.registers[number];
    bool is_first = rounds.count == 0;
    noted.full |= reg.full != 0;
    noted.half |= reg.half != 0;
    noted.whole |= reg.whole != 0;
    noted.apart |= is_first && number < RegisterNumber::floating && reg.full && reg.half_is_newer;
    noted.is_changed |= !is_unchanged(number);
    noted.is_dirty |= reg.full_dirty || reg.half_dirty || reg.whole_dirty;
    bool only_half = !reg.full_dirty && (reg.full == 0 || (reads(reg.full, number) && (reg.half_is_newer || is_unchanged(number))));
    noted.full_is_put |= m_has_called || m_reloaded >> number & 1 || !only_half;
    noted.right_is_zero &= reg.right_is_zero;
}

/// Those whose base is an unchanged register, or a constant.
void Builder::note_located(Rounds& rounds) const
{
    for (u32 index : m_known_located) {
        const Located& what = m_program.located[index];
        const Node& node = m_program.nodes[what.node];
        const Node& root = m_program.nodes[node.a];
        Rounds::Near near { .base = {},
            .in_code = m_program.nodes[node.b].kind == Kind::code_tlb,
            .begin = what.begin,
            .end = what.end,
            .stores = what.stores };
        bool is_register = root.kind == Kind::get_gr && root.width == 8 && is_unchanged(root.info);
        if (is_register)
            near.base = root.info;
        else if (root.kind == Kind::constant)
            near.page = root.imm;
        if (is_register || root.kind == Kind::constant)
            rounds.located.push_back(near);
    }
}

void Builder::note_code(Rounds& rounds) const
{
    auto constant_of = [this](Id id) {
        const Node& node = m_program.nodes[id];
        return id && node.kind == Kind::constant ? std::optional(node.imm) : std::nullopt;
    };
    rounds.code = m_code;
    rounds.code_a = constant_of(m_code.a);
    rounds.code_b = constant_of(m_code.b);
}

void Builder::note_round(Rounds& rounds)
{
    if (rounds.count == 0) {
        rounds.has_called = m_has_called;
        rounds.data_space = m_data_space != 0;
        rounds.code_space = m_code_space != 0;
        rounds.bfp_state = m_bfp_state != 0;
        note_code(rounds);
        if (!m_has_called)
            note_located(rounds);
    }
    for (u8 number = 0; number < RegisterNumber::count; ++number)
        note_register(number, rounds);
    ++rounds.count;
}

// ---- The loop --------------------------------------------------------------------------------------------

Id Builder::carry(Id value, u8 width)
{
    return add_node({ .kind = Kind::carried, .width = width, .a = value });
}

/// What a round does not change is read once.
void Builder::read_before_loop(u8 number, const Rounds& rounds)
{
    const Rounds::Register& noted = rounds.registers[number];
    if (rounds.has_called || noted.is_changed || !(noted.full || noted.half || noted.whole))
        return;
    if (noted.whole)
        (void)v(vector_number(number));
    else if (noted.full)
        (void)full(number);
    else
        (void)half(number);
    m_unchanged |= u64 { 1 } << number;
    if (number < RegisterNumber::floating)
        note_held(number);
}

/// All of a register that is changed and known is carried: a vector as one value, a general register as a doubleword, maybe with the half
/// that is newer, or as a word where no round changes more, and a floating-point register as one of them.
void Builder::carry_register(u8 number, const Rounds& rounds)
{
    const Rounds::Register& noted = rounds.registers[number];
    if (!noted.is_changed && !rounds.has_called)
        return;
    bool is_dirty = noted.is_dirty;
    Register& reg = changed(number);
    if (noted.whole) {
        Id vector = v(vector_number(number)).id;
        reg = { .whole = carry(vector, 16), .whole_dirty = is_dirty };
        m_carried.push_back({ Carried::What::whole, number });
    } else if (number < RegisterNumber::floating && noted.half && !noted.full_is_put) {
        if (noted.full && !reg.full)
            (void)full(number);
        Id left = noted.full ? reg.full : 0;
        Id value = half(number);
        reg = { .full = left, .half = carry(value, 4), .half_is_newer = true, .half_dirty = is_dirty };
        m_carried.push_back({ Carried::What::half, number });
    } else if (noted.apart) {
        Id left = reg.full && reg.half_is_newer ? reg.full : full(number);
        Id right = half(number);
        left = carry(left, 8);
        right = carry(right, 4);
        reg = { .full = left, .half = right, .half_is_newer = true, .full_dirty = is_dirty, .half_dirty = is_dirty };
        m_carried.push_back({ Carried::What::full, number });
        m_carried.push_back({ Carried::What::newer_half, number });
    } else if (noted.full) {
        bool right_is_zero = reg.right_is_zero && noted.right_is_zero;
        Id value = full(number);
        reg = { .full = carry(value, 8), .full_dirty = is_dirty, .right_is_zero = right_is_zero };
        m_carried.push_back({ Carried::What::full, number });
    } else if (noted.half) {
        Id value = half(number);
        reg = { .half = carry(value, 4), .half_is_newer = true, .half_dirty = is_dirty };
        m_carried.push_back({ Carried::What::half, number });
    }
    m_registers.dirty |= u64 { is_dirty } << number;
    if (number < RegisterNumber::floating)
        note_held(number);
}

/// As rounds leave it; before the first one the CPU may have it.
void Builder::carry_code(const Rounds& rounds)
{
    if (rounds.code.kind == CodeKind::memory)
        return;
    bool is_known = m_code.kind != CodeKind::memory;
    VERIFY(!is_known || m_code.kind == rounds.code.kind);
    CodeState code { .kind = rounds.code.kind, .width = rounds.code.width };
    auto carry_operand = [&](Carried::What what, Id noted, std::optional<u64> value, Id before) -> Id {
        if (noted == 0)
            return 0;
        if (value)
            return constant(*value);
        m_carried.push_back({ what, 0 });
        Id first = is_known ? before : constant(0);
        return carry(first, code.width);
    };
    code.a = carry_operand(Carried::What::code_a, rounds.code.a, rounds.code_a, m_code.a);
    code.b = carry_operand(Carried::What::code_b, rounds.code.b, rounds.code_b, m_code.b);
    if (!is_known) {
        m_carried.push_back({ Carried::What::code_since, 0 });
        code.since = carry(constant(0), 4);
    }
    m_code = code;
}

/// What is located from an unchanged base, so that the rounds need not. When it cannot be, the first instruction is executed by its
/// handler; behind a first round it has been.
void Builder::locate_before_loop(const Rounds& rounds)
{
    m_instruction_locates = m_manner.locates;
    for (const Rounds::Near& near : rounds.located) {
        Id in = space(near.in_code ? Kind::code_tlb : Kind::data_tlb);
        G root = near.base ? g(*near.base) : G { near.page };
        Id address = node(root + static_cast<u64>(near.begin));
        if (Id located = locate(address, static_cast<u32>(near.end - near.begin), in, near.stores))
            m_program.located[m_program.nodes[located].c].begins_with_store = false;
    }
}

void Builder::begin_loop(const Rounds& rounds)
{
    note_held();
    m_first_node = static_cast<Id>(m_program.nodes.size());
    if (rounds.has_called) {
        m_data_space = m_code_space = m_bfp_state = 0;
        m_known_located.clear();
    } else {
        if (rounds.data_space)
            (void)space(Kind::data_tlb);
        if (rounds.code_space)
            (void)space(Kind::code_tlb);
        if (rounds.bfp_state)
            (void)bfp_state();
    }
    for (u8 number = 0; number < RegisterNumber::count; ++number)
        read_before_loop(number, rounds);
    if (m_step == 0 && !rounds.begins_with_branch)
        locate_before_loop(rounds);
    for (u8 number = 0; number < RegisterNumber::count; ++number)
        carry_register(number, rounds);
    carry_code(rounds);
    m_has_called = rounds.has_called;
    m_called_before_loop = m_has_called;
    m_loop_registers = m_registers;
    m_loop_code = m_code;
    m_program.loop = add_node({ .kind = Kind::loop });
}

/// Whether what is to go to the CPU is the same as where the loop began, or less, and what was known is so still.
bool Builder::fits_loop() const
{
    if (m_has_called != m_called_before_loop)
        return false;
    for (std::size_t number = 0; number < RegisterNumber::count; ++number)
        if (!m_registers.all[number].fits(m_loop_registers.all[number]))
            return false;
    for (u64 left = m_unchanged; left; left &= left - 1) {
        auto number = static_cast<std::size_t>(std::countr_zero(left));
        const Register& is = m_registers.all[number];
        const Register& was = m_loop_registers.all[number];
        auto same = [](Id then, Id now) { return then == 0 || then == now; };
        if (!same(was.whole, is.whole) || (!was.whole && !same(was.full, is.full)) || (!was.whole && !was.full && !same(was.half, is.half)))
            return false;
    }
    return code_fits_loop() || m_loop_code.kind == CodeKind::memory || m_loop_code.since;
}

/// Whether the condition code is known as it was where the loop began.
bool Builder::code_fits_loop() const
{
    auto same_constant = [this](Id x, Id y) {
        const Node& was = m_program.nodes[x];
        const Node& is = m_program.nodes[y];
        return was.kind != Kind::constant ? (x == 0) == (y == 0) : is.kind == Kind::constant && is.imm == was.imm;
    };
    if (m_code.kind != m_loop_code.kind || m_code.kind == CodeKind::memory)
        return m_code.kind == m_loop_code.kind;
    return m_code.width == m_loop_code.width && (m_loop_code.since || !m_code.since) && same_constant(m_loop_code.a, m_code.a)
        && same_constant(m_loop_code.b, m_code.b);
}

/// The CPU has it then.
void Builder::put_code()
{
    if (m_code.kind == CodeKind::memory)
        return;
    u32 code = add_condition({ .kind = ConditionKind::code, .code = m_code });
    (void)add_node({ .kind = Kind::put_code, .c = code });
    m_code = {};
}

/// What is to be carried to the next round.
Id Builder::carried_value(const Carried& carried)
{
    const Register& reg = m_registers.all[carried.number];
    bool in_cpu = m_code.kind == CodeKind::memory;
    switch (carried.what) {
    case Carried::What::whole:
        return v(vector_number(carried.number)).id;
    case Carried::What::full: {
        bool apart = m_loop_registers.all[carried.number].half_is_newer && reg.full;
        return apart ? reg.full : full(carried.number);
    }
    case Carried::What::newer_half:
        return reg.half_is_newer ? reg.half : reg.full;
    case Carried::What::half:
        return half(carried.number);
    case Carried::What::code_a:
        return in_cpu ? constant(0) : m_code.a;
    case Carried::What::code_b:
        return in_cpu ? constant(0) : m_code.b;
    case Carried::What::code_since:
        return m_code.since ? m_code.since : constant(!in_cpu);
    }
    std::unreachable();
}

void Builder::close_loop(u64 address)
{
    if (!fits_loop())
        return finish(address);
    if (!code_fits_loop())
        put_code();
    note_held();
    std::vector<Id> values;
    for (const Carried& carried : m_carried)
        values.push_back(carried_value(carried));
    auto first = m_program.carried.size();
    m_program.carried.insert(m_program.carried.end(), values.begin(), values.end());
    Id target = constant(address);
    (void)add_node({ .kind = Kind::repeat, .a = target, .after = after(), .imm = first });
    m_finished = true;
}

// ---- Arms ------------------------------------------------------------------------------------------------

Builder::State Builder::state() const
{
    return { m_registers, m_code, m_data_space, m_code_space, m_bfp_state, m_has_called, m_reloaded, m_known_located, m_held };
}

void Builder::begin_arm(std::size_t kept)
{
    const auto& [exit, then] = m_kept[kept];
    m_registers = then.registers;
    m_code = then.code;
    m_data_space = then.data_space;
    m_code_space = then.code_space;
    m_bfp_state = then.bfp_state;
    m_has_called = then.has_called;
    m_reloaded = then.reloaded;
    m_known_located = then.known_located;
    m_held = then.held;
    m_changed = all_registers;
    m_finished = false;
    Id arm = add_node({ .kind = Kind::arm, .imm = exit });
    m_program.arms.push_back(arm);
    Node& from = m_program.nodes[exit];
    from.imm = arm;
    from.after = 0;
    m_first_node = arm + 1;
}

} // namespace zvisor::ir
