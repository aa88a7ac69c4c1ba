// The command line of `enid`: which commands there are, what they take, and their help.
#pragma once

namespace enid::apps {

int run_command_line(int argc, char** argv);

}  // namespace enid::apps
