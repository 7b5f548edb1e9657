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

using Expected = std::optional<std::string_view>;
constexpr Expected kTaken = std::nullopt;

constexpr std::string_view kThresholdExpected =
    R"(a size such as "512Mi" or "100MB", or a percentage of the cgroup's limit such as "25%")";
constexpr std::string_view kReclaimToExpected =
    R"("auto", a size such as "256Mi", or a percentage of the cgroup's limit such as "10%")";
constexpr std::string_view kPercentExpected = "a percentage between 0% and 100%";
constexpr std::string_view kIntervalExpected =
    R"(a duration from "100ms" to "1d" such as "10s", or a number of seconds)";
constexpr std::string_view kCooldownExpected = R"(a duration up to "365d" such as "30s", or a number of seconds)";
constexpr std::string_view kStepExpected = R"(a size of at least "4KiB", such as "64MiB")";
constexpr std::string_view kTimeoutExpected = R"(a duration between "100ms" and "1h" such as "10s")";
constexpr std::string_view kPercentageExpected = R"(a percentage between 0% and 100% such as "10%")";
constexpr std::string_view kCountExpected = "a number of cgroups between 0 and 1000";
constexpr std::string_view kMaxCgroupsExpected = "a number of cgroups between 1 and 100000";
constexpr std::string_view kKernelLogExpected = R"("auto", "off" or the path of a file such as "/dev/kmsg")";
constexpr std::string_view kContainerLogsExpected = R"("auto", "off" or the path of a directory such as "/var/log")";
constexpr std::string_view kObserveExpected = R"(a duration between "1s" and "1h" such as "5m")";
constexpr std::string_view kMaxSizeExpected = R"(a size between "32MiB" and "1TiB" such as "1GiB")";
constexpr std::string_view kRetentionExpected = R"(a duration between "1h" and "3650d" such as "2d")";
constexpr std::string_view kBoolExpected = "true or false";

constexpr std::int64_t kMinIntervalUs = 100'000;
constexpr std::int64_t kMaxIntervalUs = base::kDay_us;
constexpr std::int64_t kMaxCooldownUs = 365 * kMaxIntervalUs;
constexpr std::uint64_t kMinStepBytes = 4096;
constexpr std::uint64_t kMinMaxSizeBytes = 32ULL << 20;
constexpr std::uint64_t kMaxMaxSizeBytes = 1ULL << 40;
constexpr std::int64_t kMinTimeoutUs = 100'000;
constexpr std::int64_t kMaxWatched = 1000;
constexpr std::int64_t kMaxMaxCgroups = 100'000;
constexpr std::int64_t kMinRetentionUs = base::kHour_us;
constexpr std::int64_t kMaxRetentionUs = 3650 * kMaxIntervalUs;

/// The value if it is a valid text: not empty, and without NUL, which would truncate a path. Else nullptr.
const std::string* text_of(const Value& value) {
  const auto* text = std::get_if<std::string>(&value.held);
  return text && !text->empty() && text->find('\0') == std::string::npos ? text : nullptr;
}

std::optional<core::Threshold> threshold_of(const Value& value) {
  if (const auto* bytes = std::get_if<std::int64_t>(&value.held); bytes && *bytes >= 0) {
    return core::Threshold::of_bytes(static_cast<std::uint64_t>(*bytes));
  }
  const auto* text = text_of(value);
  return text ? core::Threshold::parse(*text) : std::nullopt;
}

/// What was expected, for a wrong threshold.
std::string_view threshold_expected(const Value& value, std::string_view otherwise) {
  const auto* text = text_of(value);
  return text && text->ends_with('%') ? kPercentExpected : otherwise;
}

std::optional<std::int64_t> duration_us_of(const Value& value) {
  if (const auto* text = text_of(value)) return base::parse_duration_us(*text);
  double seconds = -1;
  if (const auto* whole = std::get_if<std::int64_t>(&value.held)) seconds = static_cast<double>(*whole);
  if (const auto* real = std::get_if<double>(&value.held)) seconds = *real;
  constexpr double kMaxSeconds = 1e10;  // far above every bound, and exact in microseconds
  if (!(seconds >= 0 && seconds <= kMaxSeconds)) return std::nullopt;  // also refuses nan
  return std::llround(seconds * 1e6);
}

Expected take_threshold(const Value& value, std::optional<core::Threshold>& target) {
  const auto threshold = threshold_of(value);
  if (!threshold) return threshold_expected(value, kThresholdExpected);
  target = threshold;
  return kTaken;
}

Expected take_reclaim_to(const Value& value, std::optional<core::Threshold>& target) {
  if (const auto* text = text_of(value); text && *text == "auto") {
    target.reset();
    return kTaken;
  }
  const auto threshold = threshold_of(value);
  if (!threshold) return threshold_expected(value, kReclaimToExpected);
  target = threshold;
  return kTaken;
}

struct Range {
  std::int64_t min_us, max_us;
};

Expected take_duration(const Value& value, std::int64_t& target_us, Range range, std::string_view expected) {
  const auto us = duration_us_of(value);
  if (!us || *us < range.min_us || *us > range.max_us) return expected;
  target_us = *us;
  return kTaken;
}

