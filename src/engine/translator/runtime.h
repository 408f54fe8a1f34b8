#pragma once

#include "cpu/cpu.h"
#include "engine/code_cache.h"
#include "engine/translator/assembler.h"
#include "engine/translator/code_memory.h"
#include "engine/translator/cpu_layout.h"
#include "engine/translator/misses.h"

#include <array>
#include <deque>
#include <exception>
#include <optional>
#include <span>
#include <utility>

namespace zvisor {

/// An exit of translated code to another block, at writable addresses. It jumps to its own code that leaves, or, once linked, to the
/// other block while the spaces of code are as they were.
struct ExitCode {
    u32 number { 0 };
    u64 target { 0 };
    const u8* jump { nullptr };
    /// The constant that the generation of the space of code is compared with; null when the other block is where it is whatever happens
    /// to spaces.
    const u8* generation { nullptr };
    const u8* unlinked { nullptr };
    /// If the block counts how often it is taken: how often it still may be, and the instruction whose branch it is.
    i32* left { nullptr };
    u32 step { 0 };
};

/// Where code at an address was found under a stamp of Cpu::code_stamp.
struct alignas(32) CodePosition {
    u64 address { 1 };
    u64 stamp { 0 };
    const void* code { nullptr };
    /// What is there, or null; it may be found there under another stamp too.
    CodeBlock* block { nullptr };
};

/// What a path counts that locates operands.
struct PathCounters {
    /// Of executions, which go on to `misplaced` when operands often are where they cannot be located.
    static constexpr i32 misplaced = -(1 << 30);
    i32 executions { 0 };
    i32 misses { 0 };
};

/// What translated code of one CPU shares: its memory, the ways in and out, and the functions it calls.
///
/// In translated code rbp is the Cpu + CpuLayout::bias, rsp the frame and r15 counts retired instructions in the place of Cpu::retired,
/// which is right in whatever is called; rax, rcx and rdx are for the moment.
class Runtime {
public:
    static constexpr std::size_t positions = 65536;
    [[nodiscard]] static const Xbyak::Reg64& counter() { return Xbyak::util::r15; }
    static constexpr u32 no_exit = ~u32 { 0 };
    static constexpr u32 interrupted = no_exit - 1;
    /// SSE registers of values, and a slot of two doublewords for each to be kept in; the two others are for the moment.
    static constexpr u32 numbers = HostValues::numbers_count;
    static constexpr Xbyak::Xmm scratch_number { 14 };
    static constexpr Xbyak::Xmm other_scratch_number { 15 };
    /// The registers of values; those that functions may change come last.
    static constexpr Xbyak::Reg64 registers[HostValues::registers_count] { Xbyak::Reg64(Xbyak::Operand::RBX),
        Xbyak::Reg64(Xbyak::Operand::R12), Xbyak::Reg64(Xbyak::Operand::R13), Xbyak::Reg64(Xbyak::Operand::R14),
        Xbyak::Reg64(Xbyak::Operand::RSI), Xbyak::Reg64(Xbyak::Operand::RDI), Xbyak::Reg64(Xbyak::Operand::R8),
        Xbyak::Reg64(Xbyak::Operand::R9), Xbyak::Reg64(Xbyak::Operand::R10), Xbyak::Reg64(Xbyak::Operand::R11) };
    static constexpr std::span<const Xbyak::Reg64> kept_by_callers = std::span(registers).subspan(4);
    /// Slots for values without a register: two for each general register and four for each vector register, of where the loop begins
    /// and of now, and some for what an instruction needs at once.
    static constexpr u32 frame_slots = 2 * (2 * 16 + 4 * 32) + 24;
    /// Bytes of the frame below the saved registers.
    static constexpr u32 frame_bytes = (frame_slots + 1 + 2 * numbers) * 8;
    /// A slot for what a thunk takes besides rax, rdx and rcx.
    static constexpr u32 argument_slot = frame_slots;
    static constexpr u32 number_slots = argument_slot + 1;

    /// `code_bytes`: memory for code, a multiple of 1 MiB and 2 MiB at least. `in_one_piece`: each block's code is, for those who look at
    /// it; so is all code where there is little memory for it.
    Runtime(const Cpu& cpu, std::size_t code_bytes, bool in_one_piece);

    /// Executes from `code`, an executable address. Returns the number of the exit the code left by, no_exit when Cpu::next is
    /// where it goes on, or `interrupted` when an `interruption` ended it; other exceptions are thrown.
    [[nodiscard]] u32 enter(Cpu& cpu, const void* code)
    {
        u32 left_by = m_enter(cpu, code);
        if (left_by == interrupted && m_exception) [[unlikely]]
            std::rethrow_exception(std::exchange(m_exception, nullptr));
        return left_by;
    }
    [[nodiscard]] const ProgramInterruption& interruption() const { return m_interruption; }

