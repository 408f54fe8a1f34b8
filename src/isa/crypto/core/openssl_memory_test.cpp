#include "isa/crypto/core/openssl_memory.h"

#include <cstdlib>
#include <gtest/gtest.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>

namespace zvisor::isa::crypto {
namespace {

/// What OpenSSL does with memory it was given, then something of its own.
[[nodiscard]] bool uses_memory()
{
    auto* bytes = static_cast<unsigned char*>(OPENSSL_realloc(nullptr, 3));
    bytes[0] = 1, bytes[2] = 3;
    bytes = static_cast<unsigned char*>(OPENSSL_realloc(bytes, 100'000));
    bytes[99'999] = 9;
    bytes = static_cast<unsigned char*>(OPENSSL_realloc(bytes, 2));
    bool kept = bytes[0] == 1;
    OPENSSL_free(bytes);
    OPENSSL_free(nullptr);
    unsigned char digest[EVP_MAX_MD_SIZE];
    unsigned length = 0;
    return kept && EVP_Digest("abc", 3, digest, &length, EVP_sha256(), nullptr) == 1 && length == 32 && digest[0] == 0xba;
}

TEST(OpensslMemory, IsOpensslsOwn)
{
    // In a process in which nothing was allocated yet.
    GTEST_FLAG_SET(death_test_style, "threadsafe");
    auto test = [] { std::exit(keep_openssl_memory_apart() && uses_memory() ? 0 : 1); };
    EXPECT_EXIT(test(), testing::ExitedWithCode(0), "");
}

} // namespace
} // namespace zvisor::isa::crypto
