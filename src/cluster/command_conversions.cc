// What the control plane orders of a host's instances: control/instance_runtime.h <-> protobuf.
#include "cluster/conversions.h"

#include "cluster/overload.h"

namespace enid::cluster {
namespace {

using control::InterfaceAttachment;

Result<InstanceId> instance_from(const std::string& text) { return id_from<InstanceId>(text, "instance"); }

void fill(const InterfaceAttachment& attachment, v1::Attachment& out) {
  out.set_interface(attachment.interface.text());
  out.set_mac(to_bytes(attachment.mac));
  out.set_device_index(attachment.device_index);
  out.set_network_card_index(attachment.network_card_index);
  out.set_mtu(attachment.mtu);
  out.set_machine_port(attachment.machine_port);
}

Result<InterfaceAttachment> from(const v1::Attachment& in) {
  return InterfaceAttachment{
      .interface = TRY(id_from<NetworkInterfaceId>(in.interface(), "network interface")),
      .mac = TRY(mac_from(in.mac())),
      .device_index = TRY(narrow<std::uint16_t>(in.device_index(), "a device index")),
      .network_card_index = TRY(narrow<std::uint16_t>(in.network_card_index(), "a network card's index")),
      .mtu = TRY(narrow<std::uint16_t>(in.mtu(), "an MTU")),
      .machine_port = TRY(narrow<std::uint16_t>(in.machine_port(), "a machine's port"))};
}

template <class List>
Result<std::vector<InterfaceAttachment>> attachments_from(const List& in) {
  std::vector<InterfaceAttachment> attachments;
  for (const v1::Attachment& attachment : in) attachments.push_back(TRY(from(attachment)));
  return attachments;
}

void fill(const control::InstanceLaunch& launch, v1::Launch& out) {
  out.set_id(launch.id.text());
  out.set_hostname(launch.hostname);
  out.set_user_data(launch.user_data);
  out.set_first_boot(launch.first_boot);
  out.set_authorized_key(launch.authorized_key);
  for (const InterfaceAttachment& attachment : launch.interfaces) fill(attachment, *out.add_interfaces());
  if (!launch.machine) return;
  v1::MachineShape& shape = *out.mutable_machine();
  shape.set_vcpus(launch.machine->vcpus);
  shape.set_memory_mib(launch.machine->memory_mib);
  shape.set_interface_ports(launch.machine->interface_ports);
  shape.set_interface_ports_per_card(launch.machine->interface_ports_per_card);
}

Result<control::InstanceLaunch> from(const v1::Launch& in) {
  control::InstanceLaunch launch{.id = TRY(instance_from(in.id())),
                                 .hostname = in.hostname(),
                                 .user_data = in.user_data(),
                                 .first_boot = in.first_boot(),
                                 .authorized_key = in.authorized_key(),
                                 .machine = {},
                                 .interfaces = TRY(attachments_from(in.interfaces()))};
  if (!in.has_machine()) return launch;
  const v1::MachineShape& shape = in.machine();
  if (shape.vcpus() < 1 || shape.memory_mib() < 1) return malformed("a machine without processors or memory");
  launch.machine = control::MachineShape{
      .vcpus = shape.vcpus(),
      .memory_mib = shape.memory_mib(),
      .interface_ports = TRY(narrow<std::uint16_t>(shape.interface_ports(), "a number of ports")),
      .interface_ports_per_card =
          TRY(narrow<std::uint16_t>(shape.interface_ports_per_card(), "a number of ports"))};
  return launch;
}

Result<Order> order_from(const v1::Command& in) {
  switch (in.command_case()) {
    case v1::Command::kStart:
      return TRY(from(in.start()));
    case v1::Command::kStop:
      return Stop{TRY(instance_from(in.stop().id())), in.stop().force()};
    case v1::Command::kReboot:
      return Reboot{TRY(instance_from(in.reboot()))};
    case v1::Command::kRemove:
      return Remove{TRY(instance_from(in.remove()))};
    case v1::Command::kAttach:
      return Attach{TRY(instance_from(in.attach().id())), TRY(from(in.attach().attachment()))};
    case v1::Command::kDetach:
      return Detach{TRY(instance_from(in.detach().id())),
                    TRY(id_from<NetworkInterfaceId>(in.detach().interface(), "network interface"))};
    case v1::Command::kAdopt:
      return TRY(from_proto(in.adopt()));
    case v1::Command::kStopAll:
      return StopAll{};
    case v1::Command::COMMAND_NOT_SET:
      break;
  }
  return malformed("a command of an unknown kind");
}

}  // namespace

void to_proto(const Adopt& adopt, v1::Adopt& out) {
  out.set_id(adopt.id.text());
  for (const InterfaceAttachment& attachment : adopt.attachments) fill(attachment, *out.add_attachments());
}

Result<Adopt> from_proto(const v1::Adopt& in) {
  return Adopt{TRY(instance_from(in.id())), TRY(attachments_from(in.attachments()))};
}

void to_proto(const Command& command, v1::Command& out) {
  out.set_id(command.id);
  out.set_epoch(command.epoch);
  std::visit(Overload{[&](const control::InstanceLaunch& launch) { fill(launch, *out.mutable_start()); },
                      [&](const Stop& stop) {
                        out.mutable_stop()->set_id(stop.id.text());
                        out.mutable_stop()->set_force(stop.force);
                      },
                      [&](const Reboot& reboot) { out.set_reboot(reboot.id.text()); },
                      [&](const Remove& remove) { out.set_remove(remove.id.text()); },
                      [&](const Attach& attach) {
                        out.mutable_attach()->set_id(attach.id.text());
                        fill(attach.attachment, *out.mutable_attach()->mutable_attachment());
                      },
                      [&](const Detach& detach) {
                        out.mutable_detach()->set_id(detach.id.text());
                        out.mutable_detach()->set_interface(detach.interface.text());
                      },
                      [&](const Adopt& adopt) { to_proto(adopt, *out.mutable_adopt()); },
                      [&](const StopAll&) { out.mutable_stop_all(); }},
             command.order);
}

Result<Command> from_proto(const v1::Command& in) {
  return Command{.id = in.id(), .epoch = in.epoch(), .order = TRY(order_from(in))};
}

}  // namespace enid::cluster
