#include "isa/example.h"
#include "isa/text.h"

#include <fmt/format.h>
#include <gtest/gtest.h>
#include <set>

namespace zvisor::isa {
namespace {

class EachRow : public testing::TestWithParam<const Row*> { };

std::string name_of(const testing::TestParamInfo<const Row*>& info)
{
    return fmt::format("{}_{:X}", info.param->mnemonic, info.param->opcode);
}

INSTANTIATE_TEST_SUITE_P(Rows, EachRow, testing::ValuesIn(all_rows()), name_of);
GTEST_ALLOW_UNINSTANTIATED_PARAMETERIZED_TEST(EachRow);

TEST_P(EachRow, ExamplesHold)
{
    ExampleMachine machine;
    for (const char* example : GetParam()->examples) {
        if (!example)
            break;
        auto result = machine.check(*GetParam(), example);
        EXPECT_TRUE(result) << (result ? "" : result.error().message);
    }
}

TEST_P(EachRow, IsFoundByItsOpcode)
{
    EXPECT_EQ(find_row(opcode_bits(*GetParam())), GetParam()) << "another row has the same opcode";
}

TEST_P(EachRow, AssemblesWhatItPrints)
{
    const Row& row = *GetParam();
    std::string_view example = row.examples[0];
    auto bits = assemble(row, example.substr(0, example.find('|')), 0x1000);
    ASSERT_TRUE(bits) << bits.error().message;
    auto again = assemble(row, print_operands(row, *bits, 0x1000, false), 0x1000);
    ASSERT_TRUE(again) << again.error().message;
    EXPECT_EQ(*again, *bits);
    EXPECT_EQ(instruction_length(static_cast<u8>(*bits >> 56)), row.format->length);
}

TEST_P(EachRow, IsRefusedInProblemStateWhenPrivileged)
{
    const Row& row = *GetParam();
    Op op;
    const Row* found = nullptr;
    FacilitySet all;
    for (unsigned bit = 0; bit < FacilitySet::size; ++bit)
        all.set(static_cast<Facility>(bit));
    constexpr u8 mode = ExecutionMode::amode_64 | ExecutionMode::afp_registers | ExecutionMode::vector;
    decode(op, opcode_bits(row), 0x1000, mode | ExecutionMode::problem, all, found);
    EXPECT_EQ(op.run == row.run, !row.has(RowFlag::privileged));
    decode(op, opcode_bits(row), 0x1000, mode, all, found);
    EXPECT_EQ(op.run, row.run);
}

TEST_P(EachRow, IsAnOperationExceptionWithoutItsFacility)
{
    const Row& row = *GetParam();
    Op op;
    const Row* found = nullptr;
    decode(op, opcode_bits(row), 0x1000, ExecutionMode::amode_64, {}, found);
    ExampleMachine machine;
    try {
        op.run(machine.cpu(), &op);
        FAIL() << row.mnemonic << " ran";
    } catch (const ProgramInterruption& interruption) {
        EXPECT_EQ(interruption.code, ProgramCode::operation);
    }
}

} // namespace
} // namespace zvisor::isa
