// Moving storage and CPUs between running partitions.

#include "prsm/firmware.h"

#include "base/size.h"
#include "prsm/boards.h"

#include <algorithm>
#include <fmt/format.h>

namespace zvisor {

namespace {

/// Time from a program's word that it configured a CPU or gave one back until the dispatcher knows.
constexpr std::chrono::seconds message_patience { 5 };

} // namespace

Result<std::pair<ManagedPartition*, ManagedPartition*>> Firmware::find_both(
    std::string_view from, std::string_view to, std::string_view what) const
{
    std::pair both { TRY(find(from)), TRY(find(to)) };
    if (both.first == both.second)
        return fail(fmt::format("{} are moved between two partitions, not from {} to itself", what, from));
    return both;
}

Result<void> Firmware::move_memory(std::string_view from, std::string_view to, u64 bytes, const MoveWatch& watch)
{
    auto [source, target] = TRY(find_both(from, to, "blocks of storage"));
    u64 size = m_storage.block_size();
    if (bytes == 0 || bytes % size != 0)
        return fail(fmt::format("{} cannot be moved: storage is moved in blocks of {}", size_text(bytes), size_text(size)));
    std::unique_lock moving(m_moving, std::try_to_lock);
    if (!moving)
        return fail("something else is being moved between partitions");
    TRY_VOID(StorageMover(m_reserve, *source, *target, bytes, watch).run());
    audit(from, fmt::format("{} moved to {}", size_text(bytes), to));
    return {};
}

u16 Firmware::configured_cpus(const ManagedPartition& partition) const
{
    return static_cast<u16>(std::ranges::count(m_dispatcher->usage(partition.dispatch_id()), true, &prsm::LogicalCpuUsage::configured));
}

Result<void> Firmware::check_cpu_move(const ManagedPartition& from, const ManagedPartition& to, u16 count) const
{
    for (const auto* partition : { &from, &to })
        if (partition->pid() == 0)
            return fail(fmt::format("partition {} is not activated", partition->definition().name));
    u16 has = configured_cpus(from);
    if (count == 0 || has <= count)
        return fail(
            fmt::format("partition {} has {} CPU{}, of which {} cannot be moved", from.definition().name, has, has == 1 ? "" : "s", count));
    u16 most = to.definition().maximum_cpus;
    has = configured_cpus(to);
    if (has + count > most)
        return fail(fmt::format("partition {} has {} of at most {} CPUs: {} more do not fit", to.definition().name, has, most, count));
    return {};
}

/// Has a program take one more CPU into use, or give one up; returns the CPU's number in the program.
Result<u64> Firmware::change_cpu(ManagedPartition& partition, bool online, const MoveWatch& watch, const CpuChoice& choice)
{
    auto agent = partition.agent();
    if (!agent)
        return fail("it has no guest agent");
    auto patience = watch.begin();
    auto cpus = TRY(cpus_of_guest(*agent, patience));
    // What was added last goes first.
    if (!online)
        std::ranges::reverse(cpus);
    std::string why = online ? "its program knows no CPU in standby" : "its program has no CPU it could give up";
    u16 wanted = static_cast<u16>(configured_cpus(partition) + (online ? 1 : -1));
    for (const auto& cpu : cpus) {
        if (cpu.online == online || (!online && !cpu.removable) || (choice && !choice(cpu.number)) || patience.over())
            continue;
        auto set = set_guest_cpu(*agent, cpu.number, online, patience);
        if (set && m_reserve.wait([&] { return u64 { configured_cpus(partition) == wanted }; }, 1, Patience::of(message_patience)))
            return cpu.number;
        // Another one would be one too many when this comes late.
        if (set)
            return fail(fmt::format("its CPU {} is {} and not counted so", cpu.number, online ? "online" : "offline"));
        why = set.error().message;
    }
    return fail(why);
}

/// Moves one CPU; on an error `from` has it again if it can be had.
Result<void> Firmware::move_cpu(ManagedPartition& from, ManagedPartition& to, const MoveWatch& watch, const CpuChoice& choice)
{
    const auto& source = from.definition().name;
    const auto& target = to.definition().name;
    auto released = change_cpu(from, false, watch, choice);
    if (!released)
        return fail(fmt::format("partition {} gives up no CPU: {}", source, released.error().message));
    watch.progress(fmt::format("{} gave up its CPU {}", source, *released));
    // So that the program looks what there is.
    (void)to.order("cpus-changed");
    auto taken = change_cpu(to, true, watch);
    if (taken) {
        watch.progress(fmt::format("{} took its CPU {}", target, *taken));
        return {};
    }
    auto back = change_cpu(from, true, watch);
    return fail(fmt::format("partition {} takes no CPU: {}; {} {}", target, taken.error().message, source,
        back ? "has its CPU again" : "is left without it: " + back.error().message));
}

Result<void> Firmware::move_cpus(std::string_view from, std::string_view to, u16 count, const MoveWatch& watch)
{
    auto [source, target] = TRY(find_both(from, to, "CPUs"));
    std::unique_lock moving(m_moving, std::try_to_lock);
    if (!moving)
        return fail("something else is being moved between partitions");
    TRY_VOID(move_each_cpu(*source, *target, count, watch));
    audit(from, fmt::format("{} CPUs moved to {}", count, to));
    return {};
}

Result<void> Firmware::move_each_cpu(
    ManagedPartition& from, ManagedPartition& to, u16 count, const MoveWatch& watch, const CpuChoice& choice)
{
    TRY_VOID(check_cpu_move(from, to, count));
    for (u16 moved = 0; moved < count; ++moved) {
        auto done = move_cpu(from, to, watch, choice);
        if (!done)
            return moved == 0 ? done : fail(fmt::format("{} of {} CPUs moved; {}", moved, count, done.error().message));
    }
    return {};
}

// ---- Boards ----------------------------------------------------------------------------------------------------------

std::vector<BoardPart> Firmware::parts_on_boards(const ManagedPartition& partition) const
{
    std::vector<BoardPart> parts(m_definition.boards.size());
    if (auto blocks = partition.copy_blocks())
        for (const auto& [number, block] : *blocks)
            ++parts[m_storage.board_of(block)].blocks;
    auto homes = board_of_each_cpu(m_definition, partition.definition());
    auto usage = m_dispatcher->usage(partition.dispatch_id());
    for (std::size_t i = 0; i < std::min(homes.size(), usage.size()); ++i)
        if (usage[i].configured)
            ++parts[homes[i]].cpus;
    return parts;
}

Result<void> Firmware::move_board(std::string_view board, std::string_view from, std::string_view to, const MoveWatch& watch)
{
    auto [source, target] = TRY(find_both(from, to, "parts of a board"));
    const auto& boards = m_definition.boards;
    auto found = std::ranges::find(boards, board, &BoardDefinition::name);
    if (found == boards.end())
        return fail(fmt::format("the machine {} has no board '{}'", m_definition.name, board));
    auto index = static_cast<std::size_t>(found - boards.begin());
    std::unique_lock moving(m_moving, std::try_to_lock);
    if (!moving)
        return fail("something else is being moved between partitions");
    auto part = parts_on_boards(*source)[index];
    if (part.blocks == 0 && part.cpus == 0)
        return fail(fmt::format("partition {} has nothing on board {}", from, board));
    // What would be refused is found before anything has moved.
    if (part.cpus != 0)
        TRY_VOID(check_cpu_move(*source, *target, part.cpus));
    StorageMover storage(m_reserve, *source, *target, 0, watch);
    storage.restrict_to(index);
    TRY_VOID(storage.run());
    auto homes = board_of_each_cpu(m_definition, source->definition());
    if (part.cpus != 0)
        TRY_VOID(move_each_cpu(*source, *target, part.cpus, watch, [&](u64 cpu) { return cpu < homes.size() && homes[cpu] == index; }));
    audit(from, fmt::format("what it had on {} moved to {}", board, to));
    return {};
}

} // namespace zvisor
