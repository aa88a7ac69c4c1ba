// enid device: the slow half of an emulated network card, for one QEMU or for one after the other.
//
// Theory of operation
//   The daemon starts one for each interface of a virtual machine; a user starts one for an interface of his
//   own QEMU. All work is on the devices' thread (EnaDevice); this thread waits for a signal, or for the end
//   of the machine's QEMU.
#include <fmt/format.h>
#include <poll.h>
#include <signal.h>
#include <spdlog/spdlog.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <filesystem>

#include "apps/commands/commands.h"
#include "apps/operator_client.h"
#include "devices/ena/limits.h"
#include "host/unique_fd.h"
#include "instances/ena_device.h"

namespace enid::apps {
namespace {

int end_event = -1;  // Written by the signal handler.

void end_soon(int = 0) {
  const std::uint64_t one = 1;
  if (::write(end_event, &one, sizeof one) < 0) { /* It is written already. */
  }
}

std::uint16_t default_queue_pairs() {
  const long processors = std::max(1L, ::sysconf(_SC_NPROCESSORS_ONLN));
  return static_cast<std::uint16_t>(std::min<long>(processors, devices::ena::kQueuePairsMax));
}

void greet(const std::string& interface, const devices::ena::Welcome& welcome, const std::string& socket) {
  const std::string path = std::filesystem::absolute(socket).string();
  fmt::print(
      "{} is an ENA card: MAC {}, MTU {}{}{}\n"
      "Give QEMU (10.1 or later) memory that it can share, and the card:\n"
      "  -object memory-backend-memfd,id=memory,size=1G,share=on -machine q35,memory-backend=memory -m 1G "
      "\\\n"
      "  -device '{{\"driver\":\"vfio-user-pci\",\"socket\":{{\"type\":\"unix\",\"path\":\"{}\"}}}}'\n"
      "One QEMU at a time; Ctrl-C ends the card.\n",
      interface, welcome.mac.text(), welcome.mtu, welcome.description.empty() ? "" : ", ",
      welcome.description, path);
  std::fflush(stdout);
}

}  // namespace

int run_device(const DeviceOptions& options) {
  const StateFolder folder(options.state);
  const auto interface = NetworkInterfaceId::parse(options.interface);
  if (!interface) {
    fmt::print(stderr, "enid: {} is no id of a network interface (eni-…)\n", options.interface);
    return 2;
  }
  const host::UniqueFd end(::eventfd(0, EFD_CLOEXEC));
  end_event = end.get();
  struct sigaction action{};
  action.sa_handler = end_soon;
  ::sigaction(SIGINT, &action, nullptr);
  ::sigaction(SIGTERM, &action, nullptr);

  spdlog::flush_on(spdlog::level::info);
  spdlog::set_pattern("%Y-%m-%d %H:%M:%S %v");
  instances::EnaDeviceOptions device_options{
      .interface = *interface,
      .instance = options.instance,
      .socket = options.socket,
      .daemon_socket = folder.devices_socket(),
      .queue_pairs = options.queue_pairs == 0 ? default_queue_pairs() : options.queue_pairs,
      .low_latency = options.low_latency};
  if (!options.instance.empty()) device_options.on_over = [] { end_soon(); };
  const auto device = instances::EnaDevice::create(device_options);
  if (!device) {
    const std::error_code code = device.error().code;
    const bool nobody = code == std::errc::connection_refused || code == std::errc::no_such_file_or_directory;
    return complain(
        nobody && !folder.running_daemon() ? Error{code, no_daemon_message(folder)} : device.error(), 1);
  }
  if (options.instance.empty()) greet(interface->text(), (*device)->welcome(), options.socket);
  pollfd waiting{.fd = end.get(), .events = POLLIN, .revents = 0};
  while (::poll(&waiting, 1, -1) < 0 && errno == EINTR) {
  }
  return 0;
}

}  // namespace enid::apps
