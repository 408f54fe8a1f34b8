#pragma once

#include "arch/psw.h"
#include "base/result.h"
#include "storage/absolute_storage.h"

#include <string>
#include <vector>

namespace zvisor {

/// Bytes of a host file that go to absolute storage.
struct IplPart {
    u64 address { 0 };
    std::vector<std::byte> bytes;
    /// For messages.
    std::string name;
};

/// What an IPL from files of the host places in storage, and where it starts.
struct IplProgram {
    std::vector<IplPart> parts;
    Psw start;
};

/// What the user named for an IPL.
struct IplFiles {
    std::string kernel;
    std::string initrd;
    std::string command_line;
};

/// Reads the files into a program for `storage_size` bytes of storage. `kernel` is a Linux image, an s390x ELF file, a raw
/// image that begins with its IPL PSW, or an .ins file that lists images and addresses.
[[nodiscard]] Result<IplProgram> read_ipl_program(const IplFiles& files, u64 storage_size);

/// Copies the parts into storage.
[[nodiscard]] Result<void> place(const IplProgram& program, AbsoluteStorage& storage);

} // namespace zvisor
