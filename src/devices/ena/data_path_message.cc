#include "devices/ena/data_path_message.h"

#include <algorithm>
#include <concepts>
#include <limits>
#include <type_traits>
#include <utility>

#include "base/check.h"
#include "pci/little_endian.h"

namespace enid::devices::ena {
namespace {

// Writer and Reader are called with the same fields in the same order: see fields() below.
class Writer {
 public:
  template <class... Fields>
  void operator()(const Fields&... fields) {
    (put(fields), ...);
  }
  std::vector<std::uint8_t> take() { return std::move(bytes_); }

 private:
  template <std::unsigned_integral Word>
  void put(Word word) {
    const std::size_t at = bytes_.size();
    bytes_.resize(at + sizeof word);
    pci::store_little_endian(bytes_.data() + at, word);
  }
  void put(bool value) { put(std::uint8_t{value}); }
  template <class Enumeration>
    requires std::is_enum_v<Enumeration>
  void put(Enumeration value) {
    put(static_cast<std::uint8_t>(value));
  }
  void put(const std::string& text) {
    const std::size_t length = std::min(text.size(), kMessageTextMax);
    put(static_cast<std::uint16_t>(length));
    bytes_.insert(bytes_.end(), text.begin(), text.begin() + static_cast<std::ptrdiff_t>(length));
  }
  template <class Item, std::size_t kCount>
  void put(const std::array<Item, kCount>& items) {
    for (const Item& item : items) put(item);
  }
  template <class Item>
  void put(const std::vector<Item>& items) {
    CHECK(items.size() <= kRangesInMessage);
    put(static_cast<std::uint16_t>(items.size()));
    for (const Item& item : items) put(item);
  }
  template <class Struct>
    requires std::is_class_v<Struct>
  void put(const Struct& value) {
    fields(*this, const_cast<Struct&>(value));
  }

  std::vector<std::uint8_t> bytes_;
};

class Reader {
 public:
  explicit Reader(ConstBytes bytes) : bytes_(bytes) {}

  template <class... Fields>
  void operator()(Fields&... fields) {
    (get(fields), ...);
  }
  bool is_whole() const { return is_good_ && bytes_.empty(); }

 private:
  template <std::unsigned_integral Word>
  void get(Word& word) {
    if (!has(sizeof word)) return;
    word = pci::load_little_endian<Word>(bytes_.data());
    bytes_ = bytes_.subspan(sizeof word);
  }
  void get(bool& value) { value = small_number(1) == 1; }
  void get(Direction& value) { value = static_cast<Direction>(small_number(1)); }
  void get(Placement& value) { value = static_cast<Placement>(small_number(1)); }
  void get(std::string& text) {
    std::uint16_t length = 0;
    get(length);
    if (length > kMessageTextMax) is_good_ = false;
    if (!has(length)) return;
    text.assign(bytes_.begin(), bytes_.begin() + length);
    bytes_ = bytes_.subspan(length);
  }
  template <class Item, std::size_t kCount>
  void get(std::array<Item, kCount>& items) {
    for (Item& item : items) get(item);
  }
  template <class Item>
  void get(std::vector<Item>& items) {
    std::uint16_t count = 0;
    get(count);
    if (count > kRangesInMessage) is_good_ = false;
    for (std::uint16_t i = 0; i < count && is_good_; ++i) get(items.emplace_back());
  }
  template <class Struct>
    requires std::is_class_v<Struct>
  void get(Struct& value) {
    fields(*this, value);
  }

  bool has(std::size_t bytes) {
    is_good_ = is_good_ && bytes <= bytes_.size();
    return is_good_;
  }
  std::uint8_t small_number(std::uint8_t most) {
    std::uint8_t value = 0;
    get(value);
    if (value <= most) return value;
    is_good_ = false;
    return 0;
  }

