// Hosts: the machines with a card on which instances run, as the control thread knows them.
//
// Theory of operation
//   A host has a card (CardLink), what runs its instances (InstanceRuntime), and network cards, whose virtual
//   functions are its capacity. Hosts come and go: ControlPlane::join_host() makes one known or brings it
//   back, host_lost() says that it cannot be reached. A host that has ever joined is remembered
//   (host_settings.h), because records name it: an instance is on the host that its record says, reachable or
//   not. Links. A host keeps its two links while it is lost. Its CardLink still gets every delta, numbered
//   without gaps: it keeps them for the card, or drops them and asks ControlPlane::snapshot_for() when the
//   card is back. Nobody waits for a lost card. Its InstanceRuntime gets nothing; when the host joins again,
//   what it says by present() and state() is reconciled with the records. Regions share the hosts: every
//   RegionModel has the same one.
//
// Invariants
//   (1) Single thread: the control thread. The links outlive the ControlPlane, or are replaced by join_host()
//   first. (2) A host that is not connected gets no new instance.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/ip_address.h"
#include "base/resource_id.h"
#include "base/result.h"
#include "control/card_link.h"
#include "control/host_network_cards.h"
#include "control/instance_runtime.h"

namespace enid::control {

// The machine that the control plane runs on.
inline const std::string kLocalHostName = "host-1";

// What a host says of itself when it joins.
struct HostDescription {
  HostId id = HostId::trusted(kLocalHostName);
  std::vector<std::string> availability_zones = {};  // "us-east-1a". Empty: any.
  Ipv4Address underlay_address = {};  // Where the cards of others reach its card. Zero: nowhere.
  NetworkCardSettings network_cards = {};
  std::uint32_t underlay_mtu = 0;  // Bytes of an IP packet of its underlay. Zero: not known.

  bool operator==(const HostDescription&) const = default;
};

// A name that operators choose: letters, digits, dots and dashes; it is part of keys in the store, and of
// tags.
bool is_host_name(const std::string& text);

struct Host {
  explicit Host(HostDescription what)
      : description(std::move(what)), network_cards(description.network_cards, description.id.text()) {}

  bool serves_zone(const std::string& availability_zone) const;

  HostDescription description;
  HostNetworkCards network_cards;
  CardLink* card = nullptr;            // Null: it has not come since the control plane started.
  InstanceRuntime* runtime = nullptr;  // As `card`.
  bool connected = false;
};

class Hosts {
 public:
  // One host, connected: this machine. What a model has that is told of no others (tests).
  static Hosts with_local_host();

  const std::map<HostId, Host>& all() const { return hosts_; }
  bool empty() const { return hosts_.empty(); }
  // Null: there is none of this name.
  const Host* find(const HostId& id) const;
  Host* find(const HostId& id);
  const Host* find(const std::string& id) const { return find(HostId::trusted(id)); }

  Host& add(HostDescription description);  // None has its id.
  void remove(const HostId& id);           // Nothing is on it.

  // What changes as interfaces come and go. False, too, for a host that is not known.
  bool is_free(const VirtualFunction& function) const;
  void hold(const VirtualFunction& function);  // It is free.
  void release(const VirtualFunction& function);

 private:
  std::map<HostId, Host> hosts_;
};

}  // namespace enid::control
