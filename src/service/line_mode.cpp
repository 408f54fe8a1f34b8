#include "service/line_mode.h"

#include "base/verify.h"

#include <algorithm>
#include <cstring>

namespace zvisor {

namespace {

template<class T>
std::optional<T> front_as(std::span<const std::byte> bytes)
{
    T value;
    if (bytes.size() < sizeof value)
        return {};
    std::memcpy(&value, bytes.data(), sizeof value);
    return value;
}

/// Appends the line of a message text object; other objects carry no text.
bool append_object(std::string& text, std::span<const std::byte> object, u16 type, CodePage page)
{
    if (type != MessageObjectHeader::text)
        return true;
    if (object.size() < sizeof(MessageTextObject))
        return false;
    text += from_ebcdic(object.subspan(sizeof(MessageTextObject)), page);
    text += "\r\n";
    return true;
}

} // namespace

std::optional<std::string> message_text(std::span<const std::byte> event, CodePage page)
{
    auto block = event.subspan(std::min(event.size(), sizeof(EventBufferHeader)));
    auto header = front_as<MessageDataBlock>(block);
    if (!header || header->length < sizeof(MessageDataBlock) || header->length > block.size())
        return {};
    std::string text;
    for (auto rest = block.first(header->length).subspan(sizeof(MessageDataBlock)); !rest.empty();) {
        auto object = front_as<MessageObjectHeader>(rest);
        if (!object || object->length < sizeof(MessageObjectHeader) || object->length > rest.size())
            return {};
        if (!append_object(text, rest.first(object->length), object->type, page))
            return {};
        rest = rest.subspan(object->length);
    }
    return text;
}

std::vector<std::byte> operator_command_event(EventType type, std::string_view line, CodePage page)
{
    auto text = to_ebcdic(line, page);
    VERIFY(text.size() <= OperatorCommandEvent::maximum_text);
    std::size_t total = sizeof(OperatorCommandEvent) + text.size();
    // Each header counts itself and all it encloses.
    auto enclosed = [&](std::size_t offset) { return static_cast<u16>(total - offset); };
    OperatorCommandEvent event;
    event.header = { .length = enclosed(0), .type = static_cast<u8>(type) };
    event.message_unit = { enclosed(offsetof(OperatorCommandEvent, message_unit)), GdsVector::multiple_domain_message_unit };
    event.control_point = { enclosed(offsetof(OperatorCommandEvent, control_point)), GdsVector::control_point_message_unit };
    event.command = { enclosed(offsetof(OperatorCommandEvent, command)), GdsVector::text_command };
    event.self_defining
        = { static_cast<u8>(enclosed(offsetof(OperatorCommandEvent, self_defining))), GdsSubvector::self_defining_text_message };
    event.text = { static_cast<u8>(enclosed(offsetof(OperatorCommandEvent, text))), GdsSubvector::text_message };
    std::vector<std::byte> bytes(total);
    std::memcpy(bytes.data(), &event, sizeof event);
    std::ranges::copy(text, bytes.begin() + sizeof event); // an empty line has no place that could be copied from
    return bytes;
}

} // namespace zvisor
