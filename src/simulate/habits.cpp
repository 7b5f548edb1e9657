// SPDX-License-Identifier: Apache-2.0
#include "simulate/habits.hpp"

#include <algorithm>
#include <vector>

#include "base/time.hpp"

namespace cgmm::simulate {
namespace {

constexpr std::size_t kMostShown = 64, kEnoughShown = 3;
constexpr double kNextToNothing = 0.1;     // of what a reclaim took
constexpr double kMapped = 0.01;           // of the page cache of whatever runs, at least
constexpr double kMuch = 0.25;             // of what there was: less says nothing of how long it takes
constexpr double kUnknownReadBack_s = 10;  // to read back what is needed, if nobody knows. Measured: 2 to 15
constexpr double kLeast_s = 1;             // between two samples nobody sees how fast it was

/// How long the cache took to grow by `returned`, if it grew evenly: memory that is back late was held for longer.
double seconds_to_return(const PastReclaim& reclaim, double returned) {
  const auto freed = static_cast<double>(reclaim.freed_bytes);
  const double observed_s = static_cast<double>(reclaim.observed_for_us) / base::kSecond_us;
  if (returned <= 0 || !reclaim.held_byte_seconds) return observed_s;
  const double lost = std::max(freed * observed_s - *reclaim.held_byte_seconds, 0.0);
  return std::clamp(2 * (observed_s - lost / returned), std::min(kLeast_s, observed_s), 2 * observed_s);
}

double part(double of, double whole) { return whole > 0 ? std::clamp(of / whole, 0.0, 1.0) : 0; }

double quantile(std::vector<double> values, double share) {
  std::ranges::sort(values);
  return values[static_cast<std::size_t>(share * static_cast<double>(values.size() - 1) + 0.5)];
}

}  // namespace

bool Habits::Shown::is_of_idle() const { return taken.active < kNextToNothing * taken.sum(); }

void Habits::add(const PastReclaim& reclaim, const Lists& taken, const Lists& there) {
  ++count_;
  const auto freed = static_cast<double>(reclaim.freed_bytes);
  wanted_ += static_cast<double>(reclaim.requested_bytes.value_or(reclaim.freed_bytes));
  freed_ += std::min(freed, static_cast<double>(reclaim.requested_bytes.value_or(reclaim.freed_bytes)));
  if (freed <= 0 || reclaim.observed_for_us <= 0) return;
  const double read_back = std::min(static_cast<double>(reclaim.refaulted_bytes.value_or(0)), freed);
  if (reclaim.refaulted_bytes && taken.sum() > 0) {
    shown_.push_back({taken, read_back, !reclaim.requested_bytes});
    if (shown_.size() > kMostShown) shown_.pop_front();
  }
  if (!reclaim.regrown_bytes) return;
  const double returned = std::min(static_cast<double>(*reclaim.regrown_bytes), freed);
  const double seconds = seconds_to_return(reclaim, returned);
  new_ += std::max(returned - read_back, 0.0);
  new_seconds_ += seconds;
  if (taken.sum() < kMuch * there.sum()) return;
  returned_ += returned;
  return_seconds_ += seconds * returned;
}

bool Habits::shows_idle() const {
  return std::ranges::count_if(shown_, &Shown::is_of_idle) >= static_cast<std::ptrdiff_t>(kEnoughShown);
}

/// As in the middle one of the reclaims; nine of ten are not beyond the least and the most.
template <class PartOf>
Range Habits::of_shown(PartOf part_of) const {
  std::vector<double> least, expected, most;
  for (const Shown& one : shown_) {
    const std::optional<Range> range = part_of(one);
    if (!range) continue;
    least.push_back(range->least);
    expected.push_back(range->expected);
    most.push_back(range->most);
  }
  if (expected.empty()) return {0, 0, 1};
  const bool are_few = expected.size() < kEnoughShown;
  return {are_few ? 0 : quantile(least, 0.1), quantile(expected, 0.5), are_few ? 1 : quantile(most, 0.9)};
}

Range Habits::inactive_read_back(double active_share) const {
  const bool has_idle = shows_idle();  // one or two may be an exception, such as right after a start
  const bool has_inactive = std::ranges::any_of(shown_, [](const Shown& one) { return one.taken.inactive > 0; });
  if (!has_inactive) return {0, std::clamp(active_share, 0.0, 1.0), std::clamp(2 * active_share, 0.0, 1.0)};
  return of_shown([&](const Shown& one) -> std::optional<Range> {
    if (has_idle && !one.is_of_idle()) return std::nullopt;
    if (one.is_of_idle()) {
      const double most = part(one.read_back, one.taken.sum());
      const double mapped = one.took_all ? kMapped * one.taken.sum() : 0;
      const double expected = part(one.read_back - mapped, one.taken.sum());
      return Range{expected, expected, most};
    }
    // Nobody knows of which list it was. What was used more than once is the first to be needed.
    if (one.taken.inactive <= 0) return std::nullopt;
    const double beyond = part(one.read_back - one.taken.active, one.taken.inactive);
    return Range{beyond, beyond, part(one.read_back, one.taken.inactive)};
  });
}

Range Habits::active_read_back() const {
  const bool has_active = std::ranges::any_of(shown_, [](const Shown& one) { return !one.is_of_idle(); });
  if (!has_active) return {0, 1, 1};
  const bool has_idle = shows_idle();
  const double of_idle = has_idle ? inactive_read_back(0).expected : 0;
  return of_shown([&](const Shown& one) -> std::optional<Range> {
    if (one.is_of_idle()) return std::nullopt;
    const double most = part(one.read_back, one.taken.active);
    const double expected = has_idle ? part(one.read_back - of_idle * one.taken.inactive, one.taken.active) : most;
    return Range{has_idle ? expected : part(one.read_back - one.taken.inactive, one.taken.active), expected, most};
  });
}

double Habits::read_back_seconds() const {
  if (returned_ <= 0) return kUnknownReadBack_s;
  return std::max(return_seconds_ / returned_, kLeast_s);
}

double Habits::inflow_bytes_per_second() const { return new_seconds_ > 0 ? new_ / new_seconds_ : 0; }

double Habits::freed_part() const { return wanted_ > 0 ? std::min(freed_ / wanted_, 1.0) : 1; }

}  // namespace cgmm::simulate
