#include "prsm/error_output.h"

#include <gtest/gtest.h>
#include <unistd.h>
#include <vector>

namespace zvisor {
namespace {

struct ErrorOutputTest : testing::Test {
    void write(std::string_view text) { ASSERT_EQ(::write(end.get(), text.data(), text.size()), static_cast<ssize_t>(text.size())); }
    std::function<void(std::string_view)> take()
    {
        return [this](std::string_view line) { lines.emplace_back(line); };
    }

    ErrorOutput output;
    UniqueFd end { std::move(output.open()).value() };
    std::vector<std::string> lines;
};

TEST_F(ErrorOutputTest, ComesInLinesThatArePrintable)
{
    write("one\n\ntwo \x1b[31m\nthr");
    output.read(take());
    write("ee\n");
    output.read(take());
    EXPECT_EQ(lines, (std::vector<std::string> { "one", "two ?[31m", "three" }));
}

TEST_F(ErrorOutputTest, LongLinesAreCut)
{
    write(std::string(450, 'x') + "\n");
    output.read(take());
    ASSERT_EQ(lines.size(), 3u);
    EXPECT_EQ(lines[0].size(), ErrorOutput::longest_line);
    EXPECT_EQ(lines[2].size(), 50u);
}

TEST_F(ErrorOutputTest, AnIncompleteLineIsOneAtTheEnd)
{
    write("last words");
    output.read(take());
    EXPECT_TRUE(lines.empty());
    end.reset();
    output.finish(take());
    EXPECT_EQ(lines, (std::vector<std::string> { "last words" }));
    EXPECT_EQ(output.fd(), -1);
}

TEST_F(ErrorOutputTest, DoesNotWaitForWhatNeverComes)
{
    output.read(take());
    EXPECT_TRUE(lines.empty());
    EXPECT_NE(output.fd(), -1);
}

} // namespace
} // namespace zvisor
