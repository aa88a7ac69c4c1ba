// The parts of `enid` that the instances' tests need as a program of their own:
//   instance_init instance-init …        process 1 of an instance
//   instance_init exec FOLDER command…   what `enid exec` does
//   instance_init daemon FOLDER ID ENI   starts an instance, prints its own id, waits to be killed
#include <unistd.h>

#include <cstdio>
#include <string_view>

#include "instances/exec_client.h"
#include "instances/init_main.h"
#include "instances/netns_runtime.h"

namespace {

using namespace enid;

int run_command(int argc, char** argv) {
  instances::ExecRequest request{.arguments = {argv + 3, argv + argc}, .environment = {}, .terminal = false};
  request.terminal = ::isatty(STDIN_FILENO) != 0 && ::isatty(STDOUT_FILENO) != 0;
  const auto status = instances::exec_in_instance(argv[2], request);
  if (!status) std::fprintf(stderr, "%s\n", status.error().message.c_str());
  return status.value_or(255);
}

// Holds devices, reads nothing.
class DeafBinder final : public instances::PortBinder {
 public:
  void bind(const NetworkInterfaceId&, int, std::function<void()> done) override { done(); }
  void unbind(const NetworkInterfaceId&, std::function<void()> done) override { done(); }
};

int run_daemon(char** argv) {
  DeafBinder binder;
  instances::NetnsRuntimeOptions options;
  options.state_folder = argv[2];
  auto runtime = instances::NetnsRuntime::create(options, binder);
  if (!runtime) return 1;
  control::InstanceLaunch launch;
  launch.id = InstanceId::trusted(argv[3]);
  launch.hostname = "ip-10-0-0-5";
  launch.interfaces = {
      {.interface = NetworkInterfaceId::trusted(argv[4]), .mac = MacAddress{{2, 0, 0, 0, 1, 0x30}}}};
  (*runtime)->start(launch, [](Result<void> done) {
    std::printf("%d\n", done ? static_cast<int>(::getpid()) : -1);
    std::fflush(stdout);
  });
  for (;;) ::pause();
}

}  // namespace

int main(int argc, char** argv) {
  const std::string_view role = argc > 1 ? argv[1] : "";
  if (role == "exec" && argc > 3) return run_command(argc, argv);
  if (role == "daemon" && argc == 5) return run_daemon(argv);
  if (role == "instance-init") return instances::init_main(argc - 1, argv + 1);
  return 2;
}
