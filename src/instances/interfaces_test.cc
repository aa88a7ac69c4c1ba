// What instances do with network interfaces, against a card that only answers ARP and DHCP.
#include <gmock/gmock.h>

#include <csignal>
#include <optional>

#include "instances/netns_runtime.h"
#include "instances/testing/test_card.h"
#include "instances/testing/test_machine.h"

namespace enid::instances {
namespace {

using testing::HasSubstr;
using testing::Not;

const NetworkInterfaceId kPrimary = NetworkInterfaceId::trusted("eni-0123456789abcdef0");
const NetworkInterfaceId kMoving = NetworkInterfaceId::trusted("eni-0123456789abcdef1");
const NetworkInterfaceId kOther = NetworkInterfaceId::trusted("eni-0123456789abcdef2");

class InstanceInterfacesTest : public testing::Test {
 protected:
  void SetUp() override {
    if (::geteuid() != 0) GTEST_SKIP() << "namespaces and TAP devices need root";
    machine_.emplace(card_);
    card_.lease(kPrimary, *Ipv4Address::parse("10.0.1.5"));
    card_.lease(kOther, *Ipv4Address::parse("10.0.1.7"));
    card_.lease(kMoving, *Ipv4Address::parse("10.0.1.100"));
  }

  static control::InterfaceAttachment attachment(const NetworkInterfaceId& interface, std::uint16_t index) {
    const auto last = static_cast<std::uint8_t>(interface.text().back());
    return {.interface = interface, .mac = MacAddress{{2, 0, 0, 0, 1, last}}, .device_index = index};
  }
  static control::InstanceLaunch launch_with(const InstanceId& id, const NetworkInterfaceId& primary) {
    control::InstanceLaunch launch = launch_of(id);
    launch.interfaces = {attachment(primary, 0)};
    return launch;
  }
  Result<void> attach(const InstanceId& id, const control::InterfaceAttachment& given) {
    return machine().wait([&](auto done) { machine().runtime().attach(id, given, done); });
  }
  Result<void> detach(const InstanceId& id, const NetworkInterfaceId& interface) {
    return machine().wait([&](auto done) { machine().runtime().detach(id, interface, done); });
  }
  static void record_microseconds(const char* name, std::chrono::steady_clock::time_point since) {
    const auto took = std::chrono::steady_clock::now() - since;
    RecordProperty(name,
                   static_cast<int>(std::chrono::duration_cast<std::chrono::microseconds>(took).count()));
  }
  TestMachine& machine() { return *machine_; }
  std::string output(const std::string& command) { return machine().run(kFirst, command).output; }

