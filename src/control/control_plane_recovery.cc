// What a control plane does first: its state back from the store, and this machine's host.
#include <fmt/format.h>

#include <utility>

#include "control/control_plane.h"
#include "control/instance_lifecycle.h"
#include "control/operations/placement.h"
#include "control/operations/vpcs.h"
#include "control/record_json.h"

namespace enid::control {
namespace {

std::string holder_of(const ControlPlane::Regions& regions, const VirtualFunction& function) {
  for (const auto& [name, model] : regions)
    for (const auto& [id, interface] : model->table<NetworkInterfaceRecord>())
      if (interface.attachment && interface.attachment->virtual_function == function)
        return fmt::format("{} of {}", id.text(), interface.attachment->instance.text());
  return "nobody";
}

}  // namespace

Result<void> ControlPlane::recover() {
  submitted_ = durable_ = parts_.store.revision();
  TRY(load_hosts());
  TRY(load_regions());
  if (parts_.card != nullptr) TRY(equip_local_host());
  complete_old_records();
  for (const auto& [name, model] : regions_) feeds_.add(*model);
  if (parts_.card != nullptr) {
    const HostDescription local = shared_->hosts.find(options_.local_host.id)->description;
    bring_in(local, *parts_.card, *parts_.runtime, answer_to([](Result<void>) {}));
  }
  tidy_later();
  return {};
}

// This machine's is there from the first start.
Result<void> ControlPlane::load_hosts() {
  const std::vector<store::Entry> entries = TRY(parts_.store.list(kHostsPrefix));
  for (const store::Entry& entry : entries) {
    auto description = host_description_from_json(entry.value);
    if (!description)
      return failure(description.error().code,
                     "cannot read " + entry.key + ": " + description.error().message);
    description->id = HostId::trusted(entry.key.substr(kHostsPrefix.size()));
    shared_->hosts.add(std::move(*description));
  }
  if (parts_.card != nullptr && shared_->hosts.find(options_.local_host.id) == nullptr)
    shared_->hosts.add({.id = options_.local_host.id});
  return {};
}

Result<void> ControlPlane::load_regions() {
  const std::vector<store::Entry> entries = TRY(parts_.store.list(kRegionsPrefix));
  for (const store::Entry& entry : entries) {
    const std::string_view path = std::string_view(entry.key).substr(kRegionsPrefix.size());
    const std::size_t slash = path.find('/');
    if (slash == path.npos)
      return failure(std::make_error_code(std::errc::bad_message), "odd key in the store: " + entry.key);
    const std::string name(path.substr(0, slash));
    auto& model = regions_[name];
    if (model == nullptr) model = std::make_unique<RegionModel>(name, shared_);
    if (auto loaded = load_record(*model, path.substr(slash + 1), entry.value); !loaded)
      return failure(loaded.error().code, "cannot read " + entry.key + ": " + loaded.error().message);
  }
  return {};
}

Result<void> ControlPlane::equip_local_host() {
  Host& host = *shared_->hosts.find(options_.local_host.id);
  HostDescription wanted = options_.local_host;
  wanted.network_cards = TRY(with_request(host.description.network_cards, options_.network_cards));
  if (const auto lost = host.network_cards.first_lost_with(wanted.network_cards))
    return failure(
        std::make_error_code(std::errc::device_or_resource_busy),
        fmt::format("{} cannot have {} network card(s) with {} virtual functions: virtual function "
                    "{} of card {} is held by {}; detach it, or stop its instance, first",
                    lost->host, wanted.network_cards.network_cards,
                    wanted.network_cards.virtual_functions_per_card, lost->number, lost->card,
                    holder_of(regions_, *lost)));
  host.network_cards.resize(wanted.network_cards);
  const bool is_known = host.description == wanted;
  host.description = std::move(wanted);
  if (is_known) return {};
  store_changes({{std::string(kHostsPrefix) + host.description.id.text(), to_json(host.description)}},
                answer_to([](Result<void>) {}));
  return {};
}

// States of earlier versions know one host, and no numbers of VPCs.
void ControlPlane::complete_old_records() {
  for (const auto& [name, model] : regions_)
    run_for_nobody(name, [this](Transaction& transaction) {
      number_vpcs(transaction);
      assign_host(transaction, options_.local_host.id);
    });
}

}  // namespace enid::control
