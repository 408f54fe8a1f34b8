#pragma once

#include "channel/test_bench.h"
#include "devices/virtio/virtio_device.h"

#include <gtest/gtest.h>

namespace zvisor {

/// A hand-made virtio driver, revision 1, little-endian, for unit tests: sets a device up as an operating system does and
/// works its first queues with adapter interruptions.
class TestDriver {
public:
    static constexpr u16 queue_size = 16;
    static constexpr u64 summary_address = 0x7000;
    static constexpr u64 vector_address = 0x7010;
    static constexpr u64 configuration_indicator_address = 0x7020;
    static constexpr u16 next_flag = 1;
    static constexpr u16 write_flag = 2;
    static constexpr u16 indirect_flag = 4;

    struct Descriptor {
        u64 address;
        u32 length;
        u16 flags;
        u16 next;
    };

    explicit TestDriver(std::unique_ptr<Device> device)
        : sid(bench.add(std::move(device)))
    {
    }

    static u64 ring(u16 queue) { return 0x10000 + 0x4000u * queue; }
    static u64 available(u16 queue) { return ring(queue) + 0x1000; }
    static u64 used(u16 queue) { return ring(queue) + 0x2000; }

    /// Runs one command with a data area; returns subchannel and device status, normally 0x0c.
    u16 command(u8 code, u16 count, std::string_view bytes = {})
    {
        bench.put(ChannelBench::data_address, bytes);
        last = bench.run(sid, { Ccw1 { code, 0, count, ChannelBench::data_address } });
        return static_cast<u16>(last.scsw.subchannel_status << 8 | last.scsw.device_status);
    }
    [[nodiscard]] std::string answer(std::size_t length) const { return bench.get(ChannelBench::data_address, length); }

    template<class... T>
    static std::string be(T... values)
    {
        std::string bytes;
        auto add = [&]<class V>(V value) {
            Be<V> wire { value };
            bytes.append(reinterpret_cast<const char*>(&wire), sizeof wire);
        };
        (add(values), ...);
        return bytes;
    }

    u64 offered_features()
    {
        u64 features = 0;
        for (u8 half = 0; half < 2; ++half) {
            EXPECT_EQ(command(0x12, 5, std::string(4, '\0') + static_cast<char>(half)), 0x0c);
            auto bytes = answer(4);
            u32 part = 0;
            std::memcpy(&part, bytes.data(), sizeof part);
            features |= u64 { part } << (32 * half);
        }
        return features;
    }

    void accept_features(u64 features)
    {
        for (u8 half = 0; half < 2; ++half) {
            auto part = static_cast<u32>(features >> (32 * half));
            std::string bytes(reinterpret_cast<const char*>(&part), sizeof part);
            EXPECT_EQ(command(0x11, 5, bytes + static_cast<char>(half)), 0x0c);
        }
    }

    u8 status()
    {
        EXPECT_EQ(command(0x72, 1), 0x0c);
        return static_cast<u8>(answer(1)[0]);
    }
    void set_status(u8 value) { EXPECT_EQ(command(0x31, 1, std::string(1, static_cast<char>(value))), 0x0c); }

    void set_queue(u16 queue)
    {
        EXPECT_EQ(command(0x32, 4, be(queue, u16 { 0 })), 0x0c);
        EXPECT_EQ(command(0x13, 32, be(ring(queue), u32 { 0 }, queue, queue_size, available(queue), used(queue))), 0x0c);
        m_available_index.push_back(0);
        m_used_index.push_back(0);
    }

    /// Everything up to DRIVER_OK, accepting `features` and version 1.
    void set_up(u64 features, u16 queues)
    {
        EXPECT_EQ(command(0x83, 4, be(u16 { 1 }, u16 { 0 })), 0x0c);
        EXPECT_EQ(command(0x33, 0), 0x0c);
        negotiate(features, queues);
    }

    void negotiate(u64 features, u16 queues)
    {
        m_available_index.clear();
        m_used_index.clear();
        for (u64 at = ring(0); at < ring(queues); at += 8)
            bench.put_as(at, u64 { 0 });
        set_status(3);
        accept_features(features | VirtioFeature::version_1);
        set_status(11);
        EXPECT_EQ(status(), 11);
        for (u16 queue = 0; queue < queues; ++queue)
            set_queue(queue);
        EXPECT_EQ(command(0x73, 25, be(summary_address, vector_address, u64 { 5 }) + '\x03'), 0x0c);
        EXPECT_EQ(command(0x53, 8, be(configuration_indicator_address)), 0x0c);
        set_status(15);
    }

    void describe(u16 queue, u16 index, const Descriptor& descriptor) { bench.put_as(ring(queue) + 16u * index, descriptor); }

    /// Makes a chain available without ringing.
    void offer(u16 queue, u16 head)
    {
        u16& index = m_available_index[queue];
        bench.put_as(available(queue) + 4 + 2u * (index % queue_size), head);
        bench.put_as(available(queue) + 2, ++index);
    }
    void ring_for(u16 queue) { EXPECT_EQ(bench.channels->notify(sid, queue, 0), 0); }

    [[nodiscard]] u16 used_index(u16 queue) const { return *bench.storage->read_as<u16>(used(queue) + 2); }

    /// Waits for the next used element; returns its length.
    u32 completed(u16 queue)
    {
        u16& index = m_used_index[queue];
        EXPECT_TRUE(ChannelBench::eventually([&] { return used_index(queue) != index; }));
        u64 element = used(queue) + 4 + 8u * (index++ % queue_size);
        return *bench.storage->read_as<u32>(element + 4);
    }

    bool broken()
    {
        return ChannelBench::eventually([&] { return status() & VirtioStatus::needs_reset; });
    }

    ChannelBench bench;
    u32 sid;
    Irb last {};

private:
    std::vector<u16> m_available_index;
    std::vector<u16> m_used_index;
};

} // namespace zvisor
