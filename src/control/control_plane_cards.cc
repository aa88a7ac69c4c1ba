// Each card's own stream of deltas.
#include <utility>

#include "control/card_programs.h"
#include "control/control_plane.h"

namespace enid::control {

void ControlPlane::program_cards(const RegionModel& model, const TouchedIds& touched,
                                 const AnswerPointer& answer) {
  for (const auto& [id, known] : shared_->hosts.all()) {
    if (known.card == nullptr) continue;
    send_delta(*shared_->hosts.find(id), card_delta(options_.account, model, touched, id), answer);
  }
}

void ControlPlane::tell_others_of(const HostId& host, const AnswerPointer& answer) {
  for (const auto& [id, known] : shared_->hosts.all()) {
    if (id == host || known.card == nullptr) continue;
    const Host& told = *shared_->hosts.find(host);
    send_delta(*shared_->hosts.find(id), {.revision = 0, .upserts = {host_program(told, id)}, .removes = {}},
               answer);
  }
}

contract::HostProgram ControlPlane::host_program(const Host& host, const HostId& reader) const {
  const HostId& id = host.description.id;
  return {.id = id,
          .underlay_address = host.description.underlay_address,
          .pair_key = options_.pair_key ? options_.pair_key(reader, id) : contract::PairKey{}};
}

// A card that cannot be reached gets it by its link, later; nobody waits for that.
void ControlPlane::send_delta(Host& host, contract::CardDelta delta, const AnswerPointer& answer) {
  if (delta.upserts.empty() && delta.removes.empty()) return;
  const HostId id = host.description.id;
  CardStream& stream = streams_[id];
  const std::uint64_t revision = delta.revision = ++stream.revision;
  if (host.connected) {
    ++answer->waits;
    stream.waiting.emplace(revision, answer);
  }
  host.card->apply(std::move(delta), [this, id, revision] {
    parts_.executor.post([this, id, revision] { on_applied(id, revision); });
  });
}

void ControlPlane::on_applied(const HostId& host, std::uint64_t revision) {
  const auto stream = streams_.find(host);
  if (stream == streams_.end()) return;
  const auto waiting = stream->second.waiting.find(revision);
  if (waiting == stream->second.waiting.end()) return;  // It was lost meanwhile.
  const AnswerPointer answer = std::move(waiting->second);
  stream->second.waiting.erase(waiting);
  finish_one(answer);
}

contract::CardSnapshot ControlPlane::make_snapshot(const HostId& host) {
  contract::CardSnapshot snapshot{.revision = streams_[host].revision, .entities = {}};
  for (const auto& [id, other] : shared_->hosts.all())
    if (id != host) snapshot.entities.push_back(host_program(other, host));
  for (const auto& [name, model] : regions_)
    add_everything(options_.account, *model, host, snapshot.entities);
  return snapshot;
}

void ControlPlane::snapshot_for(HostId host, std::function<void(Result<contract::CardSnapshot>)> done) {
  parts_.executor.post([this, host = std::move(host), done = std::move(done)] {
    if (shared_->hosts.find(host) == nullptr)
      return done(
          failure(std::make_error_code(std::errc::no_such_device), "there is no host " + host.text()));
    done(make_snapshot(host));
  });
}

}  // namespace enid::control
