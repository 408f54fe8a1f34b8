#include "engine/make_engine.h"

#include "engine/interpreter/interpreter.h"
#if defined(__x86_64__)
#include "engine/translator/translator.h"
#endif

namespace zvisor {

std::unique_ptr<Engine> make_engine([[maybe_unused]] EngineKind kind, AbsoluteStorage& storage, Observer* observer)
{
#if defined(__x86_64__)
    if (kind == EngineKind::translator)
        return std::make_unique<Translator>(storage, observer);
#endif
    return std::make_unique<Interpreter>(storage, observer);
}

} // namespace zvisor
