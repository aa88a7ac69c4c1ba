// DNS messages: RFC 1035 section 4 (format), RFC 6891 (EDNS0): one question in, answers out.
//
// Theory of operation
//   DnsQuery::parse() reads what a resolver must know of a query: the header, the one question,
//   and the size a client takes (its OPT record). Names in queries are read with compression
//   pointers followed safely: a pointer must point before the place it stands at, so no chain
//   of them can loop. DnsAnswerWriter builds an answer to that query and cuts it, with TC set,
//   at the client's size.
//
// Invariants
//   (1) A DnsName is at most 255 bytes in wire form, its labels at most 63, and lower case.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/bytes.h"
#include "base/ip_address.h"

namespace enid::wire {

constexpr std::uint16_t kDnsPort = 53;
constexpr std::size_t kDnsHeaderBytes = 12;
constexpr std::size_t kDnsUdpBytesWithoutEdns = 512;  // RFC 1035 section 4.2.1

enum class DnsType : std::uint16_t {
  kA = 1,
  kNs = 2,
  kCname = 5,
  kSoa = 6,
  kPtr = 12,
  kAaaa = 28,
  kOpt = 41,
  kAny = 255,
};

enum class DnsStatus : std::uint8_t {  // RCODE
  kNoError = 0,
  kFormatError = 1,
  kServerFailure = 2,
  kNoSuchName = 3,  // NXDOMAIN
  kNotImplemented = 4,
  kRefused = 5,
  kBadVersion = 16,  // RFC 6891 section 9: its upper bits stand in the OPT record.
};

constexpr std::uint16_t kDnsClassInternet = 1;
constexpr std::uint16_t kDnsClassAny = 255;

// A name as labels joined by dots, lower case, without the last dot: "ip-10-0-1-5.ec2.internal".
// The root is the empty text. A dot or a byte outside printable ASCII inside a label becomes
// "\ddd", so that such a name equals none of ours.
// `offset` moves behind the name. Empty when the bytes are no name.
std::optional<std::string> parse_dns_name(ConstBytes message, std::size_t& offset);

struct DnsQuery {
  std::uint16_t id = 0;
  std::uint8_t opcode = 0;
  bool recursion_desired = false;
  bool checking_disabled = false;
  std::string name;
  std::uint16_t type = 0;
  std::uint16_t dns_class = kDnsClassInternet;
  ConstBytes question;  // The question's bytes in the message, as the client wrote them.
  bool has_edns = false;
  std::uint8_t edns_version = 0;
  bool dnssec_ok = false;
  std::size_t udp_bytes_max = kDnsUdpBytesWithoutEdns;

  // Empty for what is not a query with exactly one question. `question` points into `message`.
  static std::optional<DnsQuery> parse(ConstBytes message);
};

class DnsAnswerWriter {
 public:
  explicit DnsAnswerWriter(const DnsQuery& query);

  void set_authoritative() { authoritative_ = true; }
  void set_status(DnsStatus status) { status_ = status; }
  void set_truncated() { truncated_ = true; }  // Also when everything given fits.
  // All answers are about the question's own name.
  void add_address(Ipv4Address address, std::uint32_t ttl_seconds);
  void add_pointer(std::string_view name, std::uint32_t ttl_seconds);
  // The zone's SOA, as an answer, or in the authority section so that absence can be cached
  // (RFC 2308). Call after the answers.
  struct StartOfAuthority {
    std::string_view zone;
    std::string_view primary_server;
    std::string_view mailbox;
    std::uint32_t serial = 0;
    std::uint32_t refresh_seconds = 0;
    std::uint32_t retry_seconds = 0;
    std::uint32_t expire_seconds = 0;
    std::uint32_t absence_seconds = 0;
    std::uint32_t ttl_seconds = 0;
  };
  void add_start_of_authority(const StartOfAuthority& soa, bool as_answer);
  // At most `bytes_max` bytes; what does not fit is left out and TC is set.
  std::vector<std::uint8_t> finish(std::size_t bytes_max) &&;

 private:
  // Opens a record and answers where its length stands; end_record() fills it.
  std::size_t begin_record(DnsType type, std::uint32_t ttl_seconds);
  void end_record(std::size_t length_at);

  std::uint16_t id_;
  std::uint8_t opcode_;
  bool recursion_desired_;
  bool checking_disabled_;
  bool has_edns_;
  bool authoritative_ = false;
  bool truncated_ = false;
  DnsStatus status_ = DnsStatus::kNoError;
  std::uint16_t answers_ = 0;
  std::uint16_t authorities_ = 0;
  std::size_t question_end_;
  std::vector<std::uint8_t> bytes_;
};

// A header that answers `message` with `status` and nothing else: for what DnsQuery cannot read.
// Empty when `message` is too short or itself an answer (never answer an answer).
std::optional<std::vector<std::uint8_t>> dns_refusal(ConstBytes message, DnsStatus status);

}  // namespace enid::wire
