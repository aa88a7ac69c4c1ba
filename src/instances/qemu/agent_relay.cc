#include "instances/qemu/agent_relay.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <termios.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <utility>

#include "host/unix_address.h"
#include "instances/pseudo_terminal.h"

namespace enid::instances {
namespace {

constexpr int kWindowMilliseconds = 250;
constexpr std::size_t kAtomicWrite = 4096;  // PIPE_BUF: after POLLOUT this much does not block.
constexpr std::size_t kMostOutbox = 4 * kAgentWindow;

std::string random_nonce() {
  std::array<unsigned char, 8> bytes{};
  (void)::getrandom(bytes.data(), bytes.size(), 0);
  std::string nonce;
  for (const unsigned char byte : bytes) {
    nonce.push_back("0123456789abcdef"[byte >> 4]);
    nonce.push_back("0123456789abcdef"[byte & 15]);
  }
  return nonce;
}

std::string window_of(int terminal) {
  winsize size{};
  ::ioctl(terminal, TIOCGWINSZ, &size);
  return std::to_string(size.ws_row) + " " + std::to_string(size.ws_col);
}

Result<host::UniqueFd> listen_in(int folder) {
  ::unlinkat(folder, "init.sock", 0);
  const sockaddr_un address = TRY(host::unix_address_in(folder, "init.sock"));
  host::UniqueFd listener(::socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (::bind(listener.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0)
    return errno_failure("make init.sock");
  ::fchmodat(folder, "init.sock", 0600, 0);
  if (::listen(listener.get(), 64) != 0) return errno_failure("listen on init.sock");
  return listener;
}

}  // namespace

Result<std::unique_ptr<AgentRelay>> AgentRelay::start(const std::string& folder,
                                                      const std::string& agent_socket) {
  const host::UniqueFd inside(::open(folder.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
  if (!inside.is_open()) return errno_failure("open " + folder);
  const sockaddr_un address = TRY(host::unix_address_in(inside.get(), agent_socket));
  host::UniqueFd agent(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (::connect(agent.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0)
    return errno_failure("connect to " + agent_socket);
  host::UniqueFd listener = TRY(listen_in(inside.get()));
  host::UniqueFd wake(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
  if (!wake.is_open()) return errno_failure("make an event");
  return std::unique_ptr<AgentRelay>(new AgentRelay(std::move(agent), std::move(listener), std::move(wake)));
}

AgentRelay::AgentRelay(host::UniqueFd agent, host::UniqueFd listener, host::UniqueFd wake)
    : agent_(std::move(agent)),
      listener_(std::move(listener)),
      wake_(std::move(wake)),
      nonce_(random_nonce()) {
  say(AgentVerb::kHello, 0, nonce_);
  thread_ = std::thread([this] { run(); });
}

AgentRelay::~AgentRelay() {
  stop_ = true;
  ::eventfd_write(wake_.get(), 1);
  thread_.join();
}

void AgentRelay::on_guest_reset() {
  ready_ = false;
  reset_ = true;
  ::eventfd_write(wake_.get(), 1);
}

bool AgentRelay::ask_to_power_off() {
  if (!ready_) return false;
  power_off_ = true;
  ::eventfd_write(wake_.get(), 1);
  return true;
}

bool AgentRelay::ask_to_reboot() {
  if (!ready_) return false;
  reboot_ = true;
  ::eventfd_write(wake_.get(), 1);
  return true;
}

void AgentRelay::run() {
  sigset_t held;  // A caller's pipe may break while we write to it.
  sigemptyset(&held);
  sigaddset(&held, SIGPIPE);
  ::pthread_sigmask(SIG_BLOCK, &held, nullptr);
  while (!stop_ && agent_.is_open()) {
    bool terminals = false;
    const bool room = outbox_.size() < kMostOutbox;
    const bool accepts = ready_ && sessions_.size() < kMostAgentSessions;
    std::vector<pollfd> waiting = {
        {wake_.get(), POLLIN, 0},
        {agent_.get(), static_cast<short>(outbox_.empty() ? POLLIN : POLLIN | POLLOUT), 0},
        {accepts ? listener_.get() : -1, POLLIN, 0}};
    for (const auto& [id, session] : sessions_) {
      terminals = terminals || session.is_terminal;
      const bool reads = room && session.started && session.room > 0 && session.status.empty();
      waiting.push_back({session.client.get(), POLLIN, 0});
      waiting.push_back({reads ? session.input.get() : -1, POLLIN, 0});
      waiting.push_back({session.waiting_output.empty() ? -1 : session.output.get(), POLLOUT, 0});
      waiting.push_back({session.waiting_errors.empty() ? -1 : session.errors.get(), POLLOUT, 0});
    }
    if (::poll(waiting.data(), waiting.size(), terminals ? kWindowMilliseconds : -1) < 0) continue;
    serve(waiting);
  }
  ready_ = false;
  listener_.reset();
  sessions_.clear();
}

void AgentRelay::serve(std::vector<pollfd>& waiting) {
  if (waiting[0].revents != 0) {
    eventfd_t count = 0;
    ::eventfd_read(wake_.get(), &count);
    if (power_off_.exchange(false)) say(AgentVerb::kPower, 0, "off");
    if (reboot_.exchange(false)) say(AgentVerb::kPower, 0, "reboot");
    if (reset_.exchange(false))
      for (auto& [id, session] : sessions_) session.ended = true;
  }
  std::size_t index = 3;
  for (auto& [id, session] : sessions_) {
    if (waiting[index].revents != 0) on_client(id, session);
    if (waiting[index + 1].revents != 0) read_input(id, session);
    if (waiting[index + 2].revents != 0) write_output(id, session, session.output, session.waiting_output);
    if (waiting[index + 3].revents != 0) write_output(id, session, session.errors, session.waiting_errors);
    if (session.is_terminal && session.started) look_at_window(id, session);
    index += 4;
  }
  if (waiting[1].revents != 0) on_agent(waiting[1].revents);
  if (waiting[2].revents != 0) accept_client();
  finish_sessions();
  flush();
}

void AgentRelay::accept_client() {
  Session session;
  session.client = host::UniqueFd(::accept4(listener_.get(), nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK));
  if (session.client.is_open()) sessions_.emplace(next_session_++, std::move(session));
}

void AgentRelay::on_agent(short events) {
  if ((events & (POLLIN | POLLHUP | POLLERR)) == 0) return;
  std::array<char, kAgentChunk> bytes;
  const ssize_t count = ::recv(agent_.get(), bytes.data(), bytes.size(), MSG_DONTWAIT);
  if (count < 0 && (errno == EAGAIN || errno == EINTR)) return;
  if (count <= 0) return agent_.reset();
  reader_.on_bytes({bytes.data(), static_cast<std::size_t>(count)});
  while (std::optional<AgentFrame> frame = reader_.next()) obey(*std::move(frame));
}

void AgentRelay::obey(AgentFrame frame) {
  if (frame.verb == AgentVerb::kHello) {
    // Whatever ran in the guest, an agent that starts knows nothing of it. Nor does one that was
    // there before us; it answers with our nonce when it has forgotten.
    if (ready_ && frame.data.empty())
      for (auto& [id, session] : sessions_) session.ended = true;
    if (frame.data.empty() || frame.data == nonce_) ready_ = true;
    return;
  }
  const auto session = sessions_.find(frame.session);
  // A command that was asked for before the reset, and started by the agent after it.
  if (frame.verb == AgentVerb::kStarted && session == sessions_.end()) say(AgentVerb::kHangUp, frame.session);
  if (!ready_ || session == sessions_.end() || !session->second.asked) return;
  obey_in_session(frame.session, session->second, std::move(frame));
}

void AgentRelay::obey_in_session(std::uint32_t id, Session& session, AgentFrame frame) {
  switch (frame.verb) {
    case AgentVerb::kStarted: {
      if (std::exchange(session.started, true)) return;
      std::vector<int> sent;
      if (session.terminal.is_open()) sent.push_back(session.terminal.get());
      if (!send_message(session.client.get(), {"started"}, sent)) session.ended = true;
      session.terminal.reset();
      return;
    }
    case AgentVerb::kRefused:
      (void)send_message(session.client.get(), {"refused", frame.data});
      session.ended = true;
      return;
    case AgentVerb::kOutput:
    case AgentVerb::kErrors: {
      std::string& bytes = frame.verb == AgentVerb::kOutput || session.is_terminal ? session.waiting_output
                                                                                   : session.waiting_errors;
      bytes += frame.data;
      if (session.waiting_output.size() + session.waiting_errors.size() <= kAgentWindow) return;
      say(AgentVerb::kHangUp, id);
      session.ended = true;
      return;
    }
    case AgentVerb::kCredit:
      session.room = std::min(kAgentWindow, session.room + agent_number(frame.data, 0));
      return;
    case AgentVerb::kExited:
      session.status = std::to_string(agent_number(frame.data, 255));
      return;
    default:
      return;
  }
}

void AgentRelay::on_client(std::uint32_t id, Session& session) {
  Result<ControlMessage> message = receive_message(session.client.get(), 0);
  if (!message || message->fields.empty()) {
    if (session.asked && session.status.empty()) say(AgentVerb::kHangUp, id);
    session.ended = true;
  } else if (message->is("exec") && !session.asked) {
    const Result<void> asked = ask(id, session, *std::move(message));
    if (asked) return;
    (void)send_message(session.client.get(), {"refused", asked.error().message});
    session.ended = true;
  } else if (message->is("signal") && message->fields.size() == 2) {
    say(AgentVerb::kSignal, id, message->fields[1]);
  } else {
    (void)send_message(session.client.get(), {"unknown"});
  }
}

Result<void> AgentRelay::ask(std::uint32_t id, Session& session, ControlMessage message) {
  if (message.fields.size() < 4 || message.descriptors.size() != 3)
    return failure(std::make_error_code(std::errc::invalid_argument),
                   "a command needs arguments and three streams");
  session.window = message.fields[1];
  session.is_terminal = !session.window.empty();
  if (session.is_terminal) {
    PseudoTerminal terminal = TRY(PseudoTerminal::make(session.window));
    termios raw{};  // The guest's terminal does the line editing.
    ::tcgetattr(terminal.slave.get(), &raw);
    ::cfmakeraw(&raw);
    ::tcsetattr(terminal.slave.get(), TCSANOW, &raw);
    session.window = window_of(terminal.slave.get());
    session.input = host::UniqueFd(::fcntl(terminal.slave.get(), F_DUPFD_CLOEXEC, 0));
    session.output = std::move(terminal.slave);
    session.terminal = std::move(terminal.master);
  } else {
    session.input = std::move(message.descriptors[0]);
    session.output = std::move(message.descriptors[1]);
    session.errors = std::move(message.descriptors[2]);
  }
  session.asked = true;
  say(AgentVerb::kStart, id, write_fields(message.fields));
  return {};
}

void AgentRelay::read_input(std::uint32_t id, Session& session) {
  if (!session.input.is_open()) return;
  std::array<char, kAgentChunk> bytes;
  const ssize_t count = ::read(session.input.get(), bytes.data(), std::min(bytes.size(), session.room));
  if (count < 0 && (errno == EAGAIN || errno == EINTR)) return;
  if (count <= 0) {
    session.input.reset();
    return say(AgentVerb::kInputEnd, id);
  }
  session.room -= static_cast<std::size_t>(count);
  say(AgentVerb::kInput, id, {bytes.data(), static_cast<std::size_t>(count)});
}

void AgentRelay::write_output(std::uint32_t id, Session& session, host::UniqueFd& stream,
                              std::string& bytes) {
  if (bytes.empty()) return;
  ssize_t count = -1;
  if (stream.is_open()) {
    count = ::write(stream.get(), bytes.data(), std::min(bytes.size(), kAtomicWrite));
    if (count < 0 && (errno == EAGAIN || errno == EINTR)) return;
    if (count < 0 && errno == EPIPE && session.status.empty())
      say(AgentVerb::kSignal, id, std::to_string(SIGPIPE));
  }
  // Nobody takes it any more: it is thrown away, so that the command is not held up for ever.
  if (count < 0) {
    stream.reset();
    count = static_cast<ssize_t>(bytes.size());
  }
  bytes.erase(0, static_cast<std::size_t>(count));
  say(AgentVerb::kCredit, id, std::to_string(count));
}

void AgentRelay::look_at_window(std::uint32_t id, Session& session) {
  std::string window = window_of(session.output.get());
  if (window == session.window || window == "0 0") return;
  session.window = std::move(window);
  say(AgentVerb::kWindow, id, session.window);
}

void AgentRelay::finish_sessions() {
  for (auto& [id, session] : sessions_) {
    if (!session.output.is_open()) write_output(id, session, session.output, session.waiting_output);
    if (!session.errors.is_open()) write_output(id, session, session.errors, session.waiting_errors);
    if (session.ended || session.status.empty()) continue;
    if (!session.waiting_output.empty() || !session.waiting_errors.empty()) continue;
    (void)send_message(session.client.get(), {"exited", session.status});
    session.ended = true;
  }
  std::erase_if(sessions_, [](const auto& entry) { return entry.second.ended; });
}

void AgentRelay::say(AgentVerb verb, std::uint32_t session, std::string_view data) {
  outbox_ += write_agent_frame(verb, session, data);
}

void AgentRelay::flush() {
  while (!outbox_.empty() && agent_.is_open()) {
    const ssize_t count = ::send(agent_.get(), outbox_.data(), outbox_.size(), MSG_DONTWAIT | MSG_NOSIGNAL);
    if (count < 0 && (errno == EAGAIN || errno == EINTR)) return;
    if (count <= 0) return agent_.reset();
    outbox_.erase(0, static_cast<std::size_t>(count));
  }
}

}  // namespace enid::instances
