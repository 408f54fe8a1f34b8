#include "engine/translator/code_memory.h"

#include <cstring>
#include <gtest/gtest.h>

namespace zvisor {
namespace {

constexpr std::size_t host_page = 4096;

TEST(CodeMemory, DiscardsWholePagesOfBothMappings)
{
    CodeMemory memory(CodeMemory::piece, host_page);
    std::memset(memory.writable(), 0xc3, 8 * host_page);
    memory.discard(host_page + 1, 5 * host_page - 1);
    const auto* executed = memory.executable<const u8*>(memory.writable());
    EXPECT_EQ(executed[2 * host_page - 1], 0xc3);
    EXPECT_EQ(executed[2 * host_page], 0);
    EXPECT_EQ(memory.writable()[4 * host_page - 1], 0);
    EXPECT_EQ(executed[4 * host_page], 0xc3);
}

} // namespace
} // namespace zvisor
