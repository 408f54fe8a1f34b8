#include "apps/zvisor/text_table.h"

#include <gtest/gtest.h>

namespace zvisor {

TEST(TextTable, ColumnsAreAsWideAsTheirWidestCell)
{
    TextTable table({ { "NAME" }, { "WEIGHT", true }, { "WHY" } });
    table.add({ "LP1", "100", "" });
    table.add({ "LINUX001", "5", "powered off" });
    EXPECT_EQ(table.text(),
        "NAME      WEIGHT  WHY\n"
        "LP1          100\n"
        "LINUX001       5  powered off\n");
}

TEST(TextTable, WithoutRowsThereIsTheHead)
{
    EXPECT_EQ(TextTable({ { "NAME" }, { "STATE" } }).text(), "NAME  STATE\n");
}

} // namespace zvisor
