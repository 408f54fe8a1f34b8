#include "channel/chsc.h"

#include <algorithm>
#include <array>
#include <cstring>

namespace zvisor {

namespace {

struct Header {
    Be<u16> length;
    Be<u16> code;
};

/// What a command answers with: a code, the word after the header and data.
struct Response {
    ChscResponse code { ChscResponse::success };
    u32 parameter { 0 };
    std::vector<std::byte> data {};

    Response(ChscResponse response = ChscResponse::success) // NOLINT(google-explicit-constructor): a code alone is a response
        : code(response)
    {
    }

    template<class T>
    void append(const T& value)
    {
        auto bytes = std::as_bytes(std::span { &value, 1 });
        data.insert(data.end(), bytes.begin(), bytes.end());
    }
};

/// The request block after its header, already copied in.
struct Request {
    u16 length;
    std::span<const std::byte> bytes;

    [[nodiscard]] u32 word(std::size_t index) const { return load_be<u32>(bytes.data() + index * sizeof(u32)); }
};

struct ChannelPathDescription {
    u8 flags;
    u8 logical_switch;
    u8 type;
    u8 id;
    std::array<u8, 4> reserved;
};
static_assert(sizeof(ChannelPathDescription) == 8);

constexpr u8 description_valid = 0x80;

/// 0002, store channel-path description: formats 0 (8 bytes) and 1 (32 bytes).
Response store_channel_path_description(ChscSource& source, const Request& request)
{
    u32 first_word = request.word(1);
    u32 second_word = request.word(2);
    constexpr u32 reserved = word_mask<0, 1> | word_mask<16, 19>;
    if (request.length != 0x10 || (first_word & reserved) || (second_word & word_mask<0, 23>) || request.word(3))
        return ChscResponse::invalid_request;
    u32 format = word_bits<20, 23>(first_word);
    if (word_bits<4, 7>(first_word) || format > 1)
        return ChscResponse::invalid_format;
    if (word_bits<8, 15>(first_word))
        return ChscResponse::invalid_channel_subsystem;
    u32 first = word_bits<24, 31>(first_word);
    u32 last = word_bits<24, 31>(second_word);
    if (last < first)
        return ChscResponse::invalid_request;
    bool long_form = first_word & word_mask<3>;
    Response response;
    response.parameter = long_form;
    for (u32 id = first; id <= last; ++id) {
        auto path = source.channel_path(static_cast<u8>(id));
        if (!path)
            continue;
        response.append(ChannelPathDescription { description_valid, 0, path->type, path->id, {} });
        if (long_form)
            response.append(std::array<u8, 24> {});
    }
    return response;
}

struct SubchannelDescription {
    u8 flags;
    u8 unit_address;
    Be<u16> device_number;
    u8 path_mask;
    u8 full_link_address_mask;
    Be<u16> number;
    std::array<u8, 8> channel_paths;
    std::array<Be<u16>, 8> full_link_addresses;
};
static_assert(sizeof(SubchannelDescription) == 32);

SubchannelDescription describe(const Schib& schib, u16 number)
{
    constexpr u8 subchannel_valid = 0x80;
    constexpr u8 device_valid = 0x40;
    u8 flags = schib.pmcw.device_number_valid() ? subchannel_valid | device_valid : subchannel_valid;
    return { flags, static_cast<u8>(schib.pmcw.device_number), schib.pmcw.device_number, schib.pmcw.path_installed_mask, 0, number,
        schib.pmcw.channel_paths, {} };
}

/// 0004, store subchannel description.
Response store_subchannel_description(ChscSource& source, const Request& request)
{
    u32 first_word = request.word(1);
    u32 second_word = request.word(2);
    constexpr u32 reserved = word_mask<0, 9>;
    if (request.length != 0x10 || (first_word & reserved) || (second_word & word_mask<0, 15>) || request.word(3))
        return ChscResponse::invalid_request;
    if (word_bits<12, 15>(first_word))
        return ChscResponse::invalid_format;
    u8 set = static_cast<u8>(word_bits<10, 11>(first_word));
    u32 first = word_bits<16, 31>(first_word);
    u32 last = word_bits<16, 31>(second_word);
    if (last < first)
        return ChscResponse::invalid_request;
    std::size_t room = chsc_block_size - request.length - 2 * sizeof(u32);
    Response response;
    for (u32 number = first; number <= last; ++number) {
        auto schib = source.subchannel_information(set, static_cast<u16>(number));
        if (!schib || response.data.size() + sizeof(SubchannelDescription) > room)
            break;
        response.append(describe(*schib, static_cast<u16>(number)));
    }
    return response;
}

/// 000e, store event information: nothing is reported this way.
Response store_event_information(ChscSource&, const Request& request)
{
    return request.length == 0x10 ? ChscResponse::no_event_information : ChscResponse::invalid_request;
}

/// 0010, store channel-subsystem characteristics.
Response store_characteristics(ChscSource&, const Request& request)
{
    u32 first_word = request.word(1);
    if (request.length != 0x10 || (first_word & (word_mask<0, 11> | word_mask<24, 31>)) || request.word(2) || request.word(3))
        return ChscResponse::invalid_request;
    if (word_bits<12, 15>(first_word))
        return ChscResponse::invalid_format;
    if (word_bits<16, 23>(first_word))
        return ChscResponse::invalid_channel_subsystem;
    std::array<Be<u32>, 510> general {};
    constexpr u32 channel_path_format_1 = word_mask<46 - 32>;
    constexpr u32 extended_measurement_blocks = word_mask<48 - 32>;
    general[1] = channel_path_format_1 | extended_measurement_blocks;
    std::array<Be<u32>, 508> commands {};
    commands[0] = word_mask<1, 2>;
    Response response;
    response.append(general);
    response.append(commands);
    return response;
}

/// 0031, set domain attributes: the multiple-subchannel-set facility can be enabled.
Response set_domain_attributes(ChscSource& source, const Request& request)
{
    constexpr u32 multiple_channel_subsystems = 0;
    constexpr u32 multiple_subchannel_sets = 2;
    u32 first_word = request.word(1);
    if (request.length != 0x400 || (first_word & (word_mask<0, 3> | word_mask<8, 15>)))
        return ChscResponse::invalid_request;
    if (word_bits<4, 7>(first_word))
        return ChscResponse::invalid_format;
    u32 operation = word_bits<16, 31>(first_word);
    if (operation == multiple_channel_subsystems)
        return ChscResponse::facility_not_provided;
    if (operation != multiple_subchannel_sets)
        return ChscResponse::invalid_request;
    source.enable_subchannel_sets();
    return {};
}

/// 0034, store domain-configuration attribute list: the one channel subsystem, identifier 0, image 0.
Response store_domain_attribute_list(ChscSource&, const Request& request)
{
    constexpr u32 channel_subsystem_list = 4;
    if (request.length != 0x20)
        return ChscResponse::invalid_request;
    if (word_bits<0, 7>(request.word(1)) != channel_subsystem_list)
        return ChscResponse::not_provided;
    Response response;
    response.append(std::array<u8, 8> {});
    response.append(Be<u32> { 0 });
    return response;
}

struct Row {
    u16 code;
    Response (*perform)(ChscSource& source, const Request& request);
};

constexpr Row commands[] = {
    { 0x0002, store_channel_path_description },
    { 0x0004, store_subchannel_description },
    { 0x000e, store_event_information },
    { 0x0010, store_characteristics },
    { 0x0031, set_domain_attributes },
    { 0x0034, store_domain_attribute_list },
};

Response dispatch(ChscSource& source, u16 code, const Request& request)
{
    for (const Row& row : commands)
        if (row.code == code)
            return row.perform(source, request);
    return ChscResponse::not_provided;
}

} // namespace

bool is_valid_chsc_request(std::span<const std::byte, chsc_block_size> block)
{
    auto length = load_be<u16>(block.data());
    return length >= 16 && length <= chsc_block_size - 8 && length % 8 == 0;
}

void perform_chsc(ChscSource& source, std::span<std::byte, chsc_block_size> block)
{
    auto length = load_be<u16>(block.data());
    auto code = load_be<u16>(block.data() + sizeof(u16));
    std::vector<std::byte> copy(block.begin(), block.begin() + length);
    Response response = dispatch(source, code, { length, copy });
    if (response.code != ChscResponse::success)
        response.data.clear();
    auto to = block.subspan(length);
    std::size_t fits = std::min(response.data.size(), to.size() - 2 * sizeof(u32));
    Header header { static_cast<u16>(2 * sizeof(u32) + fits), static_cast<u16>(response.code) };
    std::memcpy(to.data(), &header, sizeof header);
    store_be(to.data() + sizeof header, response.parameter);
    std::ranges::copy(std::span { response.data }.first(fits), to.begin() + 2 * sizeof(u32));
}

} // namespace zvisor
