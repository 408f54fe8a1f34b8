#pragma once

#include "base/result.h"
#include "base/types.h"

#include <span>
#include <string_view>

namespace zvisor {

/// Whether this is a build with the address or the thread sanitizer.
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
constexpr bool sanitized = true;
#elif defined(__has_feature)
constexpr bool sanitized = __has_feature(address_sanitizer) || __has_feature(thread_sanitizer);
#else
constexpr bool sanitized = false;
#endif
/// The sanitizers map terabytes for themselves: a process with one has no limit of its address space.
constexpr bool limits_address_space = !sanitized;

/// Takes from this process what a partition has no need of, for good: an empty read-only file system as root, no user, no capability, no
/// new privileges, limits on memory and descriptors. Called while it has one thread and before anything of a guest is looked at.
/// `address_space` is the most memory it may map, in bytes. Parts the host does not allow are named in `missing`.
[[nodiscard]] Result<void> lock_in(u64 address_space, std::string& missing);

/// From here on all threads may only make the system calls a running partition makes; others fail with EPERM.
/// abort() ends the process with SIGSYS.
[[nodiscard]] Result<void> allow_only_running();

/// For a process that is no partition's but has to do with what one sends: from here on it can make no process, look into none, signal
/// none, and change no file; those system calls fail with EPERM.
[[nodiscard]] Result<void> forbid_reaching_others();

/// Names of the system calls that stay allowed.
[[nodiscard]] std::span<const std::string_view> running_system_calls();

} // namespace zvisor
