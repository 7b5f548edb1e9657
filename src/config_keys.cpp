// SPDX-License-Identifier: Apache-2.0
#include "config_keys.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <numeric>
#include <utility>
#include <vector>

#include "base/time.hpp"
#include "base/units.hpp"

namespace cgmm::config {
namespace {

using base::kDay_us;
using base::kHour_us;
using base::kSecond_us;

constexpr std::string_view kThreshold =
    R"(a size such as "512Mi" or "100MB", or a percentage of the cgroup's limit such as "25%")";
constexpr std::string_view kReclaimTo =
    R"("auto", a size such as "256Mi", or a percentage of the cgroup's limit such as "10%")";
constexpr std::string_view kInterval = R"(a duration from "100ms" to "1d" such as "10s", or a number of seconds)";
constexpr std::string_view kCooldown = R"(a duration up to "365d" such as "30s", or a number of seconds)";
constexpr std::string_view kPercentage = R"(a percentage between 0% and 100% such as "10%")";
constexpr std::string_view kRetention = R"(a duration between "1h" and "3650d" such as "2d")";
constexpr std::string_view kBool = "true or false";

using Text = std::optional<std::string>;
using Integer = std::optional<std::int64_t>;

template <class Target, class Result>
bool set(Target& target, const std::optional<Result>& value) {
  if (value) target = *value;
  return value.has_value();
}

/// Not empty, and without NUL, which would truncate a path.
Text text_of(const Value& value) {
  const auto* text = std::get_if<std::string>(&value.held);
  return text && !text->empty() && text->find('\0') == std::string::npos ? Text(*text) : std::nullopt;
}

std::optional<bool> bool_of(const Value& value) {
  const auto* flag = std::get_if<bool>(&value.held);
  return flag ? std::optional(*flag) : std::nullopt;
}

Integer within(Integer value, std::int64_t min, std::int64_t max) {
  return value && *value >= min && *value <= max ? value : std::nullopt;
}

Integer count_of(const Value& value, std::int64_t min, std::int64_t max) {
  const auto* count = std::get_if<std::int64_t>(&value.held);
  return count ? within(*count, min, max) : std::nullopt;
}

std::optional<core::Threshold> threshold_of(const Value& value) {
  if (const Integer bytes = count_of(value, 0, INT64_MAX)) {
    return core::Threshold::of_bytes(static_cast<std::uint64_t>(*bytes));
  }
  const Text text = text_of(value);
  return text ? core::Threshold::parse(*text) : std::nullopt;
}

/// A percentage must have its sign, because without it both 0.1 and 10 could be meant.
std::optional<double> percentage_of(const Value& value) {
  const auto share = text_of(value) ? threshold_of(value) : std::nullopt;
  return share ? share->percent() : std::nullopt;
}

Integer size_of(const Value& value, std::int64_t min_bytes, std::int64_t max_bytes) {
  const auto size = threshold_of(value);
  const auto bytes = size ? size->bytes(std::nullopt) : std::nullopt;
  return bytes ? within(static_cast<std::int64_t>(*bytes), min_bytes, max_bytes) : std::nullopt;
}

Integer duration_us_of(const Value& value, std::int64_t min_us, std::int64_t max_us) {
  if (const Text text = text_of(value)) return within(base::parse_duration_us(*text), min_us, max_us);
  double seconds = -1;
  if (const auto* whole = std::get_if<std::int64_t>(&value.held)) seconds = static_cast<double>(*whole);
  if (const auto* real = std::get_if<double>(&value.held)) seconds = *real;
  constexpr double kMax_s = 1e10;                                 // far above every bound, and exact in microseconds
  if (!(seconds >= 0 && seconds <= kMax_s)) return std::nullopt;  // also refuses nan
  return within(std::llround(seconds * 1e6), min_us, max_us);
}

Integer cooldown_us_of(const Value& value) { return duration_us_of(value, 0, 365 * kDay_us); }

Integer retention_us_of(const Value& value) { return duration_us_of(value, kHour_us, 3650 * kDay_us); }

/// Where something is read from.
Text source_of(const Value& value) {
  const Text text = text_of(value);
  return text && (*text == "auto" || *text == "off" || text->starts_with('/')) ? text : std::nullopt;
}

/// Refuses a glob that begins with a letter: it would match nothing, because a path begins with '/'.
Text glob_of(const Value& value) {
  const Text text = text_of(value);
  return text && std::string_view{"/*?["}.find(text->front()) != std::string_view::npos ? text : std::nullopt;
}

std::optional<Watch> watch_of(const Value& value) {
  const Text text = text_of(value);
  if (text == "auto") return Watch::automatic;
  if (text == "containers") return Watch::containers;
  return text == "leaves" ? std::optional(Watch::leaves) : std::nullopt;
}

std::optional<LogLevel> log_level_of(const Value& value) {
  const Text text = text_of(value);
  return text ? parse_log_level(*text) : std::nullopt;
}

bool set_reclaim_to(const Value& value, std::optional<core::Threshold>& target) {
  if (text_of(value) != "auto") return set(target, threshold_of(value));
  target.reset();
  return true;
}

bool set_step(const Value& value, std::uint64_t& target_bytes) {
  const Integer bytes = size_of(value, 4096, INT64_MAX);
  if (bytes) target_bytes = static_cast<std::uint64_t>(*bytes);
  return bytes.has_value();
}

constexpr auto kConfigKeys = std::to_array<Key<Config>>({
    {"parent", R"("auto" or the path of a directory)",
     [](const Value& v, Config& c) { return set(c.parent, text_of(v)); }},
    {"watch", R"("auto", "containers" or "leaves")",
     [](const Value& v, Config& c) { return set(c.watch, watch_of(v)); }},
    {"max_cgroups", "a number of cgroups between 1 and 100000",
     [](const Value& v, Config& c) { return set(c.max_cgroups, count_of(v, 1, 100'000)); }},
    {"threshold", kThreshold,
     [](const Value& v, Config& c) { return set(c.policy.defaults.threshold, threshold_of(v)); }},
    {"reclaim_to", kReclaimTo,
     [](const Value& v, Config& c) { return set_reclaim_to(v, c.policy.defaults.reclaim_to); }},
    {"reclaim_step", R"(a size of at least "4KiB", such as "64MiB")",
     [](const Value& v, Config& c) { return set_step(v, c.policy.bounds.step_bytes); }},
    {"reclaim_timeout", R"(a duration between "100ms" and "1h" such as "10s")",
     [](const Value& v, Config& c) {
       return set(c.policy.bounds.timeout_us, duration_us_of(v, kSecond_us / 10, kHour_us));
     }},
    {"max_pressure", kPercentage,
     [](const Value& v, Config& c) { return set(c.policy.bounds.max_pressure_pct, percentage_of(v)); }},
    {"interval", kInterval,
     [](const Value& v, Config& c) { return set(c.interval_us, duration_us_of(v, kSecond_us / 10, kDay_us)); }},
    {"cooldown", kCooldown,
     [](const Value& v, Config& c) { return set(c.policy.defaults.cooldown_us, cooldown_us_of(v)); }},
    {"adaptive", kBool, [](const Value& v, Config& c) { return set(c.policy.learning.adaptive, bool_of(v)); }},
    {"max_cooldown", kCooldown,
     [](const Value& v, Config& c) { return set(c.policy.learning.max_cooldown_us, cooldown_us_of(v)); }},
    {"observe_for", R"(a duration between "1s" and "1h" such as "5m")",
     [](const Value& v, Config& c) {
       return set(c.policy.learning.observe_for_us, duration_us_of(v, kSecond_us, kHour_us));
     }},
    {"watch_over", kPercentage, [](const Value& v, Config& c) { return set(c.near_limit.over_pct, percentage_of(v)); }},
    {"watch_max", "a number of cgroups between 0 and 1000",
     [](const Value& v, Config& c) { return set(c.near_limit.max_count, count_of(v, 0, 1000)); }},
    {"kernel_log", R"("auto", "off" or the path of a file such as "/dev/kmsg")",
     [](const Value& v, Config& c) { return set(c.kernel_log, source_of(v)); }},
    {"container_logs", R"("auto", "off" or the path of a directory such as "/var/log")",
     [](const Value& v, Config& c) { return set(c.container_logs, source_of(v)); }},
    {"dry_run", kBool, [](const Value& v, Config& c) { return set(c.dry_run, bool_of(v)); }},
    {"lock_memory", kBool, [](const Value& v, Config& c) { return set(c.lock_memory, bool_of(v)); }},
    {"database", "the path of a file", [](const Value& v, Config& c) { return set(c.database, text_of(v)); }},
    {"max_size", R"(a size between "32MiB" and "1TiB" such as "1GiB")",
     [](const Value& v,
        Config&
            c) { return set(c.retention.max_size_bytes, size_of(v, std::int64_t{32} << 20, std::int64_t{1} << 40)); }},
    {"keep_samples", kRetention,
     [](const Value& v, Config& c) { return set(c.retention.samples_us, retention_us_of(v)); }},
    {"keep_incidents", kRetention,
     [](const Value& v, Config& c) { return set(c.retention.incidents_us, retention_us_of(v)); }},
    {"keep_hours", kRetention, [](const Value& v, Config& c) { return set(c.retention.hours_us, retention_us_of(v)); }},
    {"keep_events", kRetention,
     [](const Value& v, Config& c) { return set(c.retention.events_us, retention_us_of(v)); }},
    {"reports_dir", "the path of a directory",
     [](const Value& v, Config& c) { return set(c.reports_dir, text_of(v)); }},
    {"log_level", R"("trace", "debug", "info", "warn", "error" or "off")",
     [](const Value& v, Config& c) { return set(c.log_level, log_level_of(v)); }},
});

constexpr auto kRuleKeys = std::to_array<Key<core::Rule>>({
    {"cgroup", R"(a glob on the cgroup's path, from its leading / on, such as "/kubepods/*" or "*/nginx*")",
     [](const Value& v, core::Rule& r) { return set(r.cgroup, glob_of(v)); }},
    {"threshold", kThreshold, [](const Value& v, core::Rule& r) { return set(r.threshold, threshold_of(v)); }},
    {"cooldown", kCooldown, [](const Value& v, core::Rule& r) { return set(r.cooldown_us, cooldown_us_of(v)); }},
    {"reclaim", kBool, [](const Value& v, core::Rule& r) { return set(r.reclaim, bool_of(v)); }},
});

template <class Target>
std::vector<std::string_view> names_of(std::span<const Key<Target>> keys) {
  std::vector<std::string_view> names;
  for (const Key<Target>& key : keys) names.push_back(key.name);
  return names;
}

/// How many characters must be inserted, deleted or replaced to change one into the other (Levenshtein).
std::size_t edit_distance(std::string_view a, std::string_view b) {
  std::vector<std::size_t> row(b.size() + 1);
  std::iota(row.begin(), row.end(), std::size_t{0});
  for (std::size_t i = 0; i < a.size(); ++i) {
    std::size_t diagonal = std::exchange(row[0], i + 1);
    for (std::size_t j = 0; j < b.size(); ++j) {
      const std::size_t replaced = diagonal + (a[i] == b[j] ? 0 : 1);
      diagonal = row[j + 1];
      row[j + 1] = std::min({replaced, row[j] + 1, diagonal + 1});
    }
  }
  return row.back();
}

}  // namespace

std::span<const Key<Config>> config_keys() { return kConfigKeys; }
std::span<const Key<core::Rule>> rule_keys() { return kRuleKeys; }
std::vector<std::string_view> known_keys() { return names_of<Config>(kConfigKeys); }
std::vector<std::string_view> known_rule_keys() { return names_of<core::Rule>(kRuleKeys); }

std::string expected_instead_of(std::string_view unknown, std::span<const std::string_view> known) {
  constexpr std::size_t kNear = 2;
  std::string all;
  std::string_view nearest;
  std::size_t nearest_distance = kNear + 1;
  for (const auto name : known) {
    all.append(all.empty() ? "one of " : ", ").append(name);
    if (unknown.size() > name.size() + kNear) continue;
    const auto distance = edit_distance(unknown, name);
    if (distance >= nearest_distance) continue;
    nearest = name;
    nearest_distance = distance;
  }
  return nearest.empty() ? all : "a known key; did you mean " + in_quotes(nearest) + "?";
}

std::optional<LogLevel> parse_log_level(std::string_view text) {
  constexpr auto kLevels =
      std::to_array<std::string_view>({"trace", "debug", "info", "warn", "error", "off"});  // as in LogLevel
  std::string lower(text);
  for (char& c : lower) c = c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  if (lower == "warning") return LogLevel::warn;
  const auto* const found = std::ranges::find(kLevels, lower);
  return found != kLevels.end() ? std::optional(static_cast<LogLevel>(found - kLevels.begin())) : std::nullopt;
}

std::string in_quotes(std::string_view text) {
  constexpr std::string_view kHex = "0123456789abcdef";
  constexpr std::size_t kMaxShown = 100;
  std::size_t end = std::min(text.size(), kMaxShown);
  if (end < text.size()) {  // do not split a UTF-8 character
    while (end > 0 && (static_cast<unsigned char>(text[end]) & 0xc0U) == 0x80) --end;
  }
  std::string shown = "\"";
  for (const char c : text.substr(0, end)) {
    const auto byte = static_cast<unsigned char>(c);
    if (c == '"' || c == '\\') {
      shown.append({'\\', c});
    } else if (c == '\n' || c == '\t' || c == '\r') {
      shown.append({'\\', c == '\n' ? 'n' : c == '\t' ? 't' : 'r'});
    } else if (byte < 0x20 || byte == 0x7f) {
      shown.append("\\u00").append({kHex[byte >> 4U], kHex[byte & 0xfU]});
    } else {
      shown.push_back(c);
    }
  }
  return shown + (end < text.size() ? "...\"" : "\"");
}

}  // namespace cgmm::config
