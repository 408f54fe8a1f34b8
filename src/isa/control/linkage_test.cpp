// Calls and returns between address spaces (PoP ch. 5, "Linkage").

#include "isa/control/address_spaces_fixture.h"

namespace zvisor::isa {
namespace {

constexpr ProgramCode nothing {};

/// ASN 1 is the primary space, ASN 2 the space with the secondary's tables. Program 0 of linkage index 0 is what a test puts there.
class Linkage : public AddressSpaces {
protected:
    static constexpr u64 first_table = 0x40000;
    static constexpr u64 aste_1 = 0x41040;
    static constexpr u64 aste_2 = 0x41080;
    static constexpr u64 authority = 0x42000;
    static constexpr u64 linkage_table = 0x43000;
    static constexpr u64 entry_table = 0x44000;
    static constexpr u64 duct = 0x45000;
    // The stack is in the home space, whose page 2 is at a2000: header, then free space and a trailer.
    static constexpr u64 stack_header = 0x2000;
    static constexpr u64 stack_at = 0xa2000;
    static constexpr u64 entry_size = 296;

    Linkage()
    {
        put32(first_table, 0x41000);
        make_aste(aste_1, primary, 0x1111);
        make_aste(aste_2, secondary, 0x2222);
        put32(linkage_table, entry_table | 1);
        c.cr[14] |= bit_mask<44> | first_table >> 12;
        c.cr[2] = duct;
        c.cr[3] = 0x80000001;
        c.cr[4] = 0x00010001;
        c.cr[5] = aste_1;
        c.control_registers_changed();
        make_stack(2 * entry_size);
    }

    void put32(u64 absolute, u32 value) { store_be<u32>(c.storage().host() + absolute, value); }
    [[nodiscard]] u32 get32(u64 absolute) const { return load_be<u32>(c.storage().host() + absolute); }

