#include "instances/device_server.h"

#include <spdlog/spdlog.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <utility>

#include "host/unix_address.h"

namespace enid::instances {

namespace ena = devices::ena;

namespace {

constexpr int kBacklog = 64;

Result<host::UniqueFd> listen_at(const std::string& path) {
  const sockaddr_un address = TRY(host::unix_address(path));
  host::UniqueFd listener(::socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (!listener.is_open()) return errno_failure("make a socket");
  ::unlink(path.c_str());
  if (::bind(listener.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) < 0 ||
      ::chmod(path.c_str(), 0600) < 0 || ::listen(listener.get(), kBacklog) < 0)
    return errno_failure("listen at " + path);
  return listener;
}

// New processes.
class Door final : public host::Conversation {
 public:
  Door(host::UniqueFd listener, std::function<void(host::PacketSocket, Instant)> on_visitor)
      : listener_(std::move(listener)), on_visitor_(std::move(on_visitor)) {}

  int fd() const override { return listener_.get(); }
  void on_ready(Instant now) override {
    host::UniqueFd socket(::accept4(listener_.get(), nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK));
    if (socket.is_open()) on_visitor_(host::PacketSocket(std::move(socket)), now);
  }
  Instant next_timeout() const override { return Instant::never(); }
  void on_timeout(Instant) override {}

 private:
  host::UniqueFd listener_;
  std::function<void(host::PacketSocket, Instant)> on_visitor_;
};

}  // namespace

// All of it is the devices' thread's.
struct DeviceServer::Parts : std::enable_shared_from_this<DeviceServer::Parts> {
  Parts(std::string socket_path, host::DeviceThread& device_thread, host::CardWorker& card)
      : path(std::move(socket_path)), thread(device_thread), worker(card) {}

  // The interface, and the id of the instance; none for a user's.
  using Key = std::pair<NetworkInterfaceId, std::string>;
  struct Place {
    control::InterfaceAttachment attachment;
    bool is_link_up = true;
  };

  static Key key_of(const DeviceConnection& connection) {
    return {connection.interface(), connection.instance()};
  }

  void open_to(host::PacketSocket socket, Instant now);
  void on_hello(DeviceConnection& connection);
  void ask_for(const std::shared_ptr<DeviceConnection>& connection);
  void decide(DeviceConnection& connection, const Result<DeviceFacts>& facts);
  void forget(DeviceConnection& connection);
  std::shared_ptr<DeviceConnection> of(const Key& key) const;
  // By a running instance.
  bool is_taken(const NetworkInterfaceId& interface) const;
  void update_user(const NetworkInterfaceId& interface);