Expected take_retention(const Value& value, std::int64_t& target_us) {
  return take_duration(value, target_us, {kMinRetentionUs, kMaxRetentionUs}, kRetentionExpected);
}

/// A size in bytes; nullopt for a percentage and for anything else.
std::optional<std::uint64_t> size_bytes_of(const Value& value) {
  const auto size = threshold_of(value);
  return size ? size->bytes(std::nullopt) : std::nullopt;
}

Expected take_max_size(const Value& value, std::int64_t& target_bytes) {
  const auto bytes = size_bytes_of(value);
  if (!bytes || *bytes < kMinMaxSizeBytes || *bytes > kMaxMaxSizeBytes) return kMaxSizeExpected;
  target_bytes = static_cast<std::int64_t>(*bytes);
  return kTaken;
}

Expected take_step(const Value& value, std::uint64_t& target_bytes) {
  const auto bytes = size_bytes_of(value);
  if (!bytes || *bytes < kMinStepBytes) return kStepExpected;
  target_bytes = *bytes;
  return kTaken;
}

/// A percentage must have its sign, because without it both 0.1 and 10 could be meant.
Expected take_percentage(const Value& value, double& target_pct) {
  const auto* text = text_of(value);
  const auto share = text ? core::Threshold::parse(*text) : std::nullopt;
  if (!share || !share->percent()) return kPercentageExpected;
  target_pct = *share->percent();
  return kTaken;
}

Expected take_cooldown(const Value& value, std::optional<std::int64_t>& target_us) {
  const auto us = duration_us_of(value);
  if (!us || *us > kMaxCooldownUs) return kCooldownExpected;
  target_us = us;
  return kTaken;
}

Expected take_parent(const Value& value, std::string& target) {
  const auto* text = text_of(value);
  if (!text) return R"("auto" or the path of a directory)";
  target = *text;
  return kTaken;
}

struct CountRange {
  std::int64_t min, max;
};

Expected take_count(const Value& value, std::int64_t& target, CountRange range, std::string_view expected) {
  const auto* count = std::get_if<std::int64_t>(&value.held);
  if (!count || *count < range.min || *count > range.max) return expected;
  target = *count;
  return kTaken;
}

Expected take_source(const Value& value, std::string& target, std::string_view expected) {
  const auto* text = text_of(value);
  if (!text || !(*text == "auto" || *text == "off" || text->starts_with('/'))) return expected;
  target = *text;
  return kTaken;
}

Expected take_watch(const Value& value, Watch& target) {
  constexpr std::array<std::pair<std::string_view, Watch>, 3> kWords = {
      {{"auto", Watch::automatic}, {"containers", Watch::containers}, {"leaves", Watch::leaves}}};
  const auto* text = text_of(value);
  const auto word = std::find_if(kWords.begin(), kWords.end(), [&](const auto& w) { return text && *text == w.first; });
  if (word == kWords.end()) return R"("auto", "containers" or "leaves")";
  target = word->second;
  return kTaken;
}

Expected take_path(const Value& value, std::filesystem::path& target, std::string_view expected) {
  const auto* text = text_of(value);
  if (!text) return expected;
  target = *text;
  return kTaken;
}

Expected take_log_level(const Value& value, std::optional<LogLevel>& target) {
  const auto* text = text_of(value);
  const auto level = text ? parse_log_level(*text) : std::nullopt;
  if (!level) return R"("trace", "debug", "info", "warn", "error" or "off")";
  target = level;
  return kTaken;
}

/// For a bool or an optional bool.
template <class Target>
Expected take_bool(const Value& value, Target& target) {
  const auto* flag = std::get_if<bool>(&value.held);
  if (!flag) return kBoolExpected;
  target = *flag;
  return kTaken;
}

/// Refuses a glob that begins with a letter: it would match nothing, because a path begins with '/'.
Expected take_glob(const Value& value, std::string& target) {
  const auto* text = text_of(value);
  if (!text || std::string_view{"/*?["}.find(text->front()) == std::string_view::npos) {
    return R"(a glob on the cgroup's path, from its leading / on, such as "/kubepods/*" or "*/nginx*")";
  }
  target = *text;
  return kTaken;
}

/// Lets a function for optional values (of a rule) set a setting that always has a value.
template <class T, class Take>
Expected take_always(const Value& value, T& target, Take take) {
  std::optional<T> taken;
  const auto expected = take(value, taken);
  if (taken) target = *taken;
  return expected;
}

