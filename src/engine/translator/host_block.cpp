#include "engine/translator/host_block.h"

#include "engine/translator/serialize_host.h"

namespace zvisor {

void HostBlock::retire()
{
    *is_left = 1;
    if (CodePosition& position = all.runtime.position(address); position.block == this)
        position = {};
    if (all.statistics)
        all.statistics->dropped();
    for (const auto& [number, exit] : counted)
        all.growing.erase(number);
    bool was_led_to = false;
    all.exits.release(incoming, [&](u32, const Exits::Exit& exit) {
        all.runtime.unlink(exit.code);
        was_led_to = true;
    });
    if (was_led_to)
        serialize_host();
}

} // namespace zvisor
