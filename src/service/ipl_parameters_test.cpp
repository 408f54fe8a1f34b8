#include "service/ipl_parameters.h"

#include <gtest/gtest.h>

namespace zvisor {
namespace {

using Response = IplParameters::Response;

class IplParametersTest : public testing::Test {
protected:
    std::unique_ptr<AbsoluteStorage> storage = std::move(*AbsoluteStorage::create(1 << 20));
    IplParameters parameters;
};

TEST_F(IplParametersTest, StoresWhatWasSet)
{
    EXPECT_EQ(*parameters.store(*storage, 0x2000), Response::none_configured);
    parameters.establish({ .subchannel_set = 1, .device_number = 0x1234, .load_parameter = "2" });
    ASSERT_EQ(*parameters.store(*storage, 0x2000), Response::done);
    EXPECT_EQ(storage->read_as<IplParameterListHeader>(0x2000)->length, 200U);
    parameters.clear();
    ASSERT_EQ(*parameters.set(*storage, 0x2000), Response::done);
    EXPECT_EQ(parameters.device()->subchannel_set, 1);
    EXPECT_EQ(parameters.device()->device_number, 0x1234);
    EXPECT_EQ(parameters.device()->load_parameter, "2");
}

TEST_F(IplParametersTest, RefusesBadListsAndAddresses)
{
    parameters.establish({ .device_number = 7 });
    EXPECT_EQ(*parameters.set(*storage, 0x3000), Response::invalid) << "a page of zeros";
    EXPECT_EQ(parameters.device()->device_number, 7);
    EXPECT_EQ(parameters.set(*storage, 0x3008).error(), ProgramCode::specification);
    EXPECT_EQ(parameters.set(*storage, 1 << 20).error(), ProgramCode::addressing);
    EXPECT_EQ(parameters.store(*storage, 0x3008).error(), ProgramCode::specification);
    EXPECT_EQ(parameters.store(*storage, ~u64 { 0xfff }).error(), ProgramCode::addressing);
}

} // namespace
} // namespace zvisor
