#pragma once

#include "base/result.h"
#include "image/interrupt.h"
#include "image/machine_runner.h"
#include "image/options.h"
#include "image/progress.h"

#include <string>

namespace zvisor::image {

/// Makes a bootable disk from Debian's packages, and its kernel and initrd beside it: `options.output`, with `.kernel` and `.initrd`
/// appended.
///
/// The first stage unpacks the packages and makes the file system on the host, without privilege and without touching anything of the
/// host but the cache and the output; the second boots the disk on `machine` and lets the packages configure themselves there.
/// On failure or interruption none of the three files appears or changes. Gives the kernel command line to boot with.
Result<std::string> make_debian_image(const ImageOptions&, MachineRunner& machine, const Interrupt&, Progress&);

} // namespace zvisor::image
