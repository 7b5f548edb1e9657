// SPDX-License-Identifier: Apache-2.0
#include "policy/histogram.hpp"

#include <bit>

namespace cgmm::bench::policy {
namespace {

/// There is one writer.
void raise(std::atomic<std::uint64_t>& number, std::uint64_t by) {
  number.store(number.load(std::memory_order_relaxed) + by, std::memory_order_relaxed);
}

}  // namespace

void Histogram::add(std::uint64_t ns) {
  raise(count_, 1);
  raise(sum_ns_, ns);
  raise(buckets_[bucket_of(ns)], 1);
  if (ns > most_ns_) most_ns_ = ns;
}

double Histogram::mean_ns() const {
  return count_ == 0 ? 0 : static_cast<double>(sum_ns_) / static_cast<double>(count_);
}

double Histogram::quantile_ns(double share) const {
  const double wanted = share * static_cast<double>(count_);
  double seen = 0;
  for (std::size_t i = 0; i < kBuckets; ++i) {
    seen += static_cast<double>(buckets_[i]);
    if (seen > 0 && seen >= wanted) return middle_of(i);
  }
  return static_cast<double>(most_ns_);
}

std::size_t Histogram::bucket_of(std::uint64_t ns) {
  const auto width = static_cast<unsigned>(std::bit_width(ns));
  if (width <= kBits) return ns;
  const unsigned shift = width - kBits - 1;
  return ((shift + 1) << kBits) + ((ns >> shift) & ((1U << kBits) - 1));
}

double Histogram::middle_of(std::size_t bucket) {
  const std::size_t row = bucket >> kBits, column = bucket & ((1U << kBits) - 1);
  if (row == 0) return static_cast<double>(column);
  return (static_cast<double>((1U << kBits) + column) + 0.5) * static_cast<double>(std::uint64_t{1} << (row - 1));
}

}  // namespace cgmm::bench::policy
