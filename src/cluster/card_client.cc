#include "cluster/card_client.h"

#include <fmt/format.h>
#include <grpcpp/grpcpp.h>

#include <algorithm>
#include <chrono>
#include <condition_variable>
#include <deque>
#include <mutex>
#include <thread>

#include "card_link.grpc.pb.h"
#include "cluster/conversions.h"
#include "cluster/stream_settings.h"

namespace enid::cluster {
namespace {

// One stream. The client's thread makes it and waits for its end; gRPC's threads call it.
class Stream final : public grpc::ClientBidiReactor<v1::CardMessage, v1::ControlMessage>,
                     public ControlStream {
 public:
  Stream(v1::Cards::Stub& stub, CardAgent& agent) : agent_(agent) {
    stub.async()->Serve(&context_, this);
    AddHold();  // Writes begin outside gRPC's calls; removed by end().
    StartRead(&incoming_);
    StartCall();
  }

  void send(CardMessage message) override {
    v1::CardMessage proto;
    to_proto(message, proto);
    const std::lock_guard lock(mutex_);
    if (ended_) return;
    queue_.push_back(std::move(proto));
    write_next();
  }

  void end() {
    {
      const std::lock_guard lock(mutex_);
      if (std::exchange(ended_, true)) return;
    }
    context_.TryCancel();
    RemoveHold();
  }

  // The status with which it ended.
  grpc::Status wait() {
    std::unique_lock lock(mutex_);
    done_changed_.wait(lock, [this] { return done_.has_value(); });
    return *done_;
  }
  bool has_received() const { return has_received_; }
  const std::optional<Error>& own_refusal() const { return own_refusal_; }

  void OnReadDone(bool ok) override {
    if (!ok) return end();
    has_received_ = true;
    auto message = from_proto(incoming_);
    const Result<void> taken =
        message ? agent_.receive(*this, *std::move(message)) : std::unexpected(message.error());
    incoming_.Clear();
    if (taken) return StartRead(&incoming_);
    own_refusal_ = taken.error();
    end();
  }

  void OnWriteDone(bool ok) override {
    {
      const std::lock_guard lock(mutex_);
      writing_ = false;
      queue_.pop_front();
      if (ok) write_next();
    }
    if (!ok) end();
  }

  void OnDone(const grpc::Status& status) override {
    const std::lock_guard lock(mutex_);
    ended_ = true;
    done_ = status;
    done_changed_.notify_all();  // Under the lock: the waiter may delete this.
  }

 private:
  void write_next() {
    if (writing_ || ended_ || queue_.empty()) return;
    writing_ = true;
    StartWrite(&queue_.front());
  }

  CardAgent& agent_;
  grpc::ClientContext context_;
  v1::ControlMessage incoming_;
  bool has_received_ = false;  // These two are read after the end.
  std::optional<Error> own_refusal_;

  std::mutex mutex_;  // Guards what follows.
  std::condition_variable done_changed_;
  std::deque<v1::CardMessage> queue_;
  bool writing_ = false;
  bool ended_ = false;
  std::optional<grpc::Status> done_;
};

bool is_refusal(grpc::StatusCode code) {
  return code == grpc::StatusCode::PERMISSION_DENIED || code == grpc::StatusCode::FAILED_PRECONDITION ||
         code == grpc::StatusCode::ALREADY_EXISTS || code == grpc::StatusCode::UNIMPLEMENTED;
}

std::string in_words(const grpc::Status& status, const CardClientOptions& options) {
  std::string text = status.error_message();
  // OpenSSL's words; those in capitals are of BoringSSL, on which gRPC may be built instead.
  if (text.find("certificate verify failed") != text.npos ||
      text.find("CERTIFICATE_VERIFY_FAILED") != text.npos)
    return fmt::format("the control plane at {} is not the one that made these credentials", options.target);
  return text.empty() ? "the stream ended" : text;
}

}  // namespace

struct CardClient::Parts {
  Parts(CardClientOptions with, CardAgent& end, Ended tell)
      : options(std::move(with)), agent(end), ended(std::move(tell)), thread([this] { run(); }) {}
  ~Parts() {
    {
      const std::lock_guard lock(mutex);
      stopping = true;
      if (stream != nullptr) stream->end();
    }
    changed.notify_all();
    thread.join();
  }

  std::shared_ptr<grpc::Channel> channel() const {
    grpc::ChannelArguments arguments;
    set_stream_arguments(arguments);
    if (!options.credentials)
      return grpc::CreateCustomChannel(options.target, grpc::InsecureChannelCredentials(), arguments);
    arguments.SetSslTargetNameOverride(kControlPlaneName);
    const grpc::SslCredentialsOptions tls{.pem_root_certs = options.credentials->authority,
                                          .pem_private_key = options.credentials->own.key,
                                          .pem_cert_chain = options.credentials->own.certificate};
    return grpc::CreateCustomChannel(options.target, grpc::SslCredentials(tls), arguments);
  }

  // One stream, from begin to end. True: it was a good one for a while.
  bool attempt() {
    const auto stub = v1::Cards::NewStub(channel());
    std::shared_ptr<Stream> now;
    {
      const std::lock_guard lock(mutex);
      if (stopping) return false;
      now = std::make_shared<Stream>(*stub, agent);
      stream = now;
    }
    agent.connect(now);
    const grpc::Status status = now->wait();
    agent.disconnect(*now);
    {
      const std::lock_guard lock(mutex);
      stream = nullptr;
      if (stopping) return false;
    }
    if (now->own_refusal()) {
      ended(*now->own_refusal(), false);
    } else {
      ended({std::make_error_code(std::errc::host_unreachable), in_words(status, options)},
            is_refusal(status.error_code()));
    }
    return now->has_received();
  }

  void run() {
    Duration retry = options.retry_first;
    while (true) {
      if (attempt()) retry = options.retry_first;
      std::unique_lock lock(mutex);
      if (changed.wait_for(lock, std::chrono::nanoseconds(retry.nanoseconds), [this] { return stopping; }))
        return;
      retry = std::min(retry * 2, options.retry_max);
    }
  }

  const CardClientOptions options;
  CardAgent& agent;
  const Ended ended;
  std::mutex mutex;  // Guards what follows.
  std::condition_variable changed;
  bool stopping = false;
  std::shared_ptr<Stream> stream;
  std::thread thread;  // Last: it uses the rest.
};

CardClient::CardClient(CardClientOptions options, CardAgent& agent, Ended ended)
    : parts_(std::make_unique<Parts>(std::move(options), agent, std::move(ended))) {}

CardClient::~CardClient() = default;

}  // namespace enid::cluster
