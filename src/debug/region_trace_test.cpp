#include "debug/region_trace.h"

#include "engine/test_bench.h"

#include <gmock/gmock.h>

namespace zvisor::debug {
namespace {

using testing::HasSubstr;

/// A loop at 3000 whose block, with the zeros behind it, is translated.
class Region : public testing::Test {
protected:
    std::string listing(u64 address, bool path = false)
    {
        RegionTrace trace(address, path, m_symbols);
        trace.on_found([this] { ++found; });
        TestBench bench({ .translations = &trace });
        bench.put(TestBench::code_at, { "AGR 2,3", "LG 4,0x200(0,2)", "BRCTG 1,0x3000" });
        bench.cpu.gr[1] = 200'000;
        bench.run();
        return trace.listing();
    }

    int found { 0 };

private:
    Symbols m_symbols { { { .address = TestBench::code_at, .size = 0x100, .name = "loop" } } };
};

TEST_F(Region, ShowsGuestInstructionsRecordedFormAndHostCode)
{
    auto text = listing(0x3000);
    EXPECT_THAT(text, HasSubstr("Block at 3000 <loop>: 4 instructions"));
    EXPECT_THAT(text, HasSubstr("0000000000003000  b9080023      agr %r2,%r3 <loop>\n"));
    EXPECT_THAT(text, testing::ContainsRegex("%[0-9]+ = add8 %[0-9]+, %[0-9]+ +[0-9a-f]+: (add|lea) "));
    EXPECT_THAT(text, HasSubstr("Away from the path:\n"));
    EXPECT_EQ(found, 1);
}

TEST_F(Region, ShowsTheBlockAnInstructionIsIn)
{
    EXPECT_THAT(listing(0x3004), HasSubstr("Block at 3000 <loop>"));
    EXPECT_EQ(found, 0);
}

TEST_F(Region, ShowsThePathThatABlockBecomes)
{
    EXPECT_THAT(listing(0x3000, true), HasSubstr("Path at 3000 <loop>: 3 instructions"));
    EXPECT_EQ(found, 1);
}

TEST_F(Region, IsEmptyWhereNothingIsTranslated)
{
    EXPECT_EQ(listing(0x4000), "");
    EXPECT_EQ(found, 0);
}

} // namespace
} // namespace zvisor::debug
