#pragma once

#include "base/types.h"
#include "channel/layouts.h"

#include <optional>
#include <span>
#include <vector>

namespace zvisor {

/// Response codes of CHANNEL SUBSYSTEM CALL.
enum class ChscResponse : u16 {
    success = 0x0001,
    invalid_command = 0x0002,
    invalid_request = 0x0003,
    not_provided = 0x0004,
    no_event_information = 0x0005,
    invalid_format = 0x0007,
    invalid_channel_subsystem = 0x0008,
    facility_not_provided = 0x0101,
};

/// What CHANNEL SUBSYSTEM CALL asks of the channel subsystem it describes.
class ChscSource {
public:
    virtual ~ChscSource() = default;
    struct ChannelPath {
        u8 id;
        u8 type;
    };
    /// The channel path with this identifier, if there is one.
    [[nodiscard]] virtual std::optional<ChannelPath> channel_path(u8 id) const = 0;
    /// The information block of a subchannel; nothing past the last one of its set.
    [[nodiscard]] virtual std::optional<Schib> subchannel_information(u8 subchannel_set, u16 number) const = 0;
    /// Multiple-subchannel-set facility: sets 1-3 become addressable.
    virtual void enable_subchannel_sets() = 0;
};

/// Size of the command block of CHANNEL SUBSYSTEM CALL.
inline constexpr std::size_t chsc_block_size = 4096;

/// Performs the command in `block`, whose request length was found valid, and stores the response behind the request.
void perform_chsc(ChscSource& source, std::span<std::byte, chsc_block_size> block);

/// The request length allowed in a command block: 16 to 4088 and a multiple of 8; anything else is an operand exception.
[[nodiscard]] bool is_valid_chsc_request(std::span<const std::byte, chsc_block_size> block);

} // namespace zvisor
