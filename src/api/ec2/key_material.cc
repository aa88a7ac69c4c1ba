#include "api/ec2/key_material.h"

#include <fmt/format.h>
#include <openssl/bio.h>
#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/decoder.h>
#include <openssl/encoder.h>
#include <openssl/evp.h>
#include <openssl/param_build.h>
#include <openssl/rand.h>
#include <openssl/rsa.h>

#include <memory>
#include <vector>

#include "api/protocol/base64.h"
#include "vpc/ec2_error.h"

namespace enid::api::ec2 {

using vpc::ec2_failure;

namespace {

template <class T, void (*Free)(T*)>
struct Freer {
  void operator()(T* object) const { Free(object); }
};
using Key = std::unique_ptr<EVP_PKEY, Freer<EVP_PKEY, EVP_PKEY_free>>;
using KeyContext = std::unique_ptr<EVP_PKEY_CTX, Freer<EVP_PKEY_CTX, EVP_PKEY_CTX_free>>;
using Number = std::unique_ptr<BIGNUM, Freer<BIGNUM, BN_free>>;
using Encoder = std::unique_ptr<OSSL_ENCODER_CTX, Freer<OSSL_ENCODER_CTX, OSSL_ENCODER_CTX_free>>;

constexpr std::size_t kEd25519Bytes = 32;
constexpr int kRsaBits = 2048;  // Documented: EC2 User Guide, "Create a key pair": 2048-bit SSH-2 RSA keys.

std::unexpected<Error> openssl_failure() {
  return failure(std::make_error_code(std::errc::io_error), "OpenSSL could not make or read a key");
}

// RFC 4251 section 5: string and mpint.
void put_string(std::string& to, std::string_view text) {
  const auto size = static_cast<std::uint32_t>(text.size());
  for (int shift = 24; shift >= 0; shift -= 8) to += static_cast<char>(size >> shift & 255);
  to += text;
}

void put_number(std::string& to, const BIGNUM* number) {
  std::string bytes(static_cast<std::size_t>(BN_num_bytes(number)), '\0');
  BN_bn2bin(number, reinterpret_cast<unsigned char*>(bytes.data()));
  if (!bytes.empty() && (bytes[0] & 0x80) != 0) bytes.insert(bytes.begin(), '\0');
  put_string(to, bytes);
}

// Reads a string; false when there is none.
bool take_string(std::string_view& from, std::string_view& text) {
  if (from.size() < 4) return false;
  std::size_t size = 0;
  for (int i = 0; i < 4; ++i)
    size = size << 8 | static_cast<unsigned char>(from[static_cast<std::size_t>(i)]);
  from.remove_prefix(4);
  if (from.size() < size) return false;
  text = from.substr(0, size);
  from.remove_prefix(size);
  return true;
}

std::string colons(const unsigned char* digest, std::size_t size) {
  std::string text;
  for (std::size_t i = 0; i < size; ++i) text += fmt::format("{}{:02x}", i == 0 ? "" : ":", digest[i]);
  return text;
}

std::string digest_of(std::string_view bytes, const EVP_MD* algorithm, bool base64) {
  unsigned char digest[EVP_MAX_MD_SIZE];
  unsigned size = 0;
  EVP_Digest(bytes.data(), bytes.size(), digest, &size, algorithm, nullptr);
  if (base64) return protocol::write_base64({reinterpret_cast<const char*>(digest), size});
  return colons(digest, size);
}

Result<std::string> encode(EVP_PKEY* key, int selection, const char* format, const char* structure) {
  const Encoder encoder(OSSL_ENCODER_CTX_new_for_pkey(key, selection, format, structure, nullptr));
  unsigned char* data = nullptr;
  std::size_t size = 0;
  if (encoder == nullptr || OSSL_ENCODER_to_data(encoder.get(), &data, &size) != 1) return openssl_failure();
  std::string bytes(reinterpret_cast<const char*>(data), size);
  OPENSSL_free(data);
  return bytes;
}

Result<std::string> rsa_blob(EVP_PKEY* key) {
  BIGNUM* n = nullptr;
  BIGNUM* e = nullptr;
  EVP_PKEY_get_bn_param(key, OSSL_PKEY_PARAM_RSA_N, &n);
  EVP_PKEY_get_bn_param(key, OSSL_PKEY_PARAM_RSA_E, &e);
  const Number modulus(n), exponent(e);
  if (!modulus || !exponent) return openssl_failure();
  std::string blob;
  put_string(blob, "ssh-rsa");
  put_number(blob, exponent.get());
  put_number(blob, modulus.get());
  return blob;
}

// Documented: EC2 User Guide, "Verify the fingerprint": SHA-1 of the private key in PKCS#8 for
// RSA keys that EC2 made, MD5 of the public key for imported ones, SHA-256 for ED25519.
Result<NewKey> make_rsa() {
  const Key key(EVP_PKEY_Q_keygen(nullptr, nullptr, "RSA", static_cast<std::size_t>(kRsaBits)));
  if (!key) return openssl_failure();
  NewKey made;
  made.public_key.type = "rsa";
  made.public_key.text = "ssh-rsa " + protocol::write_base64(TRY(rsa_blob(key.get())));
  made.public_key.fingerprint =
      digest_of(TRY(encode(key.get(), EVP_PKEY_KEYPAIR, "DER", "PrivateKeyInfo")), EVP_sha1(), false);
  made.private_pem = TRY(encode(key.get(), EVP_PKEY_KEYPAIR, "PEM", "type-specific"));
  return made;
}

// OpenSSH's PROTOCOL.key: an unencrypted private key of one ED25519 pair.
std::string openssh_private_key(std::string_view public_blob, std::string_view public_bytes,
                                std::string_view seed, std::string_view check) {
  std::string secret(check);
  secret += check;
  put_string(secret, "ssh-ed25519");
  put_string(secret, public_bytes);
  put_string(secret, std::string(seed) + std::string(public_bytes));
  put_string(secret, "");  // The comment.
  for (char pad = 1; secret.size() % 8 != 0; ++pad) secret += pad;
  std::string whole("openssh-key-v1\0", 15);
  put_string(whole, "none");
  put_string(whole, "none");
  put_string(whole, "");
  whole += std::string("\0\0\0\1", 4);
  put_string(whole, public_blob);
  put_string(whole, secret);
  const std::string text = protocol::write_base64(whole);
  std::string pem = "-----BEGIN OPENSSH PRIVATE KEY-----\n";
  for (std::size_t i = 0; i < text.size(); i += 70) pem += text.substr(i, 70) + "\n";
  return pem + "-----END OPENSSH PRIVATE KEY-----";
}

Result<NewKey> make_ed25519() {
  const Key key(EVP_PKEY_Q_keygen(nullptr, nullptr, "ED25519"));
  unsigned char public_bytes[kEd25519Bytes], seed[kEd25519Bytes], check[4];
  std::size_t public_size = sizeof public_bytes, seed_size = sizeof seed;
  if (!key || EVP_PKEY_get_raw_public_key(key.get(), public_bytes, &public_size) != 1 ||
      EVP_PKEY_get_raw_private_key(key.get(), seed, &seed_size) != 1 || RAND_bytes(check, sizeof check) != 1)
    return openssl_failure();
  const auto view = [](const unsigned char* bytes, std::size_t size) {
    return std::string_view(reinterpret_cast<const char*>(bytes), size);
  };
  std::string blob;
  put_string(blob, "ssh-ed25519");
  put_string(blob, view(public_bytes, public_size));
  NewKey made;
  made.public_key.type = "ed25519";
  made.public_key.text = "ssh-ed25519 " + protocol::write_base64(blob);
  made.public_key.fingerprint = digest_of(blob, EVP_sha256(), true);
  made.private_pem = openssh_private_key(blob, view(public_bytes, public_size), view(seed, seed_size),
                                         view(check, sizeof check));
  return made;
}

// The DER form of an RSA public key, from its modulus and exponent.
Result<std::string> rsa_public_der(std::string_view exponent, std::string_view modulus) {
  const auto number = [](std::string_view bytes) {
    return Number(BN_bin2bn(reinterpret_cast<const unsigned char*>(bytes.data()),
                            static_cast<int>(bytes.size()), nullptr));
  };
  const Number e = number(exponent), n = number(modulus);
  OSSL_PARAM_BLD* builder = OSSL_PARAM_BLD_new();
  OSSL_PARAM_BLD_push_BN(builder, OSSL_PKEY_PARAM_RSA_N, n.get());
  OSSL_PARAM_BLD_push_BN(builder, OSSL_PKEY_PARAM_RSA_E, e.get());
  OSSL_PARAM* parameters = OSSL_PARAM_BLD_to_param(builder);
  OSSL_PARAM_BLD_free(builder);
  const KeyContext context(EVP_PKEY_CTX_new_from_name(nullptr, "RSA", nullptr));
  EVP_PKEY* raw = nullptr;
  const bool made = EVP_PKEY_fromdata_init(context.get()) == 1 &&
                    EVP_PKEY_fromdata(context.get(), &raw, EVP_PKEY_PUBLIC_KEY, parameters) == 1;
  OSSL_PARAM_free(parameters);
  const Key key(raw);
  if (!made) return openssl_failure();
  return encode(key.get(), EVP_PKEY_PUBLIC_KEY, "DER", "SubjectPublicKeyInfo");
}

std::unexpected<Error> bad_format() {
  return ec2_failure("InvalidKey.Format", "Key is not in valid OpenSSH public key format");
}

}  // namespace

Result<NewKey> make_key(const std::string& type) { return type == "ed25519" ? make_ed25519() : make_rsa(); }

Result<PublicKey> read_public_key(const std::string& text) {
  const std::size_t blank = text.find(' ');
  if (blank == text.npos) return bad_format();
  const std::string name = text.substr(0, blank);
  std::string encoded = text.substr(blank + 1);
  encoded = encoded.substr(0, encoded.find_first_of(" \t\r\n"));
  const auto blob = protocol::parse_base64(encoded);
  if (!blob) return bad_format();
  std::string_view rest = *blob, said, first, second;
  if (!take_string(rest, said) || said != name || !take_string(rest, first)) return bad_format();
  PublicKey key{.type = "", .text = name + " " + encoded, .fingerprint = ""};
  if (name == "ssh-ed25519") {
    if (first.size() != kEd25519Bytes || !rest.empty()) return bad_format();
    key.type = "ed25519";
    key.fingerprint = digest_of(*blob, EVP_sha256(), true);
    return key;
  }
  if (name != "ssh-rsa" || !take_string(rest, second) || !rest.empty() || first.empty() ||
      second.size() < 128)
    return bad_format();
  key.type = "rsa";
  key.fingerprint = digest_of(TRY(rsa_public_der(first, second)), EVP_md5(), false);
  return key;
}

}  // namespace enid::api::ec2
