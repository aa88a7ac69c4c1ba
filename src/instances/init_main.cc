#include "instances/init_main.h"

#include <fcntl.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include "base/result.h"
#include "host/unique_fd.h"
#include "host/unix_address.h"
#include "instances/init/console.h"
#include "instances/init/file_tree.h"
#include "instances/init/instance_init.h"
#include "instances/init/interface_settings.h"
#include "instances/init/privileges.h"
#include "instances/instance_folder.h"

namespace enid::instances {
namespace {

constexpr int kReadyDescriptor = 3;  // See InitProcess.

Result<host::UniqueFd> listen_in(const std::string& folder) {
  // Relative, because a socket's address is shorter than a path may be.
  if (::chdir(folder.c_str()) != 0) return errno_failure("enter " + folder);
  ::unlink("init.sock");
  host::UniqueFd listener(::socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  const sockaddr_un address = TRY(host::unix_address("init.sock"));
  if (::bind(listener.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0)
    return errno_failure("make init.sock");
  ::chmod("init.sock", 0600);
  if (::listen(listener.get(), 64) != 0) return errno_failure("listen on init.sock");
  return listener;
}

Result<InstanceInit> come_up(const std::string& folder_path, std::vector<std::string> hidden) {
  const InstanceFolder folder(folder_path);
  InitSettings settings{folder.read("hostname"), folder.read("user_data"), folder.read("authorized_key")};
  if (::sethostname(settings.hostname.data(), settings.hostname.size()) != 0)
    return errno_failure("set the host's name");
  TRY(prepare_network());
  host::UniqueFd listener = TRY(listen_in(folder_path));
  host::UniqueFd log(::open("console.log", O_RDWR | O_CREAT | O_CLOEXEC, 0600));
  if (!log.is_open()) return errno_failure("open console.log");
  Console console(std::move(log));
  TRY(enter_file_tree({folder_path, std::move(hidden), settings.hostname}));
  TRY(console.make_device());
  TRY(drop_privileges());
  InstanceInit init(std::move(settings), std::move(console), std::move(listener));
  TRY(init.prepare());
  return init;
}

}  // namespace

int init_main(int argc, char** argv) {
  if (argc < 3 || ::getpid() != 1) {
    ::dprintf(2, "instance-init is started by enid, as process 1 of an instance\n");
    return 2;
  }
  ::fcntl(kReadyDescriptor, F_SETFD, FD_CLOEXEC);
  ::umask(022);
  ::prctl(PR_SET_NAME, "instance-init");
  // The daemon's own limit of descriptors is high; programs inside expect the usual one.
  if (rlimit files{}; ::getrlimit(RLIMIT_NOFILE, &files) == 0) {
    files.rlim_cur = std::min<rlim_t>(files.rlim_cur, 1024);
    ::setrlimit(RLIMIT_NOFILE, &files);
  }
  Result<InstanceInit> init = come_up(argv[1], {argv + 2, argv + argc});
  const std::string word = init ? "ready" : init.error().message;
  // Nobody listens any more: the daemon that wanted this instance is gone.
  const bool heard = ::write(kReadyDescriptor, word.data(), word.size()) == static_cast<ssize_t>(word.size());
  ::close(kReadyDescriptor);
  if (!init || !heard) return 1;
  init->run();
  return 0;
}

}  // namespace enid::instances
