// enid: one binary with every role. What it does is decided by its first word.
#include <string_view>

#include "apps/command_line.h"
#include "instances/init_main.h"

int main(int argc, char** argv) {
  // Process 1 of an instance is this same binary; it must not touch the command line's parser.
  if (argc > 1 && std::string_view(argv[1]) == "instance-init")
    return enid::instances::init_main(argc - 1, argv + 1);
  return enid::apps::run_command_line(argc, argv);
}