  const std::string path;
  host::DeviceThread& thread;
  host::CardWorker& worker;
  std::shared_ptr<Door> door;
  Facts facts;
  std::map<Key, Place> places;  // Of machines.
  std::set<NetworkInterfaceId> claimed;
  std::vector<std::shared_ptr<DeviceConnection>> connections;
};

std::shared_ptr<DeviceConnection> DeviceServer::Parts::of(const Key& key) const {
  const auto found = std::ranges::find_if(connections, [&](const auto& connection) {
    return connection->is_open() && key_of(*connection) == key;
  });
  return found == connections.end() ? nullptr : *found;
}

bool DeviceServer::Parts::is_taken(const NetworkInterfaceId& interface) const {
  return claimed.contains(interface) || std::ranges::any_of(places, [&](const auto& place) {
           return place.first.first == interface && place.second.is_link_up;
         });
}

void DeviceServer::Parts::update_user(const NetworkInterfaceId& interface) {
  if (const auto connection = of({interface, ""})) connection->set_link(!is_taken(interface));
}

void DeviceServer::Parts::open_to(host::PacketSocket socket, Instant now) {
  if (connections.size() >= kConnectionsMax) return;
  auto connection = std::make_shared<DeviceConnection>(
      std::move(socket), worker,
      DeviceConnection::Hooks{.on_hello = [this](DeviceConnection& which) { on_hello(which); },
                              .on_begin =
                                  [](DeviceConnection& which) {
                                    spdlog::info("{}: its device's process is here",
                                                 which.interface().text());
                                  },
                              .on_end = [this](DeviceConnection& which) { forget(which); }},
      now);
  connections.push_back(connection);
  // Not now: a conversation's call may not change the list.
  thread.post([self = weak_from_this(), connection] {
    if (const auto parts = self.lock(); parts && connection->is_open()) parts->thread.add(connection);
  });
}

void DeviceServer::Parts::forget(DeviceConnection& connection) {
  const auto found = std::ranges::find_if(
      connections, [&](const auto& candidate) { return candidate.get() == &connection; });
  if (found == connections.end()) return;
  if (connection.is_whole()) spdlog::info("{}: its device's process has gone", connection.interface().text());
  std::shared_ptr<DeviceConnection> gone = std::move(*found);
  connections.erase(found);
  thread.post([self = weak_from_this(), gone = std::move(gone)] {
    if (const auto parts = self.lock()) parts->thread.remove(gone);
  });
}

void DeviceServer::Parts::on_hello(DeviceConnection& connection) {
  const NetworkInterfaceId& interface = connection.interface();
  if (interface.empty()) return connection.refuse({.is_for_now = false, .reason = "no id of an interface"});
  const auto is_same = [&](const auto& other) {
    return other->is_open() && key_of(*other) == key_of(connection);
  };
  if (std::ranges::count_if(connections, is_same) > 1)
    return connection.refuse(
        {.is_for_now = true, .reason = "another process serves " + interface.text() + " already"});
  if (!connection.instance().empty()) {
    const auto place = places.find(key_of(connection));
    if (place == places.end())
      return connection.refuse(
          {.is_for_now = true, .reason = interface.text() + " is no device of " + connection.instance()});
    return connection.welcome({.mac = place->second.attachment.mac,
                               .mtu = place->second.attachment.mtu,
                               .is_link_up = place->second.is_link_up,
                               .description = ""});
  }
  if (!facts) return connection.refuse({.is_for_now = true, .reason = "the daemon starts, or ends"});
  const auto found = std::ranges::find_if(
      connections, [&](const auto& candidate) { return candidate.get() == &connection; });
  ask_for(*found);
}

void DeviceServer::Parts::ask_for(const std::shared_ptr<DeviceConnection>& connection) {
  facts(connection->interface(),
        [self = weak_from_this(), connection = std::weak_ptr(connection)](Result<DeviceFacts> answer) {
          const auto parts = self.lock();
          if (!parts) return;
          parts->thread.post([self, connection, answer = std::move(answer)] {
            const auto alive = self.lock();
            const auto asked = connection.lock();
            if (alive && asked && asked->is_open()) alive->decide(*asked, answer);
          });
        });
}

void DeviceServer::Parts::decide(DeviceConnection& connection, const Result<DeviceFacts>& answer) {
  const NetworkInterfaceId& interface = connection.interface();
  if (!answer) return connection.refuse({.is_for_now = true, .reason = answer.error().message});
  if (is_taken(interface))
    return connection.refuse(
        {.is_for_now = true, .reason = interface.text() + " is in use by a running instance"});
  connection.welcome(
      {.mac = answer->mac, .mtu = answer->mtu, .is_link_up = true, .description = answer->description});
}

DeviceServer::DeviceServer(std::shared_ptr<Parts> parts) : parts_(std::move(parts)) {}

Result<std::unique_ptr<DeviceServer>> DeviceServer::create(const std::string& path,
                                                           host::DeviceThread& thread,
                                                           host::CardWorker& worker) {
  host::UniqueFd listener = TRY(listen_at(path));
  auto parts = std::make_shared<Parts>(path, thread, worker);
  parts->door = std::make_shared<Door>(
      std::move(listener),
      [&parts = *parts](host::PacketSocket socket, Instant now) { parts.open_to(std::move(socket), now); });
  thread.add(parts->door);
  return std::unique_ptr<DeviceServer>(new DeviceServer(std::move(parts)));
}

DeviceServer::~DeviceServer() {
  parts_->thread.run([&] {
    parts_->thread.remove(parts_->door);
    for (const auto& connection : std::exchange(parts_->connections, {})) {
      connection->end();
      parts_->thread.remove(connection);
    }
  });
  ::unlink(parts_->path.c_str());
}

void DeviceServer::set_facts(Facts facts) {
  parts_->thread.run([&] { parts_->facts = std::move(facts); });
}

void DeviceServer::expect(const InstanceId& instance, const control::InterfaceAttachment& attachment,
                          bool is_link_up) {
  parts_->thread.run([&] {
    const Parts::Key key{attachment.interface, instance.text()};
    parts_->places[key] = {.attachment = attachment, .is_link_up = is_link_up};
    parts_->update_user(attachment.interface);
    if (const auto connection = parts_->of(key)) connection->set_link(is_link_up);
  });
}

bool DeviceServer::has_come(const InstanceId& instance, const NetworkInterfaceId& interface) {
  bool has_come = false;
  parts_->thread.run([&] {
    const auto connection = parts_->of({interface, instance.text()});
    has_come = connection && connection->is_whole();
  });
  return has_come;
}

void DeviceServer::forget(const InstanceId& instance, const NetworkInterfaceId& interface) {
  parts_->thread.run([&] {
    const Parts::Key key{interface, instance.text()};
    if (parts_->places.erase(key) == 0) return;
    if (const auto connection = parts_->of(key)) connection->end();
    parts_->update_user(interface);
  });
}

void DeviceServer::claim(const NetworkInterfaceId& interface) {
  parts_->thread.run([&] {
    parts_->claimed.insert(interface);
    parts_->update_user(interface);
  });
}

void DeviceServer::release(const NetworkInterfaceId& interface) {
  parts_->thread.post([self = std::weak_ptr(parts_), interface] {
    const auto parts = self.lock();
    if (!parts) return;
    parts->claimed.erase(interface);
    parts->update_user(interface);
  });
}

}  // namespace enid::instances
