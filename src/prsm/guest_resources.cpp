#include "prsm/guest_resources.h"

#include "prsm/link.h"

#include <algorithm>
#include <bit>
#include <cstring>
#include <fmt/format.h>

namespace zvisor {

namespace {

constexpr std::size_t most_blocks = 1 << 16;
constexpr std::size_t most_cpus = 1 << 10;
constexpr u64 mega = 1 << 20;
constexpr u64 largest_block = u64 { 1 } << 40;
constexpr u64 largest_number = u64 { 1 } << 24;

/// The members of an answer's objects; an error when it is no list of objects, or a long one.
[[nodiscard]] Result<std::vector<LinkMessage>> objects_of(nlohmann::json answer, std::size_t most)
{
    if (!answer.is_array() || answer.size() > most)
        return fail("what the guest agent says is no list");
    std::vector<LinkMessage> objects;
    for (auto& item : answer) {
        if (!item.is_object())
            return fail("what the guest agent lists are no objects");
        objects.push_back({ .body = std::move(item), .files = {} });
    }
    return objects;
}

/// Items whose number is this member; those without a number that can be are left out.
template<class Item>
[[nodiscard]] std::vector<Item> items_of(const std::vector<LinkMessage>& objects, std::string_view member)
{
    std::vector<Item> items;
    for (const auto& object : objects)
        if (auto number = object.get<u64>(member); number && *number < largest_number)
            items.push_back({ .number = *number,
                .online = object.get<bool>("online").value_or(false),
                .removable = object.get<bool>("can-offline").value_or(true) });
    std::ranges::sort(items, {}, &Item::number);
    return items;
}

[[nodiscard]] Result<void> set_cpu_in_use(GuestAgent& agent, u64 number, bool online, const Patience& patience)
{
    nlohmann::json wanted { { "logical-id", number }, { "online", online } };
    (void)TRY(agent.call("guest-set-vcpus", { { "vcpus", nlohmann::json::array({ wanted }) } }, patience));
    return {};
}

[[nodiscard]] Result<void> configure(GuestAgent& agent, u64 number, bool configured, const Patience& patience)
{
    return agent.run("chcpu", { configured ? "-c" : "-g", std::to_string(number) }, patience);
}

} // namespace

Result<GuestStorage> storage_of_guest(GuestAgent& agent, const Patience& patience)
{
    LinkMessage info { .body = TRY(agent.call("guest-get-memory-block-info", {}, patience)), .files = {} };
    auto size = info.body.is_object() ? info.get<u64>("size").value_or(0) : 0;
    if (!std::has_single_bit(size) || size < mega || size > largest_block)
        return fail("the guest agent does not say how large blocks of storage are");
    auto listed = TRY(agent.call("guest-get-memory-blocks", {}, patience));
    auto blocks = TRY(objects_of(std::move(listed), most_blocks));
    return GuestStorage { .size = size, .blocks = items_of<GuestBlock>(blocks, "phys-index") };
}

Result<std::vector<GuestCpu>> cpus_of_guest(GuestAgent& agent, const Patience& patience)
{
    auto listed = TRY(agent.call("guest-get-vcpus", {}, patience));
    return items_of<GuestCpu>(TRY(objects_of(std::move(listed), most_cpus)), "logical-id");
}

Result<void> set_guest_block(GuestAgent& agent, u64 number, bool online, const Patience& patience)
{
    nlohmann::json wanted { { "phys-index", number }, { "online", online } };
    auto answer = TRY(agent.call("guest-set-memory-blocks", { { "mem-blks", nlohmann::json::array({ wanted }) } }, patience));
    auto results = TRY(objects_of(std::move(answer), 1));
    auto response = results.empty() ? "" : results[0].get<std::string>("response").value_or("");
    if (response == "success")
        return {};
    int error = static_cast<int>(results.empty() ? 0 : results[0].get<u16>("error-code").value_or(0));
    return fail(fmt::format("its block {} does not go {}{}", number, online ? "online" : "offline",
        error != 0 ? fmt::format(": {}", std::strerror(error)) : ""));
}

Result<void> set_guest_cpu(GuestAgent& agent, u64 number, bool online, const Patience& patience)
{
    if (online) {
        // One that is configured already is none that chcpu configures.
        auto configured = configure(agent, number, true, patience);
        auto used = set_cpu_in_use(agent, number, true, patience);
        if (!used && configured)
            (void)configure(agent, number, false, patience);
        return used || configured ? used : configured;
    }
    TRY_VOID(set_cpu_in_use(agent, number, false, patience));
    auto deconfigured = configure(agent, number, false, patience);
    // Then it is not lost to the program.
    if (!deconfigured)
        (void)set_cpu_in_use(agent, number, true, patience);
    return deconfigured;
}

} // namespace zvisor
