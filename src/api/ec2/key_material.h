// Key pairs: making them, and reading public keys that people bring.
#pragma once

#include <string>

#include "base/result.h"

namespace enid::api::ec2 {

struct PublicKey {
  std::string type;         // "rsa" or "ed25519"
  std::string text;         // OpenSSH's form without a comment: "ssh-ed25519 AAAA…"
  std::string fingerprint;  // As EC2 tells it for an imported key.
};

struct NewKey {
  PublicKey public_key;  // Its fingerprint is that of a key that EC2 made.
  std::string private_pem;
};

// Uses OpenSSL's own randomness: a key that can be made again from a seed protects nothing.
Result<NewKey> make_key(const std::string& type);
// OpenSSH's one-line form. Refuses with InvalidKey.Format.
Result<PublicKey> read_public_key(const std::string& text);

}  // namespace enid::api::ec2
