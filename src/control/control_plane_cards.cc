// Each card's own stream of deltas.
#include <utility>

#include "control/control_plane.h"

namespace enid::control {

void ControlPlane::send_deltas(CardFeeds::Deltas deltas, const AnswerPointer& answer) {
  for (auto& [id, delta] : deltas) send_delta(*shared_->hosts.find(id), std::move(delta), answer);
}

// A card that cannot be reached gets it by its link, later; nobody waits for that.
void ControlPlane::send_delta(Host& host, contract::CardDelta delta, const AnswerPointer& answer) {
  const HostId id = host.description.id;
  const std::uint64_t revision = delta.revision = ++streams_[id].revision;
  if (host.connected) wait_for_card(id, revision, answer);
  host.card->apply(std::move(delta), applied(id, revision));
}

void ControlPlane::send_snapshot(Host& host, const AnswerPointer& answer) {
  const HostId id = host.description.id;
  contract::CardSnapshot snapshot = feeds_.feed(id);
  const std::uint64_t revision = snapshot.revision = ++streams_[id].revision;
  wait_for_card(id, revision, answer);
  host.card->replace(std::move(snapshot), applied(id, revision));
}

void ControlPlane::wait_for_card(const HostId& host, std::uint64_t revision, const AnswerPointer& answer) {
  ++answer->waits;
  streams_[host].waiting.emplace(revision, answer);
}

std::function<void()> ControlPlane::applied(const HostId& host, std::uint64_t revision) {
  return [this, host, revision] {
    parts_.executor.post([this, host, revision] { on_applied(host, revision); });
  };
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

void ControlPlane::snapshot_for(HostId host, std::function<void(Result<contract::CardSnapshot>)> done) {
  parts_.executor.post([this, host = std::move(host), done = std::move(done)] {
    const auto stream = streams_.find(host);
    if (stream == streams_.end())
      return done(failure(std::make_error_code(std::errc::no_such_device), host.text() + " has not joined"));
    contract::CardSnapshot snapshot = feeds_.snapshot(host);
    snapshot.revision = stream->second.revision;
    done(std::move(snapshot));
  });
}

}  // namespace enid::control
