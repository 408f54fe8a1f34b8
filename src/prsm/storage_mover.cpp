#include "prsm/storage_mover.h"

#include "base/size.h"

#include <algorithm>
#include <fmt/format.h>

namespace zvisor {

namespace {

/// Time from a program's word that it took a block online or offline until the partition's process has said so.
constexpr std::chrono::seconds message_patience { 5 };

} // namespace

StorageMover::StorageMover(StorageReserve& reserve, ManagedPartition& from, ManagedPartition& to, u64 bytes, const MoveWatch& watch)
    : m_reserve(reserve)
    , m_from { .partition = from }
    , m_to { .partition = to }
    , m_block_size(from.definition().block_size)
    , m_wanted(bytes / m_block_size)
    , m_watch(watch)
{
}

std::string StorageMover::text(u64 blocks) const
{
    return size_text(blocks * m_block_size);
}

Result<void> StorageMover::check() const
{
    for (const auto* side : { &m_from, &m_to })
        if (side->partition.pid() == 0)
            return fail(fmt::format("partition {} is not activated", name(*side)));
    u64 has = m_from.partition.block_count();
    if (has <= m_wanted)
        return fail(fmt::format("partition {} has {}, of which {} cannot be moved", name(m_from), text(has), text(m_wanted)));
    u64 most = m_to.partition.definition().maximum_memory;
    has = m_to.partition.block_count();
    if ((has + m_wanted) * m_block_size > most)
        return fail(
            fmt::format("partition {} has {} of at most {}: {} more do not fit", name(m_to), text(has), size_text(most), text(m_wanted)));
    return {};
}

/// Learns which blocks lie on the board, and so how much is to be moved.
Result<void> StorageMover::look_at_board()
{
    auto agent = m_from.partition.agent();
    if (!agent)
        return fail(fmt::format("partition {} has no guest agent to ask for what lies on a board", name(m_from)));
    auto storage = storage_of_guest(*agent, m_watch.begin());
    if (!storage)
        return fail(fmt::format("partition {}: {}", name(m_from), storage.error().message));
    u64 unit = std::max<u64>(1, storage->size / m_block_size);
    auto blocks = TRY(m_from.partition.copy_blocks());
    for (const auto& [number, block] : blocks)
        if (m_reserve.pool().board_of(block) == *m_board)
            m_on_board.insert(number / unit);
    m_wanted = m_on_board.size() * unit;
    return {};
}

/// Learns what a program could take online or offline, before anything is changed.
Result<void> StorageMover::look_at(Side& side, bool online) const
{
    auto agent = side.partition.agent();
    if (!agent)
        return {};
    auto storage = storage_of_guest(*agent, m_watch.begin());
    if (!storage) {
        m_watch.progress(fmt::format("{}: {}", name(side), storage.error().message));
        return {};
    }
    side.agent = std::move(agent);
    side.storage = std::move(*storage);
    u64 unit = side.storage.size / m_block_size;
    if (unit == 0 || m_wanted % unit != 0)
        return fail(fmt::format("{} cannot be moved: the program in partition {} takes storage online and offline in blocks of {}",
            text(m_wanted), name(side), size_text(side.storage.size)));
    u64 possible = candidates(side, online).size() * unit;
    if (possible < m_wanted)
        return fail(fmt::format("the program in partition {} could take at most {} {}, not {}", name(side), text(possible),
            online ? "online" : "offline", text(m_wanted)));
    return {};
}

/// Blocks of the program's to try, in this order: what was added last goes first.
std::vector<u64> StorageMover::candidates(const Side& side, bool online) const
{
    std::vector<u64> numbers;
    for (const auto& block : side.storage.blocks)
        if (block.online != online && (online || (block.removable && block.number != 0 && (!m_board || m_on_board.contains(block.number)))))
            numbers.push_back(block.number);
    if (!online)
        std::ranges::reverse(numbers);
    return numbers;
}

Result<void> StorageMover::run()
{
    if (m_board) {
        TRY_VOID(look_at_board());
        if (m_wanted == 0)
            return {};
    }
    TRY_VOID(check());
    TRY_VOID(look_at(m_from, false));
    TRY_VOID(look_at(m_to, true));
    // A program may take what was released at once: what it had is counted before.
    u64 had = m_to.partition.block_count();
    u64 released = change(m_from, m_from.partition.block_count(), m_wanted, false);
    if (released < m_wanted)
        return fail(fmt::format(
            "partition {} released {} of {}{}{}", name(m_from), text(released), text(m_wanted), reason(m_from), take_back(released)));
    u64 taken = change(m_to, had, m_wanted, true);
    m_reserve.keep(m_to.partition, 0);
    if (taken < m_wanted)
        return fail(fmt::format(
            "partition {} took {} of {}{}{}", name(m_to), text(taken), text(m_wanted), reason(m_to), take_back(m_wanted - taken)));
    return {};
}

std::string StorageMover::reason(const Side& side) const
{
    auto seconds = std::chrono::duration_cast<std::chrono::seconds>(m_watch.patience).count();
    return side.why.empty() ? fmt::format(" within {} s", seconds) : fmt::format(" ({})", side.why);
}

/// Has a program that `had` so many blocks take storage online or offline; returns the number of those that came or went.
u64 StorageMover::change(Side& side, u64 had, u64 wanted, bool online)
{
    auto count = [&side, had, online] {
        u64 has = side.partition.block_count();
        return online ? std::max(has, had) - had : had - std::min(has, had);
    };
    side.why.clear();
    side.agent ? change_by_agent(side, wanted, online, count) : change_by_operator(side, wanted, online, count);
    return std::min(count(), wanted);
}

void StorageMover::change_by_agent(Side& side, u64 wanted, bool online, const std::function<u64()>& count)
{
    auto patience = m_watch.begin();
    u64 unit = side.storage.size / m_block_size;
    u64 done = 0;
    for (u64 number : candidates(side, online)) {
        if (done >= wanted || patience.over())
            break;
        auto set = set_guest_block(*side.agent, number, online, patience);
        if (!set) {
            side.why = set.error().message;
            continue;
        }
        done += unit;
        if (!m_reserve.wait(count, done, Patience::of(message_patience)))
            side.why = fmt::format("its block {} is {} and still counted", number, online ? "online" : "offline");
        note(side, std::min(count(), wanted), wanted, online);
    }
}

void StorageMover::change_by_operator(Side& side, u64 wanted, bool online, const std::function<u64()>& count)
{
    m_watch.progress(fmt::format("waiting for {0} to take {1} {2}; in Linux: chmem {3} {1}", name(side), text(wanted),
        online ? "online" : "offline", online ? "-e" : "-d"));
    auto patience = m_watch.begin();
    for (u64 seen = 0; seen < wanted && m_reserve.wait(count, seen + 1, patience);) {
        seen = std::min(count(), wanted);
        note(side, seen, wanted, online);
    }
}

/// What was released is kept for who is to have it.
void StorageMover::note(const Side& side, u64 blocks, u64 wanted, bool online)
{
    if (!online)
        m_reserve.keep(m_to.partition, blocks, m_board);
    m_watch.progress(fmt::format("{} {} {} of {}", name(side), online ? "took" : "released", text(blocks), text(wanted)));
}

/// Gives blocks that nobody took to the partition they came from; says where they are.
std::string StorageMover::take_back(u64 blocks)
{
    m_reserve.keep(m_to.partition, 0);
    if (blocks == 0)
        return "";
    u64 back = 0;
    if (m_from.agent) {
        m_reserve.keep(m_from.partition, blocks, m_board);
        m_watch.progress(fmt::format("{} goes back to {}", text(blocks), name(m_from)));
        // What it has offline now.
        if (auto storage = storage_of_guest(*m_from.agent, m_watch.begin()))
            m_from.storage = std::move(*storage);
        auto why = m_from.why;
        back = change(m_from, m_from.partition.block_count(), blocks, true);
        m_from.why = why;
        m_reserve.keep(m_from.partition, 0);
    }
    if (back == blocks)
        return fmt::format("; {} is back at {}", text(back), name(m_from));
    return back == 0 ? fmt::format("; {} is free in the machine", text(blocks))
                     : fmt::format("; {} is back at {}, {} is free in the machine", text(back), name(m_from), text(blocks - back));
}

} // namespace zvisor
