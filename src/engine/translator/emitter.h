#pragma once

#include "engine/translation_observer.h"
#include "engine/translator/runtime.h"
#include "ir/node.h"

#include <array>
#include <bit>
#include <optional>
#include <span>
#include <vector>

namespace zvisor {

/// The registers of values, by the numbers the emitter gives them.
[[nodiscard]] inline const Xbyak::Reg64& host(i8 number)
{
    return Runtime::registers[number];
}
/// The register at an operand width of 4 or 8 bytes.
[[nodiscard]] inline Xbyak::Reg sized(const Xbyak::Reg64& reg, u8 width)
{
    return width == 4 ? Xbyak::Reg(reg.cvt32()) : Xbyak::Reg(reg);
}
/// Whether an instruction takes the value as an immediate.
[[nodiscard]] inline bool fits(u64 value, u8 width)
{
    return width == 4 || static_cast<u64>(i64 { static_cast<i32>(value) }) == value;
}

/// Log2 of 1, 2, 4, 8 or 16 bytes.
[[nodiscard]] constexpr std::size_t size_index(u8 bytes)
{
    return static_cast<std::size_t>(std::countr_zero(bytes));
}

/// Where the code of a block counts what it does; what is null or empty is not counted.
struct BlockCounters {
    u64* executions { nullptr };
    /// Of the block's loop.
    u64* rounds { nullptr };
    u64* slow_accesses { nullptr };
    /// By step: executions by the instruction's handler.
    std::span<u64* const> handlers;
    /// By step: how often its branch left the block.
    std::span<u64> exits;
};

/// What the emitter needs to know of a block besides what it does.
struct BlockCode {
    u64 address { 0 };
    /// Instructions of the stem up to its loop.
    u32 count { 0 };
    /// Instructions of a round of the block's loop, which come next.
    u32 loop_count { 0 };
    /// And those of each arm.
    std::span<const u32> arm_counts;
    std::span<Step> steps;
    /// In the runtime's data: not 0 when the block is to be left at the next instruction.
    const u8* stale { nullptr };
    /// In the runtime's data: executions until it leaves at once; none when they are not counted.
    const i32* executions { nullptr };
    /// By step, in the runtime's data: how often its branch may leave the block by a link; null when it is not counted.
    std::span<i32* const> exits_left;
    /// Of a path that locates operands.
    PathCounters* path { nullptr };
    /// It is executed often.
    bool is_path { false };
    bool problem_state { false };
    BlockCounters counters;
    /// Whether anyone looks at Emitter::marks.
    bool marked { false };
};

/// Where a block's code has what is not counted as the block's, such as the increment of a counter, or calls what is.
struct CountingCode {
    static constexpr i64 increment = 2;
    std::size_t offset { 0 };
    std::size_t bytes { 0 };
    /// Host instructions that the block has fewer; negative for a routine that it calls.
    i64 instructions { increment };
};

/// Makes host code of a recorded block: one pass forward that gives values host registers as they come, after one backward that
/// finds what is used and how long. What is seldom executed is put behind the block.
class Emitter {
public:
    explicit Emitter(Runtime& runtime)
        : m_runtime(runtime)
        , m_asm(runtime.assembler)
        , m_layout(runtime.layout)
    {
    }

    /// Returns the writable address of the code. The exits it has are in `exits` until the next call. Program and block are to stay
    /// until its misses are described, without which it may not be executed.
    const u8* emit(const ir::Program& program, const BlockCode& block);
    /// Adds what its accesses do where they miss to those of the runtime.
    void describe_misses();
    [[nodiscard]] const std::vector<ExitCode>& exits() const { return m_exits; }
    // The same for:
    /// The writable address where code that is seldom executed begins.
    [[nodiscard]] const u8* path_end() const { return m_path_end; }
    [[nodiscard]] std::span<const CodeMark> marks() const { return m_marks; }
    [[nodiscard]] std::span<const CountingCode> counting() const { return m_counting; }

private:
    using Id = ir::Id;
    using Register = i8;
    static constexpr Register no_register = -1;
    static constexpr std::size_t register_count = HostValues::registers_count;
    static constexpr u8 no_number = 0xff;
    static constexpr u8 number_count = Runtime::numbers;
    static constexpr const Xbyak::Xmm& scratch_number = Runtime::scratch_number;
    static constexpr const Xbyak::Xmm& other_scratch_number = Runtime::other_scratch_number;

