#include "image/options.h"

#include "image/host_files.h"

#include <gtest/gtest.h>

namespace zvisor::image {
namespace {

class OptionsTest : public testing::Test {
protected:
    WorkDirectory m_work = WorkDirectory::create(std::filesystem::temp_directory_path()).value();
    ImageOptions m_options = [this] {
        ImageOptions options;
        options.output = m_work.path() / "guest.img";
        return options;
    }();

    std::string refusal()
    {
        auto result = validate(m_options);
        return result ? "" : result.error().message;
    }
};

TEST(ParseSize, TakesUnitsAndWholeMebibytes)
{
    EXPECT_EQ(parse_size("4G").value(), u64 { 4 } << 30);
    EXPECT_EQ(parse_size("1536M").value(), u64 { 1536 } << 20);
    EXPECT_EQ(parse_size("2097152K").value(), u64 { 2 } << 30);
    EXPECT_EQ(parse_size("1073741824").value(), u64 { 1 } << 30);
    for (const char* bad : { "", "G", "4X", "-4G", "4 G", "63M", "2T", "99999999999999999999G", "18014398509481984K", "100000001" })
        EXPECT_FALSE(parse_size(bad)) << bad;
}

TEST(ParsePackages, TakesPolicyNamesOnly)
{
    EXPECT_EQ(parse_packages("gcc,g++,libc6.1-dev").value(), (std::vector<std::string> { "gcc", "g++", "libc6.1-dev" }));
    EXPECT_TRUE(parse_packages("").value().empty());
    for (const char* bad : { "gcc,", ",gcc", "Gcc", "a", "-y", "gcc make", "?essential", "gcc-", "../x", "gcc=1" })
        EXPECT_FALSE(parse_packages(bad)) << bad;
}

TEST_F(OptionsTest, DefaultsAreValid)
{
    EXPECT_EQ(refusal(), "");
}

TEST_F(OptionsTest, RefusesAPasswordThatNothingAsksFor)
{
    m_options.root_password = "secret";
    EXPECT_EQ(refusal(), "");
    m_options.flavour = Flavour::minimal;
    EXPECT_EQ(refusal(), "--root-password: the minimal root asks for no password; leave out --minimal");
}

TEST_F(OptionsTest, RefusesNamesThatAreNone)
{
    m_options.hostname = "-x";
    EXPECT_NE(refusal().find("--hostname -x"), std::string::npos);
    m_options.hostname = "guest";
    m_options.suite = "../etc";
    EXPECT_NE(refusal().find("--suite ../etc"), std::string::npos);
    m_options.suite = "bookworm";
    m_options.mirror = "ftp://x";
    EXPECT_NE(refusal().find("--mirror ftp://x"), std::string::npos);
}

TEST_F(OptionsTest, TakesOneWayToLogIn)
{
    m_options.root_password = "two\nlines";
    EXPECT_NE(refusal().find("one line"), std::string::npos);
    m_options.root_password = "secret";
    m_options.ssh_key = "ssh-ed25519 AAAA me";
    EXPECT_NE(refusal().find("expected one of them"), std::string::npos);
}

TEST_F(OptionsTest, ReplacesFilesOnlyWhenForced)
{
    ASSERT_TRUE(write_file(initrd_beside(m_options.output), "kept"));
    EXPECT_NE(refusal().find("guest.img.initrd exists; give --force"), std::string::npos);
    m_options.force = true;
    EXPECT_EQ(refusal(), "");
    std::filesystem::create_directory(m_options.output);
    EXPECT_NE(refusal().find("not a regular file"), std::string::npos);
}

TEST_F(OptionsTest, NamesAMissingFolder)
{
    m_options.output = m_work.path() / "none" / "guest.img";
    EXPECT_NE(refusal().find("there is no directory"), std::string::npos);
}

TEST_F(OptionsTest, ReadsThePublicKeyAndNeverThePrivateOne)
{
    auto file = m_work.path() / "key";
    ASSERT_TRUE(write_file(file, "# mine\nssh-ed25519 AAAAC3 me@here\n"));
    EXPECT_EQ(read_ssh_key(file).value(), "ssh-ed25519 AAAAC3 me@here");
    ASSERT_TRUE(write_file(file, "-----BEGIN OPENSSH PRIVATE KEY-----\n"));
    EXPECT_NE(read_ssh_key(file).error().message.find("private key"), std::string::npos);
}

} // namespace
} // namespace zvisor::image
