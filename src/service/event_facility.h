#pragma once

#include "base/ebcdic.h"
#include "service/console.h"
#include "service/event_buffer.h"
#include "service/sccb.h"

#include <atomic>
#include <deque>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

namespace zvisor {

/// Which consoles the program finds, and how line mode speaks.
struct ConsoleOptions {
    bool ascii { true };
    bool line_mode { true };
    /// Code page of operator messages and commands: 500 at an HMC, 037 under z/VM.
    CodePage page { CodePage::cp500 };
    /// Show typed characters before the line is complete; for a terminal in raw mode.
    bool echo_line_mode { false };
};

/// What the program told of itself (control-program identification).
struct ControlProgramIdentification {
    std::string system_type;
    std::string system_name;
    std::string sysplex_name;
    u64 system_level { 0 };
};

/// SCLP's event buffers: masks, events waiting for the program, console input and output.
/// The commands run one at a time; all other methods may be called from any thread.
class EventFacility {
public:
    EventFacility(ConsoleOptions options, ServiceSignalSink& signals, ConsoleSink& console);

    [[nodiscard]] SclpResponse write_event_mask(Sccb& sccb);
    [[nodiscard]] SclpResponse write_event_data(Sccb& sccb);
    [[nodiscard]] SclpResponse read_event_data(Sccb& sccb);

    /// True when a read would store an event: bit 31 of a service signal's parameter.
    [[nodiscard]] bool pending() const;

    /// Console input, as bytes of UTF-8. Goes to the ASCII console when the program uses one, else to line mode;
    /// waits while it uses neither. Returns how many bytes were taken; `ConsoleSink::input_room` asks for the rest.
    [[nodiscard]] std::size_t type(std::string_view input);
    /// An operator command apart from console input. False when the program does not receive such commands or too many wait.
    [[nodiscard]] bool operator_command(std::string_view line, bool priority = false);
    /// Asks the program to shut down. False when it does not receive the signal.
    [[nodiscard]] bool request_quiesce();
    /// True once the program has read that it is asked to shut down.
    [[nodiscard]] bool quiescing() const { return m_quiescing; }
    /// Tells the program that CPUs changed their state at the operator's wish.
    void notify_cpus_changed();
    /// Offers other consoles than before; a program that receives state changes is told.
    void offer_consoles(bool ascii, bool line_mode);

    [[nodiscard]] std::optional<ControlProgramIdentification> control_program() const;

    /// Subsystem reset: masks and events are forgotten, typed input is kept for the next program.
    void reset();

private:
    enum class Route { none, line_mode, ascii };
    struct Event {
        EventType type;
        std::vector<std::byte> bytes;
    };
    class Room;

    [[nodiscard]] EventMask receive_mask() const;
    [[nodiscard]] EventMask send_mask() const;
    [[nodiscard]] bool receives(EventType type) const { return m_program_receives & event_bit(type); }
    [[nodiscard]] Route route() const;
    [[nodiscard]] bool pending_locked() const;
    [[nodiscard]] bool has_line() const;
    [[nodiscard]] std::string take_line();
    [[nodiscard]] std::optional<EventMask> selection(const Sccb& sccb) const;
    void store_events(EventMask selected, Room& room);
    void store_lines(EventMask selected, Room& room);
    void store_ascii_input(EventMask selected, Room& room);
    [[nodiscard]] bool enqueue(Event event);
    void queue_state_change();
    void echo(std::string_view input);
    void signal_if_pending();

    [[nodiscard]] SclpResponse write_event(std::span<const std::byte> event);
    [[nodiscard]] SclpResponse write_message(std::span<const std::byte> event);
    [[nodiscard]] SclpResponse write_ascii(std::span<const std::byte> event);
    [[nodiscard]] SclpResponse write_identification(std::span<const std::byte> event);

    ServiceSignalSink& m_signals;
    ConsoleSink& m_console;

    mutable std::mutex m_mutex;
    ConsoleOptions m_options;
    EventMask m_program_receives { 0 };
    EventMask m_program_sends { 0 };
    u16 m_mask_length { 0 };
    std::deque<Event> m_events;
    std::string m_input;
    bool m_input_refused { false };
    std::atomic<bool> m_quiescing { false };
    std::optional<ControlProgramIdentification> m_control_program;
};

} // namespace zvisor
