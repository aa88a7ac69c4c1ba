#include "instances/runtimes_by_kind.h"

#include <algorithm>
#include <utility>

namespace enid::instances {

namespace {

// A machine knows an interface by its port, which is the device index where there is one network card.
control::InterfaceAttachment in_machine(control::InterfaceAttachment attachment) {
  attachment.device_index = attachment.machine_port;
  return attachment;
}

}  // namespace

RuntimesByKind::RuntimesByKind(control::InstanceRuntime& namespaces, QemuRuntime& machines)
    : namespaces_(namespaces), machines_(machines) {}

control::InstanceRuntime& RuntimesByKind::of(const InstanceId& id) {
  if (machines_.has(id)) return machines_;
  return namespaces_;
}

void RuntimesByKind::start(control::InstanceLaunch launch, Done done) {
  if (launch.machine) {
    std::ranges::transform(launch.interfaces, launch.interfaces.begin(), in_machine);
    return machines_.start(std::move(launch), std::move(done));
  }
  namespaces_.start(std::move(launch), std::move(done));
}

void RuntimesByKind::stop(const InstanceId& id, bool force, Done done) {
  of(id).stop(id, force, std::move(done));
}

void RuntimesByKind::reboot(const InstanceId& id, Done done) { of(id).reboot(id, std::move(done)); }

void RuntimesByKind::remove(const InstanceId& id, Done done) { of(id).remove(id, std::move(done)); }

void RuntimesByKind::attach(const InstanceId& id, const control::InterfaceAttachment& attachment, Done done) {
  if (machines_.has(id)) return machines_.attach(id, in_machine(attachment), std::move(done));
  namespaces_.attach(id, attachment, std::move(done));
}

void RuntimesByKind::detach(const InstanceId& id, const NetworkInterfaceId& interface, Done done) {
  of(id).detach(id, interface, std::move(done));
}

void RuntimesByKind::adopt(const InstanceId& id, std::vector<control::InterfaceAttachment> attachments,
                           Done done) {
  if (machines_.has(id)) std::ranges::transform(attachments, attachments.begin(), in_machine);
  of(id).adopt(id, std::move(attachments), std::move(done));
}

void RuntimesByKind::stop_all(Done done) {
  namespaces_.stop_all([this, done = std::move(done)](const Result<void>& namespaces) {
    machines_.stop_all(
        [namespaces, done](const Result<void>& machines) { done(namespaces ? machines : namespaces); });
  });
}

control::RunState RuntimesByKind::state(const InstanceId& id) { return of(id).state(id); }

std::vector<InstanceId> RuntimesByKind::present() {
  std::vector<InstanceId> all = namespaces_.present();
  std::ranges::copy(machines_.present(), std::back_inserter(all));
  return all;
}

Result<control::ConsoleOutput> RuntimesByKind::console_output(const InstanceId& id) {
  return of(id).console_output(id);
}

void RuntimesByKind::set_powered_off_listener(PoweredOff listener) {
  namespaces_.set_powered_off_listener(listener);
  machines_.set_powered_off_listener(std::move(listener));
}

}  // namespace enid::instances
