#include "control/hosts.h"

#include <algorithm>
#include <utility>

#include "base/check.h"

namespace enid::control {

namespace {

// Chosen: what a DNS label may have, so that a host may be called by its machine's name.
constexpr std::size_t kHostNameMax = 63;

}  // namespace

bool is_host_name(const std::string& text) {
  const auto fits = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '.';
  };
  return !text.empty() && text.size() <= kHostNameMax && std::ranges::all_of(text, fits);
}

bool Host::serves_zone(const std::string& availability_zone) const {
  const auto& zones = description.availability_zones;
  return zones.empty() || std::ranges::find(zones, availability_zone) != zones.end();
}

Hosts Hosts::with_local_host() {
  Hosts hosts;
  hosts.add({}).connected = true;
  return hosts;
}

const Host* Hosts::find(const HostId& id) const {
  const auto found = hosts_.find(id);
  return found == hosts_.end() ? nullptr : &found->second;
}

Host* Hosts::find(const HostId& id) {
  const auto found = hosts_.find(id);
  return found == hosts_.end() ? nullptr : &found->second;
}

Host& Hosts::add(HostDescription description) {
  const HostId id = description.id;
  const auto [place, added] = hosts_.emplace(id, Host(std::move(description)));
  CHECK(added);
  return place->second;
}

void Hosts::remove(const HostId& id) { hosts_.erase(id); }

bool Hosts::is_free(const VirtualFunction& function) const {
  const Host* host = find(function.host);
  return host != nullptr && host->network_cards.is_free(function);
}

void Hosts::hold(const VirtualFunction& function) {
  Host* host = find(HostId::trusted(function.host));
  CHECK(host != nullptr);
  host->network_cards.hold(function);
}

void Hosts::release(const VirtualFunction& function) {
  Host* host = find(HostId::trusted(function.host));
  CHECK(host != nullptr);
  host->network_cards.release(function);
}

}  // namespace enid::control
