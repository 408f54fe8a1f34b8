#include "debug/memory.h"

#include "cpu/cpu.h"

#include <algorithm>
#include <cstring>

namespace zvisor::debug {

namespace {

[[nodiscard]] std::optional<u64> through(const Cpu& cpu, Asce asce, u64 address)
{
    if (asce.real_space())
        return cpu.real_to_absolute(address);
    auto found = translate(cpu.storage(), asce, cpu.dat_features(), address);
    if (!found)
        return {};
    return found->large ? found->address : cpu.real_to_absolute(found->address);
}

/// The part of [address, address + size) in the page of `address`.
[[nodiscard]] std::size_t in_page(u64 address, std::size_t size)
{
    return std::min<std::size_t>(size, page_size - address % page_size);
}

} // namespace

std::optional<u64> absolute_address(const Cpu& cpu, u64 address)
{
    std::optional<u64> found;
    const Psw& psw = cpu.psw_fields();
    if (psw.dat()) {
        found = through(cpu, cpu.asce_of(psw.space()), address);
        if (!found)
            found = through(cpu, cpu.asce_of(AddressSpaceControl::home), address);
    }
    if (!found)
        found = cpu.real_to_absolute(address);
    if (!cpu.storage().contains(*found, 1))
        return {};
    return found;
}

std::size_t read_memory(const Cpu& cpu, u64 address, std::span<u8> to)
{
    std::size_t done = 0;
    while (done < to.size()) {
        auto absolute = absolute_address(cpu, address + done);
        std::size_t part = in_page(address + done, to.size() - done);
        if (!absolute || !cpu.storage().contains(*absolute, part))
            break;
        std::memcpy(to.data() + done, cpu.storage().host() + *absolute, part); // AbsoluteStorage::read sets reference bits
        done += part;
    }
    return done;
}

std::size_t write_memory(Cpu& cpu, u64 address, std::span<const u8> from)
{
    std::size_t done = 0;
    while (done < from.size()) {
        auto absolute = absolute_address(cpu, address + done);
        std::size_t part = in_page(address + done, from.size() - done);
        if (!absolute || !cpu.storage().write(*absolute, std::as_bytes(from.subspan(done, part))))
            break;
        done += part;
    }
    return done;
}

} // namespace zvisor::debug
