// SPDX-License-Identifier: Apache-2.0
#pragma once

// Names of containers and pods, from the names of the kubelet's log files. Opens no file and follows no link. For one
// thread that may wait for a disk: not the sampler's.

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "core/container.hpp"
#include "core/workload.hpp"

namespace cgmm::kernel {

class ContainerLogs {
 public:
  static constexpr std::int64_t kMaxEntries = 100'000;

  /// `setting`: a directory with `containers` and `pods` in it; "auto": the first of `candidates` that has one of them
  /// (checked again while there is none); "" or "off": no names. Does not access the disk yet. Reads at most
  /// `max_entries` of `containers` and of `pods`.
  explicit ContainerLogs(std::string setting, std::vector<std::string> candidates = {"/host/var/log", "/var/log"},
                         std::int64_t max_entries = kMaxEntries);

  /// Says that there is such a container, before any name is asked for: a name that the kubelet cut within the id is
  /// given only to the one container of its pod that it fits.
  void see(const core::ContainerIdentity& identity);

  /// By container id, else by pod uid. With a pod uid only, `container` is "": for a pod's sandbox, or if the kubelet
  /// has not made the container's log yet (its cgroup exists earlier: ask again later). nullopt: neither is known. For
  /// an unknown name, a directory is read again, at most once in 100 us per entry. `now_us`: wall clock.
  std::optional<core::ContainerNames> names_of(const core::ContainerIdentity& identity, std::int64_t now_us);

  /// The directory that names come from; "": none found so far.
  const std::string& directory() const { return directory_; }

  /// Why names may be missing, as far as calls to names_of() have found out; "": nothing is wrong.
  std::string problem() const;

 private:
  using Names = std::unordered_map<std::string, core::ContainerNames>;  // by container id, or by pod uid

  /// The names in one directory, as last read.
  struct Listing {
    const char* subdirectory;
    std::optional<core::NamedLog> (*parse)(std::string_view entry);
    Names names = {};
    std::unordered_map<std::string, std::vector<core::NamedLog>> cut = {};  // by "namespace/pod": cut within the id
    std::int64_t read_at_us = 0;
    std::int64_t entry_count = 0;
    std::string problem = {};
  };

  std::optional<core::ContainerNames> find(Listing& listing, const std::string& key, std::int64_t now_us);
  std::string cut_name_of(const core::ContainerIdentity& identity, const core::ContainerNames& of_pod) const;
  bool find_directory();
  void refresh(Listing& listing, std::int64_t now_us) const;
  static void forget(Listing& listing);

  bool off_;
  bool automatic_;
  std::vector<std::string> candidates_;
  std::int64_t max_entries_;
  std::string directory_;
  Listing containers_;
  Listing pods_;
  std::unordered_map<std::string, std::vector<std::string>> seen_;  // container ids, by the pod's uid
};

}  // namespace cgmm::kernel
