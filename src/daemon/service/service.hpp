// SPDX-License-Identifier: Apache-2.0
#pragma once

// The service: four threads and their channels, the signals, and an end in good order.
//
//   sampler --newest candidates--> reclaimer --reclaims--> recorder
//      \-----------scans, OOM counters, events------------^
//   kernel log -----------OOM kills----------------------^
//
// The calling thread waits for signals: SIGTERM and SIGINT stop (within two seconds, also while a reclaim is under
// way), SIGHUP reloads, SIGUSR1 logs what is going on. Meanwhile it looks after the others (daemon/supervisor), but not
// while it reloads.

#include <cstdint>
#include <filesystem>
#include <functional>
#include <optional>
#include <string>

#include "daemon/service/log.hpp"
#include "daemon/settings.hpp"
#include "store/file/history_file.hpp"

namespace cgmm::daemon {

struct ServiceOptions {
  Settings settings;
  Sources sources;
  std::filesystem::path database;      // what is asked for the status stands beside it
  std::optional<std::int64_t> cycles;  // end after this many scans
  std::string version;
  std::function<Settings()> reload;  // throws when the new configuration can't be taken
};

/// Runs until a signal or the last cycle; wants await_signals() called before. Returns the process's exit code. Throws
/// what the hierarchy refuses, before the first scan; StoreError where the history is refused for good when it is
/// opened, on the recorder's thread; and std::runtime_error where not all threads can be started. A disk that is full,
/// read-only, broken or hangs is no reason not to protect the node: then it begins without a history.
int run_service(store::HistoryFile& history, const ServiceOptions& options, Log& log);

}  // namespace cgmm::daemon
