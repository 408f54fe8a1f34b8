#include "ir/builder.h"

#include <bit>

namespace zvisor::ir {

Id Builder::carry(Id value, u8 width)
{
    return add_node({ .kind = Kind::carried, .width = width, .a = value });
}

/// Whether a register has what it had when the block began: it has so behind each round then, since that is the same path again.
bool Builder::stays_through_loop(u8 number) const
{
    const Register& reg = m_registers.all[number];
    Kind kind = m_program.nodes[reg.full].kind;
    bool was_put = reg.full_dirty || reg.half_is_newer || reg.whole || m_reloaded >> number & 1;
    return !m_has_called && !was_put && (kind == Kind::get_gr || kind == Kind::get_vr);
}

/// All of a register that is known is carried: a vector as one value, a general register as a doubleword and the half that is newer, a
/// floating-point register as one of them.
void Builder::carry_register(u8 number)
{
    Register& reg = m_registers.all[number];
    if (stays_through_loop(number)) {
        m_unchanged |= u64 { 1 } << number;
        return;
    }
    bool dirty = reg.whole_dirty || reg.full_dirty || reg.half_dirty;
    if (reg.whole) {
        Id vector = v(vector_number(number)).id;
        reg = { .whole = carry(vector, 16), .whole_dirty = dirty };
        m_carried.push_back({ Carried::What::whole, number });
    } else if (reg.full && reg.half_is_newer && number < RegisterNumber::floating) {
        reg.full = carry(reg.full, 8);
        reg.half = carry(reg.half, 4);
        reg.merged = 0;
        m_carried.push_back({ Carried::What::full, number });
        m_carried.push_back({ Carried::What::newer_half, number });
    } else if (reg.full) {
        Id value = full(number);
        reg = { .full = carry(value, 8), .full_dirty = dirty, .right_is_zero = reg.right_is_zero };
        m_carried.push_back({ Carried::What::full, number });
    } else if (reg.half) {
        reg.half = carry(reg.half, 4);
        m_carried.push_back({ Carried::What::half, number });
    }
}

void Builder::begin_loop()
{
    for (u8 number = 0; number < RegisterNumber::count; ++number)
        carry_register(number);
    auto carry_operand = [this](Carried::What what, Id& operand) {
        if (operand == 0 || m_program.nodes[operand].kind == Kind::constant)
            return;
        operand = carry(operand, m_code.width);
        m_carried.push_back({ what, 0 });
    };
    if (m_code.kind != CodeKind::memory) {
        carry_operand(Carried::What::code_a, m_code.a);
        carry_operand(Carried::What::code_b, m_code.b);
    }
    m_code.result = 0;
    if (m_has_called) {
        m_data_space = m_code_space = m_bfp_state = 0;
        m_first_located = m_program.located.size();
    }
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
    for (u64 left = m_unchanged; left; left &= left - 1)
        if (auto number = static_cast<std::size_t>(std::countr_zero(left));
            m_registers.all[number].full != m_loop_registers.all[number].full)
            return false;
    auto same_constant = [this](Id x, Id y) {
        const Node& was = m_program.nodes[x];
        const Node& is = m_program.nodes[y];
        return was.kind != Kind::constant ? (x == 0) == (y == 0) : is.kind == Kind::constant && is.imm == was.imm;
    };
    if (m_code.kind != m_loop_code.kind || m_code.kind == CodeKind::memory)
        return m_code.kind == m_loop_code.kind;
    return m_code.width == m_loop_code.width && same_constant(m_loop_code.a, m_code.a) && same_constant(m_loop_code.b, m_code.b);
}

void Builder::close_loop(u64 address)
{
    if (!fits_loop()) {
        m_program.loop = 0;
        return finish(address);
    }
    for (const Carried& carried : m_carried) {
        switch (carried.what) {
        case Carried::What::whole:
            m_program.carried.push_back(v(vector_number(carried.number)).id);
            break;
        case Carried::What::full: {
            const Register& reg = m_registers.all[carried.number];
            bool apart = m_loop_registers.all[carried.number].half_is_newer && reg.full;
            m_program.carried.push_back(apart ? reg.full : full(carried.number));
            break;
        }
        case Carried::What::newer_half: {
            const Register& reg = m_registers.all[carried.number];
            m_program.carried.push_back(reg.half_is_newer ? reg.half : reg.full);
            break;
        }
        case Carried::What::half:
            m_program.carried.push_back(half(carried.number));
            break;
        case Carried::What::code_a:
            m_program.carried.push_back(m_code.a);
            break;
        case Carried::What::code_b:
            m_program.carried.push_back(m_code.b);
            break;
        }
    }
    Id target = constant(address);
    (void)add_node({ .kind = Kind::repeat, .a = target, .after = after() });
    m_finished = true;
}

} // namespace zvisor::ir
