#pragma once

#include "base/types.h"

#include <cstddef>
#include <vector>

namespace zvisor {

/// Memory of translated code, mapped twice: written at one address and executed at another, never both at one. Behind the code
/// is data that the code reaches relative to itself.
class CodeMemory {
public:
    /// `code_size` and `data_size` in bytes, multiples of the host's page size.
    CodeMemory(std::size_t code_size, std::size_t data_size);
    ~CodeMemory();
    CodeMemory(const CodeMemory&) = delete;
    CodeMemory& operator=(const CodeMemory&) = delete;

    [[nodiscard]] u8* writable() const { return m_writable; }
    [[nodiscard]] std::size_t code_size() const { return m_code_size; }
    /// Data, at the address it is written at.
    [[nodiscard]] u8* data() const { return m_writable + m_code_size; }
    [[nodiscard]] std::size_t data_size() const { return m_data_size; }
    /// Where the host executes what is written at `at`.
    template<class T = const void*>
    [[nodiscard]] T executable(const void* at) const
    {
        return reinterpret_cast<T>(m_executable + (static_cast<const u8*>(at) - m_writable));
    }

    /// Backs a piece with a large page, if the host has one, so that its TLBs have less to hold. `offset`: a multiple of `piece` bytes.
    void make_large(std::size_t offset) const;
    static constexpr std::size_t piece = std::size_t { 2 } << 20;

    /// Whole pages of the host within [first, last), offsets, become zeros and take no memory.
    void discard(std::size_t first, std::size_t last) const;

    /// Lets C++ exceptions pass through frames of code in [begin, end), writable addresses, whose canonical frame address
    /// is rsp + `frame` and which has saved the registers as `saved_registers` says.
    void describe_frames(const u8* begin, const u8* end, u32 frame);
    /// After all frames are described.
    void register_frames();

    /// DWARF numbers of the registers saved below the return address, from the top: rbp, rbx, r12-r15.
    static constexpr u8 saved_registers[] { 6, 3, 12, 13, 14, 15 };

private:
    std::size_t m_code_size;
    std::size_t m_data_size;
    u8* m_writable { nullptr };
    u8* m_executable { nullptr };
    std::vector<u8> m_frames;
};

} // namespace zvisor
