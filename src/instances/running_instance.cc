#include "instances/running_instance.h"

#include <algorithm>
#include <chrono>
#include <future>
#include <memory>
#include <utility>

#include "instances/control_message.h"
#include "instances/network_namespace.h"
#include "instances/route_socket.h"
#include "instances/tap_device.h"

namespace enid::instances {
namespace {

constexpr int kAnswerMilliseconds = 1000;
constexpr int kStopMilliseconds = 3000;  // The init's own grace, and a little.
constexpr int kKillMilliseconds = 5000;
constexpr auto kBindTime = std::chrono::seconds(5);

// Waits until a binder's call has said that it is done.
class Completion {
 public:
  std::function<void()> callback() const {
    return [promise = promise_] { promise->set_value(); };
  }
  bool wait() { return promise_->get_future().wait_for(kBindTime) == std::future_status::ready; }

 private:
  std::shared_ptr<std::promise<void>> promise_ = std::make_shared<std::promise<void>>();
};

bool is_device_of_ours(const std::string& name) {
  return name.size() > 3 && name.starts_with("eth") &&
         std::all_of(name.begin() + 3, name.end(), [](char c) { return c >= '0' && c <= '9'; });
}

}  // namespace

std::string device_name(const control::InterfaceAttachment& attachment) {
  return "eth" + std::to_string(1000 * attachment.network_card_index + attachment.device_index);
}

RunningInstance::RunningInstance(InstanceFolder folder, InitProcess init, PortBinder& binder)
    : folder_(std::move(folder)), init_(std::move(init)), binder_(binder) {}

Result<void> RunningInstance::ask(const std::vector<std::string>& fields, int timeout_ms) {
  const host::UniqueFd socket = TRY(connect_to_init(folder_.path()));
  TRY(send_message(socket.get(), fields));
  const ControlMessage answer = TRY(receive_message(socket.get(), timeout_ms));
  if (answer.is("done") || answer.is("late")) return {};
  return failure(
      std::make_error_code(std::errc::io_error),
      answer.fields.size() > 1 ? answer.fields[1] : "the instance's init did not obey " + fields[0]);
}

Result<void> RunningInstance::make_device(const control::InterfaceAttachment& attachment,
                                          const std::string& name) {
  const NetworkNamespaceScope inside = TRY(NetworkNamespaceScope::enter(init_.network));
  host::UniqueFd tap = TRY(open_tap(name));
  TRY(configure_tap(name, attachment.mac, attachment.mtu));
  Completion bound;
  binder_.bind(attachment.interface, tap.release(), bound.callback());
  if (!bound.wait())
    return failure(std::make_error_code(std::errc::timed_out), "the card does not take " + name);
  // Up only now, so that the first frame finds its reader.
  return set_tap_up(name);
}

Result<void> RunningInstance::attach(const control::InterfaceAttachment& attachment) {
  const std::string name = device_name(attachment);
  for (const auto& [interface, taken] : devices_) {
    if (interface == attachment.interface && taken == name) return {};
    if (interface == attachment.interface || taken == name)
      return failure(std::make_error_code(std::errc::device_or_resource_busy), name + " is in use");
  }
  devices_.emplace(attachment.interface, name);
  Result<void> done = make_device(attachment, name);
  if (done) done = ask({"configure", name, attachment.mac.text()}, kLeaseMilliseconds + kAnswerMilliseconds);
  if (!done) static_cast<void>(detach(attachment.interface));
  return done;
}

void RunningInstance::unbind(const NetworkInterfaceId& interface) {
  Completion unbound;
  binder_.unbind(interface, unbound.callback());
  unbound.wait();
}

Result<void> RunningInstance::detach(const NetworkInterfaceId& interface) {
  const auto place = devices_.find(interface);
  if (place == devices_.end())
    return failure(std::make_error_code(std::errc::no_such_device), interface.text() + " is not attached");
  const std::string name = place->second;
  devices_.erase(place);
  // An init that does not answer keeps no interface from leaving.
  static_cast<void>(ask({"forget", name}, kAnswerMilliseconds));
  unbind(interface);
  const NetworkNamespaceScope inside = TRY(NetworkNamespaceScope::enter(init_.network));
  return delete_tap(name);
}

Result<void> RunningInstance::reconcile(const std::vector<control::InterfaceAttachment>& attachments) {
  std::vector<std::string> surplus;
  {
    const NetworkNamespaceScope inside = TRY(NetworkNamespaceScope::enter(init_.network));
    RouteSocket routes = TRY(RouteSocket::open());
    for (const Link& link : TRY(routes.links())) {
      const bool wanted =
          std::ranges::any_of(attachments, [&](const control::InterfaceAttachment& attachment) {
            return device_name(attachment) == link.name && attachment.mac == link.mac;
          });
      if (is_device_of_ours(link.name) && !wanted) surplus.push_back(link.name);
    }
  }
  for (const std::string& name : surplus) {
    static_cast<void>(ask({"forget", name}, kAnswerMilliseconds));
    const NetworkNamespaceScope inside = TRY(NetworkNamespaceScope::enter(init_.network));
    TRY(delete_tap(name));
  }
  for (const control::InterfaceAttachment& attachment : attachments) TRY(attach(attachment));
  return {};
}

Result<void> RunningInstance::boot(bool first) {
  return ask({"boot", first ? "first" : "again"}, kAnswerMilliseconds);
}

Result<void> RunningInstance::reboot() {
  return ask({"reboot"}, kStopMilliseconds + kLeaseMilliseconds + 1000);
}

Result<void> RunningInstance::stop(bool force) {
  if (!force) {
    const Result<host::UniqueFd> socket = connect_to_init(folder_.path());
    force = !socket || !send_message(socket->get(), {"stop"}) || !init_.wait_until_ended(kStopMilliseconds);
  }
  if (force) {
    init_.kill();  // Every process inside goes with process 1 (pid_namespaces(7)).
    if (!init_.wait_until_ended(kKillMilliseconds))
      return failure(std::make_error_code(std::errc::timed_out), "the instance's processes do not end");
  }
  release();
  return {};
}

void RunningInstance::release() {
  init_.wait_until_ended(0);
  for (const auto& [interface, name] : devices_) unbind(interface);
  Result<NetworkNamespaceScope> inside = NetworkNamespaceScope::enter(init_.network);
  // The kernel would remove them with the namespace, but later than we say that we are done.
  for (const auto& [interface, name] : std::exchange(devices_, {}))
    if (inside) static_cast<void>(delete_tap(name));
}

}  // namespace enid::instances
