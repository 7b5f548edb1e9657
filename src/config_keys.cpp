// SPDX-License-Identifier: Apache-2.0
#include "config_keys.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <initializer_list>
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

/// Sets `target` to what `parse` makes of a value.
template <class Target, class Parse>
std::function<bool(const Value&)> into(Target& target, Parse parse) {
  return [&target, parse](const Value& value) {
    const auto parsed = parse(value);
    if (parsed) target = static_cast<Target>(*parsed);
    return parsed.has_value();
  };
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

auto count(std::int64_t min, std::int64_t max) {
  return [=](const Value& value) -> Integer {
    const auto* count = std::get_if<std::int64_t>(&value.held);
    return count ? within(*count, min, max) : std::nullopt;
  };
}

std::optional<core::Threshold> threshold_of(const Value& value) {
  if (const Integer bytes = count(0, INT64_MAX)(value)) {
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

auto size(std::int64_t min_bytes, std::int64_t max_bytes) {
  return [=](const Value& value) -> Integer {
    const auto size = threshold_of(value);
    const auto bytes = size ? size->bytes(std::nullopt) : std::nullopt;
    return bytes ? within(static_cast<std::int64_t>(*bytes), min_bytes, max_bytes) : std::nullopt;
  };
}

auto duration(std::int64_t min_us, std::int64_t max_us) {
  return [=](const Value& value) -> Integer {
    if (const Text text = text_of(value)) return within(base::parse_duration_us(*text), min_us, max_us);
    double seconds = -1;
    if (const auto* whole = std::get_if<std::int64_t>(&value.held)) seconds = static_cast<double>(*whole);
    if (const auto* real = std::get_if<double>(&value.held)) seconds = *real;
    constexpr double kMax_s = 1e10;                                 // far above every bound, and exact in microseconds
    if (!(seconds >= 0 && seconds <= kMax_s)) return std::nullopt;  // also refuses nan
    return within(std::llround(seconds * 1e6), min_us, max_us);
  };
}

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

std::optional<core::ReclaimScope> scope_of(const Value& value) {
  const Text text = text_of(value);
  if (text == "auto") return core::ReclaimScope::automatic;
  if (text == "containers") return core::ReclaimScope::containers;
  return text == "all" ? std::optional(core::ReclaimScope::all) : std::nullopt;
}

/// The key that reclaim_scope has replaced.
std::optional<core::ReclaimScope> watch_of(const Value& value) {
  if (text_of(value) == "leaves") return core::ReclaimScope::all;
  const auto scope = scope_of(value);
  return scope == core::ReclaimScope::all ? std::nullopt : scope;
}

std::optional<core::ReclaimPolicy> policy_of(const Value& value) {
  const Text text = text_of(value);
  if (text == "target") return core::ReclaimPolicy::target;
  if (text == "idle") return core::ReclaimPolicy::idle;
  return text == "rust" ? std::optional(core::ReclaimPolicy::rust) : std::nullopt;
}

std::optional<LogLevel> log_level_of(const Value& value) {
  const Text text = text_of(value);
  return text ? parse_log_level(*text) : std::nullopt;
}

/// nullopt within: "auto".
std::optional<std::optional<core::Threshold>> reclaim_to_of(const Value& value) {
  const auto threshold = threshold_of(value);
  if (!threshold && text_of(value) != "auto") return std::nullopt;
  return std::make_optional(threshold);
}

Text absolute_of(const Value& value) {
  const Text text = text_of(value);
  return text && text->starts_with('/') ? text : std::nullopt;
}

Text label_of(const Value& value) {
  constexpr std::size_t kMost = 128;
  const Text text = text_of(value);
  const auto is_control = [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7f; };
  return text && text->size() <= kMost && std::ranges::none_of(*text, is_control) ? text : std::nullopt;
}

/// It becomes part of SQL.
Text identifier_of(const Value& value) {
  const Text text = label_of(value);
  const auto is_part = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
  };
  const bool is_name = text && std::ranges::all_of(*text, is_part) && !(text->front() >= '0' && text->front() <= '9');
  return is_name ? text : std::nullopt;
}

bool is_url(std::string_view text, std::initializer_list<std::string_view> schemes) {
  return text.find_first_of(" \t\r\n\"") == std::string_view::npos &&
         std::ranges::any_of(schemes,
                             [&](std::string_view s) { return text.starts_with(s) && text.size() > s.size(); });
}

Text proxy_of(const Value& value) {
  const Text text = text_of(value);
  return text && is_url(*text, {"http://"}) ? text : std::nullopt;
}

std::optional<std::vector<std::string>> urls_of(const Value& value) {
  std::vector<std::string> urls;
  if (const auto* list = std::get_if<std::vector<std::string>>(&value.held)) urls = *list;
  if (const auto* one = std::get_if<std::string>(&value.held)) urls = {*one};
  const auto is_address = [](const std::string& url) { return is_url(url, {"http://", "https://"}); };
  return !urls.empty() && std::ranges::all_of(urls, is_address) ? std::optional(urls) : std::nullopt;
}

std::optional<ShippedSamples> shipped_samples_of(const Value& value) {
  const Text text = text_of(value);
  if (text == "all") return ShippedSamples::all;
  if (text == "hours") return ShippedSamples::hours;
  return text == "incidents" ? std::optional(ShippedSamples::incidents) : std::nullopt;
}

std::vector<std::string_view> names_of(const Keys& keys) {
  std::vector<std::string_view> names;
  for (const Key& key : keys) {
    if (key.name != "watch") names.push_back(key.name);
  }
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

Keys keys_of(Config& config) {
  core::ReclaimSettings& defaults = config.policy.defaults;
  core::ReclaimBounds& bounds = config.policy.bounds;
  core::Learning& learning = config.policy.learning;
  core::RetentionSettings& retention = config.retention;
  const auto cooldown = duration(0, 365 * kDay_us);
  const auto kept_for = duration(kHour_us, 3650 * kDay_us);
  return {
      {"parent", R"("auto" or the path of a directory)", into(config.parent, text_of)},
      {"reclaim_scope", R"("auto", "containers" or "all")", into(config.policy.scope, scope_of)},
      {"watch", R"("auto", "containers" or "leaves")", into(config.policy.scope, watch_of)},
      {"max_cgroups", "a number of cgroups between 1 and 100000", into(config.max_cgroups, count(1, 100'000))},
      {"threshold", kThreshold, into(defaults.threshold, threshold_of)},
      {"reclaim_to", kReclaimTo, into(defaults.reclaim_to, reclaim_to_of)},
      {"policy", R"("target", "idle" or "rust")", into(defaults.policy, policy_of)},
      {"reclaim_step", R"(a size of at least "4KiB", such as "64MiB")", into(bounds.step_bytes, size(4096, INT64_MAX))},
      {"reclaim_timeout", R"(a duration between "100ms" and "1h" such as "10s")",
       into(bounds.timeout_us, duration(kSecond_us / 10, kHour_us))},
      {"max_pressure", kPercentage, into(bounds.max_pressure_pct, percentage_of)},
      {"interval", kInterval, into(config.interval_us, duration(kSecond_us / 10, kDay_us))},
      {"cooldown", kCooldown, into(defaults.cooldown_us, cooldown)},
      {"adaptive", kBool, into(learning.adaptive, bool_of)},
      {"max_cooldown", kCooldown, into(learning.max_cooldown_us, cooldown)},
      {"worth", R"(a duration between "0s" and "1d" such as "5m")", into(learning.worth_us, duration(0, kDay_us))},
      {"observe_for", R"(a duration between "1s" and "1h" such as "5m")",
       into(learning.observe_for_us, duration(kSecond_us, kHour_us))},
      {"watch_over", kPercentage, into(config.near_limit.over_pct, percentage_of)},
      {"watch_max", "a number of cgroups between 0 and 1000", into(config.near_limit.max_count, count(0, 1000))},
      {"kernel_log", R"("auto", "off" or the path of a file such as "/dev/kmsg")", into(config.kernel_log, source_of)},
      {"container_logs", R"("auto", "off" or the path of a directory such as "/var/log")",
       into(config.container_logs, source_of)},
      {"dry_run", kBool, into(config.dry_run, bool_of)},
      {"lock_memory", kBool, into(config.lock_memory, bool_of)},
      {"database", "the path of a file", into(config.database, text_of)},
      {"max_size", R"(a size between "32MiB" and "1TiB" such as "1GiB")",
       into(retention.max_size_bytes, size(std::int64_t{32} << 20, std::int64_t{1} << 40))},
      {"keep_samples", kRetention, into(retention.samples_us, kept_for)},
      {"archive", kBool, into(retention.archive, bool_of)},
      {"archive_after", kRetention, into(retention.archive_after_us, kept_for)},
      {"keep_incidents", kRetention, into(retention.incidents_us, kept_for)},
      {"keep_hours", kRetention, into(retention.hours_us, kept_for)},
      {"keep_events", kRetention, into(retention.events_us, kept_for)},
      {"reports_dir", "the path of a directory", into(config.reports_dir, text_of)},
      {"log_level", R"("trace", "debug", "info", "warn", "error" or "off")", into(config.log_level, log_level_of)},
  };
}

Keys keys_of(core::Rule& rule) {
  return {
      {"cgroup", R"(a glob on the cgroup's path, from its leading / on, such as "/kubepods/*" or "*/nginx*")",
       into(rule.cgroup, glob_of)},
      {"workload", R"(a glob on the workload, such as "shop/db/*" for namespace/name/container)",
       into(rule.workload, text_of)},
      {"threshold", kThreshold, into(rule.threshold, threshold_of)},
      {"cooldown", kCooldown, into(rule.cooldown_us, duration(0, 365 * kDay_us))},
      {"reclaim", kBool, into(rule.reclaim, bool_of)},
  };
}

Keys keys_of(Ship& ship) {
  const auto file = [](std::string& target, std::string_view name) {
    return Key{name, "the absolute path of a file", into(target, absolute_of)};
  };
  const auto name = [](std::string& target, std::string_view key) {
    return Key{key, "a text of at most 128 characters, without control characters", into(target, label_of)};
  };
  const auto every = duration(kSecond_us, kDay_us);
  return {
      {"url", R"(an address such as "https://clickhouse.example:8443", or a list of them)", into(ship.urls, urls_of)},
      {"database", R"(a name of letters, digits and "_", such as "cgmm")", into(ship.database, identifier_of)},
      name(ship.user, "user"),
      file(ship.password_file, "password_file"),
      file(ship.ca_file, "ca_file"),
      file(ship.client_cert_file, "client_cert_file"),
      file(ship.client_key_file, "client_key_file"),
      {"proxy", R"(an address such as "http://proxy.example:3128")", into(ship.proxy, proxy_of)},
      name(ship.node, "node"),
      {"samples", R"("all", "hours" or "incidents")", into(ship.samples, shipped_samples_of)},
      {"events_every", R"(a duration between "1s" and "1d" such as "5s")", into(ship.events_every_us, every)},
      {"samples_every", R"(a duration between "1s" and "1d" such as "2m")", into(ship.samples_every_us, every)},
      {"batch_rows", "a number of rows between 100 and 1000000", into(ship.batch_rows, count(100, 1'000'000))},
      {"batch_bytes", R"(a size between "64KiB" and "64MiB" such as "4MiB")",
       into(ship.batch_bytes, size(1 << 16, 1 << 26))},
      file(ship.state_file, "state_file"),
  };
}

Keys label_keys_of(Ship& ship) {
  constexpr std::string_view kLabel = "a text of at most 128 characters, without control characters";
  return {{"cluster", kLabel, into(ship.cluster, label_of)},
          {"zone", kLabel, into(ship.zone, label_of)},
          {"pool", kLabel, into(ship.pool, label_of)}};
}

const Key* find_key(const Keys& keys, std::string_view name) {
  const auto found = std::ranges::find(keys, name, &Key::name);
  return found == keys.end() ? nullptr : &*found;
}

std::vector<std::string_view> known_keys() {
  Config any;
  return names_of(keys_of(any));
}

std::vector<std::string_view> known_rule_keys() {
  core::Rule any;
  return names_of(keys_of(any));
}

std::vector<std::string_view> known_ship_keys() {
  Ship any;
  return names_of(keys_of(any));
}

std::vector<std::string_view> known_label_keys() {
  Ship any;
  return names_of(label_keys_of(any));
}

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
