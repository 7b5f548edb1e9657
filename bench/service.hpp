// SPDX-License-Identifier: Apache-2.0
#pragma once

// The program as it ships, started as a child: when its scans are due, how fast it starts and stops, what it has on
// record.

#include <cstdint>
#include <filesystem>
#include <string>

#include "process.hpp"

namespace cgmm::bench {

class Service {
 public:
  struct Options {
    std::filesystem::path program;
    std::filesystem::path parent;     // what it watches
    std::filesystem::path cgroup;     // that it runs in
    std::filesystem::path directory;  // for its database, made by it, and its log
    std::int64_t interval_us = 10'000'000;
  };
  /// Runs with the default configuration, but for a threshold that nothing can be over. Returns when its first scan is
  /// on record.
  explicit Service(Options options);

  pid_t pid() const { return child_.pid(); }
  std::filesystem::path database() const { return options_.directory / "history.db"; }

  /// From exec until the first scan was on record.
  std::int64_t start_us() const { return start_us_; }
  /// When the next scan after `now_us` is due (steady clock).
  std::int64_t next_scan_at_us(std::int64_t now_us) const;

  /// SIGTERM; how long until it had ended. Throws where it did not end in order.
  std::int64_t stop();

  /// Of one row and one column. The database is read beside it.
  std::int64_t ask(const std::string& sql) const;

 private:
  Options options_;
  std::int64_t exec_at_us_;
  Child child_;
  std::int64_t start_us_ = 0;
  std::int64_t first_scan_at_us_ = 0;
};

}  // namespace cgmm::bench
