// SPDX-License-Identifier: Apache-2.0
#pragma once

// Fair shares of the places for tracked cgroups. When there are more cgroups than places, each directory shares its
// places between its child directories and the cgroups directly in it: none may have more than another one would like
// to. Shares come from what one walk has found, and hold in the next one. One thread.

#include <cstddef>
#include <cstdint>
#include <string>
#include <unordered_map>
#include <vector>

#include "core/shared_path.hpp"

namespace cgmm::kernel {

class Shares {
 public:
  Shares() = default;
  Shares(const Shares&) = delete;
  Shares& operator=(const Shares&) = delete;

  // In a walk: the directories on the way to a cgroup, from the parent downwards.
  void enter(std::uint64_t inode, const core::SharedPath& path) { way_.push_back({inode, &path, nullptr}); }
  void leave() { way_.pop_back(); }

  /// Counts a cgroup, and whether the directories on the way to it have a place for it.
  bool has_place();
  /// It is tracked.
  void take();

  /// The walk has ended: what the shares of `places` are in the next one.
  void end_walk(std::size_t places);

  /// Nobody has a share until the end of the next walk.
  void forget() { shares_.clear(); }

  /// Of the last walk: which directory has the most cgroups that were left out, and how many. "": none were.
  const std::string& crowd() const { return crowd_; }
  std::int64_t crowd_left_out() const { return crowd_left_out_; }

 private:
  struct Directory {
    core::SharedPath path;
    std::vector<Directory*> children;
    std::size_t wanted = 0, taken = 0;        // cgroups below it
    std::size_t wanted_in = 0, taken_in = 0;  // of these, directly in it
    std::size_t left_out() const { return wanted - taken; }
  };
  struct Share {
    std::size_t below = SIZE_MAX, in = SIZE_MAX;
  };
  struct Step {
    std::uint64_t inode;
    const core::SharedPath* path;
    Directory* directory;  // nullptr: not looked for yet
  };
  void share(const Directory& directory, std::size_t places, std::unordered_map<const Directory*, Share>& shares) const;
  void find_crowd();

  std::vector<Step> way_;
  std::unordered_map<std::uint64_t, Directory> found_;  // by inode, in this walk
  std::unordered_map<std::uint64_t, Share> shares_;     // by inode; those without may take what there is
  Directory* top_ = nullptr;
  std::string crowd_;
  std::int64_t crowd_left_out_ = 0;
};

}  // namespace cgmm::kernel
