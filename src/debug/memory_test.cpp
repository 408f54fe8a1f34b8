#include "debug/memory.h"

#include "arch/control.h"
#include "debug/test_guest.h"

namespace zvisor::debug {
namespace {

class Blind final : public Observer {
public:
    bool before_instruction(Cpu&, u64, u64, const isa::Row*) override { return true; }
};

/// Maps virtual page 5 to real page 9 by a segment table at 10000 and a page table at 20000; every other segment is invalid.
void map_page(Cpu& cpu)
{
    constexpr u64 segment_table = 0x10000, page_table = 0x20000, invalid_segment = 0x20, invalid_page = 0x400;
    u8* host = cpu.storage().host();
    for (u64 i = 0; i < 2048; ++i)
        store_be<u64>(host + segment_table + 8 * i, invalid_segment);
    for (u64 i = 0; i < 256; ++i)
        store_be<u64>(host + page_table + 8 * i, invalid_page);
    store_be<u64>(host + segment_table, page_table);
    store_be<u64>(host + page_table + 8 * 5, 0x9000);
    cpu.cr[1] = segment_table | 3;
    cpu.cr[13] = segment_table | 3;
    cpu.control_registers_changed();
    cpu.load_psw({ Psw::extended_addressing_bit | Psw::basic_addressing_bit | Psw::dat_bit, 0x5000 });
}

TEST(DebugMemory, GoesThroughTheTablesAndElseToRealStorageWithoutATrace)
{
    Blind blind;
    TestGuest guest({}, blind);
    map_page(guest.cpu());
    store_be<u64>(guest.storage->host() + 0x9010, 0x1122334455667788);
    store_be<u64>(guest.storage->host() + 0x7010, 0x99);
    u8 key = guest.storage->key(0x9000).value;
    u8 bytes[8];
    EXPECT_EQ(read_memory(guest.cpu(), 0x5010, bytes), 8u);
    EXPECT_EQ(load_be<u64>(bytes), 0x1122334455667788u);
    EXPECT_EQ(guest.storage->key(0x9000).value, key);
    EXPECT_EQ(read_memory(guest.cpu(), 0x7010, bytes), 8u) << "not mapped: real";
    EXPECT_EQ(load_be<u64>(bytes), 0x99u);
    EXPECT_EQ(read_memory(guest.cpu(), u64 { 1 } << 40, bytes), 0u);
    store_be<u64>(bytes, 7);
    EXPECT_EQ(write_memory(guest.cpu(), 0x5010, bytes), 8u);
    EXPECT_EQ(load_be<u64>(guest.storage->host() + 0x9010), 7u);
}

TEST(DebugMemory, StopsAtTheEndOfStorage)
{
    Blind blind;
    TestGuest guest({}, blind);
    std::vector<u8> bytes(0x2000);
    EXPECT_EQ(read_memory(guest.cpu(), guest.storage->size() - 0x1000, bytes), 0x1000u);
}

} // namespace
} // namespace zvisor::debug
