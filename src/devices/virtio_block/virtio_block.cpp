#include "devices/virtio_block/virtio_block.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <fmt/format.h>

namespace zvisor {

namespace {

struct BlockFeature {
    static constexpr u64 segment_max = u64 { 1 } << 2;
    static constexpr u64 read_only = u64 { 1 } << 5;
    static constexpr u64 block_size = u64 { 1 } << 6;
    static constexpr u64 flush = u64 { 1 } << 9;
    static constexpr u64 discard = u64 { 1 } << 13;
    static constexpr u64 write_zeroes = u64 { 1 } << 14;
};

struct RequestType {
    static constexpr u32 in = 0;
    static constexpr u32 out = 1;
    static constexpr u32 flush = 4;
    static constexpr u32 get_id = 8;
    static constexpr u32 discard = 11;
    static constexpr u32 write_zeroes = 13;
};

struct RequestStatus {
    static constexpr u8 ok = 0;
    static constexpr u8 io_error = 1;
    static constexpr u8 unsupported = 2;
};

/// What the driver puts before the data.
struct RequestHeader {
    u32 type;
    u32 priority;
    u64 sector;
};
static_assert(sizeof(RequestHeader) == 16);

/// Data of a discard or write-zeroes request.
struct SectorRange {
    u64 sector;
    u32 count;
    u32 flags;
};
static_assert(sizeof(SectorRange) == 16);

constexpr u8 device_type = 2;
constexpr u16 queue_size = 256;
constexpr u32 most_segments = queue_size - 2;
constexpr u32 most_range_sectors = 1u << 16;
constexpr std::size_t zeros_size = 0x10000;
constexpr std::size_t serial_size = 20;
constexpr u32 unmap_flag = 1;

u64 features_of(const VirtioBlockConfig& config)
{
    u64 common = BlockFeature::segment_max | BlockFeature::block_size | BlockFeature::flush;
    return common | (config.read_only ? BlockFeature::read_only : BlockFeature::discard | BlockFeature::write_zeroes);
}

} // namespace

Result<VirtioBlockConfig> VirtioBlockConfig::parse(std::string_view text)
{
    VirtioBlockConfig config;
    auto comma = text.find(',');
    config.path = text.substr(0, comma);
    if (config.path.empty())
        return fail(fmt::format("disk \"{}\": expected FILE[,ro][,serial=TEXT]", text));
    while (comma != std::string_view::npos) {
        text.remove_prefix(comma + 1);
        comma = text.find(',');
        auto option = text.substr(0, comma);
        if (option == "ro")
            config.read_only = true;
        else if (option.starts_with("serial=") && option.size() - 7 <= serial_size)
            config.serial = option.substr(7);
        else
            return fail(
                fmt::format("disk {}: unknown option \"{}\"; expected ro, or serial= with at most 20 characters", config.path, option));
    }
    return config;
}

std::string VirtioBlockConfig::to_string() const
{
    return path + (read_only ? ",ro" : "") + (serial.empty() ? "" : ",serial=" + serial);
}

Result<std::unique_ptr<VirtioBlock>> VirtioBlock::create(const VirtioBlockConfig& config)
{
    return create(config, TRY(DiskImage::open(config)));
}

Result<std::unique_ptr<VirtioBlock>> VirtioBlock::create(const VirtioBlockConfig& config, DiskImage image)
{
    auto bell = TRY(EventFd::create());
    std::unique_ptr<VirtioBlock> device(new VirtioBlock(config, std::move(image), std::move(bell)));
    device->m_io = TRY(DiskIo::create(device->m_image, device->m_bell));
    device->m_thread = std::thread([raw = device.get()] { raw->run(); });
    return device;
}

VirtioBlock::VirtioBlock(VirtioBlockConfig config, DiskImage image, EventFd bell)
    : VirtioDevice(device_type, features_of(config), { queue_size })
    , m_config(std::move(config))
    , m_image(std::move(image))
    , m_bell(std::move(bell))
    , m_zeros(zeros_size)
{
}

VirtioBlock::~VirtioBlock()
{
    m_stopping = true;
    m_bell.ring();
    if (m_thread.joinable())
        m_thread.join();
}

std::vector<std::byte> VirtioBlock::configuration() const
{
    VirtioWriter writer { endian() };
    writer.put(m_image.size() / sector_size).put(u32 { 0 }).put(most_segments);
    constexpr std::size_t geometry = 4;
    writer.put_zeros(geometry).put(static_cast<u32>(sector_size));
    constexpr std::size_t topology_to_queues = 12;
    writer.put_zeros(topology_to_queues);
    u32 range_sectors = m_config.read_only ? 0 : most_range_sectors;
    writer.put(range_sectors).put(u32 { 1 }).put(u32 { 1 });
    writer.put(range_sectors).put(u32 { 1 }).put(u8 { 1 }).put_zeros(3);
    return writer.take();
}

void VirtioBlock::quiesce()
{
    auto held = lock();
    m_quiet.wait(held, [&] { return m_requests.empty(); });
}

void VirtioBlock::run()
{
    for (;;) {
        // A stopping device still lets the host finish what reads into or writes from storage.
        if (auto held = lock(); m_stopping && m_requests.empty())
            return;
        m_io->wait([this](DiskOperation& operation, int error) { ended(operation, error); });
        auto held = lock();
        serve_queue();
        signal(0);
    }
}

void VirtioBlock::serve_queue()
{
    if (!running() || m_stopping)
        return;
    queue(0).want_notifications(false);
    do {
        while (auto chain = take(0))
            accept(std::move(*chain));
        queue(0).want_notifications(true);
    } while (running() && queue(0).has_available());
}

std::optional<VirtioBlock::Header> VirtioBlock::header_of(const VirtioChain& chain) const
{
    RequestHeader header;
    if (gather(storage(), chain.readable, 0, std::as_writable_bytes(std::span { &header, 1 })) != sizeof header)
        return {};
    return Header { endian().convert(header.type), endian().convert(header.sector) };
}

void VirtioBlock::accept(VirtioChain chain)
{
    auto header = header_of(chain);
    // Without room for the status byte there is no way to answer.
    if (!header || chain.writable_length() == 0) {
        mark_broken();
        return;
    }
    perform(*header, std::move(chain));
}

void VirtioBlock::perform(Header header, VirtioChain chain)
{
    switch (header.type) {
    case RequestType::in:
    case RequestType::out:
        return move_data(header, std::move(chain));
    case RequestType::flush:
        return launch(std::make_unique<Request>(Request { { DiskOperation::Kind::flush }, std::move(chain) }));
    case RequestType::discard:
    case RequestType::write_zeroes:
        return adjust_range(header, std::move(chain));
    case RequestType::get_id:
        return identify(std::move(chain));
    default:
        return answer(chain, RequestStatus::unsupported, 0);
    }
}

bool VirtioBlock::is_on_disk(u64 sector, u64 length) const
{
    u64 sectors = m_image.size() / sector_size;
    return length % sector_size == 0 && sector <= sectors && length / sector_size <= sectors - sector;
}

std::optional<std::vector<iovec>> VirtioBlock::memory_of(std::span<const VirtioSegment> segments, u64 offset, u64 length) const
{
    std::vector<iovec> memory;
    for (const auto& segment : segments) {
        u64 passed_over = std::min<u64>(offset, segment.length);
        u64 part = std::min(segment.length - passed_over, length);
        offset -= passed_over;
        length -= part;
        if (part != 0)
            memory.push_back({ storage().host() + segment.address + passed_over, part });
    }
    return length == 0 ? std::optional(std::move(memory)) : std::nullopt;
}

void VirtioBlock::move_data(Header header, VirtioChain chain)
{
    bool reads = header.type == RequestType::in;
    u64 length = reads ? chain.writable_length() - 1 : chain.readable_length() - sizeof(RequestHeader);
    auto memory = reads ? memory_of(chain.writable, 0, length) : memory_of(chain.readable, sizeof(RequestHeader), length);
    if (!memory || !is_on_disk(header.sector, length) || (!reads && m_config.read_only))
        return answer(chain, RequestStatus::io_error, 0);
    auto writes = accepted(BlockFeature::flush) ? DiskOperation::Kind::write : DiskOperation::Kind::write_through;
    auto kind = reads ? DiskOperation::Kind::read : writes;
    if (!reads)
        for (const auto& segment : chain.readable)
            storage().fetched(segment.address, segment.length);
    DiskOperation operation { kind, header.sector * sector_size, length, std::move(*memory) };
    launch(std::make_unique<Request>(Request { std::move(operation), std::move(chain), reads ? length : 0 }));
}

void VirtioBlock::adjust_range(Header header, VirtioChain chain)
{
    bool discards = header.type == RequestType::discard;
    SectorRange range;
    auto bytes = std::as_writable_bytes(std::span { &range, 1 });
    bool whole = chain.readable_length() == sizeof(RequestHeader) + sizeof range
        && gather(storage(), chain.readable, sizeof(RequestHeader), bytes) == sizeof range;
    u64 sector = endian().convert(range.sector);
    u64 count = endian().convert(range.count);
    u32 flags = endian().convert(range.flags);
    if (!whole || (flags & ~unmap_flag) || (discards && flags))
        return answer(chain, RequestStatus::unsupported, 0);
    if (count > most_range_sectors || !is_on_disk(sector, count * sector_size) || m_config.read_only)
        return answer(chain, RequestStatus::io_error, 0);
    if (count == 0)
        return answer(chain, RequestStatus::ok, 0);
    auto kind = discards ? DiskOperation::Kind::discard : DiskOperation::Kind::write_zeroes;
    launch(std::make_unique<Request>(Request { { kind, sector * sector_size, count * sector_size }, std::move(chain) }));
}

void VirtioBlock::identify(VirtioChain chain)
{
    std::array<std::byte, serial_size> serial {};
    std::memcpy(serial.data(), m_config.serial.data(), std::min(m_config.serial.size(), serial_size));
    u64 room = std::min<u64>(chain.writable_length() - 1, serial_size);
    scatter(storage(), chain.writable, 0, std::span { serial }.first(room));
    answer(chain, RequestStatus::ok, room);
}

void VirtioBlock::launch(std::unique_ptr<Request> request)
{
    DiskOperation& operation = request->operation;
    m_requests.emplace(&operation, std::move(request));
    m_io->start(operation);
}

void VirtioBlock::write_zeros_instead(DiskOperation& operation)
{
    operation.kind = accepted(BlockFeature::flush) ? DiskOperation::Kind::write : DiskOperation::Kind::write_through;
    for (u64 left = operation.length; left != 0; left -= operation.memory.back().iov_len)
        operation.memory.push_back({ &m_zeros[0], std::min<u64>(left, zeros_size) });
    m_io->start(operation);
}

void VirtioBlock::ended(DiskOperation& operation, int error)
{
    auto held = lock();
    if (operation.kind == DiskOperation::Kind::write_zeroes && error == EOPNOTSUPP) {
        write_zeros_instead(operation);
        return;
    }
    auto node = m_requests.extract(&operation);
    const Request& request = *node.mapped();
    note_stored(request);
    // Discarding is advice: a host file system that cannot do it has done all it can.
    if (operation.kind == DiskOperation::Kind::discard && error == EOPNOTSUPP)
        error = 0;
    if (running())
        answer(request.chain, error ? RequestStatus::io_error : RequestStatus::ok, error ? 0 : request.data_length);
    if (m_requests.empty())
        m_quiet.notify_all();
}

/// The host stored behind the back of the storage keys.
void VirtioBlock::note_stored(const Request& request) const
{
    u64 left = request.data_length;
    for (const auto& segment : request.chain.writable) {
        u64 part = std::min<u64>(left, segment.length);
        storage().stored(segment.address, part);
        left -= part;
    }
}

void VirtioBlock::answer(const VirtioChain& chain, u8 status, u64 data_length)
{
    scatter(storage(), chain.writable, chain.writable_length() - 1, std::as_bytes(std::span { &status, 1 }));
    queue(0).give_back(chain.head, static_cast<u32>(data_length + 1));
}

} // namespace zvisor
