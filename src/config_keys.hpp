// SPDX-License-Identifier: Apache-2.0
#pragma once

// What each key of config.toml accepts: one table for the top level, one for a [[rule]]. Knows neither TOML nor the
// command line, so a value means the same in both. Private to the config room. Pure: any thread.

#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "config.hpp"

namespace cgmm::config {

/// A value of the file or of an option; monostate: of a type that no key accepts (table, date, other arrays).
struct Value {
  std::variant<std::monostate, bool, std::int64_t, double, std::string, std::vector<std::string>> held;
  std::string shown;  // in TOML syntax, for messages
};

/// A key of one Config, Rule or Ship.
struct Key {
  std::string_view name;
  std::string_view expected;               // what it accepts
  std::function<bool(const Value&)> take;  // sets the value; false: it is not accepted

  /// Sets the value and returns nothing, or returns what was expected instead.
  std::optional<std::string_view> operator()(const Value& value) const {
    if (take(value)) return std::nullopt;
    const bool is_share = value.shown.ends_with("%\"") && expected.find("or a percentage") != std::string_view::npos;
    return is_share ? "a percentage between 0% and 100%" : expected;
  }
};
using Keys = std::vector<Key>;

/// These borrow what they set.
Keys keys_of(Config& config);
Keys keys_of(core::Rule& rule);
Keys keys_of(Ship& ship);
Keys label_keys_of(Ship& ship);

/// nullptr: there is none with that name.
const Key* find_key(const Keys& keys, std::string_view name);

/// The hint for a key that is not in `known`: the one that was probably meant, or all of them.
std::string expected_instead_of(std::string_view unknown, std::span<const std::string_view> known);

/// Upper or lower case; nullopt: it is no level.
std::optional<LogLevel> parse_log_level(std::string_view text);

/// In double quotes, with control characters escaped. A very long text is truncated.
std::string in_quotes(std::string_view text);

}  // namespace cgmm::config
