#pragma once

#include "arch/facility.h"
#include "cpu/cpu_types.h"
#include "program_maker.h"

#include <array>
#include <memory>
#include <optional>
#include <span>

namespace zvisor::engines {

/// Where things are in the absolute storage of a random case, all of one megabyte.
struct Layout {
    static constexpr u64 storage_bytes = 0x100000;
    static constexpr u64 waiting_psw = 0xf00;
    /// Program interruptions the handler still lets pass.
    static constexpr u64 patience = 0xf10;
    static constexpr u64 program_handler = 0x2000;
    static constexpr u64 svc_handler = 0x2080;
    static constexpr u64 code = 0x3000;
    static constexpr u64 code_pages = 3;
    /// A segment table and a page table for each of the primary, secondary and home spaces.
    static constexpr u64 segment_tables = 0x8000;
    static constexpr u64 page_tables = 0xb000;
    static constexpr u64 page_table_bytes = 0x800;
    static constexpr unsigned spaces = 3;
    static constexpr u64 tables_bytes = page_tables + spaces * page_table_bytes - segment_tables;
    static constexpr u64 data = 0x20000;
    static constexpr u64 data_pages = 8;
};

/// Bytes of absolute storage that are put in place before a part of a case.
struct Patch {
    u64 address { 0 };
    std::vector<u8> bytes;
};

/// One program to be run: what is changed before it, and the registers it begins with. What is not named stays.
struct Part {
    std::vector<Patch> patches;
    /// Other translation tables.
    std::optional<Patch> tables;
    std::vector<u8> program;
    /// The program is the one before, without the instructions that raised exceptions in it: what is left goes on for longer.
    bool mended { false };
    u64 program_at { 0 };
    u64 psw_mask { 0 };
    u64 psw_address { 0 };
    std::optional<std::array<u64, 16>> general;
};

/// Everything that follows from a seed: a CPU, its storage, and programs that are run one after the other, mostly at the same place.
struct Case {
    u64 seed { 0 };
    FacilitySet facilities;
    /// Executions by the interpreter before the translator translates.
    u8 patience { 0 };
    bool system { false };
    /// Program interruptions and the end of the program have handlers; otherwise any interruption ends it.
    bool handled { false };
    std::array<u64, 16> control {};
    std::array<u32, 16> access {};
    std::array<Vr, 32> vector {};
    u32 fpc { 0 };
    /// Storage keys by page.
    std::array<u8, Layout::storage_bytes / 0x1000> keys {};
    std::vector<Part> parts;
};

class CaseMaker {
public:
    CaseMaker();

    [[nodiscard]] Case make(u64 seed) const;

private:
    [[nodiscard]] Part first_part(Random& random, const Case& made) const;
    [[nodiscard]] Part next_part(Random& random, const Case& made) const;

    ProgramMaker m_programs;
    /// What goes on after an interruption.
    Patch m_handlers;
};

/// What the case is and its programs.
[[nodiscard]] std::string describe(const Case& made);

} // namespace zvisor::engines
