#pragma once

#include "arch/psw.h"
#include "base/result.h"
#include "base/unique_fd.h"
#include "storage/absolute_storage.h"

#include <memory>
#include <string>
#include <sys/stat.h>
#include <vector>

namespace zvisor {

/// An open file of the host, and what it was when it was read first.
struct IplFile {
    UniqueFd fd;
    struct stat status {};
};

/// Bytes that go to absolute storage.
struct IplPart {
    u64 address { 0 };
    /// The bytes, unless they are in a file: then they are read for each IPL, since here they would take memory all the time.
    std::vector<std::byte> bytes;
    /// For messages.
    std::string name;
    std::shared_ptr<const IplFile> file {};
    u64 offset { 0 };
    u64 bytes_in_file { 0 };

    [[nodiscard]] u64 size() const { return file ? bytes_in_file : bytes.size(); }
};

/// What an IPL from files of the host places in storage, and where it starts.
struct IplProgram {
    /// In this order: one may overwrite what another has placed.
    std::vector<IplPart> parts;
    Psw start;
    /// A kernel of Linux, with its parameter area.
    bool takes_parameters { false };
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

/// Copies the parts into storage. Files that have changed since they were read are refused.
[[nodiscard]] Result<void> place(const IplProgram& program, AbsoluteStorage& storage);

} // namespace zvisor
