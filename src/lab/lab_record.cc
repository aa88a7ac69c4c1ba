#include "lab/lab_record.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>

namespace enid::lab {
namespace {

constexpr const char* kFolder = "/run/enid-lab";

nlohmann::json to_json(const LabRecord& record) {
  const FabricPlan& plan = record.plan;
  nlohmann::json json{{"name", plan.name},
                      {"hosts", plan.hosts},
                      {"spines", plan.spines},
                      {"rate", plan.rate},
                      {"delay_ns", plan.delay.nanoseconds},
                      {"buffer_bytes", plan.buffer_bytes},
                      {"mtu", plan.mtu},
                      {"seed", plan.seed},
                      {"network_only", record.network_only},
                      {"state", record.state},
                      {"daemon_is_ours", record.daemon_is_ours},
                      {"complete", record.complete}};
  for (const auto& [link, impairment] : record.impairments) {
    json["impairments"].push_back({{"host", link.host},
                                   {"spine", link.spine},
                                   {"rate", impairment.rate},
                                   {"delay_ns", impairment.delay.nanoseconds},
                                   {"loss", impairment.loss},
                                   {"down", impairment.down}});
  }
  for (const LabProcess& process : record.processes)
    json["processes"].push_back({{"role", process.role}, {"identity", process.identity.text()}});
  return json;
}

LabRecord from_json(const nlohmann::json& json) {
  LabRecord record{.plan = {.name = json.at("name"),
                            .hosts = json.at("hosts"),
                            .spines = json.at("spines"),
                            .rate = json.at("rate"),
                            .delay = {json.at("delay_ns").get<std::int64_t>()},
                            .buffer_bytes = json.at("buffer_bytes"),
                            .mtu = json.at("mtu"),
                            .seed = json.at("seed")},
                   .network_only = json.at("network_only"),
                   .state = json.at("state"),
                   .daemon_is_ours = json.at("daemon_is_ours"),
                   .complete = json.at("complete")};
  for (const auto& one : json.value("impairments", nlohmann::json::array())) {
    record.impairments[LinkId{one.at("host"), one.at("spine")}] = {
        .rate = one.at("rate"),
        .delay = {one.at("delay_ns").get<std::int64_t>()},
        .loss = one.at("loss"),
        .down = one.at("down")};
  }
  for (const auto& one : json.value("processes", nlohmann::json::array())) {
    if (auto identity = instances::ProcessIdentity::parse(one.at("identity").get<std::string>()))
      record.processes.push_back({one.at("role"), *identity});
  }
  return record;
}

Result<void> prepare_folder() {
  if (::mkdir(kFolder, 0700) != 0 && errno != EEXIST) return errno_failure(std::string("make ") + kFolder);
  return {};
}

}  // namespace

std::string lab_file(const std::string& name, const std::string& ending) {
  return std::string(kFolder) + "/" + (name.empty() ? "lab" : "lab-" + name) + ending;
}

Result<host::UniqueFd> lock_lab(const std::string& name) {
  TRY(prepare_folder());
  const std::string path = lab_file(name, ".lock");
  host::UniqueFd lock(::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600));
  if (!lock.is_open()) return errno_failure("open " + path);
  if (::flock(lock.get(), LOCK_EX) != 0) return errno_failure("lock " + path);
  return lock;
}

Result<std::optional<LabRecord>> LabRecord::read(const std::string& name) {
  const std::string path = lab_file(name, ".json");
  std::ifstream file(path);
  if (!file) return std::nullopt;
  try {
    LabRecord record = from_json(nlohmann::json::parse(file));
    TRY(record.plan.check());
    return record;
  } catch (const nlohmann::json::exception& error) {
    return failure(std::make_error_code(std::errc::invalid_argument),
                   path + " is damaged (" + error.what() + "); `enid lab down` removes the lab by its names");
  }
}

Result<void> LabRecord::write() const {
  TRY(prepare_folder());
  const std::string path = lab_file(plan.name, ".json");
  {
    std::ofstream file(path + ".new", std::ios::trunc);
    file << to_json(*this).dump(2) << "\n";
    if (!file.flush()) return errno_failure("write " + path);
  }
  if (::rename((path + ".new").c_str(), path.c_str()) != 0) return errno_failure("write " + path);
  return {};
}

// The lock's file stays: who waits for it must not hold the lock of a file that is gone.
Result<void> LabRecord::remove(const std::string& name) {
  const std::string path = lab_file(name, ".json");
  ::unlink((path + ".new").c_str());
  if (::unlink(path.c_str()) != 0 && errno != ENOENT) return errno_failure("remove " + path);
  return {};
}

const Impairment& LabRecord::impairment(LinkId link) const {
  static const Impairment kNone;
  const auto at = impairments.find(link);
  return at == impairments.end() ? kNone : at->second;
}

std::optional<instances::ProcessIdentity> LabRecord::process(const std::string& role) const {
  const auto at = std::ranges::find(processes, role, &LabProcess::role);
  if (at == processes.end()) return std::nullopt;
  return at->identity;
}

void LabRecord::set_process(const std::string& role, std::optional<instances::ProcessIdentity> identity) {
  std::erase_if(processes, [&](const LabProcess& process) { return process.role == role; });
  if (identity) processes.push_back({role, *std::move(identity)});
}

}  // namespace enid::lab
