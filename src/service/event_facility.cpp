#include "service/event_facility.h"

#include "service/line_mode.h"

#include <algorithm>

namespace zvisor {

namespace {

constexpr std::size_t maximum_input = 64 * 1024;
constexpr std::size_t maximum_events = 256;

/// Function codes of read event data.
constexpr u8 unconditional_read = 0;
constexpr u8 selective_read = 1;

/// First byte of ASCII console input: characters follow.
constexpr std::byte session_data { 0 };

template<class T>
std::vector<std::byte> bytes_of(const T& value)
{
    auto view = std::as_bytes(std::span { &value, 1 });
    return { view.begin(), view.end() };
}

/// Mask number `index` of those that follow the fixed part of write event mask, its first eight bytes.
EventMask read_mask(const Sccb& sccb, std::size_t offset, u16 length)
{
    EventMask mask = 0;
    for (unsigned i = 0; i < 8; ++i)
        mask = mask << 8 | (i < length ? sccb.read<u8>(offset + i) : u8 { 0 });
    return mask;
}

void write_mask(std::span<std::byte> to, EventMask mask)
{
    for (std::size_t i = 0; i < to.size(); ++i)
        to[i] = i < 8 ? static_cast<std::byte>(mask >> (56 - 8 * i)) : std::byte { 0 };
}

/// Removes what backspace and delete characters take back.
std::string edited(std::string_view typed)
{
    std::string line;
    for (char c : typed) {
        if (c != '\b' && c != '\x7f')
            line.push_back(c);
        else if (!line.empty())
            line.pop_back();
    }
    return line;
}

} // namespace

/// Where read event data stores event buffers, one after the other.
class EventFacility::Room {
public:
    explicit Room(std::span<std::byte> bytes)
        : m_rest(bytes)
    {
    }

    [[nodiscard]] std::size_t left() const { return m_rest.size(); }
    [[nodiscard]] bool used() const { return m_used; }
    [[nodiscard]] bool suppressed() const { return m_suppressed; }
    void suppress() { m_suppressed = true; }

    bool put(std::span<const std::byte> event)
    {
        if (event.size() > m_rest.size()) {
            m_suppressed = true;
            return false;
        }
        std::copy(event.begin(), event.end(), m_rest.begin());
        m_rest = m_rest.subspan(event.size());
        m_used = true;
        return true;
    }

