#include "prsm/store.h"

#include <filesystem>
#include <fstream>
#include <gtest/gtest.h>
#include <unistd.h>

namespace zvisor {
namespace {

struct StoreTest : testing::Test {
    StoreTest()
        : path(testing::TempDir() + "/zvisor-store-" + std::to_string(getpid()) + "/machine.db")
    {
    }
    ~StoreTest() override { std::filesystem::remove_all(std::filesystem::path(path).parent_path()); }

    [[nodiscard]] std::unique_ptr<Store> open() const
    {
        auto store = Store::open(path);
        EXPECT_TRUE(store) << store.error().message;
        return std::move(*store);
    }
    std::string path;
};

TEST_F(StoreTest, ProcessesAreFoundByTheNextFirmware)
{
    ASSERT_TRUE(open()->set_process("LP1", StoredProcess { .pid = 17, .start_time = 4711 }));
    auto store = open();
    auto found = store->process("LP1");
    ASSERT_TRUE(found && *found);
    EXPECT_EQ((*found)->pid, 17);
    EXPECT_EQ((*found)->start_time, 4711u);
    EXPECT_FALSE(store->process("LP2").value());
    ASSERT_TRUE(store->set_process("LP1", {}));
    EXPECT_FALSE(store->process("LP1").value());
}

TEST_F(StoreTest, PropertiesAreThoseStoredLast)
{
    auto store = open();
    EXPECT_FALSE(store->property("LP1", "weight").value());
    ASSERT_TRUE(store->set_property("LP1", "weight", "300"));
    ASSERT_TRUE(store->set_property("LP1", "weight", "it's \"4\""));
    EXPECT_EQ(store->property("LP1", "weight").value(), "it's \"4\"");
    EXPECT_FALSE(store->property("LP2", "weight").value());
}

TEST_F(StoreTest, TheAuditLogGoesOn)
{
    ASSERT_TRUE(open()->log("LP1", "activated"));
    auto store = open();
    ASSERT_TRUE(store->log("", "stopped"));
    EXPECT_EQ(store->logged(), 2u);
}

TEST_F(StoreTest, AnotherFileIsRefusedByName)
{
    std::filesystem::create_directories(std::filesystem::path(path).parent_path());
    std::ofstream(path) << std::string(5000, 'x');
    auto store = Store::open(path);
    ASSERT_FALSE(store);
    EXPECT_NE(store.error().message.find(path), std::string::npos);
}

} // namespace
} // namespace zvisor
