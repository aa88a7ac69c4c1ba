#include "instances/qemu/guest_agent.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <utility>
#include <vector>

#include "instances/control_message.h"
#include "instances/init/program.h"
#include "instances/pseudo_terminal.h"

namespace enid::instances {
namespace {

constexpr std::size_t kMostOutbox = 4 * kAgentWindow;
constexpr int kWithoutDaemonMilliseconds = 200;

struct Pipe {
  host::UniqueFd read;
  host::UniqueFd write;
};

Result<Pipe> make_pipe() {
  std::array<int, 2> ends{};
  if (::pipe2(ends.data(), O_CLOEXEC) != 0) return errno_failure("make a pipe");
  return Pipe{host::UniqueFd(ends[0]), host::UniqueFd(ends[1])};
}

void do_not_block(int fd) { ::fcntl(fd, F_SETFL, ::fcntl(fd, F_GETFL) | O_NONBLOCK); }

}  // namespace

Result<void> GuestAgent::run() {
  sigset_t held;
  sigemptyset(&held);
  sigaddset(&held, SIGCHLD);
  ::sigprocmask(SIG_BLOCK, &held, nullptr);
  ::signal(SIGPIPE, SIG_IGN);
  signals_ = host::UniqueFd(::signalfd(-1, &held, SFD_CLOEXEC | SFD_NONBLOCK));
  if (!signals_.is_open()) return errno_failure("hold signals");
  say(AgentVerb::kHello, 0);
  while (!port_gone_) poll_once();
  hang_up();
  return failure(std::make_error_code(std::errc::no_such_device), "the port is gone");
}

void GuestAgent::poll_once() {
  // The port says POLLHUP all the time while no daemon is there; then it is only looked at.
  const bool listen = connected_;
  std::vector<pollfd> waiting = {
      {signals_.get(), POLLIN, 0},
      {listen ? port_.get() : -1, static_cast<short>(outbox_.empty() ? POLLIN : POLLIN | POLLOUT), 0}};
  const bool room = outbox_.size() < kMostOutbox;
  for (const auto& [id, session] : sessions_) {
    const bool reads = room && session.room > 0;
    waiting.push_back({reads ? session.output.get() : -1, POLLIN, 0});
    waiting.push_back({reads ? session.errors.get() : -1, POLLIN, 0});
    waiting.push_back({session.waiting_input.empty() ? -1 : session.input.get(), POLLOUT, 0});
  }
  if (::poll(waiting.data(), waiting.size(), listen ? -1 : kWithoutDaemonMilliseconds) < 0) return;

  std::size_t index = 2;
  for (auto& [id, session] : sessions_) {
    if (waiting[index].revents != 0) read_stream(id, session, session.output, AgentVerb::kOutput);
    if (waiting[index + 1].revents != 0) read_stream(id, session, session.errors, AgentVerb::kErrors);
    if (waiting[index + 2].revents != 0) write_input(id, session);
    index += 3;
  }
  if (waiting[0].revents != 0) reap();
  if (!listen) {
    pollfd port{port_.get(), POLLIN, 0};
    if (::poll(&port, 1, 0) >= 0) on_port(port.revents);
  } else if (waiting[1].revents != 0) {
    on_port(waiting[1].revents);
  }
  finish_sessions();
  if (connected_) flush();
}

void GuestAgent::on_port(short events) {
  if ((events & POLLIN) != 0) {
    std::array<char, kAgentChunk> bytes;
    const ssize_t count = ::read(port_.get(), bytes.data(), bytes.size());
    if (count > 0) reader_.on_bytes({bytes.data(), static_cast<std::size_t>(count)});
    if (count < 0 && errno == ENODEV) port_gone_ = true;
    if (count == 0) {
      if (std::exchange(connected_, false)) hang_up();
      return;
    }
    while (std::optional<AgentFrame> frame = reader_.next()) obey(*std::move(frame));
    connected_ = true;
  } else if ((events & (POLLHUP | POLLERR)) != 0) {
    if (std::exchange(connected_, false)) hang_up();
  } else {
    connected_ = true;
  }
}

void GuestAgent::obey(AgentFrame frame) {
  switch (frame.verb) {
    case AgentVerb::kHello:
      hang_up();
      say(AgentVerb::kHello, 0, frame.data);
      return;
    case AgentVerb::kStart:
      start(frame);
      return;
    case AgentVerb::kPower: {
      Program program;
      program.arguments = {frame.data == "reboot" ? "/sbin/reboot" : "/sbin/poweroff"};
      (void)start_program(program);
      return;
    }
    default:
      if (const auto session = sessions_.find(frame.session); session != sessions_.end())
        obey_in_session(session->second, frame);
  }
}

void GuestAgent::obey_in_session(Session& session, const AgentFrame& frame) {
  switch (frame.verb) {
    case AgentVerb::kInput:
      if (session.waiting_input.size() + frame.data.size() <= kAgentWindow && !session.input_ends)
        session.waiting_input += frame.data;
      break;
    case AgentVerb::kInputEnd:
      session.input_ends = true;
      break;
    case AgentVerb::kCredit:
      session.room = std::min(kAgentWindow, session.room + agent_number(frame.data, 0));
      break;
    case AgentVerb::kSignal:
      if (const std::size_t number = agent_number(frame.data, 0);
          number > 0 && number < 32 && session.status < 0)
        ::kill(-session.command, static_cast<int>(number));
      break;
    case AgentVerb::kHangUp:
      hang_up(session);
      sessions_.erase(frame.session);
      break;
    case AgentVerb::kWindow:
      if (session.terminal) set_window(session.output.get(), frame.data);
      break;
    default:
      break;
  }
}

void GuestAgent::start(const AgentFrame& frame) {
  if (sessions_.size() >= kMostAgentSessions || sessions_.contains(frame.session))
    return say(AgentVerb::kRefused, frame.session, "too many commands run");
  Result<Session> session = started(frame.data);
  if (!session) return say(AgentVerb::kRefused, frame.session, session.error().message);
  sessions_.emplace(frame.session, *std::move(session));
  say(AgentVerb::kStarted, frame.session);
}

// `message` has the fields of control_message.h's "exec".
Result<GuestAgent::Session> GuestAgent::started(const std::string& message) {
  const std::vector<std::string> fields = parse_fields(message);
  const std::size_t count = fields.size() < 4 ? 0 : agent_number(fields[2], 0);
  if (count == 0 || count > fields.size() - 3)
    return failure(std::make_error_code(std::errc::invalid_argument), "a command needs arguments");
  Program program;
  const auto first = fields.begin() + 3;
  program.arguments.assign(first, first + static_cast<std::ptrdiff_t>(count));
  program.environment.assign(first + static_cast<std::ptrdiff_t>(count), fields.end());
  program.terminal = !fields[1].empty();

  Session session;
  session.terminal = program.terminal;
  PseudoTerminal terminal;
  std::array<Pipe, 3> pipes;
  if (program.terminal) {
    terminal = TRY(PseudoTerminal::make(fields[1]));
    program.streams.fill(terminal.slave.get());
    session.input = host::UniqueFd(::fcntl(terminal.master.get(), F_DUPFD_CLOEXEC, 0));
    session.output = std::move(terminal.master);
  } else {
    for (Pipe& pipe : pipes) pipe = TRY(make_pipe());
    program.streams = {pipes[0].read.get(), pipes[1].write.get(), pipes[2].write.get()};
    session.input = std::move(pipes[0].write);
    session.output = std::move(pipes[1].read);
    session.errors = std::move(pipes[2].read);
  }
  for (const host::UniqueFd* fd : {&session.input, &session.output, &session.errors})
    if (fd->is_open()) do_not_block(fd->get());
  session.command = TRY(start_program(program));
  return session;
}

void GuestAgent::read_stream(std::uint32_t id, Session& session, host::UniqueFd& stream, AgentVerb verb) {
  if (!stream.is_open() || session.room == 0) return;
  std::array<char, kAgentChunk> bytes;
  const ssize_t count = ::read(stream.get(), bytes.data(), std::min(bytes.size(), session.room));
  if (count < 0 && (errno == EAGAIN || errno == EINTR)) return;
  if (count <= 0) {  // A terminal without programs says EIO.
    stream.reset();
    return;
  }
  session.room -= static_cast<std::size_t>(count);
  say(verb, id, {bytes.data(), static_cast<std::size_t>(count)});
}

void GuestAgent::write_input(std::uint32_t id, Session& session) {
  if (!session.input.is_open()) return;
  const ssize_t count =
      ::write(session.input.get(), session.waiting_input.data(), session.waiting_input.size());
  if (count < 0 && (errno == EAGAIN || errno == EINTR)) return;
  // A command that does not want its input leaves it: what comes is thrown away.
  const std::size_t taken = count < 0 ? session.waiting_input.size() : static_cast<std::size_t>(count);
  if (count < 0) session.input.reset();
  session.waiting_input.erase(0, taken);
  say(AgentVerb::kCredit, id, std::to_string(taken));
}

void GuestAgent::reap() {
  signalfd_siginfo ignored{};
  while (::read(signals_.get(), &ignored, sizeof ignored) == sizeof ignored) continue;
  int status = 0;
  for (pid_t ended; (ended = ::waitpid(-1, &status, WNOHANG)) > 0;)
    for (auto& [id, session] : sessions_)
      if (session.command == ended) session.status = shell_status(status);
}

void GuestAgent::finish_sessions() {
  for (auto current = sessions_.begin(); current != sessions_.end();) {
    auto& [id, session] = *current;
    if (!session.input.is_open() && !session.waiting_input.empty()) write_input(id, session);
    if (session.input_ends && session.waiting_input.empty() && !session.terminal) session.input.reset();
    bool silent = session.status >= 0;
    // What the command wrote is all in its pipes now; others may still hold them open.
    for (auto [stream, verb] :
         {std::pair{&session.output, AgentVerb::kOutput}, {&session.errors, AgentVerb::kErrors}}) {
      if (!silent || !stream->is_open()) continue;
      pollfd waiting{stream->get(), POLLIN, 0};
      silent = ::poll(&waiting, 1, 0) == 0 || (waiting.revents & POLLIN) == 0;
    }
    if (silent) {
      say(AgentVerb::kExited, id, std::to_string(session.status));
      current = sessions_.erase(current);
    } else {
      ++current;
    }
  }
}

void GuestAgent::hang_up(const Session& session) {
  if (session.status >= 0) return;
  ::kill(-session.command, SIGHUP);
  ::kill(-session.command, SIGCONT);
}

void GuestAgent::hang_up() {
  for (const auto& [id, session] : sessions_) hang_up(session);
  sessions_.clear();
  outbox_.clear();
  if (!connected_) reader_.restart();
}

void GuestAgent::say(AgentVerb verb, std::uint32_t session, std::string_view data) {
  outbox_ += write_agent_frame(verb, session, data);
}

void GuestAgent::flush() {
  while (!outbox_.empty()) {
    const ssize_t count = ::write(port_.get(), outbox_.data(), std::min(outbox_.size(), kAgentChunk));
    if (count > 0) {
      outbox_.erase(0, static_cast<std::size_t>(count));
    } else {
      if (count < 0 && errno == ENODEV) port_gone_ = true;
      return;
    }
  }
}

}  // namespace enid::instances
