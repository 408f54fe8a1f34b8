#include "service/ipl_parameters.h"

#include "base/ebcdic.h"
#include "base/verify.h"

namespace zvisor {

namespace {

std::optional<ProgramCode> exception_for(const AbsoluteStorage& storage, u64 address)
{
    if (address % page_size != 0)
        return ProgramCode::specification;
    if (!storage.contains(address, page_size))
        return ProgramCode::addressing;
    return {};
}

} // namespace

void IplParameters::establish(const CcwIplDevice& device)
{
    List list;
    list.header.length = sizeof list;
    list.block.length = sizeof list.block;
    list.block.type = CcwIplBlock::ccw_type;
    list.block.flags = CcwIplBlock::load_parameter_valid;
    put_ebcdic(list.block.load_parameter, device.load_parameter);
    list.block.subchannel_set = device.subchannel_set;
    list.block.device_number = device.device_number;
    std::lock_guard lock(m_mutex);
    m_list = list;
}

void IplParameters::clear()
{
    std::lock_guard lock(m_mutex);
    m_list.reset();
}

std::optional<CcwIplDevice> IplParameters::device() const
{
    constexpr u8 set_bits = 0x07;
    std::lock_guard lock(m_mutex);
    if (!m_list)
        return {};
    const CcwIplBlock& block = m_list->block;
    std::string load_parameter;
    if (block.flags & CcwIplBlock::load_parameter_valid)
        load_parameter = ebcdic_field(block.load_parameter);
    return CcwIplDevice { static_cast<u8>(block.subchannel_set & set_bits), block.device_number, load_parameter };
}

std::expected<IplParameters::Response, ProgramCode> IplParameters::set(const AbsoluteStorage& storage, u64 address)
{
    if (auto exception = exception_for(storage, address))
        return std::unexpected(*exception);
    auto list = storage.read_as<List>(address);
    VERIFY(list);
    bool valid = list->header.length >= sizeof(List) && list->header.length <= page_size && list->header.version == 0
        && list->block.type == CcwIplBlock::ccw_type && list->block.length >= sizeof(CcwIplBlock);
    if (!valid)
        return Response::invalid;
    list->header.length = sizeof(List);
    list->block.length = sizeof(CcwIplBlock);
    std::lock_guard lock(m_mutex);
    m_list = list;
    return Response::done;
}

std::expected<IplParameters::Response, ProgramCode> IplParameters::store(AbsoluteStorage& storage, u64 address) const
{
    if (auto exception = exception_for(storage, address))
        return std::unexpected(*exception);
    std::lock_guard lock(m_mutex);
    if (!m_list)
        return Response::none_configured;
    if (!storage.write_as(address, *m_list))
        return std::unexpected(ProgramCode::addressing);
    return Response::done;
}

} // namespace zvisor