    void make_aste(u64 at, u64 asce, u32 instance)
    {
        put32(at, authority);
        put32(at + 4, 0x00030000);
        put(at + 8, asce);
        put32(at + 24, 0x80000000 | linkage_table);
        put32(at + 44, instance);
        // Index 1 has primary and secondary authority.
        c.storage().host()[authority] = 0x30;
    }
    void make_stack(u16 free_space)
    {
        put(stack_at, 0);
        put(stack_at + 8, 0x0900000000000000 | u64 { free_space } << 32);
        put(stack_at + 16 + free_space, 0);
        c.cr[15] = stack_header + 8;
    }
    void make_program(u64 address, u32 asn, u32 controls, bool extended = true)
    {
        put(entry_table, address | (extended ? 0 : 0x80000000));
        put32(entry_table + 8, 0x80000000 | asn);
        put32(entry_table + 12, 0x40000000);
        put32(entry_table + 16, controls | (extended ? 0x40000000 : 0));
        put32(entry_table + 20, asn == 2 ? aste_2 : 0);
        put(entry_table + 24, 0x1122334455667788);
    }
};

constexpr u32 stacking = 0x80000000;
constexpr u32 replaces_key = 0x10000000;

TEST_F(Linkage, ABasicCallLinksInRegisters)
{
    make_program(0x8000, 0, 0);
    EXPECT_EQ(run("PC", "0(0)").code, nothing);
    EXPECT_EQ(c.next, 0x8000u);
    EXPECT_EQ(c.gr[14], 0x1004u);
    EXPECT_EQ(c.gr[3], 0x80000001u) << "PSW-key mask and primary ASN";
    EXPECT_EQ(c.gr[4], 0x1122334455667788u);
    EXPECT_EQ(c.cr[3], 0xc0000001u) << "the entry key mask is added";
    EXPECT_EQ(c.cr[7], primary);
}

TEST_F(Linkage, AStackingCallAndItsReturnRestoreEverything)
{
    make_program(0x8001, 2, stacking | replaces_key | 0x00500000);
    for (u8 r = 0; r < 16; ++r)
        c.gr[r] = 0x1000u + r;
    c.ar[5] = 55;
    auto before = c.gr;
    EXPECT_EQ(run("PC", "0(0)").code, nothing);
    EXPECT_EQ(c.next, 0x8000u);
    EXPECT_TRUE(c.problem_state());
    EXPECT_EQ(c.psw_fields().key(), 5);
    EXPECT_EQ(c.cr[1], secondary) << "ASN 2 is primary now";
    EXPECT_EQ(c.cr[7], primary);
    EXPECT_EQ(c.cr[4], 0x00030002u);
    EXPECT_EQ(c.cr[5], aste_2);
    EXPECT_EQ(c.cr[15], stack_header + 8 + entry_size);
    EXPECT_EQ(get(stack_at + 16 + 144), 0x0002000080000000u) << "called space and PC number, from a 64-bit program";

    c.gr[0] = 6;
    EXPECT_EQ(run("ESTA", "6,0").code, ProgramCode::specification);
    c.gr[0] = 4;
    EXPECT_EQ(run("ESTA", "6,0").code, nothing);
    EXPECT_EQ(c.cc(), 1);
    EXPECT_EQ(c.gr[7], 0x1004u);
    c.gr[6] = 1;
    c.gr[7] = 2;
    EXPECT_EQ(run("MSTA", "6").code, nothing);
    EXPECT_EQ(get(stack_at + 16 + 152), 0x0000000100000002u);
    EXPECT_EQ(run("EREGG", "5,5").code, nothing);
    EXPECT_EQ(c.gr[5], 0x1005u);

    c.ar[5] = 0;
    c.gr[15] = 99;
    EXPECT_EQ(run("PR", "").code, nothing);
    EXPECT_EQ(c.next, 0x1004u);
    EXPECT_FALSE(c.problem_state());
    EXPECT_EQ(c.psw_fields().key(), 0);
    EXPECT_EQ(c.cr[1], primary);
    EXPECT_EQ(c.cr[3], 0x80000001u);
    EXPECT_EQ(c.cr[4], 0x00030001u) << "authorization index of the first space";
    EXPECT_EQ(c.cr[15], stack_header + 8);
    EXPECT_EQ(c.ar[5], 55u);
    for (u8 r = 2; r < 15; ++r)
        EXPECT_EQ(c.gr[r], before[r]) << "register " << unsigned { r };
    EXPECT_EQ(c.gr[15], 99u) << "not restored";
}

TEST_F(Linkage, BranchAndStackFillsTheStackAndReturns)
{
    c.gr[2] = 0x7000;
    EXPECT_EQ(run("BAKR", "0,2").code, nothing);
    EXPECT_EQ(c.next, 0x7000u);
    EXPECT_EQ(get(stack_at + 16 + 144), 0x7001u) << "branch address with its mode bit";
    EXPECT_EQ(run("BAKR", "0,0").code, nothing);
    EXPECT_EQ(run("BAKR", "0,0").code, ProgramCode::stack_full);
    EXPECT_EQ(run("PR", "").code, nothing);
    EXPECT_EQ(run("PR", "").code, nothing);
    EXPECT_EQ(c.next, 0x1004u);
    EXPECT_EQ(run("PR", "").code, ProgramCode::stack_empty);
}

TEST_F(Linkage, CallsAreRefusedWithoutLinkageOrAuthority)
{
    make_program(0x8000, 0, 0);
    put32(linkage_table + 4, 0x80000000);
    EXPECT_EQ(run("PC", "256(0)").code, ProgramCode::lx_translation);
    EXPECT_EQ(run("PC", "8(0)").code, ProgramCode::ex_translation);
    c.cr[3] = 0;
    enter(AddressSpaceControl::primary, true);
    EXPECT_EQ(run("PC", "0(0)").code, ProgramCode::privileged_operation);
    put32(aste_1 + 24, linkage_table);
    EXPECT_EQ(run("PC", "0(0)").code, ProgramCode::special_operation);
}

TEST_F(Linkage, SetSecondaryAndTransfer)
{
    c.gr[1] = 2;
    EXPECT_EQ(run("SSAR", "1").code, nothing);
    EXPECT_EQ(c.cr[7], secondary);
    EXPECT_EQ(run("ESAR", "5").code, nothing);
    EXPECT_EQ(c.gr[5], 2u);
    c.gr[1] = 0x80000002;
    c.gr[2] = 0x6001;
    EXPECT_EQ(run("PT", "1,2").code, nothing);
    EXPECT_EQ(c.next, 0x6000u);
    EXPECT_TRUE(c.problem_state());
    EXPECT_EQ(c.cr[1], secondary);
    EXPECT_EQ(c.cr[7], secondary);
    EXPECT_EQ(c.cr[3], 0x80000002u);
    EXPECT_EQ(c.cr[5], aste_2);
}

TEST_F(Linkage, AuthorityAndAsnTranslationAreChecked)
{
    c.storage().host()[authority] = 0;
    c.gr[1] = 2;
    EXPECT_EQ(run("SSAR", "1").code, ProgramCode::secondary_authority);
    put32(aste_2, 0x80000000);
    auto interruption = run("SSAR", "1");
    EXPECT_EQ(interruption.code, ProgramCode::asx_translation);
    EXPECT_EQ(interruption.translation_exception, 2u);
    put32(first_table, 0x80000000);
    EXPECT_EQ(run("SSAR", "1").code, ProgramCode::afx_translation);
    c.cr[14] &= ~bit_mask<44>;
    EXPECT_EQ(run("SSAR", "1").code, ProgramCode::special_operation);
}

TEST_F(Linkage, ASpaceSwitchEventComesAfterTheTransfer)
{
    put(aste_2 + 8, secondary | bit_mask<57>);
    put(0x1d0, mode_64);
    put(0x1d8, 0xbeef0);
    c.gr[1] = 0x80000002;
    c.gr[2] = 0x6000;
    EXPECT_EQ(run("PT", "1,2").code, nothing);
    EXPECT_EQ(c.next, 0xbeef0u);
    EXPECT_EQ(get(0x158), 0x6000u) << "the old PSW is that of the program transferred to";
    EXPECT_EQ(get32(0xac), 1u) << "the ASN before";
    EXPECT_EQ(get32(0x8c) & 0xffff, 0x1cu);
}

TEST_F(Linkage, BranchInSubspaceGroupGoesToTheLastSubspaceAndBack)
{
    constexpr u64 subspace_group = 0x200;
    put32(duct, aste_1);
    put32(duct + 4, aste_2);
    put32(duct + 12, 7);
    put(aste_1 + 8, primary | subspace_group);
    put(aste_2 + 8, secondary | subspace_group);
    put32(aste_2 + 20, 7);
    c.gr[2] = 0x6000;
    c.ar[2] = 1;
    EXPECT_EQ(run("BSG", "1,2").code, nothing);
    EXPECT_EQ(c.next, 0x6000u);
    EXPECT_EQ(c.gr[1], 0x1004u);
    EXPECT_EQ(c.cr[1], secondary | subspace_group);
    EXPECT_EQ(get32(duct + 4), 0x80000000 | aste_2);
    c.ar[2] = 0;
    EXPECT_EQ(run("BSG", "1,2").code, nothing);
    EXPECT_EQ(c.cr[1], primary | subspace_group);
    EXPECT_EQ(get32(duct + 4), aste_2);
}

TEST_F(Linkage, TestAccessTellsTheList)
{
    put32(duct + 16, 0x46000);
    put32(0x46000 + 32, 0x00070000);
    put32(0x46000 + 40, static_cast<u32>(aste_2));
    c.ar[5] = 0x00070002;
    EXPECT_EQ(run("TAR", "5,0").code, nothing);
    EXPECT_EQ(c.cc(), 1);
    put32(0x46000 + 32, 0x01070000 | 9);
    EXPECT_EQ(run("TAR", "5,0").code, nothing);
    EXPECT_EQ(c.cc(), 3) << "private, and index 0 has no authority";
    c.gr[6] = 0x00010000;
    EXPECT_EQ(run("TAR", "5,6").code, nothing);
    EXPECT_EQ(c.cc(), 1);
}

} // namespace
} // namespace zvisor::isa
