#pragma once

#include "arch/control.h"
#include "arch/facility.h"
#include "arch/interruption.h"
#include "arch/lowcore.h"
#include "arch/psw.h"
#include "arch/storage_update.h"
#include "base/big_endian.h"
#include "base/types.h"
#include "cpu/arithmetic.h"
#include "cpu/cpu_times.h"
#include "cpu/cpu_types.h"
#include "cpu/idleness.h"
#include "cpu/op.h"
#include "cpu/services.h"
#include "cpu/wait_polling.h"
#include "storage/dat.h"
#include "storage/shared_bytes.h"
#include "storage/tlb.h"

#include <array>
#include <atomic>
#include <bitset>
#include <condition_variable>
#include <expected>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <type_traits>
#include <vector>

namespace zvisor {

class CpuGroup;
struct CpuLayout;
class Engine;
class StoreWatcher;

/// Where in host memory storage is, or why it may not be accessed.
using HostView = std::expected<u8*, ProgramInterruption>;

/// One CPU of z/Architecture: registers, PSW, timers, interruptions and its view of storage.
///
/// Instruction semantics use the lower-case short methods (g, w, load64, add_s …); the IR builder has the same ones, so one
/// generic lambda serves both. Everything is for the CPU's own thread unless it says otherwise.
class Cpu : public Arithmetic {
public:
    Cpu(CpuGroup& group, u16 address);
    ~Cpu();
    Cpu(const Cpu&) = delete;
    Cpu& operator=(const Cpu&) = delete;

    // ---- Registers: the vocabulary of instruction semantics -------------------------------------------------

    /// General register, 64 bits.
    [[nodiscard]] u64 g(u8 r) const { return gr[r]; }
    void g(u8 r, u64 value) { gr[r] = value; }
    /// Bits 32-63 of a general register; storing leaves bits 0-31.
    [[nodiscard]] u32 w(u8 r) const { return static_cast<u32>(gr[r]); }
    void w(u8 r, u32 value) { gr[r] = (gr[r] & 0xffffffff00000000) | value; }
    /// Bits 0-31 of a general register; storing leaves bits 32-63.
    [[nodiscard]] u32 h(u8 r) const { return static_cast<u32>(gr[r] >> 32); }
    void h(u8 r, u32 value) { gr[r] = (gr[r] & 0xffffffff) | u64 { value } << 32; }
    /// Floating-point registers: long (64 bits) and short (leftmost 32 bits; storing leaves the rest).
    [[nodiscard]] u64 f(u8 r) const { return vr[r].hi; }
    void f(u8 r, u64 value) { vr[r].hi = value; }
    [[nodiscard]] u32 fs(u8 r) const { return static_cast<u32>(vr[r].hi >> 32); }
    void fs(u8 r, u32 value) { vr[r].hi = (vr[r].hi & 0xffffffff) | u64 { value } << 32; }
    [[nodiscard]] u32 a(u8 r) const { return ar[r]; }
    void a(u8 r, u32 value) { ar[r] = value; }

    // ---- Condition code ------------------------------------------------------------------------------------

    [[nodiscard]] u8 cc() const { return m_cc; }
    void cc(u8 value) { m_cc = value; }
    /// True when the condition code is among those a 4-bit mask selects (8 is code 0).
    [[nodiscard]] bool cc_in(u8 mask) const { return mask >> (3 - m_cc) & 1; }

    /// Sum or difference; the condition code is that of signed arithmetic, 3 on overflow. A row with the flag
    /// `overflow` turns code 3 into the fixed-point-overflow interruption when the program mask asks for it.
    [[nodiscard]] u32 add_s(u32 x, u32 y)
    {
        return signed_result<i32>(x, y, [](auto p, auto q, auto* r) { return __builtin_add_overflow(p, q, r); });
    }
    [[nodiscard]] u64 add_s(u64 x, u64 y)
    {
        return signed_result<i64>(x, y, [](auto p, auto q, auto* r) { return __builtin_add_overflow(p, q, r); });
    }
    [[nodiscard]] u32 sub_s(u32 x, u32 y)
    {
        return signed_result<i32>(x, y, [](auto p, auto q, auto* r) { return __builtin_sub_overflow(p, q, r); });
    }
    [[nodiscard]] u64 sub_s(u64 x, u64 y)
    {
        return signed_result<i64>(x, y, [](auto p, auto q, auto* r) { return __builtin_sub_overflow(p, q, r); });
    }

