// SPDX-License-Identifier: Apache-2.0
#include "kernel/container_logs.hpp"

#include <algorithm>
#include <filesystem>
#include <system_error>
#include <utility>

namespace cgmm::kernel {
namespace {

namespace fs = std::filesystem;

constexpr const char* kContainers = "/containers";
constexpr const char* kPods = "/pods";

/// Reading takes at most about 1 % of the time.
constexpr std::int64_t kPauseUsPerEntry = 100;

constexpr std::size_t kMostPods = 2000;  // remembered; then those are forgotten that have no log
constexpr std::size_t kMostOfAPod = 64;  // containers

bool has_logs(const std::string& directory) {
  std::error_code error;
  return fs::is_directory(directory + kContainers, error) || fs::is_directory(directory + kPods, error);
}

}  // namespace

ContainerLogs::ContainerLogs(std::string setting, std::vector<std::string> candidates, std::int64_t max_entries)
    : off_(setting.empty() || setting == "off"),
      automatic_(setting == "auto"),
      candidates_(std::move(candidates)),
      max_entries_(max_entries),
      directory_(off_ || automatic_ ? std::string() : std::move(setting)),
      containers_{kContainers, core::parse_container_log},
      pods_{kPods, core::parse_pod_log_dir} {}

std::optional<core::ContainerNames> ContainerLogs::names_of(const core::ContainerIdentity& identity,
                                                            std::int64_t now_us) {
  if (off_) return std::nullopt;
  if (auto own = find(containers_, identity.container_id, now_us)) return own;
  auto of_pod = find(pods_, identity.pod_uid, now_us);
  if (of_pod) of_pod->container = cut_name_of(identity, *of_pod);
  return of_pod;
}

std::optional<core::ContainerNames> ContainerLogs::find(Listing& listing, const std::string& key, std::int64_t now_us) {
  if (key.empty()) return std::nullopt;
  auto found = listing.names.find(key);
  if (found == listing.names.end() && find_directory()) {
    refresh(listing, now_us);
    found = listing.names.find(key);
  }
  return found != listing.names.end() ? std::optional(found->second) : std::nullopt;
}

void ContainerLogs::see(const core::ContainerIdentity& identity) {
  if (off_ || identity.pod_uid.empty() || identity.container_id.empty()) return;
  if (seen_.size() >= kMostPods && !seen_.contains(identity.pod_uid))
    std::erase_if(seen_, [this](const auto& pod) { return !pods_.names.contains(pod.first); });
  std::vector<std::string>& ids = seen_[identity.pod_uid];
  if (std::ranges::find(ids, identity.container_id) == ids.end()) ids.push_back(identity.container_id);
  if (ids.size() > kMostOfAPod) ids.erase(ids.begin());  // restarted again and again: the oldest is gone
}

/// "": none, or it may be another container's.
std::string ContainerLogs::cut_name_of(const core::ContainerIdentity& identity,
                                       const core::ContainerNames& of_pod) const {
  const auto logs = containers_.cut.find(of_pod.pod_namespace + "/" + of_pod.pod);
  if (logs == containers_.cut.end() || identity.container_id.empty()) return "";
  const auto seen = seen_.find(identity.pod_uid);
  std::string name;
  for (const core::NamedLog& log : logs->second) {
    if (!identity.container_id.starts_with(log.key)) continue;
    const bool fits_another = seen != seen_.end() && std::ranges::any_of(seen->second, [&](const std::string& id) {
                                return id != identity.container_id && id.starts_with(log.key);
                              });
    if (fits_another || !name.empty()) return "";
    name = log.names.container;
  }
  return name;
}

std::string ContainerLogs::problem() const {
  if (!off_ && directory_.empty()) {
    std::string none;
    for (const std::string& candidate : candidates_) {
      none += (none.empty() ? "neither containers nor pods in " : " or ") + candidate;
    }
    return none;
  }
  return containers_.problem.empty() ? pods_.problem : containers_.problem;
}

bool ContainerLogs::find_directory() {
  if (!automatic_ || (!directory_.empty() && has_logs(directory_))) return true;
  const auto found = std::ranges::find_if(candidates_, has_logs);
  directory_ = found == candidates_.end() ? "" : *found;
  forget(containers_);
  forget(pods_);
  return !directory_.empty();
}

void ContainerLogs::refresh(Listing& listing, std::int64_t now_us) const {
  const std::int64_t since_us = now_us - listing.read_at_us;
  if (since_us >= 0 && since_us < listing.entry_count * kPauseUsPerEntry) return;
  const std::string path = directory_ + listing.subdirectory;
  Names names;
  decltype(listing.cut) cut;
  std::int64_t entry_count = 0;
  std::error_code error;
  fs::directory_iterator entry(path, error);
  for (; !error && entry != fs::end(entry) && entry_count < max_entries_; entry.increment(error)) {
    const std::string name = entry->path().filename();
    if (auto found = listing.parse(name)) {
      names[std::move(found->key)] = std::move(found->names);
    } else if (auto part = core::parse_cut_container_log(name); part && &listing == &containers_) {
      cut[part->names.pod_namespace + "/" + part->names.pod].push_back(*std::move(part));
    }
    ++entry_count;
  }
  if (error) {
    if (error == std::errc::no_such_file_or_directory || error == std::errc::not_a_directory) forget(listing);
    listing.problem = path + ": " + error.message();
    return;
  }
  const bool is_complete = entry == fs::end(entry);
  listing.names = std::move(names);
  listing.cut = std::move(cut);
  listing.read_at_us = now_us;
  listing.entry_count = entry_count;
  listing.problem = is_complete ? "" : path + ": only the first " + std::to_string(max_entries_) + " entries are read";
}

void ContainerLogs::forget(Listing& listing) {
  listing = {.subdirectory = listing.subdirectory, .parse = listing.parse};
}

}  // namespace cgmm::kernel
