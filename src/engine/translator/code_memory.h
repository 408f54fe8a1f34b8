#pragma once

#include "base/types.h"

#include <cstddef>

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

private:
    std::size_t m_code_size;
    std::size_t m_data_size;
    u8* m_writable { nullptr };
    u8* m_executable { nullptr };
};

} // namespace zvisor
