// SPDX-License-Identifier: Apache-2.0
#pragma once

// The service: three threads and their channels, the signals, and an end in good order.
//
//   sampler --newest candidates--> reclaimer --reclaims--> recorder
//      \-----------scans, OOM kills, events---------------^
//
// The calling thread waits for signals: SIGTERM and SIGINT stop (within two seconds, also while a reclaim is under
// way), SIGHUP reloads.

#include <cstdint>
#include <functional>
#include <optional>
#include <string>

#include "core/policy.hpp"
#include "core/records.hpp"
#include "kernel/tree.hpp"
#include "store/history.hpp"

namespace cgmm::daemon {

/// What may change while the service runs.
struct Settings {
  std::string parent;  // "auto" or a directory
  kernel::Watch watch = kernel::Watch::automatic;
  std::int64_t interval_us = 10'000'000;
  core::Policy policy;
  bool dry_run = false;

  /// In one line, for the log and the history.
  std::string to_string() const;
};

struct ServiceOptions {
  Settings settings;
  std::optional<std::int64_t> cycles;  // end after this many scans
  std::string version;
  std::function<Settings()> reload;    // throws when the new configuration can't be taken
};

/// From now on SIGTERM, SIGINT and SIGHUP wait until run_service fetches them; threads that are started later inherit it.
/// To be called before anything is opened, so that a signal at the start is not the end.
void await_signals();

/// The hierarchy that a parent setting means. Throws kernel::HierarchyError.
kernel::Hierarchy hierarchy_for(const std::string& parent);

/// Runs until a signal or the last cycle; wants await_signals() called before. Returns the process's exit code. Throws before the first scan only: what the
/// history or the hierarchy refuses.
int run_service(store::History& history, const ServiceOptions& options);

}  // namespace cgmm::daemon
