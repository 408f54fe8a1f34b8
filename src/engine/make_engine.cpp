#include "engine/make_engine.h"

#include "engine/interpreter/interpreter.h"
#if defined(__x86_64__)
#include "engine/lockstep/lockstep.h"
#include "engine/translator/translator.h"
#endif

namespace zvisor {

std::unique_ptr<Engine> make_engine([[maybe_unused]] EngineKind kind, AbsoluteStorage& storage, Observer* observer)
{
#if defined(__x86_64__)
    if (kind == EngineKind::translator)
        return std::make_unique<Translator>(storage, observer);
    if (kind == EngineKind::lockstep)
        return std::make_unique<Lockstep>(storage);
#endif
    return std::make_unique<Interpreter>(storage, observer);
}

} // namespace zvisor
