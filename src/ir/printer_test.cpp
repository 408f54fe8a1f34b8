#include "ir/printer.h"

#include "ir/builder.h"

#include <gmock/gmock.h>

namespace zvisor::ir {
namespace {

using testing::ElementsAre;

/// Records one instruction at 1000 and prints it.
class Printer : public testing::Test {
protected:
    template<class Semantics>
    std::vector<std::string> record(Semantics semantics, const Builder::Manner& manner = {})
    {
        m_builder.begin(manner);
        m_builder.begin_instruction(0x1000, 4);
        semantics(m_builder);
        EXPECT_TRUE(m_builder.end_instruction(false));
        if (!m_builder.finished())
            m_builder.finish(0x1004);
        return print(m_program);
    }

private:
    Program m_program;
    Builder m_builder { m_program };
};

TEST_F(Printer, WritesConstantsWhereTheyAreUsed)
{
    EXPECT_THAT(record([](Builder& c) { c.g(1, c.g(2) + 0x10U); }),
        ElementsAre("%1 = get r2", "%3 = add8 %1, 0x10", "exit 0x1004", "    after: r1=%3"));
}

TEST_F(Printer, WritesRegistersThatInstructionsPutIntoTheCpu)
{
    auto lines = record(
        [](Builder& c) {
            c.w(1, c.w(2) + 1U);
            c.f(3, c.f(4));
            c.g(5, c.g(5));
        },
        { .writes_through = true });
    EXPECT_THAT(
        lines, ElementsAre("%1 = get w2", "%3 = add4 %1, 0x1", "%4 = get f4", "%5 = get r5", "put w1, %3", "put f3, %4", "exit 0x1004"));
}

TEST_F(Printer, WritesWordsAndTheConditionCodeOfASnapshot)
{
    EXPECT_THAT(record([](Builder& c) {
        auto x = c.w(1);
        auto y = c.w(2);
        c.w(1, c.add_s(x, y));
    }),
        ElementsAre("%1 = get w1", "%2 = get w2", "%3 = add4 %1, %2", "exit 0x1004", "    after: w1=%3 cc=add_s4(%1, %2)"));
}

TEST_F(Printer, WritesAnAccessWithItsSpaceAndAccessRegister)
{
    EXPECT_THAT(record([](Builder& c) { c.w(1, c.load32({ c.g(5), 5 })); }),
        ElementsAre("%1 = get r5", "%2 = data", "%3 = load4 [%1] data a5", "exit 0x1004", "    after: w1=%3"));
}

TEST_F(Printer, WritesTheConditionOfABranch)
{
    auto lines = record([](Builder& c) { c.branch_if(c.cc_in(8), G { u64 { 0x2000 } }); });
    EXPECT_THAT(lines, ElementsAre("side_exit 0x2000, if cc in 1000", "exit 0x1004"));
}

TEST_F(Printer, WritesComparisonsOfValues)
{
    auto lines = record([](Builder& c) {
        auto x = c.w(1);
        auto y = c.w(2);
        c.branch_if(!c.lt_s(x, y), G { u64 { 0x2000 } });
    });
    EXPECT_THAT(lines, ElementsAre("%1 = get w1", "%2 = get w2", "side_exit 0x2000, if not %1 <s4 %2", "exit 0x1004"));
}

TEST_F(Printer, WritesVectorsByTheirOperationAndElementSize)
{
    auto lines = record([](Builder& c) {
        Vector x = c.v(1);
        Vector y = c.v(17);
        Vector sum = c.vector(VectorOperation::add, 4, x, y);
        c.v(3, c.vector(VectorOperation::align_15, 1, sum, y));
        c.g(2, c.element(sum, 2, 5));
    });
    EXPECT_THAT(lines,
        ElementsAre("%1 = get v1", "%2 = get v17", "%3 = vector_add4 %1, %2", "%4 = vector_align_15_1 %3, %2", "%5 = element2[5] %3",
            "exit 0x1004", "    after: r2=%5 v3=%4"));
}

} // namespace
} // namespace zvisor::ir
