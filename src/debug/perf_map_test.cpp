#include "debug/perf_map.h"

#include "engine/test_bench.h"

#include <filesystem>
#include <fstream>
#include <gmock/gmock.h>
#include <sys/stat.h>

namespace zvisor::debug {
namespace {

class PerfMapFile : public testing::Test {
protected:
    PerfMapFile()
    {
        std::string name = testing::TempDir() + "perf-map-XXXXXX";
        m_directory = mkdtemp(name.data());
        path = m_directory / "perf-1.map";
    }
    ~PerfMapFile() override { std::filesystem::remove_all(m_directory); }

    [[nodiscard]] Result<std::unique_ptr<PerfMap>> create()
    {
        return PerfMap::create(path, symbols, [](std::string_view) { });
    }
    [[nodiscard]] std::string text() const
    {
        std::ifstream file(path);
        return { std::istreambuf_iterator<char>(file), {} };
    }

    std::filesystem::path path;
    Symbols symbols { { { .address = TestBench::code_at, .size = 0x100, .name = "loop" } } };

private:
    std::filesystem::path m_directory;
};

TEST_F(PerfMapFile, NamesBlocksByGuestAddressAndSymbol)
{
    auto map = create();
    ASSERT_TRUE(map);
    TestBench bench({ .translations = map->get() });
    bench.put(TestBench::code_at, { "LR 2,3", "BRCTG 1,0x3000" });
    bench.cpu.gr[1] = 100;
    bench.run();
    EXPECT_THAT(text(), testing::ContainsRegex("^[0-9a-f]+ [0-9a-f]+ zvisor: ways in and out"));
    EXPECT_THAT(text(), testing::ContainsRegex("\n[0-9a-f]+ [0-9a-f]+ loop guest 0x3000\n"));
}

TEST_F(PerfMapFile, ReplacesOneOfThisUserAlone)
{
    std::ofstream(path) << "of an earlier process\n";
    chmod(path.c_str(), 0600);
    ASSERT_TRUE(create());
    EXPECT_EQ(text(), "");
}

TEST_F(PerfMapFile, LeavesAFileThatOthersCanWrite)
{
    std::ofstream(path) << "theirs\n";
    chmod(path.c_str(), 0666);
    auto map = create();
    ASSERT_FALSE(map);
    EXPECT_THAT(map.error().message, testing::HasSubstr("is not a file of this user's alone"));
    EXPECT_EQ(text(), "theirs\n");
}

TEST_F(PerfMapFile, FollowsNoLink)
{
    std::ofstream(path.string() + "-target") << "elsewhere\n";
    std::filesystem::create_symlink(path.string() + "-target", path);
    EXPECT_FALSE(create());
    EXPECT_EQ(text(), "elsewhere\n");
}

TEST_F(PerfMapFile, SaysWhereItCannotBeWritten)
{
    path = path.parent_path() / "missing" / "perf-1.map";
    auto map = create();
    ASSERT_FALSE(map);
    EXPECT_THAT(map.error().message, testing::HasSubstr("cannot write the map for perf to"));
}

} // namespace
} // namespace zvisor::debug
