#include "service/storage_limits.h"

#include "base/big_endian.h"

namespace zvisor {

namespace {

struct ExtentEntry {
    Be<u64> first;
    Be<u64> last;
};

constexpr u64 last_byte_subcode = 0x0c;
constexpr u64 extents_subcode = 0x10;

} // namespace

std::expected<StorageLimits, ProgramCode> store_storage_limits(
    AbsoluteStorage& storage, const std::vector<StorageExtent>& extents, u64 rx, u64 rx_odd, u64 ry)
{
    // A program may have given back all its storage.
    u64 last = extents.empty() ? 0 : extents.back().last;
    if (ry == last_byte_subcode)
        return StorageLimits { 0, last, last };
    bool valid = ry == extents_subcode && rx % sizeof(ExtentEntry) == 0 && rx_odd % sizeof(ExtentEntry) == 0 && rx_odd != 0;
    if (!valid)
        return std::unexpected(ProgramCode::specification);
    if (!storage.contains(rx, rx_odd))
        return std::unexpected(ProgramCode::addressing);
    bool fits = extents.size() <= rx_odd / sizeof(ExtentEntry);
    for (u64 i = 0; fits && i < extents.size(); ++i)
        if (!storage.write_as(rx + i * sizeof(ExtentEntry), ExtentEntry { extents[i].first, extents[i].last }))
            return std::unexpected(ProgramCode::addressing);
    return StorageLimits { static_cast<u8>(fits ? 0 : 3), rx, extents.size() };
}

} // namespace zvisor
