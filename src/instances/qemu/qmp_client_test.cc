#include "instances/qemu/qmp_client.h"

#include <gmock/gmock.h>
#include <sys/socket.h>

#include <array>
#include <string>
#include <utility>

namespace enid::instances {
namespace {

using ::testing::HasSubstr;

constexpr const char* kGreeting = R"({"QMP":{"version":{"qemu":{"major":11}},"capabilities":["oob"]}})";
constexpr const char* kReady = R"({"return":{},"id":1})";

// The other end of the socket. A test writes all that QEMU will say beforehand: ids count from 1,
// so the answers are known.
class ScriptedQemu {
 public:
  ScriptedQemu() {
    std::array<int, 2> ends{};
    EXPECT_EQ(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends.data()), 0);
    ours_ = host::UniqueFd(ends[0]);
    client_ = host::UniqueFd(ends[1]);
  }

  void says(const std::string& line) { says_raw(line + "\r\n"); }
  void says_raw(const std::string& bytes) {
    EXPECT_EQ(::send(ours_.get(), bytes.data(), bytes.size(), MSG_DONTWAIT | MSG_NOSIGNAL),
              static_cast<ssize_t>(bytes.size()));
  }
  void goes_away() { ours_.reset(); }
  std::string heard() {
    std::array<char, 8192> bytes{};
    const ssize_t count = ::recv(ours_.get(), bytes.data(), bytes.size(), MSG_DONTWAIT);
    return count > 0 ? std::string(bytes.data(), static_cast<std::size_t>(count)) : "";
  }
  Result<QmpClient> connect(int timeout_ms = 1000) {
    return QmpClient::connect(std::move(client_), timeout_ms);
  }
  QmpClient connected() {
    says(kGreeting);
    says(kReady);
    Result<QmpClient> client = connect();
    EXPECT_TRUE(client.has_value());
    EXPECT_THAT(heard(), HasSubstr("qmp_capabilities"));
    return *std::move(client);
  }

 private:
  host::UniqueFd ours_;
  host::UniqueFd client_;
};

TEST(QmpClient, switches_commands_on_after_the_greeting) {
  ScriptedQemu qemu;
  const QmpClient client = qemu.connected();
  EXPECT_FALSE(client.is_lost());
}

TEST(QmpClient, gives_a_command_its_own_answer) {
  ScriptedQemu qemu;
  QmpClient client = qemu.connected();
  qemu.says(R"({"return":{"status":"stale"},"id":77})");
  qemu.says(R"({"return":{"status":"running"},"id":2})");
  const Result<nlohmann::json> status = client.execute("query-status");
  ASSERT_TRUE(status.has_value());
  EXPECT_EQ((*status)["status"], "running");
  EXPECT_EQ(nlohmann::json::parse(qemu.heard()),
            nlohmann::json::parse(R"({"execute":"query-status","id":2})"));
}

TEST(QmpClient, tells_what_qemu_says_when_it_refuses) {
  ScriptedQemu qemu;
  QmpClient client = qemu.connected();
  qemu.says(R"({"error":{"class":"GenericError","desc":"Bus 'port9' not found"},"id":2})");
  const Result<nlohmann::json> added = client.execute("device_add", {{"driver", "x"}, {"bus", "port9"}});
  ASSERT_FALSE(added.has_value());
  EXPECT_THAT(added.error().message, HasSubstr("port9"));
  EXPECT_FALSE(client.is_lost());
}

TEST(QmpClient, keeps_events_that_come_before_an_answer) {
  ScriptedQemu qemu;
  QmpClient client = qemu.connected();
  qemu.says(R"({"event":"RESET","data":{"guest":true},"timestamp":{"seconds":1,"microseconds":2}})");
  qemu.says(R"({"return":{},"id":2})");
  qemu.says(R"({"event":"SHUTDOWN","data":{"reason":"guest-shutdown"}})");
  EXPECT_TRUE(client.execute("cont").has_value());
  const Result<QmpMessage> shutdown = client.wait_for_event("SHUTDOWN", 1000);
  ASSERT_TRUE(shutdown.has_value());
  EXPECT_EQ(shutdown->content["reason"], "guest-shutdown");
  const auto events = client.take_events();
  ASSERT_EQ(events.size(), 1U);
  EXPECT_EQ(events[0].name, "RESET");
}

TEST(QmpClient, keeps_only_so_many_events) {
  ScriptedQemu qemu;
  QmpClient client = qemu.connected();
  std::string said;
  for (int i = 0; i < 300; ++i) said += R"({"event":"E)" + std::to_string(i) + "\"}\n";
  qemu.says_raw(said);
  const auto events = client.take_events();
  ASSERT_EQ(events.size(), kMostQmpEvents);
  EXPECT_EQ(events.back().name, "E299");
}

TEST(QmpClient, does_not_wait_for_ever) {
  ScriptedQemu qemu;
  QmpClient client = qemu.connected();
  EXPECT_EQ(client.wait_for_event("SHUTDOWN", 10).error().code, std::errc::timed_out);
  EXPECT_FALSE(client.is_lost());
  EXPECT_EQ(client.execute("query-status", nullptr, 10).error().code, std::errc::timed_out);
  // The answer may still come, and must not be taken for another's.
  EXPECT_TRUE(client.is_lost());
  EXPECT_FALSE(client.execute("query-status").has_value());
}

TEST(QmpClient, notices_that_qemu_has_gone) {
  ScriptedQemu qemu;
  QmpClient client = qemu.connected();
  qemu.goes_away();
  EXPECT_EQ(client.execute("query-status").error().code, std::errc::connection_reset);
  EXPECT_TRUE(client.is_lost());
}

TEST(QmpClient, does_not_speak_to_what_does_not_greet) {
  ScriptedQemu qemu;
  qemu.says(R"({"return":{},"id":1})");
  EXPECT_EQ(qemu.connect().error().code, std::errc::protocol_error);
  ScriptedQemu silent;
  EXPECT_EQ(silent.connect(10).error().code, std::errc::timed_out);
}

TEST(QmpReader, puts_messages_together_from_any_pieces) {
  const std::string text = std::string(kGreeting) + "\r\n\r\n" + kReady + "\n";
  QmpReader reader;
  int messages = 0;
  for (const char byte : text) {
    reader.on_bytes({&byte, 1});
    const auto message = reader.next();
    ASSERT_TRUE(message.has_value());
    messages += message->has_value() ? 1 : 0;
  }
  EXPECT_EQ(messages, 2);
}

TEST(QmpReader, refuses_what_is_no_message) {
  for (const std::string line :
       {"", "null", "[]", "{", "{}", "\"QMP\"", R"({"error":5})", "{\"event\":\"\xff\"}"})
    EXPECT_FALSE(parse_qmp_message(line).has_value()) << line;
  EXPECT_TRUE(parse_qmp_message(R"({"event":{},"data":[]})").has_value());
  EXPECT_EQ(parse_qmp_message(R"({"return":1,"id":"x"})")->id, -1);
  // Nesting is no danger either.
  EXPECT_FALSE(parse_qmp_message(std::string(500'000, '[')).has_value());
}

TEST(QmpReader, does_not_collect_a_line_without_end) {
  QmpReader reader;
  reader.on_bytes(std::string(kLongestQmpLine, 'x'));
  EXPECT_TRUE(reader.next().has_value());
  reader.on_bytes("x");
  EXPECT_FALSE(reader.next().has_value());
}

}  // namespace
}  // namespace enid::instances
