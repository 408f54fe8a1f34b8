#include "prsm/partition_dump.h"

#include <elf.h>
#include <filesystem>
#include <fstream>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

namespace zvisor {
namespace {

constexpr u64 mega = 1 << 20;

struct PartitionDumpTest : testing::Test {
    PartitionDumpTest()
    {
        for (u64 number : { 0u, 1u, 3u })
            source.blocks.emplace(number, pool.take().value());
        source.block_size = mega;
        std::filesystem::remove(path);
    }
    ~PartitionDumpTest() override { std::filesystem::remove(path); }

    void store(u64 block, u64 at, std::string_view text) const
    {
        EXPECT_EQ(
            pwrite(source.blocks.at(block).get(), text.data(), text.size(), static_cast<off_t>(at)), static_cast<ssize_t>(text.size()));
    }
    [[nodiscard]] std::string bytes(u64 at, std::size_t length) const
    {
        std::string text(length, '\0');
        std::ifstream file(path, std::ios::binary);
        file.seekg(static_cast<std::streamoff>(at)).read(text.data(), static_cast<std::streamsize>(length));
        return text;
    }
    template<class T>
    [[nodiscard]] T number(u64 at) const
    {
        return load_be<T>(bytes(at, sizeof(T)).data());
    }
    [[nodiscard]] static Elf64_Phdr swapped(std::string_view raw)
    {
        auto at = [&](std::size_t offset) { return load_be<u64>(raw.data() + offset); };
        return { .p_type = load_be<u32>(raw.data()),
            .p_flags = 0,
            .p_offset = at(8),
            .p_vaddr = at(16),
            .p_paddr = at(24),
            .p_filesz = at(32),
            .p_memsz = at(40),
            .p_align = at(48) };
    }
    [[nodiscard]] Elf64_Phdr header(u64 index) const { return swapped(bytes(64 + index * 56, 56)); }

    std::string path { testing::TempDir() + "zvisor-dump-" + std::to_string(getpid()) };
    StoragePool pool { 8 * mega, mega };
    DumpSource source;
    std::function<bool(u64)> go_on { [](u64) { return true; } };
};

TEST_F(PartitionDumpTest, ShowsStorageAtItsAddresses)
{
    store(0, 0x1000, "low");
    store(3, mega - 3, "end");
    auto size = write_dump(path, source, go_on);
    ASSERT_TRUE(size) << size.error().message;
    EXPECT_EQ(size->storage, 3 * mega);
    EXPECT_EQ(size->written, 2 * 4096u);
    EXPECT_EQ(bytes(0, 20),
        std::string("\x7f"
                    "ELF\2\2\1\0\0\0\0\0\0\0\0\0\0\4\0\x16",
            20))
        << "64 bits, big-endian, a core, s390";
    EXPECT_EQ(number<u16>(56), 3) << "notes and two runs of blocks";
    EXPECT_EQ(header(1).p_paddr, 0u);
    EXPECT_EQ(header(1).p_memsz, 2 * mega);
    EXPECT_EQ(header(2).p_paddr, 3 * mega);
    EXPECT_EQ(bytes(header(1).p_offset + 0x1000, 3), "low");
    EXPECT_EQ(bytes(header(2).p_offset + mega - 3, 3), "end");
}

TEST_F(PartitionDumpTest, PagesOfZeroAreHoles)
{
    store(1, 0, std::string(100'000, '\0') + "x");
    ASSERT_TRUE(write_dump(path, source, go_on));
    struct stat status {};
    ASSERT_EQ(stat(path.c_str(), &status), 0);
    EXPECT_GT(status.st_size, static_cast<off_t>(3 * mega));
    EXPECT_LT(status.st_blocks * 512, 64 * 1024);
    EXPECT_EQ(status.st_mode & 0777, 0600u);
}

TEST_F(PartitionDumpTest, HasTheRegistersOfEachCpu)
{
    CpuStatus cpu;
    cpu.address = 1;
    cpu.psw[1] = 0x123456;
    cpu.general[15] = 0xabcdef;
    cpu.prefix = 0x8000;
    source.cpus = { cpu };
    ASSERT_TRUE(write_dump(path, source, go_on));
    u64 notes = header(0).p_offset;
    EXPECT_EQ(header(0).p_type, u32 { PT_NOTE });
    EXPECT_EQ(number<u32>(notes + 4), 336u) << "elf_prstatus";
    EXPECT_EQ(number<u32>(notes + 8), u32 { NT_PRSTATUS });
    EXPECT_EQ(bytes(notes + 12, 5), std::string("CORE\0", 5));
    u64 status = notes + 20;
    EXPECT_EQ(number<u32>(status + 32), 2u) << "its number as a thread";
    EXPECT_EQ(number<u64>(status + 120), 0x123456u);
    EXPECT_EQ(number<u64>(status + 128 + 15 * 8), 0xabcdefu);
    EXPECT_NE(bytes(notes, header(0).p_filesz).find(std::string("\0\0\x80\0", 4)), std::string::npos) << "the prefix";
}

TEST_F(PartitionDumpTest, WhatIsGivenUpLeavesNoFile)
{
    auto size = write_dump(path, source, [](u64 done) { return done < 2 * mega; });
    ASSERT_FALSE(size);
    EXPECT_EQ(size.error().message, "the dump " + path + " cannot be written: nobody waits for it any more");
    EXPECT_FALSE(std::filesystem::exists(path));
}

TEST_F(PartitionDumpTest, StorageThatIsTakenAwayIsNoStorageOfZero)
{
    ASSERT_EQ(ftruncate(source.blocks.at(1).get(), 0), 0);
    EXPECT_EQ(write_dump(path, source, go_on).error().message,
        "the dump " + path + " cannot be written: the partition has lost its storage meanwhile");
}

TEST_F(PartitionDumpTest, AFileThatIsThereStays)
{
    std::ofstream(path) << "mine";
    EXPECT_EQ(write_dump(path, source, go_on).error().message, "the dump " + path + " cannot be made: File exists");
    EXPECT_EQ(bytes(0, 4), "mine");
}

} // namespace
} // namespace zvisor
