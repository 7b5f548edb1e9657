// SPDX-License-Identifier: Apache-2.0
#pragma once

// A fixed set of numbers, each of which may be absent: a value that the kernel lacks is not 0. Uses one word and one
// bit per value, because a scan holds one set for every cgroup (std::optional would double it). Plain data: any thread.

#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <optional>

namespace cgmm::core {

/// Key is an enum class whose enumerators count up from 0 and end in `count_`.
template <class Key>
class Values {
 public:
  static constexpr std::size_t kSize = static_cast<std::size_t>(Key::count_);
  static_assert(kSize <= 32);

  std::optional<std::uint64_t> operator[](Key key) const {
    if (!has(key)) return std::nullopt;
    return values_[index(key)];
  }
  bool has(Key key) const { return (present_ & bit(key)) != 0; }
  /// The value, or `fallback` where it is absent.
  std::uint64_t value_or(Key key, std::uint64_t fallback) const { return has(key) ? values_[index(key)] : fallback; }
  void set(Key key, std::uint64_t value) {
    values_[index(key)] = value;
    present_ |= bit(key);
  }
  void set(Key key, std::optional<std::uint64_t> value) {
    if (value) {
      set(key, *value);
    } else {
      clear(key);
    }
  }
  /// Adds to the value; an absent one counts as 0 and becomes present.
  void add(Key key, std::uint64_t value) { set(key, value_or(key, 0) + value); }
  void clear(Key key) {
    values_[index(key)] = 0;
    present_ &= ~bit(key);
  }
  /// Which ones are there, one bit each; keep_only() makes the others absent.
  std::uint32_t present() const { return present_; }
  void keep_only(std::uint32_t present) {
    for (std::size_t i = 0; i < kSize; ++i) {
      if ((present >> i & 1) == 0) clear(static_cast<Key>(i));
    }
  }
  std::size_t size() const { return static_cast<std::size_t>(std::popcount(present_)); }

  friend bool operator==(const Values&, const Values&) = default;

 private:
  static constexpr std::size_t index(Key key) { return static_cast<std::size_t>(key); }
  static constexpr std::uint32_t bit(Key key) { return std::uint32_t{1} << index(key); }

  std::array<std::uint64_t, kSize> values_{};
  std::uint32_t present_ = 0;
};

}  // namespace cgmm::core
