#include "devices/ena/remote_data_path.h"

#include <algorithm>
#include <set>
#include <utility>

#include "base/check.h"
#include "devices/ena/guest_ring.h"

namespace enid::devices::ena {
namespace {

void add(QueueStatistics& to, const QueueStatistics& more) {
  to.packets += more.packets;
  to.bytes += more.bytes;
  to.drops += more.drops;
  to.overruns += more.overruns;
}

void add(DataPathStatistics& to, const DataPathStatistics& more) {
  to.transmitted_bytes += more.transmitted_bytes;
  to.transmitted_packets += more.transmitted_packets;
  to.transmit_drops += more.transmit_drops;
  to.received_bytes += more.received_bytes;
  to.received_packets += more.received_packets;
  to.receive_drops += more.receive_drops;
  to.receive_overruns += more.receive_overruns;
  to.allowances.bandwidth_in_exceeded += more.allowances.bandwidth_in_exceeded;
  to.allowances.bandwidth_out_exceeded += more.allowances.bandwidth_out_exceeded;
  to.allowances.packets_exceeded += more.allowances.packets_exceeded;
  to.allowances.connections_exceeded += more.allowances.connections_exceeded;
  to.allowances.link_local_exceeded += more.allowances.link_local_exceeded;
  to.srd.tx_pkts += more.srd.tx_pkts;
  to.srd.eligible_tx_pkts += more.srd.eligible_tx_pkts;
  to.srd.rx_pkts += more.srd.rx_pkts;
  for (std::size_t i = 0; i < to.transmit.size(); ++i) add(to.transmit[i], more.transmit[i]);
  for (std::size_t i = 0; i < to.receive.size(); ++i) add(to.receive[i], more.receive[i]);
}

bool is_same(const pci::MemoryRange& one, const pci::MemoryRange& other) {
  return one.address == other.address && one.size == other.size && one.bytes == other.bytes &&
         one.owner == other.owner && one.readable == other.readable && one.writable == other.writable;
}

// Bytes of a file that can be handed on.
bool can_travel(const pci::MemoryRange& range) {
  return range.bytes != nullptr && range.owner != nullptr && range.owner->file() != nullptr;
}

}  // namespace

// One picture after the other, as changes; in as many messages as they take.
class RemoteDataPath::MemoryTeller {
 public:
  explicit MemoryTeller(RemoteDataPath& path) : path_(path) {}

  void gone(const pci::MemoryRange& range) {
    if (!can_travel(range)) return;
    change_.gone.push_back({range.address, range.size});
    if (change_.gone.size() == kRangesInMessage) send();
  }
  void forget_files_but(const std::set<std::uint64_t>& used) {
    std::erase_if(path_.told_files_, [&](const auto& file) {
      if (used.contains(file.first)) return false;
      if (change_.gone_files.size() == kRangesInMessage) send();
      change_.gone_files.push_back(file.second);
      return true;
    });
  }
  void come(const pci::MemoryRange& range) {
    if (!can_travel(range)) return;
    const auto at = static_cast<std::uint64_t>(range.bytes - range.owner->bytes().data());
    const std::uint32_t file = number_of(range.owner->file());
    change_.come.push_back(
        {range.address, range.size, range.readable, range.writable, file, range.owner->file_offset() + at});
    if (change_.come.size() == kRangesInMessage || files_.size() == kFilesInMessage) send();
  }
  void finish() {
    change_.is_last = true;
    send();
  }

 private:
  std::uint32_t number_of(std::shared_ptr<const pci::Descriptor> file) {
    const auto [place, is_new] = path_.told_files_.try_emplace(file->identity(), path_.next_file_);
    if (is_new) {
      ++path_.next_file_;
      change_.new_files.push_back(place->second);
      files_.push_back(std::move(file));
    }
    return place->second;
  }
  void send() {
    path_.tell(std::exchange(change_, {}), files_);
    files_.clear();
  }

