// COMPARE, COMPARE AND SIGNAL and TEST DATA CLASS: PoP ch. 19.
#include "isa/bfp/operation.h"

namespace zvisor::isa {

namespace {

/// The condition code of two host numbers; 3 also when the exact way must see whether a NaN signals.
template<class T>
u8 host_order(T a, T b)
{
    if (a != a || b != b)
        return 3;
    return static_cast<u8>((a < b) | (a > b) << 1);
}

template<class F, bool Signaling>
void compare_numbers(Cpu& c, Bits<F> a, Bits<F> b)
{
    if constexpr (!std::is_same_v<F, Extended>) {
        if (u8 code = host_order(host::number(a), host::number(b)); code != 3) [[likely]]
            return c.cc(code);
    }
    exactly(
        c, environment(c), [&](Environment& work) { return softfloat::compare<F>(a, b, Signaling, work); }, [&](u8 code) { c.cc(code); });
}
template<class F, bool Signaling>
void compare_numbers(ir::Builder& c, Recorded<F> a, Recorded<F> b)
{
    if constexpr (std::is_same_v<F, Extended>)
        c.leave_to_handler();
    else
        c.compare_bfp(a, b);
}

template<class F, bool Signaling>
constexpr auto compare_as = [](auto& c, auto r1, auto second) {
    auto b = get<F>(c, second);
    compare_numbers<F, Signaling>(c, get<F>(c, r1), b);
};
template<class F>
constexpr auto compare = compare_as<F, false>;
template<class F>
constexpr auto compare_and_signal = compare_as<F, true>;

template<class F>
constexpr auto test_data_class
    = [](Cpu& c, auto r1, Storage classes) { c.cc((c.ea(classes).at & softfloat::data_class<F>(get<F>(c, r1))) != 0); };

constexpr Row rows[] = {
    insn("CEBR", 0xB309, RRE_FF, base, bfp, compare<Short>, "1,2 | f1=3f80000000000000 f2=4000000000000000 -> cc=1",
        "1,2 | f1=7fc0000000000000 f2=4000000000000000 -> cc=3", "1,2 | f1=7f80000100000000 f2=4000000000000000 -> cc=3 fpc=800000"),
    insn("CDBR", 0xB319, RRE_FF, base, bfp, compare<Long>, "1,2 | f1=8000000000000000 f2=0000000000000000 -> cc=0",
        "1,2 | f1=0000000000000001 f2=fff0000000000000 fpc=f8000000 -> cc=2"),
    insn("CXBR", 0xB349, RRE_XX, base, bfp, compare<Extended>, "1,4 | f1=bfff000000000000 f3=1 f4=bfff000000000000 -> cc=1"),
    insn("CEB", 0xED09, RXE_F, base, bfp, compare<Short>, "1,0(2) | f1=3f80000000000000 r2=2000 m2000=3f800000 -> cc=0"),
    insn("CDB", 0xED19, RXE_F, base, bfp, compare<Long>, "1,0(2) | f1=3ff0000000000000 r2=2000 m2000=bff0000000000000 -> cc=2"),
    insn("KEBR", 0xB308, RRE_FF, base, bfp, compare_and_signal<Short>, "1,2 | f1=3f80000000000000 f2=7fc0000000000000 -> cc=3 fpc=800000"),
    insn("KDBR", 0xB318, RRE_FF, base, bfp, compare_and_signal<Long>,
        "1,2 | f1=3ff0000000000000 f2=7ff8000000000000 fpc=80000000 -> fpc=80008000 pgm=7"),
    insn("KXBR", 0xB348, RRE_XX, base, bfp, compare_and_signal<Extended>, "1,4 | f1=3fff000000000000 f4=3fff000000000000 -> cc=0"),
    insn("KEB", 0xED08, RXE_F, base, bfp, compare_and_signal<Short>,
        "1,0(2) | f1=3f80000000000000 r2=2000 m2000=7fc00000 -> cc=3 fpc=800000"),
    insn("KDB", 0xED18, RXE_F, base, bfp, compare_and_signal<Long>, "1,0(2) | f1=3ff0000000000000 r2=2000 m2000=4000000000000000 -> cc=1"),
    insn("TCEB", 0xED10, RXE_F, base, bfp, test_data_class<Short>, "1,2048 | f1=0000000011111111 -> cc=1",
        "1,1024 | f1=0000000011111111 -> cc=0"),
    insn("TCDB", 0xED11, RXE_F, base, bfp, test_data_class<Long>, "1,8 | f1=7ff8000000000000 -> cc=1", "1,64 | f1=8000000000000001 -> cc=1",
        "1,1 | f1=fff8000000000000 -> cc=0"),
    insn("TCXB", 0xED12, RXE_X, base, bfp, test_data_class<Extended>, "1,32 | f1=7fff000000000000 f3=0 -> cc=1",
        "1,2 | f1=7fff000000000000 f3=1 -> cc=1"),
};

} // namespace

extern constexpr Group bfp_compare { rows };

} // namespace zvisor::isa
