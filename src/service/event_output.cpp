// Write event data: what the program sends to its consoles and to the operator.

#include "service/event_facility.h"
#include "service/line_mode.h"

#include <cstring>

namespace zvisor {

namespace {

constexpr u8 normal_write = 0;

/// Calls `each(buffer)` for the event buffers that fill `data`, until one is not answered with normal completion.
template<class Each>
SclpResponse for_each_event(std::span<std::byte> data, Each each)
{
    while (!data.empty()) {
        EventBufferHeader header;
        if (data.size() < sizeof header)
            return SclpResponse::inconsistent_lengths;
        std::memcpy(&header, data.data(), sizeof header);
        if (header.length < sizeof header || header.length > data.size())
            return SclpResponse::event_buffer_syntax_error;
        if (auto response = each(data.first(header.length)); response != SclpResponse::normal_completion)
            return response;
        data = data.subspan(header.length);
    }
    return SclpResponse::normal_completion;
}

} // namespace

SclpResponse EventFacility::write_event_data(Sccb& sccb)
{
    if (sccb.header().function_code != normal_write)
        return SclpResponse::invalid_function;
    auto well_formed = [](auto) { return SclpResponse::normal_completion; };
    if (auto response = for_each_event(sccb.data(), well_formed); response != SclpResponse::normal_completion)
        return response;
    return for_each_event(sccb.data(), [&](std::span<std::byte> event) {
        auto response = write_event(event);
        if (response == SclpResponse::normal_completion)
            event[offsetof(EventBufferHeader, flags)] |= std::byte { EventBufferHeader::accepted };
        return response;
    });
}

SclpResponse EventFacility::write_event(std::span<const std::byte> event)
{
    struct Writer {
        EventType type;
        SclpResponse (EventFacility::*write)(std::span<const std::byte>);
    };
    static constexpr Writer writers[] = {
        { EventType::message, &EventFacility::write_message },
        { EventType::priority_message_or_command, &EventFacility::write_message },
        { EventType::ascii_console, &EventFacility::write_ascii },
        { EventType::control_program_identification, &EventFacility::write_identification },
    };
    auto type = static_cast<EventType>(event[offsetof(EventBufferHeader, type)]);
    for (const Writer& writer : writers) {
        if (writer.type == type)
            return (this->*writer.write)(event);
    }
    // The answer from which Linux's Store Data driver reads that an event type is not supported.
    return SclpResponse::event_buffer_syntax_error;
}

SclpResponse EventFacility::write_message(std::span<const std::byte> event)
{
    std::optional<std::string> text;
    {
        std::lock_guard lock(m_mutex);
        if (!m_options.line_mode)
            return SclpResponse::invalid_function;
        text = message_text(event, m_options.page);
    }
    if (!text)
        return SclpResponse::inconsistent_lengths;
    m_console.output(ConsoleKind::line_mode, *text);
    return SclpResponse::normal_completion;
}

SclpResponse EventFacility::write_ascii(std::span<const std::byte> event)
{
    {
        std::lock_guard lock(m_mutex);
        if (!m_options.ascii)
            return SclpResponse::invalid_function;
    }
    auto text = event.subspan(sizeof(EventBufferHeader));
    m_console.output(ConsoleKind::ascii, { reinterpret_cast<const char*>(text.data()), text.size() });
    return SclpResponse::normal_completion;
}

SclpResponse EventFacility::write_identification(std::span<const std::byte> event)
{
    ControlProgramIdentificationEvent sent;
    if (event.size() < sizeof sent)
        return SclpResponse::event_buffer_syntax_error;
    std::memcpy(&sent, event.data(), sizeof sent);
    std::lock_guard lock(m_mutex);
    m_control_program = {
        .system_type = ebcdic_field(sent.system_type, m_options.page),
        .system_name = ebcdic_field(sent.system_name, m_options.page),
        .sysplex_name = ebcdic_field(sent.sysplex_name, m_options.page),
        .system_level = sent.system_level,
    };
    return SclpResponse::normal_completion;
}

} // namespace zvisor
