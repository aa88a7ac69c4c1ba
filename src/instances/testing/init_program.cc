// The two parts of `enid` that the instances' tests need as a program of their own:
//   instance_init instance-init …      process 1 of an instance
//   instance_init exec FOLDER command… what `enid exec` does
#include <unistd.h>

#include <cstdio>
#include <string_view>

#include "instances/exec_client.h"
#include "instances/init_main.h"

int main(int argc, char** argv) {
  if (argc > 3 && std::string_view(argv[1]) == "exec") {
    enid::instances::ExecRequest request{
        .arguments = {argv + 3, argv + argc}, .environment = {}, .terminal = false};
    request.terminal = ::isatty(STDIN_FILENO) && ::isatty(STDOUT_FILENO);
    const auto status = enid::instances::exec_in_instance(argv[2], request);
    if (!status) std::fprintf(stderr, "%s\n", status.error().message.c_str());
    return status.value_or(255);
  }
  if (argc > 1) return enid::instances::init_main(argc - 1, argv + 1);
  return 2;
}
