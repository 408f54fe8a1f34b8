#pragma once

namespace zvisor::isa::crypto {

/// OpenSSL allocates from pools of its own from now on, until the process ends. It keeps thousands of small things from its first use on,
/// and among a CPU's blocks and paths each would keep a page of the host when those are gone. False when
/// OpenSSL has allocated something already: then all stays as it is.
bool keep_openssl_memory_apart();

} // namespace zvisor::isa::crypto
