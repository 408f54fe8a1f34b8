#include "image/cpio_writer.h"
#include "image/root_tree.h"
#include "image/tar_reader.h"

#include "image/host_files.h"

#include <cstdio>
#include <cstring>
#include <gtest/gtest.h>

namespace zvisor::image {
namespace {

/// One member of a ustar archive: header and content in 512-byte blocks.
std::string tar_member(
    char type, std::string_view name, std::string_view content, std::string_view link = {}, std::string_view mode = "0000644")
{
    std::string block(512, '\0');
    auto put = [&](std::size_t at, std::string_view text) { block.replace(at, text.size(), text); };
    char size[13];
    std::snprintf(size, sizeof size, "%011zo", content.size());
    put(0, name);
    put(100, mode);
    put(108, "0000000");
    put(116, "0000052");
    put(124, size);
    put(136, "14000000000");
    block[156] = type;
    put(157, link);
    put(257, std::string_view("ustar  \0", 8));
    put(148, "        ");
    unsigned sum = 0;
    for (char c : block)
        sum += static_cast<unsigned char>(c);
    char checksum[8];
    std::snprintf(checksum, sizeof checksum, "%06o", sum);
    block.replace(148, 7, checksum, 7);
    std::string padded(content);
    padded.resize((padded.size() + 511) / 512 * 512);
    return block + padded;
}

/// Gives a text in small pieces, as a pipe may.
TarReader reader_of(std::string text)
{
    auto rest = std::make_shared<std::string>(std::move(text));
    return TarReader([rest](std::span<char> buffer) -> Result<std::size_t> {
        std::size_t count = std::min({ buffer.size(), rest->size(), std::size_t { 100 } });
        std::memcpy(buffer.data(), rest->data(), count);
        rest->erase(0, count);
        return count;
    });
}

TEST(CpioWriter, WritesTheNewcForm)
{
    CpioWriter archive;
    archive.add_file("init", "hello", 0755);
    std::string bytes = std::move(archive).finish();
    EXPECT_EQ(bytes.substr(0, 110),
        "070701"
        "00000001"
        "000081ED"
        "00000000"
        "00000000"
        "00000001"
        "00000000"
        "00000005"
        "00000000"
        "00000000"
        "00000000"
        "00000000"
        "00000005"
        "00000000");
    EXPECT_EQ(bytes.substr(110, 6), std::string("init\0\0", 6));
    EXPECT_EQ(bytes.substr(116, 8), std::string("hello\0\0\0", 8));
    EXPECT_NE(bytes.find("TRAILER!!!"), std::string::npos);
    EXPECT_EQ(bytes.size() % 4, 0u);
}

TEST(TarReader, ReadsMembersLongNamesAndContent)
{
    std::string long_name(150, 'x');
    auto reader = reader_of(tar_member('0', "./etc/a", "content") + tar_member('L', "././@LongLink", long_name + '\0')
        + tar_member('5', "cut", "") + tar_member('2', "./bin", "", "usr/bin") + std::string(1024, '\0'));
    auto file = reader.next().value().value();
    EXPECT_EQ(file.path, "etc/a");
    EXPECT_EQ(file.permissions, 0644u);
    EXPECT_EQ(file.group, 052u);
    EXPECT_EQ(file.modified, i64 { 014000000000 });
    EXPECT_EQ(reader.read_content().value(), "content");
    auto directory = reader.next().value().value();
    EXPECT_EQ(directory.kind, TarKind::directory);
    EXPECT_EQ(directory.path, long_name);
    EXPECT_EQ(reader.next().value().value().target, "usr/bin");
    EXPECT_FALSE(reader.next().value().has_value());
}

TEST(TarReader, RefusesDamagedAndCutArchives)
{
    auto damaged = tar_member('0', "a", "content");
    damaged[0] = 'b';
    EXPECT_FALSE(reader_of(damaged).next());
    auto cut = reader_of(tar_member('0', "a", "content").substr(0, 600));
    ASSERT_TRUE(cut.next());
    EXPECT_FALSE(cut.next());
    EXPECT_FALSE(reader_of(tar_member('x', "pax", "")).next());
}

class RootTreeTest : public testing::Test {
protected:
    WorkDirectory m_work = WorkDirectory::create(std::filesystem::temp_directory_path()).value();
    RootTree m_tree = RootTree::create(m_work.path() / "root").value();

    Result<void> unpack(const std::string& archive)
    {
        auto reader = reader_of(archive);
        while (auto entry = TRY(reader.next()))
            TRY(m_tree.add(*entry, reader));
        return {};
    }
};

TEST_F(RootTreeTest, NoLinkLeadsOutOfTheTree)
{
    auto outside = m_work.path() / "outside";
    std::filesystem::create_directory(outside);
    ASSERT_TRUE(unpack(tar_member('2', "up", "", "../outside") + tar_member('2', "absolute", "", outside.string())));
    EXPECT_FALSE(unpack(tar_member('0', "up/file", "x")));
    EXPECT_FALSE(unpack(tar_member('0', "absolute/file", "x")));
    EXPECT_FALSE(unpack(tar_member('0', "a/../../outside/file", "x")));
    EXPECT_TRUE(std::filesystem::is_empty(outside));
}

TEST_F(RootTreeTest, UnpacksThroughAMergedFolderAndKeepsItsLink)
{
    ASSERT_TRUE(m_tree.add_directory("usr/bin"));
    ASSERT_TRUE(m_tree.add_symlink("bin", "usr/bin"));
    ASSERT_TRUE(unpack(tar_member('5', "./bin/", "") + tar_member('0', "./bin/ls", "new", {}, "0002755")));
    EXPECT_EQ(read_file(m_tree.root() / "usr/bin/ls").value(), "new");
    EXPECT_EQ(m_tree.owners().at("usr/bin/ls").group, 052u);
    ASSERT_TRUE(m_tree.finish(1000));
    EXPECT_TRUE(std::filesystem::is_symlink(m_tree.root() / "bin"));
    EXPECT_NE(std::filesystem::status(m_tree.root() / "usr/bin/ls").permissions() & std::filesystem::perms::set_gid,
        std::filesystem::perms::none);
}

} // namespace
} // namespace zvisor::image
