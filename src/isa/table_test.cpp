#include "isa/example.h"
#include "isa/text.h"

#include <gtest/gtest.h>

namespace zvisor::isa {
namespace {

/// What holds for every row, a test a group: the failing row is named in the trace.
class EachGroup : public testing::TestWithParam<NamedGroup> {
protected:
    template<class Check>
    void for_each_row(Check check)
    {
        for (const Row& row : GetParam().group->rows) {
            SCOPED_TRACE(row.mnemonic);
            check(row);
        }
    }
};

INSTANTIATE_TEST_SUITE_P(Rows, EachGroup, testing::ValuesIn(all_groups()), [](const auto& param) { return std::string(param.param.name); });

constexpr u8 every_register = ExecutionMode::amode_64 | ExecutionMode::afp_registers | ExecutionMode::vector;

FacilitySet every_facility()
{
    FacilitySet all;
    for (unsigned bit = 0; bit < FacilitySet::size; ++bit)
        all.set(static_cast<Facility>(bit));
    return all;
}

Op decoded(u64 bits, u8 mode, const FacilitySet& facilities)
{
    Op op;
    const Row* row = nullptr;
    decode(op, bits, 0x1000, mode, facilities, row);
    return op;
}

TEST_P(EachGroup, ExamplesHold)
{
    ExampleMachine machine;
    for_each_row([&](const Row& row) {
        for (const char* example : row.examples) {
            if (!example)
                break;
            auto result = machine.check(row, example);
            EXPECT_TRUE(result) << (result ? "" : result.error().message);
        }
    });
}

TEST_P(EachGroup, IsFoundByItsOpcode)
{
    for_each_row([](const Row& row) { EXPECT_EQ(find_row(opcode_bits(row)), &row) << "another row has the same opcode"; });
}

TEST_P(EachGroup, AssemblesWhatItPrints)
{
    for_each_row([](const Row& row) {
        std::string_view example = row.examples[0];
        auto bits = assemble(row, example.substr(0, example.find('|')), 0x1000);
        ASSERT_TRUE(bits) << bits.error().message;
        auto again = assemble(row, print_operands(row, *bits, 0x1000, false), 0x1000);
        ASSERT_TRUE(again) << again.error().message;
        EXPECT_EQ(*again, *bits);
        EXPECT_EQ(instruction_length(static_cast<u8>(*bits >> 56)), row.format->length);
    });
}

TEST_P(EachGroup, IsRefusedInProblemStateWhenPrivileged)
{
    for_each_row([](const Row& row) {
        u64 bits = opcode_bits(row);
        EXPECT_EQ(decoded(bits, every_register | ExecutionMode::problem, every_facility()).run == row.run, !row.has(RowFlag::privileged));
        EXPECT_EQ(decoded(bits, every_register, every_facility()).run, row.run);
    });
}

TEST_P(EachGroup, IsAnOperationExceptionWithoutItsFacility)
{
    ExampleMachine machine;
    for_each_row([&](const Row& row) {
        Op op = decoded(opcode_bits(row), every_register, {});
        try {
            op.run(machine.cpu(), &op);
            FAIL() << "it ran";
        } catch (const ProgramInterruption& interruption) {
            EXPECT_EQ(interruption.code, ProgramCode::operation);
        }
    });
}

TEST_P(EachGroup, RefusesAnOddRegisterOfAPair)
{
    ExampleMachine machine;
    for_each_row([&](const Row& row) {
        for (const OperandInfo& operand : row.format->operands) {
            bool extended = operand.kind == OperandKind::fr_pair;
            if (operand.kind != OperandKind::gr_pair && !extended)
                continue;
            u64 wrong = extended ? 2 : 1;
            Op op = decoded(opcode_bits(row) | wrong << (60 - operand.at), every_register, every_facility());
            try {
                op.run(machine.cpu(), &op);
                FAIL() << "it ran";
            } catch (const ProgramInterruption& interruption) {
                EXPECT_EQ(interruption.code, ProgramCode::specification);
            }
        }
    });
}

} // namespace
} // namespace zvisor::isa
