#pragma once

#include "base/types.h"

#include <string_view>

namespace zvisor {

/// The two consoles SCLP offers: lines of operator messages, and a byte stream to a VT220.
enum class ConsoleKind : u8 { line_mode, ascii };

/// Where console output goes. Called on the CPU that executes SERVICE CALL, one call at a time.
struct ConsoleSink {
    virtual ~ConsoleSink() = default;
    /// ASCII console: the guest's bytes as they are. Line mode: UTF-8 text, each line ended by CR LF.
    virtual void output(ConsoleKind console, std::string_view text) = 0;
    /// The guest took input after `ServiceProcessor::type` had not accepted all of it.
    virtual void input_room() { }
};

/// Where service signals are made pending (PoP ch. 6, external interruption X'2401').
struct ServiceSignalSink {
    virtual ~ServiceSignalSink() = default;
    /// Makes a service signal pending for any CPU: the parameter is ORed into that of a signal still pending.
    virtual void service_signal(u32 parameter) = 0;
    /// Parameter of the signal still pending, 0 when none is. While it names an SCCB, SERVICE CALL finds SCLP busy.
    [[nodiscard]] virtual u32 pending_service_signal() const { return 0; }
};

} // namespace zvisor