  TestCard card_;
  std::optional<TestMachine> machine_;
};

TEST_F(InstanceInterfacesTest, eth0_is_configured_by_dhcp_when_start_is_done) {
  const auto before = std::chrono::steady_clock::now();
  const Result<void> started = machine().start(launch_with(kFirst, kPrimary));
  record_microseconds("start_us", before);
  ASSERT_TRUE(started) << started.error().message;
  const std::string link = output("ip address show eth0");
  EXPECT_THAT(link, HasSubstr("inet 10.0.1.5/24")) << machine().console(kFirst);
  EXPECT_THAT(link, HasSubstr("02:00:00:00:01:30"));
  EXPECT_THAT(link, HasSubstr("mtu 9001"));
  EXPECT_THAT(link, Not(HasSubstr("inet6")));
  EXPECT_THAT(output("ip route"), HasSubstr("default via 10.0.1.1 dev eth0"));
  EXPECT_EQ(output("cat /etc/resolv.conf"), "search test\nnameserver 10.0.0.2\n");
  EXPECT_EQ(output("ls /sys/class/net | sort | tr \"\\n\" \" \""), "eth0 lo ");
  EXPECT_TRUE(machine().stop(kFirst));
  EXPECT_EQ(card_.bound(), 0U);
}

TEST_F(InstanceInterfacesTest, two_instances_reach_each_other) {
  ASSERT_TRUE(machine().start(launch_with(kFirst, kPrimary)));
  ASSERT_TRUE(machine().start(launch_with(kSecond, kOther)));
  EXPECT_EQ(machine().run(kFirst, "ping -c 1 -W 2 10.0.1.7").status, 0);
}

TEST_F(InstanceInterfacesTest, a_moved_interface_answers_at_its_new_instance) {
  ASSERT_TRUE(machine().start(launch_with(kFirst, kPrimary)));
  ASSERT_TRUE(machine().start(launch_with(kSecond, kOther)));
  ASSERT_TRUE(attach(kFirst, attachment(kMoving, 1)));
  EXPECT_EQ(machine().run(kSecond, "ping -c 1 -W 2 10.0.1.100").status, 0);
  const auto detaching = std::chrono::steady_clock::now();
  ASSERT_TRUE(detach(kFirst, kMoving));
  record_microseconds("detach_us", detaching);
  EXPECT_EQ(output("ip rule | grep -c 1000"), "0\n");
  EXPECT_EQ(output("ls /sys/class/net | grep -c eth1"), "0\n");
  const auto before = std::chrono::steady_clock::now();
  ASSERT_TRUE(attach(kSecond, attachment(kMoving, 1)));
  record_microseconds("attach_us", before);
  EXPECT_LT(std::chrono::steady_clock::now() - before, std::chrono::milliseconds(500));
  EXPECT_EQ(output("ping -c 1 -W 2 10.0.1.100 >/dev/null && echo answered"), "answered\n");
}

TEST_F(InstanceInterfacesTest, answers_leave_by_the_interface_that_was_asked) {
  ASSERT_TRUE(machine().start(launch_with(kFirst, kPrimary)));
  ASSERT_TRUE(machine().start(launch_with(kSecond, kOther)));
  ASSERT_TRUE(attach(kFirst, attachment(kMoving, 1)));  // In the same subnet as eth0.
  EXPECT_EQ(machine().run(kSecond, "ping -c 1 -W 2 10.0.1.100").status, 0);
  EXPECT_EQ(machine().run(kSecond, "ping -c 1 -W 2 10.0.1.5").status, 0);
  EXPECT_EQ(card_.senders(*Ipv4Address::parse("10.0.1.100")), std::set{kMoving});
  EXPECT_EQ(card_.senders(*Ipv4Address::parse("10.0.1.5")), std::set{kPrimary});
}

TEST_F(InstanceInterfacesTest, an_interface_without_a_lease_is_attached_and_configured_later) {
  ASSERT_TRUE(machine().start(launch_with(kFirst, kPrimary)));
  const NetworkInterfaceId late = NetworkInterfaceId::trusted("eni-0123456789abcdef9");
  ASSERT_TRUE(attach(kFirst, attachment(late, 2)));
  EXPECT_THAT(machine().console(kFirst), HasSubstr("eth2 has no DHCP lease yet"));
  card_.lease(late, *Ipv4Address::parse("10.0.2.9"));
  EXPECT_TRUE(eventually([&] { return output("ip -4 address show eth2").contains("10.0.2.9/24"); }));
}

TEST_F(InstanceInterfacesTest, instances_outlive_their_runtime_and_are_adopted) {
  ASSERT_TRUE(machine().start(launch_with(kFirst, kPrimary)));
  ASSERT_TRUE(machine().start(launch_with(kSecond, kOther)));
  ASSERT_TRUE(attach(kFirst, attachment(kMoving, 1)));
  machine().close_runtime();
  for (const NetworkInterfaceId& interface : {kPrimary, kMoving, kOther}) card_.unbind(interface, [] {});
  machine().open_runtime();
  EXPECT_EQ(machine().runtime().state(kFirst), control::RunState::kRunning);
  // The earlier daemon died before eth1 was gone.
  ASSERT_TRUE(
      machine().wait([&](auto done) { machine().runtime().adopt(kFirst, {attachment(kPrimary, 0)}, done); }));
  ASSERT_TRUE(
      machine().wait([&](auto done) { machine().runtime().adopt(kSecond, {attachment(kOther, 0)}, done); }));
  EXPECT_EQ(output("ls /sys/class/net | grep -c eth1"), "0\n");
  EXPECT_EQ(machine().run(kSecond, "ping -c 1 -W 2 10.0.1.5").status, 0);
}

TEST_F(InstanceInterfacesTest, instances_outlive_a_daemon_that_was_killed) {
  // The other daemon keeps its devices to itself: nothing is leased while it lives.
  FILE* daemon = ::popen((std::string("exec ") + ENID_INSTANCE_INIT + " daemon " + machine().folder() + " " +
                          kFirst.text() + " " + kPrimary.text())
                             .c_str(),
                         "r");
  int pid = 0;
  ASSERT_EQ(std::fscanf(daemon, "%d", &pid), 1);
  ASSERT_EQ(::kill(pid, SIGKILL), 0);
  ::pclose(daemon);
  ASSERT_EQ(machine().runtime().state(kFirst), control::RunState::kRunning);
  EXPECT_EQ(output("ls /sys/class/net/eth0/address"), "/sys/class/net/eth0/address\n");
  auto same = attachment(kPrimary, 0);
  ASSERT_TRUE(machine().wait([&](auto done) { machine().runtime().adopt(kFirst, {same}, done); }));
  EXPECT_TRUE(eventually([&] { return output("ip -4 address show eth0").contains("10.0.1.5/24"); }));
}

TEST_F(InstanceInterfacesTest, a_rebooted_instance_keeps_its_interfaces) {
  ASSERT_TRUE(machine().start(launch_with(kFirst, kPrimary)));
  ASSERT_TRUE(machine().start(launch_with(kSecond, kOther)));
  EXPECT_EQ(output("(sleep 1000 >/dev/null 2>&1 & ) ; touch /tmp/gone; ip address add 10.9.9.9/32 dev eth0"),
            "");
  ASSERT_TRUE(machine().wait([&](auto done) { machine().runtime().reboot(kFirst, done); }));
  EXPECT_NE(machine().run(kFirst, "pgrep sleep || ls /tmp/gone").status, 0);
  EXPECT_EQ(machine().run(kSecond, "ping -c 1 -W 2 10.0.1.5").status, 0);
}

TEST_F(InstanceInterfacesTest, further_private_addresses_come_from_the_metadata_service) {
  ASSERT_TRUE(machine().start(launch_with(kFirst, kPrimary)));
  ASSERT_TRUE(machine().start(launch_with(kSecond, kOther)));
  // A metadata service of the instance's own; the card's is tested with the card.
  const char* serve = R"(ip address add 169.254.169.254/32 dev lo
    cat > /root/imds.py <<END
import http.server, socketserver
class Handler(http.server.BaseHTTPRequestHandler):
    def answer(self, text):
        self.send_response(200); self.end_headers(); self.wfile.write(text)
    def do_PUT(self): self.answer(b"token")
    def do_GET(self): self.answer(b"10.0.1.100\n10.0.1.101" if self.headers["X-aws-ec2-metadata-token"] == "token" and "02:00:00:00:01:31/local-ipv4s" in self.path else b"")
socketserver.TCPServer(("169.254.169.254", 80), Handler).serve_forever()
END
    setsid python3 /root/imds.py >/dev/null 2>&1 </dev/null &)";
  ASSERT_EQ(output(serve), "");
  ASSERT_TRUE(eventually([&] { return output("ss -Hltn").contains(":80"); }));
  card_.route(kMoving, *Ipv4Address::parse("10.0.1.101"));
  ASSERT_TRUE(attach(kFirst, attachment(kMoving, 1)));
  EXPECT_TRUE(eventually([&] { return output("ip address show eth1").contains("10.0.1.101/24"); }));
  EXPECT_EQ(machine().run(kSecond, "ping -c 1 -W 2 10.0.1.101").status, 0);
  EXPECT_EQ(card_.senders(*Ipv4Address::parse("10.0.1.101")), std::set{kMoving});
}

}  // namespace
}  // namespace enid::instances
