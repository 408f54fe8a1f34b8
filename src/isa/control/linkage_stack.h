#pragma once

#include "isa/control/asn.h"

#include <algorithm>
#include <cstring>

/// The linkage stack in the home address space (PoP ch. 5, "Linkage-Stack Operations").
namespace zvisor::isa {

/// Entry descriptor: the last eight bytes of an entry, which control register 15 designates.
struct EntryDescriptor {
    static constexpr u64 size = 8;
    static constexpr u8 header = 0x09;
    static constexpr u8 branch_state = 0x0c;
    static constexpr u8 program_call_state = 0x0d;

    u8 type_and_suppression { 0 };
    u8 section { 0 };
    Be<u16> remaining_free_space;
    Be<u16> next_entry_size;
    Be<u16> reserved;

    [[nodiscard]] u8 type() const { return type_and_suppression & 0x7f; }
    [[nodiscard]] bool unstack_suppressed() const { return type_and_suppression & 0x80; }
};

/// State entry, with its descriptor.
struct StateEntry {
    std::array<Be<u64>, 16> general;
    Be<u16> key_mask;
    Be<u16> secondary;
    Be<u16> extended_authorization_index;
    Be<u16> primary;
    Be<u64> psw_mask;
    /// Called-space identification and PC number, or the branch address of BAKR.
    Be<u64> called;
    Be<u64> modifiable;
    Be<u64> reserved_1;
    Be<u64> psw_address;
    Be<u32> secondary_instance;
    Be<u32> primary_instance;
    std::array<u8, 40> reserved_2;
    std::array<Be<u32>, 16> access;
    EntryDescriptor descriptor;
};
static_assert(sizeof(EntryDescriptor) == 8 && sizeof(StateEntry) == 296);

/// Reads and writes the stack: home space, no key.
class LinkageStack {
public:
    explicit LinkageStack(Cpu& c)
        : m_cpu(c)
    {
    }

    template<class T>
    [[nodiscard]] T read(u64 address)
    {
        T value;
        each_part(
            address, sizeof(T), Access::fetch, [&](u8* host, u64 done, u64 length) { std::memcpy(bytes(value) + done, host, length); });
        return value;
    }
    /// Raises what `write` would.
    void probe(u64 address, u64 length)
    {
        each_part(address, length, Access::store, [](u8*, u64, u64) { });
    }
    template<class T>
    void write(u64 address, const T& value)
    {
        probe(address, sizeof(T));
        each_part(address, sizeof(T), Access::store, [&](u8* host, u64 done, u64 length) {
            std::memcpy(host, reinterpret_cast<const u8*>(&value) + done, length);
            m_cpu.stored(host, length);
        });
    }

    /// Address of the current entry's descriptor.
    [[nodiscard]] u64 current() const { return m_cpu.cr[15] & ~u64 { 7 }; }

    /// Adds a state entry; its descriptor and place are made here.
    void push(StateEntry entry, u8 type);
    /// Finds the descriptor of the state entry to extract or return from; `returning` is PROGRAM RETURN.
    [[nodiscard]] u64 locate(bool returning);
    [[nodiscard]] static u64 entry_of(u64 descriptor) { return descriptor - (sizeof(StateEntry) - EntryDescriptor::size); }

private:
    static constexpr u64 valid = 1;
    static constexpr u64 address_field = ~u64 { 7 };

    template<class T>
    [[nodiscard]] static u8* bytes(T& value)
    {
        return reinterpret_cast<u8*>(&value);
    }

    template<class Each>
    void each_part(u64 address, u64 length, Access access, Each each)
    {
        constexpr u8 home = 3;
        Space& space = m_cpu.space_of(m_cpu.asce_of(AddressSpaceControl::home), 0);
        for (u64 done = 0; done < length;) {
            u64 part = std::min(length - done, page_size - (address + done) % page_size);
            each(m_cpu.host_view_in(space, address + done, access, home), done, part);
            done += part;
        }
    }

    Cpu& m_cpu;
};

inline void LinkageStack::push(StateEntry entry, u8 type)
{
    u64 previous = current();
    u64 header = 0;
    auto descriptor = read<EntryDescriptor>(previous);
    if (descriptor.remaining_free_space < sizeof(StateEntry)) {
        if (descriptor.remaining_free_space & 7)
            m_cpu.program(ProgramCode::stack_specification);
        u64 forward = read<Be<u64>>(previous + EntryDescriptor::size + descriptor.remaining_free_space);
        if (!(forward & valid))
            m_cpu.program(ProgramCode::stack_full);
        previous = forward & address_field;
        descriptor = read<EntryDescriptor>(previous);
        if (descriptor.remaining_free_space < sizeof(StateEntry))
            m_cpu.program(ProgramCode::stack_specification);
        header = previous - 8;
        probe(header, 8);
    }
    u64 at = previous + EntryDescriptor::size;
    entry.descriptor.type_and_suppression = type;
    entry.descriptor.section = descriptor.section;
    entry.descriptor.remaining_free_space = static_cast<u16>(descriptor.remaining_free_space - sizeof(StateEntry));
    descriptor.next_entry_size = static_cast<u16>(sizeof(StateEntry));
    probe(previous, EntryDescriptor::size);
    write(at, entry);
    if (header)
        write(header, Be<u64> { current() | valid });
    write(previous, descriptor);
    m_cpu.cr[15] = at + sizeof(StateEntry) - EntryDescriptor::size;
}

inline u64 LinkageStack::locate(bool returning)
{
    u64 at = current();
    auto descriptor = read<EntryDescriptor>(at);
    auto check_suppression = [&] {
        if (returning && descriptor.unstack_suppressed())
            m_cpu.program(ProgramCode::stack_operation);
    };
    if (descriptor.type() == EntryDescriptor::header) {
        check_suppression();
        u64 backward = read<Be<u64>>(at - 8);
        if (!(backward & valid))
            m_cpu.program(ProgramCode::stack_empty);
        at = backward & address_field;
        descriptor = read<EntryDescriptor>(at);
        if (descriptor.type() == EntryDescriptor::header)
            m_cpu.program(ProgramCode::stack_specification);
    }
    if (descriptor.type() != EntryDescriptor::branch_state && descriptor.type() != EntryDescriptor::program_call_state)
        m_cpu.program(ProgramCode::stack_type);
    check_suppression();
    return at;
}

/// A state entry with what every kind of it saves; the PSW has the addressing mode and address to return to.
[[nodiscard]] inline StateEntry save_state(Cpu& c, const Psw& return_psw)
{
    StateEntry entry {};
    for (unsigned r = 0; r < 16; ++r) {
        entry.general[r] = c.gr[r];
        entry.access[r] = c.ar[r];
    }
    entry.key_mask = static_cast<u16>(c.cr[3] >> 16);
    entry.secondary = static_cast<u16>(c.cr[3]);
    entry.extended_authorization_index = static_cast<u16>(c.cr[8] >> 16);
    entry.primary = primary_asn(c);
    entry.psw_mask = return_psw.mask;
    entry.psw_address = return_psw.address;
    if (reuse_enabled(c)) {
        entry.secondary_instance = c.hi(c.cr[3]);
        entry.primary_instance = c.hi(c.cr[4]);
    }
    return entry;
}

} // namespace zvisor::isa
