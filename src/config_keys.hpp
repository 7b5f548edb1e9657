// SPDX-License-Identifier: Apache-2.0
#pragma once

// What each key of config.toml accepts: one table for the top level, one for a [[rule]]. Knows neither TOML nor the
// command line, so a value means the same in both. Private to the config room. Pure: any thread.

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <variant>

#include "config.hpp"

namespace cgmm::config {

/// A value of the file or of an option; monostate: of a type that no key accepts (array, table, date).
struct Value {
  std::variant<std::monostate, bool, std::int64_t, double, std::string> held;
  std::string shown;  // in TOML syntax, for messages
};

template <class Target>
struct Key {
  std::string_view name;
  std::string_view expected;  // what it accepts
  bool (*take)(const Value& value, Target& target);

  /// Sets the value and returns nothing, or returns what was expected instead.
  std::optional<std::string_view> operator()(const Value& value, Target& target) const {
    if (take(value, target)) return std::nullopt;
    const bool is_share = value.shown.ends_with("%\"") && expected.find("or a percentage") != std::string_view::npos;
    return is_share ? "a percentage between 0% and 100%" : expected;
  }
};

std::span<const Key<Config>> config_keys();
std::span<const Key<core::Rule>> rule_keys();

/// The hint for a key that is not in `known`: the one that was probably meant, or all of them.
std::string expected_instead_of(std::string_view unknown, std::span<const std::string_view> known);

/// Upper or lower case; nullopt: it is no level.
std::optional<LogLevel> parse_log_level(std::string_view text);

/// In double quotes, with control characters escaped. A very long text is truncated.
std::string in_quotes(std::string_view text);

}  // namespace cgmm::config
