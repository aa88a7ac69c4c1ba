#include "cluster/card_server.h"

#include <fmt/format.h>
#include <grpcpp/grpcpp.h>
#include <spdlog/spdlog.h>
#include <sys/stat.h>
#include <unistd.h>

#include <chrono>
#include <deque>
#include <mutex>

#include "card_link.grpc.pb.h"
#include "cluster/conversions.h"
#include "cluster/stream_settings.h"

namespace enid::cluster {
namespace {

class Session;

// What a RemoteHost holds of a session; the session may end first.
class Outbox final : public CardStream {
 public:
  explicit Outbox(Session* session) : session_(session) {}
  void send(ControlMessage message) override;
  void detach() {
    const std::lock_guard lock(mutex_);
    session_ = nullptr;
  }
  void end(const Error& why);

 private:
  std::mutex mutex_;
  Session* session_;  // Null: it has ended.
};

}  // namespace

struct CardServer::Parts {
  struct Card {
    std::unique_ptr<RemoteHost> host;
    CardStatus status;
    std::uint64_t incarnation = 0;
    std::shared_ptr<Outbox> stream;  // Null: away.
  };
  class Service final : public v1::Cards::CallbackService {
   public:
    explicit Service(Parts& parts) : parts_(parts) {}
    grpc::ServerBidiReactor<v1::CardMessage, v1::ControlMessage>* Serve(
        grpc::CallbackServerContext* context) override;

   private:
    Parts& parts_;
  };

  Parts(CardServerOptions with, CardServerHooks calls) : options(std::move(with)), hooks(std::move(calls)) {}

  Result<void> listen();
  Result<RemoteHost*> connect(const Hello& hello, const std::string& peer,
                              const std::shared_ptr<Outbox>& outbox);
  void join(const Hello& hello, RemoteHost& host, const std::shared_ptr<Outbox>& outbox);
  void disconnect(const HostId& id, const std::shared_ptr<Outbox>& outbox);

  const CardServerOptions options;
  const CardServerHooks hooks;
  Service service{*this};
  std::unique_ptr<grpc::Server> server;
  int port = 0;
  mutable std::mutex mutex;  // Guards what follows.
  std::map<HostId, Card> cards;
};

namespace {

// One stream, from the card's first byte to the last. gRPC calls it, one call of a kind at a time, and it
// deletes itself when gRPC says that all is done.
class Session final : public grpc::ServerBidiReactor<v1::CardMessage, v1::ControlMessage> {
 public:
  Session(CardServer::Parts& parts, grpc::CallbackServerContext& context)
      : parts_(parts), context_(context), peer_(context.peer()), outbox_(std::make_shared<Outbox>(this)) {
    if (!peer_.starts_with("unix:")) {
      const auto context_of_tls = context.auth_context();
      for (const grpc::string_ref& pem : context_of_tls->FindPropertyValues(GRPC_X509_PEM_CERT_PROPERTY_NAME))
        certificate_.assign(pem.data(), pem.size());
      if (certificate_.empty()) {
        end({std::make_error_code(std::errc::permission_denied), "a card shows a certificate"});
        return;
      }
      for (const grpc::string_ref& name : context_of_tls->FindPropertyValues(GRPC_X509_CN_PROPERTY_NAME))
        certified_name_.assign(name.data(), name.size());
    }
    StartRead(&incoming_);
  }

  void send(ControlMessage message) {
    v1::ControlMessage proto;
    to_proto(message, proto);
    const std::lock_guard lock(mutex_);
    if (finished_) return;
    queued_bytes_ += proto.ByteSizeLong();
    queue_.push_back(std::move(proto));
    if (queued_bytes_ > CardServer::kQueueBytesMax) return context_.TryCancel();
    write_next();
  }

  void end(const Error& why) {
    const std::lock_guard lock(mutex_);
    if (!ending_) ending_ = grpc::Status(status_code_of(why), why.message.substr(0, kReasonBytesMax));
    finish_if_idle();
  }

  void OnReadDone(bool ok) override {
    if (!ok) return end({std::make_error_code(std::errc::connection_reset), "the card hung up"});
    auto message = from_proto(incoming_);
    Result<void> taken = message ? take(*std::move(message)) : std::unexpected(message.error());
    incoming_.Clear();
    if (taken) return StartRead(&incoming_);
    spdlog::warn("the stream of {} ({}) ends: {}", host_ == nullptr ? "a card" : id_.text(), peer_,
                 taken.error().message);
    end(taken.error());
  }

