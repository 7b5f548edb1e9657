// SPDX-License-Identifier: Apache-2.0
#pragma once

// Which directory has the most of the cgroups on record, or of their reclaims: from the root downwards, always into the
// child directory that has the most, as long as it has at least half of what its own directory has. (The first step is
// always taken.) It reads the table once for each step, a slice at a time, and remembers only the children of one
// directory.

#include <cstddef>
#include <cstdint>
#include <map>
#include <span>
#include <string>
#include <string_view>

#include "store/statement.hpp"

namespace cgmm::store {

/// Whether `path` is below `directory`.
inline bool is_below(std::string_view path, std::string_view directory) {
  return path.size() > directory.size() && path.starts_with(directory) && path[directory.size()] == '/';
}

/// About what a cgroup's row takes, with its indexes, its limit, its change and an hour.
inline std::int64_t cgroup_bytes(std::size_t path_length) { return 240 + 4 * static_cast<std::int64_t>(path_length); }

class Census {
 public:
  /// gone_early: the bytes of those that are gone and lived for less than an hour; living: the number of those that
  /// have not vanished. reclaims: their number.
  enum class Of : std::uint8_t { gone_early, living, reclaims };

  Census(Statements& sql, Of of) : sql_(sql), of_(of) {}

  /// One slice. True: it is complete; the next call begins a new one. What is below `without` is not counted.
  /// A directory is looked for only where the total is `more_than` that, for it takes several passes over all cgroups.
  bool step(std::span<const std::string> without = {}, std::int64_t more_than = 0);

  // Of the last one that is complete.
  /// "": there is none.
  const std::string& directory() const { return found_.directory; }
  std::int64_t inside() const { return found_.inside; }
  std::int64_t total() const { return found_.total; }

  void restart() { now_ = {}; }

 private:
  struct State {
    std::string directory;  // whose children are counted
    std::int64_t inside = 0;
    std::int64_t total = 0;
    std::int64_t to_id = 0;  // cgroups, or reclaims, up to this one are
    std::map<std::string, std::int64_t, std::less<>> children;
  };
  void count(std::string_view path, std::int64_t amount);
  bool descend();

  Statements& sql_;
  Of of_;
  State now_;
  State found_;
};

}  // namespace cgmm::store
