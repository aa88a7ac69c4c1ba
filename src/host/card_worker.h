// CardWorker: the thread that owns a card, its ports and its timers.
//
// Theory of operation
//   Everything that touches the card happens on this thread. Others send messages; a message is
//   a function in a mailbox, run between two batches. Packets: the worker keeps a list of the
//   ports that had frames lately and takes one batch from each in turn. When none had any for
//   kSpin, it sleeps in epoll until a frame, a message, a DNS answer or a timer comes. A port that
//   gave nothing for kSpin leaves the list, so that spinning costs one system call for each port
//   that is really busy; epoll tells when it has frames again. Nothing tells of a polled port (an emulated
//   network card, whose rings are a guest's memory): the worker looks at each in every round, and while there
//   is one it sleeps only briefly, longer when the guests have been silent for a while. The network between
//   hosts is one more busy port, and what SRD has to send leaves at the end of a round, at a timer of the
//   card's; how long its packets may be is asked whenever a host is programmed.
//
// Invariants
//   (1) No port gets a second batch before every other busy port has had its turn.
//   (2) Every `applied` and `done` is called once, also when the worker ends, on the worker's
//       thread or another: it must be brief and must not wait for the worker.
//   (3) When unbind_port's `done` is called, the descriptor is closed.
//   (4) The thread never closes or configures a device: that takes the kernel's lock of all
//       network configuration, for milliseconds. The caller's thread configures, another closes.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <vector>

#include "base/resource_id.h"
#include "base/result.h"
#include "card/card.h"
#include "card/ports/polled_port.h"
#include "control/card_link.h"
#include "host/capture_subscription.h"
#include "host/udp_underlay.h"
#include "host/unique_fd.h"

namespace enid::host {

struct CardWorkerOptions {
  card::CardOptions card;  // has_host_resolver is the worker's to say.
  // Names outside the VPC are asked of the first nameserver of this resolv.conf. Empty, not
  // there, or none named: such names cannot be resolved.
  std::string resolver_file = "/etc/resolv.conf";
  // This host's place in the network between hosts; without it, interfaces elsewhere cannot be reached.
  std::optional<UdpUnderlayOptions> underlay = std::nullopt;
  // Of the link to that network. With an underlay, hosts with a pair key are reached by SRD, too (ENA
  // Express); how, card.express.carrier may say. Its incarnation and seed are the worker's to draw.
  std::uint64_t link_bits_per_second = 25'000'000'000;
};

struct CardWorkerCounters {
  std::uint64_t polls = 0;        // Batches asked for.
  std::uint64_t empty_polls = 0;  // Of these, nothing waited.
  std::uint64_t sleeps = 0;
  std::uint64_t malformed = 0;  // Of all ports now bound; see TapPortCounters.
  std::uint64_t refused = 0;
  UdpUnderlayCounters underlay;
};

class CardWorker final : public control::CardLink {
 public:
  static Result<std::unique_ptr<CardWorker>> create(const CardWorkerOptions& options);
  // Answers every message that was sent before, then ends the thread and closes all ports.
  ~CardWorker() override;

  void apply(contract::CardDelta delta, std::function<void()> applied) override;
  void replace(contract::CardSnapshot snapshot, std::function<void()> applied) override;
  void report(std::function<void(contract::CardReport)> done) override;
  void trace(control::TraceRequest request, std::function<void(Result<contract::TraceReport>)> done) override;

  // A second bind of one interface replaces and closes the first. Refused: `tap` is not fit for TapPort.
  void bind_port(NetworkInterfaceId interface, UniqueFd tap, std::function<void(Result<void>)> done);
  // The same for a port whose memory must be looked at; bound when it returns. The worker lets go of it, on
  // its own thread, before unbind_port's `done`, and when it ends.
  void bind_polled_port(const NetworkInterfaceId& interface, std::shared_ptr<card::PolledPort> port,
                        card::PortOwner owner = card::PortOwner::kInstance);
  // Runs `work` on the card's thread, between two rounds, and waits for it: for what changes a polled port.
  // Not from the card's thread itself.
  void run(const std::function<void()>& work);
  // Does nothing more for an unknown interface.
  void unbind_port(NetworkInterfaceId interface, std::function<void()> done);

  // The stream begins at once, with what comes from now on.
  std::shared_ptr<CaptureSubscription> start_capture(std::vector<NetworkInterfaceId> interfaces);
  // Closes the stream; the reader may read what is left.
  void stop_capture(std::shared_ptr<CaptureSubscription> capture);

  void counters(std::function<void(CardWorkerCounters)> done);

 private:
  struct Parts;
  explicit CardWorker(std::unique_ptr<Parts> parts);
  std::unique_ptr<Parts> parts_;
};

}  // namespace enid::host
