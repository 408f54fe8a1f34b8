#include "engine/make_engine.h"

#include "engine/interpreter/interpreter.h"
#if defined(__x86_64__)
#include "engine/lockstep/lockstep.h"
#include "engine/translator/translator.h"
#endif

namespace zvisor {

std::unique_ptr<Engine> make_engine(AbsoluteStorage& storage, const EngineOptions& options)
{
#if defined(__x86_64__)
    if (options.kind == EngineKind::translator)
        return std::make_unique<Translator>(storage, options);
    if (options.kind == EngineKind::lockstep)
        return std::make_unique<Lockstep>(storage);
#endif
    return std::make_unique<Interpreter>(storage, options.observer);
}

} // namespace zvisor
