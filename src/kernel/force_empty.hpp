// SPDX-License-Identifier: Apache-2.0
#pragma once

// Frees an amount with memory.force_empty (v1), which takes none: in short writes that a timer ends, with a look at the
// usage after each. All of them are one step of a reclaim.
//
// Measured on Linux 6.18: a write takes some 50 us before it frees anything (it empties the lists of each processor),
// then it frees up to 300 KiB each microsecond, from the inactive list first.

#include <cstdint>
#include <functional>
#include <optional>
#include <system_error>

namespace cgmm::kernel {

/// How long a write may last. How fast memory is freed changes within a step by a factor of thirty (mapped pages: first
/// they are all found in use, then none is), so that is expected always: rather many writes than one that frees too
/// much. The time until anything is freed is learned: it grows when writes are in vain.
class Pace {
 public:
  /// The next write, with so many bytes left to be freed.
  std::int64_t write_us(std::uint64_t left_bytes) const;
  /// What a write has freed.
  void note(std::int64_t write_us, std::uint64_t freed_bytes);

  /// The writes since something was freed.
  int in_vain_count() const { return in_vain_count_; }

 private:
  double lead_us_ = 50;              // until anything is freed
  double bytes_per_us_ = 400 << 10;  // freed then, at most
  int in_vain_count_ = 0;
};

/// What force_empty() needs of a cgroup.
struct ForceEmpty {
  std::function<std::error_code(std::int64_t after_us)> write;  // ended (EINTR) after a time
  std::function<std::optional<std::uint64_t>()> usage_bytes;    // nullopt: not known
  std::function<bool()> is_interrupted;                         // the whole is to end
  std::function<std::int64_t()> now_us;                         // of the steady clock
};

/// Frees about `bytes`. The answer is as that of a kernel that takes an amount: EAGAIN if there is no more to be had,
/// EINTR if it was interrupted; else what a write has answered. Where usage is not known, there is one write, for a
/// second at most.
std::error_code force_empty(const ForceEmpty& cgroup, Pace& pace, std::uint64_t bytes);

}  // namespace cgmm::kernel
