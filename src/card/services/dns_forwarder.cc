#include "card/services/dns_forwarder.h"

#include <array>

#include "base/check.h"
#include "wire/dns_message.h"

namespace enid::card {
namespace {

constexpr std::uint8_t kResponseBit = 0x80;  // Of the header's third byte.

bool answers(ConstBytes answer, const wire::DnsQuery& query) {
  if (answer.size() < wire::kDnsHeaderBytes || (answer[2] & kResponseBit) == 0) return false;
  const std::uint16_t questions = load_be16(&answer[4]);
  // A refusal may leave the question out.
  if (questions == 0) return (answer[3] & 0x0f) != 0;
  std::size_t offset = wire::kDnsHeaderBytes;
  const auto name = wire::parse_dns_name(answer, offset);
  return questions == 1 && name == query.name && answer.size() - offset >= 4 &&
         load_be16(&answer[offset]) == query.type && load_be16(&answer[offset + 2]) == query.dns_class;
}

std::vector<std::uint8_t> cut_answer(const wire::DnsQuery& query, ConstBytes answer, std::size_t bytes_max) {
  wire::DnsAnswerWriter writer(query);
  writer.set_status(static_cast<wire::DnsStatus>(answer[3] & 0x0f));
  writer.set_truncated();
  return std::move(writer).finish(bytes_max);
}

}  // namespace

std::uint16_t DnsForwarder::free_id() {
  while (true) {
    std::array<std::uint8_t, 4> serial;
    store_be32(serial.data(), ++serial_);
    const auto id = static_cast<std::uint16_t>(keyed_hash(secret_, serial));
    if (!questions_.contains(id)) return id;
  }
}

bool DnsForwarder::ask(Instant now, const ReturnPath& back, bool over_tcp, std::size_t bytes_max,
                       ConstBytes message) {
  // An owner who takes nothing fills to_send_: then nothing more is asked for.
  if (questions_.size() >= kQuestionsMax || to_send_.size() >= kQuestionsMax) return false;
  std::size_t& share = shares_[back.to];
  if (share >= kQuestionsPerInterface) return false;
  ++share;
  const std::uint16_t id = free_id();
  Question question{.back = back,
                    .over_tcp = over_tcp,
                    .bytes_max = bytes_max,
                    .deadline = now + kTimeout,
                    .message = {message.begin(), message.end()}};
  deadlines_.emplace(question.deadline, id);
  questions_.emplace(id, std::move(question));
  to_send_.push_back(id);
  return true;
}

std::optional<ForwardedDns> DnsForwarder::take() {
  while (!to_send_.empty()) {
    const std::uint16_t id = to_send_.front();
    to_send_.pop_front();
    const auto question = questions_.find(id);
    if (question == questions_.end()) continue;
    ForwardedDns forwarded{
        .id = id, .over_tcp = question->second.over_tcp, .bytes = question->second.message};
    store_be16(forwarded.bytes.data(), id);
    return forwarded;
  }
  return std::nullopt;
}

std::optional<DnsForwarder::Answer> DnsForwarder::on_answer(ConstBytes message) {
  if (message.size() < wire::kDnsHeaderBytes) return std::nullopt;
  const auto found = questions_.find(load_be16(message.data()));
  if (found == questions_.end()) return std::nullopt;
  const Question& question = found->second;
  const auto query = wire::DnsQuery::parse(question.message);
  CHECK(query.has_value());
  if (!answers(message, *query)) return std::nullopt;
  Answer answer{.back = question.back, .over_tcp = question.over_tcp, .message = {}};
  if (message.size() > question.bytes_max) {
    answer.message = cut_answer(*query, message, question.bytes_max);
  } else {
    answer.message.assign(message.begin(), message.end());
    store_be16(answer.message.data(), query->id);
  }
  erase(found);
  return answer;
}

std::optional<DnsForwarder::Answer> DnsForwarder::on_timeout(Instant now) {
  if (next_timeout() > now) return std::nullopt;
  const auto found = questions_.find(deadlines_.begin()->second);
  const Question& question = found->second;
  const auto query = wire::DnsQuery::parse(question.message);
  CHECK(query.has_value());
  wire::DnsAnswerWriter writer(*query);
  writer.set_status(wire::DnsStatus::kServerFailure);
  Answer answer{.back = question.back,
                .over_tcp = question.over_tcp,
                .message = std::move(writer).finish(question.bytes_max)};
  erase(found);
  return answer;
}

void DnsForwarder::forget_interface(InterfaceHandle handle) {
  for (auto question = questions_.begin(); question != questions_.end();) {
    const auto next = std::next(question);
    if (question->second.back.to == handle) erase(question);
    question = next;
  }
}

void DnsForwarder::erase(Questions::iterator question) {
  const auto share = shares_.find(question->second.back.to);
  if (--share->second == 0) shares_.erase(share);
  deadlines_.erase({question->second.deadline, question->first});
  questions_.erase(question);
}

}  // namespace enid::card