constexpr std::array<Key<Config>, 27> kConfigKeys = {{
    {"parent", [](const Value& v, Config& c) { return take_parent(v, c.parent); }},
    {"watch", [](const Value& v, Config& c) { return take_watch(v, c.watch); }},
    {"max_cgroups",
     [](const Value& v, Config& c) { return take_count(v, c.max_cgroups, {1, kMaxMaxCgroups}, kMaxCgroupsExpected); }},
    {"threshold",
     [](const Value& v, Config& c) { return take_always(v, c.policy.defaults.threshold, take_threshold); }},
    {"reclaim_to", [](const Value& v, Config& c) { return take_reclaim_to(v, c.policy.defaults.reclaim_to); }},
    {"reclaim_step", [](const Value& v, Config& c) { return take_step(v, c.policy.bounds.step_bytes); }},
    {"reclaim_timeout",
     [](const Value& v, Config& c) {
       return take_duration(v, c.policy.bounds.timeout_us, {kMinTimeoutUs, base::kHour_us}, kTimeoutExpected);
     }},
    {"max_pressure", [](const Value& v, Config& c) { return take_percentage(v, c.policy.bounds.max_pressure_pct); }},
    {"interval",
     [](const Value& v, Config& c) {
       return take_duration(v, c.interval_us, {kMinIntervalUs, kMaxIntervalUs}, kIntervalExpected);
     }},
    {"cooldown",
     [](const Value& v, Config& c) { return take_always(v, c.policy.defaults.cooldown_us, take_cooldown); }},
    {"adaptive", [](const Value& v, Config& c) { return take_bool(v, c.policy.learning.adaptive); }},
    {"max_cooldown",
     [](const Value& v, Config& c) {
       return take_duration(v, c.policy.learning.max_cooldown_us, {0, kMaxCooldownUs}, kCooldownExpected);
     }},
    {"observe_for",
     [](const Value& v, Config& c) {
       return take_duration(v, c.policy.learning.observe_for_us, {base::kSecond_us, base::kHour_us}, kObserveExpected);
     }},
    {"watch_over", [](const Value& v, Config& c) { return take_percentage(v, c.near_limit.over_pct); }},
    {"watch_max",
     [](const Value& v, Config& c) { return take_count(v, c.near_limit.max_count, {0, kMaxWatched}, kCountExpected); }},
    {"kernel_log", [](const Value& v, Config& c) { return take_source(v, c.kernel_log, kKernelLogExpected); }},
    {"container_logs",
     [](const Value& v, Config& c) { return take_source(v, c.container_logs, kContainerLogsExpected); }},
    {"dry_run", [](const Value& v, Config& c) { return take_bool(v, c.dry_run); }},
    {"lock_memory", [](const Value& v, Config& c) { return take_bool(v, c.lock_memory); }},
    {"database", [](const Value& v, Config& c) { return take_path(v, c.database, "the path of a file"); }},
    {"max_size", [](const Value& v, Config& c) { return take_max_size(v, c.retention.max_size_bytes); }},
    {"keep_samples", [](const Value& v, Config& c) { return take_retention(v, c.retention.samples_us); }},
    {"keep_incidents", [](const Value& v, Config& c) { return take_retention(v, c.retention.incidents_us); }},
    {"keep_hours", [](const Value& v, Config& c) { return take_retention(v, c.retention.hours_us); }},
    {"keep_events", [](const Value& v, Config& c) { return take_retention(v, c.retention.events_us); }},
    {"reports_dir", [](const Value& v, Config& c) { return take_path(v, c.reports_dir, "the path of a directory"); }},
    {"log_level", [](const Value& v, Config& c) { return take_log_level(v, c.log_level); }},
}};

constexpr std::array<Key<core::Rule>, 4> kRuleKeys = {{
    {"cgroup", [](const Value& v, core::Rule& r) { return take_glob(v, r.cgroup); }},
    {"threshold", [](const Value& v, core::Rule& r) { return take_threshold(v, r.threshold); }},
    {"cooldown", [](const Value& v, core::Rule& r) { return take_cooldown(v, r.cooldown_us); }},
    {"reclaim", [](const Value& v, core::Rule& r) { return take_bool(v, r.reclaim); }},
}};

template <class Target, std::size_t kCount>
constexpr std::array<std::string_view, kCount> names_of(const std::array<Key<Target>, kCount>& keys) {
  std::array<std::string_view, kCount> names;
  std::transform(keys.begin(), keys.end(), names.begin(), [](const auto& key) { return key.name; });
  return names;
}
constexpr auto kConfigKeyNames = names_of(kConfigKeys);
constexpr auto kRuleKeyNames = names_of(kRuleKeys);

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
std::span<const std::string_view> known_keys() { return kConfigKeyNames; }
std::span<const std::string_view> known_rule_keys() { return kRuleKeyNames; }

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
  constexpr std::array<std::pair<std::string_view, LogLevel>, 7> kLevels = {{{"trace", LogLevel::trace},
                                                                             {"debug", LogLevel::debug},
                                                                             {"info", LogLevel::info},
                                                                             {"warn", LogLevel::warn},
                                                                             {"warning", LogLevel::warn},
                                                                             {"error", LogLevel::error},
                                                                             {"off", LogLevel::off}}};
  const auto same_letter = [](char a, char b) { return (a >= 'A' && a <= 'Z' ? a - 'A' + 'a' : a) == b; };
  for (const auto& [name, level] : kLevels) {
    if (std::equal(text.begin(), text.end(), name.begin(), name.end(), same_letter)) return level;
  }
  return std::nullopt;
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
