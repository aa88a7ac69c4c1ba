// enid card: one of several hosts: a card and the instances behind it, commanded by a control plane
// elsewhere.
#include <fmt/format.h>
#include <unistd.h>

#include <fstream>

#include "apps/background.h"
#include "apps/card_process.h"
#include "apps/commands/commands.h"
#include "apps/operator_client.h"
#include "control/hosts.h"
#include "host/clock.h"

namespace enid::apps {
namespace {

std::unexpected<Error> wrong(std::string what) {
  return failure(std::make_error_code(std::errc::invalid_argument), std::move(what));
}

Result<cluster::HostCredentials> read_credentials(const std::string& path, const HostId& host) {
  std::ifstream file(path, std::ios::binary);
  if (!file) return errno_failure("read " + path);
  const std::string text{std::istreambuf_iterator<char>(file), {}};
  auto credentials = cluster::parse_credentials(text, host, host::wall_now());
  if (!credentials) return wrong(path + ": " + credentials.error().message);
  return credentials;
}

Result<CardProcessOptions> process_options(const CardCommandOptions& options) {
  if (!control::is_host_name(options.host_id))
    return wrong("'" + options.host_id + "' is no name of a host: letters, digits, dots and dashes");
  CardProcessOptions process;
  process.folder = StateFolder(options.state);
  process.host = HostId::trusted(options.host_id);
  process.api = options.api;
  const bool by_socket = options.api.starts_with("unix:");
  if (!by_socket && options.credentials.empty())
    return wrong(
        fmt::format("the control plane at {} asks who you are: --credentials FILE, which "
                    "`enid host add {} > FILE` makes there",
                    options.api, options.host_id));
  if (!by_socket) process.credentials = TRY(read_credentials(options.credentials, process.host));
  const auto address = Ipv4Address::parse(options.address);
  if (!address) return wrong("--address: '" + options.address + "' is not an IPv4 address");
  process.underlay_address = *address;
  process.availability_zones = options.availability_zones;
  process.network_cards = {.network_cards = options.network_cards,
                           .virtual_functions_per_card = options.virtual_functions_per_card};
  process.rules = options.rules;
  return process;
}

}  // namespace

int run_card(const CardCommandOptions& options) {
  const auto process = process_options(options);
  if (!process) return complain(process.error(), 2);
  if (const auto ready = check_machine(); !ready) return complain(ready.error(), 1);
  if (const auto prepared = process->folder.prepare(); !prepared) return complain(prepared.error(), 1);
  const StartProgram start = [&options = *process]() -> Result<std::function<void()>> {
    auto card = std::shared_ptr<CardProcess>(TRY(CardProcess::create(options)));
    if (const std::string why = card->waiting_for(); !why.empty())
      fmt::print(stderr, "enid: the control plane at {} cannot be reached ({}); trying on\n", options.api,
                 why);
    return [card]() mutable {
      card->wait_for_shutdown();
      card->stop();
      card.reset();
    };
  };
  const auto greet = [&](pid_t pid) {
    fmt::print("the card of {} is up (process {}), state in {}\n", process->host.text(), pid,
               process->folder.path());
  };
  if (options.detach) return run_in_background(process->folder, start, greet);
  return run_in_foreground(start, greet);
}

}  // namespace enid::apps
