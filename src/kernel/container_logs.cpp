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
  for (Listing* const listing : {&containers_, &pods_}) {
    const std::string& key = listing == &pods_ ? identity.pod_uid : identity.container_id;
    if (key.empty()) continue;
    auto found = listing->names.find(key);
    if (found == listing->names.end() && find_directory()) {
      refresh(*listing, now_us);
      found = listing->names.find(key);
    }
    if (found != listing->names.end()) return found->second;
  }
  return std::nullopt;
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
  std::int64_t entry_count = 0;
  std::error_code error;
  fs::directory_iterator entry(path, error);
  for (; !error && entry != fs::end(entry) && entry_count < max_entries_; entry.increment(error)) {
    auto found = listing.parse(entry->path().filename().native());
    if (found) names[std::move(found->key)] = std::move(found->names);
    ++entry_count;
  }
  if (error) {
    if (error == std::errc::no_such_file_or_directory || error == std::errc::not_a_directory) forget(listing);
    listing.problem = path + ": " + error.message();
    return;
  }
  const bool is_complete = entry == fs::end(entry);
  listing.names = std::move(names);
  listing.read_at_us = now_us;
  listing.entry_count = entry_count;
  listing.problem = is_complete ? "" : path + ": only the first " + std::to_string(max_entries_) + " entries are read";
}

void ContainerLogs::forget(Listing& listing) {
  listing = {.subdirectory = listing.subdirectory, .parse = listing.parse};
}

}  // namespace cgmm::kernel
