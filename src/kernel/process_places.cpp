// SPDX-License-Identifier: Apache-2.0
#include "kernel/process_places.hpp"

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <fstream>
#include <memory>
#include <string_view>

#include "base/fd.hpp"
#include "base/time.hpp"
#include "kernel/parse.hpp"

namespace cgmm::kernel {
namespace {

constexpr std::int64_t kLookEvery_us = base::kSecond_us;
constexpr std::int64_t kShareOfTime = 20;
constexpr std::int64_t kStaysTrue_us = 10 * base::kSecond_us;
constexpr std::size_t kMaxDepth = 64;
constexpr std::size_t kMaxDirectories = 20'000;
constexpr std::size_t kMaxProcesses = 65'536;
constexpr std::int64_t kReservedPids = 300;                       // are not given out a second time
constexpr std::string_view kFirstNamespace = "pid:[4026531836]";  // a constant of the kernel

std::string link_at(const std::string& path) {
  std::array<char, 64> target{};
  const ssize_t size = ::readlink(path.c_str(), target.data(), target.size());
  return size > 0 ? std::string(target.data(), static_cast<std::size_t>(size)) : "";
}

std::int64_t monotonic_us() {
  struct timespec now{};
  ::clock_gettime(CLOCK_MONOTONIC, &now);
  return now.tv_sec * base::kSecond_us + now.tv_nsec / 1000;
}

}  // namespace

std::optional<ProcessPlaces::Numbers> ProcessPlaces::numbers() const {
  Numbers numbers;
  std::string word;
  std::ifstream load(proc_ + "/loadavg");  // "0.20 0.18 0.12 1/80 11206"
  for (int i = 0; i < 4; ++i) load >> word;
  numbers.used_count = static_cast<std::int64_t>(parse_number(word.substr(word.find('/') + 1)).value_or(INT32_MAX));
  if (!(load >> numbers.last)) return std::nullopt;
  std::ifstream stat(proc_ + "/stat");
  for (std::string line; std::getline(stat, line);) {
    constexpr std::string_view kGiven = "processes ";
    if (!line.starts_with(kGiven)) continue;
    const auto given = parse_number(std::string_view(line).substr(kGiven.size()));
    if (!given) break;
    numbers.given_count = static_cast<std::int64_t>(*given);
    return numbers;
  }
  return std::nullopt;
}

void ProcessPlaces::look(const Hierarchy& hierarchy, std::int64_t steady_us) {
  if (before_ && steady_us - looked_at_us_ < std::max(kLookEvery_us, kShareOfTime * took_us_)) return;
  before_.reset();
  if (link_at(proc_ + "/self/ns/pid") != kFirstNamespace) return;
  const std::int64_t began_us = monotonic_us();
  before_ = numbers();
  looked_at_us_ = steady_us;
  paths_.clear();
  places_.clear();
  directory_count_ = 0;
  const base::Fd root(::open(hierarchy.root.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (root) look_into(root.get(), "", 0);
  std::ranges::sort(places_);
  took_us_ = monotonic_us() - began_us;
}

void ProcessPlaces::look_into(int directory_fd, const std::string& path, std::size_t depth) {
  take_processes(directory_fd, path);
  struct stat status{};  // the kernel counts the child directories of a cgroup as links
  if (::fstat(directory_fd, &status) == 0 && status.st_nlink == 2) return;
  struct CloseDirectory {
    void operator()(DIR* directory) const { ::closedir(directory); }
  };
  const std::unique_ptr<DIR, CloseDirectory> entries(::fdopendir(::fcntl(directory_fd, F_DUPFD_CLOEXEC, 0)));
  while (const dirent* const entry = entries ? ::readdir(entries.get()) : nullptr) {
    const std::string name = entry->d_name;
    if (entry->d_type != DT_DIR || name == "." || name == "..") continue;
    if (depth >= kMaxDepth || ++directory_count_ > kMaxDirectories) return;
    const base::Fd child(::openat(directory_fd, entry->d_name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
    if (child) look_into(child.get(), path + "/" + name, depth + 1);
  }
}

void ProcessPlaces::take_processes(int directory_fd, const std::string& path) {
  const base::Fd file(::openat(directory_fd, "cgroup.procs", O_RDONLY | O_NONBLOCK | O_NOFOLLOW | O_CLOEXEC));
  std::string text;
  std::array<char, 4096> part{};
  for (ssize_t got = 0; file && (got = ::read(file.get(), part.data(), part.size())) > 0;) {
    text.append(part.data(), static_cast<std::size_t>(got));
    if (text.size() > kMaxProcesses * 8) return;
  }
  if (text.empty()) return;
  const auto place = static_cast<std::uint32_t>(paths_.size());
  paths_.push_back(path);
  for (std::string_view rest = text; !rest.empty();) {
    const auto pid = parse_number(take_word(rest, '\n'));
    if (pid && *pid > 0 && *pid <= INT32_MAX && places_.size() < kMaxProcesses)
      places_.emplace_back(static_cast<std::int32_t>(*pid), place);
  }
}

std::string ProcessPlaces::place_of(std::int64_t pid, std::int64_t steady_us) const {
  if (!before_ || steady_us - looked_at_us_ > kStaysTrue_us) return "";
  const auto [first, last] = std::ranges::equal_range(places_, pid, {}, [](const auto& one) { return one.first; });
  if (last - first != 1) return "";
  const auto now = numbers();
  std::ifstream max_file(proc_ + "/sys/kernel/pid_max");
  std::int64_t pid_max = 0;
  if (!now || !(max_file >> pid_max)) return "";
  // All that are free may have been given out, and then this one again.
  const std::int64_t free_count = pid_max - kReservedPids - std::max(before_->used_count, now->used_count);
  if (2 * (now->given_count - before_->given_count) >= free_count) return "";
  const bool has_wrapped = now->last < before_->last;
  const bool is_given_again =
      has_wrapped ? pid > before_->last || pid <= now->last : pid > before_->last && pid <= now->last;
  return is_given_again ? "" : paths_[first->second];
}

}  // namespace cgmm::kernel
