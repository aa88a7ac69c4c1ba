#include "cluster/credentials.h"

#include <fmt/format.h>
#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rand.h>
#include <openssl/x509v3.h>

#include <ctime>
#include <memory>
#include <vector>

namespace enid::cluster {
namespace {

constexpr std::int64_t kLifeSeconds = std::int64_t{10} * 365 * 24 * 3600;
constexpr std::int64_t kEarlierSeconds = 24 * 3600;  // Clocks of hosts differ.
constexpr const char* kAuthorityName = "enid certificate authority";

template <auto Free>
struct Freed {
  template <class T>
  void operator()(T* object) const {
    Free(object);
  }
};
using Certificate = std::unique_ptr<X509, Freed<X509_free>>;
using Key = std::unique_ptr<EVP_PKEY, Freed<EVP_PKEY_free>>;
using Memory = std::unique_ptr<BIO, Freed<BIO_free>>;
using Extension = std::unique_ptr<X509_EXTENSION, Freed<X509_EXTENSION_free>>;
using Trust = std::unique_ptr<X509_STORE, Freed<X509_STORE_free>>;
using TrustContext = std::unique_ptr<X509_STORE_CTX, Freed<X509_STORE_CTX_free>>;

std::unexpected<Error> refused(const std::string& what) {
  char reason[256] = "";
  if (const unsigned long code = ERR_get_error(); code != 0) ERR_error_string_n(code, reason, sizeof reason);
  ERR_clear_error();
  return failure(std::make_error_code(std::errc::invalid_argument),
                 reason[0] == '\0' ? what : fmt::format("{} ({})", what, reason));
}

Memory memory_with(const std::string& text) {
  return Memory(BIO_new_mem_buf(text.data(), static_cast<int>(text.size())));
}

std::string text_of(BIO* memory) {
  char* bytes = nullptr;
  const long size = BIO_get_mem_data(memory, &bytes);
  return {bytes, static_cast<std::size_t>(size)};
}

Result<Certificate> read_certificate(const std::string& pem) {
  const Memory memory = memory_with(pem);
  Certificate certificate(PEM_read_bio_X509(memory.get(), nullptr, nullptr, nullptr));
  if (certificate == nullptr) return refused("this is no certificate");
  return certificate;
}

Result<Key> read_key(const std::string& pem) {
  const Memory memory = memory_with(pem);
  Key key(PEM_read_bio_PrivateKey(memory.get(), nullptr, nullptr, nullptr));
  if (key == nullptr) return refused("this is no key");
  return key;
}

bool add_extension(X509* certificate, X509* issuer, int kind, const std::string& value) {
  X509V3_CTX context;
  X509V3_set_ctx(&context, issuer, certificate, nullptr, nullptr, 0);
  const Extension extension(X509V3_EXT_conf_nid(nullptr, &context, kind, value.c_str()));
  return extension != nullptr && X509_add_ext(certificate, extension.get(), -1) == 1;
}

bool set_name(X509_NAME* to, const std::string& name) {
  return X509_NAME_add_entry_by_txt(to, "CN", MBSTRING_UTF8,
                                    reinterpret_cast<const unsigned char*>(name.data()),
                                    static_cast<int>(name.size()), -1, 0) == 1;
}

bool set_serial(X509* certificate) {
  std::uint64_t serial = 0;
  if (RAND_bytes(reinterpret_cast<unsigned char*>(&serial), sizeof serial) != 1) return false;
  return ASN1_INTEGER_set_uint64(X509_get_serialNumber(certificate), serial >> 1) == 1;
}

// No two authorities are called the same: else a certificate of another one would look like one of this
// authority's that is damaged, and people would be told so.
bool add_name_of_its_own(X509_NAME* to) {
  std::uint64_t number = 0;
  if (RAND_bytes(reinterpret_cast<unsigned char*>(&number), sizeof number) != 1) return false;
  const std::string text = fmt::format("{:016x}", number);
  return X509_NAME_add_entry_by_txt(to, "serialNumber", MBSTRING_ASC,
                                    reinterpret_cast<const unsigned char*>(text.data()),
                                    static_cast<int>(text.size()), -1, 0) == 1;
}

bool set_times(X509* certificate, WallTime now) {
  const std::time_t from = now.seconds_since_epoch() - kEarlierSeconds;
  const std::time_t until = now.seconds_since_epoch() + kLifeSeconds;
  return ASN1_TIME_set(X509_getm_notBefore(certificate), from) != nullptr &&
         ASN1_TIME_set(X509_getm_notAfter(certificate), until) != nullptr;
}

Result<CertifiedKey> write(X509* certificate, EVP_PKEY* key) {
  const Memory first(BIO_new(BIO_s_mem())), second(BIO_new(BIO_s_mem()));
  if (PEM_write_bio_X509(first.get(), certificate) != 1 ||
      PEM_write_bio_PrivateKey(second.get(), key, nullptr, nullptr, 0, nullptr, nullptr) != 1)
    return refused("cannot write a certificate");
  return CertifiedKey{.certificate = text_of(first.get()), .key = text_of(second.get())};
}

// Signed by `signing_key` of `issuer`; without issuer, by itself.
Result<CertifiedKey> make(const std::string& name, WallTime now, X509* issuer, EVP_PKEY* signing_key) {
  const Key key(EVP_EC_gen("P-256"));
  const Certificate certificate(X509_new());
  if (key == nullptr || certificate == nullptr) return refused("cannot make a key");
  X509* const to = certificate.get();
  X509* const from = issuer == nullptr ? to : issuer;
  bool ok = X509_set_version(to, X509_VERSION_3) == 1 && set_serial(to) && set_times(to, now) &&
            X509_set_pubkey(to, key.get()) == 1 && set_name(X509_get_subject_name(to), name) &&
            (issuer != nullptr || add_name_of_its_own(X509_get_subject_name(to))) &&
            X509_set_issuer_name(to, X509_get_subject_name(from)) == 1;
  if (issuer == nullptr) {
    ok = ok && add_extension(to, from, NID_basic_constraints, "critical,CA:TRUE,pathlen:0") &&
         add_extension(to, from, NID_key_usage, "critical,keyCertSign");
  } else {
    ok =
        ok && add_extension(to, from, NID_basic_constraints, "critical,CA:FALSE") &&
        add_extension(to, from, NID_key_usage, "critical,digitalSignature") &&
        add_extension(to, from, NID_ext_key_usage, name == kControlPlaneName ? "serverAuth" : "clientAuth") &&
        add_extension(to, from, NID_subject_alt_name, "DNS:" + name);
  }
  if (!ok || X509_sign(to, issuer == nullptr ? key.get() : signing_key, EVP_sha256()) == 0)
    return refused("cannot make a certificate for " + name);
  return write(to, key.get());
}

std::string common_name(X509* certificate) {
  char name[256] = "";
  X509_NAME_get_text_by_NID(X509_get_subject_name(certificate), NID_commonName, name, sizeof name);
  return name;
}

// The pieces of a PEM text whose label ends so, each with its own marks.
std::vector<std::string> sections(const std::string& text, const std::string& label) {
  std::vector<std::string> found;
  const std::string end_mark = label + "-----";
  for (std::size_t begin = text.find("-----BEGIN "); begin != text.npos;) {
    const std::size_t line_end = text.find('\n', begin);
    const std::size_t end = text.find("-----END ", begin);
    const std::size_t after = end == text.npos ? text.npos : text.find('\n', end);
    if (line_end == text.npos || end == text.npos) break;
    const std::string first_line = text.substr(begin, line_end - begin);
    if (first_line.ends_with(end_mark)) found.push_back(text.substr(begin, after - begin) + "\n");
    begin = text.find("-----BEGIN ", end);
  }
  return found;
}

Result<void> check_signed_by(X509* authority, X509* certificate, WallTime now) {
  const Trust trust(X509_STORE_new());
  const TrustContext context(X509_STORE_CTX_new());
  if (trust == nullptr || context == nullptr || X509_STORE_add_cert(trust.get(), authority) != 1 ||
      X509_STORE_CTX_init(context.get(), trust.get(), certificate, nullptr) != 1)
    return refused("cannot check a certificate");
  X509_STORE_CTX_set_time(context.get(), 0, now.seconds_since_epoch());
  if (X509_verify_cert(context.get()) == 1) return {};
  return refused(fmt::format("the certificate is not valid: {}",
                             X509_verify_cert_error_string(X509_STORE_CTX_get_error(context.get()))));
}

}  // namespace

Result<CertifiedKey> make_authority(WallTime now) { return make(kAuthorityName, now, nullptr, nullptr); }

Result<CertifiedKey> certify(const CertifiedKey& authority, const std::string& name, WallTime now) {
  const Certificate issuer = TRY(read_certificate(authority.certificate));
  const Key key = TRY(read_key(authority.key));
  return make(name, now, issuer.get(), key.get());
}

Result<std::string> fingerprint(const std::string& certificate) {
  const Certificate read = TRY(read_certificate(certificate));
  unsigned char digest[EVP_MAX_MD_SIZE];
  unsigned int size = 0;
  if (X509_digest(read.get(), EVP_sha256(), digest, &size) != 1)
    return refused("cannot digest a certificate");
  std::string text;
  for (unsigned int i = 0; i < size; ++i) text += fmt::format("{:02x}", digest[i]);
  return text;
}

std::string to_text(const HostCredentials& credentials, const HostId& host) {
  return fmt::format(
      "# Credentials of the host {}, for: enid card --host-id {} --credentials THIS-FILE\n"
      "# Whoever has this file can be that host. Its certificate, its key, and who certifies the control "
      "plane:\n"
      "{}{}{}",
      host.text(), host.text(), credentials.own.certificate, credentials.own.key, credentials.authority);
}

Result<HostCredentials> parse_credentials(const std::string& text, const HostId& host, WallTime now) {
  const auto certificates = sections(text, "CERTIFICATE");
  const auto keys = sections(text, "PRIVATE KEY");
  if (certificates.size() != 2 || keys.size() != 1)
    return refused(
        "these are no credentials as `enid host add` writes them: a certificate, a key, and the "
        "authority's certificate");
  HostCredentials credentials{.own = {.certificate = certificates[0], .key = keys[0]},
                              .authority = certificates[1]};
  const Certificate own = TRY(read_certificate(credentials.own.certificate));
  const Certificate authority = TRY(read_certificate(credentials.authority));
  const Key key = TRY(read_key(credentials.own.key));
  if (common_name(own.get()) != host.text())
    return refused(
        fmt::format("these credentials are those of {}, not of {}", common_name(own.get()), host.text()));
  if (X509_check_private_key(own.get(), key.get()) != 1)
    return refused("the key is not that of the certificate");
  TRY(check_signed_by(authority.get(), own.get(), now));
  return credentials;
}

}  // namespace enid::cluster
