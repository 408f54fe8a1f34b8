#pragma once

#include "control/door.h"
#include "control/machine_end.h"

#include "base/verify.h"

#include <cstdlib>
#include <filesystem>
#include <string>

namespace zvisor {

/// A folder that is gone afterwards.
class TestFolder {
public:
    TestFolder()
    {
        std::string name = std::filesystem::temp_directory_path() / "zvisor-control-XXXXXX";
        VERIFY(mkdtemp(name.data()) != nullptr);
        m_path = name;
    }
    ~TestFolder() { std::filesystem::remove_all(m_path); }
    TestFolder(const TestFolder&) = delete;
    TestFolder& operator=(const TestFolder&) = delete;

    [[nodiscard]] const std::filesystem::path& path() const { return m_path; }

private:
    std::filesystem::path m_path;
};

/// A machine whose partitions, LP1 and LP#2, cannot be activated: their process ends at once.
class TestMachine {
public:
    [[nodiscard]] Firmware& firmware() { return *m_firmware; }
    [[nodiscard]] MachineEnd& end() { return m_end; }
    [[nodiscard]] const std::filesystem::path& folder() const { return m_folder.path(); }
    /// A call that nobody waits for.
    [[nodiscard]] Call call()
    {
        return { .firmware = *m_firmware, .end = m_end, .abandoned = [] { return true; } };
    }
    [[nodiscard]] Reply ask(const HttpRequest& request)
    {
        auto work = call();
        return answer(work, request);
    }
    [[nodiscard]] Reply get(std::string target) { return ask({ .method = "GET", .target = std::move(target) }); }

private:
    [[nodiscard]] static MachineDefinition definition()
    {
        constexpr u64 mega = 1 << 20;
        MachineDefinition machine;
        machine.name = "TEST";
        machine.physical_cpus = 2;
        machine.storage = 4 * mega;
        machine.block_size = mega;
        for (const char* name : { "LP1", "LP#2" }) {
            auto& partition = machine.partitions.emplace_back();
            partition.name = name;
            partition.number = static_cast<u8>(machine.partitions.size());
            partition.memory = mega;
            partition.maximum_memory = 2 * mega;
            partition.block_size = mega;
        }
        return machine;
    }

    TestFolder m_folder;
    std::unique_ptr<Firmware> m_firmware {
        std::move(Firmware::create(definition(), { .folder = m_folder.path() / "machine", .program = "/bin/false" })).value()
    };
    MachineEnd m_end { *m_firmware };
};

} // namespace zvisor
