// SPDX-License-Identifier: Apache-2.0
#pragma once

// What looks after the cgroups of one parent, as a process of its own: nothing, the old program's rule, a build of this
// program as it is after an installation, or oomd's senpai.

#include <array>
#include <atomic>
#include <cstdint>
#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "policy/ground.hpp"
#include "policy/job.hpp"
#include "process.hpp"

namespace cgmm::bench::policy {

struct Programs {
  std::filesystem::path ours, before, oomd;  // those that are empty are not there
};

/// What a policy did to one cgroup; -1: nobody counts that.
struct Done {
  std::int64_t reclaims = -1;
  std::int64_t freed_bytes = -1;
};

/// Where it works.
struct Site {
  const Ground& ground;
  std::filesystem::path parent;        // its cgroups
  std::vector<std::string> workloads;  // their names
  std::filesystem::path directory;     // for its configuration, log and history
  std::uint64_t limit_bytes = 0;       // of each cgroup
};

class Policy {
 public:
  /// Begins at once.
  explicit Policy(Site site) : site_(std::move(site)) {}
  virtual ~Policy() = default;
  Policy(const Policy&) = delete;
  Policy& operator=(const Policy&) = delete;

  /// In microseconds, so far; of the user's and the kernel's part.
  virtual std::int64_t cpu_us() const { return 0; }
  /// Throws where its program has ended.
  virtual void check() const {}
  /// What it did, by workload. It has stopped afterwards.
  virtual std::map<std::string, Done> stop() { return {}; }

 protected:
  const Site& site() const { return site_; }

 private:
  Site site_;
};

/// "none", "rust", "before", "ours" or "senpai". A second "none" is called "none-2".
std::unique_ptr<Policy> start_policy(const std::string& name, Site site, const Programs& programs);
/// Why it can't be had here, as a sentence; nullopt where it can. Throws std::invalid_argument where nobody knows it.
std::optional<std::string> missing(const std::string& name, const Programs& programs, kernel::Version version);

/// The time of a process on a processor, with the children that it has waited for.
std::int64_t process_cpu_us(pid_t pid);

}  // namespace cgmm::bench::policy