    /// Sum; condition code of logical arithmetic: bit 1 of the code is the carry, bit 0 says not zero.
    template<class T>
    [[nodiscard]] T add_u(T x, T y)
    {
        T sum = x + y;
        m_cc = static_cast<u8>((sum != 0) | (sum < x) << 1);
        return sum;
    }
    /// Difference; condition code 1 borrow, 2 zero, 3 positive.
    template<class T>
    [[nodiscard]] T sub_u(T x, T y)
    {
        T difference = x - y;
        m_cc = static_cast<u8>((difference != 0) | (x >= y) << 1);
        return difference;
    }
    /// ADD LOGICAL WITH CARRY: the carry is bit 1 of the condition code before.
    template<class T>
    [[nodiscard]] T add_carry(T x, T y)
    {
        T partial = x + y;
        T sum = partial + static_cast<T>(m_cc >> 1);
        m_cc = static_cast<u8>((sum != 0) | ((partial < x) | (sum < partial)) << 1);
        return sum;
    }
    /// SUBTRACT LOGICAL WITH BORROW: a clear bit 1 of the condition code before is the borrow.
    template<class T>
    [[nodiscard]] T sub_borrow(T x, T y)
    {
        T borrow = static_cast<T>(~m_cc >> 1 & 1);
        T partial = x - y;
        T difference = partial - borrow;
        m_cc = static_cast<u8>((difference != 0) | !((x < y) | (partial < borrow)) << 1);
        return difference;
    }
    template<class T>
    void compare_s(T x, T y)
    {
        m_cc = static_cast<u8>(lt_s(x, y) | lt_s(y, x) << 1);
    }
    template<class T>
    void compare_u(T x, T y)
    {
        m_cc = static_cast<u8>((x < y) | (y < x) << 1);
    }
    /// Code 0 zero, 1 negative, 2 positive (LOAD AND TEST).
    template<class T>
    void cc_sign(T value)
    {
        compare_s(value, T { 0 });
    }
    /// Code 0 zero, 1 not zero (AND, OR …).
    template<class T>
    void cc_zero(T value)
    {
        m_cc = value != 0;
    }
    /// TEST UNDER MASK: code 0 when none of the bits in a mask, which is not zero, is selected, 3 when all are, otherwise 1.
    template<class T>
    void cc_test_byte(T selected, T mask)
    {
        m_cc = static_cast<u8>((selected != 0) | (selected == mask) << 1);
    }
    /// The same, but otherwise 1 when the leftmost bit of the mask is not selected, 2 when it is.
    template<class T>
    void cc_test_halfword(T selected, T mask)
    {
        m_cc = static_cast<u8>((selected != 0) + (selected >= std::bit_floor(mask)) + (selected == mask));
    }

    // ---- Storage -------------------------------------------------------------------------------------------

    /// Address of a storage operand: base + index + displacement under the addressing mode (PoP ch. 5).
    template<class Operand>
    [[nodiscard]] Address ea(const Operand& operand) const
    {
        return { operand.sum(gr) & m_address_mask, operand.base };
    }
    /// The address in general register `r`, as string and move instructions use it.
    [[nodiscard]] Address register_address(u8 r) const { return { gr[r] & m_address_mask, r }; }
    [[nodiscard]] Address offset(Address a, u64 by) const { return { (a.at + by) & m_address_mask, a.base }; }
    /// Places an address in a register as the addressing mode has it: bits 0-31 stay outside 64-bit mode.
    void put_address(u8 r, u64 address)
    {
        if (m_mode & ExecutionMode::amode_64)
            gr[r] = address;
        else
            w(r, static_cast<u32>(address & m_address_mask));
    }
    [[nodiscard]] u64 address_mask() const { return m_address_mask; }

