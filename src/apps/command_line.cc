#include "apps/command_line.h"

#include <CLI/CLI.hpp>
#include <cstdlib>
#include <functional>

#include "apps/commands/commands.h"
#include "control/host_network_cards.h"

namespace enid::apps {
namespace {

constexpr const char* kAbout =
    "enid: EC2 networking that anyone can run.\n"
    "A daemon speaks the EC2 API and moves real packets between instances on this machine.\n";

constexpr const char* kTour =
    "A first tour (as root):\n"
    "  enid up --detach                        start the daemon in the background\n"
    "  enid aws ec2 describe-subnets           the AWS CLI, pointed at it\n"
    "  enid aws ec2 run-instances --image-id ami-0123456789abcdef0 --instance-type t3.micro\n"
    "  enid status                             instances, interfaces, drops and their reasons\n"
    "  enid exec i-0123456789abcdef0 -- ip addr\n"
    "  enid trace --from i-0123456789abcdef0 --to 172.31.0.20 --proto tcp --port 443\n"
    "  enid down                               stop all; the state stays\n"
    "\n"
    "Other tools: eval \"$(enid env)\" exports what the SDKs and Terraform need.\n"
    "Several daemons: give each its own --state (or ENID_STATE) and --listen.\n";

using Run = std::function<int()>;

CLI::App* add_command(CLI::App& app, const char* name, const char* about, std::string& state,
                      std::string footer = {}) {
  CLI::App* command = app.add_subcommand(name, about);
  command->add_option("--state", state, "the daemon's folder")->envname("ENID_STATE")->capture_default_str();
  if (!footer.empty()) command->footer("\n" + footer);
  return command;
}

// The options live as long as the parser: each add_ keeps its own in the returned Run.
template <class Options>
Run bind(std::shared_ptr<Options> options, int (*run)(const Options&)) {
  return [options, run] { return run(*options); };
}

void add_rules(CLI::App& command, CardRules& rules) {
  command.add_flag("--single-flow-limits", rules.single_flow_limits,
                   "hold one flow to EC2's 5 Gbit/s, or 25 with ENA Express; else it is as fast as the card");
  command.add_flag("--ena-express-across-zones", rules.express_across_zones,
                   "ENA Express also between Availability Zones; give it to every card");
}

Run add_up(CLI::App& app, CLI::App*& command) {
  auto options = std::make_shared<UpOptions>();
  command = add_command(
      app, "up", "start the daemon", options->state,
      "Without --detach the daemon stays in the foreground and Ctrl-C is `enid down`.\n"
      "After a crash or kill -9, `enid up` finds every resource again, adopts the instances that\n"
      "still run and starts those that do not.");
  command->add_option("--listen", options->listen, "HOST:PORT of the AWS API; port 0: any free one")
      ->envname("ENID_LISTEN")
      ->capture_default_str();
  command->add_flag("--detach", options->detach, "run in the background; return when healthy");
  command
      ->add_option_function<std::string>(
          "--auth", [options](const std::string& value) { options->auth_none = value == "none"; },
          "`none` accepts any access key, and listens on loopback only; `sigv4` is the default")
      ->check(CLI::IsMember({"none", "sigv4"}));
  command->add_flag("--strict-images", options->strict_images,
                    "refuse AMI ids that enid does not know, instead of running its own image");
  command->add_option("--seed", options->seed,
                      "seed of ids and MACs, to repeat a run; 0: the system's randomness");
  command
      ->add_option("--network-cards", options->network_cards,
                   "how many network cards this host has; kept with the state, 1 at first")
      ->check(CLI::Range(1, control::kNetworkCardsMax));
  command
      ->add_option(
          "--virtual-functions-per-card", options->virtual_functions_per_card,
          "how many interfaces one network card can carry (SR-IOV); kept with the state, 256 at first")
      ->check(CLI::Range(1, control::kVirtualFunctionsPerCardMax));
  command->add_flag("--no-card", options->no_card, "no instances on this machine; other hosts have cards");
  command->add_option("--underlay-address", options->underlay_address,
                      "this machine's IPv4 address in the network between hosts");
  command->add_option("--cards-listen", options->cards_listen,
                      "HOST:PORT where cards of other machines come, by TLS (enid host add)");
  add_rules(*command, options->rules);
  return bind(options, run_up);
}

Run add_card(CLI::App& app, CLI::App*& command) {
  auto options = std::make_shared<CardCommandOptions>();
  command =
      app.add_subcommand("card", "make this machine (or network namespace) one more host of a control plane");
  command->footer(
      "\nOn the machine of the control plane, in a network namespace:\n"
      "  enid card --host-id host-2 --address 10.99.0.2\n"
      "On another machine, once `enid host add host-2 > FILE` has made its credentials:\n"
      "  enid card --host-id host-2 --api CONTROL:4567 --credentials FILE --address 192.0.2.2\n"
      "It forwards on while the control plane is away. Ending it leaves its instances running, for the next\n"
      "one; `enid down --state DIR` stops them, too.");
  command->add_option("--state", options->state, "the card's own folder")
      ->envname("ENID_CARD_STATE")
      ->capture_default_str();
  command->add_option("--host-id", options->host_id, "the host's name, such as host-2")->required();
  command->add_option("--api", options->api, "the control plane: unix:PATH or HOST:PORT")
      ->capture_default_str();
  command->add_option("--credentials", options->credentials, "a file of `enid host add`, for HOST:PORT");
  command->add_option("--address", options->address, "this host's IPv4 address in the network between hosts")
      ->required();
  command->add_option("--availability-zone", options->availability_zones,
                      "one that its instances are in, such as us-east-1a; may be given often; default: any");
  command->add_option("--network-cards", options->network_cards, "how many network cards this host has")
      ->check(CLI::Range(1, control::kNetworkCardsMax))
      ->capture_default_str();
  command
      ->add_option("--virtual-functions-per-card", options->virtual_functions_per_card,
                   "how many interfaces one network card can carry (SR-IOV)")
      ->check(CLI::Range(1, control::kVirtualFunctionsPerCardMax))
      ->capture_default_str();
  add_rules(*command, options->rules);
  command->add_flag("--detach", options->detach, "run in the background; return when healthy");
  return bind(options, run_card);
}

Run add_host(CLI::App& app, CLI::App*& command) {
  auto options = std::make_shared<HostCommandOptions>();
  command = add_command(app, "host", "machines with cards: credentials, list, removal", options->state);
  command->require_subcommand(1);
  const auto action = [&](const char* name, const char* about) {
    CLI::App* sub = command->add_subcommand(name, about);
    sub->callback([options, name] { options->action = name; });
    sub->fallthrough();
    return sub;
  };
  CLI::App* add =
      action("add", "make the credentials of a host, once more or for the first time; print them");
  add->add_option("host-id", options->host_id, "its name, such as host-2")->required();
  add->add_option("--availability-zone", options->availability_zones,
                  "what it may offer; default: what it says");
  action("list", "all hosts")->add_flag("--json", options->json, "for scripts");
  action("remove", "its credentials are worth nothing any more; refused while instances are on it")
      ->add_option("host-id", options->host_id, "its name")
      ->required();
  return bind(options, run_host);
}

Run add_down(CLI::App& app, CLI::App*& command) {
  auto options = std::make_shared<DownOptions>();
  command = add_command(app, "down", "stop the daemon and every instance; the state stays", options->state);
  return bind(options, run_down);
}

Run add_guest(CLI::App& app, CLI::App*& command) {
  auto options = std::make_shared<GuestOptions>();
  command =
      add_command(app, "guest", "what virtual machines (--image-id ami-linux-vm) run on", options->state);
  command->require_subcommand(1);
  CLI::App* fetch = command->add_subcommand(
      "fetch", "prepare QEMU, a kernel and a file tree from Debian (85 MB); the first launch does it, too");
  fetch->add_flag("--refresh", options->refresh, "again, with what Debian has now");
  fetch->fallthrough();
  return bind(options, run_guest_fetch);
}

Run add_device(CLI::App& app, CLI::App*& command) {
  auto options = std::make_shared<DeviceOptions>();
  command = add_command(
      app, "device", "a network interface as an ENA card, for a QEMU that you start yourself", options->state,
      "Example: enid device --eni eni-0123456789abcdef0 --socket /tmp/eth0.sock\n"
      "It prints the options that QEMU needs, and serves one QEMU after the other until Ctrl-C. The\n"
      "interface must be available, or attached to an instance that is stopped: then the guest sees that\n"
      "instance's metadata. When an instance takes the interface the guest's link goes down, and comes\n"
      "back with it. A restart of the daemon costs the guest the time that it takes, and nothing else.");
  command->add_option("--eni", options->interface, "the network interface: eni-…")->required();
  command->add_option("--socket", options->socket, "a path to listen at, at most 107 characters")->required();
  command
      ->add_option("--queue-pairs", options->queue_pairs,
                   "1 to 8; default: as many as this host's processors")
      ->check(CLI::Range(1, 8));
  command->add_flag("--low-latency", options->low_latency,
                    "offer transmit queues in the device's memory (LLQ), as EC2's cards do");
  command->add_option("--instance", options->instance, "used by the daemon")->group("");
  return bind(options, run_device);
}

Run add_status(CLI::App& app, CLI::App*& command) {
  auto options = std::make_shared<StatusOptions>();
  command = add_command(app, "status", "what runs: instances, interfaces, counters, drops with their reasons",
                        options->state);
  command->add_flag("--json", options->json, "for scripts");
  return bind(options, run_status);
}

Run add_env(CLI::App& app, CLI::App*& command) {
  auto options = std::make_shared<EnvOptions>();
  command =
      add_command(app, "env", "shell exports for the AWS CLI, SDKs and Terraform", options->state,
                  "Use it so: eval \"$(enid env)\"\n"
                  "AWS CLI before 2.13 (Debian 12 has 2.9) does not know AWS_ENDPOINT_URL: `enid aws` does.");
  command->add_option("--region", options->region, "the Region to export; default: yours, or us-east-1");
  return bind(options, run_env);
}

Run add_aws(CLI::App& app, CLI::App*& command) {
  auto options = std::make_shared<AwsOptions>();
  command = add_command(app, "aws", "run the AWS CLI against the daemon", options->state,
                        "Example: enid aws ec2 describe-network-interfaces --output table");
  // From the first word that is not an option of ours, everything goes to aws as it is.
  command->prefix_command();
  CLI::App* self = command;
  return [options, self] {
    for (const std::string& word : self->remaining()) options->arguments.push_back(word);
    return run_aws(*options);
  };
}

Run add_key(CLI::App& app, CLI::App*& command) {
  auto options = std::make_shared<KeyOptions>();
  command = add_command(app, "key", "access keys: create, import, list, delete", options->state);
  command->require_subcommand(1);
  const auto action = [&](const char* name, const char* about) {
    CLI::App* sub = command->add_subcommand(name, about);
    sub->add_flag("--json", options->json, "for scripts");
    sub->callback([options, name] { options->action = name; });
    sub->fallthrough();
    return sub;
  };
  action("create", "make a new access key and print it");
  CLI::App* import = action("import", "accept a key that you already have");
  import->add_option("access-key-id", options->access_key_id, "such as AKIAIOSFODNN7EXAMPLE")->required();
  import->add_option("secret-access-key", options->secret_access_key, "read from stdin when left out");
  action("list", "all access keys, without their secrets");
  action("delete", "forget a key")
      ->add_option("access-key-id", options->access_key_id, "the key")
      ->required();
  return bind(options, run_key);
}

Run add_exec(CLI::App& app, CLI::App*& command) {
  auto options = std::make_shared<ExecOptions>();
  command =
      add_command(app, "exec", "run a command inside an instance", options->state,
                  "Example: enid exec i-0123456789abcdef0 -- ping -c 3 10.0.1.100\n"
                  "Standard input, output and a terminal pass through; the exit status is the command's.");
  command->add_option("instance", options->instance, "the instance's id")->required();
  command->add_flag("-T,--no-tty", options->no_terminal, "no terminal inside, even when there is one here");
  command->add_option("command", options->command, "the command; default: a shell");
  command->positionals_at_end();
  return bind(options, run_exec);
}

Run add_trace(CLI::App& app, CLI::App*& command) {
  auto options = std::make_shared<TraceOptions>();
  command = add_command(app, "trace", "send a marked packet through the card; tell what each stage decides",
                        options->state, "Exit status: 0 delivered, 1 dropped, 2 could not be asked.");
  command->add_option("--from", options->from, "the sender: i-… or eni-…")->required();
  command->add_option("--to", options->to, "the target: an IPv4 address, i-… or eni-…")->required();
  command->add_option("--source", options->source, "source address; default: the sender's primary one");
  command->add_option("--proto", options->protocol, "tcp, udp, icmp or a number")->capture_default_str();
  command->add_option("--port", options->port, "target port");
  command->add_option("--source-port", options->source_port, "source port; default: an ephemeral one");
  command->add_option("--bytes", options->bytes, "payload size, to meet the MTU");
  command->add_flag("--json", options->json, "for scripts");
  return bind(options, run_trace);
}

Run add_capture(CLI::App& app, CLI::App*& command) {
  auto options = std::make_shared<CaptureOptions>();
  command =
      add_command(app, "capture", "stream what an interface sends and receives, as pcapng", options->state,
                  "Examples: enid capture eni-0123456789abcdef0 -w file.pcapng\n"
                  "          enid capture | tshark -r -        (all interfaces)\n"
                  "Dropped packets are in it too, with the reason as the packet's comment.");
  command->add_option("interfaces", options->interfaces, "eni-… or i-…; default: all");
  command->add_option("-w,--write", options->file, "a file, or - for stdout")->capture_default_str();
  command->add_option("-c,--count", options->packets, "stop after so many packets");
  return bind(options, run_capture);
}

Run add_sim(CLI::App& app, CLI::App*& command) {
  auto options = std::make_shared<SimOptions>();
  command = app.add_subcommand("sim", "simulate a fabric of switches and the transports that share it");
  command->footer(
      "\nExample: enid sim tests/sim/perm128.scenario --seed 13\n"
      "The same scenario and seed make the same report, bit for bit; docs/simulator.md has the language.\n"
      "Exit status: 0 all expectations met, 1 one missed, 2 the scenario is wrong.");
  command->add_option("scenario", options->scenario, "a file")->required();
  command->add_option("--seed", options->seed, "of all chance in it")->capture_default_str();
  command->add_flag("--json", options->json, "the metrics only, for scripts");
  command->add_option("--trace", options->trace,
                      "write samples of queues and connections to this file, as CSV");
  command->add_option("--trace-every", options->trace_every_us, "microseconds from sample to sample")
      ->check(CLI::Range(1, 1'000'000))
      ->capture_default_str();
  return bind(options, run_sim);
}

Run add_lab(CLI::App& app, CLI::App*& command) {
  auto options = std::make_shared<LabCommandOptions>();
  command = app.add_subcommand("lab", "several hosts and the network between them, on this machine");
  command->footer(
      "\nExample: enid lab up --hosts 4 --spines 4 --rate 200mbit --delay 100us\n"
      "         enid lab fail spine2 --loss 5%      then: enid lab heal\n"
      "Each host and each spine is a network namespace (enid-lab-host-1, enid-lab-spine-1); every host has "
      "one link\n"
      "to every spine, so there are as many paths between two hosts as spines. docs/lab.md tells it all.");
  command->require_subcommand(1);
  const auto action = [&](const char* name, const char* about, const std::string& footer = {}) {
    CLI::App* sub = command->add_subcommand(name, about);
    if (!footer.empty()) sub->footer("\n" + footer);
    sub->add_option("--name", options->name, "one of several labs: small letters and digits");
    sub->callback([options, name] { options->action = name; });
    return sub;
  };
  constexpr const char* kLinks = "spine-2 (or spine2), host-1, one link as host-1:spine-2, or all";

  CLI::App* up =
      action("up", "build it",
             "A link's rate is kept by a token bucket at its sending end, whose queue is --buffer bytes\n"
             "and drops at its tail. Without --rate links are as fast as the machine; without --delay and\n"
             "--loss no program stands between two namespaces.");
  up->add_option("--hosts", options->hosts, "2 to 64")->capture_default_str();
  up->add_option("--spines", options->spines, "1 to 32: how many paths")->capture_default_str();
  up->add_option("--rate", options->rate, "of each link, each way: 200mbit, 1gbit; default: no limit");
  up->add_option("--delay", options->delay, "of each link, one way: 100us; a packet crosses two links");
  up->add_option("--buffer", options->buffer, "bytes that wait before a link: 64k, 1m")
      ->capture_default_str();
  up->add_option("--mtu", options->mtu, "of the links; 9001 bytes must fit with their headers")
      ->capture_default_str();
  up->add_option("--seed", options->seed, "of the losses and of the paths that flows get")
      ->capture_default_str();
  up->add_flag("--network-only", options->network_only, "without cards: no daemon, no instances");
  up->add_option("--state", options->state, "the daemon's folder; one that runs there is used")
      ->envname("ENID_STATE")
      ->capture_default_str();
  up->add_option("--listen", options->listen, "HOST:PORT of the AWS API; port 0: any free one")
      ->envname("ENID_LISTEN")
      ->capture_default_str();
  up->add_option("--fail", options->fail.links, std::string("links with --loss: ") + kLinks);
  up->add_option("--loss", options->fail.loss, "of packets on these links, each way: 1%")->needs("--fail");

  action("down", "remove it, also after a crash: namespaces, links, processes");
  action("status", "what there is, and what is wrong with it")
      ->add_flag("--json", options->json, "for scripts");

  CLI::App* fail =
      action("fail", "make links bad while everything runs",
             "What is not said stays. Both ways of a link are meant.\n"
             "--down is a pulled cable: hosts notice and use other paths. --loss 100% is one that\n"
             "nobody notices.");
  fail->add_option("links", options->fail.links, kLinks)->required();
  fail->add_option("--loss", options->fail.loss, "of packets: 5%");
  fail->add_option("--delay", options->fail.delay, "one way, on top of the lab's: 2ms");
  fail->add_option("--rate", options->fail.rate, "instead of the lab's: 50mbit");
  fail->add_flag("--down", options->fail.down, "the cable is pulled");

  CLI::App* heal = action("heal", "links are as `enid lab up` made them");
  heal->add_option("links", options->fail.links, std::string("default: all; or ") + kLinks);
  CLI::App* forward = action("forward", "delay and loss of a spine's links; started by the others");
  forward->group("");
  forward->add_option("--spine", options->spine, "its number")->required();
  return bind(options, run_lab);
}

}  // namespace

int run_command_line(int argc, char** argv) {
  CLI::App app(kAbout);
  app.name("enid");
  app.footer(std::string("\n") + kTour);
  app.set_version_flag("--version", "enid " ENID_VERSION);
  app.require_subcommand(1);
  app.get_formatter()->column_width(26);

  using Add = Run (*)(CLI::App&, CLI::App*&);
  std::vector<std::pair<CLI::App*, Run>> commands;
  for (const Add add : {Add{add_up}, Add{add_down}, Add{add_card}, Add{add_host}, Add{add_status},
                        Add{add_env}, Add{add_aws}, Add{add_key}, Add{add_guest}, Add{add_device},
                        Add{add_exec}, Add{add_trace}, Add{add_capture}, Add{add_sim}, Add{add_lab}}) {
    CLI::App* command = nullptr;
    Run run = add(app, command);
    commands.emplace_back(command, std::move(run));
  }
  if (argc == 1) {
    std::cout << app.help();
    return 0;
  }
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {  // The parser's own way to say "help" and "wrong".
    return app.exit(error) == 0 ? 0 : 2;
  }
  for (const auto& [command, run] : commands) {
    if (command->parsed()) return run();
  }
  return 2;
}

}  // namespace enid::apps