    /// A general register of the CPU that has a value, as all of it or as its right word.
    struct CpuRegister {
        i8 number { -1 };
        u8 width { 8 };
    };
    /// Where a value is: a constant, a host register, a slot of the frame, an SSE register, a register of the CPU, or several of the
    /// last four.
    struct Place {
        bool constant { false };
        Register reg { no_register };
        i16 slot { -1 };
        u64 value { 0 };
        u8 number { no_number };
        CpuRegister cpu {};

        [[nodiscard]] bool in_memory() const { return slot >= 0 || cpu.number >= 0; }
    };
    struct CodePlace {
        ir::CodeKind kind { ir::CodeKind::memory };
        u8 width { 8 };
        Place a;
        Place b;
        std::optional<Place> since;
    };
    struct SavedPlace {
        u8 reg;
        u8 width;
        Place place;
    };
    /// A snapshot with what it names found: which of m_saved_places.
    struct State {
        u32 begin { 0 };
        u32 end { 0 };
        CodePlace code;
    };
    /// What a general register has between instructions, see ir::Held.
    struct HeldIds {
        Id full { 0 };
        Id half { 0 };
    };
    using AllHeld = std::array<HeldIds, ir::RegisterNumber::floating>;
    /// Where a value is where the loop begins.
    struct Home {
        Id id;
        Place place;
    };
    struct Move {
        Place to;
        Place from;
        bool wide;
    };
    /// An SSE register that is needed behind a detour.
    struct Copy {
        u8 number;
        bool wide;
        /// Of the value in it.
        Place place;
    };
    /// What an arm needs of what is known where it is gone to: until when, and where it is then.
    struct Needed {
        Id id;
        Id last;
        Place place;
    };
    struct Arm {
        Id begin;
        /// Its last node.
        Id end;
        JumpTarget entry;
        /// To the loop's beginning, or an arm that leaves it does.
        bool comes_back { false };
        std::vector<Needed> needed;
        AllHeld held {};
    };
    /// Code away from the block's path, and what held where its jump is.
    struct Detour {
        const ir::Node* node;
        JumpTarget entry;
        JumpTarget back;
        /// Of an access with a site: where the page's host address is in rax, and the offset in it in rdx.
        JumpTarget found;
        State before;
        State after;
        Place a;
        Place b;
        Place c;
        Place d;
        Register result;
        /// Of an access: added to `a` for the address; an index that is none is nowhere.
        u32 displacement;
        Place index;
        /// Of an access with a site, its number.
        std::optional<u32> site;
        /// The SSE register of the result, and which of m_copies others hold that are needed afterwards.
        u8 number;
        u32 first_copy;
        u32 last_copy;
    };
    /// Where calls that find operands come back to, and what is to be known where they find none.
    struct Call {
        const u8* back;
        u32 detour;
    };
    /// All there is to know of a kind of node.
    struct KindRow;
    [[nodiscard]] static const KindRow& row_of(ir::Kind kind);
    [[nodiscard]] static Id third_operand(const ir::Node& node);
    [[nodiscard]] const ir::Condition* condition_of(const ir::Node& node) const;