    [[nodiscard]] u32 load8(Address a) { return load<u8>(a); }
    [[nodiscard]] u32 load16(Address a) { return load<u16>(a); }
    [[nodiscard]] u32 load32(Address a) { return load<u32>(a); }
    [[nodiscard]] u64 load64(Address a) { return load<u64>(a); }
    void store8(Address a, u32 value) { store(a, static_cast<u8>(value)); }
    void store16(Address a, u32 value) { store(a, static_cast<u16>(value)); }
    void store32(Address a, u32 value) { store(a, value); }
    void store64(Address a, u64 value) { store(a, value); }

    template<class T>
    [[nodiscard]] T load(Address a)
    {
        TlbEntry& entry = m_data->entry(a.at);
        if (a.at - entry.read_tag <= page_size - sizeof(T)) [[likely]]
            return load_shared<T>(reinterpret_cast<const void*>(a.at + entry.delta));
        return load_slow<T>(a);
    }
    template<class T>
    void store(Address a, T value)
    {
        TlbEntry& entry = m_data->entry(a.at);
        if (a.at - entry.write_tag <= page_size - sizeof(T)) [[likely]]
            store_shared<T>(reinterpret_cast<void*>(a.at + entry.delta), value);
        else
            store_slow<T>(a, value);
    }

    /// Copies `length` bytes (any number) out of or into the current data space; nothing is stored unless all may be.
    void load_bytes(Address a, void* to, u64 length);
    void store_bytes(Address a, const void* from, u64 length);
    /// Raises what storing (or fetching) would, without doing it.
    void probe(Address a, u64 length, Access access);

    /// The host view of [a, a+length) for an access: at most to the end of the page; access exceptions are raised.
    /// A store through it must be followed by `stored` with the same pointer and length.
    [[nodiscard]] u8* host_view(Address a, u64 length, Access access);
    /// The same, with access exceptions as a value: guests run into them all the time, and what is thrown takes a microsecond or two.
    [[nodiscard]] HostView find_view(Address a, u64 length, Access access);
    void stored(u8* host, u64 length)
    {
        if (m_group_storage->page_flags(absolute(host)) & PageFlag::code) [[unlikely]]
            code_stored(absolute(host), length);
    }
    [[nodiscard]] u64 absolute(const u8* host) const { return static_cast<u64>(host - m_host); }

    /// General registers `first` to `last`, around the end, as doublewords at `a`.
    void load_registers(u8 first, u8 last, Address a);
    void store_registers(u8 first, u8 last, Address a);

    /// Replaces the operand by `replacement` when it is `expected`; what it was. Naturally aligned.
    template<class T>
    [[nodiscard]] T swap_if_equal(Address a, T expected, T replacement);
    /// Updates the operand, interlocked unless it is in two pages; what it was.
    template<class T>
    [[nodiscard]] T fetch_update(StorageUpdate update, Address a, T operand);

    // ---- Flow ----------------------------------------------------------------------------------------------

    /// Branches to `target` (already an address under the addressing mode); for rows with the flag `branch`.
    void branch(u64 target) { next = target; }
    void branch_if(bool condition, u64 target) { next = condition ? target : next; }
    /// The same instruction again: an interruptible instruction with work left, condition code 3 not wanted.
    void repeat() { next = op->address; }
    [[nodiscard]] u64 next_address() const { return (op->address + op->length) & m_address_mask; }
    /// Link information of a branch-and-save under the addressing mode.
    void put_link(u8 r, u64 address)
    {
        if (m_mode & ExecutionMode::amode_64)
            gr[r] = address;
        else if (m_mode & ExecutionMode::amode_31)
            w(r, static_cast<u32>(address) | 0x80000000);
        else
            w(r, static_cast<u32>(address));
    }

    [[noreturn]] void program(ProgramCode code);
    [[noreturn]] void data_exception(DataCode code);
    void raise_if(bool condition, ProgramCode code)
    {
        if (condition) [[unlikely]]
            program(code);
    }
    [[noreturn]] void specification() { program(ProgramCode::specification); }

