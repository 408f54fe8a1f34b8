// General instructions (PoP ch. 7): PERFORM LOCKED OPERATION.

#include "cpu/cpu_group.h"
#include "isa/general/interlocked.h"
#include "isa/insn.h"

#include <optional>
#include <span>
#include <utility>

namespace zvisor::isa {

namespace {

/// Operations in the order of function codes; each has four: 32-bit operands in registers, 64-bit in the parameter list,
/// 64-bit in registers, 128-bit in the parameter list.
enum class LockedFunction : u8 {
    compare_and_load,
    compare_and_swap,
    double_compare_and_swap,
    swap_and_store,
    swap_and_double_store,
    swap_and_triple_store
};
constexpr u8 function_codes = 24;

/// Places of 16 bytes in the parameter list; shorter operands are on the right of theirs.
namespace slot {
constexpr u64 first_comparison = 0;
constexpr u64 first_replacement = 16;
constexpr u64 third_comparison = 32;
constexpr u64 third = 48;
constexpr u64 fifth = 80;
constexpr u64 seventh = 112;
} // namespace slot
/// Where the list keeps the ALET of operands 4, 6 and 8; the address is 4 bytes further.
constexpr std::array<u64, 3> alet_at { 68, 100, 132 };

struct PlannedStore {
    Address at;
    u128 value;
    /// For access register R3, when the parameter list designates the operand in access-register mode.
    std::optional<u32> alet {};
};

class LockedOperation {
public:
    LockedOperation(Cpu& c, u8 function_code, u8 r1, Address second, u8 r3, Address fourth)
        : m_cpu(c)
        , m_function(static_cast<LockedFunction>(function_code / 4))
        , m_size(function_code % 4 == 0    ? 4
                  : function_code % 4 == 3 ? 16
                                           : 8)
        , m_in_registers(function_code % 2 == 0)
        , m_r1(r1)
        , m_r3(r3)
        , m_second(second)
        , m_fourth(fourth)
    {
    }

    void run()
    {
        check();
        // One lock for all program-lock tokens of the configuration.
        std::lock_guard lock(m_cpu.group().locked_operation());
        u8 outcome = operate();
        for (const auto& store : planned()) {
            select(store);
            m_cpu.probe(store.at, m_size, Access::store);
        }
        for (const auto& store : planned()) {
            select(store);
            put(store.at, store.value);
        }
        for (const auto& [r, value] : std::span(m_registers).first(m_register_count))
            put_register(r, value);
        m_cpu.cc(outcome);
    }

private:
    [[nodiscard]] bool uses_list() const { return !m_in_registers || m_function >= LockedFunction::swap_and_double_store; }
    [[nodiscard]] bool has_fourth() const { return m_function != LockedFunction::compare_and_swap; }
    [[nodiscard]] std::span<const PlannedStore> planned() const { return std::span(m_stores).first(m_store_count); }

    void check()
    {
        bool first_pair = m_in_registers && m_function != LockedFunction::compare_and_load;
        bool third_pair = m_in_registers && m_function == LockedFunction::double_compare_and_swap;
        if ((first_pair && m_r1 % 2) || (third_pair && m_r3 % 2))
            m_cpu.specification();
        m_cpu.require_aligned(m_second.at, m_size);
        if (uses_list())
            m_cpu.require_aligned(m_fourth.at, 8);
        bool access_registers = m_cpu.psw_fields().space() == AddressSpaceControl::access_register;
        if (uses_list() && has_fourth() && access_registers && m_r3 == 0)
            m_cpu.specification();
        if (!uses_list() && has_fourth())
            m_cpu.require_aligned(m_fourth.at, m_size);
    }

    [[nodiscard]] u8 operate()
    {
        u128 expected = first_comparison();
        u128 second = get(m_second);
        if (expected != second) {
            put_first_comparison(second);
            return 1;
        }
        if (m_function == LockedFunction::compare_and_load) {
            put_third_comparison(fetch_operand(0));
            return 0;
        }
        if (m_function == LockedFunction::double_compare_and_swap) {
            u128 fourth = fetch_operand(0);
            if (third_comparison() != fourth) {
                put_third_comparison(fourth);
                return 2;
            }
            plan_operand(0, m_in_registers ? reg(m_r3 + 1) : listed(slot::third));
        }
        if (m_function >= LockedFunction::swap_and_store)
            plan_stores();
        plan(m_second, m_in_registers ? reg(m_r1 + 1) : listed(slot::first_replacement));
        return 0;
    }

    void plan_stores()
    {
        constexpr std::array<u64, 3> values { slot::third, slot::fifth, slot::seventh };
        unsigned count = std::to_underlying(m_function) - std::to_underlying(LockedFunction::swap_and_store) + 1u;
        for (unsigned i = 0; i < count; ++i) {
            u128 value = uses_list() ? listed(values[i]) : reg(m_r3);
            plan_operand(i, value);
        }
    }