    void find_uses();
    /// Whether a shared routine finds the operand of an access: that is slower than to look for it in place, but takes a third of the
    /// code, which counts for more until code is known to be executed often.
    [[nodiscard]] bool finds_by_call(const ir::Node& node) const;
    void note_uses(Id id);
    void add_use(Id id, Id by);
    [[nodiscard]] Id next_use(Id id);
    [[nodiscard]] bool is_displaced(Id id) const;
    [[nodiscard]] bool is_formed_shortly(Id id) const;
    /// Whether a node is an access that may add up its address itself.
    [[nodiscard]] bool forms_address(const ir::Node& node) const;
    /// Notes which values are used as numbers or vectors.
    void find_numbers(Id id);
    /// Whether a value is of bits that are combined in SSE registers.
    [[nodiscard]] bool combines_numbers(Id id) const;
    /// Whether a value is one of 16 bytes.
    [[nodiscard]] bool is_wide(Id id) const;
    [[nodiscard]] std::span<const Id> next_round(const ir::Node& repeat) const;
    void find_carried_numbers();
    void keep_through_loop();
    void begin_arms();
    [[nodiscard]] Arm& arm_at(Id begin);
    void note_needed(Arm& arm);
    [[nodiscard]] Id comes_back_until(Id begin, Id end, std::span<const Arm> arms) const;
    static void keep(Arm& arm, Id id, Id until);
    [[nodiscard]] JumpTarget& leave_for_arm(Id exit);
    void settle(Id id);
    [[nodiscard]] static Id least_used(std::span<const Id> owners, const std::vector<u32>& uses);
    void spill_for_loop();
    /// How often each value is an operand behind `from`, snapshots apart; on the stem more than in arms.
    [[nodiscard]] std::vector<u32> count_uses(Id from) const;
    [[nodiscard]] static Place one_place(Place place);
    [[nodiscard]] static bool is_at(const Place& home, const Place& now);
    [[nodiscard]] static bool writes_over(const Move& move, const Move& other);
    [[nodiscard]] static Place aside(u32 n);
    void move_all(std::vector<Move> moves);
    void move_value(const Move& move);
    template<class Function>
    void for_each_operand(const ir::Node& node, Function function) const;
    template<class Function>
    void for_each_direct_operand(const ir::Node& node, Function function) const;
    template<class Function>
    void for_each_in_code(const ir::CodeState& code, Function function) const;
    template<class Function>
    void for_each_in_snapshot(u32 snapshot, Function function) const;

    void emit_nothing(Id id);
    void emit_fence(Id id);
    void emit_binary(Id id);
    [[nodiscard]] bool emit_sum(Id id);
    void emit_wide(Id id);
    void take_remainder(Id quotient);
    void emit_shift(Id id);
    [[nodiscard]] bool emit_rotated_copy(Id id);
    void emit_unary(Id id);
    void emit_extended(Id id);
    [[nodiscard]] bool is_extended(Id id) const;
    void emit_state_access(Id id);
    void emit_put_register(Id id);
    void emit_put_code(Id id);
    void emit_merge(Id id);
    void emit_select(Id id);
    void emit_load(Id id);
    void emit_store(Id id);
    void emit_locate(Id id);
    /// Gives `move` the place of an operand; what the access needs is in registers.
    template<class Function>
    void access(Id id, Function move);
    void load_part(const Xbyak::Reg64& to, const Xbyak::RegExp& from, u8 bytes);
    void emit_interlocked(Id id);
    void emit_swap(Id id, const Xbyak::Reg64& to);
    void emit_update(Id id, const Xbyak::Reg64& to);
    void emit_multiple(Id id);
    void move_registers(const ir::Node& node, u32 count, const Xbyak::RegExp& operand);
    Xbyak::Reg64 use_operands(const ir::Node& node);
    /// Which value a node has its first operand from: a sum that is made by the access itself is none.
    [[nodiscard]] Id address_of(const ir::Node& node) const { return m_displaced[node.a] ? m_program->nodes[node.a].a : node.a; }
    /// What such a sum has besides that is no constant, or 0.
    [[nodiscard]] Id index_of(const ir::Node& node) const;
    void load_address(const Xbyak::Reg64& to, const Detour& detour);
    [[nodiscard]] Xbyak::RegExp find_operand(Detour& detour, u32 bytes, bool for_store);
    void call_for_operand(const Detour& detour, const u8* routine);
    void load_operand_address(Detour& detour, u32 bytes, bool for_store);
    [[nodiscard]] Xbyak::RegExp find_page(Detour& detour);
    [[nodiscard]] std::optional<u32> take_site(const ir::Node& node);
    [[nodiscard]] Xbyak::Address site_field(const Detour& detour, std::size_t field) const;
    void emit_site_lookup(Detour& detour);
    void find_sum(const Detour& detour, JumpTarget& miss);
    void emit_site_refill(Detour& detour, JumpTarget& miss);
    void emit_lookup(const Place& at, const Place& in, u32 bytes, bool for_store, JumpTarget& miss);
    void compare_tag(const Place& in, u32 bytes, bool for_store, JumpTarget& miss);
    void index_tlb(const Xbyak::Reg64& address);
    void emit_block(Id id);
    void find_blocks(Detour& detour);
    void move_block(u32 length);
    void fill_block(const ir::Node& node);
    void compare_block(u32 length, const Xbyak::Reg64& to);
    void combine_block(const ir::Node& node, const Xbyak::Reg64& to);
    void load_piece(const Xbyak::Reg64& to, const Xbyak::RegExp& from, u32 bytes);
    void emit_string(Id id);
    void emit_get_vector(Id id);
    void emit_vector(Id id);
    void emit_pair(Id id);
    void emit_insert(Id id);
    void emit_element(Id id);
    void emit_byte_signs(Id id);
    void emit_store_leftmost(Id id);
    void emit_change_mask(Id id);
    void shift_elements(const ir::Node& node, const Xbyak::Xmm& to);
    void keep_leftmost(const ir::Node& node, const Xbyak::Xmm& to);
    void replicate(const ir::Node& node, const Xbyak::Xmm& to);
    void make_pair(const Xbyak::Xmm& to, u64 left, u64 right);
    void emit_leading_zeros(Id id);
    void emit_load_number(Id id);
    void emit_number_bits(Id id);
    void store_number(const ir::Node& node, const Xbyak::RegExp& at);
    void emit_align(Id id);
    void emit_overflow(Id id);
    void emit_raise(Id id);
    void emit_leave_if_stale(Id id);
    void emit_call(Id id);
    void emit_side_exit(Id id);
    void emit_end(Id id);
    void emit_carried(Id id);
    void emit_loop(Id id);
    void emit_repeat(Id id);
    void emit_arm(Id id);
    void emit_pending(Detour& detour);
    void emit_bfp_state(Id id);
    void emit_bfp(Id id);
    void emit_operation(const ir::Node& node, const Xbyak::Xmm& to);
    void emit_conversion(const ir::Node& node, const Xbyak::Xmm& to);
    void emit_bfp_to_integer(Id id);
    void emit_bfp_ordered(Id id);

