// SPDX-License-Identifier: Apache-2.0
#include "kernel/container_logs.hpp"

#include <dirent.h>
#include <sys/stat.h>

#include <cerrno>
#include <memory>
#include <system_error>
#include <utility>

namespace cgmm::kernel {
namespace {

constexpr const char* kContainers = "/containers";
constexpr const char* kPods = "/pods";

/// Time stamps can be as coarse as a kernel tick (10 ms), or 2 s (FAT): two changes within that time look the same.
constexpr std::int64_t kCoarsestStampUs = 2'000'000;

/// A directory with fewer entries is read whenever necessary. Reading a larger one takes at most about 1 % of the time.
constexpr std::size_t kFewEntries = 1000;
constexpr std::int64_t kPauseUsPerEntry = 100;

struct CloseDirectory {
  void operator()(DIR* directory) const { ::closedir(directory); }
};

bool is_directory(const std::string& path) {
  struct stat status{};
  return ::stat(path.c_str(), &status) == 0 && S_ISDIR(status.st_mode);
}

bool has_logs(const std::string& directory) {
  return is_directory(directory + kContainers) || is_directory(directory + kPods);
}

bool is_dot(std::string_view name) { return name == "." || name == ".."; }

}  // namespace

ContainerLogs::ContainerLogs(std::string setting, std::vector<std::string> candidates, std::size_t max_entries)
    : off_(setting.empty() || setting == "off"),
      automatic_(setting == "auto"),
      candidates_(std::move(candidates)),
      max_entries_(max_entries),
      directory_(off_ || automatic_ ? std::string() : std::move(setting)),
      containers_{kContainers,
                  [](std::string_view entry, Names& names) {
                    auto found = core::parse_container_log(entry);
                    if (found) names[std::move(found->container_id)] = std::move(found->names);
                  }},
      pods_{kPods, [](std::string_view entry, Names& names) {
              auto found = core::parse_pod_log_dir(entry);
              if (found) names[std::move(found->pod_uid)] = std::move(found->names);
            }} {}

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
  for (const std::string* const problem : {&not_found_, &containers_.problem, &pods_.problem}) {
    if (!problem->empty()) return *problem;
  }
  return {};
}

bool ContainerLogs::find_directory() {
  if (!automatic_ || (!directory_.empty() && has_logs(directory_))) return true;
  directory_.clear();
  not_found_.clear();
  forget(containers_);
  forget(pods_);
  for (const std::string& candidate : candidates_) {
    if (has_logs(candidate)) {
      directory_ = candidate;
      not_found_.clear();
      return true;
    }
    not_found_ += (not_found_.empty() ? "neither containers nor pods in " : " or ") + candidate;
  }
  return false;
}

void ContainerLogs::refresh(Listing& listing, std::int64_t now_us) const {
  const std::string path = directory_ + listing.subdirectory;
  const auto fail = [&](int error) {
    if (error == ENOENT || error == ENOTDIR) forget(listing);
    listing.settled = false;
    listing.problem = path + ": " + std::system_category().message(error);
  };
  const std::unique_ptr<DIR, CloseDirectory> directory(::opendir(path.c_str()));
  struct stat status{};
  if (!directory || ::fstat(::dirfd(directory.get()), &status) != 0) return fail(errno);
  const Stamp stamp{status.st_dev, status.st_ino,
                    std::int64_t{status.st_mtim.tv_sec} * 1'000'000'000 + status.st_mtim.tv_nsec};
  if (listing.settled && stamp == listing.stamp) return;
  const std::int64_t since_us = now_us - listing.read_at_us;
  const bool many = listing.entry_count >= kFewEntries;
  if (many && since_us >= 0 && since_us < static_cast<std::int64_t>(listing.entry_count) * kPauseUsPerEntry) return;

  Names names;
  std::size_t entry_count = 0;
  bool complete = false;
  for (;;) {
    errno = 0;
    const dirent* const entry = ::readdir(directory.get());
    if (entry == nullptr && errno != 0) return fail(errno);
    complete = entry == nullptr;
    if (complete) break;
    if (is_dot(entry->d_name)) continue;
    if (entry_count == max_entries_) break;
    ++entry_count;
    listing.take_up(entry->d_name, names);
  }
  listing.names = std::move(names);
  listing.stamp = stamp;
  listing.settled = now_us - stamp.modified_ns / 1000 >= kCoarsestStampUs;  // false if it is in the future
  listing.read_at_us = now_us;
  listing.entry_count = entry_count;
  listing.problem = complete ? "" : path + ": only the first " + std::to_string(max_entries_) + " entries are read";
}

void ContainerLogs::forget(Listing& listing) {
  listing.names.clear();
  listing.settled = false;
  listing.entry_count = 0;
  listing.problem.clear();
}

}  // namespace cgmm::kernel
