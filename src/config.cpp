// SPDX-License-Identifier: Apache-2.0
#include "config.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstddef>
#include <cstdio>
#include <map>
#include <memory>
#include <ranges>
#include <sstream>
#include <system_error>
#include <utility>

#include "base/fd.hpp"
#include "config_keys.hpp"

// Header-only: Debian's compiled toml++ is a shared library, too much for one small file.
#define TOML_HEADER_ONLY 1
// toml++ has asserts that a wrong file ("[[;") can break, before the check that reports the error. This switches its
// asserts off, without NDEBUG, because then clang would assume that they hold.
#pragma push_macro("NDEBUG")
#undef NDEBUG
#define TOML_ASSERT(expr) static_cast<void>(0)
#include <toml++/toml.h>
#pragma pop_macro("NDEBUG")

namespace cgmm::config {
namespace {

/// Where a setting came from, for checks that need several settings.
struct Origin {
  std::string where;
  std::string shown;
};

Value value_of(const toml::node& node) {
  if (node.is_table()) return {{}, "{...}"};
  if (node.is_array()) return {{}, "[...]"};
  if (const auto* text = node.as_string()) return {text->get(), in_quotes(text->get())};
  std::ostringstream shown;
  shown << toml::toml_formatter{node};
  if (const auto* flag = node.as_boolean()) return {flag->get(), shown.str()};
  if (const auto* whole = node.as_integer()) return {whole->get(), shown.str()};
  if (const auto* real = node.as_floating_point()) return {real->get(), shown.str()};
  return {{}, shown.str()};  // a date or a time
}

struct Entry {
  const toml::key* key;
  const toml::node* node;
};

/// In the order of the file, so that the first mistake is reported first. A TOML table is sorted by key.
std::vector<Entry> in_file_order(const toml::table& table) {
  std::vector<Entry> entries;
  for (const auto& [key, node] : table) entries.push_back({&key, &node});
  std::sort(entries.begin(), entries.end(), [](const Entry& a, const Entry& b) {
    const auto &x = a.key->source().begin, &y = b.key->source().begin;
    return std::pair{x.line, x.column} < std::pair{y.line, y.column};
  });
  return entries;
}

/// In TOML syntax: in quotes unless it has only letters, digits, '_' and '-'.
std::string key_shown(const toml::key& key) {
  const bool bare = !key.empty() && std::all_of(key.begin(), key.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c == '-';
  });
  return bare ? std::string{key.str()} : in_quotes(key.str());
}

/// Puts a parsed file into a Config, and remembers the place of each setting.
class Reader {
 public:
  Reader(std::string_view file_name, Config& config) : file_name_(file_name), config_(config) {}

  void read(const toml::table& file) {
    const Keys keys = keys_of(config_);
    for (const auto& entry : in_file_order(file)) {
      if (*entry.key == "rule") {
        read_rules(entry);
      } else {
        take(entry, key_shown(*entry.key), keys, /*in_rule=*/false);
      }
    }
  }

  /// Checks that need several keys.
  void check() const;

 private:
  void take(const Entry& entry, const std::string& name, const Keys& keys, bool in_rule);
  void read_rules(const Entry& entry);
  core::Rule read_rule(const toml::table& table, const std::string& name);

  std::string at(const toml::source_region& region) const {
    return file_name_ + ":" + std::to_string(region.begin.line);
  }
  ConfigError error(const std::string& name, const std::string& expected) const {
    const Origin& origin = origins_.at(name);
    return {origin.where, name, origin.shown, expected};
  }

