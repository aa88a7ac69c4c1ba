#include "host/card_worker.h"

#include <pthread.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/prctl.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <condition_variable>
#include <fstream>
#include <future>
#include <iterator>
#include <map>
#include <mutex>
#include <string>
#include <thread>
#include <utility>

#include "base/check.h"
#include "host/clock.h"
#include "host/host_resolver.h"
#include "host/nap_length.h"
#include "host/secure_random.h"
#include "host/tap_port.h"
#include "srd/host_settings.h"

namespace enid::host {
namespace {

// Observed: 50 µs of polling after the last frame gave the best TCP throughput on two cores;
// longer takes processor time from the instances, shorter sleeps between a window and its acknowledgments.
constexpr Duration kSpin = Duration::from_microseconds(50);
// While some ports are busy, the others are looked at this often.
constexpr Duration kLookAround = Duration::from_microseconds(20);
// A polled port is looked at without a pause for this long after its last frame. Its guest's processors, QEMU
// and whoever answers the guest want the same cores. Observed, with a guest under emulation on two busy
// cores: 50 µs of looking took half as much processor again for the same TCP stream, of the card and of QEMU.
constexpr Duration kPolledSpin = Duration::from_microseconds(5);
constexpr std::size_t kEventsAtOnce = 64;
constexpr std::size_t kQuestionsAtOnce = 64;

using Message = std::move_only_function<void()>;

struct BoundPort {
  NetworkInterfaceId interface;
  std::unique_ptr<TapPort> tap;  // One of the two.
  std::shared_ptr<card::PolledPort> polled;
  card::PortHandle handle = 0;
  bool is_busy = false;
  Instant last_frame;
};

// Closes ports on a thread of its own, because that may take milliseconds.
class PortCloser {
 public:
  PortCloser() : thread_([this] { run(); }) {}
  ~PortCloser() {
    {
      const std::lock_guard lock(mutex_);
      stopping_ = true;
    }
    changed_.notify_one();
    thread_.join();
  }
  PortCloser(const PortCloser&) = delete;
  PortCloser& operator=(const PortCloser&) = delete;

  void close(std::unique_ptr<TapPort> port, std::function<void()> closed) {
    {
      const std::lock_guard lock(mutex_);
      waiting_.emplace_back(std::move(port), std::move(closed));
    }
    changed_.notify_one();
  }

 private:
  void run() {
    ::pthread_setname_np(::pthread_self(), "enid-card-close");
    std::unique_lock lock(mutex_);
    for (;;) {
      changed_.wait(lock, [this] { return stopping_ || !waiting_.empty(); });
      if (waiting_.empty()) return;
      auto work = std::exchange(waiting_, {});
      lock.unlock();
      for (auto& [port, closed] : work) {
        port.reset();
        if (closed) closed();
      }
      lock.lock();
    }
  }

  std::mutex mutex_;  // Guards what follows.
  std::condition_variable changed_;
  std::vector<std::pair<std::unique_ptr<TapPort>, std::function<void()>>> waiting_;
  bool stopping_ = false;
  std::thread thread_;
};

// Nobody may guess what a card calls itself, and no two boots may call themselves the same.
card::CardOptions with_carrier(const CardWorkerOptions& options) {
  card::CardOptions card = options.card;
  if (!options.underlay) return card;
  if (!card.express.carrier) {
    card.express.carrier.emplace();
    card.express.carrier->settings = srd::host_settings(options.link_bits_per_second);
  }
  card.express.carrier->incarnation = secure_random_number() | 1;
  card.express.carrier->seed = secure_random_number();
  return card;
}

}  // namespace

struct CardWorker::Parts {
  explicit Parts(const card::CardOptions& options) : card(options) {}

  void send(Message message);
  void run();

