#pragma once

#include <cstddef>
#include <memory_resource>

namespace zvisor {

/// Memory of the host, zero, of which a page is taken when it is first used. Aligned to pages; the end of the process when there is none.
[[nodiscard]] void* take_host_pages(std::size_t bytes);
void give_host_pages(void* pages, std::size_t bytes);
/// Makes it zero again, as when it was taken.
void clear_host_pages(void* pages, std::size_t bytes);

/// A table of elements that are zeros at first and have no destructor.
template<class T>
class HostTable {
public:
    explicit HostTable(std::size_t count)
        : m_elements(static_cast<T*>(take_host_pages(count * sizeof(T))))
        , m_count(count)
    {
    }
    ~HostTable() { give_host_pages(m_elements, m_count * sizeof(T)); }
    HostTable(const HostTable&) = delete;
    HostTable& operator=(const HostTable&) = delete;

    [[nodiscard]] T& operator[](std::size_t index) const { return m_elements[index]; }
    void clear() { clear_host_pages(m_elements, m_count * sizeof(T)); }

private:
    T* m_elements;
    std::size_t m_count;
};

/// Pages of the host for a resource that cuts them up.
class HostPages final : public std::pmr::memory_resource {
private:
    void* do_allocate(std::size_t bytes, std::size_t alignment) override;
    void do_deallocate(void* pages, std::size_t bytes, std::size_t alignment) override;
    [[nodiscard]] bool do_is_equal(const memory_resource& other) const noexcept override { return this == &other; }
};

} // namespace zvisor
