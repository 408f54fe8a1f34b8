#include "devices/virtio/served_device.h"

namespace zvisor {

void ServedVirtioDevice::start_serving()
{
    m_thread = std::thread([this] { run(); });
}

void ServedVirtioDevice::stop_serving()
{
    m_stopping = true;
    m_bell.ring();
    if (m_thread.joinable())
        m_thread.join();
}

void ServedVirtioDevice::run()
{
    while (!m_stopping) {
        wait(m_bell);
        auto held = lock();
        before_serving();
        for (u16 index = 0; index < queue_count(); ++index)
            serve_queue(index);
    }
}

void ServedVirtioDevice::serve_queue(u16 index)
{
    if (!running() || !queue(index).enabled())
        return;
    do {
        while (is_served(index)) {
            auto chain = take(index);
            if (!chain)
                break;
            auto written = serve(index, *chain);
            if (!written)
                return mark_broken();
            queue(index).give_back(chain->head, *written);
        }
        queue(index).want_notifications(true);
    } while (running() && is_served(index) && queue(index).has_available());
    signal(index);
}

} // namespace zvisor
