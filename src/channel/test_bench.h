#pragma once

#include "channel/channel_subsystem.h"

#include <chrono>
#include <cstring>
#include <functional>
#include <thread>

namespace zvisor {

/// A channel subsystem with storage and no CPU, for unit tests: builds channel programs, starts them and waits for status.
class ChannelBench {
public:
    static constexpr u32 program_address = 0x1000;
    static constexpr u32 data_address = 0x2000;

    ChannelBench()
        : storage(std::move(AbsoluteStorage::create(4 << 20)).value())
        , channels(std::make_unique<ChannelSubsystem>(*storage, 2))
    {
    }

    /// Attaches and enables a device with concurrent sense, ISC 3.
    u32 add(std::unique_ptr<Device> device, u16 number = 1)
    {
        u32 sid = channels->attach(0, number, std::move(device)).value().word;
        enable(sid);
        return sid;
    }

    void enable(u32 sid)
    {
        Schib schib = channels->store_subchannel(sid)->block;
        schib.pmcw.flags = static_cast<u16>(schib.pmcw.flags | Pmcw::enabled_bit | 3 << 11);
        schib.pmcw.characteristics = Pmcw::concurrent_sense_bit;
        (void)channels->modify_subchannel(sid, schib);
    }

    void put(u64 address, std::string_view bytes)
    {
        if (!bytes.empty())
            (void)storage->write(address, std::as_bytes(std::span { bytes }));
    }
    template<class T>
    void put_as(u64 address, const T& value)
    {
        (void)storage->write_as(address, value);
    }
    [[nodiscard]] std::string get(u64 address, std::size_t length) const
    {
        std::string bytes(length, '\0');
        (void)storage->read(address, std::as_writable_bytes(std::span { bytes }));
        return bytes;
    }

    void put_program(std::initializer_list<Ccw1> ccws)
    {
        u32 address = program_address;
        for (const Ccw1& ccw : ccws) {
            put_as(address, ccw);
            address += static_cast<u32>(sizeof ccw);
        }
    }

    /// Flags for a format-1 program with all paths.
    static constexpr u32 orb_flags = word_mask<8> | word_mask<16, 23>;
    u8 start(u32 sid, u32 flags = orb_flags, u32 address = program_address)
    {
        return channels->start_subchannel(sid, Orb { 0x12345678, flags, address }).value();
    }

    static bool eventually(const std::function<bool()>& condition, int milliseconds = 5000)
    {
        for (int i = 0; i < milliseconds * 10; ++i) {
            if (condition())
                return true;
            std::this_thread::sleep_for(std::chrono::microseconds(100));
        }
        return false;
    }

    /// Waits until status is pending and takes it; a zeroed block when none comes.
    Irb wait(u32 sid)
    {
        Stored<Irb> stored {};
        bool came = eventually([&] { return (stored = *channels->test_subchannel(sid)).condition_code == 0; });
        return came ? stored.block : Irb {};
    }

    Irb run(u32 sid, std::initializer_list<Ccw1> ccws, u32 flags = orb_flags)
    {
        (void)channels->test_subchannel(sid);
        put_program(ccws);
        if (start(sid, flags) != 0)
            return {};
        return wait(sid);
    }

    std::unique_ptr<AbsoluteStorage> storage;
    std::unique_ptr<ChannelSubsystem> channels;
};

} // namespace zvisor
