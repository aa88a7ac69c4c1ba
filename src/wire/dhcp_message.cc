#include "wire/dhcp_message.h"

#include <algorithm>
#include <array>
#include <iterator>

namespace enid::wire {
namespace {

// RFC 2131 section 2, figure 1.
constexpr std::size_t kOperationOffset = 0;
constexpr std::size_t kTransactionIdOffset = 4;
constexpr std::size_t kFlagsOffset = 10;
constexpr std::size_t kClientAddressOffset = 12;
constexpr std::size_t kYourAddressOffset = 16;
constexpr std::size_t kRelayAddressOffset = 24;
constexpr std::size_t kHardwareAddressOffset = 28;
constexpr std::size_t kServerNameOffset = 44;
constexpr std::size_t kFileOffset = 108;
constexpr std::size_t kCookieOffset = 236;
constexpr std::size_t kOptionsOffset = 240;
constexpr std::size_t kReplyBytesMin = 300;

constexpr std::uint8_t kBootRequest = 1;
constexpr std::uint8_t kBootReply = 2;
constexpr std::uint8_t kEthernet = 1;
constexpr std::uint8_t kEthernetAddressBytes = 6;
constexpr std::uint32_t kMagicCookie = 0x63825363;
constexpr std::uint16_t kBroadcastFlag = 0x8000;

struct OptionValues {
  std::optional<std::uint8_t> message_type;
  std::optional<std::uint8_t> overload;
  std::optional<Ipv4Address> requested_address;
  std::optional<Ipv4Address> server_identifier;
};

// Keeps the first value of an option; false when its length is wrong.
bool keep(std::optional<std::uint8_t>& kept, ConstBytes value) {
  if (value.size() != 1) return false;
  if (!kept) kept = value[0];
  return true;
}

bool keep(std::optional<Ipv4Address>& kept, ConstBytes value) {
  if (value.size() != 4) return false;
  if (!kept) kept = Ipv4Address{load_be32(value.data())};
  return true;
}

bool read_option(OptionValues& values, std::uint8_t code, ConstBytes value) {
  switch (static_cast<DhcpOption>(code)) {
    case DhcpOption::kMessageType:
      return keep(values.message_type, value);
    case DhcpOption::kOptionOverload:
      return keep(values.overload, value);
    case DhcpOption::kRequestedAddress:
      return keep(values.requested_address, value);
    case DhcpOption::kServerIdentifier:
      return keep(values.server_identifier, value);
    default:
      return true;  // Nothing the server decides by.
  }
}

// False when an option runs over the end. A missing end mark is forgiven, as servers do.
bool read_options(OptionValues& values, ConstBytes options) {
  while (!options.empty()) {
    const std::uint8_t code = options[0];
    if (code == static_cast<std::uint8_t>(DhcpOption::kEnd)) return true;
    if (code == static_cast<std::uint8_t>(DhcpOption::kPad)) {
      options = options.subspan(1);
      continue;
    }
    if (options.size() < 2 || options.size() - 2 < options[1]) return false;
    const std::size_t length = options[1];
    if (!read_option(values, code, options.subspan(2, length))) return false;
    options = options.subspan(2 + length);
  }
  return true;
}

}  // namespace

std::optional<DhcpRequest> DhcpRequest::parse(ConstBytes message) {
  if (message.size() < kOptionsOffset) return std::nullopt;
  const std::uint8_t* const p = message.data();
  if (p[kOperationOffset] != kBootRequest || p[1] != kEthernet || p[2] != kEthernetAddressBytes)
    return std::nullopt;
  if (load_be32(p + kCookieOffset) != kMagicCookie) return std::nullopt;

  OptionValues values;
  if (!read_options(values, message.subspan(kOptionsOffset))) return std::nullopt;
  // RFC 2132 section 9.3: 1 the file field holds options, 2 the sname field, 3 both.
  const std::uint8_t overload = values.overload.value_or(0);
  if (overload > 3) return std::nullopt;
  if ((overload & 1) != 0 && !read_options(values, message.subspan(kFileOffset, kCookieOffset - kFileOffset)))
    return std::nullopt;
  if ((overload & 2) != 0 &&
      !read_options(values, message.subspan(kServerNameOffset, kFileOffset - kServerNameOffset)))
    return std::nullopt;
  if (!values.message_type || *values.message_type < 1 || *values.message_type > 8) return std::nullopt;

  DhcpRequest request;
  request.type = static_cast<DhcpMessageType>(*values.message_type);
  request.transaction_id = load_be32(p + kTransactionIdOffset);
  request.broadcast = (load_be16(p + kFlagsOffset) & kBroadcastFlag) != 0;
  request.client_address = Ipv4Address{load_be32(p + kClientAddressOffset)};
  request.relay_address = Ipv4Address{load_be32(p + kRelayAddressOffset)};
  std::copy_n(p + kHardwareAddressOffset, kEthernetAddressBytes, request.client_mac.bytes.begin());
  request.requested_address = values.requested_address;
  request.server_identifier = values.server_identifier;
  return request;
}

DhcpReplyWriter::DhcpReplyWriter(const DhcpRequest& request, DhcpMessageType type) : bytes_(kOptionsOffset) {
  bytes_[kOperationOffset] = kBootReply;
  bytes_[1] = kEthernet;
  bytes_[2] = kEthernetAddressBytes;
  store_be32(&bytes_[kTransactionIdOffset], request.transaction_id);
  store_be16(&bytes_[kFlagsOffset], request.broadcast ? kBroadcastFlag : std::uint16_t{0});
  std::ranges::copy(request.client_mac.bytes, &bytes_[kHardwareAddressOffset]);
  store_be32(&bytes_[kCookieOffset], kMagicCookie);
  const std::uint8_t type_byte = static_cast<std::uint8_t>(type);
  add(DhcpOption::kMessageType, ConstBytes(&type_byte, 1));
}

void DhcpReplyWriter::set_your_address(Ipv4Address address) {
  store_be32(&bytes_[kYourAddressOffset], address.value);
}

void DhcpReplyWriter::set_client_address(Ipv4Address address) {
  store_be32(&bytes_[kClientAddressOffset], address.value);
}

void DhcpReplyWriter::add(DhcpOption option, ConstBytes value) {
  if (value.empty() || value.size() > 255) return;
  bytes_.push_back(static_cast<std::uint8_t>(option));
  bytes_.push_back(static_cast<std::uint8_t>(value.size()));
  std::ranges::copy(value, std::back_inserter(bytes_));
}

void DhcpReplyWriter::add(DhcpOption option, Ipv4Address value) { add_u32(option, value.value); }

void DhcpReplyWriter::add_u16(DhcpOption option, std::uint16_t value) {
  std::array<std::uint8_t, 2> bytes;
  store_be16(bytes.data(), value);
  add(option, bytes);
}

void DhcpReplyWriter::add_u32(DhcpOption option, std::uint32_t value) {
  std::array<std::uint8_t, 4> bytes;
  store_be32(bytes.data(), value);
  add(option, bytes);
}

void DhcpReplyWriter::add_text(DhcpOption option, std::string_view value) { add(option, as_bytes(value)); }

std::vector<std::uint8_t> DhcpReplyWriter::finish() && {
  bytes_.push_back(static_cast<std::uint8_t>(DhcpOption::kEnd));
  if (bytes_.size() < kReplyBytesMin) bytes_.resize(kReplyBytesMin);
  return std::move(bytes_);
}

}  // namespace enid::wire
