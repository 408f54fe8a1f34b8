#include "engine/translator/code_memory.h"

#include "base/verify.h"

#include <cstring>
#include <sys/mman.h>

extern "C" void __register_frame(void*);
extern "C" void __deregister_frame(void*);

namespace zvisor {

namespace {

// DWARF call-frame instructions.
constexpr u8 cfa_advance_none = 0x00;
constexpr u8 cfa_define = 0x0c;
constexpr u8 cfa_offset = 0x80;
constexpr u8 rsp_number = 7;
constexpr u8 return_address_number = 16;

template<class T>
void append(std::vector<u8>& to, T value)
{
    const auto* bytes = reinterpret_cast<const u8*>(&value);
    to.insert(to.end(), bytes, bytes + sizeof value);
}

void append_uleb(std::vector<u8>& to, u32 value)
{
    do {
        u8 low = value & 0x7f;
        value >>= 7;
        to.push_back(static_cast<u8>(low | (value ? 0x80 : 0)));
    } while (value);
}

/// Fills up an entry that began at `start` with its length field, and writes the length.
void end_entry(std::vector<u8>& to, std::size_t start)
{
    while ((to.size() - start) % 8 != 0)
        to.push_back(cfa_advance_none);
    u32 length = static_cast<u32>(to.size() - start - 4);
    std::memcpy(to.data() + start, &length, sizeof length);
}

/// Linux 6.1, newer than the headers of Debian 12.
constexpr int advise_collapse = 25;

/// Addresses for `size` bytes, aligned to pieces.
[[nodiscard]] u8* reserve(std::size_t size)
{
    constexpr std::size_t piece = CodeMemory::piece;
    void* reserved = mmap(nullptr, size + piece, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    VERIFY(reserved != MAP_FAILED);
    auto* first = static_cast<u8*>(reserved);
    std::size_t before = (piece - reinterpret_cast<u64>(first) % piece) % piece;
    VERIFY(before == 0 || munmap(first, before) == 0);
    VERIFY(munmap(first + before + size, piece - before) == 0);
    return first + before;
}

} // namespace

CodeMemory::CodeMemory(std::size_t code_size, std::size_t data_size)
    : m_code_size(code_size)
    , m_data_size(data_size)
{
    std::size_t size = code_size + data_size;
    // Anonymous, because a limit on the size of files would hold for a memfd; moving a shared mapping of length 0 makes a second one.
    m_writable = reserve(size);
    m_executable = reserve(size);
    constexpr int flags = MAP_SHARED | MAP_ANONYMOUS | MAP_NORESERVE | MAP_FIXED;
    VERIFY(mmap(m_writable, size, PROT_READ | PROT_WRITE, flags, -1, 0) == m_writable);
    VERIFY(mremap(m_writable, 0, size, MREMAP_MAYMOVE | MREMAP_FIXED, m_executable) == m_executable);
    VERIFY(mprotect(m_executable, code_size, PROT_READ | PROT_EXEC) == 0);
}

CodeMemory::~CodeMemory()
{
    if (!m_frames.empty())
        __deregister_frame(m_frames.data());
    munmap(m_writable, m_code_size + m_data_size);
    munmap(m_executable, m_code_size + m_data_size);
}

void CodeMemory::make_large(std::size_t offset) const
{
    if (offset + piece > m_code_size + m_data_size)
        return;
    (void)madvise(m_writable + offset, piece, advise_collapse);
    (void)madvise(m_executable + offset, piece, advise_collapse);
}

void CodeMemory::discard(std::size_t first, std::size_t last) const
{
    constexpr std::size_t host_page = 4096;
    first = (first + host_page - 1) / host_page * host_page;
    last = last / host_page * host_page;
    if (first < last && madvise(m_writable + first, last - first, MADV_REMOVE) != 0)
        std::memset(m_writable + first, 0, last - first);
}

void CodeMemory::describe_frames(const u8* begin, const u8* end, u32 frame)
{
    std::size_t common = m_frames.size();
    append(m_frames, u32 { 0 });
    append(m_frames, u32 { 0 }); // a common information entry
    append(m_frames, u8 { 1 });  // version
    append(m_frames, u8 { 0 });  // no augmentation
    append_uleb(m_frames, 1);
    append(m_frames, u8 { 0x78 }); // offsets in units of -8
    append(m_frames, return_address_number);
    append(m_frames, cfa_define);
    append_uleb(m_frames, rsp_number);
    append_uleb(m_frames, frame);
    append(m_frames, static_cast<u8>(cfa_offset | return_address_number));
    append_uleb(m_frames, 1);
    u32 place = 2;
    for (u8 number : saved_registers) {
        append(m_frames, static_cast<u8>(cfa_offset | number));
        append_uleb(m_frames, place++);
    }
    end_entry(m_frames, common);

    std::size_t description = m_frames.size();
    append(m_frames, u32 { 0 });
    append(m_frames, static_cast<u32>(m_frames.size() - common));
    append(m_frames, executable<u64>(begin));
    append(m_frames, static_cast<u64>(end - begin));
    end_entry(m_frames, description);
}

void CodeMemory::register_frames()
{
    append(m_frames, u32 { 0 });
    __register_frame(m_frames.data());
}

} // namespace zvisor
