#include "arch/model.h"

#include <algorithm>
#include <gtest/gtest.h>

namespace zvisor {
namespace {

FacilitySet with(std::initializer_list<Facility> facilities)
{
    FacilitySet set;
    for (Facility facility : facilities)
        set.set(facility);
    return set;
}

bool contains(const FacilitySet& larger, const FacilitySet& smaller)
{
    return (larger & smaller) == smaller;
}

TEST(Model, EachGenerationIsConsistentAndContainsTheOneBefore)
{
    FacilitySet previous;
    for (const Model& model : models()) {
        auto set = model.facilities();
        EXPECT_EQ(consistent(set), set) << model.name;
        EXPECT_TRUE(contains(set, previous)) << model.name;
        previous = set;
    }
}

TEST(Model, KnownMachines)
{
    auto z15 = find_model("z15");
    ASSERT_TRUE(z15);
    EXPECT_EQ(z15->machine_type, 0x8561);
    auto set = z15->facilities();
    for (unsigned bit :
        { 0U, 1U, 18U, 21U, 25U, 27U, 32U, 33U, 34U, 35U, 37U, 40U, 41U, 45U, 49U, 52U, 53U, 58U, 61U, 129U, 135U, 148U, 152U, 155U })
        EXPECT_TRUE(set.has_bit(bit)) << bit;
    for (unsigned bit : { 84U, 165U, 192U, 193U, 198U })
        EXPECT_FALSE(set.has_bit(bit)) << bit;
    auto z10 = find_model("z10")->facilities();
    for (unsigned bit : { 45U, 49U, 77U, 129U })
        EXPECT_FALSE(z10.has_bit(bit)) << bit;
}

TEST(Model, UnknownNameIsAnErrorThatListsTheModels)
{
    auto result = find_model("z99");
    ASSERT_FALSE(result);
    EXPECT_NE(result.error().message.find("'z99'"), std::string::npos);
    EXPECT_NE(result.error().message.find("z15, z16"), std::string::npos);
}

TEST(Model, PrerequisitesAreFollowedToTheEnd)
{
    auto set = with({ Facility::vector_enhancements_2, Facility::vector_enhancements_1, Facility::miscellaneous_instruction_extensions_3 });
    EXPECT_EQ(consistent(set), FacilitySet {});
    auto fine = with({ Facility::floating_point_support_enhancements, Facility::floating_point_extension, Facility::vector });
    EXPECT_EQ(consistent(fine), fine);
}

TEST(Model, OfferMasksAndNamesWhatIsNotImplemented)
{
    auto z15 = *find_model("z15");
    auto implemented = find_model("max")->facilities();
    EXPECT_TRUE(offer(z15, implemented).masked.empty());
    EXPECT_EQ(offer(z15, implemented).message(), "");

    implemented.set(Facility::vector, false);
    auto offered = offer(z15, implemented);
    EXPECT_FALSE(offered.facilities.has(Facility::vector_enhancements_1));
    EXPECT_TRUE(offered.facilities.has(Facility::distinct_operands));
    EXPECT_NE(std::find(offered.masked.begin(), offered.masked.end(), "vector packed decimal"), offered.masked.end());
    EXPECT_EQ(offered.message().find("CPU model z15 without "), 0U);
    EXPECT_EQ(offered.message().find('\n'), std::string::npos);
}

TEST(Model, EveryFacilityOfAModelHasAName)
{
    auto all = find_model("max")->facilities();
    for (unsigned bit = 0; bit < FacilitySet::size; ++bit) {
        auto facility = static_cast<Facility>(bit);
        if (all.has(facility)) {
            EXPECT_NE(facility_name(facility), "facility " + std::to_string(bit));
        }
    }
    EXPECT_EQ(facility_name(static_cast<Facility>(255)), "facility 255");
}

} // namespace
} // namespace zvisor
