#include "api/ec2/key_material.h"

#include <gtest/gtest.h>

#include "vpc/ec2_error.h"

namespace enid::api::ec2 {
namespace {

TEST(KeyMaterial, an_ed25519_key_that_we_made_reads_back) {
  const auto made = make_key("ed25519");
  ASSERT_TRUE(made);
  EXPECT_TRUE(made->private_pem.starts_with("-----BEGIN OPENSSH PRIVATE KEY-----\n"));
  const auto read = read_public_key(made->public_key.text + " somebody@somewhere");
  ASSERT_TRUE(read);
  EXPECT_EQ(read->text, made->public_key.text);
  EXPECT_EQ(read->fingerprint, made->public_key.fingerprint);
}

TEST(KeyMaterial, an_rsa_key_has_ec2s_two_fingerprints) {
  const auto made = make_key("rsa");
  ASSERT_TRUE(made);
  EXPECT_TRUE(made->private_pem.starts_with("-----BEGIN RSA PRIVATE KEY-----\n"));
  EXPECT_EQ(made->public_key.fingerprint.size(), 59U);  // SHA-1 with colons.
  const auto read = read_public_key(made->public_key.text);
  ASSERT_TRUE(read);
  EXPECT_EQ(read->type, "rsa");
  EXPECT_EQ(read->fingerprint.size(), 47U);  // MD5 with colons.
}

TEST(KeyMaterial, refuses_what_is_no_public_key) {
  for (const char* text : {"", "ssh-rsa", "ssh-rsa !!!!", "ssh-rsa AAAA",
                           "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAA", "hello world"}) {
    const auto read = read_public_key(text);
    ASSERT_FALSE(read) << text;
    EXPECT_EQ(vpc::ec2_code(read.error()), "InvalidKey.Format");
  }
}

}  // namespace
}  // namespace enid::api::ec2
