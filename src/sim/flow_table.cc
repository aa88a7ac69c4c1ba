#include "sim/flow_table.h"

#include <algorithm>

namespace enid::sim {

std::string_view name_of(Sender sender) {
  switch (sender) {
    case Sender::kSrd:
      return "srd";
    case Sender::kDctcp:
      return "dctcp";
    case Sender::kCubic:
      break;
  }
  return "cubic";
}

FlowTable::FlowTable(std::vector<Flow> flows, std::uint32_t payload_bytes, Picoseconds slice)
    : flows_(std::move(flows)), payload_bytes_(payload_bytes), slice_(slice) {
  for (Flow& flow : flows_) {
    flow.datagrams = static_cast<std::uint32_t>((flow.bytes + payload_bytes_ - 1) / payload_bytes_);
  }
  marks_.resize(flows_.size());
  if (slice_ != 0) slices_.resize(flows_.size());
}

std::uint32_t FlowTable::payload_of(std::uint32_t flow, std::uint32_t datagram) const {
  const std::uint64_t before = std::uint64_t{datagram} * payload_bytes_;
  return static_cast<std::uint32_t>(std::min<std::uint64_t>(payload_bytes_, flows_[flow].bytes - before));
}

void FlowTable::on_delivered(Picoseconds now, std::uint32_t number, std::uint32_t datagram) {
  Flow& flow = flows_[number];
  std::vector<std::uint8_t>& marks = marks_[number];
  if (marks.empty() && flow.finished_at == kNever) marks.resize(flow.datagrams, 0);
  if (datagram >= marks.size() || (marks[datagram] & kDelivered) != 0) {
    ++violations_;
    return;
  }
  marks[datagram] |= kDelivered;
  const std::uint32_t bytes = payload_of(number, datagram);
  flow.bytes_delivered += bytes;
  if (flow.bytes_delivered == flow.bytes) flow.delivered_at = now;
  if (slice_ == 0) return;
  const auto at = static_cast<std::size_t>(now / slice_);
  if (slices_[number].size() <= at) slices_[number].resize(at + 1, 0);
  slices_[number][at] += bytes;
}

void FlowTable::on_acknowledged(Picoseconds now, std::uint32_t number, std::uint32_t datagram) {
  Flow& flow = flows_[number];
  std::vector<std::uint8_t>& marks = marks_[number];
  if (datagram >= marks.size() || marks[datagram] != kDelivered) {
    ++violations_;
    return;
  }
  marks[datagram] |= kAcknowledged;
  flow.bytes_acknowledged += payload_of(number, datagram);
  if (++flow.datagrams_acknowledged < flow.datagrams) return;
  flow.finished_at = now;
  ++finished_;
  std::vector<std::uint8_t>().swap(marks);
}

}  // namespace enid::sim
