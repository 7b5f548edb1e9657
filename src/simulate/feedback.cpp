// SPDX-License-Identifier: Apache-2.0
#include "simulate/feedback.hpp"

#include <algorithm>

namespace cgmm::simulate {
namespace {

// senpai's defaults: so much of the memory every six seconds, if nobody waits; nothing if tasks wait for a thousandth
// of the time.
constexpr double kPartEachTurn = 0.0005, kTurn_s = 6, kMostPressure = 0.001;
constexpr double kReadPage_us = 100;  // that a task waits for a page from the disk

constexpr double kLeastPart = 0.001, kMostPart = 0.05;  // of the page cache, that one step takes
constexpr double kNextToNothing = 0.01;                 // of what is taken at a time

}  // namespace

std::optional<double> Steps::next(Feedback rule, const core::Gauges& now, const Since& since,
                                  std::uint64_t page_bytes) {
  const auto cache = static_cast<double>(core::reclaimable_cache_bytes(now));
  if (rule == Feedback::pressure) {
    if (!since.stalled_us || since.seconds <= 0) return std::nullopt;
    const double own_us = since.read_back_bytes / static_cast<double>(page_bytes) * kReadPage_us;
    const double pressure = (static_cast<double>(*since.stalled_us) + own_us) / (since.seconds * 1e6);
    const auto usage = static_cast<double>(now.value_or(core::Gauge::usage, 0));
    return std::min(usage * kPartEachTurn * since.seconds / kTurn_s * std::max(1 - pressure / kMostPressure, 0.0),
                    cache);
  }
  if (!since.refaulted_bytes) return std::nullopt;
  const bool is_needed = *since.refaulted_bytes > kNextToNothing * part_ * cache;
  part_ = std::clamp(is_needed ? part_ / 2 : part_ * 2, kLeastPart, kMostPart);
  return cache * part_;
}

double Holdings::follow(std::int64_t now_us, double seconds, double grown_bytes, std::int64_t most_us) {
  double byte_seconds = 0;
  for (Held& one : held_) {
    const double lost = std::min(std::max(grown_bytes, 0.0), one.bytes);
    byte_seconds += (one.bytes - lost / 2) * seconds;
    one.bytes -= lost;
    grown_bytes -= lost;
  }
  std::erase_if(held_, [&](const Held& one) { return one.bytes < 1 || now_us - one.at_us >= most_us; });
  return byte_seconds;
}

}  // namespace cgmm::simulate
