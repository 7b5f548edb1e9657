// SPDX-License-Identifier: Apache-2.0
#pragma once

// What each key of config.toml takes: one table for the top level, one for a [[rule]]. Knows neither TOML nor
// the command line, so that a value means the same in both. Private to the config room. Pure: any thread.

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <variant>

#include "config.hpp"

namespace cgmm::config {

/// A value as the file or an option has it; monostate stands for what no key takes (an array, a table, a
/// date).
struct Value {
  std::variant<std::monostate, bool, std::int64_t, double, std::string> held;
  std::string shown;  // for a message, as TOML has it
};

template <class Target>
struct Key {
  std::string_view name;
  /// Puts the value where it belongs and returns nothing, or returns what it expected instead.
  std::optional<std::string_view> (*take)(const Value& value, Target& target);
};

std::span<const Key<Config>> config_keys();
std::span<const Key<core::Rule>> rule_keys();

/// What a message says to a key that is none of `known`: the one that was probably meant, or all of them.
std::string expected_instead_of(std::string_view unknown, std::span<const std::string_view> known);

/// In any case; nullopt when it is no level.
std::optional<LogLevel> parse_log_level(std::string_view text);

/// In double quotes, with control characters escaped; a very long one is cut.
std::string in_quotes(std::string_view text);

}  // namespace cgmm::config
