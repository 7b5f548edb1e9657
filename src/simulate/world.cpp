// SPDX-License-Identifier: Apache-2.0
#include "simulate/world.hpp"

#include <algorithm>
#include <cmath>

#include "base/time.hpp"

namespace cgmm::simulate {
namespace {

using core::Counter;
using core::Gauge;

constexpr double kMostlyReadBack = 0.8;  // of what the cache grew by
constexpr double kAtLimit = 0.97;        // of the limit: the kernel charges in batches

std::uint64_t bytes_of(double value) { return static_cast<std::uint64_t>(std::llround(std::max(value, 0.0))); }

/// The gauge with so much more.
void change(core::Gauges& gauges, Gauge gauge, double by) {
  if (const auto value = gauges[gauge]) gauges.set(gauge, bytes_of(static_cast<double>(*value) + by));
}

bool is_at_limit(const Sample& now, const core::Limits& limits) {
  if (now.increases.value_or(Counter::limit_hits, 0) > 0) return true;
  const auto usage = now.gauges[Gauge::usage];
  return usage && limits.effective_limit_bytes &&
         static_cast<double>(*usage) >= kAtLimit * static_cast<double>(*limits.effective_limit_bytes);
}

}  // namespace

Lists lists_of(const core::Gauges& gauges) {
  const auto cache = static_cast<double>(core::reclaimable_cache_bytes(gauges));
  const auto active = static_cast<double>(gauges.value_or(Gauge::active_file, 0));
  return {.inactive = std::max(cache - active, 0.0), .active = std::min(active, cache)};
}

Lists taken_of(const Lists& there, double bytes) {
  const double inactive = std::min(bytes, there.inactive);
  return {.inactive = inactive, .active = std::min(bytes - inactive, there.active)};
}

double World::by_outlook(const Range& range) const {
  return outlook_ == Outlook::best ? range.least : outlook_ == Outlook::worst ? range.most : range.expected;
}

void World::begin(const Sample& now) {
  last_ = now;
  totals_ = {};
  more_ = {};
  out_ = 0;
  returns_.clear();
  read_back_bytes_ = refault_pages_ = 0;
  count(now);
}

/// Adds to the counters. A counter that a sample lacks is absent until the next that has it.
void World::count(const Sample& now) {
  for (std::size_t i = 0; i < core::Counters::kSize; ++i) {
    const auto counter = static_cast<Counter>(i);
    const auto more = now.increases[counter];
    totals_.set(counter, more ? std::optional(totals_.value_or(counter, 0) + *more) : std::nullopt);
  }
}

void World::follow(const Sample& now, const Lists& really_freed, const core::Limits& limits, const Habits& habits) {
  const double seconds = static_cast<double>(now.at_us - last_.at_us) / base::kSecond_us;
  const Lists before = lists_of(last_.gauges), after = lists_of(now.gauges);
  const Lists grew{.inactive = after.inactive - std::max(before.inactive - really_freed.inactive, 0.0),
                   .active = after.active - std::max(before.active - really_freed.active, 0.0)};
  const double grown = grew.sum();
  more_.inactive += really_freed.inactive;
  more_.active += really_freed.active;
  out_ += really_freed.sum();
  count(now);
  const auto refaults = now.increases[Counter::refault_file];
  const auto page = static_cast<double>(page_bytes_);
  const double not_needed =
      drop_returns(grew, refaults ? std::optional(static_cast<double>(*refaults) * page) : std::nullopt);
  follow_promotions(grew);
  let_return(seconds);
  refault_pages_ += (read_back_bytes_ - (refaults ? not_needed : 0)) / page;
  if (more_.sum() < 0) {
    const double replaced = replaced_bytes(now, limits, seconds, really_freed.sum(), habits);
    const double kept = grown < 0 && is_at_limit(now, limits) ? -grown : 0;  // there would have been room
    move(std::min(replaced + kept, -more_.sum()), &Lists::inactive, &Lists::active);
  }
  if (grown < 0 && !is_at_limit(now, limits)) {  // a file was deleted, or the node was short of memory
    const double left = std::clamp(after.sum() / (after.sum() - grown), 0.0, 1.0);
    more_.inactive *= left;
    more_.active *= left;
  }
  last_ = now;
  bound(limits);
}

/// What the record has of reads of what real reclaims had taken: in this world that is still there, on the list on
/// which the record has it now.
double World::drop_returns(const Lists& grown, std::optional<double> refaulted_bytes) {
  const double most = std::min(std::max(grown.sum(), 0.0), out_);
  double read = by_outlook({most, most / 2, 0});
  if (refaulted_bytes) {
    // Of what is read back in a row, the kernel forgets a little.
    const bool is_most = *refaulted_bytes >= kMostlyReadBack * most;
    read = std::min(is_most ? std::max(*refaulted_bytes, most) : *refaulted_bytes, out_);
  }
  const double active = std::min({read, std::max(grown.active, 0.0), std::max(more_.active, 0.0)});
  out_ -= read;
  more_.active -= active;
  more_.inactive -= read - active;
  return read;
}

/// What becomes active on the record may have been active here all the time.
void World::follow_promotions(const Lists& grown) {
  const double promoted =
      std::min({std::max(grown.active, 0.0), std::max(-grown.inactive, 0.0), std::max(more_.active, 0.0)});
  more_.active -= promoted;
  more_.inactive += promoted;
}

/// What this world's own reclaims have taken and is needed again.
void World::let_return(double seconds) {
  read_back_bytes_ = 0;
  for (Return& one : returns_) {
    const double part = one.seconds > 0 ? std::min(seconds / one.seconds, 1.0) : 1;
    const Lists back{.inactive = one.left.inactive * part, .active = one.left.active * part};
    one.left.inactive -= back.inactive;
    one.left.active -= back.active;
    one.seconds -= seconds;
    // What is active on the record as well becomes active there.
    const double active = std::min(back.active, std::max(-more_.active, 0.0));
    more_.active += active;
    more_.inactive += back.sum() - active;
    read_back_bytes_ += back.sum();
  }
  std::erase_if(returns_, [](const Return& one) { return one.left.sum() < 1; });
}

/// At the limit the kernel drops as much as comes in, and the record does not show it. Where there is less page cache,
/// there is room for it.
double World::replaced_bytes(const Sample& now, const core::Limits& limits, double seconds, double really_freed,
                             const Habits& habits) const {
  const auto page = static_cast<double>(page_bytes_);
  if (const auto stolen = now.increases[Counter::pgsteal])
    return std::max(static_cast<double>(*stolen) * page - really_freed, 0.0);
  if (!is_at_limit(now, limits)) return 0;
  const auto hits = now.increases[Counter::limit_hits];
  if (hits && *hits == 0) return 0;
  // Measured: at the limit each page that comes in hits it once. A bigger piece hits it once as a whole.
  const double pages = static_cast<double>(hits.value_or(0)) * page;
  const double pace = habits.inflow_bytes_per_second() * seconds;
  return by_outlook({pages, pages, std::max(pages, pace)});
}

/// Adds to the page cache of the one list, up to what is on record, and the rest to the other.
void World::move(double bytes, double Lists::* first, double Lists::* second) {
  const double to_first = std::min(bytes, std::max(-(more_.*first), 0.0));
  more_.*first += to_first;
  more_.*second += bytes - to_first;
}

/// There is no page cache below 0, and none over the limit: there the kernel drops it, of the inactive list first.
void World::bound(const core::Limits& limits) {
  const Lists real = lists_of(last_.gauges);
  more_.inactive = std::max(more_.inactive, -real.inactive);
  more_.active = std::max(more_.active, -real.active);
  const auto usage = last_.gauges[Gauge::usage];
  if (!usage || !limits.effective_limit_bytes || more_.sum() <= 0) return;
  const double room = std::max(static_cast<double>(*limits.effective_limit_bytes) - static_cast<double>(*usage), 0.0);
  double over = more_.sum() - room;
  if (over <= 0) return;
  const double inactive = std::min(over, real.inactive + more_.inactive);
  more_.inactive -= inactive;
  more_.active -= std::min(over - inactive, real.active + more_.active);
}

Lists World::take(double bytes, const Habits& habits) {
  const Lists real = lists_of(last_.gauges);
  const Lists there{.inactive = real.inactive + more_.inactive, .active = real.active + more_.active};
  const Lists taken = taken_of(there, bytes);
  more_.inactive -= taken.inactive;
  more_.active -= taken.active;
  const double share = there.sum() > 0 ? there.active / there.sum() : 0;
  Return back{.left = {.inactive = taken.inactive * by_outlook(habits.inactive_read_back(share)),
                       .active = taken.active * by_outlook(habits.active_read_back())},
              .seconds = habits.read_back_seconds()};
  if (back.left.sum() >= 1) returns_.push_back(back);
  return taken;
}

core::MemorySample World::seen() const {
  core::MemorySample sample;
  sample.gauges = last_.gauges;
  sample.counters = totals_;
  const double more = more_.sum();
  change(sample.gauges, Gauge::usage, more);
  change(sample.gauges, Gauge::file, more);
  change(sample.gauges, Gauge::inactive_file, more_.inactive);
  change(sample.gauges, Gauge::active_file, more_.active);
  if (const auto refaults = totals_[Counter::refault_file])
    sample.counters.set(Counter::refault_file, bytes_of(static_cast<double>(*refaults) + refault_pages_));
  return sample;
}

}  // namespace cgmm::simulate