    [[nodiscard]] CodePosition& position(u64 address) { return m_positions[address / 2 % positions]; }
    /// What a block counts its executions in: close to those of other blocks, since each execution changes it.
    [[nodiscard]] i32* allocate_counter() { return reinterpret_cast<i32*>(allocate_data(sizeof(i32))); }
    [[nodiscard]] PathCounters* allocate_path_counters() { return reinterpret_cast<PathCounters*>(allocate_data(sizeof(PathCounters))); }
    [[nodiscard]] u8* allocate_flag();
    [[nodiscard]] bool is_full() const;
    /// Forgets all code; none may be executing. Positions never used are zeros, which no stamp is.
    void reset();
    /// The same, and its memory is the host's again.
    void give_memory_back();
    /// The assembler goes on where code is that is executed seldom; where it goes on after that, for `come_back`.
    [[nodiscard]] std::size_t go_apart();
    void come_back(std::size_t to);
    /// A block has its code: when there is more than a little, large pages back it, and what comes next, which is cheaper than copying.
    void settle();

    /// What is there before any block, where it is executed.
    [[nodiscard]] std::span<const u8> shared_code() const { return { memory.executable<const u8*>(memory.writable()), m_shared_code }; }

    /// Exits have numbers without gaps.
    [[nodiscard]] u32 next_exit() { return m_exits++; }
    /// Makes an exit go to `code`, an executable address, under a generation of the space of code.
    void link(const ExitCode& exit, const void* code, u64 generation);
    /// serialize_host() is to follow.
    void unlink(const ExitCode& exit);

    /// Emits going to the code at the guest address in rax.
    void emit_dispatch();

    // Operands in storage: a call with the address in rdx leaves the host address there, or comes back where the access is done, which
    // `misses` is to know of. rax and rcx are lost.
    /// What is called for an operand of 1, 2 or a multiple of 4 bytes, up to 128; in the space of instructions or that of operands.
    [[nodiscard]] const u8* find_operand(bool in_code, bool for_store, u32 bytes) const;
    /// The same for an update of 4 or 8 bytes, which is a miss off its boundary.
    [[nodiscard]] const u8* find_aligned(u32 bytes) const { return m_aligned_lookups[bytes == 8]; }
    /// Also moves `count` general registers from number `first` on, to the operand or from it; null when there is no such routine.
    [[nodiscard]] const u8* move_registers(bool stores, u8 first, u32 count) const;
    /// Of code at a writable address.
    [[nodiscard]] u32 offset(const u8* at) const { return static_cast<u32>(at - memory.writable()); }
    Misses misses;

    /// What the host has beyond x86-64-v2.
    struct Features {
        bool movbe { false };
        bool bmi2 { false };
        bool lzcnt { false };
    };
    Features features;
    /// Updates of storage are interlocked with those of other CPUs.
    bool interlocks;
    CodeMemory memory;
    CpuLayout layout;
    Assembler assembler;

    // Places in the shared code, at writable addresses.
    /// Leaves by the exit whose number is in eax.
    const u8* leave { nullptr };
    /// Leaves in rdx the CodePosition to go to for the guest address in rax; rcx is lost.
    const u8* find_code { nullptr };
    /// Leaves for the guest address in rax.
    const u8* miss { nullptr };
    /// Sets Cpu::next to rcx and leaves.
    const u8* leave_for { nullptr };
    /// By log2 of the bytes: address in rax, base register in edx; the value comes back in rax. [1]: in the space of code.
    std::array<std::array<const u8*, 4>, 2> load {};
    /// The same with the value in rcx.
    std::array<std::array<const u8*, 4>, 2> store {};
    /// The host address of the `rcx` bytes at address rax comes back in rax, 0 when they are not in one page or some accesses to them are
    /// not allowed or are to be noticed: a miss of the PathCounters in the argument slot. [][1]: the first access is a store, [][2]: others
    /// may be.
    std::array<std::array<const u8*, 3>, 2> locate {};
    /// By StorageUpdate and log2 of the bytes, with the other operand in rcx; what storage held comes back.
    std::array<std::array<const u8*, 4>, 4> update {};
    /// By log2 of the bytes, with the replacement in rcx and what is expected in the argument slot.
    std::array<const u8*, 4> swap {};
    // Of storage operands of `eax` bytes, more than 16, at the host addresses rdx and, the second one, rcx:
    /// copies the second from the left;
    const u8* copy_block { nullptr };
    /// stores scratch_number again and again;
    const u8* fill_block { nullptr };
    /// leaves their order in eax.
    const u8* compare_block { nullptr };
    // Of strings up to the ends of their pages, with the character in each byte of scratch_number; the value of ir::StringOperation comes
    // back in rax, or a carry when the page's end came first:
    /// of those at the host addresses rdx and rcx;
    const u8* compare_strings { nullptr };
    /// of `rcx` bytes at the host address rdx.
    const u8* search_string { nullptr };
    /// Stores the `ecx` leftmost bytes, 1 to 16, of scratch_number, which has them in the order of storage, at rdx.
    const u8* store_leftmost { nullptr };
    /// Vectors: indexes that reverse the rightmost 4, 8 or 16 bytes and make the others zeros, by log2 of the bytes.
    std::array<const u8*, 5> reversal {};
    /// Indexes that reverse each of two doublewords.
    const u8* reversed_doublewords { nullptr };
    /// 16 zeros and 16 ones: at byte n is a mask of the n leftmost bytes.
    const u8* leftmost_masks { nullptr };
    /// What is taken from twice the bits of a long number: numbers below are not plain, see isa::host::plain.
    const u8* least_plain { nullptr };
    /// Executes the op in rax.
    const u8* run_step { nullptr };
    /// Executes the op in rsi; all registers that functions may change are lost.
    const u8* call_handler { nullptr };
    /// To be gone to, with a ProgramCode in esi: a program interruption of Cpu::op.
    const u8* raise { nullptr };

private:
    /// For the largest block.
    static constexpr std::size_t spare = std::size_t { 1 } << 20;
    /// Memory for code from which on seldom executed code has its quarter.
    static constexpr std::size_t least_apart = 8 * spare;
    [[nodiscard]] std::size_t first_piece_apart() const;
    [[nodiscard]] static std::size_t data_bytes(std::size_t code_bytes);

