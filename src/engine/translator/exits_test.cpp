#include "engine/translator/exits.h"

#include <gmock/gmock.h>

namespace zvisor {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;
using testing::UnorderedElementsAre;

struct NoCode final : CodeBlock {
    void retire() override { }
};

class ExitLists : public testing::Test {
protected:
    ExitLists()
    {
        for (u32 number = 0; number < 4; ++number)
            exits.add({ .number = number, .target = 0x1000 + number }, 0);
    }
    std::vector<u32> released(Exits::Incoming& list)
    {
        std::vector<u32> numbers;
        exits.release(list, [&](u32 number, const Exits::Exit&) { numbers.push_back(number); });
        return numbers;
    }

    Exits exits;
    NoCode first_block;
    NoCode second_block;
    Exits::Incoming one { first_block };
    Exits::Incoming two { second_block };
};

TEST_F(ExitLists, HoldAnExitOnceHoweverOftenItIsLinked)
{
    for (int i = 0; i < 3; ++i)
        exits.lead(2, one);
    EXPECT_EQ(exits.led_to(2), &first_block);
    EXPECT_THAT(released(one), ElementsAre(2));
    EXPECT_EQ(exits.led_to(2), nullptr);
    EXPECT_THAT(released(one), IsEmpty());
}

TEST_F(ExitLists, LoseAnExitToTheListItLeadsToNow)
{
    for (u32 number : { 0U, 1U, 2U, 3U })
        exits.lead(number, one);
    exits.lead(0, two);
    exits.lead(2, two);
    exits.lead(3, two);
    EXPECT_THAT(released(one), ElementsAre(1));
    EXPECT_THAT(released(two), UnorderedElementsAre(0, 2, 3));
}

TEST_F(ExitLists, TakeAnExitAgainAfterARelease)
{
    exits.lead(1, one);
    EXPECT_THAT(released(one), ElementsAre(1));
    exits.lead(1, one);
    EXPECT_THAT(released(one), ElementsAre(1));
}

TEST_F(ExitLists, AreEmptiedTogether)
{
    exits.lead(0, one);
    exits.lead(3, one);
    exits.lead(2, two);
    std::vector<u64> targets;
    exits.release_all([&](const Exits::Exit& exit) { targets.push_back(exit.code.target); });
    EXPECT_THAT(targets, UnorderedElementsAre(0x1000, 0x1002, 0x1003));
    EXPECT_EQ(exits.led_to(3), nullptr);
    EXPECT_THAT(released(one), IsEmpty());
    EXPECT_THAT(released(two), IsEmpty());
}

} // namespace
} // namespace zvisor