    [[nodiscard]] Detour& add_detour(Id id);
    void emit_slow_access(Detour& detour);
    void emit_slow_locate(Detour& detour);
    void emit_slow_interlocked(Detour& detour);
    void emit_slow_multiple(Detour& detour);
    void emit_slow_block(Detour& detour);
    void emit_slow_vector_load(Detour& detour);
    void emit_slow_vector_store(Detour& detour);
    void emit_slow_bfp(Detour& detour);
    void emit_unordered(Detour& detour);
    void emit_detours(bool branches);
    [[nodiscard]] Miss miss_of(const Call& call);
    [[nodiscard]] SlowAccess* slow_access(const ir::Node& node) const;
    [[nodiscard]] ValuePlace described(const Place& place);
    [[nodiscard]] Miss::Code described(const CodePlace& code);
    void emit_unaligned(Detour& detour);
    void emit_overflowed(Detour& detour);
    void emit_raised(Detour& detour);
    void emit_taken(Detour& detour);
    void emit_stale_detour(Detour& detour);
    void run_handler(const Detour& detour);
    void leave_by_handler(Detour& detour);
    void leave_behind_handler(Detour& detour);
    void mark(Id id);
    /// Increments a counter unless it is null; rax is lost.
    void count(u64* counter);
    void count_handler(const ir::Node& node);
    /// A routine is about to be called that is counted as the block's.
    void count_routine(const u8* routine);
    void go_back(Detour& detour);
    void go_back_unless_stale(Detour& detour);

    /// `branch`: the instruction that leads there, if it may be counted.
    void emit_exit(const Place& target, std::optional<u32> branch = {});
    void emit_dispatch();
    void emit_unlinked();
    void emit_leave_for(u64 address);
    void set_op(const ir::Node& node);
    void raise(ProgramCode code);
    void take_back(u32 instructions);
    void write_back(const State& state);
    void write_registers(const State& state);
    void write_register(const SavedPlace& saved);
    void write_vector(const Xbyak::Address& to, const Place& from);
    void write_code(const CodePlace& code);

