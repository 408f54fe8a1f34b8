#include "engine/host_code.h"

#include <Zydis/Zydis.h>
#include <fmt/format.h>

namespace zvisor {

HostInstruction disassemble_host(std::span<const u8> code, u64 address)
{
    ZydisDisassembledInstruction found;
    if (!ZYAN_SUCCESS(ZydisDisassembleIntel(ZYDIS_MACHINE_MODE_LONG_64, address, code.data(), code.size(), &found)))
        return { 1, fmt::format("db {:#04x}", code[0]) };
    return { found.info.length, static_cast<const char*>(found.text) };
}

namespace {

/// Counts up to the instruction behind which `is_last(mnemonic)` holds, or to the end.
template<class Last>
[[nodiscard]] u64 count_instructions(std::span<const u8> code, Last is_last)
{
    ZydisDecoder decoder;
    ZydisDecoderInit(&decoder, ZYDIS_MACHINE_MODE_LONG_64, ZYDIS_STACK_WIDTH_64);
    u64 count = 0;
    while (!code.empty()) {
        ZydisDecodedInstruction found;
        bool known = ZYAN_SUCCESS(ZydisDecoderDecodeInstruction(&decoder, nullptr, code.data(), code.size(), &found));
        code = code.subspan(known ? found.length : 1);
        ++count;
        if (known && is_last(found.mnemonic))
            break;
    }
    return count;
}

} // namespace

u64 count_host_instructions(std::span<const u8> code)
{
    return count_instructions(code, [](ZydisMnemonic) { return false; });
}

u64 count_host_routine(std::span<const u8> code)
{
    return count_instructions(code, [](ZydisMnemonic mnemonic) { return mnemonic == ZYDIS_MNEMONIC_RET; });
}

} // namespace zvisor
