#include "prsm/event_log.h"

#include <gtest/gtest.h>
#include <thread>

namespace zvisor {
namespace {

using namespace std::chrono_literals;

TEST(EventLog, GivesEventsAfterANumber)
{
    EventLog log;
    log.add("A", "one");
    log.add("", "two");
    auto events = log.after(1, 0ms);
    ASSERT_EQ(events.size(), 1u);
    EXPECT_EQ(events[0].number, 2u);
    EXPECT_EQ(events[0].text, "two");
    EXPECT_TRUE(log.after(2, 1ms).empty());
}

TEST(EventLog, KeepsTheLastThousand)
{
    EventLog log;
    for (int i = 0; i < 1500; ++i)
        log.add("", "x");
    auto events = log.after(0, 0ms);
    EXPECT_EQ(events.size(), EventLog::kept);
    EXPECT_EQ(events.front().number, 501u);
}

TEST(EventLog, APartitionFloodsNeitherItNorTheEventsOfOthers)
{
    EventLog log;
    for (int i = 0; i < 5000; ++i)
        log.add_told("A", "flood");
    EXPECT_LT(log.after(0, 0ms).size(), 150u);
    log.add_told("B", "of another");
    log.add("A", "of the firmware");
    auto events = log.after(0, 0ms);
    EXPECT_EQ(events[events.size() - 2].text, "of another");
    EXPECT_EQ(events.back().text, "of the firmware");
    std::this_thread::sleep_for(1100ms);
    log.add_told("A", "later");
    events = log.after(events.back().number, 0ms);
    ASSERT_EQ(events.size(), 2u);
    EXPECT_TRUE(events[0].text.ends_with("events were left out: it caused too many"));
    EXPECT_EQ(events[1].text, "later");
}

} // namespace
} // namespace zvisor
