#include "partition/ipl.h"

#include "base/big_endian.h"

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <gtest/gtest.h>
#include <string_view>

namespace zvisor {
namespace {

constexpr u64 mega = 1 << 20;

struct IplTest : testing::Test {
    IplTest()
    {
        char name[] = "/tmp/zvisor-ipl-XXXXXX";
        folder = mkdtemp(name);
        std::string image(0x12000, 'K');
        std::string_view magic = "S390EP";
        std::ranges::copy(magic, image.begin() + 0x10008);
        write("kernel", image);
        write("initrd", std::string(5000, 'I'));
    }
    ~IplTest() override { std::filesystem::remove_all(folder); }

    void write(const std::string& name, const std::string& content) { std::ofstream(folder / name, std::ios::binary) << content; }
    [[nodiscard]] Result<IplProgram> read(const std::string& command_line) const
    {
        return read_ipl_program({ folder / "kernel", folder / "initrd", command_line }, 16 * mega);
    }
    [[nodiscard]] std::string_view at(u64 address, std::size_t length) const
    {
        return { reinterpret_cast<const char*>(storage->host() + address), length };
    }

    std::filesystem::path folder;
    std::unique_ptr<AbsoluteStorage> storage { std::move(AbsoluteStorage::create(16 * mega)).value() };
};

TEST_F(IplTest, PlacesAKernelItsCommandLineAndItsInitrd)
{
    auto program = read("quiet");
    ASSERT_TRUE(program) << program.error().message;
    ASSERT_TRUE(place(*program, *storage));
    EXPECT_EQ(at(0x11fff, 1), "K");
    EXPECT_EQ(at(0x10480, 7), std::string_view("quiet\0\0", 7));
    u64 initrd = load_be<u64>(storage->host() + 0x10408);
    EXPECT_EQ(initrd, 8 * mega);
    EXPECT_EQ(load_be<u64>(storage->host() + 0x10410), 5000u);
    EXPECT_EQ(at(initrd + 4999, 1), "I");
}

TEST_F(IplTest, PlacesThemAgain)
{
    auto program = read("quiet");
    ASSERT_TRUE(place(*program, *storage));
    storage->clear();
    ASSERT_TRUE(place(*program, *storage));
    EXPECT_EQ(at(0x11fff, 1), "K");
    EXPECT_EQ(at(0x10480, 5), "quiet");
}

TEST_F(IplTest, KeepsNoCopyOfFiles)
{
    auto program = read("quiet");
    std::size_t kept = 0;
    for (const auto& part : program->parts)
        kept += part.bytes.size();
    EXPECT_LT(kept, 1000u);
}

TEST_F(IplTest, RefusesAFileThatHasChanged)
{
    auto program = read("quiet");
    write("initrd", "shorter");
    auto placed = place(*program, *storage);
    ASSERT_FALSE(placed);
    EXPECT_EQ(placed.error().message, "'" + (folder / "initrd").string() + "' has changed since it was read");
}

TEST_F(IplTest, PlacesWhatWasReplacedAsItWas)
{
    auto program = read("quiet");
    write("other", "something else");
    std::filesystem::rename(folder / "other", folder / "kernel");
    ASSERT_TRUE(place(*program, *storage));
    EXPECT_EQ(at(0x11fff, 1), "K");
}

} // namespace
} // namespace zvisor
