#include "image/kernel_modules.h"

#include "base/big_endian.h"

#include <gtest/gtest.h>
#include <map>

namespace zvisor::image {
namespace {

template<class T>
void put(std::string& bytes, std::size_t at, T value)
{
    store_be(bytes.data() + at, value);
}

/// An ELF file with a .modinfo section: header, section names, information, three section headers.
std::string module_with(std::string information)
{
    const std::string names("\0.modinfo\0.names\0", 17);
    std::string bytes(64, '\0');
    bytes.replace(0, 6, "\177ELF\2\2");
    std::size_t names_at = bytes.size();
    bytes += names;
    std::size_t information_at = bytes.size();
    bytes += information;
    std::size_t headers_at = bytes.size();
    bytes.resize(headers_at + std::size_t { 3 } * 64);
    auto section = [&](std::size_t index, u32 name, u64 offset, u64 size) {
        put(bytes, headers_at + index * 64, name);
        put(bytes, headers_at + index * 64 + 24, offset);
        put(bytes, headers_at + index * 64 + 32, size);
    };
    section(1, 10, names_at, names.size());
    section(2, 1, information_at, information.size());
    put<u64>(bytes, 40, headers_at);
    put<u16>(bytes, 60, 3);
    put<u16>(bytes, 62, 1);
    return bytes;
}

std::string module_needing(const std::string& depends)
{
    return module_with("license=GPL" + std::string(1, '\0') + "depends=" + depends + '\0');
}

TEST(KernelModules, ReadsDependenciesFromModinfo)
{
    std::string information = "depends=jbd2,crc-16";
    information += '\0';
    information += "softdep=pre: crc32c post: zlib";
    information += '\0';
    EXPECT_EQ(dependencies_of_module("ext4", module_with(information)).value(), (std::vector<std::string> { "jbd2", "crc_16", "crc32c" }));
    EXPECT_TRUE(dependencies_of_module("crc16", module_needing("")).value().empty());
}

TEST(KernelModules, RefusesWhatIsNoModule)
{
    auto object = module_needing("a");
    EXPECT_FALSE(dependencies_of_module("x", "not an ELF file"));
    EXPECT_FALSE(dependencies_of_module("x", object.substr(0, object.size() - 64)));
    put<u64>(object, 40, ~u64 { 0 } - 8);
    EXPECT_FALSE(dependencies_of_module("x", object));
}

TEST(KernelModules, OrdersEachAfterWhatItNeedsAndOnce)
{
    const std::map<std::string, std::string> files { { "ext4", module_needing("jbd2,mbcache,crc16") },
        { "jbd2", module_needing("crc32c_builtin") }, { "mbcache", module_needing("") }, { "crc16", module_needing("ext4") },
        { "virtio_blk", module_needing("") } };
    auto find = [&](std::string_view name) -> Result<std::optional<std::string>> {
        auto found = files.find(std::string(name));
        return found == files.end() ? std::nullopt : std::optional(found->second);
    };
    constexpr std::string_view wanted[] = { "ext4", "virtio-blk", "jbd2" };
    std::vector<std::string> names;
    auto order = modules_in_load_order(wanted, find).value();
    for (const auto& module : order)
        names.push_back(module.name);
    EXPECT_EQ(names, (std::vector<std::string> { "jbd2", "mbcache", "crc16", "ext4", "virtio_blk" }));
}

} // namespace
} // namespace zvisor::image
