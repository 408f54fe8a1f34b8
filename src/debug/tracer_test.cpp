#include "debug/tracer.h"

#include "arch/lowcore.h"
#include "debug/test_guest.h"

#include <gmock/gmock.h>

namespace zvisor::debug {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::MatchesRegex;

TEST(TraceOptions, NamesWhatItDoesNotKnow)
{
    auto options = TraceOptions::parse("instructions:1000-2000,interruptions,service");
    ASSERT_TRUE(options);
    EXPECT_TRUE(options->instructions && options->interruptions && options->service && !options->channel);
    EXPECT_EQ(options->from, 0x1000);
    EXPECT_EQ(options->to, 0x2000);
    for (auto wrong : { "", "instruction", "channel:1-2", "instructions:5", "instructions:20-10", "channel,," })
        EXPECT_FALSE(TraceOptions::parse(wrong)) << wrong;
    EXPECT_THAT(TraceOptions::parse("tea").error().message, HasSubstr("'tea'"));
}

/// The lines of a run of the program, which ends with SVC.
[[nodiscard]] std::vector<std::string> trace(std::string_view what, std::initializer_list<std::string_view> program)
{
    std::vector<std::string> lines;
    Symbols symbols({ { TestGuest::start, 0, "begin" } });
    Tracer tracer(*TraceOptions::parse(what), symbols, [&](std::string_view line) { lines.emplace_back(line); });
    TestGuest guest(program, tracer);
    store_be<u64>(guest.storage->host() + lowcore::svc_new_psw, Psw::wait_bit);
    guest.group.start();
    while (guest.cpu().state() != RunState::disabled_wait)
        std::this_thread::yield();
    guest.group.finish();
    return lines;
}

TEST(Tracer, WritesInstructionsWithTheRegistersTheyChange)
{
    auto lines = trace("instructions:1004-2000", { "LGHI 1,5", "AGHI 1,-4", "SVC 7" });
    EXPECT_THAT(lines,
        ElementsAre(MatchesRegex("0 0000000000001004 a71bfffc +aghi %r1,-4 +<begin.0x4> r1=1 cc=2"),
            MatchesRegex("0 0000000000001008 0a07 +svc 7 +<begin.0x8> cc=0 psw=0002000000000000")));
}

TEST(Tracer, WritesInterruptionsWithTheirCode)
{
    auto lines = trace("interruptions", { "LGHI 1,5", "SVC 7" });
    EXPECT_THAT(lines,
        ElementsAre("0 interruption supervisor call code 0007 old 0000000180000000 0000000000001006 <begin+0x6> new 0002000000000000 "
                    "0000000000000000"));
}

TEST(Tracer, WritesLinesOfOtherParts)
{
    std::vector<std::string> lines;
    Symbols none;
    Tracer tracer({}, none, [&](std::string_view line) { lines.emplace_back(line); });
    tracer.line("channel", "0.0.0001 READ");
    EXPECT_THAT(lines, ElementsAre("channel 0.0.0001 READ"));
}

} // namespace
} // namespace zvisor::debug
