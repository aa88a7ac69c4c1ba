// RequestSigner: signs requests as a client does, for tests. Written from the description of the
// protocol, apart from the verifier; sigv4_test.cc holds both against botocore.
//
//   It takes targets whose query is already sorted and encoded as SigV4 wants it.
#pragma once

#include <fmt/format.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>

#include <map>
#include <string>
#include <string_view>

#include "api/http_message.h"

namespace enid::api::testing {

struct RequestSigner {
  std::string id = "AKIDEXAMPLE";
  std::string secret = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY";
  std::string region = "us-east-1";
  std::string service = "ec2";
  std::string time = "20261121T093000Z";

  // All headers that the request has are signed.
  HttpRequest sign(HttpRequest request) const {
    request.headers.push_back({"X-Amz-Date", time});
    std::map<std::string, std::string> headers;
    for (const HttpHeader& header : request.headers) headers[lower(header.name)] = header.value;
    std::string names;
    std::string lines;
    for (const auto& [name, value] : headers) {
      names += (names.empty() ? "" : ";") + name;
      lines += name + ":" + value + "\n";
    }
    const std::string scope = fmt::format("{}/{}/{}/aws4_request", time.substr(0, 8), region, service);
    const std::string canonical = fmt::format("{}\n{}\n{}\n{}\n{}\n{}", request.method, request.path(),
                                              request.query(), lines, names, hex(sha256(request.body)));
    std::string key = "AWS4" + secret;
    for (const std::string& part : {time.substr(0, 8), region, service, std::string("aws4_request")})
      key = hmac(key, part);
    const std::string text = "AWS4-HMAC-SHA256\n" + time + "\n" + scope + "\n" + hex(sha256(canonical));
    request.headers.push_back(
        {"Authorization", fmt::format("AWS4-HMAC-SHA256 Credential={}/{}, SignedHeaders={}, Signature={}", id,
                                      scope, names, hex(hmac(key, text)))});
    return request;
  }

  // A call of the query protocol.
  HttpRequest post(std::string form) const {
    return sign({.method = "POST",
                 .target = "/",
                 .headers = {{"Host", "127.0.0.1:4566"},
                             {"Content-Type", "application/x-www-form-urlencoded; charset=utf-8"}},
                 .body = std::move(form)});
  }

 private:
  static std::string lower(std::string text) {
    for (char& c : text) c = static_cast<char>(c >= 'A' && c <= 'Z' ? c + ('a' - 'A') : c);
    return text;
  }
  static std::string sha256(std::string_view text) {
    std::string digest(32, '\0');
    EVP_Digest(text.data(), text.size(), reinterpret_cast<unsigned char*>(digest.data()), nullptr,
               EVP_sha256(), nullptr);
    return digest;
  }
  static std::string hmac(std::string_view key, std::string_view text) {
    std::string digest(32, '\0');
    unsigned size = 0;
    HMAC(EVP_sha256(), key.data(), static_cast<int>(key.size()),
         reinterpret_cast<const unsigned char*>(text.data()), text.size(),
         reinterpret_cast<unsigned char*>(digest.data()), &size);
    return digest;
  }
  static std::string hex(std::string_view bytes) {
    std::string text;
    for (const char byte : bytes) text += fmt::format("{:02x}", static_cast<unsigned char>(byte));
    return text;
  }
};

}  // namespace enid::api::testing
