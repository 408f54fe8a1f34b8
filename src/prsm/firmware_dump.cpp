// Dumps of partitions.

#include "prsm/firmware.h"

#include "base/size.h"

#include <fmt/format.h>

namespace zvisor {

Result<DumpSize> Firmware::dump(std::string_view name, const std::string& path, const MoveWatch& watch)
{
    auto* partition = TRY(find(name));
    if (partition->block_count() == 0)
        return fail(fmt::format("partition {} has no storage to dump", name));
    // What runs stands still meanwhile, so that registers and storage are of one moment.
    bool stopped = partition->state() == PartitionState::operating && stop(name);
    auto size = dump_stopped(*partition, path, watch);
    auto started = stopped ? start(name) : Result<void> {};
    if (size)
        audit(name, "dumped to " + path);
    return size && !started ? Result<DumpSize>(std::unexpected(started.error())) : size;
}

Result<DumpSize> Firmware::dump_stopped(ManagedPartition& partition, const std::string& path, const MoveWatch& watch) const
{
    DumpSource source { .blocks = TRY(partition.copy_blocks()), .block_size = m_storage.block_size() };
    source.cpus = partition.pid() != 0 ? cpus_of(TRY(partition.order("registers"))) : partition.last_registers();
    u64 all = source.blocks.size() * source.block_size;
    auto patience = watch.begin();
    auto told = std::chrono::steady_clock::now();
    return write_dump(path, source, [&](u64 done) {
        constexpr std::chrono::seconds interval { 1 };
        if (auto now = std::chrono::steady_clock::now(); now - told >= interval || done == all) {
            told = now;
            watch.progress(fmt::format("{} of {}", size_text(done), size_text(all)));
        }
        return !patience.over();
    });
}

} // namespace zvisor
