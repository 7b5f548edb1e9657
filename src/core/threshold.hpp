// SPDX-License-Identifier: Apache-2.0
#pragma once

// "25%" or "512Mi": an amount of memory, absolute or as a share of a cgroup's effective limit. Pure: any
// thread.

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <variant>

namespace cgmm::core {

class Threshold {
 public:
  static Threshold of_bytes(std::uint64_t bytes) { return Threshold{bytes}; }
  static Threshold of_percent(double percent) { return Threshold{percent}; }

  /// What the Rust program takes ("25%", "12.5%", "100", "100KiB", ...) and Kubernetes' "512Mi". A percentage
  /// is between 0 and 100. nullopt when it is neither a size nor a percentage.
  static std::optional<Threshold> parse(std::string_view text);

  /// In bytes for a cgroup whose effective limit is this (rounded up, so that "at or over" holds for the
  /// exact share); nullopt for a percentage when there is no limit to take it of.
  std::optional<std::uint64_t> bytes(std::optional<std::uint64_t> effective_limit_bytes) const;

  bool is_percent() const { return std::holds_alternative<double>(value_); }
  /// 0 to 100; nullopt where it is a size.
  std::optional<double> percent() const {
    return is_percent() ? std::optional{std::get<double>(value_)} : std::nullopt;
  }
  /// As it would stand in a configuration file: "25%", "104857600", "100MiB".
  std::string to_string() const;

  friend bool operator==(const Threshold&, const Threshold&) = default;

 private:
  explicit Threshold(std::variant<std::uint64_t, double> value) : value_(value) {}
  std::variant<std::uint64_t, double> value_;
};

}  // namespace cgmm::core
