#include "isa/crypto/core/openssl_memory.h"

#include <algorithm>
#include <cstddef>
#include <cstring>
#include <memory_resource>
#include <mutex>
#include <openssl/crypto.h>

namespace zvisor::isa::crypto {

namespace {

class Memory {
public:
    [[nodiscard]] void* allocate(std::size_t size)
    {
        std::lock_guard lock(m_mutex);
        void* all = m_pools.allocate(sizeof(Head) + size);
        return new (all) Head { size } + 1;
    }
    void free(void* bytes)
    {
        Head* head = head_of(bytes);
        std::lock_guard lock(m_mutex);
        m_pools.deallocate(head, sizeof(Head) + head->size);
    }
    [[nodiscard]] static std::size_t size_of(void* bytes) { return head_of(bytes)->size; }

private:
    /// What is freed is said without its size.
    struct alignas(std::max_align_t) Head {
        std::size_t size;
    };
    [[nodiscard]] static Head* head_of(void* bytes) { return static_cast<Head*>(bytes) - 1; }

    std::mutex m_mutex;
    std::pmr::unsynchronized_pool_resource m_pools;
};

/// OpenSSL hands its functions no context, and frees behind the destruction of what is static.
[[nodiscard]] Memory& memory()
{
    static Memory& memory = *new Memory;
    return memory;
}

void* allocate(std::size_t size, const char*, int)
{
    return memory().allocate(size);
}

void free(void* bytes, const char*, int)
{
    if (bytes)
        memory().free(bytes);
}

void* reallocate(void* bytes, std::size_t size, const char* file, int line)
{
    void* moved = allocate(size, file, line);
    if (bytes)
        std::memcpy(moved, bytes, std::min(size, Memory::size_of(bytes)));
    free(bytes, file, line);
    return moved;
}

} // namespace

bool keep_openssl_memory_apart()
{
    return CRYPTO_set_mem_functions(allocate, reallocate, free) == 1;
}

} // namespace zvisor::isa::crypto