  void OnWriteDone(bool ok) override {
    const std::lock_guard lock(mutex_);
    writing_ = false;
    queued_bytes_ -= queue_.front().ByteSizeLong();
    queue_.pop_front();
    if (!ok && !ending_) ending_ = grpc::Status::CANCELLED;
    finish_if_idle();
    write_next();
  }

  void OnDone() override {
    outbox_->detach();
    if (host_ != nullptr) parts_.disconnect(id_, outbox_);
    delete this;
  }

 private:
  static constexpr std::size_t kReasonBytesMax = 1000;

  Result<void> take(CardMessage message) {
    if (host_ != nullptr) return host_->receive(*outbox_, std::move(message));
    const auto* hello = std::get_if<Hello>(&message);
    if (hello == nullptr) return malformed("a card says Hello first");
    if (!certificate_.empty() && certified_name_ != hello->host.text())
      return failure(
          std::make_error_code(std::errc::permission_denied),
          fmt::format("the certificate is that of {}, not of {}", certified_name_, hello->host.text()));
    TRY(parts_.hooks.admit(hello->host, certificate_));
    id_ = hello->host;
    host_ = TRY(parts_.connect(*hello, peer_, outbox_));
    parts_.join(*hello, *host_, outbox_);
    return {};
  }

  // Under the lock.
  void write_next() {
    if (writing_ || finished_ || ending_ || queue_.empty()) return;
    writing_ = true;
    StartWrite(&queue_.front());
  }
  void finish_if_idle() {
    if (!ending_ || writing_ || finished_) return;
    finished_ = true;
    Finish(*ending_);
  }

  CardServer::Parts& parts_;
  grpc::CallbackServerContext& context_;
  const std::string peer_;
  std::string certificate_;     // PEM; empty on the Unix socket.
  std::string certified_name_;  // Its common name.
  const std::shared_ptr<Outbox> outbox_;
  v1::CardMessage incoming_;
  HostId id_;
  RemoteHost* host_ = nullptr;  // Null: no Hello yet, or it was refused.

