// Files a user names for an IPL: any bytes give a program that fits the storage, or one sentence.

#include "partition/ipl.h"
#include "base/verify.h"

#include <cstdlib>
#include <fstream>
#include <unistd.h>

using namespace zvisor;

extern "C" int LLVMFuzzerTestOneInput(const u8* data, std::size_t size)
{
    static const std::string path = "/tmp/zvisor-fuzz-ipl-" + std::to_string(getpid());
    static const bool removed_at_exit = std::atexit([] { unlink(path.c_str()); }) == 0;
    VERIFY(removed_at_exit);
    std::ofstream(path, std::ios::binary).write(reinterpret_cast<const char*>(data), static_cast<std::streamsize>(size));
    constexpr u64 storage = 1 << 20;
    auto program = read_ipl_program({ .kernel = path, .initrd = "", .command_line = "x" }, storage);
    if (!program) {
        VERIFY(program.error().message.find('\n') == std::string::npos);
        return 0;
    }
    for (const auto& part : program->parts)
        VERIFY(part.size() <= storage && part.address <= storage - part.size());
    return 0;
}
