// Instances that end, restart and speak: power-off from inside, user data, the console, and
// what `enid exec` passes through.
#include <gmock/gmock.h>

#include <csignal>
#include <future>
#include <optional>

#include "instances/netns_runtime.h"
#include "instances/testing/test_machine.h"

namespace enid::instances {
namespace {

using testing::HasSubstr;
using testing::Not;

class InstanceLifecycleTest : public testing::Test {
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

TEST_F(InstanceLifecycleTest, an_instance_that_powers_itself_off_is_noticed) {
  std::promise<InstanceId> off;
  machine().runtime().set_powered_off_listener([&](const InstanceId& id) { off.set_value(id); });
  auto launch = launch_of(kFirst);
  launch.interfaces = {{.interface = NetworkInterfaceId::trusted("eni-0123456789abcdef0"),
                        .mac = MacAddress{{2, 0, 0, 0, 1, 1}}}};
  ASSERT_TRUE(machine().start(launch));
  EXPECT_EQ(binder_.size(), 1U);
  machine().run(kFirst, "shutdown -h now; sleep 9");
  std::future<InstanceId> told = off.get_future();
  ASSERT_EQ(told.wait_for(std::chrono::seconds(5)), std::future_status::ready);
  EXPECT_EQ(told.get(), kFirst);
  EXPECT_EQ(machine().runtime().state(kFirst), control::RunState::kAbsent);
  EXPECT_EQ(binder_.size(), 0U);
  EXPECT_THAT(machine().console(kFirst), HasSubstr("power off"));
}

TEST_F(InstanceLifecycleTest, a_stop_that_was_asked_for_is_not_told_to_the_listener) {
  bool told = false;
  machine().runtime().set_powered_off_listener([&](const InstanceId&) { told = true; });
  ASSERT_TRUE(machine().start(launch_of(kFirst)));
  ASSERT_TRUE(machine().stop(kFirst));
  machine().close_runtime();  // Runs whatever is still to be said.
  EXPECT_FALSE(told);
  machine().open_runtime();
}

TEST_F(InstanceLifecycleTest, reboot_from_inside_ends_processes_and_keeps_the_instance) {
  ASSERT_TRUE(machine().start(launch_of(kFirst)));
  machine().run(kFirst, "sleep 1000 >/dev/null 2>&1 & reboot; sleep 9");
  EXPECT_TRUE(eventually([&] { return machine().run(kFirst, "! pgrep sleep").status == 0; }));
  EXPECT_EQ(machine().runtime().state(kFirst), control::RunState::kRunning);
}

TEST_F(InstanceLifecycleTest, processes_that_ignore_the_stop_are_killed_in_time) {
  ASSERT_TRUE(machine().start(launch_of(kFirst)));
  machine().run(kFirst, "(trap \"\" TERM; while :; do sleep 1; done) >/dev/null 2>&1 &");
  const auto before = std::chrono::steady_clock::now();
  EXPECT_TRUE(machine().stop(kFirst));
  EXPECT_LT(std::chrono::steady_clock::now() - before, std::chrono::seconds(4));
  ASSERT_TRUE(machine().start(launch_of(kFirst)));
  const auto forced = std::chrono::steady_clock::now();
  EXPECT_TRUE(machine().stop(kFirst, true));
  EXPECT_LT(std::chrono::steady_clock::now() - forced, std::chrono::seconds(1));
}

TEST_F(InstanceLifecycleTest, user_data_runs_once_with_its_output_on_the_console) {
  auto launch = launch_of(kFirst);
  launch.user_data = "#!/bin/sh\necho hello from $(hostname)\necho once >> /root/runs\nexit 3\n";
  ASSERT_TRUE(machine().start(launch));
  EXPECT_TRUE(
      eventually([&] { return machine().console(kFirst).contains("user data ended with status 3"); }));
  EXPECT_THAT(machine().console(kFirst), HasSubstr("hello from ip-10-0-0-5"));
  ASSERT_TRUE(machine().wait([&](auto done) { machine().runtime().reboot(kFirst, done); }));
  ASSERT_TRUE(machine().stop(kFirst));
  launch.first_boot = false;
  ASSERT_TRUE(machine().start(launch));
  EXPECT_EQ(output("cat /root/runs"), "once\n");
}

TEST_F(InstanceLifecycleTest, user_data_that_is_no_script_is_not_run) {
  auto launch = launch_of(kFirst);
  launch.user_data = "#cloud-config\npackages: [nginx]\n";
  ASSERT_TRUE(machine().start(launch));
  EXPECT_THAT(machine().console(kFirst), HasSubstr("not a script"));
}

TEST_F(InstanceLifecycleTest, the_key_of_the_launch_may_log_in) {
  auto launch = launch_of(kFirst);
  launch.authorized_key = "ssh-ed25519 AAAA me";
  ASSERT_TRUE(machine().start(launch));
  EXPECT_EQ(output("cat /root/.ssh/authorized_keys"), "ssh-ed25519 AAAA me\n");
}

TEST_F(InstanceLifecycleTest, the_console_keeps_its_last_64_kib) {
  ASSERT_TRUE(machine().start(launch_of(kFirst)));
  EXPECT_EQ(machine().run(kFirst, "seq 1 100000 > /dev/console").status, 0);
  EXPECT_TRUE(eventually([&] { return machine().console(kFirst).ends_with("\n99999\n100000\n"); }));
  EXPECT_EQ(machine().console(kFirst).size(), 64U * 1024);
  EXPECT_LE(std::filesystem::file_size(machine().folder() + "/" + kFirst.text() + "/console.log"),
            160U * 1024);
}

TEST_F(InstanceLifecycleTest, exec_passes_input_status_and_errors_through) {
  ASSERT_TRUE(machine().start(launch_of(kFirst)));
  const std::string client = machine().client(kFirst);
  EXPECT_EQ(run_on_host("printf abc | " + client + " cat").output, "abc");
  EXPECT_EQ(run_on_host(client + " no-such-command").status, 127);
  EXPECT_EQ(run_on_host(client + " /etc/passwd").status, 126);
  EXPECT_EQ(run_on_host(client + " sh -c 'echo error >&2' 2>/dev/null").output, "");
  EXPECT_EQ(run_on_host("head -c 3000000 /dev/zero | " + client + " wc -c").output, "3000000\n");
}

TEST_F(InstanceLifecycleTest, exec_gives_a_terminal_to_who_has_one) {
  ASSERT_TRUE(machine().start(launch_of(kFirst)));
  const std::string tty = run_on_host("script -qec '" + machine().client(kFirst) + " tty' /dev/null").output;
  EXPECT_THAT(tty, HasSubstr("/dev/pts/"));
  const std::string size =
      run_on_host("script -qec 'stty rows 33 cols 77; " + machine().client(kFirst) + " stty size' /dev/null")
          .output;
  EXPECT_THAT(size, HasSubstr("33 77"));
  EXPECT_EQ(run_on_host("script -qec '" + machine().client(kFirst) + " sh -c \"exit 5\"' /dev/null").status,
            5);
}

TEST_F(InstanceLifecycleTest, exec_passes_signals_on) {
  ASSERT_TRUE(machine().start(launch_of(kFirst)));
  const std::string command =
      machine().client(kFirst) + " sh -c 'trap \"exit 3\" TERM; while :; do sleep 0.05; done'";
  EXPECT_EQ(run_on_host(command + " & client=$!; sleep 0.3; kill $client; wait $client").status, 3);
}

TEST_F(InstanceLifecycleTest, a_command_whose_client_dies_is_hung_up) {
  ASSERT_TRUE(machine().start(launch_of(kFirst)));
  run_on_host(machine().client(kFirst) + " sleep 1000 & client=$!; sleep 0.3; kill -9 $client");
  EXPECT_TRUE(eventually([&] { return machine().run(kFirst, "! pgrep sleep").status == 0; }));
}

TEST_F(InstanceLifecycleTest, many_instances_start_at_once) {
  std::vector<std::future<bool>> started;
  for (int i = 0; i < 8; ++i) {
    auto launch = launch_of(InstanceId::trusted("i-0123456789abcde0" + std::to_string(i)));
    auto promise = std::make_shared<std::promise<bool>>();
    started.push_back(promise->get_future());
    machine().runtime().start(launch, [promise](Result<void> done) { promise->set_value(done.has_value()); });
  }
  for (auto& one : started) EXPECT_TRUE(one.get());
  EXPECT_EQ(machine().runtime().present().size(), 8U);
  EXPECT_TRUE(machine().wait([&](auto done) { machine().runtime().stop_all(done); }));
  for (const InstanceId& id : machine().runtime().present())
    EXPECT_EQ(machine().runtime().state(id), control::RunState::kAbsent);
}

TEST_F(InstanceLifecycleTest, calls_for_what_does_not_run_are_refused) {
  EXPECT_FALSE(machine().wait([&](auto done) { machine().runtime().reboot(kFirst, done); }));
  EXPECT_FALSE(machine().wait(
      [&](auto done) { machine().runtime().detach(kFirst, NetworkInterfaceId::trusted("eni-1"), done); }));
  EXPECT_TRUE(machine().stop(kFirst));  // It is stopped.
  EXPECT_FALSE(machine().runtime().console_output(kFirst));
  ASSERT_TRUE(machine().start(launch_of(kFirst)));
  EXPECT_FALSE(machine().start(launch_of(kFirst)));
}

}  // namespace
}  // namespace enid::instances
