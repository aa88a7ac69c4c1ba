// HostNetworkCards: which virtual functions of a host's network cards are in use.
//
// Theory of operation
//   A host has network cards; each offers virtual functions (SR-IOV), and an attached interface of an
//   instance that is on the host holds one. The records say who holds which (Attachment::virtual_function);
//   this is the index over them: a bitmap for each card. RegionModel keeps it as it keeps its other indexes,
//   so what a refused call took comes back with its records, and a restart finds every assignment again.
//   Regions share the hosts, so they share this, too.
//   Each host has its own.
//
// Invariants
//   (1) Single thread: the control thread.
//   (2) A virtual function has at most one holder.
//   (3) choose() looks at counts and one bitmap, never at interfaces of others.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "control/records.h"
#include "vpc/virtual_function_placement.h"

namespace enid::control {

// Chosen: one card, because one thread is this host's card today (host/card_worker.h): more would promise
// bandwidth that is not there. 256 virtual functions: what one network card offers, as descriptions of Nitro
// hosts tell.
struct NetworkCardSettings {
  std::int32_t network_cards = 1;
  std::int32_t virtual_functions_per_card = 256;

  bool operator==(const NetworkCardSettings&) const = default;
};

// Chosen: more cards than the largest instance type has; the most that SR-IOV's 16 bits would allow is far
// more than one card of one host can serve.
inline constexpr std::int32_t kNetworkCardsMax = 64;
inline constexpr std::int32_t kVirtualFunctionsPerCardMax = 4096;

class HostNetworkCards {
 public:
  explicit HostNetworkCards(NetworkCardSettings settings = {}, std::string host = "host-1");

  const std::string& host() const { return host_; }
  const NetworkCardSettings& settings() const { return settings_; }
  std::span<const vpc::NetworkCardLoad> loads() const { return loads_; }  // By card.
  std::int64_t free() const { return free_; }

  // The lowest free one of the card that vpc::choose_network_card() names. Empty: none is left.
  std::optional<VirtualFunction> choose(std::span<const vpc::PlacedInterface> placed,
                                        std::int32_t network_card_index) const;

  // False, too, for one that the host does not have.
  bool is_free(const VirtualFunction& function) const;
  void hold(const VirtualFunction& function);  // It is free.
  void release(const VirtualFunction& function);

  // One in use that the host would not have with `settings`.
  std::optional<VirtualFunction> first_lost_with(const NetworkCardSettings& settings) const;
  void resize(const NetworkCardSettings& settings);  // first_lost_with() is empty.

 private:
  bool has(const VirtualFunction& function) const;

  std::string host_;
  NetworkCardSettings settings_;
  std::vector<vpc::NetworkCardLoad> loads_;
  std::vector<std::vector<bool>> in_use_;  // By card, then by number.
  std::int64_t free_ = 0;
};

}  // namespace enid::control
