// Instructions that need DAT, which examples of rows run without.

#include "isa/control/address_spaces_fixture.h"

namespace zvisor::isa {
namespace {

constexpr u64 space_switch_control = bit_mask<57>;
constexpr ProgramCode nothing {};

TEST_F(AddressSpaces, MvcosMovesFromTheSpaceItsControlNames)
{
    put(0x95000, 0x1122334455667788);
    c.gr[0] = 0x0000'0081; // operand 2: secondary space
    c.gr[1] = 0x3000;
    c.gr[2] = 0x5000;
    c.gr[3] = 8;
    EXPECT_EQ(run("MVCOS", "0(1),0(2),3").code, nothing);
    EXPECT_EQ(get(0x83000), 0x1122334455667788u);
    EXPECT_EQ(c.cc(), 0);
}

TEST_F(AddressSpaces, MvcosMovesAPageAtMostAndAcrossPages)
{
    for (u64 at = 0; at < 0x1800; at += 8)
        put(0x84800 + at, at + 1);
    c.gr[0] = 0x0081'0000; // operand 1: secondary space
    c.gr[1] = 0x3400;
    c.gr[2] = 0x4800;
    c.gr[3] = 0x1400;
    EXPECT_EQ(run("MVCOS", "0(1),0(2),3").code, nothing);
    EXPECT_EQ(c.cc(), 3);
    EXPECT_EQ(get(0x93400), 1u);
    EXPECT_EQ(get(0x943f8), 0xff9u);
    EXPECT_EQ(get(0x94400), 0u) << "no more than 4096 bytes";
}

TEST_F(AddressSpaces, MvcosStoresNothingWhenPartOfAnOperandIsMissing)
{
    put(0x85000, 0x1122334455667788);
    c.gr[0] = 0x0081'0000;
    c.gr[1] = 0xfffc;
    c.gr[2] = 0x5000;
    c.gr[3] = 8;
    auto interruption = run("MVCOS", "0(1),0(2),3");
    EXPECT_EQ(interruption.code, ProgramCode::page_translation);
    EXPECT_EQ(interruption.translation_exception, 0x10402u) << "address, store, secondary space";
    EXPECT_EQ(get(0x9fff8), 0u);
    c.gr[3] = 0;
    EXPECT_EQ(run("MVCOS", "0(1),0(2),3").code, nothing) << "without bytes there is no exception";
}

TEST_F(AddressSpaces, MvcosUsesTheKeyOfItsControl)
{
    c.storage().set_key(0x83000, { 0x30 });
    c.gr[0] = 0x4002'0000; // operand 1: key 4
    c.gr[1] = 0x3000;
    c.gr[2] = 0x5000;
    c.gr[3] = 8;
    EXPECT_EQ(run("MVCOS", "0(1),0(2),3").code, ProgramCode::protection);
    c.gr[0] = 0x3002'0000;
    EXPECT_EQ(run("MVCOS", "0(1),0(2),3").code, nothing);
    enter(AddressSpaceControl::primary, true);
    EXPECT_EQ(run("MVCOS", "0(1),0(2),3").code, ProgramCode::privileged_operation) << "the PSW-key mask does not permit key 3";
    c.cr[3] = 0x90000000;
    EXPECT_EQ(run("MVCOS", "0(1),0(2),3").code, nothing);
}

TEST_F(AddressSpaces, MvcpAndMvcsMoveBetweenPrimaryAndSecondary)
{
    put(0x95000, 0x1122334455667788);
    c.gr[1] = 0x3000;
    c.gr[2] = 0x5000;
    c.gr[4] = 4;
    EXPECT_EQ(run("MVCP", "0(4,1),0(2),3").code, nothing);
    EXPECT_EQ(get(0x83000), 0x1122334400000000u);
    put(0x85000, 0x99aabbccddeeff00);
    c.gr[4] = 0x101;
    EXPECT_EQ(run("MVCS", "0(4,1),0(2),3").code, nothing);
    EXPECT_EQ(c.cc(), 3);
    EXPECT_EQ(get(0x93000), 0x99aabbccddeeff00u);
    enter(AddressSpaceControl::home);
    EXPECT_EQ(run("MVCP", "0(4,1),0(2),3").code, ProgramCode::special_operation);
}

TEST_F(AddressSpaces, SetAddressSpaceControlSelectsWhereOperandsAre)
{
    put(0x85000, 1);
    put(0x95000, 2);
    put(0xa5000, 3);
    EXPECT_EQ(run("SACF", "256(0)").code, nothing);
    EXPECT_EQ(c.load64({ 0x5000 }), 2u);
    EXPECT_EQ(run("IAC", "7").code, nothing);
    EXPECT_EQ(c.cc(), 1);
    EXPECT_EQ(c.gr[7], 0x100u);
    EXPECT_EQ(run("SAC", "768(0)").code, nothing);
    EXPECT_EQ(c.load64({ 0x5000 }), 3u);
    EXPECT_EQ(run("SAC", "0(0)").code, nothing);
    EXPECT_EQ(c.load64({ 0x5000 }), 1u);
    EXPECT_EQ(run("SAC", "1024(0)").code, ProgramCode::specification);
    enter(AddressSpaceControl::primary, true);
    EXPECT_EQ(run("SAC", "768(0)").code, ProgramCode::privileged_operation);
}

TEST_F(AddressSpaces, EnteringHomeSpaceIsASpaceSwitchEventWhenAsked)
{
    c.cr[1] |= space_switch_control;
    c.cr[4] = 0x1234;
    c.control_registers_changed();
    auto interruption = run("SAC", "768(0)");
    EXPECT_EQ(interruption.code, ProgramCode::space_switch_event);
    EXPECT_EQ(interruption.translation_exception, 0x80001234u);
    EXPECT_EQ(c.psw_fields().space(), AddressSpaceControl::home) << "the instruction is complete";
}

TEST_F(AddressSpaces, TestProtectionSeesTranslationAndProtection)
{
    constexpr u64 protect = 0x200;
    c.gr[1] = 0x20000;
    EXPECT_EQ(run("TPROT", "0(1),0(0)").code, nothing);
    EXPECT_EQ(c.cc(), 3) << "page invalid";
    c.gr[1] = 0x5000;
    EXPECT_EQ(run("TPROT", "0(1),0(0)").code, nothing);
    EXPECT_EQ(c.cc(), 0);
    put(primary + 0x4000 + 5 * 8, 0x85000 | protect);
    EXPECT_EQ(run("TPROT", "0(1),0(0)").code, nothing);
    EXPECT_EQ(c.cc(), 1);
    c.storage().set_key(0x85000, { 0x38 });
    EXPECT_EQ(run("TPROT", "0(1),64(0)").code, nothing);
    EXPECT_EQ(c.cc(), 2);
    EXPECT_EQ(run("IVSK", "3,1").code, nothing);
    EXPECT_EQ(c.gr[3], 0x38u);
}

TEST_F(AddressSpaces, SettingAKeyIsNoticedByCachedTranslations)
{
    enter(AddressSpaceControl::primary);
    c.set_psw_mask(with_bits<8, 11>(c.psw_fields().mask, 4));
    c.storage().set_key(0x85000, { 0x40 });
    c.store64({ 0x5000 }, 1);
    c.gr[1] = 0x30;
    c.gr[2] = 0x85000;
    EXPECT_EQ(run("SSKE", "1,2").code, nothing);
    EXPECT_THROW(c.store64({ 0x5000 }, 2), ProgramInterruption);
    c.gr[1] = 0x40;
    EXPECT_EQ(run("SSKE", "1,2").code, nothing);
    c.store64({ 0x5000 }, 2);
    EXPECT_EQ(c.storage().key(0x85000).value, 0x46) << "changed again";
    EXPECT_EQ(run("RRBE", "0,2").code, nothing);
    EXPECT_EQ(c.cc(), 3);
    (void)c.load64({ 0x5000 });
    EXPECT_EQ(c.storage().key(0x85000).value, 0x46) << "referenced again";
}

TEST_F(AddressSpaces, InvalidatedPagesAreNotUsedAnyMore)
{
    (void)c.load64({ 0x5000 });
    c.gr[1] = primary + 0x4000;
    c.gr[2] = 0x5000;
    EXPECT_EQ(run("IPTE", "1,2").code, nothing);
    EXPECT_THROW((void)c.load64({ 0x5000 }), ProgramInterruption);
    EXPECT_EQ(get(primary + 0x4000 + 5 * 8), 0x85400u);
    (void)c.load64({ 0x6000 });
    c.gr[1] = primary;
    c.gr[2] = 0;
    c.gr[3] = 0;
    EXPECT_EQ(run("IDTE", "1,3,2").code, nothing);
    EXPECT_THROW((void)c.load64({ 0x6000 }), ProgramInterruption);
}

} // namespace
} // namespace zvisor::isa