    /// Raises specification unless `address` is a multiple of `boundary`.
    void require_aligned(u64 address, u64 boundary)
    {
        if (address & (boundary - 1)) [[unlikely]]
            specification();
    }

    // ---- PSW, control registers, spaces --------------------------------------------------------------------

    /// The PSW with the address the engine would execute next.
    [[nodiscard]] Psw psw() const;
    /// Makes `psw` current; raises the early specification exception for an invalid one as the PoP has it.
    void load_psw(const Psw& psw);
    [[nodiscard]] u8 program_mask() const { return m_program_mask; }
    void set_program_mask(u8 mask)
    {
        m_program_mask = mask & 0xf;
        update_mode();
    }
    [[nodiscard]] bool problem_state() const { return m_mode & ExecutionMode::problem; }
    [[nodiscard]] const Psw& psw_fields() const { return m_psw; }
    /// Replaces fields of the PSW mask (not condition code, program mask or address) and recomputes what follows from it.
    void set_psw_mask(u64 mask);
    [[nodiscard]] u8 mode() const { return m_mode; }
    void set_addressing_mode(unsigned bits);
    /// After control registers changed: recomputes spaces, modes and what interruptions are enabled.
    void control_registers_changed();

    [[nodiscard]] bool has(Facility facility) const { return m_facilities->has(facility); }
    [[nodiscard]] const FacilitySet& facilities() const { return *m_facilities; }

    /// Raises unless in supervisor state, or special-operation unless DAT is on; for semantics that depend on operands.
    void require_supervisor();

    /// Space of another address-space-control element under a given PSW key (MVCOS, MVCP, LURA and their kin).
    [[nodiscard]] Space& space_of(Asce asce, u8 key);
    [[nodiscard]] Space& real_space();
    /// The ASCE an address-space-control value selects now; `base` names the access register in AR mode.
    [[nodiscard]] Asce asce_of(AddressSpaceControl space) const;
    /// The same with access-register translation for the operand whose base register is `base`; raises its exceptions.
    [[nodiscard]] Asce operand_asce(AddressSpaceControl space, u8 base);
    /// Access-register translation of an ALET other than 0 and 1: real origin of its ASN-second-table entry. Without an
    /// authorization index authority is not checked. Raises what is found wrong.
    [[nodiscard]] u64 translate_alet(u32 alet, std::optional<u16> authorization_index);
    /// Bits of an authority-table entry.
    static constexpr u8 primary_authority = 0x80;
    static constexpr u8 secondary_authority = 0x40;
    /// Whether the authority table of the ASN-second-table entry at a real origin gives an index that authority.
    [[nodiscard]] bool is_authorized(u64 aste, u16 authorization_index, u8 authority);
    [[nodiscard]] Space& data_space() { return *m_data; }
    [[nodiscard]] Space& code_space() { return *m_code; }
    /// Where an operand is, without access registers, that may be accessed there directly until the block ends; null when not all of it
    /// is in one page, or accesses end in an exception or are to be noticed.
    [[nodiscard]] u8* plain_operand(Space& space, u64 address, u64 length, Access access);
    /// host_view in a named space; `space_indication` goes to the translation-exception identification (bits 62-63).
    [[nodiscard]] u8* host_view_in(Space& space, u64 address, Access access, u8 space_indication);
    /// The same, with access exceptions as a value.
    [[nodiscard]] HostView find_view_in(Space& space, u64 address, Access access, u8 space_indication);
    /// Where the instruction at `address` is in host memory, to the end of its page; access exceptions are raised.
    [[nodiscard]] u8* fetch_view(u64 address);
    [[nodiscard]] HostView find_fetch_view(u64 address);
    /// Absolute address of a real one: prefixing (PoP ch. 3).
    [[nodiscard]] u64 real_to_absolute(u64 real) const
    {
        u64 block = real & ~u64 { 0x1fff };
        if (block == 0)
            return real | prefix;
        return block == prefix ? real & 0x1fff : real;
    }
    [[nodiscard]] DatFeatures dat_features() const;

