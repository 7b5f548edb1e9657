// SPDX-License-Identifier: Apache-2.0
#pragma once

// An optional number that takes no more room than the number: half of a std::optional. For what is kept of each of
// thousands of cgroups.

#include <limits>
#include <optional>

namespace cgmm::base {

/// The largest number stands for none.
template <class Number>
class OptionalNumber {
 public:
  OptionalNumber() = default;
  OptionalNumber(Number number) : number_(number) {}  // NOLINT(google-explicit-constructor): as std::optional
  OptionalNumber(std::nullopt_t) {}                   // NOLINT(google-explicit-constructor)
  OptionalNumber(std::optional<Number> number)        // NOLINT(google-explicit-constructor)
      : number_(number.value_or(kNone)) {}
  operator std::optional<Number>() const {  // NOLINT(google-explicit-constructor)
    return has_value() ? std::optional(number_) : std::nullopt;
  }

  bool has_value() const { return number_ != kNone; }
  explicit operator bool() const { return has_value(); }
  Number operator*() const { return number_; }
  Number value_or(Number fallback) const { return has_value() ? number_ : fallback; }
  void reset() { number_ = kNone; }

  friend bool operator==(const OptionalNumber&, const OptionalNumber&) = default;
  friend bool operator==(const OptionalNumber& a, Number b) { return a.number_ == b; }
  friend bool operator==(const OptionalNumber& a, const std::optional<Number>& b) {
    return std::optional<Number>(a) == b;
  }

 private:
  static constexpr Number kNone = std::numeric_limits<Number>::max();
  Number number_ = kNone;
};

}  // namespace cgmm::base
