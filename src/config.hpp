// SPDX-License-Identifier: Apache-2.0
#pragma once

// The settings: config.toml, overridden by options of the command line. The shipped config.toml documents every key; a
// test keeps it equal to these defaults. Only load() does I/O. Any thread.

#include <cstdint>
#include <filesystem>
#include <functional>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

#include "base/time.hpp"
#include "core/near_limit.hpp"
#include "core/policy.hpp"
#include "core/records.hpp"

namespace cgmm::config {

inline constexpr std::string_view kDefaultFile = "/etc/cgroup-memory-manager/config.toml";

enum class LogLevel : std::uint8_t { trace, debug, info, warn, error, off };

enum class ShippedSamples : std::uint8_t { all, hours, incidents };

/// The table [ship]: where `ship` sends the history. The service only checks it.
struct Ship {
  std::vector<std::string> urls;  // tried in turn; empty: nothing is sent
  std::string database = "cgmm";
  std::string user;                                               // "": the server's default user
  std::string password_file;                                      // "": no password
  std::string ca_file, client_cert_file, client_key_file, proxy;  // "": the system's CAs; none
  std::string node;                                               // "": the host's name
  std::string cluster, zone, pool;                                // labels
  ShippedSamples samples = ShippedSamples::all;
  std::int64_t events_every_us = 5 * base::kSecond_us;
  std::int64_t samples_every_us = 2 * base::kMinute_us;
  std::int64_t batch_rows = 20'000;
  std::int64_t batch_bytes = 4 << 20;  // before compression
  std::string state_file = "/var/lib/cgroup-memory-manager-ship/state.json";

  friend bool operator==(const Ship&, const Ship&) = default;
};

struct Config {
  std::string parent = "auto";
  std::int64_t max_cgroups = 20'000;  // tracked
  std::int64_t interval_us = 10 * base::kSecond_us;
  core::Policy policy;  // threshold, reclaim_to, cooldown and the [[rule]] sections
  core::NearLimitBounds near_limit;
  std::string kernel_log = "auto";      // "auto", "off" or a file
  std::string container_logs = "auto";  // "auto", "off" or a directory
  bool dry_run = false;
  bool lock_memory = false;
  std::filesystem::path database = "/var/lib/cgroup-memory-manager/history.db";
  core::RetentionSettings retention{.samples_us = 100 * base::kDay_us, .archive = true};
  std::filesystem::path reports_dir = "/etc/cgroup-memory-manager/reports";
  std::optional<LogLevel> log_level;  // nullopt: RUST_LOG decides, else info
  Ship ship;
  std::string old_keys;  // a sentence on keys that have got another name; empty: there are none

  friend bool operator==(const Config&, const Config&) = default;
};

/// Options of the command line that override a key of the file, as typed.
struct Overrides {
  std::optional<std::string> parent, threshold, interval, cooldown, policy, database, log_level;
  bool dry_run = false;
};

/// A wrong setting. what() is "FILE:LINE: KEY = VALUE: expected EXPECTED", or for an option "--KEY = VALUE: expected
/// EXPECTED". VALUE is in TOML syntax: strings in quotes, control characters escaped. A rule's keys are
/// "rule[1].threshold", counted from 1. If the whole file is wrong, what() is "FILE: PROBLEM" or "FILE:LINE: PROBLEM".
class ConfigError : public std::runtime_error {
 public:
  /// The message leaves out an empty `where` or `value`.
  ConfigError(const std::string& where, const std::string& key, const std::string& value, const std::string& expected);
  ConfigError(const std::string& where, const std::string& problem);
};

/// Receives a warning.
using Warn = std::function<void(const std::string& sentence)>;

/// Reads `file` (1 MiB at most; a regular file or /dev/null); nullopt: kDefaultFile if it exists, else only the
/// defaults. A file that others than root and the user who runs us may have written is an error, or a warning if `warn`
/// is given. Its directory is not checked: who may write there can remove the file, but not replace it by a trusted
/// one. Throws ConfigError.
Config load(const std::optional<std::filesystem::path>& file, const Overrides& overrides = {}, const Warn& warn = {});

/// The same from text. Errors call the file `name`.
Config parse(std::string_view toml, std::string_view name, const Overrides& overrides = {});

/// The keys of a file's top level (without [[rule]], and those that have got another name), and those of a [[rule]].
std::vector<std::string_view> known_keys();
std::vector<std::string_view> known_rule_keys();
/// Those of [ship], and of its labels.
std::vector<std::string_view> known_ship_keys();
std::vector<std::string_view> known_label_keys();

/// The option or key, else RUST_LOG (`info`, or `cgroup_memory_manager=debug,other=warn`) if it is valid, else info.
LogLevel effective_log_level(const Config& config, const char* rust_log);

}  // namespace cgmm::config