    // ---- Purging -------------------------------------------------------------------------------------------

    void purge(const Purge& what);
    void purge_all() { purge({}); }
    /// Makes this CPU's next store into an absolute page take the slow path.
    void drop_write_tags(u64 absolute_page);
    /// Carried out on this CPU's thread before its next instruction; from any thread.
    void post_purge(const Purge& what);
    void post_code_stored(u64 absolute_address, u64 length);
    void post_drop_write_tags(u64 absolute_page);
    /// The TOD clock was set forward by `step` (modulo 2^64), which the CPU timer does not notice.
    void post_clock_step(u64 step);

    /// True while something posted has not been carried out; from any thread.
    [[nodiscard]] bool request_pending() const { return m_request.load(); }
    /// Carries out what was posted.
    void answer_requests();

    // ---- Interruptions, state and time (cpu/interruptions.cpp, cpu/state.cpp) -------------------------------

    /// Swaps PSWs for a program interruption raised by the current instruction.
    void take_program_interruption(const ProgramInterruption& interruption, u64 address, u8 instruction_length);
    /// Places a data- or vector-exception code in the floating-point-control register, when CR0 gives access to it.
    void record_data_code(u8 code);
    void supervisor_call(u8 number);
    /// Acts on everything pending. False when the CPU is to leave its engine (stopped or the machine ends).
    [[nodiscard]] bool handle_pending();
    /// From any thread: makes the CPU look around.
    void notify(u32 reason);
    [[nodiscard]] bool pending() const { return m_pending.load(std::memory_order_relaxed) != 0; }

    void set_clock_comparator(u64 value);
    [[nodiscard]] u64 clock_comparator() const { return m_clock_comparator; }
    void set_cpu_timer(u64 value);
    [[nodiscard]] u64 cpu_timer() const;
    [[nodiscard]] u64 tod() const;
    /// TOD value at which a timer of this CPU next wants attention; from any thread.
    [[nodiscard]] u64 timer_deadline() const { return m_timer_deadline.load(std::memory_order_relaxed); }

    /// Program-event recording around one instruction, in careful mode: `begin_per` may raise the nullifying fetch event,
    /// `end_per` interrupts for what the instruction did; `sequential` is the address behind the instruction.
    void begin_per(u64 address);
    void end_per(u64 sequential, bool is_branch);
    /// A store that PER may watch; `real` for STURA and STURG.
    void note_alteration(u64 address, u64 length, bool real);

    // SIGP orders as their target sees them; from any thread. Result: false when the CPU is busy with another order.
    [[nodiscard]] RunState state() const { return m_state.load(); }
    void order_start();
    void order_stop(bool store_status);
    void order_restart();
    void order_external_call(u16 from);
    [[nodiscard]] bool external_call_pending() const { return m_external_call.load() >= 0; }
    void order_emergency(u16 from);
    void order_reset(bool initial);
    /// Only while the CPU is stopped.
    void order_set_prefix(u64 value);
    /// Some order waits to be carried out; from any thread.
    [[nodiscard]] bool has_orders();
    /// Returns when no order waits and the CPU is not executing; from another thread.
    void wait_for_orders();
    [[nodiscard]] bool stop_ordered() const { return m_stop_requested.load(); }
    [[nodiscard]] bool running() const { return m_executing.load(); }
    /// An order or the end of the machine takes the CPU out of its engine; from any thread.
    [[nodiscard]] bool leaving() const;
    /// For an instruction that waits for others: does so without a physical CPU, while nobody waits for this CPU.
    void while_not_executing(const std::function<void()>& work);
    [[nodiscard]] const CpuTimes& times() const { return m_times; }
    /// Stores the architected status where a prefix area at `absolute_address` has it.
    void store_status(u64 absolute_address) { store_status_at(absolute_address + lowcore::save_area); }
    /// Stores the 512 bytes of architected status at the absolute address `at` (SIGP store status at address).
    void store_status_at(u64 at);

