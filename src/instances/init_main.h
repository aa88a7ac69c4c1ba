// init_main: process 1 of an instance, run as `enid instance-init …` by NetnsRuntime.
#pragma once

namespace enid::instances {

// `argv[0]` is "instance-init". Returns only when the instance has powered off or never came up.
int init_main(int argc, char** argv);

}  // namespace enid::instances
