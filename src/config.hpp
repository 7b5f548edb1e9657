// SPDX-License-Identifier: Apache-2.0
#pragma once

// What an operator can set: config.toml with the command line's options over it. The shipped config.toml
// documents every key and is kept equal to these defaults by a test. Plain data, and functions without state;
// only load() does I/O (it reads one file). Any thread.

#include <cstdint>
#include <filesystem>
#include <functional>
#include <optional>
#include <span>
#include <stdexcept>
#include <string>
#include <string_view>

#include "base/time.hpp"
#include "core/keep.hpp"
#include "core/near_limit.hpp"
#include "core/policy.hpp"

namespace cgmm::config {

inline constexpr std::string_view kDefaultFile = "/etc/cgroup-memory-manager/config.toml";

/// Which cgroups are watched.
enum class Watch : std::uint8_t { automatic, containers, leaves };
enum class LogLevel : std::uint8_t { trace, debug, info, warn, error, off };

struct Config {
  std::string parent = "auto";
  Watch watch = Watch::automatic;
  std::int64_t max_cgroups = 20'000;  // that are watched
  std::int64_t interval_us = 10 * base::kSecond_us;
  core::Policy policy;  // threshold, reclaim_to, cooldown and the [[rule]] sections
  core::NearLimitBounds near_limit;
  std::string kernel_log = "auto";      // "auto", "off" or a file
  std::string container_logs = "auto";  // "auto", "off" or a directory
  bool dry_run = false;
  bool lock_memory = false;
  std::filesystem::path database = "/var/lib/cgroup-memory-manager/history.db";
  core::Keep keep;
  std::filesystem::path reports_dir = "/etc/cgroup-memory-manager/reports";
  std::optional<LogLevel> log_level;  // nullopt: what RUST_LOG says, else info

  friend bool operator==(const Config&, const Config&);
};

/// The options of the command line that have a key, as typed; they override the file.
struct Overrides {
  std::optional<std::string> parent, threshold, interval, cooldown, database, log_level;
  bool dry_run = false;
};

/// A setting that can't be taken. what() is "FILE:LINE: KEY = VALUE: expected EXPECTED", and for an option
/// "--KEY = VALUE: expected EXPECTED". VALUE is as TOML has it: strings in quotes, control characters
/// escaped. A rule's keys are "rule[1].threshold", counted from 1. Where it is the whole file that can't be
/// taken, what() is "FILE: PROBLEM" or "FILE:LINE: PROBLEM", and key, value and expected are empty.
class ConfigError : public std::runtime_error {
 public:
  /// An empty `where` or `value` is left out of the message.
  ConfigError(std::string where, std::string key, std::string value, std::string expected);
  ConfigError(const std::string& where, const std::string& problem);
  const std::string& key() const { return key_; }
  const std::string& value() const { return value_; }
  const std::string& expected() const { return expected_; }

 private:
  std::string key_, value_, expected_;
};

/// Takes a sentence, for who shall know of it.
using Warn = std::function<void(const std::string& sentence)>;

/// Reads `file` (1 MiB at most); nullopt means kDefaultFile where it exists, else the defaults alone. A file that
/// somebody else may have written decides nothing: one that is neither root's nor the user's who runs us, or that its
/// group or others may write (of a symbolic link, its target). It is an error, or where `warn` is given, told to that.
/// Its directory is not looked at: who may write there can take the file away, but not put in one of his own. Throws
/// ConfigError.
Config load(const std::optional<std::filesystem::path>& file, const Overrides& overrides = {}, const Warn& warn = {});

/// The same from text; `name` stands for the file in errors.
Config parse(std::string_view toml, std::string_view name, const Overrides& overrides = {});

/// The keys a file may have at its top level ([[rule]] aside), and those of a [[rule]].
std::span<const std::string_view> known_keys();
std::span<const std::string_view> known_rule_keys();

/// The level to log at: the option or key where given, else RUST_LOG (`info`, or
/// `cgroup_memory_manager=debug,other=warn`; nullptr: not set; what can't be understood is as if not set),
/// else info.
LogLevel effective_log_level(const Config& config, const char* rust_log);

}  // namespace cgmm::config
