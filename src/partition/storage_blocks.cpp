#include "partition/storage_blocks.h"

#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <fmt/format.h>
#include <sys/mman.h>
#include <unistd.h>

namespace zvisor {

Result<UniqueFd> OwnStorageBlocks::obtain(u64 block)
{
    UniqueFd file(memfd_create("storage", MFD_CLOEXEC | MFD_ALLOW_SEALING));
    bool made = file.valid() && ftruncate(file.get(), static_cast<off_t>(m_block_size)) == 0
        && fcntl(file.get(), F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW) == 0;
    if (!made)
        return fail(fmt::format("cannot make storage block {} of {}M: {}", block, m_block_size >> 20, std::strerror(errno)));
    return file;
}

} // namespace zvisor