    [[nodiscard]] u8* allocate_data(std::size_t size);
    void forget_code();
    void make_jump(const u8* at, const u8* to);
    void emit_find_code(const void* none);
    void make_find_code();
    void make_entry();
    void make_exits();
    /// What a thunk calls.
    struct Guarded {
        Runtime& runtime;
        SlowAccess* function;
    };
    /// In rax and rdx.
    struct Served {
        u64 value;
        u64 raised;
    };
    [[nodiscard]] const u8* make_thunk(SlowAccess* function);
    void make_thunks();
    void make_call_handler();
    void make_raise();
    void make_misses();
    template<class Function>
    [[nodiscard]] auto guard(Function function) -> std::optional<typename decltype(function())::value_type>;
    [[nodiscard]] static Served serve_access(Cpu& cpu, u64 at, u8 base, u64 value, u64 expected, const Guarded& guarded);
    [[nodiscard]] static bool serve_handler(Cpu& cpu, const Op* op, Runtime& runtime);
    [[nodiscard]] static const void* serve_miss(Runtime& runtime, Cpu& cpu, HostValues& values);
    static void serve_raise(Runtime& runtime, ProgramCode code);
    void make_lookups();
    void emit_lookup(bool in_code, bool for_store, u32 bytes);
    void make_lookup(bool in_code, bool for_store, u32 bytes);
    void make_aligned_lookup(u32 bytes);
    void make_move_registers(bool stores, u8 first);
    void make_block_routines();
    void make_string_routines();
    void make_store_leftmost();
    void make_constants();
    const u8* m_not_found { nullptr };
    /// Leaves for Cpu::next.
    const u8* m_leave_for_next { nullptr };
    /// Leaves for what was raised, with Cpu::retired as it is.
    const u8* m_leave_interrupted { nullptr };
    /// By whether it is in code, whether it is stored into, and bytes.
    std::array<std::array<std::array<const u8*, 129>, 2>, 2> m_lookups {};
    /// Of 4 and of 8 bytes.
    std::array<const u8*, 2> m_aligned_lookups {};

    /// By whether they are stored, and the first register of those up to 15.
    std::array<std::array<const u8*, 16>, 2> m_move_registers {};

    u32 (*m_enter)(Cpu&, const void*) { nullptr };
    // What ended the execution of translated code:
    ProgramInterruption m_interruption;
    std::exception_ptr m_exception;
    std::deque<Guarded> m_guarded;
    /// The last one, behind those by address, leads to `miss`.
    CodePosition* m_positions { nullptr };
    u32 m_exits { 0 };
    /// Bytes of flags, at the end of data.
    std::size_t m_flags_used { 0 };
    std::size_t m_shared_data { 0 };
    std::size_t m_data_used { 0 };
    std::size_t m_shared_code { 0 };
    /// Where memory for code that is executed seldom begins, and how far it is in use; it has none when both are its end.
    std::size_t m_apart;
    std::size_t m_apart_used;
    /// Up to where memory is backed by large pages, of the code and of that apart.
    std::size_t m_settled { 0 };
    std::size_t m_settled_apart;
};

} // namespace zvisor
