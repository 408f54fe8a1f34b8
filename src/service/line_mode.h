#pragma once

#include "base/ebcdic.h"
#include "service/event_buffer.h"

#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace zvisor {

/// Text of the message an event buffer carries, a CR LF after each line; nothing when its lengths do not fit.
[[nodiscard]] std::optional<std::string> message_text(std::span<const std::byte> event, CodePage page);

/// The event buffer that brings one line (at most OperatorCommandEvent::maximum_text characters) to the program.
[[nodiscard]] std::vector<std::byte> operator_command_event(EventType type, std::string_view line, CodePage page);

} // namespace zvisor
