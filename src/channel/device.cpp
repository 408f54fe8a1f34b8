#include "channel/device.h"

#include <cerrno>
#include <utility>

namespace zvisor {

const std::array<Command<Device>, 3> Device::basic_commands { {
    { 0x03, "NO-OPERATION", &Device::no_operation },
    { 0x04, "SENSE", &Device::sense },
    { 0xe4, "SENSE ID", &Device::sense_id },
} };

i64 Device::notify(u64, u64)
{
    return -EINVAL;
}

std::array<u8, concurrent_sense_size> Device::take_sense()
{
    return std::exchange(m_sense, {});
}

DeviceStatus Device::unit_check(u8 sense_byte_0)
{
    m_sense = {};
    m_sense[0] = sense_byte_0;
    return { DeviceStatus::channel_end | DeviceStatus::device_end | DeviceStatus::unit_check };
}

DeviceStatus Device::no_operation(ByteStream&)
{
    return normal_ending;
}

DeviceStatus Device::sense(ByteStream& data)
{
    auto sense = take_sense();
    data.store(std::as_bytes(std::span { sense }));
    return normal_ending;
}

DeviceStatus Device::sense_id(ByteStream& data)
{
    data.store_as(identification());
    return normal_ending;
}

} // namespace zvisor