    /// Leaves the condition code in eax; rcx and rdx are lost.
    void compute_code(const CodePlace& code);
    /// The same where the CPU does not have it.
    void compute_known_code(const CodePlace& code);
    void compute_sum_code(const CodePlace& code);
    void compare(const Place& x, const Place& y, u8 width);
    /// Sets the flag for zero alone.
    void compare_to_zero(const Place& x, u8 width);
    void compare_numbers(const Xbyak::Xmm& x, const Xbyak::Xmm& y, u8 width);
    void compare_numbers(const Place& x, const Place& y, u8 width);
    void compute_order_code();
    void compute_test_code(const CodePlace& code);
    void compute_search_code(const CodePlace& code);
    [[nodiscard]] std::optional<HostCondition> flags_of_order(const Place& x, const Place& y, u8 width, u8 mask);
    /// Sets the flags for a condition, and returns which host condition it is then. rax, rcx and rdx are lost.
    [[nodiscard]] HostCondition flags_of(const ir::Condition& condition);
    [[nodiscard]] std::optional<HostCondition> flags_of_test(const CodePlace& code, u8 mask);
    [[nodiscard]] HostCondition flags_of_code(const CodePlace& code, u8 mask);
    [[nodiscard]] HostCondition flags_of_constant(bool value);

    [[nodiscard]] Place place(Id id) const;
    [[nodiscard]] CodePlace code_place(const ir::CodeState& code) const;
    [[nodiscard]] State state_of(u32 snapshot);
    /// Which of the registers with these owners to give away: a free one, else that of the value that is not used for the longest time.
    [[nodiscard]] std::size_t choose(std::span<const Id> owners, u32 pinned);
    [[nodiscard]] Register allocate(Id id);
    void free_register(Id id);
    void spill(Id id);
    void follow_registers(Id id);
    [[nodiscard]] Id first_write(const ir::Held& held) const;
    void foresee(const ir::Held& held);
    void hold(const ir::Held& held);
    void take_from_cpu(Id& kept);
    [[nodiscard]] bool stays_in_cpu(Id id, u8 number) const;
    [[nodiscard]] bool put_in_cpu(Id id);
    void note_in_cpu(Id id, CpuRegister where);
    void note_widths(Id id);
    void note_widths(const ir::Snapshot& taken);
    void note_width(const ir::CodeState& code);
    void need_left(Id id, bool is_needed);
    /// 8 when anything but its right word is used of a value, else 4.
    [[nodiscard]] u8 needed_width(Id id) const { return m_needs_left[id] ? 8 : 4; }
    void take_changed_from_cpu();
    /// Where a value in memory is: at most so many bytes of it.
    [[nodiscard]] Xbyak::Address memory(const Place& place, u8 width) const;
    /// Slots of the frame for a value.
    void allocate_slot(Id id);
    /// The register of a value that is no constant; reloads it.
    Register use(Id id);
    /// A register for the result that holds operand `a` already.
    [[nodiscard]] Xbyak::Reg64 result_from(Id id, Id a);
    [[nodiscard]] Xbyak::Xmm allocate_number(Id id);
    /// The copy of a value in an SSE register, made if there is none.
    Xbyak::Xmm use_number(Id id);
    /// An SSE register for the result that holds operand `a` already.
    [[nodiscard]] Xbyak::Xmm number_from(Id id, Id a);
    /// `wide`: the value is one of 16 bytes.
    void load_number(const Xbyak::Xmm& to, const Place& from, bool wide = false);
    /// Where a value is, and stays for this node if that is an SSE register.
    [[nodiscard]] Place pinned_place(Id id);
    /// The SSE register of a value, or `scratch` with the value.
    [[nodiscard]] Xbyak::Xmm number_of(const Place& from, const Xbyak::Xmm& scratch, bool wide = false);
    /// Gives up an SSE register; its value is kept.
    void evict_number(Id id);
    void forget_number(Id id);
    void forget_numbers();
    void note_live_numbers();
    [[nodiscard]] std::span<const Copy> copies_of(const Detour& detour) const;
    /// Around what changes SSE registers in a detour.
    void keep_numbers(const Detour& detour);
    void restore_numbers(const Detour& detour);
    void pin(Register reg) { m_pinned |= 1U << reg; }
    void release(Id id);
    [[nodiscard]] bool dies(Id operand, Id at) const { return m_last[operand] == at; }
    void move(const Xbyak::Reg64& to, const Place& from, u8 width = 8);
    [[nodiscard]] Xbyak::Address slot(i16 number) const;
    /// A register of the CPU by its number in ir::RegisterNumber.
    [[nodiscard]] Xbyak::Address register_at(u8 number, u8 width) const;
    [[nodiscard]] Xbyak::Address other_register(const ir::Node& node) const;
    /// Applies `operation(destination, source)` with a source in a register, in the frame or immediate.
    template<class Operation>
    void with_source(const Place& source, u8 width, const Xbyak::Reg64& scratch, Operation operation);