  RemoteDataPath& path_;
  MemoryChange change_;
  std::vector<std::shared_ptr<const pci::Descriptor>> files_;
};

RemoteDataPath::RemoteDataPath(DataPathChannel& channel, Bytes doorbell_page, std::span<QueueState> states)
    : channel_(channel), doorbells_(doorbell_page), states_(states) {
  CHECK(doorbells_.size() >= kDoorbellPageBytes && states_.size() >= kQueueStates);
}

void RemoteDataPath::create_completion_queue(const CompletionQueueSetup& setup) {
  if (!tell(setup) && !setup.resumes) states_[completion_state(setup.index)] = {};
}

void RemoteDataPath::create_submission_queue(const SubmissionQueueSetup& setup) {
  if (tell(setup) || setup.resumes) return;
  const bool is_transmit = setup.direction == Direction::kTransmit;
  states_[is_transmit ? transmit_state(setup.index) : receive_state(setup.index)] = {};
  store_shared_word(
      doorbells_.data() + (is_transmit ? transmit_doorbell(setup.index) : receive_doorbell(setup.index)), 0);
}

void RemoteDataPath::begin_anew() {
  is_connected_ = true;
  told_memory_.reset();
  told_files_.clear();
  add(before_, std::exchange(latest_, {}));
}

std::optional<DataPathMessage> RemoteDataPath::tell(const DataPathMessage& message,
                                                    PassedDescriptors descriptors) {
  if (!is_connected_) return std::nullopt;
  std::optional<DataPathMessage> answer = channel_.exchange(message, descriptors);
  is_connected_ = answer.has_value();
  return answer;
}

void RemoteDataPath::set_memory(std::shared_ptr<const pci::GuestMemory> memory) {
  if (!is_connected_) return;
  static const pci::GuestMemory kNone;
  const auto& before = (told_memory_ ? *told_memory_ : kNone).ranges();
  const auto& after = memory->ranges();
  MemoryTeller teller(*this);
  // Both are by address, so those that are in one only are found in one walk.
  std::vector<const pci::MemoryRange*> come;
  std::set<std::uint64_t> files;
  std::uint64_t last_file = 0;
  auto old = before.begin();
  for (const pci::MemoryRange& range : after) {
    for (; old != before.end() && old->address < range.address; ++old) teller.gone(*old);
    const bool is_known = old != before.end() && is_same(*old, range);
    if (is_known) {
      ++old;
    } else {
      come.push_back(&range);
    }
    if (!can_travel(range)) continue;
    const std::uint64_t file = range.owner->file()->identity();
    if (files.empty() || std::exchange(last_file, file) != file) files.insert(file);
  }
  for (; old != before.end(); ++old) teller.gone(*old);
  teller.forget_files_but(files);
  for (const pci::MemoryRange* range : come) teller.come(*range);
  teller.finish();
  told_memory_ = std::move(memory);
}

void RemoteDataPath::set_interrupt(std::uint16_t vector, std::shared_ptr<pci::Interrupt> interrupt) {
  const auto event = interrupt ? interrupt->event() : nullptr;
  if (event == nullptr) {
    tell(InterruptChange{.vector = vector, .has_event = false});
    return;
  }
  tell(InterruptChange{.vector = vector, .has_event = true}, std::span(&event, 1));
}

DataPathStatistics RemoteDataPath::statistics() {
  const std::optional<DataPathMessage> answer = tell(StatisticsQuestion{});
  if (const auto* told = answer ? std::get_if<StatisticsAnswer>(&*answer) : nullptr) {
    latest_ = told->statistics;
    broken_because_ = told->broken_because;
  }
  DataPathStatistics sum = latest_;
  add(sum, before_);
  sum.is_broken = is_connected_ && latest_.is_broken;
  sum.broken_because = broken_because_.c_str();
  return sum;
}

}  // namespace enid::devices::ena