    // Operands 1 and 3 are in registers or in the list.
    [[nodiscard]] u128 first_comparison() { return m_in_registers ? reg(m_r1) : listed(slot::first_comparison); }
    [[nodiscard]] u128 third_comparison() { return m_in_registers ? reg(m_r3) : listed(slot::third_comparison); }
    void put_first_comparison(u128 value) { m_in_registers ? plan_register(m_r1, value) : plan(list_slot(slot::first_comparison), value); }
    void put_third_comparison(u128 value) { m_in_registers ? plan_register(m_r3, value) : plan(list_slot(slot::third_comparison), value); }

    [[nodiscard]] u128 reg(unsigned r) const
    {
        auto number = static_cast<u8>(r);
        return m_size == 4 ? m_cpu.w(number) : m_cpu.g(number);
    }
    void put_register(u8 r, u128 value)
    {
        if (m_size == 4)
            m_cpu.w(r, static_cast<u32>(value));
        else
            m_cpu.g(r, static_cast<u64>(value));
    }
    [[nodiscard]] Address list_slot(u64 at) const { return m_cpu.offset(m_fourth, at + 16 - m_size); }
    [[nodiscard]] u128 listed(u64 at) { return get(list_slot(at)); }

    /// Operand 4, 6 or 8: designated by the instruction or by the list.
    [[nodiscard]] Address storage_operand(unsigned i)
    {
        if (!uses_list())
            return m_fourth;
        Address alet = m_cpu.offset(m_fourth, alet_at[i]);
        Address operand { m_cpu.load64(m_cpu.offset(alet, 4)) & m_cpu.address_mask(), m_r3 };
        m_alet.reset();
        if (m_cpu.psw_fields().space() == AddressSpaceControl::access_register)
            m_alet = m_cpu.load32(alet);
        m_cpu.require_aligned(operand.at, m_size);
        return operand;
    }

    [[nodiscard]] u128 fetch_operand(unsigned i)
    {
        PlannedStore operand { storage_operand(i), 0, m_alet };
        select(operand);
        return get(operand.at);
    }
    void plan_operand(unsigned i, u128 value)
    {
        Address operand = storage_operand(i);
        m_stores[m_store_count++] = { operand, value, m_alet };
    }
    void select(const PlannedStore& operand)
    {
        if (operand.alet)
            m_cpu.a(m_r3, *operand.alet);
    }

    [[nodiscard]] u128 get(Address a)
    {
        std::array<u8, 16> bytes {};
        m_cpu.load_bytes(a, bytes.data() + 16 - m_size, m_size);
        return join(load_be<u64>(bytes.data()), load_be<u64>(bytes.data() + 8));
    }
    void put(Address a, u128 value)
    {
        std::array<u8, 16> bytes;
        store_be(bytes.data(), static_cast<u64>(value >> 64));
        store_be(bytes.data() + 8, static_cast<u64>(value));
        m_cpu.store_bytes(a, bytes.data() + 16 - m_size, m_size);
    }
    void plan(Address a, u128 value) { m_stores[m_store_count++] = { a, value, {} }; }
    void plan_register(u8 r, u128 value) { m_registers[m_register_count++] = { r, value }; }

    Cpu& m_cpu;
    LockedFunction m_function;
    u64 m_size;
    bool m_in_registers;
    u8 m_r1;
    u8 m_r3;
    Address m_second;
    Address m_fourth;
    std::array<PlannedStore, 4> m_stores {};
    std::optional<u32> m_alet;
    unsigned m_store_count { 0 };
    std::array<std::pair<u8, u128>, 2> m_registers {};
    unsigned m_register_count { 0 };
};

constexpr auto perform_locked_operation = [](Cpu& c, Gr r1, Storage op2, Gr r3, Storage op4) {
    constexpr u32 test_bit = 0x100;
    u32 control = c.w(0);
    auto function_code = static_cast<u8>(control);
    if (control & ~(test_bit | 0xff))
        c.specification();
    if (control & test_bit)
        return c.cc(function_code < function_codes ? 0 : 3);
    if (function_code >= function_codes)
        c.specification();
    LockedOperation(c, function_code, r1, c.ea(op2), r3, c.ea(op4)).run();
};

constexpr Row rows[] = {
    insn("PLO", 0xEE, SS_e_plo, base, problem, perform_locked_operation, "4,0(2),6,0(3) | r0=117 -> cc=0",
        "4,0(2),6,0(3) | r0=4 r2=2000 r4=5 r5=7 m2000=00000005 -> m2000=00000007 cc=0",
        "4,0(2),6,0(3) | r0=a r2=2000 r3=3000 r4=5 r5=7 r6=8 r7=9 m2000=0000000000000005 m3000=0000000000000006 -> r6=6 cc=2",
        "4,0(2),6,0(3) | r0=f r2=2000 r3=3000 m2000=00000000000000000000000000000001 "
        "m3000="
        "00000000000000000000000000000001000000000000000000000000000000020000000000000000000000000000000000000000000000000000000000000003 "
        "m3040=00000000000000000000000000004000 m4000=00 -> m2000=00000000000000000000000000000002 m4000=00000000000000000000000000000003 "
        "cc=0"),
};

} // namespace

extern constexpr Group general_locked_operation { rows };

} // namespace zvisor::isa
