#include "engine/translator/emitter.h"

#include <algorithm>

namespace zvisor {

namespace {

using namespace Xbyak::util;
using ir::Kind;
using ir::Node;

[[nodiscard]] u64 swapped(u64 value, u8 bytes)
{
    return __builtin_bswap64(value) >> (64 - 8 * bytes);
}

/// The operand of an access whose host address is in rdx and `more`.
[[nodiscard]] Xbyak::Address operand_at(u8 bytes, const Xbyak::RegExp& more)
{
    return bytes == 1 ? byte[more] : bytes == 2 ? word[more] : bytes == 4 ? dword[more] : qword[more];
}
[[nodiscard]] Xbyak::Reg rcx_of(u8 bytes)
{
    return bytes == 1 ? Xbyak::Reg(cl) : bytes == 2 ? Xbyak::Reg(cx) : bytes == 4 ? Xbyak::Reg(ecx) : Xbyak::Reg(rcx);
}

} // namespace

// ---- Storage -----------------------------------------------------------------------------------------------

/// Whether a value is the sum of another one and a displacement, on a path of two others, too, and nothing but an address.
bool Emitter::is_displaced(Id id) const
{
    const Node& node = m_program->nodes[id];
    if (node.kind != Kind::add || node.width != 8 || m_used_otherwise[id] || m_program->nodes[node.a].kind == Kind::constant)
        return false;
    const Node& second = m_program->nodes[node.b];
    if (m_block->is_path && !is_formed_shortly(id))
        return false;
    return second.kind == Kind::constant ? fits(second.imm, 8) : m_block->is_path;
}

/// Whether all accesses at a sum are soon behind it, on the same way through a path: what is added up lives as long then.
bool Emitter::is_formed_shortly(Id id) const
{
    constexpr Id soon = 16;
    if (m_last[id] > id + soon)
        return false;
    auto between = std::span(m_program->nodes).subspan(id + 1, m_last[id] - id);
    return std::ranges::none_of(between, [](const Node& node) { return node.kind == Kind::loop || node.kind == Kind::arm; });
}

bool Emitter::forms_address(const Node& node) const
{
    return m_block->is_path && (node.kind == Kind::load || node.kind == Kind::store);
}

ir::Id Emitter::index_of(const Node& node) const
{
    Id second = m_displaced[node.a] ? m_program->nodes[node.a].b : 0;
    return m_program->nodes[second].kind == Kind::constant ? 0 : second;
}

/// The register that emit_lookup takes the address of an access in; everything the access needs is in registers or constant then, but for
/// what it adds up itself.
Xbyak::Reg64 Emitter::use_operands(const Node& node)
{
    if (node.b && !finds_by_call(node))
        (void)use(node.b);
    Id from = address_of(node);
    auto need = [&](Id operand) {
        if (operand && !place(operand).constant && !is_wide(operand))
            (void)use(operand);
    };
    bool adds_up = m_block->is_path && from != node.a;
    for (Id part : { from, index_of(node) }) {
        if (Place now = place(part); now.reg != no_register)
            pin(now.reg);
        else if (!adds_up || !now.in_memory())
            need(part);
    }
    need(third_operand(node));
    need(node.d);
    Place address = place(from);
    return address.reg == no_register ? rax : host(address.reg);
}

/// Of the operand of an access.
void Emitter::load_address(const Xbyak::Reg64& to, const Detour& detour)
{
    const Place& index = detour.index;
    if (detour.displacement && detour.a.reg != no_register)
        return m_asm.lea(to, ptr[host(detour.a.reg) + static_cast<std::size_t>(i64 { static_cast<i32>(detour.displacement) })]);
    if (index.reg != no_register && detour.a.reg != no_register)
        return m_asm.lea(to, ptr[host(detour.a.reg) + host(index.reg)]);
    move(to, detour.a);
    if (index.reg != no_register)
        m_asm.add(to, host(index.reg));
    else if (index.in_memory())
        m_asm.add(to, memory(index, 8));
    if (detour.displacement)
        m_asm.add(to, detour.displacement);
}

/// Returns where the operand of an access is.
Xbyak::RegExp Emitter::find_operand(Detour& detour, u32 bytes, bool for_store)
{
    const Node& node = *detour.node;
    if (!finds_by_call(node) && m_displaced[node.a]) {
        find_sum(detour, detour.entry);
        m_asm.add(rdx, rcx);
        return rdx;
    }
    if (!finds_by_call(node)) {
        emit_lookup(detour.a, detour.b, bytes, for_store, detour.entry);
        return rdx + (detour.a.constant ? rax : host(detour.a.reg));
    }
    bool in_code = m_program->nodes[node.b].kind == Kind::code_tlb;
    call_for_operand(detour, m_runtime.find_operand(in_code, for_store, bytes));
    return rdx;
}

void Emitter::call_for_operand(const Detour& detour, const u8* routine)
{
    load_address(rdx, detour);
    count_routine(routine);
    m_asm.call(routine);
    m_calls.push_back({ m_asm.getCurr(), static_cast<u32>(m_detours.size() - 1) });
}

/// Leaves in rdx what added to the address gives the host address. The address is in its register, or in rax when constant.
void Emitter::emit_lookup(const Place& at, const Place& in, u32 bytes, bool for_store, JumpTarget& miss)
{
    if (at.constant) {
        m_asm.move_constant(rdx, at.value);
        m_asm.mov(eax, static_cast<u32>(at.value >> 7));
    } else {
        index_tlb(host(at.reg));
    }
    compare_tag(in, bytes, for_store, miss);
    if (at.constant)
        m_asm.move_constant(rax, at.value);
}

/// Begins a lookup: an address to rdx, and to rax its bits of the page index, where a multiple of the size of an entry has them.
void Emitter::index_tlb(const Xbyak::Reg64& address)
{
    static_assert(sizeof(TlbEntry) == 32);
    if (m_runtime.features.bmi2) {
        m_asm.rorx(eax, address.cvt32(), 7);
    } else {
        m_asm.mov(eax, address.cvt32());
        m_asm.shr(eax, 7);
    }
    m_asm.mov(rdx, address);
}

/// Ends it, with what emit_lookup leaves in rdx.
void Emitter::compare_tag(const Place& in, u32 bytes, bool for_store, JumpTarget& miss)
{
    Xbyak::Reg64 space = host(in.reg);
    u32 tag = m_layout.tlb + static_cast<u32>(for_store ? offsetof(TlbEntry, write_tag) : offsetof(TlbEntry, read_tag));
    u32 delta = m_layout.tlb + static_cast<u32>(offsetof(TlbEntry, delta));
    m_asm.and_(eax, dword[space + m_layout.tlb_mask]);
    m_asm.sub(rdx, ptr[space + rax + tag]);
    m_asm.cmp(rdx, static_cast<u32>(page_size) - bytes);
    m_asm.jump_if(!HostCondition::below_or_equal, miss);
    m_asm.mov(rdx, ptr[space + rax + delta]);
}

/// The same in rdx.
void Emitter::load_operand_address(Detour& detour, u32 bytes, bool for_store)
{
    Xbyak::RegExp operand = find_operand(detour, bytes, for_store);
    if (!finds_by_call(*detour.node))
        m_asm.lea(rdx, ptr[operand]);
}

// ---- Sites -------------------------------------------------------------------------------------------------

/// Groups of sites go to kinds of access as they are needed, every second one to stores; when there is none left a kind begins its
/// last group again.
std::optional<u32> Emitter::take_site(const Node& node)
{
    bool stores = node.kind == Kind::store;
    auto& [next, end] = m_sites[size_index(node.info) * 2 + stores];
    u32& next_group = m_next_groups[stores];
    if (next == end && next_group * 2 * Sites::group < Sites::count) {
        next = (next_group++ * 2 + stores) * Sites::group;
        end = next + Sites::group;
    }
    if (end == 0)
        return {};
    if (next == end)
        next -= Sites::group;
    return next++;
}

/// emit_lookup; by the place's site where it is executed often and mostly finds the same page: in loops, and in programs. The control
/// program works for one program after the other, each with pages of its own.
Xbyak::RegExp Emitter::find_page(Detour& detour)
{
    const Node& node = *detour.node;
    bool is_steady = m_loop_begins || m_block->problem_state;
    if (m_block->is_path && is_steady && !detour.a.constant)
        detour.site = take_site(node);
    if (!detour.site)
        return find_operand(detour, node.info, node.kind == Kind::store);
    emit_site_lookup(detour);
    return rax + rdx;
}

Xbyak::Address Emitter::site_field(const Detour& detour, std::size_t field) const
{
    return qword[host(detour.b.reg) + m_layout.sites + static_cast<u32>(field) + *detour.site * 8];
}

void Emitter::emit_site_lookup(Detour& detour)
{
    load_address(rdx, detour);
    m_asm.sub(rdx, site_field(detour, offsetof(Sites, tag)));
    m_asm.cmp(rdx, site_field(detour, offsetof(Sites, limit)));
    m_asm.jump_if(!HostCondition::below, detour.entry);
    m_asm.mov(rax, site_field(detour, offsetof(Sites, page)));
    m_asm.bind(detour.found);
}

/// Leaves in rcx the address that an access adds up itself, or another one, and what emit_lookup leaves in rdx.
void Emitter::find_sum(const Detour& detour, JumpTarget& miss)
{
    load_address(rcx, detour);
    index_tlb(rcx);
    compare_tag(detour.b, detour.node->info, detour.node->kind == Kind::store, miss);
}

/// Finds the page in the TLB for the site; jumps to `miss` when it is not there.
void Emitter::emit_site_refill(Detour& detour, JumpTarget& miss)
{
    u32 groups = m_layout.sites + static_cast<u32>(offsetof(Sites, groups));
    find_sum(detour, miss);
    m_asm.mov(rax, rcx);
    m_asm.and_(rax, static_cast<u32>(page_mask));
    m_asm.mov(site_field(detour, offsetof(Sites, tag)), rax);
    m_asm.mov(site_field(detour, offsetof(Sites, limit)), static_cast<u32>(page_size) - detour.node->info + 1);
    m_asm.add(rdx, rax);
    m_asm.mov(site_field(detour, offsetof(Sites, page)), rdx);
    m_asm.shr(eax, 12);
    m_asm.movzx(eax, al);
    m_asm.bts(qword[host(detour.b.reg) + groups + rax * 8], static_cast<u8>(*detour.site / Sites::group));
    m_asm.mov(rax, rdx);
    m_asm.mov(edx, ecx);
    m_asm.and_(edx, static_cast<u32>(~page_mask));
    m_asm.jump(detour.found);
}

void Emitter::load_part(const Xbyak::Reg64& to, const Xbyak::RegExp& from, u8 bytes)
{
    if (bytes == 1)
        return m_asm.movzx(to.cvt32(), byte[from]);
    if (bytes > 2)
        return m_asm.load_reversed(sized(to, bytes), operand_at(bytes, from), m_runtime.features.movbe);
    m_asm.movzx(to.cvt32(), word[from]);
    m_asm.ror(to.cvt16(), 8);
}

void Emitter::emit_load(Id id)
{
    const Node& node = m_program->nodes[id];
    if (node.info == 16 || (m_wants_number[id] && node.info >= 4))
        return emit_load_number(id);
    (void)use_operands(node);
    Xbyak::Reg64 to = host(allocate(id));
    access(id, [&](const Xbyak::RegExp& operand) { load_part(to, operand, node.info); });
}

void Emitter::emit_store(Id id)
{
    const Node& node = m_program->nodes[id];
    bool is_number = is_wide(node.c) || (node.info >= 4 && m_number[node.c] != no_number && m_register[node.c] == no_register);
    if (is_number)
        (void)use_number(node.c);
    Node operands = node;
    operands.c = is_number ? 0 : node.c;
    (void)use_operands(operands);
    Place value = place(node.c);
    access(id, [&](const Xbyak::RegExp& at) {
        if (is_number) {
            store_number(node, at);
        } else if (value.constant) {
            m_asm.move_constant(rcx, swapped(value.value, node.info));
            m_asm.mov(operand_at(node.info, at), rcx_of(node.info));
        } else if (node.info == 2 && m_runtime.features.movbe) {
            m_asm.movbe(word[at], host(value.reg).cvt16());
        } else if (node.info >= 4) {
            m_asm.store_reversed(
                operand_at(node.info, at), sized(host(value.reg), node.info), sized(rcx, node.info), m_runtime.features.movbe);
        } else {
            move(rcx, value);
            if (node.info == 2)
                m_asm.ror(cx, 8);
            m_asm.mov(operand_at(node.info, at), rcx_of(node.info));
        }
    });
}

/// Where the operands are that are near each other, from the value on that their addresses have in common.
void Emitter::emit_locate(Id id)
{
    const Node& node = m_program->nodes[id];
    const ir::Located& what = m_program->located[node.c];
    (void)use_operands(node);
    Xbyak::Reg64 to = host(allocate(id));
    Detour& miss = add_detour(id);
    auto bytes = static_cast<u32>(what.end - what.begin);
    auto begin = static_cast<std::size_t>(what.begin);
    if (miss.a.constant) {
        emit_lookup({ .constant = true, .value = miss.a.value + begin }, miss.b, bytes, what.stores, miss.entry);
        m_asm.lea(to, ptr[rdx + rax - begin]);
    } else {
        if (begin)
            m_asm.lea(rcx, ptr[host(miss.a.reg) + begin]);
        index_tlb(begin ? rcx : host(miss.a.reg));
        compare_tag(miss.b, bytes, what.stores, miss.entry);
        m_asm.lea(to, ptr[rdx + host(miss.a.reg)]);
    }
    m_asm.bind(miss.back);
}

// ---- Interlocked updates -----------------------------------------------------------------------------------

void Emitter::emit_interlocked(Id id)
{
    const Node& node = m_program->nodes[id];
    (void)use_operands(node);
    Xbyak::Reg64 to = host(allocate(id));
    Detour& miss = add_detour(id);
    bool has_boundary = node.kind == Kind::update && node.info > 1 && m_runtime.interlocks; // off it nothing is interlocked
    if (has_boundary && finds_by_call(node)) {
        call_for_operand(miss, m_runtime.find_aligned(node.info));
    } else {
        load_operand_address(miss, node.info, true);
        if (has_boundary) {
            m_asm.test(edx, node.info - 1U);
            m_asm.jump_if(!HostCondition::equal, miss.entry);
        }
    }
    if (node.kind == Kind::swap)
        emit_swap(id, to);
    else
        emit_update(id, to);
    m_asm.bind(miss.back);
}

/// What is pending is taken behind the instruction: then, as when the operand is not found, the handler executes it.
void Emitter::emit_change_mask(Id id)
{
    const Node& node = m_program->nodes[id];
    ir::MaskChange change = ir::MaskChange::from(node.imm);
    (void)use_operands(node);
    Detour& otherwise = add_detour(id);
    if (change.sets) {
        m_asm.cmp(byte[rbp + m_layout.attention], 0);
        m_asm.jump_if(!HostCondition::equal, otherwise.entry);
    }
    load_operand_address(otherwise, 1, true);
    m_asm.movzx(eax, byte[rbp + m_layout.system_mask]);
    m_asm.mov(byte[rdx], al);
    if (change.keeps != 0xff)
        m_asm.and_(byte[rbp + m_layout.system_mask], change.keeps);
    if (change.sets)
        m_asm.or_(byte[rbp + m_layout.system_mask], change.sets);
    emit_fence(id);
}

/// The operand's host address is in rdx.
void Emitter::emit_swap(Id id, const Xbyak::Reg64& to)
{
    const Node& node = m_program->nodes[id];
    move(rax, place(node.d));
    move(rcx, place(node.c));
    m_asm.reverse(sized(rax, node.info));
    m_asm.reverse(sized(rcx, node.info));
    if (m_runtime.interlocks)
        m_asm.lock();
    m_asm.cmpxchg(node.info == 4 ? dword[rdx] : qword[rdx], sized(rcx, node.info));
    m_asm.mov(to, rax);
    m_asm.reverse(sized(to, node.info));
}

void Emitter::emit_update(Id id, const Xbyak::Reg64& to)
{
    const Node& node = m_program->nodes[id];
    bool byte = node.info == 1;
    u8 width = node.info == 8 ? 8 : 4;
    JumpTarget again;
    if (byte)
        m_asm.movzx(eax, Xbyak::util::byte[rdx]);
    else
        m_asm.mov(sized(rax, width), operand_at(width, rdx));
    m_asm.bind(again);
    m_asm.mov(rcx, rax);
    if (!byte)
        m_asm.reverse(sized(rcx, width));
    with_source(place(node.c), width, rcx, [&](const auto& operand) {
        Xbyak::Reg updated = sized(rcx, width);
        switch (static_cast<StorageUpdate>(node.imm)) {
        case StorageUpdate::add:
            return m_asm.add(updated, operand);
        case StorageUpdate::bit_and:
            return m_asm.and_(updated, operand);
        case StorageUpdate::bit_or:
            return m_asm.or_(updated, operand);
        case StorageUpdate::bit_xor:
            return m_asm.xor_(updated, operand);
        }
    });
    if (!byte)
        m_asm.reverse(sized(rcx, width));
    if (m_runtime.interlocks) {
        m_asm.lock();
        m_asm.cmpxchg(operand_at(node.info, rdx), rcx_of(node.info));
        m_asm.jump_if(!HostCondition::equal, again);
    } else {
        m_asm.mov(operand_at(node.info, rdx), rcx_of(node.info));
    }
    m_asm.mov(to, rax);
    if (!byte)
        m_asm.reverse(sized(to, width));
}

// ---- Several registers -------------------------------------------------------------------------------------

void Emitter::emit_multiple(Id id)
{
    const Node& node = m_program->nodes[id];
    bool store = node.kind == Kind::store_registers;
    u32 count = ir::registers_from(node.info, node.imm);
    (void)use_operands(node);
    if (node.b == 0) {
        if (store)
            write_registers(state_of(node.before));
        return move_registers(node, count, host(m_register[node.a]) + static_cast<std::size_t>(i64 { static_cast<i32>(node.c) }));
    }
    Detour& miss = add_detour(id);
    if (store)
        write_registers(miss.before);
    bool called = finds_by_call(node) && node.width == 8;
    if (const u8* routine = called ? m_runtime.move_registers(store, node.info, count) : nullptr) {
        call_for_operand(miss, routine);
        return m_asm.bind(miss.back);
    }
    load_operand_address(miss, count * node.width, store);
    move_registers(node, count, rdx);
    m_asm.bind(miss.back);
}

void Emitter::move_registers(const Node& node, u32 count, const Xbyak::RegExp& operand)
{
    bool store = node.kind == Kind::store_registers;
    Xbyak::Reg value = sized(rcx, node.width);
    for (u32 i = 0; i < count; ++i) {
        Xbyak::Address reg = register_at(static_cast<u8>((node.info + i) & 15), node.width);
        Xbyak::Address at = operand_at(node.width, operand + i * node.width);
        m_asm.load_reversed(value, store ? reg : at, m_runtime.features.movbe);
        m_asm.mov(store ? at : reg, value);
    }
}

void Emitter::emit_align(Id id)
{
    const Node& node = m_program->nodes[id];
    move(rax, place(node.a));
    m_asm.test(eax, static_cast<u32>(node.imm - 1));
    Detour& odd = add_detour(id);
    m_asm.jump_if(!HostCondition::equal, odd.entry);
}

void Emitter::emit_overflow(Id id)
{
    const Node& node = m_program->nodes[id];
    move(rdx, place(node.a));
    with_source(place(node.b), node.width, rax, [&](const auto& operand) {
        if (node.info)
            m_asm.cmp(sized(rdx, node.width), operand);
        else
            m_asm.add(sized(rdx, node.width), operand);
    });
    Detour& overflow = add_detour(id);
    m_asm.jump_if(HostCondition::overflow, overflow.entry);
    m_asm.bind(overflow.back);
}

} // namespace zvisor
