#pragma once

#include "base/event_fd.h"
#include "devices/virtio/virtio_device.h"

#include <thread>

namespace zvisor {

/// A virtio device whose queues are served by a thread of its own whenever the driver rings. The most derived class calls
/// `start_serving` when it is complete and `stop_serving` in its destructor.
class ServedVirtioDevice : public VirtioDevice {
protected:
    ServedVirtioDevice(u8 id, u64 features, std::initializer_list<u16> queue_sizes, EventFd bell)
        : VirtioDevice(id, features, queue_sizes)
        , m_bell(std::move(bell))
    {
    }

    void start_serving();
    void stop_serving();
    /// Has the queues served soon.
    void wake() { m_bell.ring(); }

    void queue_notified(u16) final { wake(); }
    /// Handles one chain, locked; returns the bytes stored, or nothing when the driver broke the protocol.
    [[nodiscard]] virtual std::optional<u32> serve(u16 queue, const VirtioChain& chain) = 0;
    /// Whether chains of a queue are to be taken now; `wake` when that changes.
    [[nodiscard]] virtual bool is_served(u16 queue) const = 0;
    /// Returns when there may be something to do; not locked. Silences the bell.
    virtual void wait(const EventFd& bell) { bell.wait(); }
    /// Before the queues are served; locked.
    virtual void before_serving() { }

private:
    void run();
    void serve_queue(u16 index);

    EventFd m_bell;
    std::atomic<bool> m_stopping { false };
    std::thread m_thread;
};

} // namespace zvisor
