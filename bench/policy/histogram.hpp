// SPDX-License-Identifier: Apache-2.0
#pragma once

// How long operations took, in buckets that are 3 % wide, in memory that two processes share. One writer; whoever reads
// beside it sees numbers of some moment.

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>

namespace cgmm::bench::policy {

class Histogram {
 public:
  void add(std::uint64_t ns);

  std::uint64_t count() const { return count_; }
  double mean_ns() const;
  std::uint64_t most_ns() const { return most_ns_; }
  /// `share` of the operations took no longer than this; exact to the bucket.
  double quantile_ns(double share) const;

 private:
  static constexpr unsigned kBits = 5;  // of a number that tell its bucket, after the first one
  static constexpr std::size_t kBuckets = (64 - kBits + 1) << kBits;
  static std::size_t bucket_of(std::uint64_t ns);
  static double middle_of(std::size_t bucket);

  std::atomic<std::uint64_t> count_, sum_ns_, most_ns_;
  std::array<std::atomic<std::uint64_t>, kBuckets> buckets_;
};

}  // namespace cgmm::bench::policy
