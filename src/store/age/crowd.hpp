// SPDX-License-Identifier: Apache-2.0
#pragma once

// Makes room where one directory has made too much of something, before anybody else loses anything:
// - Cgroups that lived for less than an hour and are gone may take an eighth of the file. Beyond that, those below the
//   directory that has the most of them are dropped, the oldest first, with all that is known of them. Their OOM kills
//   stay, as one row an hour for that directory.
// - Of the directory that has the most living cgroups, the oldest samples are dropped. Those of its first kOwnCgroups
//   cgroups stay.
// - Of the directory that has the most reclaims, the oldest are dropped.

#include <cstdint>
#include <map>
#include <string>

#include "store/age/census.hpp"
#include "store/age/losses.hpp"
#include "store/statement.hpp"

namespace cgmm::store {

class Crowd {
 public:
  static constexpr std::int64_t kOwnCgroups = 64;

  Crowd(Statements& sql, Losses& losses) : sql_(sql), losses_(losses) {}

  // Each does one slice of a few milliseconds, inside a transaction, and returns false when there was nothing to do.

  /// Down to `share_bytes`.
  bool drop_early_gone(std::int64_t now_us, std::int64_t share_bytes);
  /// Down to `share_bytes`, of one directory.
  bool drop_samples(std::int64_t now_us, std::int64_t share_bytes);
  /// Down to `share_bytes`, of all. The last one stays, and so do cooldowns.
  bool drop_reclaims(std::int64_t now_us, std::int64_t share_bytes);

  /// It is in the middle of dropping.
  bool is_busy() const { return !pass_.directory.empty(); }

  /// The transaction was rolled back.
  void undo();

 private:
  struct Pass {              // over the cgroups that are gone early
    std::string directory;   // "": none is under way
    std::int64_t bytes = 0;  // that all of them take, everywhere
    std::int64_t to_cgroup_id = 0;
    std::int64_t dropped_count = 0;
  };
  struct Rest {
    std::int64_t until_us = 0;
    std::int64_t until_id = 0;  // or until there is this cgroup, or reclaim
  };
  struct CrowdRest {
    std::int64_t until_us = 0;
    std::int64_t share_bytes = 0;  // of calls with this share, or more
  };
  struct ReclaimPass {
    std::string directory;   // "": none is under way
    std::int64_t count = 0;  // of all reclaims
    std::int64_t to_reclaim_id = 0;
  };
  struct Thinning {
    std::string directory;            // "": none is chosen
    std::int64_t count = 0;           // of living cgroups below it
    std::int64_t from_cgroup_id = 0;  // those before it stay
    std::int64_t in_scan_from = 0;    // of the scan that is being thinned, those before it are dealt with
  };
  bool drop_next(std::int64_t now_us, std::int64_t share_bytes);
  std::int64_t drop_cgroup(std::int64_t cgroup_id);
  bool choose(std::int64_t now_us, std::int64_t share_bytes, std::int64_t newest_scan_id);

  Statements& sql_;
  Losses& losses_;
  Census gone_{sql_, Census::Of::gone_early};
  Census living_{sql_, Census::Of::living};
  Census reclaims_{sql_, Census::Of::reclaims};
  Pass pass_;
  ReclaimPass reclaim_pass_;
  Rest gone_rest_;
  Rest reclaim_rest_;
  Thinning thinning_;
  CrowdRest crowd_rest_;
  std::map<std::string, std::int64_t> thinned_to_;  // by directory: its samples up to this scan are dropped
};

}  // namespace cgmm::store
