#include "engine/translator/translator.h"

#include "base/result.h"
#include "engine/translator/serialize_host.h"

#include <algorithm>
#include <limits>

namespace zvisor {

namespace {

constexpr unsigned counter_bits = 20;
/// Counters of addresses close to each other, which are often needed together, are in one line of the host's cache.
constexpr unsigned counter_bits_in_line = 6;
constexpr std::size_t counters_in_line = std::size_t { 1 } << counter_bits_in_line;
constexpr std::size_t counters = std::size_t { 1 } << counter_bits;

/// A host that has not run the worker until then has others to run, and the CPU's thread does without it for a while.
constexpr std::chrono::microseconds wait_for_worker { 500 };
constexpr u64 blocks_between_looks = 64;
constexpr u32 orders_made_here = 32;

[[nodiscard]] u8 patience_for(const EngineOptions& options)
{
    bool is_soon = options.beside && options.code_bytes >= much_memory_for_code;
    return is_soon ? executions_before_translation_beside : executions_before_translation;
}

} // namespace

Translator::Translator(AbsoluteStorage& storage, const EngineOptions& options)
    : m_options(options)
    , m_storage(storage)
    , m_cache(storage)
    , m_interpreter(m_cache, options.observer)
    , m_statistics(options.statistics ? std::make_unique<TranslationStatistics>() : nullptr)
    , m_executions(counters)
    , m_least_patience(patience_for(options))
    , m_patience(m_least_patience)
{
}

Translator::~Translator()
{
    m_worker = nullptr;
    m_cache.drop_all();
    m_cache.free_dropped();
}

void Translator::serve(Cpu& cpu)
{
    if (!m_machinery)
        make_machinery(cpu);
}

void Translator::execute_unlinked(Cpu& cpu)
{
    serve(cpu);
    m_left_by = Runtime::no_exit;
    m_cache.free_dropped();
    try {
        run_block(cpu);
    } catch (const ProgramInterruption& interruption) {
        interrupt(cpu, interruption);
    }
    m_left_by = Runtime::no_exit;
}

void Translator::run(Cpu& cpu)
{
    serve(cpu);
    for (;;) {
        try {
            if (!run_blocks(cpu))
                return;
        } catch (const ProgramInterruption& interruption) {
            interrupt(cpu, interruption);
        }
    }
}

Translator::Machinery::Machinery(const Cpu& cpu, AbsoluteStorage& storage, const EngineOptions& options, TranslationStatistics* statistics)
    : all(cpu, options.code_bytes, options.translations || statistics, statistics)
    , maker(std::make_unique<BlockMaker>(all, storage, cpu.facilities(), options.translations || statistics))
{
}

void Translator::make_machinery(Cpu& cpu)
{
    m_cpu = &cpu;
    m_machinery = std::make_unique<Machinery>(cpu, m_storage, m_options, m_statistics.get());
    if (m_options.translations)
        m_options.translations->made_shared_code(m_machinery->all.runtime.shared_code());
    if (m_options.beside)
        m_worker = std::make_unique<Worker>([this] { m_machinery->maker->make(std::move(m_order->block)); }, [this] { call_cpu(); });
}

bool Translator::run_blocks(Cpu& cpu)
{
    for (;;) {
        if (cpu.pending()) [[unlikely]] {
            m_left_by = Runtime::no_exit;
            abandon_path();
            m_cache.free_dropped();
            if (!cpu.handle_pending())
                return false;
            take_if_done();
        }
        run_block(cpu);
    }
}

void Translator::run_block(Cpu& cpu)
{
    if (m_order) [[unlikely]]
        wait_for_order();
    else if (m_machinery->all.runtime.is_full()) [[unlikely]]
        make_room(cpu);
    if (!m_path.blocks.empty()) [[unlikely]]
        return follow_path(cpu);
    bool translates = !m_rest || !goes_on_resting(cpu);
    if (translates && !(cpu.mode() & ExecutionMode::careful)) [[likely]] {
        if (m_worn_exit != Runtime::no_exit && begin_arm(cpu)) [[unlikely]]
            return;
        auto found = find_block(cpu, cpu.next);
        if (!found) [[unlikely]]
            return interrupt(cpu, found.error());
        if (HostBlock* block = *found) {
            if (m_left_by != Runtime::no_exit)
                link(cpu, m_left_by, *block);
            if (begin_path(cpu, *block))
                return;
            return enter(cpu, *block);
        }
    }
    interpret(cpu);
}

void Translator::enter(Cpu& cpu, const HostBlock& block)
{
    // Exits compare the lower halves of generations.
    if (u64 upper = cpu.code_stamp() >> 40; upper != m_generations) [[unlikely]] {
        m_generations = upper;
        m_machinery->all.exits.release_all([&](const Exits::Exit& exit) { m_machinery->all.runtime.unlink(exit.code); });
        serialize_host();
    }
    m_left_by = m_machinery->all.runtime.enter(cpu, block.code);
    if (m_left_by == Runtime::no_exit)
        return;
    if (m_left_by == Runtime::interrupted) {
        m_left_by = Runtime::no_exit;
        return interrupt(cpu, m_machinery->all.runtime.interruption());
    }
    const ExitCode& exit = m_machinery->all.exits[m_left_by].code;
    cpu.next = exit.target;
    if (exit.left && *exit.left < 0) [[unlikely]] {
        m_worn_exit = m_left_by;
        m_worn_stamp = cpu.code_stamp();
    }
}

void Translator::interpret(Cpu& cpu)
{
    m_left_by = Runtime::no_exit;
    m_interpreting = true;
    m_retired_before = cpu.retired;
    m_interpreter.execute_block(cpu);
    m_interpreting = false;
    note_interpreted(cpu);
}

void Translator::note_interpreted(const Cpu& cpu)
{
    if (m_statistics)
        m_statistics->interpreted(cpu.retired - m_retired_before);
}

void Translator::interrupt(Cpu& cpu, const ProgramInterruption& interruption)
{
    abandon_path();
    if (std::exchange(m_interpreting, false)) {
        m_interpreter.interrupt(cpu, interruption);
        return note_interpreted(cpu);
    }
    const Op* op = Step::begins_with(cpu.op) ? cpu.op : m_executing;
    const Step& step = *reinterpret_cast<const Step*>(op);
    cpu.retired -= step.remaining;
    if (m_statistics)
        m_statistics->interrupted(step.remaining, step.on_path);
    cpu.take_program_interruption(interruption, op->address, op->length);
}

/// A link is followed without looking while the spaces are as they are now.
void Translator::link(Cpu& cpu, u32 number, HostBlock& block)
{
    const Exits::Exit& exit = m_machinery->all.exits[number];
    if (exit.code.target != block.address || exit.mode != block.mode || block.stale)
        return;
    m_machinery->all.runtime.link(exit.code, block.code, cpu.code_stamp() >> 8);
    m_machinery->all.exits.lead(number, block.incoming);
}

/// Exceptions are those of fetching at an address from here on.
void Translator::begin_fetching(Cpu& cpu, u64 address)
{
    cpu.op = &m_fetching.ops[0];
    m_fetching.ops[0].address = address;
    m_fetching.ops[0].length = 2;
}

/// Null when the block is not worth translating yet.
std::expected<HostBlock*, ProgramInterruption> Translator::find_block(Cpu& cpu, u64 address)
{
    begin_fetching(cpu, address);
    if (address & 1)
        cpu.specification();
    u64 absolute = cpu.absolute(TRY(cpu.find_fetch_view(address)));
    if (!is_hot(absolute))
        return nullptr;
    CodePosition& position = m_machinery->all.runtime.position(address);
    if (position.address == address && position.stamp == cpu.code_stamp())
        return static_cast<HostBlock*>(position.block);
    u64 stamp = cpu.code_stamp();
    HostBlock* block = recall_block(cpu, address, absolute);
    if (!block) {
        block = static_cast<HostBlock*>(m_cache.find(cpu, address, absolute, cpu.mode() | translated));
        if (!block) {
            if (m_order)
                return nullptr;
            block = translate(cpu, address, absolute);
            if (!block)
                return nullptr;
        }
    }
    // The code may be elsewhere by now: pages were watched meanwhile, and requests of other CPUs answered.
    if (cpu.code_stamp() != stamp)
        return find_block(cpu, address);
    // Where exits lead is found without positions: those are for what is computed.
    if (m_left_by == Runtime::no_exit || position.address == address)
        position = { address, stamp, block->code, block };
    return block;
}

/// What was found here under other translations, or what the exit led to under them, is mostly there still.
HostBlock* Translator::recall_block(const Cpu& cpu, u64 address, u64 absolute) const
{
    auto is_there = [&](const CodeBlock* block) {
        return block && block->address == address && block->absolute == absolute && block->mode == (cpu.mode() | translated)
            && !block->second_page;
    };
    CodeBlock* known = m_machinery->all.runtime.position(address).block;
    if (!is_there(known))
        known = m_left_by == Runtime::no_exit ? nullptr : m_machinery->all.exits.led_to(m_left_by);
    return is_there(known) ? static_cast<HostBlock*>(known) : nullptr;
}

bool Translator::is_hot(u64 absolute)
{
    constexpr u64 golden = 0x9e3779b97f4a7c15; // spreads blocks that are equally far apart
    u64 line = absolute / (2 * counters_in_line) * golden >> (64 - counter_bits + counter_bits_in_line);
    u8& executions = m_executions[line * counters_in_line + absolute / 2 % counters_in_line];
    executions = std::max(executions, m_forgotten);
    if (executions - m_forgotten >= m_patience)
        return true;
    m_most_counted = std::max(m_most_counted, ++executions);
    return false;
}

void Translator::set_patience(u8 executions)
{
    m_patience = m_least_patience = m_most_patience = executions;
    forget_executions();
}

/// Starts over when the memory for code is used up. What ran before then is interpreted at first, so that a guest that runs more
/// code than there is memory for does not have each execution translated. It takes as long as there is code to forget, in which the
/// physical CPU may be wanted elsewhere.
void Translator::make_room(Cpu& cpu)
{
    auto start = [this] { start_over(); };
    cpu.running() ? cpu.while_not_executing(start) : start();
}

void Translator::start_over()
{
    forget_all();
    m_cache.free_dropped();
    m_machinery->all.exits.clear();
    m_machinery->all.runtime.reset();
    begin_anew();
    if (m_statistics)
        m_statistics->started_over();
}

/// No code is known any more.
void Translator::begin_anew()
{
    forget_executions();
    m_left_by = m_worn_exit = Runtime::no_exit; // its number will be another exit's
    m_path.executions = nullptr;
}

/// Until the CPU executes so much with so short waits that it works: an idle Debian waits for six times as long. Time that the CPU does not
/// wait does not count: whoever shares the host's CPUs with it makes it slower, not idle.
bool Translator::goes_on_resting(const Cpu& cpu)
{
    constexpr u64 much = 2'000'000;
    constexpr auto short_waits = std::chrono::milliseconds(500);
    if (cpu.retired - m_rest->retired < much)
        return true;
    auto waited = cpu.times().waiting.read();
    bool works = waited - m_rest->waited <= short_waits;
    m_rest = works ? std::nullopt : std::optional<Rest> { { waited, cpu.retired } };
    return !works;
}

void Translator::give_memory_back()
{
    abandon_order();
    m_interpreter.give_memory_back();
    abandon_path();
    begin_anew();
    clear_executions();
    if (!m_machinery)
        return;
    // What rests has translated nothing since the last time.
    if (!m_rest) {
        m_machinery->all.exits.clear();
        m_machinery->all.runtime.give_memory_back();
        m_machinery->maker = m_machinery->maker->renewed();
    }
    m_rest = { m_cpu->times().waiting.read(), m_cpu->retired };
}

/// What was counted up to now counts for nothing, without touching the counters as long as they have room for more.
void Translator::forget_executions()
{
    m_forgotten = m_most_counted;
    if (m_forgotten + m_most_patience > std::numeric_limits<u8>::max())
        clear_executions();
}

void Translator::clear_executions()
{
    m_executions.clear();
    m_forgotten = m_most_counted = 0;
}

/// Null when the block is not there yet. Other CPUs' stores may be noticed while a page comes to be watched, which ends that.
HostBlock* Translator::translate(Cpu& cpu, u64 address, u64 absolute)
{
    m_cache.free_dropped();
    std::optional<u64> second_page;
    u64 before = 0;
    do {
        before = m_cache.noticed();
        m_cache.watch(cpu, absolute & page_mask);
        if (crosses_page(cpu.storage(), absolute)) {
            second_page = cpu.absolute(cpu.fetch_view(((address & page_mask) + page_size) & cpu.address_mask()));
            m_cache.watch(cpu, *second_page);
        }
    } while (before != m_cache.noticed());
    return give({ .address = address,
        .absolute = absolute,
        .mode = static_cast<u8>(cpu.mode() | translated),
        .second_page = second_page,
        .path_patience = m_path_patience,
        .tree = nullptr });
}

// ---- Making blocks -----------------------------------------------------------------------------------------

/// What is made at once, or null when it will be there later.
HostBlock* Translator::give(BlockOrder order)
{
    u64 page = order.absolute & page_mask;
    u64 second_page = order.second_page.value_or(page);
    m_order.emplace(Order { .block = std::move(order), .pages = { page, second_page }, .stores = {}, .given = Clock::now() });
    if (m_worker && m_made_here == 0) {
        m_worker->give();
        return nullptr;
    }
    if (m_made_here > 0 && --m_made_here == 0)
        m_patience = m_least_patience;
    return make_here();
}

HostBlock* Translator::make_here()
{
    m_machinery->maker->make(std::move(m_order->block));
    return take();
}

void Translator::take_if_done()
{
    if (m_order && !m_delay && m_worker->is_done())
        take();
}

/// On the worker's thread.
void Translator::call_cpu()
{
    if (!m_delay)
        m_cpu->notify(Pending::engine);
}

/// Before the next block.
void Translator::wait_for_order()
{
    ++m_order->executed;
    if (u64 delay = m_delay) {
        if (m_order->executed == delay) {
            m_worker->wait_until_done();
            take();
        }
    } else if (m_order->executed % blocks_between_looks == 0 && Clock::now() - m_order->given > wait_for_worker && m_worker->take_back()) {
        m_made_here = orders_made_here;
        m_patience = m_most_patience;
        make_here();
    }
}

/// What was made is executed from now on, unless the code it is made of changed meanwhile.
HostBlock* Translator::take()
{
    Machinery& made_by = *m_machinery;
    Recording& made = made_by.maker->made();
    HostBlock* block = made.block.get();
    bool is_outdated = this->is_outdated(*block);
    for (const ExitCode& exit : made_by.maker->exits()) {
        made_by.all.exits.add(exit, block->mode);
        if (!exit.left || is_outdated)
            continue;
        block->counted.emplace(exit.number, made.place(exit.step));
        made_by.all.growing.emplace(exit.number, block);
    }
    m_order.reset();
    if (is_outdated) {
        made.block.reset();
        return nullptr;
    }
    made_by.maker->describe_misses();
    block->code = made_by.all.runtime.memory.executable(made_by.maker->code());
    tell();
    made_by.all.runtime.settle();
    m_cache.add(std::move(made.block));
    if (!block->is_path)
        m_interpreter.forget({ block->absolute, block->address, static_cast<u8>(block->mode & ~translated) });
    return block;
}

bool Translator::is_outdated(const HostBlock& block) const
{
    auto hits = [&](const StorageRange& range) { return block.overlaps(range.address, range.length); };
    return m_order->is_outdated || std::ranges::any_of(m_order->stores, hits);
}

/// Nothing is being made any more; what was made is lost.
void Translator::abandon_order()
{
    if (!m_order)
        return;
    if (m_worker && m_worker->take_back())
        return m_order.reset();
    if (m_worker)
        m_worker->wait_until_done();
    m_order->is_outdated = true;
    take();
}

/// Those who look on are told of a new block.
void Translator::tell()
{
    BlockMaker& maker = *m_machinery->maker;
    TranslatedBlock told = maker.described(*m_cpu);
    if (m_statistics)
        m_statistics->end(told, maker.made().block->absolute, maker.counting());
    if (m_options.translations)
        m_options.translations->translated(told);
}

void Translator::execute_target(Cpu& cpu, u64 bits, u64 address)
{
    m_executing = cpu.op;
    m_interpreter.execute_target(cpu, bits, address);
}

void Translator::code_stored(u64 absolute_address, u64 length)
{
    bool dropped = m_cache.stored(absolute_address, length);
    note_store({ absolute_address, length }, dropped);
    if (!dropped)
        return;
    abandon_path();
}

/// A page of which code was dropped is not watched any more.
void Translator::note_store(StorageRange range, bool dropped)
{
    auto has = [&](u64 page) { return page < range.address + range.length && range.address < page + page_size; };
    if (!m_order || std::ranges::none_of(m_order->pages, has))
        return;
    constexpr std::size_t most = 16;
    m_order->is_outdated |= dropped || m_order->stores.size() == most;
    if (!m_order->is_outdated)
        m_order->stores.push_back(range);
}

EngineStatistics Translator::statistics() const
{
    if (m_worker)
        m_worker->wait_until_done();
    return m_statistics ? m_statistics->sum() : EngineStatistics {};
}

void Translator::forget_all()
{
    abandon_order();
    m_cache.drop_all();
}

} // namespace zvisor
