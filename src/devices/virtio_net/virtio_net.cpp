#include "devices/virtio_net/virtio_net.h"

#include <algorithm>

namespace zvisor {

namespace {

constexpr u64 mac_feature = u64 { 1 } << 5;
constexpr u64 status_feature = u64 { 1 } << 16;
constexpr u16 link_up = 1;
constexpr u8 device_type = 1;
constexpr u16 queue_size = 256;
constexpr u16 receive_queue = 0;
constexpr u16 transmit_queue = 1;
/// The longest frame a driver may hand over, the header not counted.
constexpr u64 longest_frame = 65535;

} // namespace

Result<std::unique_ptr<VirtioNet>> VirtioNet::create(const VirtioNetConfig& config, std::unique_ptr<NetworkPort> network)
{
    auto bell = TRY(EventFd::create());
    std::unique_ptr<VirtioNet> device(new VirtioNet(config, std::move(network), std::move(bell)));
    device->m_thread = std::thread([raw = device.get()] { raw->run(); });
    return device;
}

VirtioNet::VirtioNet(VirtioNetConfig config, std::unique_ptr<NetworkPort> network, EventFd bell)
    : VirtioDevice(device_type, mac_feature | status_feature, { queue_size, queue_size })
    , m_config(std::move(config))
    , m_network(std::move(network))
    , m_bell(std::move(bell))
{
}

VirtioNet::~VirtioNet()
{
    m_stopping = true;
    m_bell.ring();
    if (m_thread.joinable())
        m_thread.join();
}

std::vector<std::byte> VirtioNet::configuration() const
{
    VirtioWriter writer { endian() };
    for (u8 byte : m_config.mac)
        writer.put(byte);
    return writer.put(link_up).take();
}

void VirtioNet::run()
{
    while (!m_stopping) {
        m_network->wait(m_bell.fd());
        m_bell.silence();
        auto held = lock();
        transmit();
        receive();
    }
}

void VirtioNet::transmit()
{
    if (!running())
        return;
    auto& ring = queue(transmit_queue);
    if (!ring.enabled())
        return;
    ring.want_notifications(false);
    do {
        while (auto chain = take(transmit_queue)) {
            u64 length = chain->readable_length();
            Packet frame(length > header_size() ? std::min(length - header_size(), longest_frame) : 0);
            gather(storage(), chain->readable, header_size(), frame);
            if (!frame.empty())
                m_network->send(frame);
            ring.give_back(chain->head, 0);
        }
        ring.want_notifications(true);
    } while (running() && ring.has_available());
    signal(transmit_queue);
}

bool VirtioNet::deliver(const Packet& packet)
{
    auto chain = take(receive_queue);
    if (!chain)
        return false;
    // No offloads: the header is zero but for the number of buffers.
    auto header = VirtioWriter { endian() }.put_zeros(10).put(u16 { 1 }).take();
    header.resize(header_size());
    u64 needed = header.size() + packet.size();
    bool fits = chain->writable_length() >= needed;
    if (fits) {
        scatter(storage(), chain->writable, 0, header);
        scatter(storage(), chain->writable, header.size(), packet);
    }
    queue(receive_queue).give_back(chain->head, fits ? static_cast<u32>(needed) : 0);
    return true;
}

void VirtioNet::receive()
{
    auto& arrived = m_network->arrived();
    if (!running() || !queue(receive_queue).enabled()) {
        arrived.clear();
        return;
    }
    auto& ring = queue(receive_queue);
    ring.want_notifications(false);
    do {
        while (!arrived.empty() && deliver(arrived.front()))
            arrived.pop_front();
        if (arrived.empty())
            break;
        ring.want_notifications(true);
    } while (running() && ring.has_available());
    signal(receive_queue);
}

} // namespace zvisor
