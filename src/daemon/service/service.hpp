// SPDX-License-Identifier: Apache-2.0
#pragma once

// The service: four threads and their channels (src/README.md has the picture), the signals, and a stop within two
// seconds. The calling thread waits for signals: SIGTERM and SIGINT stop, SIGHUP reloads, SIGUSR1 logs the status.

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
/// what the hierarchy refuses, before the first scan; StoreError where the history is refused for good; and
/// std::runtime_error where not all threads can be started.
int run_service(store::HistoryFile& history, const ServiceOptions& options, Log& log);

}  // namespace cgmm::daemon