    Runtime& m_runtime;
    Assembler& m_asm;
    const CpuLayout& m_layout;
    const ir::Program* m_program { nullptr };
    const BlockCode* m_block { nullptr };
    std::vector<ExitCode> m_exits;
    /// Of each exit, where it goes while it is not linked.
    std::vector<JumpTarget> m_unlinked;
    const u8* m_start { nullptr };
    const u8* m_path_end { nullptr };
    std::vector<CodeMark> m_marks;
    std::vector<CountingCode> m_counting;
    std::vector<Id> m_last;
    /// Of a path: the nodes that use a value, each with the number of the next one; 0 is none.
    struct Use {
        Id by;
        u32 next;
    };
    std::vector<Use> m_uses;
    /// By value, the number of the use that is next.
    std::vector<u32> m_next_use;
    /// Sums that accesses make themselves, since nothing else uses them.
    std::vector<u8> m_displaced;
    /// Values with another use than as an address that an access finds by a call.
    std::vector<u8> m_used_otherwise;
    std::vector<Register> m_register;
    std::vector<i16> m_slot;
    std::vector<CpuRegister> m_in_cpu;
    /// What each of the CPU's registers has, so that values may be kept there.
    AllHeld m_held {};
    /// And which values are.
    AllHeld m_kept {};
    /// Of Program::held, what is next: to begin with, and to be done.
    std::size_t m_next_foreseen { 0 };
    std::size_t m_next_held { 0 };
    std::array<Id, register_count> m_owner {};
    std::array<bool, Runtime::frame_slots> m_slot_used {};
    u32 m_pinned { 0 };
    Id m_current { 0 };
    /// The sum, difference or bits that the host's flags are of while no code follows.
    struct Flags {
        const u8* end { nullptr };
        Register reg { no_register };
        u8 width { 0 };
    };
    Flags m_flags;
    /// A difference that a division made with its quotient.
    Id m_remainder { 0 };
    std::vector<u8> m_number;
    std::vector<u8> m_wants_number;
    std::vector<u8> m_needs_left;
    std::array<Id, number_count> m_number_owner {};
    u32 m_numbers_pinned { 0 };
    std::vector<Detour> m_detours;
    std::vector<Call> m_calls;
    // Of the states and detours of the block:
    std::vector<SavedPlace> m_saved_places;
    std::vector<Copy> m_copies;
    /// Of each kind of access, the next site and the end of its group.
    std::array<std::array<u32, 2>, 10> m_sites {};
    std::array<u32, 2> m_next_groups {};
    std::vector<Home> m_homes;
    const u8* m_loop_begins { nullptr };
    std::vector<Arm> m_arms;
    /// The `carried` nodes.
    std::vector<Id> m_carried;
};

template<class Operation>
void Emitter::with_source(const Place& source, u8 width, const Xbyak::Reg64& scratch, Operation operation)
{
    if (source.constant && !fits(source.value, width)) {
        m_asm.move_constant(scratch, source.value);
        operation(sized(scratch, width));
    } else if (source.constant) {
        operation(static_cast<u32>(source.value));
    } else if (source.reg == no_register && !source.in_memory()) {
        m_asm.movq(scratch, Xbyak::Xmm(source.number));
        operation(sized(scratch, width));
    } else if (source.reg == no_register) {
        operation(memory(source, width));
    } else {
        operation(sized(host(source.reg), width));
    }
}

template<class Function>
void Emitter::access(Id id, Function move)
{
    const ir::Node& node = m_program->nodes[id];
    if (node.kind == ir::Kind::load_at || node.kind == ir::Kind::store_at)
        return move(host(m_register[node.a]) + static_cast<std::size_t>(node.imm));
    Detour& miss = add_detour(id);
    move(find_page(miss));
    m_asm.bind(miss.back);
}

} // namespace zvisor
