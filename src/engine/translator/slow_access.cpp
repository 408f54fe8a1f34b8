#include "engine/translator/slow_access.h"

#include "base/result.h"

namespace zvisor {

namespace {

template<class T>
[[nodiscard]] bool is_in_one_page(u64 at)
{
    return at % page_size <= page_size - sizeof(T);
}

template<class T>
SlowResult load_data(Cpu& cpu, u64 at, u8 base, u64, u64)
{
    if (is_in_one_page<T>(at))
        return load_shared<T>(TRY(cpu.find_view({ at, base }, sizeof(T), Access::fetch)));
    return cpu.load<T>({ at, base });
}

template<class T>
SlowResult store_data(Cpu& cpu, u64 at, u8 base, u64 value, u64)
{
    if (is_in_one_page<T>(at)) {
        u8* host = TRY(cpu.find_view({ at, base }, sizeof(T), Access::store));
        store_shared<T>(host, static_cast<T>(value));
        cpu.stored(host, sizeof(T));
    } else {
        cpu.store<T>({ at, base }, static_cast<T>(value));
    }
    return 0;
}

template<class T>
SlowResult load_code(Cpu& cpu, u64 at, u8, u64, u64)
{
    if (&cpu.data_space() == &cpu.code_space())
        return load_data<T>(cpu, at, Address {}.base, 0, 0);
    return load_shared<T>(TRY(cpu.find_view_in(cpu.code_space(), at, Access::fetch, 0)));
}

template<class T>
SlowResult store_code(Cpu& cpu, u64 at, u8, u64 value, u64)
{
    if (&cpu.data_space() == &cpu.code_space())
        return store_data<T>(cpu, at, Address {}.base, value, 0);
    u8* host = TRY(cpu.find_view_in(cpu.code_space(), at, Access::store, 0));
    store_shared<T>(host, static_cast<T>(value));
    cpu.stored(host, sizeof(T));
    return 0;
}

template<class T, StorageUpdate update>
SlowResult update_data(Cpu& cpu, u64 at, u8 base, u64 operand, u64)
{
    return cpu.fetch_update<T>(update, { at, base }, static_cast<T>(operand));
}

template<class T>
SlowResult swap_data(Cpu& cpu, u64 at, u8 base, u64 replacement, u64 expected)
{
    return cpu.swap_if_equal<T>({ at, base }, static_cast<T>(expected), static_cast<T>(replacement));
}

template<StorageUpdate update>
constexpr SlowAccess* updates[] { &update_data<u8, update>, nullptr, &update_data<u32, update>, &update_data<u64, update> };

} // namespace

SlowAccess* slow_load(bool in_code, std::size_t size)
{
    static constexpr SlowAccess* all[2][4] { { &load_data<u8>, &load_data<u16>, &load_data<u32>, &load_data<u64> },
        { &load_code<u8>, &load_code<u16>, &load_code<u32>, &load_code<u64> } };
    return all[in_code][size];
}

SlowAccess* slow_store(bool in_code, std::size_t size)
{
    static constexpr SlowAccess* all[2][4] { { &store_data<u8>, &store_data<u16>, &store_data<u32>, &store_data<u64> },
        { &store_code<u8>, &store_code<u16>, &store_code<u32>, &store_code<u64> } };
    return all[in_code][size];
}

SlowAccess* slow_update(StorageUpdate update, std::size_t size)
{
    switch (update) {
    case StorageUpdate::add:
        return updates<StorageUpdate::add>[size];
    case StorageUpdate::bit_and:
        return updates<StorageUpdate::bit_and>[size];
    case StorageUpdate::bit_or:
        return updates<StorageUpdate::bit_or>[size];
    case StorageUpdate::bit_xor:
        return updates<StorageUpdate::bit_xor>[size];
    }
    return nullptr;
}

SlowAccess* slow_swap(std::size_t size)
{
    return size == 3 ? &swap_data<u64> : &swap_data<u32>;
}

} // namespace zvisor