  void run_messages();
  void poll_busy_ports(Instant now, WallTime wall);
  void look_at_polled_ports(Instant now, WallTime wall);
  Instant wake_for_polled_ports(Instant now) const;
  void poll_underlay(Instant now, WallTime wall);
  Result<void> watch(int file, void* who);
  void learn_ways(const std::vector<contract::Entity>& entities);
  void ask_forwarded_questions(Instant now);
  void wait(Instant now, Instant until);
  void bind(const NetworkInterfaceId& interface, std::unique_ptr<TapPort> tap);
  void bind_polled(const NetworkInterfaceId& interface, std::shared_ptr<card::PolledPort> polled,
                   card::PortOwner owner);
  void release(BoundPort& port, std::function<void()> closed);

  // Others touch only these.
  std::mutex mailbox_mutex;
  std::vector<Message> mailbox;
  std::atomic<bool> has_mail = false;
  std::atomic<bool> is_sleeping = false;
  UniqueFd wake;

  card::Card card;
  UniqueFd epoll;
  std::unique_ptr<UdpUnderlay> underlay;
  bool underlay_is_busy = false;
  Instant last_underlay_datagram;
  std::unique_ptr<HostResolver> resolver;
  std::map<NetworkInterfaceId, std::unique_ptr<BoundPort>> ports;
  std::vector<BoundPort*> busy;    // TAP ports.
  std::vector<BoundPort*> polled;  // All polled ports.
  Instant last_polled_frame;
  NapLength naps;  // Between two looks at polled ports.
  std::vector<std::shared_ptr<CaptureSubscription>> captures;
  Instant last_look;
  bool stopping = false;
  CardWorkerCounters counters;

