// HostRegistry: which hosts may join by TLS, as the store keeps it, and the authority that certifies them.
//
//   "cluster/authority"      the authority's certificate and key
//   "cluster/hosts/host-2"   the fingerprint of the host's certificate, and its Availability Zones
//
// Invariant: functions may be called on any thread; one change at a time.
#pragma once

#include <map>
#include <mutex>
#include <string>
#include <vector>

#include "base/resource_id.h"
#include "base/result.h"
#include "base/time.h"
#include "cluster/credentials.h"
#include "store/key_value_store.h"

namespace enid::apps {

class HostRegistry {
 public:
  struct Entry {
    std::string fingerprint;
    std::vector<std::string> availability_zones;  // Empty: what the host itself says.
  };

  // Makes the authority when there is none.
  static Result<std::unique_ptr<HostRegistry>> load(store::KeyValueStore& store, WallTime now);

  // Of the control plane itself; made anew at each start.
  Result<cluster::HostCredentials> own_credentials(WallTime now) const;
  // The host's credentials as text; those that it was given before are worthless from then on.
  Result<std::string> add(const HostId& host, std::vector<std::string> availability_zones, WallTime now);
  Result<void> remove(const HostId& host);
  bool has(const HostId& host) const;
  std::map<HostId, Entry> entries() const;
  // Whether this certificate is the one that the host was given last.
  Result<void> admit(const HostId& host, const std::string& certificate) const;

 private:
  HostRegistry(store::KeyValueStore& store, cluster::CertifiedKey authority)
      : store_(store), authority_(std::move(authority)) {}
  Result<void> write(const HostId& host, std::optional<std::string> value);

  store::KeyValueStore& store_;
  const cluster::CertifiedKey authority_;
  mutable std::mutex mutex_;  // Guards what follows.
  std::map<HostId, Entry> entries_;
};

}  // namespace enid::apps