    void clear_rest() { std::fill(m_rest.begin(), m_rest.end(), std::byte { 0 }); }

private:
    std::span<std::byte> m_rest;
    bool m_used { false };
    bool m_suppressed { false };
};

EventFacility::EventFacility(ConsoleOptions options, ServiceSignalSink& signals, ConsoleSink& console)
    : m_signals(signals)
    , m_console(console)
    , m_options(options)
{
}

EventMask EventFacility::receive_mask() const
{
    EventMask mask = event_bit(EventType::control_program_identification);
    if (m_options.ascii)
        mask |= event_bit(EventType::ascii_console);
    if (m_options.line_mode)
        mask |= event_bit(EventType::message) | event_bit(EventType::priority_message_or_command);
    return mask;
}

EventMask EventFacility::send_mask() const
{
    EventMask mask
        = event_bit(EventType::signal_quiesce) | event_bit(EventType::configuration_management) | event_bit(EventType::state_change);
    if (m_options.ascii)
        mask |= event_bit(EventType::ascii_console);
    if (m_options.line_mode)
        mask |= event_bit(EventType::operator_command) | event_bit(EventType::priority_message_or_command);
    return mask;
}

SclpResponse EventFacility::write_event_mask(Sccb& sccb)
{
    if (!sccb.has_room(0, sizeof(WriteEventMask)))
        return SclpResponse::insufficient_sccb_length;
    u16 length = sccb.read<WriteEventMask>(0).mask_length;
    if (length == 0 || length > (Sccb::maximum_length - sizeof(WriteEventMask)) / 4)
        return SclpResponse::invalid_mask_length;
    auto offset = [&](unsigned index) { return sizeof(WriteEventMask) + index * std::size_t { length }; };
    if (!sccb.has_room(0, offset(4)))
        return SclpResponse::insufficient_sccb_length;
    std::lock_guard lock(m_mutex);
    m_mask_length = length;
    m_program_receives = read_mask(sccb, offset(0), length);
    m_program_sends = read_mask(sccb, offset(1), length);
    write_mask(sccb.bytes().subspan(offset(2), length), receive_mask());
    write_mask(sccb.bytes().subspan(offset(3), length), send_mask());
    return SclpResponse::normal_completion;
}

EventFacility::Route EventFacility::route() const
{
    // A program that writes to the ASCII console but cannot read from it yet is about to: its input waits.
    if ((m_program_receives | m_program_sends) & send_mask() & event_bit(EventType::ascii_console))
        return Route::ascii;
    bool line_mode = m_options.line_mode && receives(EventType::operator_command);
    return line_mode ? Route::line_mode : Route::none;
}

bool EventFacility::pending() const
{
    std::lock_guard lock(m_mutex);
    return pending_locked();
}

bool EventFacility::pending_locked() const
{
    if (std::any_of(m_events.begin(), m_events.end(), [&](const Event& event) { return receives(event.type); }))
        return true;
    Route to = route();
    return (to == Route::ascii && receives(EventType::ascii_console) && !m_input.empty()) || (to == Route::line_mode && has_line());
}

void EventFacility::signal_if_pending()
{
    if (pending())
        m_signals.service_signal(1);
}

std::optional<EventMask> EventFacility::selection(const Sccb& sccb) const
{
    if (sccb.header().function_code == unconditional_read)
        return m_program_receives;
    u16 length = std::min<u16>(m_mask_length, static_cast<u16>(sccb.length() - sizeof(SccbHeader)));
    EventMask mask = read_mask(sccb, sizeof(SccbHeader), length);
    if (mask == 0 || (mask & ~m_program_receives))
        return {};
    return mask;
}

SclpResponse EventFacility::read_event_data(Sccb& sccb)
{
    SccbHeader header = sccb.header();
    if (header.function_code != unconditional_read && header.function_code != selective_read)
        return SclpResponse::invalid_function;
    bool asks_for_input = false;
    Room room(sccb.data());
    {
        std::lock_guard lock(m_mutex);
        auto selected = selection(sccb);
        if (!selected)
            return SclpResponse::invalid_selection_mask;
        store_events(*selected, room);
        store_lines(*selected, room);
        store_ascii_input(*selected, room);
        if (m_input_refused && m_input.size() < maximum_input) {
            m_input_refused = false;
            asks_for_input = true;
        }
    }
    if (asks_for_input)
        m_console.input_room();
    if (!room.used())
        return room.suppressed() ? SclpResponse::insufficient_sccb_length : SclpResponse::no_event_buffers_stored;
    room.clear_rest();
    if (header.control_mask[2] & SccbHeader::variable_length_response) {
        header.control_mask[2] &= static_cast<u8>(~SccbHeader::variable_length_response);
        header.length = static_cast<u16>(header.length - room.left());
        sccb.set_header(header);
    }
    return room.suppressed() ? SclpResponse::events_suppressed : SclpResponse::normal_completion;
}

void EventFacility::store_events(EventMask selected, Room& room)
{
    for (auto event = m_events.begin(); event != m_events.end();) {
        bool stored = (selected & event_bit(event->type)) && room.put(event->bytes);
        if (stored && event->type == EventType::signal_quiesce)
            m_quiescing = true;
        event = stored ? m_events.erase(event) : event + 1;
    }
}

void EventFacility::store_lines(EventMask selected, Room& room)
{
    if (route() != Route::line_mode || !(selected & event_bit(EventType::operator_command)))
        return;
    while (has_line()) {
        if (room.left() < sizeof(OperatorCommandEvent) + OperatorCommandEvent::maximum_text)
            return room.used() ? void() : room.suppress();
        room.put(operator_command_event(EventType::operator_command, take_line(), m_options.page));
    }
}

void EventFacility::store_ascii_input(EventMask selected, Room& room)
{
    if (route() != Route::ascii || !(selected & event_bit(EventType::ascii_console)) || m_input.empty())
        return;
    constexpr std::size_t fixed = sizeof(EventBufferHeader) + sizeof session_data;
    if (room.left() <= fixed)
        return room.suppress();
    std::size_t count = std::min(m_input.size(), room.left() - fixed);
    EventBufferHeader header { .length = static_cast<u16>(fixed + count), .type = static_cast<u8>(EventType::ascii_console) };
    auto event = bytes_of(header);
    event.push_back(session_data);
    auto text = std::as_bytes(std::span { m_input.data(), count });
    event.insert(event.end(), text.begin(), text.end());
    room.put(event);
    m_input.erase(0, count);
}

bool EventFacility::has_line() const
{
    return m_input.size() >= OperatorCommandEvent::maximum_text || m_input.find_first_of("\r\n") != std::string::npos;
}

std::string EventFacility::take_line()
{
    std::size_t end = m_input.find_first_of("\r\n");
    std::size_t length = std::min({ end, m_input.size(), OperatorCommandEvent::maximum_text });
    std::string line = edited(std::string_view { m_input }.substr(0, length));
    std::size_t terminator = length == end ? (m_input.compare(end, 2, "\r\n") == 0 ? 2 : 1) : 0;
    m_input.erase(0, length + terminator);
    return line;
}

std::size_t EventFacility::type(std::string_view input)
{
    bool echoing;
    {
        std::lock_guard lock(m_mutex);
        std::size_t room = maximum_input - m_input.size();
        m_input_refused |= input.size() > room;
        input = input.substr(0, room);
        m_input += input;
        echoing = m_options.echo_line_mode && route() == Route::line_mode;
    }
    if (echoing)
        echo(input);
    signal_if_pending();
    return input.size();
}

void EventFacility::echo(std::string_view input)
{
    std::string shown;
    for (char c : input) {
        if (c == '\r' || c == '\n')
            shown += "\r\n";
        else if (c == '\b' || c == '\x7f')
            shown += "\b \b";
        else
            shown.push_back(c);
    }
    m_console.output(ConsoleKind::line_mode, shown);
}

bool EventFacility::enqueue(Event event)
{
    {
        std::lock_guard lock(m_mutex);
        if (!receives(event.type) || !(send_mask() & event_bit(event.type)) || m_events.size() >= maximum_events)
            return false;
        auto same = [&](const Event& other) { return other.type == event.type && other.bytes == event.bytes; };
        bool is_command = event.type == EventType::operator_command || event.type == EventType::priority_message_or_command;
        if (is_command || std::none_of(m_events.begin(), m_events.end(), same))
            m_events.push_back(std::move(event));
    }
    signal_if_pending();
    return true;
}

bool EventFacility::operator_command(std::string_view line, bool priority)
{
    auto type = priority ? EventType::priority_message_or_command : EventType::operator_command;
    line = line.substr(0, OperatorCommandEvent::maximum_text);
    return enqueue({ type, operator_command_event(type, line, m_options.page) });
}

bool EventFacility::request_quiesce()
{
    SignalQuiesceEvent event;
    event.header = { .length = sizeof event, .type = static_cast<u8>(EventType::signal_quiesce) };
    return enqueue({ EventType::signal_quiesce, bytes_of(event) });
}

void EventFacility::notify_cpus_changed()
{
    ConfigurationManagementEvent event;
    event.header = { .length = sizeof event, .type = static_cast<u8>(EventType::configuration_management) };
    event.qualifier = ConfigurationManagementEvent::cpus_changed;
    // A program that does not receive the event finds out when it reads CPU information.
    static_cast<void>(enqueue({ EventType::configuration_management, bytes_of(event) }));
}

void EventFacility::offer_consoles(bool ascii, bool line_mode)
{
    {
        std::lock_guard lock(m_mutex);
        if (m_options.ascii == ascii && m_options.line_mode == line_mode)
            return;
        m_options.ascii = ascii;
        m_options.line_mode = line_mode;
        if (receives(EventType::state_change))
            queue_state_change();
    }
    signal_if_pending();
}

void EventFacility::queue_state_change()
{
    std::erase_if(m_events, [](const Event& event) { return event.type == EventType::state_change; });
    StateChangeEvent event;
    event.header = { .length = static_cast<u16>(sizeof event + 2 * m_mask_length), .type = static_cast<u8>(EventType::state_change) };
    event.validity = StateChangeEvent::receive_mask_valid | StateChangeEvent::send_mask_valid;
    event.mask_length = m_mask_length;
    auto bytes = bytes_of(event);
    bytes.resize(event.header.length);
    write_mask(std::span { bytes }.subspan(sizeof event, m_mask_length), receive_mask());
    write_mask(std::span { bytes }.subspan(sizeof event + m_mask_length, m_mask_length), send_mask());
    m_events.push_back({ EventType::state_change, std::move(bytes) });
}

std::optional<ControlProgramIdentification> EventFacility::control_program() const
{
    std::lock_guard lock(m_mutex);
    return m_control_program;
}

void EventFacility::reset()
{
    std::lock_guard lock(m_mutex);
    m_program_receives = 0;
    m_program_sends = 0;
    m_mask_length = 0;
    m_events.clear();
    m_quiescing = false;
    m_control_program.reset();
}

} // namespace zvisor
