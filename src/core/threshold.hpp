// SPDX-License-Identifier: Apache-2.0
#pragma once

// "25%" or "512Mi": an amount of memory, absolute or as a share of a cgroup's effective limit. Pure: any thread.

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

  /// "25%", "12.5%" (0 to 100), "100", "100KiB", "512Mi", as the Rust program. nullopt for anything else.
  static std::optional<Threshold> parse(std::string_view text);

  /// For a cgroup with this effective limit, rounded up; nullopt: a percentage, and there is no limit.
  std::optional<std::uint64_t> bytes(std::optional<std::uint64_t> effective_limit_bytes) const;

  bool is_percent() const { return std::holds_alternative<double>(value_); }
  /// nullopt: it is a size.
  std::optional<double> percent() const {
    return is_percent() ? std::optional{std::get<double>(value_)} : std::nullopt;
  }
  /// As in a configuration file: "25%", "104857600", "100MiB".
  std::string to_string() const;

  friend bool operator==(const Threshold&, const Threshold&) = default;

 private:
  explicit Threshold(std::variant<std::uint64_t, double> value) : value_(value) {}
  std::variant<std::uint64_t, double> value_;
};

}  // namespace cgmm::core
