#include "image/apt.h"
#include "image/disk.h"
#include "image/machine_runner.h"
#include "image/package_file.h"
#include "image/second_stage.h"

#include <gtest/gtest.h>

namespace zvisor::image {
namespace {

TEST(Apt, ReadsASimulation)
{
    auto plan = parse_simulation("Reading package lists...\n"
                                 "Inst libc6 (2.36-9+deb12u14 Debian:12.15/oldstable [s390x]) []\n"
                                 "Inst gcc (4:12.2.0-3 Debian:12.15/oldstable, Debian-Security:12/x [s390x])\n"
                                 "Conf libc6 (2.36-9+deb12u14 Debian:12.15/oldstable [s390x])\n");
    ASSERT_EQ(plan.size(), 2u);
    EXPECT_EQ(plan[0].file_name(), "libc6_2.36-9+deb12u14_s390x.deb");
    EXPECT_EQ(plan[1].file_name(), "gcc_4%3a12.2.0-3_s390x.deb");
}

TEST(Apt, ReadsRelationsAndWritesSources)
{
    EXPECT_EQ(parse_relations("libc6-dev (>= 2.4) | libc-dev, python3:any"),
        (std::vector<std::vector<std::string>> { { "libc6-dev", "libc-dev" }, { "python3" } }));
    EXPECT_NE(apt_sources("trixie", "http://m", "").find("trixie-security main"), std::string::npos);
    EXPECT_EQ(apt_sources("sid", "http://m", ""), "deb http://m sid main\n");
}

TEST(PackageControl, NamesFilesAsDpkgDoes)
{
    PackageControl control;
    control.fields = parse_paragraph(
        "Package: libc6\nArchitecture: s390x\nMulti-Arch: same\nReplaces: libc6-s390x, old (<< 2), x:any\nDescription: a\n b\n");
    EXPECT_EQ(control.info_name(), "libc6:s390x");
    EXPECT_TRUE(control.replaces("old"));
    EXPECT_TRUE(control.replaces("x"));
    EXPECT_FALSE(control.replaces("libc6"));
    EXPECT_EQ(control.field("Description"), "a\n b");
}

TEST(Disk, DescribesOnePartition)
{
    auto sector = partition_table(u64 { 4 } << 30, 0x11223344);
    EXPECT_EQ(sector[440], 0x44);
    EXPECT_EQ(sector[450], 0x83);
    EXPECT_EQ(sector[454] | sector[455] << 8, 2048);
    EXPECT_EQ(sector[458] | sector[459] << 8 | sector[460] << 16 | sector[461] << 24, (4 << 21) - 2048);
    EXPECT_EQ(sector[510] | sector[511] << 8, 0xAA55);
}

TEST(Disk, DerivesUuidsFromText)
{
    EXPECT_EQ(uuid_from("a"), uuid_from("a"));
    EXPECT_NE(uuid_from("a"), uuid_from("b"));
    EXPECT_EQ(uuid_from("a").size(), 36u);
    EXPECT_EQ(uuid_from("a")[14], '8');
}

TEST(MachineRunner, PutsPartsInPlaceAsSingleArguments)
{
    MachineStart start { "/k", "/i", "root=/dev/vda1 quiet", "/a b.img" };
    EXPECT_EQ(machine_command({ "m", "-append", "{cmdline}", "file={disk},x" }, start),
        (std::vector<std::string> { "m", "-append", "root=/dev/vda1 quiet", "file=/a b.img,x" }));
}

class Silent final : public Progress {
public:
    void stage(std::string_view) override { }
    void step(u64 done, u64, std::string_view what) override { m_last = std::to_string(done) + std::string(what); }
    std::string m_last;
};

TEST(SecondStageReport, CountsPackagesAndBelievesOnlyTheReport)
{
    Silent progress;
    SecondStageReport report(2, progress);
    report.take_line("Setting up libc6:s390x (2.36) ...");
    EXPECT_EQ(progress.m_last, "1libc6:s390x");
    EXPECT_NE(report.result().error().message.find("without a report"), std::string::npos);
    report.take_line("@zvisor@ done");
    EXPECT_TRUE(report.result());
}

TEST(SecondStageReport, NamesThePackageThatFailed)
{
    Silent progress;
    SecondStageReport report(2, progress);
    for (const char* line : { "dpkg: error processing package foo (--configure):", " installed foo script returned error exit status 1",
             "@zvisor@ reason dpkg --configure failed", "@zvisor@ failed" })
        report.take_line(line);
    auto message = report.result().error().message;
    EXPECT_NE(message.find("processing package foo (--configure): installed foo script returned"), std::string::npos) << message;
}

TEST(RootPassword, IsHashedWithAFreshSalt)
{
    auto first = hashed_root_password("secret").value();
    EXPECT_EQ(first.substr(0, 8), "root:$6$");
    EXPECT_NE(first, hashed_root_password("secret").value());
    EXPECT_EQ(first.find("secret"), std::string::npos);
}

} // namespace
} // namespace zvisor::image