  PortCloser closer;
  std::thread thread;  // Last: it uses all of the above.
};

// The order matters: the worker says that it sleeps before it looks for mail the last time, so
// one of the two sees the other.
void CardWorker::Parts::send(Message message) {
  {
    const std::lock_guard lock(mailbox_mutex);
    mailbox.push_back(std::move(message));
  }
  has_mail.store(true);
  if (!is_sleeping.load()) return;
  const std::uint64_t one = 1;
  (void)!::write(wake.get(), &one, sizeof one);
}

void CardWorker::Parts::run() {
  ::pthread_setname_np(::pthread_self(), "enid-card");
  // A nap would otherwise be twice as long: the kernel may end a thread's sleeps 50 µs late.
  ::prctl(PR_SET_TIMERSLACK, 1'000UL, 0UL, 0UL, 0UL);
  while (!stopping || has_mail.load(std::memory_order_relaxed)) {
    if (has_mail.load(std::memory_order_relaxed)) run_messages();
    const Instant now = monotonic_now();
    const WallTime wall = wall_now();
    poll_busy_ports(now, wall);
    poll_underlay(now, wall);
    look_at_polled_ports(now, wall);
    if (card.next_timeout() <= now) card.on_timeout(now);
    ask_forwarded_questions(now);
    if (busy.empty() && !underlay_is_busy && !stopping) {
      wait(now, std::min(card.next_timeout(), wake_for_polled_ports(now)));
    } else if (now - last_look >= kLookAround) {
      wait(now, now);
    }
  }
  card.close(monotonic_now());
  for (const auto& capture : captures) {
    card.remove_capture(capture.get());
    capture->close();
  }
  while (!ports.empty()) release(*ports.begin()->second, {});
}

void CardWorker::Parts::run_messages() {
  has_mail.store(false);
  std::vector<Message> messages;
  {
    const std::lock_guard lock(mailbox_mutex);
    messages.swap(mailbox);
  }
  for (Message& message : messages) message();
}

void CardWorker::Parts::poll_busy_ports(Instant now, WallTime wall) {
  for (std::size_t i = 0; i < busy.size();) {
    BoundPort& port = *busy[i];
    ++counters.polls;
    if (card.poll(port.handle, now, wall) > 0) {
      port.last_frame = now;
    } else {
      ++counters.empty_polls;
    }
    if (port.tap->is_broken()) {
      release(port, {});  // The instance has ended, and its devices with it.
    } else if (now - port.last_frame > kSpin) {
      port.is_busy = false;
      busy.erase(busy.begin() + static_cast<std::ptrdiff_t>(i));
    } else {
      ++i;
    }
  }
}

void CardWorker::Parts::poll_underlay(Instant now, WallTime wall) {
  if (!underlay_is_busy) return;
  ++counters.polls;
  if (card.poll_underlay(now, wall) > 0) {
    last_underlay_datagram = now;
  } else {
    ++counters.empty_polls;
    underlay_is_busy = now - last_underlay_datagram <= kSpin;
  }
}

// The way to a host is the kernel's to know.
void CardWorker::Parts::learn_ways(const std::vector<contract::Entity>& entities) {
  if (underlay == nullptr) return;
  for (const contract::Entity& entity : entities)
    if (const auto* host = std::get_if<contract::HostProgram>(&entity))
      if (const auto mtu = underlay->mtu_to(host->underlay_address)) card.set_underlay_mtu(host->id, *mtu);
}

Result<void> CardWorker::Parts::watch(int file, void* who) {
  epoll_event event{};
  event.events = EPOLLIN;
  event.data.ptr = who;
  if (::epoll_ctl(epoll.get(), EPOLL_CTL_ADD, file, &event) < 0) return errno_failure("watch for the card");
  return {};
}

void CardWorker::Parts::look_at_polled_ports(Instant now, WallTime wall) {
  for (BoundPort* const port : polled) {
    port->polled->on_time(now);
    if (!port->polled->has_work()) continue;
    ++counters.polls;
    if (card.poll(port->handle, now, wall) > 0) {
      last_polled_frame = now;
    } else {
      ++counters.empty_polls;
    }
  }
}

// `now` while one of them had frames a moment ago: then the worker does not sleep.
Instant CardWorker::Parts::wake_for_polled_ports(Instant now) const {
  if (polled.empty()) return Instant::never();
  const Duration silence = now - last_polled_frame;
  if (silence <= kPolledSpin) return now;
  Instant soonest = now + naps.after(silence);
  for (const BoundPort* const port : polled) soonest = std::min(soonest, port->polled->next_timeout());
  return soonest;
}

void CardWorker::Parts::ask_forwarded_questions(Instant now) {
  if (!resolver) return;
  for (std::size_t i = 0; i < kQuestionsAtOnce; ++i) {
    const auto question = card.take_forwarded_dns();
    if (!question) return;
    resolver->ask(now, *question);
  }
}

// Sleeps until `until` or until something happens; with `until` not after `now` it only looks.
void CardWorker::Parts::wait(Instant now, Instant until) {
  timespec timeout{};
  const bool sleeps = until > now;
  if (sleeps) {
    const Duration left = until == Instant::never() ? Duration::from_seconds(3600) : until - now;
    timeout.tv_sec = left.seconds();
    timeout.tv_nsec = left.nanoseconds % 1'000'000'000;
    is_sleeping.store(true);
    if (has_mail.load()) {
      is_sleeping.store(false);
      return;
    }
    ++counters.sleeps;
  }
  const bool naps_now = sleeps && !polled.empty();
  const Duration before = naps_now ? thread_processor_time() : Duration{};
  std::array<epoll_event, kEventsAtOnce> events;
  const int count =
      ::epoll_pwait2(epoll.get(), events.data(), static_cast<int>(events.size()), &timeout, nullptr);
  if (naps_now) naps.note_cost(thread_processor_time() - before);
  if (sleeps) {
    is_sleeping.store(false);
    now = monotonic_now();
  }
  last_look = now;
  for (int i = 0; i < count; ++i) {
    void* const who = events[static_cast<std::size_t>(i)].data.ptr;
    if (who == &wake) {
      std::uint64_t ignored = 0;
      (void)!::read(wake.get(), &ignored, sizeof ignored);
    } else if (who == &resolver) {
      resolver->collect([&](ConstBytes answer) { card.on_dns_answer(now, answer); });
    } else if (who == &underlay) {
      underlay_is_busy = true;
      last_underlay_datagram = now;
    } else {
      auto* const port = static_cast<BoundPort*>(who);
      if (port->is_busy) continue;
      port->is_busy = true;
      port->last_frame = now;
      busy.push_back(port);
    }
  }
}

void CardWorker::Parts::bind(const NetworkInterfaceId& interface, std::unique_ptr<TapPort> tap) {
  if (const auto old = ports.find(interface); old != ports.end()) release(*old->second, {});
  auto port = std::make_unique<BoundPort>();
  port->interface = interface;
  port->tap = std::move(tap);
  port->handle = card.attach_port(interface, *port->tap);
  CHECK(watch(port->tap->fd(), port.get()));
  ports.emplace(interface, std::move(port));
}

void CardWorker::Parts::bind_polled(const NetworkInterfaceId& interface,
                                    std::shared_ptr<card::PolledPort> polled_port, card::PortOwner owner) {
  if (const auto old = ports.find(interface); old != ports.end()) release(*old->second, {});
  auto port = std::make_unique<BoundPort>();
  port->interface = interface;
  port->polled = std::move(polled_port);
  port->handle = card.attach_port(interface, *port->polled, owner);
  polled.push_back(port.get());
  ports.emplace(interface, std::move(port));
}

// `port` is gone after this.
void CardWorker::Parts::release(BoundPort& port, std::function<void()> closed) {
  if (port.tap) ::epoll_ctl(epoll.get(), EPOLL_CTL_DEL, port.tap->fd(), nullptr);
  card.detach_port(port.handle);
  std::erase(polled, &port);
  std::erase(busy, &port);
  closer.close(std::move(port.tap), std::move(closed));
  const NetworkInterfaceId interface = port.interface;
  ports.erase(interface);
}

CardWorker::CardWorker(std::unique_ptr<Parts> parts) : parts_(std::move(parts)) {
  parts_->thread = std::thread([&parts = *parts_] { parts.run(); });
}

Result<std::unique_ptr<CardWorker>> CardWorker::create(const CardWorkerOptions& options) {
  auto parts = std::make_unique<Parts>(with_carrier(options));
  parts->epoll = UniqueFd(::epoll_create1(EPOLL_CLOEXEC));
  if (!parts->epoll.is_open()) return errno_failure("make the card's epoll");
  parts->wake = UniqueFd(::eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC));
  if (!parts->wake.is_open()) return errno_failure("make the card's eventfd");
  TRY(parts->watch(parts->wake.get(), &parts->wake));
  if (options.underlay) {
    parts->underlay = TRY(UdpUnderlay::create(*options.underlay));
    for (const int file : parts->underlay->fds()) TRY(parts->watch(file, &parts->underlay));
    parts->card.attach_underlay(parts->underlay.get());
  }
  std::ifstream file(options.resolver_file);
  const std::string text{std::istreambuf_iterator<char>(file), {}};
  if (const auto nameserver = first_nameserver(text)) {
    // A host whose nameserver has no route is like a host without one.
    if (auto resolver = HostResolver::create(*nameserver)) {
      parts->resolver = std::move(*resolver);
      TRY(parts->watch(parts->resolver->event_fd(), &parts->resolver));
    }
  }
  parts->card.set_has_host_resolver(parts->resolver != nullptr);
  return std::unique_ptr<CardWorker>(new CardWorker(std::move(parts)));
}

CardWorker::~CardWorker() {
  parts_->send([&parts = *parts_] { parts.stopping = true; });
  parts_->thread.join();
}

void CardWorker::apply(contract::CardDelta delta, std::function<void()> applied) {
  parts_->send([&parts = *parts_, delta = std::move(delta), applied = std::move(applied)] {
    parts.card.apply(delta, monotonic_now());
    parts.learn_ways(delta.upserts);
    if (applied) applied();
  });
}

void CardWorker::replace(contract::CardSnapshot snapshot, std::function<void()> applied) {
  parts_->send([&parts = *parts_, snapshot = std::move(snapshot), applied = std::move(applied)] {
    parts.card.replace(snapshot, monotonic_now());
    parts.learn_ways(snapshot.entities);
    if (applied) applied();
  });
}

void CardWorker::report(std::function<void(contract::CardReport)> done) {
  parts_->send([&parts = *parts_, done = std::move(done)] { done(parts.card.report()); });
}

void CardWorker::trace(control::TraceRequest request,
                       std::function<void(Result<contract::TraceReport>)> done) {
  parts_->send([&parts = *parts_, request = std::move(request), done = std::move(done)] {
    if (request.entering) return done(parts.card.trace_entering(*request.entering, monotonic_now()));
    const card::TraceSpec spec{.from = request.from,
                               .source = request.source,
                               .target = request.target,
                               .protocol = request.protocol,
                               .source_port = request.source_port,
                               .target_port = request.target_port,
                               .payload_bytes = request.payload_bytes};
    done(parts.card.trace(spec, monotonic_now()));
  });
}

void CardWorker::bind_port(NetworkInterfaceId interface, UniqueFd tap,
                           std::function<void(Result<void>)> done) {
  auto port = TapPort::create(std::move(tap));
  if (!port) {
    if (done) done(std::unexpected(std::move(port).error()));
    return;
  }
  parts_->send([&parts = *parts_, interface = std::move(interface), port = std::move(*port),
                done = std::move(done)]() mutable {
    parts.bind(interface, std::move(port));
    if (done) done({});
  });
}

void CardWorker::bind_polled_port(const NetworkInterfaceId& interface, std::shared_ptr<card::PolledPort> port,
                                  card::PortOwner owner) {
  run([&] { parts_->bind_polled(interface, std::move(port), owner); });
}

void CardWorker::run(const std::function<void()>& work) {
  std::promise<void> done;
  parts_->send([&] {
    work();
    done.set_value();
  });
  done.get_future().wait();
}

void CardWorker::unbind_port(NetworkInterfaceId interface, std::function<void()> done) {
  parts_->send([&parts = *parts_, interface = std::move(interface), done = std::move(done)]() mutable {
    if (const auto port = parts.ports.find(interface); port != parts.ports.end()) {
      parts.release(*port->second, std::move(done));
    } else {
      // Behind a close of this interface's port that may be under way.
      parts.closer.close(nullptr, std::move(done));
    }
  });
}

std::shared_ptr<CaptureSubscription> CardWorker::start_capture(std::vector<NetworkInterfaceId> interfaces) {
  const std::int64_t epoch = wall_now().milliseconds_since_epoch * 1'000'000 - monotonic_now().nanoseconds;
  auto capture = std::make_shared<CaptureSubscription>(interfaces, epoch);
  parts_->send([&parts = *parts_, capture, interfaces = std::move(interfaces)] {
    parts.captures.push_back(capture);
    parts.card.add_capture(capture.get(), interfaces);
  });
  return capture;
}

void CardWorker::stop_capture(std::shared_ptr<CaptureSubscription> capture) {
  parts_->send([&parts = *parts_, capture = std::move(capture)] {
    if (std::erase(parts.captures, capture) > 0) parts.card.remove_capture(capture.get());
    capture->close();
  });
}

void CardWorker::counters(std::function<void(CardWorkerCounters)> done) {
  parts_->send([&parts = *parts_, done = std::move(done)] {
    CardWorkerCounters counters = parts.counters;
    for (const auto& [interface, port] : parts.ports) {
      if (!port->tap) continue;
      counters.malformed += port->tap->counters().malformed;
      counters.refused += port->tap->counters().refused;
    }
    if (parts.underlay) counters.underlay = parts.underlay->counters();
    done(counters);
  });
}

}  // namespace enid::host
