#include "devices/virtio_block/virtio_block.h"

#include "devices/virtio/test_driver.h"

#include <fcntl.h>
#include <filesystem>
#include <fmt/format.h>
#include <fstream>
#include <random>
#include <unistd.h>

namespace zvisor {
namespace {

constexpr u64 flush_feature = 1 << 9;
constexpr u32 type_in = 0;
constexpr u32 type_out = 1;
constexpr u32 type_flush = 4;
constexpr u32 type_get_id = 8;
constexpr u32 type_write_zeroes = 13;
constexpr u64 header_address = 0x20000;
constexpr u64 data_address = 0x21000;
constexpr u64 status_address = 0x20800;

/// A disk image of 64 sectors, each filled with its number, removed at the end.
class TemporaryDisk {
public:
    TemporaryDisk()
        : path(fmt::format("/tmp/zvisor-disk-test-{}-{}", getpid(), ++count()))
    {
        std::ofstream file(path, std::ios::binary);
        for (int sector = 0; sector < 64; ++sector)
            file << std::string(512, static_cast<char>(sector));
    }
    ~TemporaryDisk() { std::filesystem::remove(path); }

    [[nodiscard]] std::string sector(u64 number) const
    {
        std::ifstream file(path, std::ios::binary);
        file.seekg(static_cast<std::streamoff>(number * 512));
        std::string bytes(512, '\0');
        file.read(bytes.data(), 512);
        return bytes;
    }

    std::string path;

private:
    static int& count()
    {
        static int disks = 0;
        return disks;
    }
};

std::unique_ptr<VirtioBlock> open(const TemporaryDisk& disk, bool read_only = false)
{
    return std::move(VirtioBlock::create({ disk.path, read_only, "SERIAL" })).value();
}

class BlockDriver : public TestDriver {
public:
    using TestDriver::TestDriver;

    /// Builds header, one data descriptor and status; returns the status byte after completion.
    u8 request(u32 type, u64 sector, u32 length, bool device_writes)
    {
        prepare(type, sector, length, device_writes);
        ring_for(0);
        written = completed(0);
        return static_cast<u8>(bench.get(status_address, 1)[0]);
    }

    void prepare(u32 type, u64 sector, u32 length, bool device_writes)
    {
        bench.put_as(header_address, type);
        bench.put_as(header_address + 4, u32 { 0 });
        bench.put_as(header_address + 8, sector);
        bench.put(status_address, "\xee");
        u16 data_flags = device_writes ? next_flag | write_flag : next_flag;
        describe(0, 0, { header_address, 16, next_flag, length ? u16 { 1 } : u16 { 2 } });
        describe(0, 1, { data_address, length, data_flags, 2 });
        describe(0, 2, { status_address, 1, write_flag, 0 });
        offer(0, 0);
    }

