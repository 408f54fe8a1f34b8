// ADD and SUBTRACT NORMALIZED and UNNORMALIZED, COMPARE: PoP ch. 18.
#include "isa/hfp/operation.h"

namespace zvisor::isa {

namespace {

using namespace hfp;

[[nodiscard]] Number negated(Number a)
{
    a.negative = !a.negative;
    return a;
}

template<class F>
void finish_sum(Cpu& c, u8 r1, const Result& result)
{
    put<F>(c, r1, result.number);
    c.cc(result.number.condition_code());
    raise(c, result);
}

template<class F>
void add_normalized(Cpu& c, u8 r1, const Number& a, const Number& b)
{
    Number result = sum(a, b, F::digits);
    finish_sum<F>(c, r1, result.zero() ? zero_sum(c, result) : in_range(c, normalize(result)));
}
/// The guard digit does not count, not even to tell a zero.
template<class F>
void add_unnormalized(Cpu& c, u8 r1, const Number& a, const Number& b)
{
    Number result = sum(a, b, F::digits);
    result.fraction = truncate(result.fraction, F::digits);
    finish_sum<F>(c, r1, result.zero() ? zero_sum(c, result) : in_range(c, result));
}

template<class F>
constexpr auto add = [](Cpu& c, auto r1, auto second) {
    Number b = number<F>(c, second);
    add_normalized<F>(c, r1, number<F>(c, r1), b);
};
template<class F>
constexpr auto subtract = [](Cpu& c, auto r1, auto second) {
    Number b = number<F>(c, second);
    add_normalized<F>(c, r1, number<F>(c, r1), negated(b));
};
template<class F>
constexpr auto add_u = [](Cpu& c, auto r1, auto second) {
    Number b = number<F>(c, second);
    add_unnormalized<F>(c, r1, number<F>(c, r1), b);
};
template<class F>
constexpr auto subtract_u = [](Cpu& c, auto r1, auto second) {
    Number b = number<F>(c, second);
    add_unnormalized<F>(c, r1, number<F>(c, r1), negated(b));
};

/// Equal is what has a zero difference, guard digit included.
template<class F>
constexpr auto compare = [](Cpu& c, auto r1, auto second) {
    Number b = number<F>(c, second);
    c.cc(sum(number<F>(c, r1), negated(b), F::digits).condition_code());
};

constexpr Row rows[] = {
    insn("AER", 0x3A, RR_FF, base, problem, add<Short>, "1,2 | f1=4110000011111111 f2=4120000022222222 -> f1=4130000011111111 cc=2",
        "1,2 | f1=4110000000000000 f2=c110000000000000 -> f1=0000000000000000 cc=0",
        "1,2 | f1=4110000000000000 f2=c110000000000000 pm=1 -> f1=4100000000000000 cc=0 pgm=e",
        "1,2 | f1=7fffffff00000000 f2=7fffffff00000000 -> f1=001fffff00000000 cc=2 pgm=c"),
    insn("ADR", 0x2A, RR_FF, base, problem, add<Long>, "1,2 | f1=4110000000000000 f2=3410000000000000 -> f1=4110000000000001 cc=2",
        "1,2 | f1=4110000000000000 f2=b3f0000000000000 -> f1=40fffffffffffff1 cc=2",
        "1,2 | f1=0110000000000000 f2=8010000000000000 -> f1=00f0000000000000 cc=2"),
    insn("AXR", 0x36, RR_XX, base, problem, add<Extended>,
        "1,4 | f1=4110000000000000 f3=3300000000000000 f4=2610000000000000 f6=1700000000000000 -> f3=3300000000000001 cc=2",
        "1,4 | f1=4110000000000000 f3=3300000000000000 f4=c110000000000000 f6=0 -> f1=0 f3=0 cc=0"),
    insn("AE", 0x7A, RX_F, base, problem, add<Short>, "1,4(0,2) | f1=0 r2=2000 m2004=c1200000 -> f1=c120000000000000 cc=1"),
    insn("AD", 0x6A, RX_F, base, problem, add<Long>,
        "1,0(0,2) | f1=4110000000000000 r2=2000 m2000=4120000000000000 -> f1=4130000000000000 cc=2"),
    insn("SER", 0x3B, RR_FF, base, problem, subtract<Short>, "1,2 | f1=4110000000000000 f2=4120000000000000 -> f1=c110000000000000 cc=1",
        "1,2 | f1=0010000000000000 f2=000f000000000000 pm=2 -> f1=7f10000000000000 cc=2 pgm=d",
        "1,2 | f1=0010000000000000 f2=000f000000000000 -> f1=0000000000000000 cc=0"),
    insn("SDR", 0x2B, RR_FF, base, problem, subtract<Long>, "1,2 | f1=4110000000000000 f2=40fffffffffffff0 -> f1=3410000000000000 cc=2"),
    insn("SXR", 0x37, RR_XX, base, problem, subtract<Extended>,
        "1,4 | f1=4130000000000000 f3=0 f4=4110000000000000 f6=0 -> f1=4120000000000000 f3=3300000000000000 cc=2"),
    insn("SE", 0x7B, RX_F, base, problem, subtract<Short>,
        "1,0(0,2) | f1=4130000000000000 r2=2000 m2000=41200000 -> f1=4110000000000000 cc=2"),
    insn("SD", 0x6B, RX_F, base, problem, subtract<Long>,
        "1,0(0,2) | f1=4130000000000000 r2=2000 m2000=4120000000000000 -> f1=4110000000000000 cc=2"),

    insn("AUR", 0x3E, RR_FF, base, problem, add_u<Short>, "1,2 | f1=4210000000000000 f2=c1f0000000000000 -> f1=4201000000000000 cc=2",
        "1,2 | f1=4600000100000000 f2=c5000001f0000000 -> f1=0000000000000000 cc=0",
        "1,2 | f1=4600000000000000 f2=4500000100000000 pm=1 -> f1=4600000000000000 cc=0 pgm=e"),
    insn("AWR", 0x2E, RR_FF, base, problem, add_u<Long>, "1,2 | f1=4e00000000000000 f2=4119000000000000 -> f1=4e00000000000001 cc=2",
        "1,2 | f1=41f0000000000000 f2=4120000000000000 -> f1=4211000000000000 cc=2"),
    insn(
        "AU", 0x7E, RX_F, base, problem, add_u<Short>, "1,0(0,2) | f1=4600000000000000 r2=2000 m2000=c1250000 -> f1=c600000200000000 cc=1"),
    insn("AW", 0x6E, RX_F, base, problem, add_u<Long>,
        "1,0(0,2) | f1=4e00000000000000 r2=2000 m2000=4264000000000000 -> f1=4e00000000000064 cc=2"),
    insn("SUR", 0x3F, RR_FF, base, problem, subtract_u<Short>, "1,2 | f1=4120000000000000 f2=411f000000000000 -> f1=4101000000000000 cc=2"),
    insn("SWR", 0x2F, RR_FF, base, problem, subtract_u<Long>, "1,2 | f1=4120000000000000 f2=4121000000000000 -> f1=c101000000000000 cc=1"),
    insn("SU", 0x7F, RX_F, base, problem, subtract_u<Short>,
        "1,0(0,2) | f1=4120000000000000 r2=2000 m2000=41200000 -> f1=0000000000000000 cc=0"),
    insn("SW", 0x6F, RX_F, base, problem, subtract_u<Long>,
        "1,0(0,2) | f1=4120000000000000 r2=2000 m2000=411f000000000000 -> f1=4101000000000000 cc=2"),

    insn("CER", 0x39, RR_FF, base, problem, compare<Short>, "1,2 | f1=4110000000000000 f2=4201000000000000 -> cc=0",
        "1,2 | f1=0000000000000000 f2=c300000000000000 -> cc=0", "1,2 | f1=c110000000000000 f2=4110000000000000 -> cc=1"),
    insn("CDR", 0x29, RR_FF, base, problem, compare<Long>, "1,2 | f1=4110000000000001 f2=4110000000000000 -> cc=2"),
    insn("CXR", 0xB369, RRE_XX, base, problem, compare<Extended>, "1,4 | f1=4110000000000000 f3=1 f4=4110000000000000 f6=2 -> cc=1"),
    insn("CE", 0x79, RX_F, base, problem, compare<Short>, "1,0(0,2) | f1=4110000000000000 r2=2000 m2000=41200000 -> cc=1"),
    insn("CD", 0x69, RX_F, base, problem, compare<Long>, "1,0(0,2) | f1=4110000000000000 r2=2000 m2000=40ffffffffffffff -> cc=2"),
};

} // namespace

extern constexpr Group hfp_add { rows };

} // namespace zvisor::isa
