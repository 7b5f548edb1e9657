// SPDX-License-Identifier: Apache-2.0
#pragma once

// Names of containers and pods, as the kubelet writes them into the names of its log files: they are on every
// node, and need neither an API server nor rights in the cluster. Only names of directory entries are read:
// no file is opened, and where a link points to is not looked at. For one thread, which may have to wait for
// a disk: not the sampler's.

#include <cstddef>
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
  static constexpr std::size_t kMaxEntries = 100'000;

  /// `setting`: a directory with `containers` and `pods` in it; "auto": the first of `candidates` that has
  /// one of them, looked for again while there is none; "" or "off": no names at all. Does not touch the disk
  /// yet. In `containers` and in `pods` the first `max_entries` are looked at.
  explicit ContainerLogs(std::string setting, std::vector<std::string> candidates = {"/host/var/log", "/var/log"},
                         std::size_t max_entries = kMaxEntries);

  /// By container id, else by pod uid: then `container` is "", as for a pod's sandbox, or where the kubelet
  /// has not made the container's log yet (its cgroup is there earlier: ask again later). nullopt where
  /// neither is known. What was found once costs no system call while it is in the directory. For anything
  /// else the directories are read again if they have changed; one of thousands of entries not before 100 us
  /// an entry have passed. `now_us`: wall clock.
  std::optional<core::ContainerNames> names_of(const core::ContainerIdentity& identity, std::int64_t now_us);

  /// Where the names are from; "" while there is no such place.
  const std::string& directory() const { return directory_; }

  /// Why names may be missing, as far as the calls that had to look have seen; "" when nothing is wrong.
  std::string problem() const;

 private:
  using Names = std::unordered_map<std::string, core::ContainerNames>;  // by container id, or by pod uid

  /// A directory's state: while it is the same, nothing was added or removed.
  struct Stamp {
    std::uint64_t device = 0;
    std::uint64_t inode = 0;
    std::int64_t modified_ns = 0;

    friend bool operator==(const Stamp&, const Stamp&) = default;
  };

  /// One directory's names as they were last read.
  struct Listing {
    const char* subdirectory;
    void (*take_up)(std::string_view entry, Names& names);
    Names names = {};
    Stamp stamp = {};
    bool settled = false;  // what changes after the reading changes the stamp
    std::int64_t read_at_us = 0;
    std::size_t entry_count = 0;
    std::string problem = {};
  };

  bool find_directory();
  void refresh(Listing& listing, std::int64_t now_us) const;
  static void forget(Listing& listing);

  bool off_;
  bool automatic_;
  std::vector<std::string> candidates_;
  std::size_t max_entries_;
  std::string directory_;
  std::string not_found_;  // why there is no directory
  Listing containers_;
  Listing pods_;
};

}  // namespace cgmm::kernel
