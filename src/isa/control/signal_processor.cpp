// SIGNAL PROCESSOR (PoP ch. 4, "CPU Signaling and Response").

#include "isa/control/control.h"

#include <mutex>

namespace zvisor::isa {

namespace {

/// Status bits, as bits 32-63 of the first-operand register receive them.
struct SigpStatus {
    static constexpr u32 not_running = 0x400;
    static constexpr u32 incorrect_state = 0x200;
    static constexpr u32 invalid_parameter = 0x100;
    static constexpr u32 external_call_pending = 0x80;
    static constexpr u32 stopped = 0x40;
    static constexpr u32 invalid_order = 0x02;
};

/// What an order gives: accepted (code 0), status stored (1) or busy (2).
struct Response {
    u8 condition_code { 0 };
    u32 status { 0 };
};
constexpr Response accepted {};
constexpr Response busy { 2 };
[[nodiscard]] constexpr Response with_status(u32 status)
{
    return { 1, status };
}

struct Signal {
    Cpu& sender;
    Cpu& target;
    u64 parameter;
};

[[nodiscard]] bool is_stopped(const Cpu& cpu)
{
    return cpu.state() == RunState::stopped;
}

Response sense(const Signal& signal)
{
    u32 status = 0;
    if (signal.target.external_call_pending())
        status |= SigpStatus::external_call_pending;
    if (is_stopped(signal.target))
        status |= SigpStatus::stopped;
    return status ? with_status(status) : accepted;
}

Response external_call(const Signal& signal)
{
    if (signal.target.external_call_pending())
        return with_status(SigpStatus::external_call_pending);
    signal.target.order_external_call(signal.sender.address());
    return accepted;
}

Response emergency_signal(const Signal& signal)
{
    signal.target.order_emergency(signal.sender.address());
    return accepted;
}

Response start(const Signal& signal)
{
    signal.target.order_start();
    return accepted;
}

Response stop(const Signal& signal)
{
    signal.target.order_stop(false);
    return accepted;
}

Response restart(const Signal& signal)
{
    signal.target.order_restart();
    return accepted;
}

Response stop_and_store_status(const Signal& signal)
{
    signal.target.order_stop(true);
    return accepted;
}

Response initial_cpu_reset(const Signal& signal)
{
    signal.target.order_reset(true);
    return accepted;
}

Response cpu_reset(const Signal& signal)
{
    signal.target.order_reset(false);
    return accepted;
}

Response set_prefix(const Signal& signal)
{
    constexpr u64 prefix_field = 0x7fffe000;
    u64 prefix = signal.parameter & prefix_field;
    if (!signal.target.storage().contains(prefix, 2 * page_size))
        return with_status(SigpStatus::invalid_parameter);
    if (!is_stopped(signal.target))
        return with_status(SigpStatus::incorrect_state);
    signal.target.order_set_prefix(prefix);
    return accepted;
}

Response store_status_at_address(const Signal& signal)
{
    constexpr u64 address_field = 0x7ffffe00;
    u64 address = signal.parameter & address_field;
    if (!signal.target.storage().contains(address, 512))
        return with_status(SigpStatus::invalid_parameter);
    if (!is_stopped(signal.target))
        return with_status(SigpStatus::incorrect_state);
    signal.target.store_status_at(address);
    return accepted;
}

/// The vector registers, 1 KiB on a 1 KiB boundary.
Response store_additional_status(const Signal& signal)
{
    constexpr u64 area_size = 1024;
    u64 address = signal.parameter;
    Cpu& target = signal.target;
    if (address % area_size || !target.storage().contains(address, area_size))
        return with_status(SigpStatus::invalid_parameter);
    if (!is_stopped(target))
        return with_status(SigpStatus::incorrect_state);
    u8* area = target.storage().host() + address;
    for (const auto& vr : target.vr) {
        store_be<u64>(area, vr.hi);
        store_be<u64>(area + 8, vr.lo);
        area += 16;
    }
    target.storage().stored(address, area_size);
    return accepted;
}

/// CPUs are in the z/Architecture architectural mode from the beginning and stay there.
Response set_architecture(const Signal& signal)
{
    for (const auto& cpu : signal.sender.group().cpus())
        if (cpu.get() != &signal.sender && !is_stopped(*cpu))
            return with_status(SigpStatus::incorrect_state);
    return with_status(SigpStatus::invalid_parameter);
}

Response sense_running_status(const Signal& signal)
{
    return signal.target.running() ? accepted : with_status(SigpStatus::not_running);
}

struct Order {
    u8 code;
    Response (*respond)(const Signal&);
    Facility facility { base };
    /// Refused as busy while an earlier order is being carried out.
    bool waits { true };
};

constexpr Order orders[] = {
    { .code = 0x01, .respond = sense },
    { .code = 0x02, .respond = external_call, .waits = false },
    { .code = 0x03, .respond = emergency_signal, .waits = false },
    { .code = 0x04, .respond = start },
    { .code = 0x05, .respond = stop },
    { .code = 0x06, .respond = restart },
    { .code = 0x09, .respond = stop_and_store_status },
    { .code = 0x0b, .respond = initial_cpu_reset },
    { .code = 0x0c, .respond = cpu_reset },
    { .code = 0x0d, .respond = set_prefix },
    { .code = 0x0e, .respond = store_status_at_address },
    { .code = 0x12, .respond = set_architecture, .waits = false },
    // Conditional emergency signal: the program takes a signal it need not have got as any other.
    { .code = 0x13, .respond = emergency_signal, .waits = false },
    { .code = 0x15, .respond = sense_running_status, .facility = Facility::sense_running_status, .waits = false },
    { .code = 0x17, .respond = store_additional_status, .facility = Facility::vector },
};

[[nodiscard]] Response carry_out(u8 code, const Signal& signal)
{
    for (const auto& order : orders) {
        if (order.code != code || !signal.sender.has(order.facility))
            continue;
        if (order.waits && signal.target.has_orders())
            return busy;
        return order.respond(signal);
    }
    return with_status(SigpStatus::invalid_order);
}

constexpr auto sigp = [](Cpu& c, Gr r1, Gr r3, Storage order) {
    constexpr u8 not_operational = 3;
    auto code = static_cast<u8>(c.ea(order).at);
    u64 parameter = c.g(r1 | 1);
    serialize();
    Response response { .condition_code = not_operational };
    {
        std::lock_guard lock(c.group().signalling());
        if (Cpu* target = c.group().find_configured(static_cast<u16>(c.w(r3))))
            response = carry_out(code, { c, *target, parameter });
    }
    if (response.condition_code == 1)
        c.w(r1, response.status);
    c.cc(response.condition_code);
};

constexpr Row rows[] = {
    insn("SIGP", 0xAE, RS, base, privileged | context, sigp, "1,3,1(0) | r3=5 -> cc=3", "1,3,2(0) | r1=1 r3=0 cc=1 -> cc=0",
        "2,4,127(0) | r2=1122334455667788 r4=0 -> r2=1122334400000002 cc=1", "2,4,18(0) | r2=0 r4=0 r3=1 -> r2=100 cc=1"),
};

} // namespace

extern constexpr Group control_signal_processor { rows };

} // namespace zvisor::isa
