#pragma once

#include "channel/byte_stream.h"
#include "channel/device.h"

namespace zvisor {

/// How a channel program came to its end, as it goes into the subchannel-status word.
struct ProgramEnding {
    DeviceStatus device_status;
    u8 subchannel_status { 0 };
    u16 residual_count { 0 };
};

/// Who runs a channel program: hears of what becomes visible before its end. Called on the thread that runs it.
class ProgramObserver {
public:
    virtual ~ProgramObserver() = default;
    /// True when a halt or clear function waits: the program stops between two CCWs.
    [[nodiscard]] virtual bool stop_requested() const = 0;
    /// A CCW with the PCI flag became current.
    virtual void program_controlled_interruption() = 0;
    /// The first command was accepted.
    virtual void first_command_accepted() = 0;
    /// A resume function came since the last suspension; the fact is forgotten by asking.
    [[nodiscard]] virtual bool take_resume() = 0;
    /// A command ended.
    virtual void command_ended(const Ccw& ccw, const ProgramEnding& ending) = 0;
};

/// One command-mode channel program: its CCWs from the operation-request block to the ending status (PoP ch. 15).
class ChannelProgram {
public:
    enum class Progress { ended, suspended, interrupted };

    explicit ChannelProgram(const ProgramRules& rules);

    /// Runs at most `quantum` commands. `interrupted` when the quantum is used up or a stop is requested; run again to go on.
    [[nodiscard]] Progress run(Device& device, ProgramObserver& observer, unsigned quantum);

    [[nodiscard]] const ProgramEnding& ending() const { return m_ending; }
    [[nodiscard]] u32 next_address() const { return m_cursor.next_address(); }

private:
    enum class Next { chain, end, suspend };

    [[nodiscard]] Next step(Device& device, ProgramObserver& observer);
    [[nodiscard]] Checked<Ccw> next_command(ProgramObserver& observer, bool& suspended);
    [[nodiscard]] Next conclude(DeviceStatus status, ByteStream& data, ProgramObserver& observer);
    [[nodiscard]] bool is_incorrect_length(const ByteStream& data) const;

    CcwCursor m_cursor;
    ProgramEnding m_ending;
    bool m_first { true };
};

} // namespace zvisor