  ConstBytes bytes_;
  bool is_good_ = true;
};

// --- The messages' fields ---

template <class Archive>
void fields(Archive& archive, Hello& to) {
  archive(to.version, to.interface, to.instance);
}
template <class Archive>
void fields(Archive& archive, Welcome& to) {
  archive(to.mac.bytes, to.mtu, to.is_link_up, to.description);
}
template <class Archive>
void fields(Archive& archive, Refusal& to) {
  archive(to.is_for_now, to.reason);
}
template <class Archive>
void fields(Archive& archive, Begin& to) {
  archive(to.queue_pairs, to.mtu, to.low_latency);
}
template <class Archive>
void fields(Archive& archive, CompletionQueueSetup& to) {
  archive(to.index, to.depth, to.entry_bytes, to.address, to.vector, to.resumes);
}
template <class Archive>
void fields(Archive& archive, SubmissionQueueSetup& to) {
  archive(to.index, to.direction, to.placement, to.depth, to.address, to.completion_queue, to.resumes);
}
template <class Archive>
void fields(Archive& archive, CompletionQueueEnd& to) {
  archive(to.index);
}
template <class Archive>
void fields(Archive& archive, SubmissionQueueEnd& to) {
  archive(to.direction, to.index);
}
template <class Archive>
void fields(Archive& archive, ReceiveSteering& to) {
  archive(to.is_on, to.table, to.key, to.fields);
}
template <class Archive>
void fields(Archive& archive, MtuChange& to) {
  archive(to.mtu);
}
template <class Archive>
void fields(Archive& archive, Link& to) {
  archive(to.is_up);
}
template <class Archive>
void fields(Archive& archive, MemoryChange::Gone& to) {
  archive(to.address, to.size);
}
template <class Archive>
void fields(Archive& archive, MemoryChange::Range& to) {
  archive(to.address, to.size, to.readable, to.writable, to.file, to.file_offset);
}
template <class Archive>
void fields(Archive& archive, MemoryChange& to) {
  archive(to.gone, to.gone_files, to.new_files, to.come, to.is_last);
}
template <class Archive>
void fields(Archive& archive, InterruptChange& to) {
  archive(to.vector, to.has_event);
}
template <class Archive>
void fields(Archive&, Reset&) {}
template <class Archive>
void fields(Archive&, StatisticsQuestion&) {}
template <class Archive>
void fields(Archive&, Done&) {}
template <class Archive>
void fields(Archive& archive, AllowanceStatistics& to) {
  archive(to.bandwidth_in_exceeded, to.bandwidth_out_exceeded, to.packets_exceeded, to.connections_exceeded,
          to.link_local_exceeded, to.connections_available);
}
template <class Archive>
void fields(Archive& archive, SrdStatistics& to) {
  archive(to.flags, to.tx_pkts, to.eligible_tx_pkts, to.rx_pkts, to.resource_utilization);
}
template <class Archive>
void fields(Archive& archive, QueueStatistics& to) {
  archive(to.packets, to.bytes, to.drops, to.overruns);
}
template <class Archive>
void fields(Archive& archive, StatisticsAnswer& to) {
  DataPathStatistics& counts = to.statistics;
  archive(counts.transmitted_bytes, counts.transmitted_packets, counts.transmit_drops, counts.received_bytes,
          counts.received_packets, counts.receive_drops, counts.receive_overruns, counts.is_broken,
          counts.allowances, counts.srd, counts.transmit, counts.receive, to.broken_because);
}

constexpr std::size_t kKinds = std::variant_size_v<DataPathMessage>;
static_assert(kKinds <= std::numeric_limits<std::uint8_t>::max());

template <std::size_t kKind>
std::optional<DataPathMessage> decode_as(ConstBytes bytes) {
  Reader reader(bytes);
  std::variant_alternative_t<kKind, DataPathMessage> message;
  fields(reader, message);
  if (!reader.is_whole()) return std::nullopt;
  return DataPathMessage(std::in_place_index<kKind>, std::move(message));
}

}  // namespace

std::vector<std::uint8_t> encode(const DataPathMessage& message) {
  Writer writer;
  writer(static_cast<std::uint8_t>(message.index()));
  std::visit([&](const auto& body) { writer(body); }, message);
  std::vector<std::uint8_t> bytes = writer.take();
  CHECK(bytes.size() <= kMessageBytesMax);
  return bytes;
}

std::optional<DataPathMessage> decode(ConstBytes bytes) {
  if (bytes.empty() || bytes.size() > kMessageBytesMax) return std::nullopt;
  const std::size_t kind = bytes[0];
  const ConstBytes body = bytes.subspan(1);
  std::optional<DataPathMessage> message;
  [&]<std::size_t... kKind>(std::index_sequence<kKind...>) {
    ((kind == kKind ? void(message = decode_as<kKind>(body)) : void()), ...);
  }(std::make_index_sequence<kKinds>());
  return message;
}

std::size_t descriptors_of(const DataPathMessage& message) {
  if (const auto* begin = std::get_if<Begin>(&message)) return begin->low_latency ? 3 : 2;
  if (const auto* memory = std::get_if<MemoryChange>(&message)) return memory->new_files.size();
  if (const auto* interrupt = std::get_if<InterruptChange>(&message)) return interrupt->has_event ? 1 : 0;
  return 0;
}

}  // namespace enid::devices::ena
