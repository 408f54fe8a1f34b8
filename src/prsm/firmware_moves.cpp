// Moving storage between running partitions.

#include "prsm/firmware.h"

#include "base/size.h"

#include <algorithm>
#include <fmt/format.h>

namespace zvisor {

namespace {

/// A partition's count of blocks follows the message about one a moment later, so it is looked at again after this.
constexpr std::chrono::milliseconds look_again { 100 };

[[nodiscard]] u64 seconds_of(std::chrono::milliseconds time)
{
    return static_cast<u64>(std::chrono::duration_cast<std::chrono::seconds>(time).count());
}

} // namespace

Result<void> Firmware::check_move(const ManagedPartition& from, const ManagedPartition& to, u64 bytes) const
{
    u64 size = m_storage.block_size();
    const auto& source = from.definition();
    const auto& target = to.definition();
    if (&from == &to)
        return fail(fmt::format("storage is moved between two partitions, not from {} to itself", source.name));
    for (const auto* partition : { &from, &to })
        if (partition->pid() == 0)
            return fail(fmt::format("partition {} is not activated", partition->definition().name));
    if (bytes == 0 || bytes % size != 0)
        return fail(fmt::format("{} cannot be moved: storage is moved in blocks of {}", size_text(bytes), size_text(size)));
    if (from.block_count() * size <= bytes)
        return fail(fmt::format(
            "partition {} has {}, of which {} cannot be moved", source.name, size_text(from.block_count() * size), size_text(bytes)));
    if (to.block_count() * size + bytes > target.maximum_memory)
        return fail(fmt::format("partition {} has {} of at most {}: {} more do not fit", target.name, size_text(to.block_count() * size),
            size_text(target.maximum_memory), size_text(bytes)));
    return {};
}

/// A block for `partition`, unless what is free is kept for others.
Result<UniqueFd> Firmware::take_for(const ManagedPartition& partition)
{
    std::lock_guard lock(m_kept_mutex);
    u64 kept = 0;
    for (const auto& [owner, blocks] : m_kept)
        kept += owner != &partition ? blocks : 0;
    if (kept != 0 && m_storage.free() <= kept)
        return fail("what is free of the machine's storage is kept for another partition");
    auto memory = m_storage.take();
    if (auto own = m_kept.find(&partition); memory && own != m_kept.end() && own->second > 0)
        --own->second;
    return memory;
}

/// Waits until `done`, a number of blocks, has reached `wanted`; tells `progress` when it changes.
bool Firmware::wait_for_blocks(const std::function<u64()>& done, u64 wanted, std::chrono::milliseconds patience,
    const std::function<void(u64)>& progress, const std::function<bool()>& given_up)
{
    auto deadline = std::chrono::steady_clock::now() + patience;
    std::unique_lock lock(m_kept_mutex);
    for (u64 seen = 0;;) {
        u64 now = done();
        if (now != seen)
            progress(now);
        seen = now;
        if (seen >= wanted || std::chrono::steady_clock::now() >= deadline || given_up())
            return seen >= wanted;
        m_blocks_moved.wait_for(lock, look_again);
    }
}

Result<void> Firmware::move_memory(std::string_view from, std::string_view to, u64 bytes, std::chrono::milliseconds patience,
    const std::function<void(const std::string&)>& progress, const std::function<bool()>& given_up)
{
    auto* source = TRY(find(from));
    auto* target = TRY(find(to));
    TRY_VOID(check_move(*source, *target, bytes));
    u64 wanted = bytes / m_storage.block_size();
    u64 source_had = source->block_count();
    u64 target_had = target->block_count();
    auto text = [this](u64 blocks) { return size_text(blocks * m_storage.block_size()); };
    auto released = [&] { return source_had - std::min(source_had, source->block_count()); };
    auto taken = [&] { return target->block_count() - std::min(target_had, target->block_count()); };
    auto keep = [&](u64 blocks) {
        m_kept[target] = std::min(blocks, wanted);
        progress(fmt::format("{} released {} of {}", from, text(blocks), size_text(bytes)));
    };
    auto show = [&](u64 blocks) { progress(fmt::format("{} took {} of {}", to, text(blocks), size_text(bytes))); };

    progress(fmt::format("waiting for {0} to take {1} offline; in Linux: chmem -d {1}", from, size_text(bytes)));
    bool moved = wait_for_blocks(released, wanted, patience, keep, given_up);
    bool all_released = moved;
    if (all_released) {
        progress(fmt::format("waiting for {0} to take {1} online; in Linux: chmem -e {1}", to, size_text(bytes)));
        moved = wait_for_blocks(taken, wanted, patience, show, given_up);
    }
    {
        std::lock_guard lock(m_kept_mutex);
        m_kept.erase(target);
    }
    if (!all_released)
        return fail(fmt::format("partition {} released {} of {} within {} s; that is free now", from, text(released()), size_text(bytes),
            seconds_of(patience)));
    if (!moved)
        return fail(fmt::format(
            "partition {} took {} of {} within {} s; the rest is free now", to, text(taken()), size_text(bytes), seconds_of(patience)));
    audit(from, fmt::format("{} moved to {}", size_text(bytes), to));
    return {};
}

} // namespace zvisor