  std::string file_name_;
  Config& config_;
  std::map<std::string, Origin> origins_;
};

void Reader::take(const Entry& entry, const std::string& name, const Keys& keys, bool in_rule) {
  const Value value = value_of(*entry.node);
  const auto key_name = entry.key->str();
  origins_.insert_or_assign(name, Origin{at(entry.key->source()), value.shown});
  if (const auto* key = find_key(keys, key_name)) {
    if (const auto expected = (*key)(value)) throw error(name, std::string{*expected});
    return;
  }
  std::vector<std::string_view> known = known_keys();
  if (in_rule && std::ranges::find(known, key_name) != known.end()) {
    throw error(name, "above the first [[rule]], because it holds for the whole service");
  }
  known.push_back("rule");
  throw error(name, expected_instead_of(key_name, in_rule ? known_rule_keys() : known));
}

void Reader::read_rules(const Entry& entry) {
  constexpr auto kExpected = "sections that begin with [[rule]], in two pairs of brackets";
  const auto* rules = entry.node->as_array();
  if (!rules) throw ConfigError(at(entry.key->source()), "rule", value_of(*entry.node).shown, kExpected);
  for (const auto& node : *rules) {
    const auto* table = node.as_table();
    if (!table) throw ConfigError(at(node.source()), "rule", value_of(node).shown, kExpected);
    const std::string name = "rule[" + std::to_string(config_.policy.rules.size() + 1) + "]";
    config_.policy.rules.push_back(read_rule(*table, name));
  }
}

core::Rule Reader::read_rule(const toml::table& table, const std::string& name) {
  core::Rule rule;
  const Keys keys = keys_of(rule);
  for (const auto& entry : in_file_order(table)) {
    take(entry, name + "." + key_shown(*entry.key), keys, /*in_rule=*/true);
  }
  if (rule.cgroup.empty()) {
    throw ConfigError(at(table.source()), name, "",
                      R"(the key cgroup, which tells where it holds: cgroup = "/kubepods/*")");
  }
  if (!rule.threshold && !rule.cooldown_us && !rule.reclaim) {
    throw ConfigError(at(table.source()), name, "", "threshold, cooldown or reclaim beside cgroup");
  }
  return rule;
}

/// Whether `low` is below `high`. Also true if that depends on the cgroup's limit.
bool may_be_below(const core::Threshold& low, const core::Threshold& high) {
  constexpr std::uint64_t kAnyLimitBytes = std::uint64_t{1} << 62U;
  return low.is_percent() != high.is_percent() || low.bytes(kAnyLimitBytes) < high.bytes(kAnyLimitBytes);
}

void Reader::check() const {
  const core::ReclaimSettings& defaults = config_.policy.defaults;
  const std::vector<core::Rule>& rules = config_.policy.rules;
  if (!defaults.reclaim_to) return;
  if (!may_be_below(*defaults.reclaim_to, defaults.threshold)) {
    throw error("reclaim_to", "less than the threshold, " + defaults.threshold.to_string());
  }
  for (std::size_t i = 0; i < rules.size(); ++i) {
    if (!rules[i].threshold || may_be_below(*defaults.reclaim_to, *rules[i].threshold)) continue;
    throw error("rule[" + std::to_string(i + 1) + "].threshold",
                "more than reclaim_to, " + defaults.reclaim_to->to_string());
  }
}

void apply(const Overrides& overrides, Config& config) {
  const Keys keys = keys_of(config);
  for (const auto& [name, typed] : {std::pair{"parent", overrides.parent},
                                    {"threshold", overrides.threshold},
                                    {"interval", overrides.interval},
                                    {"cooldown", overrides.cooldown},
                                    {"database", overrides.database},
                                    {"log_level", overrides.log_level}}) {
    if (!typed) continue;
    const std::string shown = in_quotes(*typed);
    const auto expected = (*find_key(keys, name))({*typed, shown});
    if (!expected) continue;
    std::string option = "--" + std::string{name};
    std::ranges::replace(option, '_', '-');
    throw ConfigError("", option, shown, std::string{*expected});
  }
  if (overrides.dry_run) config.dry_run = true;
}

[[noreturn]] void throw_unreadable(const std::filesystem::path& file, const std::string& reason) {
  throw ConfigError(file.string(), "can't be read: " + reason);
}

/// Why others than root or the user who runs us may have written the file; "": they can't. Devices are trusted.
std::string distrust(const struct stat& info) {
  if (S_ISCHR(info.st_mode) || S_ISDIR(info.st_mode)) return {};
  if (info.st_uid != 0 && info.st_uid != ::geteuid()) {
    return "it belongs to uid " + std::to_string(info.st_uid) +
           ", who is neither root nor the user that runs this: give it to root (chown root)";
  }
  if ((info.st_mode & (S_IWGRP | S_IWOTH)) == 0) return {};
  char mode[8];
  std::snprintf(mode, sizeof mode, "%04o", info.st_mode & 07777U);
  return "its mode is " + std::string(mode) +
         ", so that others than its owner may write it: take that away (chmod go-w)";
}

/// Reading anything else may wait for somebody: a FIFO for a writer, a terminal for a person.
bool is_regular(const struct stat& info) {
  const bool is_null_device = S_ISCHR(info.st_mode) && info.st_rdev == makedev(1, 3);
  return S_ISREG(info.st_mode) || S_ISDIR(info.st_mode) || is_null_device;  // read() refuses a directory itself
}

/// The whole file; nullopt: there is none.
std::optional<std::string> read_file(const std::filesystem::path& file, const Warn& warn) {
  constexpr std::size_t kMaxBytes = 1 << 20U;
  const base::Fd fd(::open(file.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY));  // a FIFO must not block it
  if (!fd) {
    if (errno == ENOENT) return std::nullopt;
    throw_unreadable(file, std::generic_category().message(errno));
  }
  struct stat info{};  // of the open file; the name may lead to another one by now
  if (::fstat(fd.get(), &info) != 0) throw_unreadable(file, std::generic_category().message(errno));
  if (!is_regular(info)) throw_unreadable(file, "it is no regular file");
  if (const std::string why = distrust(info); !why.empty()) {
    const ConfigError error(file.string(), "not to be trusted: " + why);
    if (!warn) throw error;
    warn(error.what());
  }
  std::string text(kMaxBytes + 1, '\0');
  std::size_t size = 0;
  for (ssize_t got = 1; got > 0 && size < text.size(); size += static_cast<std::size_t>(got)) {
    got = ::read(fd.get(), text.data() + size, text.size() - size);
    if (got < 0) throw_unreadable(file, std::generic_category().message(errno));
  }
  if (size > kMaxBytes) throw_unreadable(file, "larger than 1 MiB");
  text.resize(size);
  return text;
}

}  // namespace

ConfigError::ConfigError(const std::string& where, const std::string& key, const std::string& value,
                         const std::string& expected)
    : std::runtime_error((where.empty() ? "" : where + ": ") + key + (value.empty() ? "" : " = " + value) +
                         ": expected " + expected) {}

ConfigError::ConfigError(const std::string& where, const std::string& problem)
    : std::runtime_error(where + ": " + problem) {}

Config load(const std::optional<std::filesystem::path>& file, const Overrides& overrides, const Warn& warn) {
  const auto path = file.value_or(kDefaultFile);
  const auto text = read_file(path, warn);
  if (!text && file) throw_unreadable(path, std::generic_category().message(ENOENT));
  return parse(text.value_or(""), path.string(), overrides);
}

Config parse(std::string_view toml, std::string_view name, const Overrides& overrides) {
  Config config;
  Reader reader(name, config);
  try {
    reader.read(toml::parse(toml));
  } catch (const toml::parse_error& error) {
    const auto line = std::to_string(error.source().begin.line);
    throw ConfigError(std::string{name} + ":" + line, "not valid TOML: " + std::string{error.description()});
  }
  apply(overrides, config);
  reader.check();
  return config;
}

LogLevel effective_log_level(const Config& config, const char* rust_log) {
  if (config.log_level) return *config.log_level;
  std::string text = rust_log ? rust_log : "";
  text.resize(std::min(text.find('/'), text.size()));  // a filter on the messages' text follows
  std::erase(text, ' ');
  std::optional<LogLevel> everybody, us;
  for (const auto part : std::views::split(text, ',')) {
    const std::string_view directive(part.begin(), part.end());
    const auto equals = directive.find('=');
    const auto target = directive.substr(0, equals);
    const bool names_us = target == "cgroup_memory_manager" || target == "cgroup-memory-manager";
    const bool has_level = equals != std::string_view::npos;
    if (has_level && !names_us) continue;  // it is for another program
    const auto level = has_level  ? parse_log_level(directive.substr(equals + 1))
                       : names_us ? LogLevel::trace
                                  : parse_log_level(target);
    if (level) (names_us ? us : everybody) = level;
  }
  return us ? *us : everybody.value_or(LogLevel::info);
}

}  // namespace cgmm::config