  std::mutex mutex_;  // Guards what follows.
  std::deque<v1::ControlMessage> queue_;
  std::size_t queued_bytes_ = 0;
  bool writing_ = false;
  bool finished_ = false;
  std::optional<grpc::Status> ending_;
};

void Outbox::send(ControlMessage message) {
  const std::lock_guard lock(mutex_);
  if (session_ != nullptr) session_->send(std::move(message));
}

void Outbox::end(const Error& why) {
  const std::lock_guard lock(mutex_);
  if (session_ != nullptr) session_->end(why);
}

}  // namespace

grpc::ServerBidiReactor<v1::CardMessage, v1::ControlMessage>* CardServer::Parts::Service::Serve(
    grpc::CallbackServerContext* context) {
  return new Session(parts_, *context);  // Deletes itself.
}

Result<void> CardServer::Parts::listen() {
  grpc::ServerBuilder builder;
  set_stream_arguments(builder);
  builder.RegisterService(&service);
  if (!options.socket_path.empty()) {
    ::unlink(options.socket_path.c_str());  // Of an earlier daemon; the state's lock is ours.
    builder.AddListeningPort("unix:" + options.socket_path, grpc::InsecureServerCredentials());
  }
  if (!options.listen.empty()) {
    grpc::SslServerCredentialsOptions tls(GRPC_SSL_REQUEST_AND_REQUIRE_CLIENT_CERTIFICATE_AND_VERIFY);
    tls.pem_root_certs = options.own.authority;
    tls.pem_key_cert_pairs.push_back({options.own.own.key, options.own.own.certificate});
    builder.AddListeningPort(options.listen, grpc::SslServerCredentials(tls), &port);
  }
  server = builder.BuildAndStart();
  if (server == nullptr || (!options.listen.empty() && port == 0))
    return failure(std::make_error_code(std::errc::address_in_use),
                   fmt::format("cannot listen for cards on {}{}{}", options.socket_path,
                               options.listen.empty() ? "" : " and ", options.listen));
  if (!options.socket_path.empty() && ::chmod(options.socket_path.c_str(), 0600) != 0)
    return errno_failure("make " + options.socket_path + " private");
  return {};
}

Result<RemoteHost*> CardServer::Parts::connect(const Hello& hello, const std::string& peer,
                                               const std::shared_ptr<Outbox>& outbox) {
  RemoteHost* host = nullptr;
  std::shared_ptr<Outbox> earlier;
  {
    const std::lock_guard lock(mutex);
    Card& card = cards[hello.host];
    if (card.stream != nullptr && card.incarnation != hello.incarnation)
      return failure(std::make_error_code(std::errc::device_or_resource_busy),
                     fmt::format("another card is connected as {} already, from {}", hello.host.text(),
                                 card.status.peer));
    if (card.host == nullptr)
      card.host = std::make_unique<RemoteHost>(
          hello.host, options.hosts,
          [this, id = hello.host](RemoteHost::SnapshotDone done) { hooks.snapshot(id, std::move(done)); });
    earlier = std::exchange(card.stream, outbox);
    card.incarnation = hello.incarnation;
    card.status = {.host = hello.host,
                   .connected = true,
                   .since = hooks.now(),
                   .peer = peer,
                   .version = hello.version,
                   .state_folder = hello.state_folder,
                   .machine_boot_id = hello.machine_boot_id};
    host = card.host.get();
  }
  if (earlier != nullptr)
    earlier->end({std::make_error_code(std::errc::connection_reset), "the card is back by a new stream"});
  host->connect(outbox, hello);
  return host;
}

void CardServer::Parts::join(const Hello& hello, RemoteHost& host, const std::shared_ptr<Outbox>& outbox) {
  hooks.join({.id = hello.host,
              .availability_zones = hello.availability_zones,
              .underlay_address = hello.underlay_address,
              .network_cards = hello.network_cards,
              .underlay_mtu = hello.underlay_mtu},
             host, [id = hello.host, outbox](const Result<void>& joined) {
               if (joined) return spdlog::info("host {} has joined", id.text());
               spdlog::warn("host {} cannot join: {}", id.text(), joined.error().message);
               outbox->end(joined.error());
             });
}

void CardServer::Parts::disconnect(const HostId& id, const std::shared_ptr<Outbox>& outbox) {
  RemoteHost* host = nullptr;
  {
    const std::lock_guard lock(mutex);
    Card& card = cards[id];
    if (card.stream != outbox) return;
    card.stream = nullptr;
    card.status.connected = false;
    card.status.since = hooks.now();
    host = card.host.get();
  }
  host->disconnect(*outbox);
  spdlog::warn("host {} is lost", id.text());
  hooks.lose(id);
}

CardServer::CardServer(std::unique_ptr<Parts> parts) : parts_(std::move(parts)) {}

Result<std::unique_ptr<CardServer>> CardServer::create(CardServerOptions options, CardServerHooks hooks) {
  auto parts = std::make_unique<Parts>(std::move(options), std::move(hooks));
  TRY(parts->listen());
  return std::unique_ptr<CardServer>(new CardServer(std::move(parts)));
}

void CardServer::stop() {
  // What is still open then is cancelled.
  parts_->server->Shutdown(std::chrono::system_clock::now());
  parts_->server->Wait();
}

CardServer::~CardServer() { stop(); }

std::uint16_t CardServer::port() const { return static_cast<std::uint16_t>(parts_->port); }

std::vector<CardStatus> CardServer::cards() const {
  const std::lock_guard lock(parts_->mutex);
  std::vector<CardStatus> all;
  for (const auto& [id, card] : parts_->cards) {
    all.push_back(card.status);
    if (card.host != nullptr) all.back().applied_revision = card.host->applied_revision();
  }
  return all;
}

std::optional<CardStatus> CardServer::card(const HostId& host) const {
  for (CardStatus& status : cards())
    if (status.host == host) return std::move(status);
  return std::nullopt;
}

RemoteHost* CardServer::find(const HostId& host) const {
  const std::lock_guard lock(parts_->mutex);
  const auto found = parts_->cards.find(host);
  return found == parts_->cards.end() ? nullptr : found->second.host.get();
}

void CardServer::dismiss(const HostId& host) {
  std::shared_ptr<Outbox> stream;
  {
    const std::lock_guard lock(parts_->mutex);
    if (const auto found = parts_->cards.find(host); found != parts_->cards.end())
      stream = found->second.stream;
  }
  if (stream != nullptr)
    stream->end({std::make_error_code(std::errc::permission_denied), host.text() + " has been removed"});
}

}  // namespace enid::cluster
