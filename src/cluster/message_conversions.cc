// The messages of the stream, both ways, and what a card keeps on disk: messages.h <-> protobuf.
#include "cluster/conversions.h"

#include "cluster/overload.h"

namespace enid::cluster {
namespace {

void fill(const Error& error, v1::Failure& out) {
  // Codes of other categories mean nothing on another machine; the message is for people anyway.
  const bool is_errno =
      error.code.category() == std::generic_category() || error.code.category() == std::system_category();
  out.set_code(is_errno ? error.code.value() : static_cast<int>(std::errc::io_error));
  out.set_message(error.message);
}

Error from(const v1::Failure& in) {
  // Zero would be a success, and no errno is as large as this.
  constexpr int kErrnoMax = 4095;
  const bool plausible = in.code() > 0 && in.code() <= kErrnoMax;
  return {
      std::error_code(plausible ? in.code() : static_cast<int>(std::errc::io_error), std::generic_category()),
      in.message()};
}

void fill(const InstancePresence& presence, v1::InstancePresence& out) {
  out.set_id(presence.id.text());
  out.set_running(presence.state == control::RunState::kRunning);
}

template <class List>
Result<std::vector<InstancePresence>> presences_from(const List& in) {
  std::vector<InstancePresence> presences;
  for (const v1::InstancePresence& presence : in)
    presences.push_back(
        {.id = TRY(id_from<InstanceId>(presence.id(), "instance")),
         .state = presence.running() ? control::RunState::kRunning : control::RunState::kAbsent});
  return presences;
}

void fill(const PoweredOff& event, v1::PoweredOff& out) {
  out.set_event(event.event);
  out.set_instance(event.instance.text());
}

Result<PoweredOff> from(const v1::PoweredOff& in) {
  return PoweredOff{.event = in.event(), .instance = TRY(id_from<InstanceId>(in.instance(), "instance"))};
}

void fill(const Outcome& outcome, v1::Outcome& out) {
  out.set_command(outcome.command);
  if (!outcome.result) fill(outcome.result.error(), *out.mutable_failure());
  for (const InstancePresence& presence : outcome.instances) fill(presence, *out.add_instances());
  for (const InstanceId& id : outcome.absent) out.add_absent(id.text());
}

Result<Outcome> from(const v1::Outcome& in) {
  Outcome outcome{
      .command = in.command(), .result = {}, .instances = TRY(presences_from(in.instances())), .absent = {}};
  if (in.has_failure()) outcome.result = std::unexpected(from(in.failure()));
  for (const std::string& id : in.absent())
    outcome.absent.push_back(TRY(id_from<InstanceId>(id, "instance")));
  return outcome;
}

void fill(const TraceAnswer& answer, v1::TraceAnswer& out) {
  out.set_request(answer.request);
  if (answer.report) {
    to_proto(*answer.report, *out.mutable_report());
  } else {
    fill(answer.report.error(), *out.mutable_failure());
  }
}

Result<TraceAnswer> from(const v1::TraceAnswer& in) {
  TraceAnswer answer{.request = in.request(), .report = {}};
  if (in.has_report()) {
    answer.report = TRY(from_proto(in.report()));
  } else {
    answer.report = std::unexpected(from(in.failure()));
  }
  return answer;
}

void fill(const TraceQuestion& question, v1::TraceRequest& out) {
  out.set_request(question.request);
  if (question.trace.entering) return to_proto(*question.trace.entering, *out.mutable_entering());
  out.set_from(question.trace.from.text());
  out.set_source(question.trace.source.value);
  out.set_target(question.trace.target.value);
  out.set_protocol(question.trace.protocol);
  out.set_source_port(question.trace.source_port);
  out.set_target_port(question.trace.target_port);
  out.set_payload_bytes(question.trace.payload_bytes);
}

Result<TraceQuestion> from(const v1::TraceRequest& in) {
  if (in.has_entering()) {
    TraceQuestion question{.request = in.request()};
    question.trace.entering = TRY(from_proto(in.entering()));
    return question;
  }
  return TraceQuestion{
      .request = in.request(),
      .trace = {.from = TRY(id_from<NetworkInterfaceId>(in.from(), "network interface")),
                .source = {in.source()},
                .target = {in.target()},
                .protocol = TRY(narrow<std::uint8_t>(in.protocol(), "a protocol")),
                .source_port = TRY(narrow<std::uint16_t>(in.source_port(), "a port")),
                .target_port = TRY(narrow<std::uint16_t>(in.target_port(), "a port")),
                .payload_bytes = TRY(narrow<std::uint16_t>(in.payload_bytes(), "a payload's length"))}};
}

void fill(const SnapshotPart& part, v1::SnapshotPart& out) {
  to_proto(part.position, *out.mutable_position());
  for (const contract::Entity& entity : part.entities) to_proto(entity, *out.add_entities());
  out.set_last(part.last);
}

template <class List>
Result<std::vector<contract::Entity>> entities_from(const List& in) {
  std::vector<contract::Entity> entities;
  entities.reserve(static_cast<std::size_t>(in.size()));
  for (const v1::Entity& entity : in) entities.push_back(TRY(from_proto(entity)));
  return entities;
}

Result<SnapshotPart> from(const v1::SnapshotPart& in) {
  return SnapshotPart{.position = from_proto(in.position()),
                      .entities = TRY(entities_from(in.entities())),
                      .last = in.last()};
}

void fill(const Delta& delta, v1::Delta& out) {
  to_proto(Position{.epoch = delta.epoch, .revision = delta.delta.revision}, *out.mutable_position());
  for (const contract::Entity& entity : delta.delta.upserts) to_proto(entity, *out.add_upserts());
  for (const contract::EntityId& id : delta.delta.removes) to_proto(id, *out.add_removes());
}

Result<Delta> from(const v1::Delta& in) {
  Delta delta{
      .epoch = in.position().epoch(),
      .delta = {
          .revision = in.position().revision(), .upserts = TRY(entities_from(in.upserts())), .removes = {}}};
  for (const v1::EntityId& id : in.removes()) delta.delta.removes.push_back(TRY(from_proto(id)));
  return delta;
}

}  // namespace

Position from_proto(const v1::Position& in) { return {.epoch = in.epoch(), .revision = in.revision()}; }

void to_proto(const Position& position, v1::Position& out) {
  out.set_epoch(position.epoch);
  out.set_revision(position.revision);
}

void to_proto(const Hello& hello, v1::Hello& out) {
  out.set_protocol(hello.protocol);
  out.set_host(hello.host.text());
  out.set_incarnation(hello.incarnation);
  for (const std::string& zone : hello.availability_zones) out.add_availability_zones(zone);
  out.set_underlay_address(hello.underlay_address.value);
  out.set_underlay_mtu(hello.underlay_mtu);
  out.set_network_cards(hello.network_cards.network_cards);
  out.set_virtual_functions_per_card(hello.network_cards.virtual_functions_per_card);
  out.set_state_folder(hello.state_folder);
  out.set_machine_boot_id(hello.machine_boot_id);
  out.set_version(hello.version);
  to_proto(hello.position, *out.mutable_position());
  for (const InstancePresence& presence : hello.instances) fill(presence, *out.add_instances());
  for (const PoweredOff& event : hello.powered_off) fill(event, *out.add_powered_off());
}

Result<Hello> from_proto(const v1::Hello& in) {
  if (in.protocol() != kProtocol)
    return malformed(
        fmt::format("the card speaks version {} of the protocol between cards and control plane, "
                    "this control plane version {}; use the same enid on both",
                    in.protocol(), kProtocol));
  const auto in_range = [](std::int32_t value, std::int32_t most) { return value >= 1 && value <= most; };
  if (!in_range(in.network_cards(), control::kNetworkCardsMax) ||
      !in_range(in.virtual_functions_per_card(), control::kVirtualFunctionsPerCardMax))
    return malformed(fmt::format("a host cannot have {} network cards with {} virtual functions each",
                                 in.network_cards(), in.virtual_functions_per_card()));
  Hello hello{.protocol = in.protocol(),
              .host = TRY(host_id_from(in.host())),
              .incarnation = in.incarnation(),
              .availability_zones = {in.availability_zones().begin(), in.availability_zones().end()},
              .underlay_address = {in.underlay_address()},
              .underlay_mtu = in.underlay_mtu(),
              .network_cards = {.network_cards = in.network_cards(),
                                .virtual_functions_per_card = in.virtual_functions_per_card()},
              .state_folder = in.state_folder(),
              .machine_boot_id = in.machine_boot_id(),
              .version = in.version(),
              .position = from_proto(in.position()),
              .instances = TRY(presences_from(in.instances())),
              .powered_off = {}};
  for (const v1::PoweredOff& event : in.powered_off()) hello.powered_off.push_back(TRY(from(event)));
  return hello;
}

void to_proto(const CardMessage& message, v1::CardMessage& out) {
  std::visit(Overload{[&](const Hello& hello) { to_proto(hello, *out.mutable_hello()); },
                      [&](const Applied& applied) {
                        to_proto(applied.position, *out.mutable_applied()->mutable_position());
                      },
                      [&](const Outcome& outcome) { fill(outcome, *out.mutable_outcome()); },
                      [&](const PoweredOff& event) { fill(event, *out.mutable_powered_off()); },
                      [&](const ConsoleChanged& console) {
                        v1::ConsoleChanged& to = *out.mutable_console_changed();
                        to.set_instance(console.instance.text());
                        to.set_text(console.output.text);
                        to.set_modified_milliseconds(console.output.modified_milliseconds_since_epoch);
                      },
                      [&](const ReportAnswer& answer) {
                        out.mutable_report()->set_request(answer.request);
                        to_proto(answer.report, *out.mutable_report()->mutable_report());
                      },
                      [&](const TraceAnswer& answer) { fill(answer, *out.mutable_trace()); }},
             message);
}

Result<CardMessage> from_proto(const v1::CardMessage& in) {
  constexpr std::size_t kConsoleBytesMax = 64 * 1024;
  switch (in.message_case()) {
    case v1::CardMessage::kHello:
      return TRY(from_proto(in.hello()));
    case v1::CardMessage::kApplied:
      return Applied{from_proto(in.applied().position())};
    case v1::CardMessage::kOutcome:
      return TRY(from(in.outcome()));
    case v1::CardMessage::kPoweredOff:
      return TRY(from(in.powered_off()));
    case v1::CardMessage::kConsoleChanged:
      if (in.console_changed().text().size() > kConsoleBytesMax)
        return malformed("a console's output has more than 64 KiB");
      return ConsoleChanged{
          .instance = TRY(id_from<InstanceId>(in.console_changed().instance(), "instance")),
          .output = {.text = in.console_changed().text(),
                     .modified_milliseconds_since_epoch = in.console_changed().modified_milliseconds()}};
    case v1::CardMessage::kReport:
      return ReportAnswer{.request = in.report().request(), .report = TRY(from_proto(in.report().report()))};
    case v1::CardMessage::kTrace:
      return TRY(from(in.trace()));
    case v1::CardMessage::MESSAGE_NOT_SET:
      break;
  }
  return malformed("a message of an unknown kind");
}

void to_proto(const ControlMessage& message, v1::ControlMessage& out) {
  std::visit(Overload{[&](const Welcome& welcome) {
                        out.mutable_welcome()->set_epoch(welcome.epoch);
                        out.mutable_welcome()->set_version(welcome.version);
                      },
                      [&](const SnapshotPart& part) { fill(part, *out.mutable_snapshot()); },
                      [&](const Delta& delta) { fill(delta, *out.mutable_delta()); },
                      [&](const Command& command) { to_proto(command, *out.mutable_command()); },
                      [&](const ReportRequest& request) {
                        out.mutable_report_request()->set_request(request.request);
                      },
                      [&](const TraceQuestion& question) { fill(question, *out.mutable_trace_request()); },
                      [&](const Heard& heard) { out.mutable_heard()->set_event(heard.event); }},
             message);
}

Result<ControlMessage> from_proto(const v1::ControlMessage& in) {
  switch (in.message_case()) {
    case v1::ControlMessage::kWelcome:
      return Welcome{.epoch = in.welcome().epoch(), .version = in.welcome().version()};
    case v1::ControlMessage::kSnapshot:
      return TRY(from(in.snapshot()));
    case v1::ControlMessage::kDelta:
      return TRY(from(in.delta()));
    case v1::ControlMessage::kCommand:
      return TRY(from_proto(in.command()));
    case v1::ControlMessage::kReportRequest:
      return ReportRequest{in.report_request().request()};
    case v1::ControlMessage::kTraceRequest:
      return TRY(from(in.trace_request()));
    case v1::ControlMessage::kHeard:
      return Heard{in.heard().event()};
    case v1::ControlMessage::MESSAGE_NOT_SET:
      break;
  }
  return malformed("a message of an unknown kind");
}

void to_proto(const KeptProgram& kept, v1::KeptProgram& out) {
  to_proto(kept.position, *out.mutable_position());
  for (const contract::Entity& entity : kept.entities) to_proto(entity, *out.add_entities());
  for (const Adopt& adopt : kept.instances) to_proto(adopt, *out.add_instances());
}

Result<KeptProgram> from_proto(const v1::KeptProgram& in) {
  KeptProgram kept{
      .position = from_proto(in.position()), .entities = TRY(entities_from(in.entities())), .instances = {}};
  for (const v1::Adopt& adopt : in.instances()) kept.instances.push_back(TRY(from_proto(adopt)));
  return kept;
}

}  // namespace enid::cluster
