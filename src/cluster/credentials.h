// Credentials: who is who on the network between cards and the control plane. A certificate authority of
// enid's own, one certificate for the control plane, one for each host; mutual TLS checks them.
//
// Theory of operation
//   The authority is made once and kept by the control plane. Each host's credentials are one text: its
//   certificate with the host's id as common name, its key, and the authority's certificate. A host's id
//   may be given away once at a time: the control plane knows the fingerprint of the last.
//
// Chosen: ECDSA with P-256; ten years, because nothing renews them; "enid-control-plane" as the only name of
// the control plane's certificate, because it may be reached by any address.
#pragma once

#include <string>

#include "base/resource_id.h"
#include "base/result.h"
#include "base/time.h"

namespace enid::cluster {

inline constexpr const char* kControlPlaneName = "enid-control-plane";

struct CertifiedKey {
  std::string certificate;  // PEM.
  std::string key;          // PEM; secret.
};

// A new authority, or one certificate of it, with `name` as common name and DNS name.
Result<CertifiedKey> make_authority(WallTime now);
Result<CertifiedKey> certify(const CertifiedKey& authority, const std::string& name, WallTime now);
// SHA-256 of the certificate, in hexadecimal digits.
Result<std::string> fingerprint(const std::string& certificate);

struct HostCredentials {
  CertifiedKey own;
  std::string authority;  // PEM of its certificate.
};

// The text that `enid host add` writes.
std::string to_text(const HostCredentials& credentials, const HostId& host);
// Refused, in words for people: it is no such text, it is another host's, or its own authority did not make
// it.
Result<HostCredentials> parse_credentials(const std::string& text, const HostId& host, WallTime now);

}  // namespace enid::cluster
