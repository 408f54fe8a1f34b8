#include "prsm/partition_dump.h"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <elf.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

namespace zvisor {

namespace {

constexpr u64 page = 4096;
/// Bytes looked at at once.
constexpr u64 piece = 1 << 20;

// ---- The form of the file (ELF-64; notes as Linux writes them for s390x) -------------------------------------------

struct ElfHeader {
    u8 identification[16] { 0x7f, 'E', 'L', 'F', ELFCLASS64, ELFDATA2MSB, EV_CURRENT };
    Be<u16> type { ET_CORE };
    Be<u16> machine { EM_S390 };
    Be<u32> version { EV_CURRENT };
    Be<u64> entry {};
    Be<u64> program_headers { 64 };
    Be<u64> section_headers {};
    Be<u32> flags {};
    Be<u16> size { 64 };
    Be<u16> program_header_size { 56 };
    Be<u16> program_header_count {};
    Be<u16> section_header_size {};
    Be<u16> section_header_count {};
    Be<u16> section_names {};
};
static_assert(sizeof(ElfHeader) == 64);

struct ProgramHeader {
    Be<u32> type { PT_LOAD };
    Be<u32> flags { PF_R | PF_W | PF_X };
    Be<u64> offset {};
    Be<u64> virtual_address {};
    Be<u64> physical_address {};
    Be<u64> file_size {};
    Be<u64> memory_size {};
    Be<u64> alignment { page };
};
static_assert(sizeof(ProgramHeader) == 56);

/// elf_prstatus.
struct ProcessStatus {
    u8 signals[32] {};
    Be<u32> process;
    u8 times[76] {};
    Be<u64> psw[2];
    Be<u64> general[16];
    Be<u32> access[16];
    Be<u64> original_general_2;
    u8 end[8] {};
};
static_assert(sizeof(ProcessStatus) == 336);

/// s390_fp_regs.
struct FloatingPoint {
    Be<u32> control;
    Be<u32> padding;
    Be<u64> registers[16];
};
static_assert(sizeof(FloatingPoint) == 136);

/// The right halves of vector registers 0-15, and registers 16-31.
struct VectorLow {
    Be<u64> halves[16];
};
struct VectorHigh {
    Be<u64> registers[16][2];
};

class Notes {
public:
    template<class T>
    void add(std::string_view name, u32 type, const T& value)
    {
        put(Be<u32>(static_cast<u32>(name.size() + 1)));
        put(Be<u32>(sizeof value));
        put(Be<u32>(type));
        m_bytes.append(name).push_back('\0');
        align();
        put(value);
        align();
    }
    [[nodiscard]] const std::string& bytes() const { return m_bytes; }

private:
    template<class T>
    void put(const T& value)
    {
        m_bytes.append(reinterpret_cast<const char*>(&value), sizeof value);
    }
    void align() { m_bytes.resize((m_bytes.size() + 3) & ~std::size_t { 3 }); }

