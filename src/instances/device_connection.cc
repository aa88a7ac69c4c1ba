#include "instances/device_connection.h"

#include <algorithm>
#include <future>
#include <span>
#include <utility>

namespace enid::instances {

namespace ena = devices::ena;
using host::PacketSocket;

namespace {

constexpr std::size_t kDoorbellFileBytes = ena::kDoorbellPageOffset + ena::kDoorbellPageBytes;
constexpr std::size_t kStatesBytes = sizeof(ena::QueueState) * ena::kQueueStates;
// Chosen: how long a process may take until its device is whole. It is local, and has nothing else to do.
constexpr Duration kPatience = Duration::from_seconds(10);
constexpr int kMessagesPerTurn = 64;

std::unexpected<Error> out_of_place() {
  return failure(std::make_error_code(std::errc::protocol_error), "a message out of place");
}

}  // namespace

DeviceConnection::DeviceConnection(PacketSocket socket, host::CardWorker& worker, Hooks hooks, Instant now)
    : socket_(std::move(socket)), worker_(worker), hooks_(std::move(hooks)), patience_(now + kPatience) {}

DeviceConnection::~DeviceConnection() { leave_card(); }

void DeviceConnection::on_ready(Instant) {
  for (int i = 0; i < kMessagesPerTurn && socket_; ++i) {
    Result<std::optional<host::Packet>> packet = socket_->receive(PacketSocket::Wait::kNo);
    if (!packet) return end();
    if (!*packet) return;
    const std::optional<ena::DataPathMessage> message = ena::decode((*packet)->bytes);
    if (!message) return refuse({.is_for_now = false, .reason = "a message that makes no sense"});
    Result<ena::DataPathMessage> answered = answer(*message, std::move((*packet)->descriptors));
    if (!answered) return refuse({.is_for_now = false, .reason = answered.error().message});
    // A hello is answered by the owner.
    if (!std::holds_alternative<ena::Hello>(*answered)) send(*answered);
    if (!std::holds_alternative<ena::Begin>(*message) || !socket_) continue;
    if (is_link_up_ != welcome_.is_link_up) send(ena::Link{is_link_up_});
    hooks_.on_begin(*this);
  }
}

Result<ena::DataPathMessage> DeviceConnection::answer(const ena::DataPathMessage& message,
                                                      ena::DataPathServer::Descriptors descriptors) {
  if (state_ == State::kWhole) return server_->on_message(message, std::move(descriptors));
  if (descriptors.size() != ena::descriptors_of(message)) return out_of_place();
  if (const auto* hello = std::get_if<ena::Hello>(&message); hello != nullptr && state_ == State::kSilent) {
    hello_ = *hello;
    interface_ = NetworkInterfaceId::parse(hello->interface).value_or(NetworkInterfaceId());
    state_ = State::kAsking;
    hooks_.on_hello(*this);
    return *hello;
  }
  if (const auto* begun = std::get_if<ena::Begin>(&message); begun != nullptr && state_ == State::kWelcome) {
    TRY(begin(*begun, descriptors));
    return ena::Done{};
  }
  return out_of_place();
}

Result<void> DeviceConnection::begin(const ena::Begin& begin, ena::DataPathServer::Descriptors& files) {
  if (begin.queue_pairs < 1 || begin.queue_pairs > ena::kQueuePairsMax || begin.mtu > ena::kMtuMax)
    return failure(std::make_error_code(std::errc::protocol_error), "a device of a size that is not there");
  doorbells_ = TRY(descriptors_.map(*files[0], 0, kDoorbellFileBytes, true));
  states_ = TRY(descriptors_.map(*files[1], 0, kStatesBytes, true));
  if (begin.low_latency) low_latency_ = TRY(descriptors_.map(*files[2], 0, ena::kLowLatencyBarBytes, true));
  port_ = std::make_shared<ena::EnaPort>(
      doorbells_->bytes().subspan(ena::kDoorbellPageOffset, ena::kDoorbellPageBytes),
      low_latency_ ? low_latency_->bytes() : Bytes(),
      std::span(reinterpret_cast<ena::QueueState*>(states_->bytes().data()), ena::kQueueStates),
      ena::EnaPortOptions{.queue_pairs = begin.queue_pairs, .mtu = begin.mtu});
  data_path_ = std::make_unique<CardThreadDataPath>(worker_, port_);
  server_ = std::make_unique<ena::DataPathServer>(begin, *data_path_, descriptors_);
  state_ = State::kWhole;
  patience_ = Instant::never();
  if (is_link_up_) join_card();
  return {};
}

void DeviceConnection::on_timeout(Instant now) {
  if (now < patience_) return;
  patience_ = Instant::never();
  refuse({.is_for_now = true, .reason = "the device took too long to begin"});
}

void DeviceConnection::welcome(ena::Welcome welcome) {
  if (state_ != State::kAsking || !socket_) return;
  state_ = State::kWelcome;
  welcome_ = std::move(welcome);
  is_link_up_ = welcome_.is_link_up;
  send(welcome_);
}

void DeviceConnection::refuse(const ena::Refusal& refusal) {
  leave_card();
  if (socket_) send(refusal);
  end();
}

void DeviceConnection::set_link(bool is_up) {
  if (is_link_up_ == is_up) return;
  is_link_up_ = is_up;
  if (state_ != State::kWhole || !socket_) return;
  if (is_up) {
    join_card();
  } else {
    leave_card();
  }
  send(ena::Link{is_up});
}

void DeviceConnection::end() {
  leave_card();
  patience_ = Instant::never();
  if (!socket_) return;
  socket_.reset();
  hooks_.on_end(*this);
}

void DeviceConnection::send(const ena::DataPathMessage& message) {
  if (socket_ && !socket_->send(ena::encode(message), {}, PacketSocket::Wait::kNo)) end();
}

void DeviceConnection::join_card() {
  const bool stands_alone = hello_.instance.empty();
  worker_.bind_polled_port(interface_, port_,
                           stands_alone ? card::PortOwner::kUser : card::PortOwner::kInstance);
  is_bound_ = true;
}

void DeviceConnection::leave_card() {
  if (!std::exchange(is_bound_, false)) return;
  std::promise<void> unbound;
  worker_.unbind_port(interface_, [&] { unbound.set_value(); });
  unbound.get_future().wait();
}

}  // namespace enid::instances
