#pragma once

#include "base/result.h"
#include "isa/table.h"

#include <functional>
#include <memory>
#include <string_view>

namespace zvisor::isa {

/// Runs the examples that stand in instruction rows: "operands | state before -> state after".
///
/// State items are rN fN vN aN cN (hex), mADDRESS=bytes, cc= pm= fpc= key= amode= problem=, and after the arrow also
/// pgm= (program-interruption code) and ia= (next instruction). The instruction stands at 1000; storage is 1 MiB, DAT is
/// off, the CPU is in supervisor state and 64-bit mode with every facility. What is not mentioned must stay as it was.
class ExampleMachine {
public:
    /// Executes the instruction at Cpu::next; program interruptions come out as exceptions.
    using Execute = std::function<void(Cpu&)>;

    /// `engine` makes the engine under test and the way to execute one instruction with it.
    ExampleMachine();
    ~ExampleMachine();

    /// Empty when the example holds, else what differs, with the example's text.
    [[nodiscard]] Result<void> check(const Row& row, std::string_view example);

    [[nodiscard]] Cpu& cpu();

private:
    struct Parts;
    std::unique_ptr<Parts> m_parts;
};

} // namespace zvisor::isa
