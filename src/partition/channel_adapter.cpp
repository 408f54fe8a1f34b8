#include "partition/channel_adapter.h"

#include <cstring>

namespace zvisor {

namespace {

template<class T, std::size_t Size>
[[nodiscard]] T from_bytes(std::span<const std::byte, Size> bytes)
{
    static_assert(sizeof(T) <= Size);
    T value;
    std::memcpy(&value, bytes.data(), sizeof value);
    return value;
}

/// The value of what the channel subsystem answered, or its operand exception raised.
template<class Answer>
[[nodiscard]] auto value_or_raise(Answer answer)
{
    if (!answer)
        throw ProgramInterruption { .code = answer.error() };
    return *answer;
}

template<class Answer, std::size_t Size>
[[nodiscard]] u8 store_answer(const Answer& answer, std::span<std::byte, Size> to)
{
    auto stored = value_or_raise(answer);
    static_assert(sizeof stored.block <= Size);
    std::memcpy(to.data(), &stored.block, sizeof stored.block);
    return stored.condition_code;
}

} // namespace

u8 ChannelAdapter::start_subchannel(u32 subchannel, std::span<const std::byte, 32> orb)
{
    ++m_starts;
    return value_or_raise(m_channels.start_subchannel(subchannel, from_bytes<Orb>(orb)));
}

u8 ChannelAdapter::test_subchannel(u32 subchannel, std::span<std::byte, 96> irb)
{
    return store_answer(m_channels.test_subchannel(subchannel), irb);
}

u8 ChannelAdapter::store_subchannel(u32 subchannel, std::span<std::byte, 52> schib)
{
    return store_answer(m_channels.store_subchannel(subchannel), schib);
}

u8 ChannelAdapter::modify_subchannel(u32 subchannel, std::span<const std::byte, 52> schib)
{
    return value_or_raise(m_channels.modify_subchannel(subchannel, from_bytes<Schib>(schib)));
}

u8 ChannelAdapter::clear_subchannel(u32 subchannel)
{
    return value_or_raise(m_channels.clear_subchannel(subchannel));
}

u8 ChannelAdapter::halt_subchannel(u32 subchannel)
{
    return value_or_raise(m_channels.halt_subchannel(subchannel));
}

u8 ChannelAdapter::resume_subchannel(u32 subchannel)
{
    return value_or_raise(m_channels.resume_subchannel(subchannel));
}

u8 ChannelAdapter::cancel_subchannel(u32 subchannel)
{
    return value_or_raise(m_channels.cancel_subchannel(subchannel));
}

u8 ChannelAdapter::reset_channel_path(u8 path)
{
    return value_or_raise(m_channels.reset_channel_path(path));
}

u8 ChannelAdapter::store_channel_report_word(u32& word)
{
    auto report = m_channels.store_channel_report_word();
    word = load_be<u32>(&report.block);
    return report.condition_code;
}

void ChannelAdapter::store_channel_path_status(std::span<std::byte, 32> status)
{
    auto stored = m_channels.store_channel_path_status();
    std::memcpy(status.data(), stored.data(), stored.size());
}

void ChannelAdapter::set_address_limit(u64 limit)
{
    (void)value_or_raise(m_channels.set_address_limit(static_cast<u32>(limit)));
}

void ChannelAdapter::set_channel_monitor(u32 control, u64 origin)
{
    (void)value_or_raise(m_channels.set_channel_monitor(control, origin));
}

u8 ChannelAdapter::channel_subsystem_call(std::span<std::byte, 4096> block)
{
    return value_or_raise(m_channels.channel_subsystem_call(block));
}

void ChannelAdapter::set_interruption_control(u16 control, u8 isc)
{
    auto answer = m_channels.set_interruption_control(control, isc);
    if (!answer)
        throw ProgramInterruption { .code = answer.error() };
}

} // namespace zvisor