    /// Runs until the machine ends; the body of the CPU's thread.
    void run();
    /// Initial CPU reset, then registers to zero (PoP ch. 4, "Resets").
    void clear_reset();
    void initial_reset();
    void cpu_reset();
    /// Resets of the CPU that executes the instruction asking for them: it stays operating.
    void cpu_reset_running();
    void initial_reset_running();

    [[nodiscard]] u16 address() const { return m_address; }
    [[nodiscard]] CpuGroup& group() { return m_group; }
    [[nodiscard]] const CpuGroup& group() const { return m_group; }
    void set_engine(std::unique_ptr<Engine> engine);
    [[nodiscard]] Engine& engine() { return *m_engine; }
    [[nodiscard]] const AbsoluteStorage& storage() const { return *m_group_storage; }
    [[nodiscard]] AbsoluteStorage& storage() { return *m_group_storage; }

    /// What sees pages before they are stored into, or null; it must outlive the CPU or be taken away.
    void set_store_watcher(StoreWatcher* watcher) { m_store_watcher = watcher; }

    /// Asks for careful execution (tracing, a debugger) besides PER.
    void set_careful(bool on);

    // State that semantics and engines use directly.
    /// General registers; [16] is always zero, for operands without base or index.
    std::array<u64, 17> gr {};
    /// The instruction being executed; engines set it before `run` goes into semantics.
    const Op* op { nullptr };
    /// Where the block went: valid when an op chain returns.
    u64 next { 0 };
    /// Instructions executed, by finished blocks.
    u64 retired { 0 };

private:
    // Before what is larger, since translated code reaches the first 256 bytes by short displacements:
    Space* m_data { nullptr };
    Space* m_code { nullptr };
    std::atomic<u32> m_pending { 0 };
    u8 m_cc { 0 };
    u8 m_program_mask { 0 };
    u8 m_mode { 0 };

public:
    std::array<Vr, 32> vr {};
    std::array<u64, 16> cr {};
    std::array<u32, 16> ar {};
    u32 fpc { 0 };
    u64 prefix { 0 };
    u32 tod_programmable { 0 };
    u64 breaking_event { 0 };
    /// Interruptions taken, in the order of the new PSWs: restart, external, supervisor call, program, machine check, I/O.
    std::array<u64, 6> interruptions {};
    /// Stays the same while what code is fetched from at an address does; see Space::generation.
    [[nodiscard]] u64 code_stamp() const { return m_code->generation << 8 | m_mode; }

private:
    friend struct CpuLayout;

    template<class Signed, class Operation>
    [[nodiscard]] std::make_unsigned_t<Signed> signed_result(
        std::make_unsigned_t<Signed> x, std::make_unsigned_t<Signed> y, Operation operation)
    {
        Signed result;
        bool overflow = operation(static_cast<Signed>(x), static_cast<Signed>(y), &result);
        m_cc = overflow ? 3 : static_cast<u8>((result < 0) | (result > 0) << 1);
        return static_cast<std::make_unsigned_t<Signed>>(result);
    }

    template<class T>
    [[nodiscard]] T load_slow(Address a);
    template<class T>
    void store_slow(Address a, T value);
    void code_stored(u64 absolute_address, u64 length);

    void select_spaces();
    void update_mode();
    [[nodiscard]] Space& find_space(const SpaceKey& key);
    [[nodiscard]] u64 space_controls(bool private_space) const;
    [[nodiscard]] Space& access_register_space(u8 base, u8& access_id);
    [[nodiscard]] Asce access_list_space(u32 alet);
    [[nodiscard]] Asce access_register_asce(u8 base);
    [[nodiscard]] const u8* table_entry(u64 real, u64 length);
    [[nodiscard]] u8* known_view(Space& space, u64 address, Access access);
    [[nodiscard]] HostView find_access_register_view(Address a, Access access);
    [[nodiscard]] u8 operand_space_indication() const;
    [[nodiscard]] HostView fill(Space& space, u64 address, Access access, u8 space_indication);
    [[nodiscard]] std::expected<struct FoundPage, ProgramInterruption> find_page(
        Space& space, u64 address, Access access, u8 space_indication);
    void settle_code();
    void fill_entry(Space& space, u64 address, u64 allowed, u8* host_page, u8 flags);
    [[nodiscard]] u8* recall(Space& space, u64 address, Access access);
    [[nodiscard]] ProgramInterruption access_exception(ProgramCode code, u64 address, Access access, u8 space_indication, u64 extra) const;

