#include "instances/netns_runtime.h"

#include <gmock/gmock.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "instances/testing/test_machine.h"

namespace enid::instances {
namespace {

using testing::HasSubstr;

class NetnsRuntimeTest : public testing::Test {
 protected:
  void SetUp() override {
    if (::geteuid() != 0) GTEST_SKIP() << "namespaces need root";
    machine_.emplace(binder_);
  }

  TestMachine& machine() { return *machine_; }
  std::string output(const std::string& command) { return machine().run(kFirst, command).output; }

  DeafBinder binder_;
  std::optional<TestMachine> machine_;
};

TEST_F(NetnsRuntimeTest, an_instance_starts_runs_commands_and_stops) {
  const Result<void> started = machine().start(launch_of(kFirst));
  ASSERT_TRUE(started) << started.error().message;
  EXPECT_EQ(machine().runtime().state(kFirst), control::RunState::kRunning);
  EXPECT_EQ(output("hostname"), "ip-10-0-0-5\n");
  EXPECT_EQ(output("cat /etc/hostname"), "ip-10-0-0-5\n");
  EXPECT_EQ(machine().run(kFirst, "exit 7").status, 7);
  EXPECT_EQ(machine().run(kFirst, "kill -9 $$").status, 137);
  EXPECT_TRUE(machine().stop(kFirst));
  EXPECT_EQ(machine().runtime().state(kFirst), control::RunState::kAbsent);
  EXPECT_EQ(machine().runtime().present(), std::vector{kFirst});
}

TEST_F(NetnsRuntimeTest, an_instance_sees_its_own_processes_network_and_files_only) {
  ASSERT_TRUE(machine().start(launch_of(kFirst)));
  EXPECT_EQ(output("readlink /proc/1/exe; cat /proc/1/comm"), "instance-init\n");
  EXPECT_EQ(output("ls /sys/class/net"), "lo\n");
  EXPECT_NE(machine().run(kFirst, "ls " + machine().folder() + "/*").status, 0);
  EXPECT_EQ(output("ls -A /root"), "");
  EXPECT_EQ(output("ls -A /run"), "enid\n");
  EXPECT_NE(machine().run(kFirst, "mknod /dev/disk b 254 0").status, 0);
  EXPECT_NE(machine().run(kFirst, "mount -t tmpfs none /mnt").status, 0);
  EXPECT_NE(machine().run(kFirst, "echo x > /proc/sys/kernel/core_pattern").status, 0);
  EXPECT_NE(machine().run(kFirst, "readlink /proc/1/fd/0").status, 0);
  EXPECT_NE(machine().run(kFirst, "ls /proc/1/root/").status, 0);
  EXPECT_EQ(machine().run(kFirst, "echo 1 > /proc/sys/net/ipv4/ip_forward").status, 0);
}

// A listening unix socket of the host in a folder of its own, which is perhaps a mount.
class HostSocket {
 public:
  explicit HostSocket(bool mounted) : mounted_(mounted) {
    std::string name = "/var/lib/enidtest-instances-XXXXXX";
    folder_ = ::mkdtemp(name.data());
    if (mounted_) {
      EXPECT_EQ(::mount(folder_.c_str(), folder_.c_str(), nullptr, MS_BIND, nullptr), 0);
    }
    socket_ = host::UniqueFd(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    path().copy(address.sun_path, sizeof address.sun_path - 1);
    EXPECT_EQ(::bind(socket_.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address), 0);
    EXPECT_EQ(::listen(socket_.get(), 1), 0);
  }
  ~HostSocket() {
    if (mounted_) ::umount2(folder_.c_str(), MNT_DETACH);
    std::filesystem::remove_all(folder_);
  }
  std::string path() const { return folder_ + "/door"; }

 private:
  bool mounted_;
  std::string folder_;
  host::UniqueFd socket_;
};

TEST_F(NetnsRuntimeTest, sockets_of_the_host_cannot_be_reached) {
  for (const bool mounted : {false, true}) {
    const HostSocket socket(mounted);
    ASSERT_TRUE(machine().start(launch_of(kFirst)));
    EXPECT_EQ(machine().run(kFirst, "test -S " + socket.path()).status, 0);
    const std::string connect =
        "python3 -c \"import socket; socket.socket(socket.AF_UNIX).connect(\\\"" + socket.path() + "\\\")\"";
    EXPECT_THAT(output(connect), HasSubstr("refused"));
    EXPECT_THAT(output("python3 -c \"import socket; socket.socket(40, 1)\""), HasSubstr("not supported"));
    ASSERT_TRUE(machine().stop(kFirst, true));
  }
}

TEST_F(NetnsRuntimeTest, hidden_folders_are_seen_by_no_instance) {
  const HostSocket first(false);
  const HostSocket second(false);
  const std::string look = "ls " + std::filesystem::path(first.path()).parent_path().string() + " " +
                           std::filesystem::path(second.path()).parent_path().string();
  ASSERT_TRUE(machine().start(launch_of(kFirst)));
  EXPECT_THAT(output(look), HasSubstr("door"));  // Or this test could not fail.
  ASSERT_TRUE(machine().stop(kFirst, true));
  for (const HostSocket* each : {&first, &second})
    machine().hide(std::filesystem::path(each->path()).parent_path().string());
  ASSERT_TRUE(machine().start(launch_of(kFirst)));
  EXPECT_THAT(output(look), testing::Not(HasSubstr("door")));
}

TEST_F(NetnsRuntimeTest, files_written_inside_stay_inside_and_outlive_a_stop) {
  ASSERT_TRUE(machine().start(launch_of(kFirst)));
  EXPECT_EQ(output("echo mine > /etc/enidtest-marker; echo kept > /root/kept; cat /etc/enidtest-marker"),
            "mine\n");
  EXPECT_FALSE(std::filesystem::exists("/etc/enidtest-marker"));
  ASSERT_TRUE(machine().stop(kFirst));
  auto again = launch_of(kFirst);
  again.first_boot = false;
  ASSERT_TRUE(machine().start(again));
  EXPECT_EQ(output("cat /etc/enidtest-marker /root/kept"), "mine\nkept\n");
}

TEST_F(NetnsRuntimeTest, removal_leaves_nothing) {
  ASSERT_TRUE(machine().start(launch_of(kFirst)));
  EXPECT_TRUE(machine().wait([&](auto done) { machine().runtime().remove(kFirst, done); }));
  EXPECT_TRUE(machine().runtime().present().empty());
  EXPECT_EQ(run_on_host("grep -sc " + machine().folder() + " /proc/*/mountinfo | grep -v :0").output, "");
}

}  // namespace
}  // namespace enid::instances
