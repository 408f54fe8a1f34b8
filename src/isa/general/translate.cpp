// General instructions (PoP ch. 7): translating and testing bytes of an operand of up to 256 bytes, and TRANSLATE EXTENDED.

#include "isa/general/storage_operand.h"
#include "isa/insn.h"

namespace zvisor::isa {

namespace {

/// A table of 256 bytes; one that crosses a page is read byte by byte, since only the bytes used raise exceptions.
class ByteTable {
public:
    ByteTable(Cpu& c, Address a)
        : m_cpu(c)
        , m_address(a)
        , m_view(to_page_end(a) >= 256 ? c.host_view(a, 256, Access::fetch) : nullptr)
    {
    }
    [[nodiscard]] u8 operator[](u8 argument) const
    {
        return m_view ? m_view[argument] : static_cast<u8>(m_cpu.load8(m_cpu.offset(m_address, argument)));
    }

private:
    Cpu& m_cpu;
    Address m_address;
    const u8* m_view;
};

constexpr auto translate = [](Cpu& c, StorageLength op1, Storage op2) {
    u64 length = op1.length + u64 { 1 };
    StorageOperand arguments(c, c.ea(op1), length, Access::store);
    ByteTable table(c, c.ea(op2));
    for (u64 i = 0; i < length; ++i)
        arguments[i] = table[arguments[i]];
    arguments.stored(c);
};

/// GR1: the argument byte's address; GR2 bits 56-63: the function byte.
void put_function_byte(Cpu& c, u64 address, u8 function)
{
    put_result_address(c, 1, address);
    c.g(2, (c.g(2) & ~u64 { 0xff }) | function);
}

/// TRT (Step 1) and TRTR (Step -1, from the rightmost byte).
template<int Step>
constexpr auto translate_and_test = [](Cpu& c, StorageLength op1, Storage op2) {
    Address first = c.ea(op1);
    ByteTable table(c, c.ea(op2));
    for (unsigned done = 0; done <= op1.length; ++done) {
        Address a = c.offset(first, static_cast<u64>(i64 { Step } * done));
        u8 function = table[static_cast<u8>(c.load8(a))];
        if (function == 0)
            continue;
        put_function_byte(c, a.at, function);
        return c.cc(done < op1.length ? 1 : 2);
    }
    c.cc(0);
};

/// Ends before the test byte in GR0.
constexpr auto translate_extended = [](Cpu& c, GrPair r1, Gr r2) {
    auto test = static_cast<u8>(c.w(0));
    LongOperand operand(c, r1);
    ByteTable table(c, c.register_address(r2));
    auto commit = [&] { operand.put(c); };
    auto step = [&] {
        if (operand.length > 0) {
            u64 length = operand.part();
            u8* view = c.host_view(operand.at, length, Access::store);
            u64 i = 0;
            for (; i < length && view[i] != test; ++i)
                view[i] = table[view[i]];
            c.stored(view, i);
            operand.advance(c, i);
            if (i < length) {
                commit();
                c.cc(1);
                return true;
            }
        }
        if (operand.length > 0)
            return false;
        commit();
        c.cc(0);
        return true;
    };
    cpu_determined(c, most_parts, step, commit);
};

constexpr Row rows[] = {
    insn("TR", 0xDC, SS_a, base, problem, translate, "0(3,1),0(2) | r1=2000 r2=3000 m2000=020001 m3000=c1c2c3 -> m2000=c3c1c2",
        "0(2,1),0(2) | r1=2fff r2=3ffe m2fff=0102 m3ffe=c1c2c3 -> m2fff=c2c3"),
    insn("TRT", 0xDD, SS_a, base, problem, translate_and_test<1>,
        "0(3,1),0(2) | r1=2000 r2=3000 m2000=000201 m3000=000500 -> r1=2002 r2=3005 cc=2",
        "0(3,1),0(2) | r1=2000 r2=3000 m2000=000100 m3000=000500 -> r1=2001 r2=3005 cc=1",
        "0(3,1),0(2) | r1=2000 r2=3000 m2000=000202 m3000=000500 -> cc=0",
        "0(1,3),0(4) | amode=24 r1=1122334455667788 r2=99 r3=2000 r4=3000 m3000=07 -> r1=1122334455002000 r2=7 cc=2"),
    insn("TRTR", 0xD0, SS_a, Facility::extended_translation_3, problem, translate_and_test<-1>,
        "0(3,1),0(2) | r1=2002 r2=3000 m2000=010002 m3000=000500 -> r1=2000 r2=3005 cc=2"),
    insn("TRE", 0xB2A5, RRE_PR, base, problem, translate_extended,
        "2,4 | r0=ff r2=2000 r3=3 r4=3000 m2000=020001 m3000=c1c2c3 -> r2=2003 r3=0 m2000=c3c1c2 cc=0",
        "2,4 | r0=1 r2=2000 r3=3 r4=3000 m2000=000102 m3000=c1c2c3 -> r2=2001 r3=2 m2000=c10102 cc=1"),
};

} // namespace

extern constexpr Group general_translate { rows };

} // namespace zvisor::isa
