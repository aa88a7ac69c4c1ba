#include "wire/dns_message.h"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>

namespace enid::wire {
namespace {

constexpr std::size_t kNameBytesMax = 255;  // RFC 1035 section 2.3.4
constexpr std::size_t kLabelBytesMax = 63;
constexpr std::uint8_t kPointerBits = 0xc0;
constexpr std::uint16_t kQuestionPointer = 0xc000 | kDnsHeaderBytes;

// Flags of the header's second 16 bits, RFC 1035 section 4.1.1.
constexpr std::uint16_t kResponse = 0x8000;
constexpr std::uint16_t kAuthoritative = 0x0400;
constexpr std::uint16_t kTruncated = 0x0200;
constexpr std::uint16_t kRecursionDesired = 0x0100;
constexpr std::uint16_t kRecursionAvailable = 0x0080;
constexpr std::uint16_t kCheckingDisabled = 0x0010;
constexpr unsigned kOpcodeShift = 11;
constexpr std::uint16_t kStatusMask = 0x000f;
constexpr unsigned kStatusBits = 4;
constexpr unsigned kExtendedStatusShift = 24;  // In the TTL of an OPT record, RFC 6891 section 6.1.3.

constexpr std::uint16_t kEdnsBytesOurs = 4096;
constexpr std::size_t kOptRecordBytes = 11;
constexpr std::size_t kRecordsMax = 16;  // Chosen: a query carries an OPT record and little else.

void append_u16(std::vector<std::uint8_t>& out, std::uint16_t value) {
  out.push_back(static_cast<std::uint8_t>(value >> 8));
  out.push_back(static_cast<std::uint8_t>(value));
}

void append_u32(std::vector<std::uint8_t>& out, std::uint32_t value) {
  append_u16(out, static_cast<std::uint16_t>(value >> 16));
  append_u16(out, static_cast<std::uint16_t>(value));
}

// `name` is ours, so its labels are valid; an empty label would end the name early and is left out.
void append_name(std::vector<std::uint8_t>& out, std::string_view name) {
  while (!name.empty()) {
    const std::size_t dot = name.find('.');
    const std::string_view label = name.substr(0, dot).substr(0, kLabelBytesMax);
    if (!label.empty()) {
      out.push_back(static_cast<std::uint8_t>(label.size()));
      std::ranges::copy(as_bytes(label), std::back_inserter(out));
    }
    if (dot == std::string_view::npos) break;
    name.remove_prefix(dot + 1);
  }
  out.push_back(0);
}

void append_label_text(std::string& text, ConstBytes label) {
  if (!text.empty()) text += '.';
  for (const std::uint8_t byte : label) {
    if (byte >= 'A' && byte <= 'Z') {
      text += static_cast<char>(byte - 'A' + 'a');
    } else if (byte <= ' ' || byte > '~' || byte == '.' || byte == '\\') {
      text += fmt::format("\\{:03d}", byte);
    } else {
      text += static_cast<char>(byte);
    }
  }
}

struct RecordHead {
  std::uint16_t type = 0;
  std::uint16_t dns_class = 0;
  std::uint32_t ttl = 0;
};

// Reads one resource record and moves behind it; empty when it runs over the end.
std::optional<RecordHead> skip_record(ConstBytes message, std::size_t& offset) {
  if (!parse_dns_name(message, offset) || message.size() - offset < 10) return std::nullopt;
  const std::uint8_t* const p = message.data() + offset;
  const RecordHead head{load_be16(p), load_be16(p + 2), load_be32(p + 4)};
  const std::size_t length = load_be16(p + 8);
  offset += 10;
  if (message.size() - offset < length) return std::nullopt;
  offset += length;
  return head;
}

bool read_edns(DnsQuery& query, const RecordHead& record) {
  if (query.has_edns) return false;  // RFC 6891 section 6.1.1: more than one OPT is an error.
  query.has_edns = true;
  query.udp_bytes_max = std::max<std::size_t>(record.dns_class, kDnsUdpBytesWithoutEdns);
  query.edns_version = static_cast<std::uint8_t>(record.ttl >> 16);
  query.dnssec_ok = (record.ttl & 0x8000) != 0;
  return true;
}

}  // namespace

std::optional<std::string> parse_dns_name(ConstBytes message, std::size_t& offset) {
  std::string text;
  std::size_t at = offset;
  std::size_t wire_bytes = 1;                 // The root's zero.
  std::optional<std::size_t> behind_pointer;  // Where reading goes on after the first pointer.
  std::size_t pointer_limit = offset;         // Each pointer must lead before this: strictly back.
  while (at < message.size()) {
    const std::uint8_t length = message[at];
    if (length == 0) {
      offset = behind_pointer.value_or(at + 1);
      return text;
    }
    if ((length & kPointerBits) == kPointerBits) {
      if (message.size() - at < 2) return std::nullopt;
      const std::size_t target = load_be16(message.data() + at) & 0x3fffu;
      if (target >= pointer_limit || target < kDnsHeaderBytes) return std::nullopt;
      if (!behind_pointer) behind_pointer = at + 2;
      pointer_limit = target;
      at = target;
      continue;
    }
    if (length > kLabelBytesMax || message.size() - at - 1 < length) return std::nullopt;
    wire_bytes += 1u + length;
    if (wire_bytes > kNameBytesMax) return std::nullopt;
    append_label_text(text, message.subspan(at + 1, length));
    at += 1u + length;
  }
  return std::nullopt;
}

std::optional<DnsQuery> DnsQuery::parse(ConstBytes message) {
  if (message.size() < kDnsHeaderBytes) return std::nullopt;
  const std::uint8_t* const p = message.data();
  const std::uint16_t flags = load_be16(p + 2);
  if ((flags & kResponse) != 0 || load_be16(p + 4) != 1) return std::nullopt;

  DnsQuery query;
  query.id = load_be16(p);
  query.opcode = static_cast<std::uint8_t>(flags >> kOpcodeShift & 0xf);
  query.recursion_desired = (flags & kRecursionDesired) != 0;
  query.checking_disabled = (flags & kCheckingDisabled) != 0;

  std::size_t offset = kDnsHeaderBytes;
  auto name = parse_dns_name(message, offset);
  if (!name || message.size() - offset < 4) return std::nullopt;
  query.name = *std::move(name);
  query.type = load_be16(p + offset);
  query.dns_class = load_be16(p + offset + 2);
  offset += 4;
  query.question = message.subspan(kDnsHeaderBytes, offset - kDnsHeaderBytes);

  const std::size_t records = std::size_t{load_be16(p + 6)} + load_be16(p + 8) + load_be16(p + 10);
  if (records > kRecordsMax) return std::nullopt;
  for (std::size_t i = 0; i < records; ++i) {
    const auto record = skip_record(message, offset);
    if (!record) return std::nullopt;
    if (record->type == static_cast<std::uint16_t>(DnsType::kOpt) && !read_edns(query, *record))
      return std::nullopt;
  }
  return query;
}

DnsAnswerWriter::DnsAnswerWriter(const DnsQuery& query)
    : id_(query.id),
      opcode_(query.opcode),
      recursion_desired_(query.recursion_desired),
      checking_disabled_(query.checking_disabled),
      has_edns_(query.has_edns),
      bytes_(kDnsHeaderBytes) {
  std::ranges::copy(query.question, std::back_inserter(bytes_));
  question_end_ = bytes_.size();
}

std::size_t DnsAnswerWriter::begin_record(DnsType type, std::uint32_t ttl_seconds) {
  append_u16(bytes_, static_cast<std::uint16_t>(type));
  append_u16(bytes_, kDnsClassInternet);
  append_u32(bytes_, ttl_seconds);
  append_u16(bytes_, 0);
  return bytes_.size() - 2;
}

void DnsAnswerWriter::end_record(std::size_t length_at) {
  store_be16(&bytes_[length_at], static_cast<std::uint16_t>(bytes_.size() - length_at - 2));
}

void DnsAnswerWriter::add_address(Ipv4Address address, std::uint32_t ttl_seconds) {
  append_u16(bytes_, kQuestionPointer);
  const std::size_t record = begin_record(DnsType::kA, ttl_seconds);
  append_u32(bytes_, address.value);
  end_record(record);
  ++answers_;
}

void DnsAnswerWriter::add_pointer(std::string_view name, std::uint32_t ttl_seconds) {
  append_u16(bytes_, kQuestionPointer);
  const std::size_t record = begin_record(DnsType::kPtr, ttl_seconds);
  append_name(bytes_, name);
  end_record(record);
  ++answers_;
}

void DnsAnswerWriter::add_start_of_authority(const StartOfAuthority& soa, bool as_answer) {
  append_name(bytes_, soa.zone);
  const std::size_t record = begin_record(DnsType::kSoa, soa.ttl_seconds);
  append_name(bytes_, soa.primary_server);
  append_name(bytes_, soa.mailbox);
  for (const std::uint32_t value :
       {soa.serial, soa.refresh_seconds, soa.retry_seconds, soa.expire_seconds, soa.absence_seconds})
    append_u32(bytes_, value);
  end_record(record);
  ++(as_answer ? answers_ : authorities_);
}

std::vector<std::uint8_t> DnsAnswerWriter::finish(std::size_t bytes_max) && {
  const std::size_t opt_bytes = has_edns_ ? kOptRecordBytes : 0;
  std::uint16_t flags = kResponse | kRecursionAvailable;
  if (bytes_.size() + opt_bytes > bytes_max) {
    bytes_.resize(question_end_);
    answers_ = authorities_ = 0;
    truncated_ = true;
  }
  if (truncated_) flags |= kTruncated;
  flags |= static_cast<std::uint16_t>(opcode_ << kOpcodeShift);
  if (authoritative_) flags |= kAuthoritative;
  if (recursion_desired_) flags |= kRecursionDesired;
  if (checking_disabled_) flags |= kCheckingDisabled;
  flags |= static_cast<std::uint16_t>(status_) & kStatusMask;
  if (has_edns_) {
    bytes_.push_back(0);  // The root.
    append_u16(bytes_, static_cast<std::uint16_t>(DnsType::kOpt));
    append_u16(bytes_, kEdnsBytesOurs);
    append_u32(bytes_, static_cast<std::uint32_t>(status_) >> kStatusBits << kExtendedStatusShift);
    append_u16(bytes_, 0);
  }
  store_be16(&bytes_[0], id_);
  store_be16(&bytes_[2], flags);
  store_be16(&bytes_[4], 1);
  store_be16(&bytes_[6], answers_);
  store_be16(&bytes_[8], authorities_);
  store_be16(&bytes_[10], has_edns_ ? 1 : 0);
  return std::move(bytes_);
}

std::optional<std::vector<std::uint8_t>> dns_refusal(ConstBytes message, DnsStatus status) {
  if (message.size() < kDnsHeaderBytes) return std::nullopt;
  const std::uint16_t flags = load_be16(message.data() + 2);
  if ((flags & kResponse) != 0) return std::nullopt;
  std::vector<std::uint8_t> answer(kDnsHeaderBytes);
  std::ranges::copy(message.first(2), answer.begin());
  const auto kept = static_cast<std::uint16_t>(flags & (0xfu << kOpcodeShift | kRecursionDesired));
  store_be16(&answer[2], static_cast<std::uint16_t>(kResponse | kRecursionAvailable | kept |
                                                    static_cast<std::uint16_t>(status)));
  return answer;
}

}  // namespace enid::wire
