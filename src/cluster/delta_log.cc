#include "cluster/delta_log.h"

#include <utility>

#include "cluster/overload.h"

namespace enid::cluster {
namespace {

constexpr std::size_t kEntityBytes = 128;  // Ids, numbers and what holds them.
constexpr std::size_t kElementBytes = 48;  // An address, a prefix or a group of a list.

}  // namespace

std::size_t weight_of(const contract::Entity& entity) {
  using namespace contract;
  return kEntityBytes +
         std::visit(Overload{[](const SecurityGroupProgram& group) {
                               return (group.ingress.size() + group.egress.size()) * (2 * kElementBytes);
                             },
                             [](const InterfaceProgram& interface) {
                               return (interface.addresses.size() + interface.prefixes.size() +
                                       interface.groups.size()) *
                                      kElementBytes;
                             },
                             [](const InstanceProgram& instance) {
                               std::size_t bytes = 0;
                               for (const auto& [path, text] : instance.metadata)
                                 bytes += path.size() + text.size() + kElementBytes;
                               return bytes;
                             },
                             [](const auto&) { return std::size_t{0}; }},
                    entity);
}

void DeltaLog::restart_at(std::uint64_t revision) {
  deltas_.clear();
  bytes_ = 0;
  last_ = revision;
}

void DeltaLog::add(contract::CardDelta delta) {
  if (delta.revision != last_ + 1) return restart_at(delta.revision);
  std::size_t bytes = delta.removes.size() * kElementBytes;
  for (const contract::Entity& entity : delta.upserts) bytes += weight_of(entity);
  last_ = delta.revision;
  bytes_ += bytes;
  deltas_.push_back({std::move(delta), bytes});
  while (!deltas_.empty() && (deltas_.size() > bounds_.deltas || bytes_ > bounds_.bytes)) {
    bytes_ -= deltas_.front().bytes;
    deltas_.pop_front();
  }
}

std::vector<contract::CardDelta> DeltaLog::after(std::uint64_t revision) const {
  std::vector<contract::CardDelta> found;
  for (const Kept& kept : deltas_)
    if (kept.delta.revision > revision) found.push_back(kept.delta);
  return found;
}

}  // namespace enid::cluster