    [[nodiscard]] bool take_interruption();
    [[nodiscard]] bool interruption_waits();
    [[nodiscard]] bool take_external();
    [[nodiscard]] bool take_machine_check();
    [[nodiscard]] bool take_io();
    [[nodiscard]] bool in_per_range(u64 address, u64 length) const;
    [[nodiscard]] bool store_per_information();
    void swap_psw(u64 old_at, u64 new_at);
    void early_exceptions();
    [[nodiscard]] bool wait_for_work();
    void sleep_until_work(bool polls);
    void sleep_until(u64 deadline);
    void look_at_idleness();
    [[nodiscard]] std::optional<Idleness::Duration> idleness_looks_again() const;
    void give_memory_back();
    void sleep_until_orders();
    [[nodiscard]] u64 wait_deadline() const;
    void pause();
    [[nodiscard]] Dispatching::Held get_dispatched();
    void execute_since(std::chrono::steady_clock::time_point time);
    bool start_executing();
    bool stop_executing(Dispatching::Idle idle);
    void hand_over();
    [[nodiscard]] bool settle_orders();
    [[nodiscard]] bool has_orders_locked() const;
    static constexpr u64 timer_subclasses = cr0::clock_comparator | cr0::cpu_timer;
    void update_timer_deadline();
    /// TOD value at which the CPU timer turns negative: 0 when it is, all ones when the clock does not come that far.
    [[nodiscard]] u64 cpu_timer_expiry() const;
    [[nodiscard]] u8* lowcore() const { return m_host + prefix; }

    CpuGroup& m_group;
    u16 m_address;
    AbsoluteStorage* m_group_storage;
    const FacilitySet* m_facilities;
    u8* m_host;

    Psw m_psw;
    u64 m_address_mask { 0xffffff };
    bool m_careful { false };
    std::vector<std::unique_ptr<Space>> m_spaces;
    u64 m_generation { 1 };
    u64 m_space_use { 0 };

    /// Some interruption may be pending, enabled or not: looked at again when masks change.
    std::atomic<bool> m_attention { false };
    /// The current PSW is invalid: the specification exception is next (PoP ch. 6, "Early Exception Recognition").
    bool m_early_exception { false };
    /// PER events of the current instruction, as CR9's mask bits, its address, and the PSW it began with.
    u64 m_per_events { 0 };
    u64 m_per_address { 0 };
    Psw m_per_psw;
    std::unique_ptr<Engine> m_engine;
    StoreWatcher* m_store_watcher { nullptr };
    u64 m_clock_comparator { ~u64 { 0 } };
    u64 m_cpu_timer_deadline { 0 };
    /// The timers CR0 enabled when m_timer_deadline was made.
    u64 m_timer_subclasses { 0 };
    std::atomic<u64> m_timer_deadline { ~u64 { 0 } };

    std::atomic<RunState> m_state { RunState::stopped };
    std::atomic<bool> m_executing { false };
    CpuTimes m_times;
    std::atomic<bool> m_stop_requested { false };
    std::atomic<bool> m_reset_requested { false };
    std::atomic<int> m_external_call { -1 };
    std::mutex m_mutex;
    std::condition_variable m_wake;
    WaitPolling m_polling;
    // Under m_mutex:
    std::atomic<bool> m_request { false };
    std::bitset<1024> m_emergency;
    bool m_restart { false };
    bool m_start { false };
    bool m_store_status { false };
    std::vector<Purge> m_purges;
    std::optional<bool> m_reset;
    std::condition_variable m_settled;
    std::vector<StorageRange> m_stored_code;
    std::vector<u64> m_write_tags;
    u64 m_clock_step { 0 };

    Idleness m_idleness;
};

} // namespace zvisor

#include "cpu/access.h"