    u32 written { 0 };
};

TEST(VirtioBlockConfig, ParsesTheCommandLineForm)
{
    auto config = VirtioBlockConfig::parse("a.img,ro,serial=X1").value();
    EXPECT_EQ(config.path, "a.img");
    EXPECT_TRUE(config.read_only);
    EXPECT_EQ(config.to_string(), "a.img,ro,serial=X1");
    EXPECT_NE(VirtioBlockConfig::parse("a.img,rw").error().message.find("unknown option \"rw\""), std::string::npos);
    EXPECT_FALSE(VirtioBlockConfig::parse(",ro"));
}

TEST(VirtioBlock, RefusesUnusableDisksWithASentence)
{
    auto message = [](const std::string& path) { return VirtioBlock::create({ path }).error().message; };
    EXPECT_NE(message("/nowhere/disk").find("cannot be opened"), std::string::npos);
    EXPECT_NE(message("/dev/null").find("neither a file nor a block device"), std::string::npos);
    TemporaryDisk disk;
    std::filesystem::resize_file(disk.path, 1000);
    EXPECT_EQ(message(disk.path), "disk " + disk.path + ": has 1000 bytes, which is no multiple of the sector size 512");
    std::filesystem::resize_file(disk.path, 0);
    EXPECT_NE(message(disk.path).find("is empty"), std::string::npos);
}

TEST(VirtioBlock, OneWriterAtATime)
{
    TemporaryDisk disk;
    auto first = open(disk);
    EXPECT_NE(VirtioBlock::create({ disk.path }).error().message.find("in use by another run"), std::string::npos);
    EXPECT_FALSE(VirtioBlock::create({ disk.path, true }));
    first.reset();
    auto reader = open(disk, true);
    EXPECT_TRUE(VirtioBlock::create({ disk.path, true }));
}

TEST(VirtioBlock, ReadsWritesAndFlushes)
{
    TemporaryDisk disk;
    BlockDriver driver { open(disk) };
    EXPECT_TRUE(driver.command(0xe4, 7) == 0x0c && driver.answer(4) == "\xff\x38\x32\x02");
    driver.set_up(flush_feature, 1);
    EXPECT_EQ(driver.command(0x22, 8), 0x0c);
    EXPECT_EQ(driver.answer(8), std::string("\x40\0\0\0\0\0\0\0", 8)) << "capacity in sectors";
    EXPECT_EQ(driver.request(type_in, 3, 1024, true), 0);
    EXPECT_EQ(driver.written, 1025u);
    EXPECT_EQ(driver.bench.get(data_address, 1024), std::string(512, '\3') + std::string(512, '\4'));
    driver.bench.put(data_address, std::string(512, 'w'));
    EXPECT_EQ(driver.request(type_out, 10, 512, false), 0);
    EXPECT_EQ(driver.request(type_flush, 0, 0, false), 0);
    EXPECT_EQ(disk.sector(10), std::string(512, 'w'));
    EXPECT_EQ(driver.request(type_get_id, 0, 20, true), 0);
    EXPECT_EQ(driver.bench.get(data_address, 7), std::string("SERIAL\0", 7));
    EXPECT_EQ(driver.bench.get(TestDriver::vector_address, 1), "\x04") << "bit 5 from the left";
    EXPECT_EQ(driver.bench.get(TestDriver::summary_address, 1), "\x01");
    EXPECT_EQ(driver.bench.channels->take(0x10)->identification, 0x98000000u);
}

TEST(VirtioBlock, StoresMarkChangedPages)
{
    TemporaryDisk disk;
    BlockDriver driver { open(disk) };
    driver.set_up(flush_feature, 1);
    driver.bench.storage->set_key(data_address, {});
    EXPECT_EQ(driver.request(type_in, 3, 512, true), 0);
    EXPECT_EQ(driver.bench.storage->key(data_address).value, StorageKey::reference | StorageKey::change);
}

TEST(VirtioBlock, WriteZeroesClearsARange)
{
    TemporaryDisk disk;
    BlockDriver driver { open(disk) };
    driver.set_up(flush_feature | 1 << 14, 1);
    driver.bench.put_as(data_address, u64 { 5 });
    driver.bench.put_as(data_address + 8, u64 { 2 });
    EXPECT_EQ(driver.request(type_write_zeroes, 0, 16, false), 0);
    EXPECT_EQ(disk.sector(4), std::string(512, '\4'));
    EXPECT_EQ(disk.sector(5) + disk.sector(6), std::string(1024, '\0'));
    EXPECT_EQ(disk.sector(7), std::string(512, '\7'));
}

TEST(VirtioBlock, RequestsBeyondTheDiskAndWritesToReadOnlyDisksFail)
{
    TemporaryDisk disk;
    BlockDriver driver { open(disk, true) };
    driver.set_up(flush_feature | 1 << 5, 1);
    EXPECT_EQ(driver.request(type_in, 63, 1024, true), 1);
    EXPECT_EQ(driver.request(type_in, ~u64 { 0 }, 512, true), 1);
    EXPECT_EQ(driver.request(type_in, 1, 100, true), 1);
    EXPECT_EQ(driver.request(type_out, 1, 512, false), 1);
    EXPECT_EQ(driver.request(99, 1, 512, true), 2);
    EXPECT_EQ(disk.sector(1), std::string(512, '\1'));
}

TEST(VirtioBlock, AVanishedDiskGivesIoErrors)
{
    TemporaryDisk disk;
    BlockDriver driver { open(disk) };
    driver.set_up(flush_feature, 1);
    std::filesystem::resize_file(disk.path, 1024);
    EXPECT_EQ(driver.request(type_in, 1, 512, true), 0);
    EXPECT_EQ(driver.request(type_in, 8, 512, true), 1);
    EXPECT_EQ(driver.request(type_in, 1, 1024, true), 1);
}

TEST(VirtioBlock, ManyRequestsInFlightAllComplete)
{
    TemporaryDisk disk;
    BlockDriver driver { open(disk) };
    driver.set_up(flush_feature | VirtioFeature::event_index | VirtioFeature::indirect_descriptors, 1);
    for (u16 round = 0; round < 300; ++round) {
        u16 slot = round % 4;
        u64 base = 0x30000 + 0x1000u * slot;
        driver.bench.put_as(base, type_in);
        driver.bench.put_as(base + 8, u64 { round % 60u });
        driver.bench.put_as(base + 0x100, TestDriver::Descriptor { base, 16, TestDriver::next_flag, 1 });
        driver.bench.put_as(base + 0x110, TestDriver::Descriptor { base + 0x200, 512, TestDriver::next_flag | TestDriver::write_flag, 2 });
        driver.bench.put_as(base + 0x120, TestDriver::Descriptor { base + 0x80, 1, TestDriver::write_flag, 0 });
        driver.describe(0, slot, { base + 0x100, 48, TestDriver::indirect_flag, 0 });
        driver.offer(0, slot);
        if (slot != 3)
            continue;
        driver.ring_for(0);
        for (int i = 0; i < 4; ++i)
            EXPECT_EQ(driver.completed(0), 513u);
        EXPECT_EQ(driver.bench.get(base + 0x200, 512), std::string(512, static_cast<char>(round % 60)));
    }
}

TEST(VirtioBlock, ResetAndRestart)
{
    TemporaryDisk disk;
    BlockDriver driver { open(disk) };
    driver.set_up(flush_feature, 1);
    EXPECT_EQ(driver.request(type_in, 3, 512, true), 0);
    driver.prepare(type_in, 4, 512, true);
    driver.ring_for(0);
    EXPECT_EQ(driver.command(0x33, 0), 0x0c);
    driver.negotiate(flush_feature, 1);
    EXPECT_EQ(driver.request(type_in, 5, 512, true), 0);
    driver.bench.channels->reset();
    driver.bench.enable(driver.sid);
    driver.set_up(flush_feature, 1);
    EXPECT_EQ(driver.request(type_in, 6, 512, true), 0);
    EXPECT_EQ(driver.bench.get(data_address, 1), "\6");
}

TEST(VirtioBlock, RefusesFeaturesItDidNotOffer)
{
    TemporaryDisk disk;
    BlockDriver driver { open(disk) };
    EXPECT_EQ(driver.command(0x83, 4, TestDriver::be(u16 { 3 }, u16 { 0 })), 0x0e) << "revision 3 is unknown";
    EXPECT_EQ(driver.command(0x83, 4, TestDriver::be(u16 { 2 }, u16 { 0 })), 0x0c);
    driver.set_status(3);
    driver.accept_features(VirtioFeature::version_1 | u64 { 1 } << 50);
    driver.set_status(11);
    EXPECT_EQ(driver.status(), 3);
}

TEST(VirtioBlock, LegacyDriversUseTheirOwnByteOrderAndIndicators)
{
    TemporaryDisk disk;
    TestDriver driver { open(disk) };
    EXPECT_EQ(driver.command(0x33, 0), 0x0c);
    EXPECT_EQ(driver.command(0x22, 8), 0x0c);
    EXPECT_EQ(driver.answer(8), std::string("\0\0\0\0\0\0\0\x40", 8));
    driver.set_status(3);
    EXPECT_EQ(driver.command(0x13, 16, TestDriver::be(u64 { 0x10000 }, u32 { 4096 }, u16 { 0 }, u16 { 256 })), 0x0c);
    EXPECT_EQ(driver.command(0x43, 8, TestDriver::be(u64 { 0x7000 })), 0x0c);
    driver.set_status(7);
    driver.bench.put(header_address, TestDriver::be(type_in, u32 { 0 }, u64 { 9 }));
    driver.bench.put(0x10000, TestDriver::be(header_address, u32 { 16 }, u16 { 1 }, u16 { 1 }));
    driver.bench.put(0x10010, TestDriver::be(data_address, u32 { 512 }, u16 { 3 }, u16 { 2 }));
    driver.bench.put(0x10020, TestDriver::be(status_address, u32 { 1 }, u16 { 2 }, u16 { 0 }));
    driver.bench.put(0x11000, TestDriver::be(u16 { 0 }, u16 { 1 }, u16 { 0 }));
    driver.ring_for(0);
    Irb irb = driver.bench.wait(driver.sid);
    EXPECT_EQ(irb.scsw.status(), ScswBit::alert_status | ScswBit::status_pending);
    EXPECT_EQ(driver.bench.get(0x7000, 8), TestDriver::be(u64 { 1 }));
    EXPECT_EQ(driver.bench.get(data_address, 512), std::string(512, '\x09'));
    EXPECT_EQ(driver.bench.get(0x12002, 2), TestDriver::be(u16 { 1 })) << "used index behind 4 KiB alignment";
}

TEST(VirtioBlock, NonsenseInTheRingsMakesTheDeviceNeedAReset)
{
    using Break = void (*)(BlockDriver&);
    Break ways[] = {
        [](BlockDriver& driver) { driver.offer(0, 999); },
        [](BlockDriver& driver) {
            driver.describe(0, 0, { header_address, 16, TestDriver::next_flag, 0 });
            driver.offer(0, 0);
        },
        [](BlockDriver& driver) {
            driver.describe(0, 0, { ~u64 { 0 } - 8, 16, 0, 0 });
            driver.offer(0, 0);
        },
        [](BlockDriver& driver) {
            driver.describe(0, 0, { header_address, 24, TestDriver::indirect_flag, 0 });
            driver.offer(0, 0);
        },
        [](BlockDriver& driver) { driver.bench.put_as(TestDriver::available(0) + 2, u16 { 0x4000 }); },
        [](BlockDriver& driver) {
            driver.describe(0, 0, { status_address, 1, TestDriver::write_flag, 0 });
            driver.offer(0, 0);
        },
    };
    TemporaryDisk disk;
    BlockDriver driver { open(disk) };
    driver.set_up(flush_feature | VirtioFeature::indirect_descriptors, 1);
    for (Break way : ways) {
        way(driver);
        driver.ring_for(0);
        EXPECT_TRUE(driver.broken());
        EXPECT_EQ(driver.bench.get(TestDriver::configuration_indicator_address + 7, 1), "\x01");
        EXPECT_EQ(driver.command(0x33, 0), 0x0c);
        driver.negotiate(flush_feature | VirtioFeature::indirect_descriptors, 1);
        EXPECT_EQ(driver.request(type_in, 7, 512, true), 0) << "usable after a reset";
    }
}

TEST(VirtioBlock, RandomRingsDoNotHarm)
{
    std::mt19937 generator { 17 };
    auto random = [&] { return static_cast<u32>(generator()); };
    TemporaryDisk disk;
    BlockDriver driver { open(disk) };
    driver.set_up(flush_feature, 1);
    for (int round = 0; round < 60; ++round) {
        for (u16 index = 0; index < TestDriver::queue_size; ++index) {
            u64 address = random() % 8 ? 0x20000 + random() % 0x10000 : random();
            driver.describe(0, index, { address, random() % 4096, static_cast<u16>(random() % 8), static_cast<u16>(random() % 18) });
        }
        for (u16 i = 0; i < 4; ++i)
            driver.offer(0, static_cast<u16>(random() % 16));
        (void)driver.bench.channels->notify(driver.sid, 0, 0);
        std::this_thread::sleep_for(std::chrono::milliseconds(1));
        EXPECT_EQ(driver.command(0x33, 0), 0x0c);
        driver.negotiate(flush_feature, 1);
    }
}

TEST(DiskIo, BlockingAndUringDoTheSame)
{
    TemporaryDisk disk;
    auto image = DiskImage::open({ disk.path }).value();
    auto bell = EventFd::create().value();
    auto blocking = make_blocking_disk_io(image, bell);
    auto uring = make_uring_disk_io(image, bell);
    std::vector<DiskIo*> ways { blocking.get() };
    if (uring)
        ways.push_back(uring->get());
    for (DiskIo* io : ways) {
        std::array<char, 1024> bytes {};
        DiskOperation read { DiskOperation::Kind::read, 512, 1024, { { bytes.data(), 100 }, { bytes.data() + 100, 924 } } };
        DiskOperation beyond { DiskOperation::Kind::read, 1 << 20, 512, { { bytes.data(), 512 } } };
        DiskOperation flush { DiskOperation::Kind::flush };
        int ended = 0;
        io->start(read);
        io->start(beyond);
        io->start(flush);
        while (ended < 3)
            io->wait([&](DiskOperation& operation, int error) {
                EXPECT_EQ(error, &operation == &beyond ? EIO : 0);
                ++ended;
            });
        EXPECT_EQ(std::string(bytes.data(), 1024), std::string(512, '\1') + std::string(512, '\2'));
    }
}

} // namespace
} // namespace zvisor
