#include "apps/host_registry.h"

#include <fmt/format.h>

#include <nlohmann/json.hpp>
#include <utility>

#include "apps/stored_values.h"
#include "control/hosts.h"

namespace enid::apps {
namespace {

using Json = nlohmann::json;

constexpr const char* kAuthority = "cluster/authority";
const std::string kHosts = "cluster/hosts/";

std::unexpected<Error> unreadable(const std::string& key) {
  return failure(std::make_error_code(std::errc::bad_message), "cannot read " + key + " in the store");
}

Result<cluster::CertifiedKey> load_authority(store::KeyValueStore& store, WallTime now) {
  const auto kept = TRY(store.get(kAuthority));
  if (kept) {
    const Json json = Json::parse(kept->value, nullptr, false);
    if (!json.is_object() || !json.contains("certificate") || !json.contains("key"))
      return unreadable(kAuthority);
    return cluster::CertifiedKey{.certificate = json["certificate"].get<std::string>(),
                                 .key = json["key"].get<std::string>()};
  }
  cluster::CertifiedKey made = TRY(cluster::make_authority(now));
  TRY(put(store, kAuthority, Json{{"certificate", made.certificate}, {"key", made.key}}.dump()));
  return made;
}

}  // namespace

Result<std::unique_ptr<HostRegistry>> HostRegistry::load(store::KeyValueStore& store, WallTime now) {
  std::unique_ptr<HostRegistry> registry(new HostRegistry(store, TRY(load_authority(store, now))));
  for (const store::Entry& entry : TRY(store.list(kHosts))) {
    const Json json = Json::parse(entry.value, nullptr, false);
    if (!json.is_object()) return unreadable(entry.key);
    registry->entries_[HostId::trusted(entry.key.substr(kHosts.size()))] = {
        .fingerprint = json.value("fingerprint", ""),
        .availability_zones = json.value("availability_zones", std::vector<std::string>())};
  }
  return registry;
}

Result<cluster::HostCredentials> HostRegistry::own_credentials(WallTime now) const {
  return cluster::HostCredentials{.own = TRY(cluster::certify(authority_, cluster::kControlPlaneName, now)),
                                  .authority = authority_.certificate};
}

Result<std::string> HostRegistry::add(const HostId& host, std::vector<std::string> availability_zones,
                                      WallTime now) {
  if (!control::is_host_name(host.text()) || host.text() == cluster::kControlPlaneName ||
      host.text() == control::kLocalHostName)
    return failure(
        std::make_error_code(std::errc::invalid_argument),
        fmt::format("'{}' cannot be the name of another host: letters, digits, dots and dashes, and {} is "
                    "the machine of the control plane",
                    host.text(), control::kLocalHostName));
  const cluster::HostCredentials credentials{.own = TRY(cluster::certify(authority_, host.text(), now)),
                                             .authority = authority_.certificate};
  Entry entry{.fingerprint = TRY(cluster::fingerprint(credentials.own.certificate)),
              .availability_zones = std::move(availability_zones)};
  const Json json = {{"fingerprint", entry.fingerprint}, {"availability_zones", entry.availability_zones}};
  const std::lock_guard lock(mutex_);
  TRY(write(host, json.dump()));
  entries_[host] = std::move(entry);
  return cluster::to_text(credentials, host);
}

Result<void> HostRegistry::remove(const HostId& host) {
  const std::lock_guard lock(mutex_);
  if (!entries_.contains(host)) return {};
  TRY(write(host, std::nullopt));
  entries_.erase(host);
  return {};
}

Result<void> HostRegistry::write(const HostId& host, std::optional<std::string> value) {
  return put(store_, kHosts + host.text(), std::move(value));
}

bool HostRegistry::has(const HostId& host) const {
  const std::lock_guard lock(mutex_);
  return entries_.contains(host);
}

std::map<HostId, HostRegistry::Entry> HostRegistry::entries() const {
  const std::lock_guard lock(mutex_);
  return entries_;
}

Result<void> HostRegistry::admit(const HostId& host, const std::string& certificate) const {
  const std::string shown = TRY(cluster::fingerprint(certificate));
  const std::lock_guard lock(mutex_);
  const auto entry = entries_.find(host);
  if (entry == entries_.end())
    return failure(std::make_error_code(std::errc::permission_denied),
                   fmt::format("there is no host {}; make its credentials with: enid host add {}",
                               host.text(), host.text()));
  if (entry->second.fingerprint != shown)
    return failure(
        std::make_error_code(std::errc::permission_denied),
        fmt::format("these credentials of {} are no longer valid: newer ones were made since", host.text()));
  return {};
}

}  // namespace enid::apps