    std::string m_bytes;
};

void add_notes(Notes& notes, const CpuStatus& cpu)
{
    ProcessStatus status;
    // gdb wants threads with numbers from 1 on.
    status.process = u32 { cpu.address } + 1;
    std::ranges::copy(cpu.psw, status.psw);
    std::ranges::copy(cpu.general, status.general);
    std::ranges::copy(cpu.access, status.access);
    FloatingPoint floating { .control = cpu.floating_point_control, .padding = {}, .registers = {} };
    VectorLow low;
    VectorHigh high;
    for (std::size_t i = 0; i < 16; ++i) {
        floating.registers[i] = cpu.vector[i][0];
        low.halves[i] = cpu.vector[i][1];
        std::ranges::copy(cpu.vector[16 + i], high.registers[i]);
    }
    notes.add("CORE", NT_PRSTATUS, status);
    notes.add("CORE", NT_FPREGSET, floating);
    notes.add("LINUX", NT_S390_TIMER, cpu.cpu_timer);
    notes.add("LINUX", NT_S390_TODCMP, cpu.clock_comparator);
    notes.add("LINUX", NT_S390_TODPREG, cpu.tod_programmable);
    notes.add("LINUX", NT_S390_CTRS, cpu.control);
    notes.add("LINUX", NT_S390_PREFIX, Be<u32>(static_cast<u32>(cpu.prefix)));
    notes.add("LINUX", NT_S390_VXRS_LOW, low);
    notes.add("LINUX", NT_S390_VXRS_HIGH, high);
}

[[nodiscard]] u64 aligned(u64 offset)
{
    return (offset + page - 1) & ~(page - 1);
}

/// A header for the notes, and one for each run of blocks; the first run begins at the page after the notes.
[[nodiscard]] std::vector<ProgramHeader> headers_of(const DumpSource& source, u64 notes)
{
    std::vector<ProgramHeader> loads;
    for (const auto& [number, file] : source.blocks) {
        u64 address = number * source.block_size;
        if (loads.empty() || loads.back().physical_address + loads.back().memory_size != address)
            loads.push_back({ .virtual_address = address, .physical_address = address });
        loads.back().memory_size = loads.back().memory_size + source.block_size;
        loads.back().file_size = loads.back().memory_size;
    }
    u64 offset = sizeof(ElfHeader) + (loads.size() + 1) * sizeof(ProgramHeader);
    std::vector<ProgramHeader> headers {
        { .type = PT_NOTE, .flags = 0, .offset = offset, .file_size = notes, .memory_size = 0, .alignment = 4 }
    };
    offset = aligned(offset + notes);
    for (auto& load : loads) {
        load.offset = offset;
        offset += load.file_size;
        headers.push_back(load);
    }
    return headers;
}

// ---- Writing -------------------------------------------------------------------------------------------------------

[[nodiscard]] Result<void> write_at(int file, const void* bytes, std::size_t length, u64 offset)
{
    const auto* from = static_cast<const char*>(bytes);
    while (length != 0) {
        ssize_t written = pwrite(file, from, length, static_cast<off_t>(offset));
        if (written < 0 && errno == EINTR)
            continue;
        if (written <= 0)
            return fail(std::strerror(written < 0 ? errno : ENOSPC));
        from += written;
        offset += static_cast<u64>(written);
        length -= static_cast<std::size_t>(written);
    }
    return {};
}

[[nodiscard]] bool is_zero(std::span<const char> bytes)
{
    return bytes.front() == 0 && std::memcmp(bytes.data(), bytes.data() + 1, bytes.size() - 1) == 0;
}

/// Writes the pages that are not zero; returns their bytes.
[[nodiscard]] Result<u64> write_pages(int file, std::span<const char> bytes, u64 offset)
{
    u64 written = 0;
    for (u64 at = 0; at < bytes.size(); at += page) {
        u64 end = at;
        while (end < bytes.size() && !is_zero(bytes.subspan(end, page)))
            end += page;
        TRY_VOID(write_at(file, bytes.data() + at, end - at, offset + at));
        written += end - at;
        at = end;
    }
    return written;
}

/// Copies a block's memory, but what was never stored into; returns the bytes written.
[[nodiscard]] Result<u64> write_block(int file, int block, u64 size, u64 offset)
{
    std::vector<char> bytes(piece);
    u64 written = 0;
    for (u64 at = 0; at < size;) {
        off_t data = lseek(block, static_cast<off_t>(at), SEEK_DATA);
        if (data < 0 && errno == ENXIO)
            break;
        if (data < 0)
            return fail(fmt::format("a block of storage cannot be read: {}", std::strerror(errno)));
        at = static_cast<u64>(data) & ~(page - 1);
        ssize_t count = pread(block, bytes.data(), std::min(piece, size - at), static_cast<off_t>(at));
        if (count < static_cast<ssize_t>(page))
            return fail(fmt::format("a block of storage cannot be read: {}", std::strerror(count < 0 ? errno : EIO)));
        auto length = static_cast<u64>(count) & ~(page - 1);
        written += TRY(write_pages(file, std::span { bytes }.first(length), offset + at));
        at += length;
    }
    // One that ended as it was read looks like one that holds nothing.
    if (struct stat status {}; fstat(block, &status) != 0 || static_cast<u64>(status.st_size) != size)
        return fail("the partition has lost its storage meanwhile");
    return written;
}

[[nodiscard]] Result<DumpSize> write_all(int file, const DumpSource& source, const std::function<bool(u64)>& progress)
{
    Notes notes;
    for (const auto& cpu : source.cpus)
        add_notes(notes, cpu);
    auto headers = headers_of(source, notes.bytes().size());
    ElfHeader header { .program_header_count = static_cast<u16>(headers.size()) };
    TRY_VOID(write_at(file, &header, sizeof header, 0));
    TRY_VOID(write_at(file, headers.data(), headers.size() * sizeof(ProgramHeader), sizeof header));
    TRY_VOID(write_at(file, notes.bytes().data(), notes.bytes().size(), headers[0].offset));
    DumpSize size { .cpus = static_cast<u16>(source.cpus.size()) };
    u64 offset = aligned(headers[0].offset + headers[0].file_size);
    for (const auto& [number, block] : source.blocks) {
        size.written += TRY(write_block(file, block.get(), source.block_size, offset + size.storage));
        size.storage += source.block_size;
        if (!progress(size.storage))
            return fail("nobody waits for it any more");
    }
    if (ftruncate(file, static_cast<off_t>(offset + size.storage)) != 0 || fsync(file) != 0)
        return fail(std::strerror(errno));
    return size;
}

} // namespace

std::vector<CpuStatus> cpus_of(const nlohmann::json& message)
{
    std::vector<CpuStatus> cpus;
    auto list = message.find("cpus");
    if (list == message.end() || !list->is_array())
        return cpus;
    for (const auto& item : *list)
        if (item.is_binary() && item.get_binary().size() == sizeof(CpuStatus))
            std::memcpy(&cpus.emplace_back(), item.get_binary().data(), sizeof(CpuStatus));
    return cpus;
}

Result<DumpSize> write_dump(const std::string& path, const DumpSource& source, const std::function<bool(u64)>& progress)
{
    UniqueFd file { open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600) };
    if (!file.valid())
        return fail(fmt::format("the dump {} cannot be made: {}", path, std::strerror(errno)));
    auto size = write_all(file.get(), source, progress);
    if (size)
        return size;
    unlink(path.c_str());
    return fail(fmt::format("the dump {} cannot be written: {}", path, size.error().message));
}

} // namespace zvisor
