// SPDX-License-Identifier: Apache-2.0
#include "core/effect.hpp"

#include <algorithm>

#include "base/time.hpp"

namespace cgmm::core {
namespace {

// Churn. Each page that comes back costs a disk read, so at half of what was freed the gain is doubtful.
constexpr std::uint64_t kChurnFromHundredth = 50;
// Churn, but so little was read again that the dose was only too big.
constexpr std::uint64_t kTooMuchBelowHundredth = 10;
// Futile: the share of what was asked for.
constexpr std::uint64_t kFutileBelowHundredth = 10;
// The kernel recognises a refault by shadow entries. It keeps them for about eight times the memory that the cgroup
// still has. If a cgroup was emptied, nearly all of them are gone too.
constexpr std::uint64_t kRememberedPerHeld = 8;
// After this time, the absence of refaults means something, though less than after the whole observation.
constexpr std::int64_t kTellingAfter_us = 30 * base::kSecond_us;

/// Whether `part` is at least this many hundredths of `whole`.
bool reaches(std::uint64_t part, std::uint64_t hundredths, std::uint64_t whole) {
  return static_cast<double>(part) * 100 >= static_cast<double>(whole) * static_cast<double>(hundredths);
}

std::uint64_t increase_of(std::uint64_t before, std::uint64_t after) { return after > before ? after - before : 0; }

}  // namespace

Sighting sighting_of(std::uint64_t inode, const MemorySample& sample) {
  return {.inode = inode,
          .cache_bytes = reclaimable_cache_bytes(sample.gauges),
          .refault_file = sample.counters[Counter::refault_file],
          .refault_anon = sample.counters[Counter::refault_anon]};
}

Observation::Observation(const Reclaim& reclaim, std::uint64_t asked_bytes, std::optional<Sighting> after,
                         std::int64_t ended_at_us, std::uint64_t page_bytes)
    : reclaim_id_(reclaim.reclaim_id),
      freed_bytes_(reclaim.freed_bytes.value_or(0)),
      swapped_out_bytes_(increase_of(reclaim.before.value_or(Gauge::swap, 0),
                                     reclaim.after.value_or(Gauges{}).value_or(Gauge::swap, 0))),
      left_bytes_(reclaim.after.value_or(Gauges{})[Gauge::usage]),
      page_bytes_(page_bytes),
      ended_at_us_(ended_at_us),
      after_(after.value_or(Sighting{})),
      at_once_(judge_at_once(reclaim, asked_bytes, after && reclaim.freed_bytes)),
      seen_(after_),
      seen_at_us_(ended_at_us) {}

void Observation::see(const Sighting& now, std::int64_t at_us) {
  if (at_us <= seen_at_us_) return;
  const auto held_bytes = [&](const Sighting& one) {
    return static_cast<double>(increase_of(increase_of(after_.cache_bytes, one.cache_bytes), freed_bytes_));
  };
  held_byte_us_ += (held_bytes(seen_) + held_bytes(now)) / 2 * static_cast<double>(at_us - seen_at_us_);
  seen_.cache_bytes = now.cache_bytes;
  if (now.refault_file) seen_.refault_file = now.refault_file;  // else it could not be read this time
  if (now.refault_anon) seen_.refault_anon = now.refault_anon;
  seen_at_us_ = at_us;
}

Effect Observation::effect(const Learning& learning, std::optional<ObservationEnd> ended_by) const {
  Effect effect{.reclaim_id = reclaim_id_, .observed_for_us = seen_at_us_ - ended_at_us_, .ended_by = ended_by};
  if (effect.observed_for_us > 0) {
    effect.refaulted_bytes = refaulted_bytes();
    effect.regrown_bytes = increase_of(after_.cache_bytes, seen_.cache_bytes);
    effect.held_byte_seconds = static_cast<std::uint64_t>(held_byte_us_ / 1e6);
  }
  const Judgement judgement = at_once_ ? *at_once_ : judge(effect, learning);
  effect.verdict = judgement.verdict;
  effect.judged_by = judgement.by;
  return effect;
}

/// File pages, and anon pages up to what this reclaim swapped out: earlier swapped pages do not count.
std::optional<std::uint64_t> Observation::refaulted_bytes() const {
  if (!after_.refault_file || !seen_.refault_file) return std::nullopt;
  const std::uint64_t file_bytes = increase_of(*after_.refault_file, *seen_.refault_file) * page_bytes_;
  const std::uint64_t anon_bytes =
      increase_of(after_.refault_anon.value_or(0), seen_.refault_anon.value_or(0)) * page_bytes_;
  return file_bytes + std::min(anon_bytes, swapped_out_bytes_);
}

Lesson Observation::lesson(const Effect& effect) const {
  const bool by_regrowth = effect.verdict == Verdict::unknown && effect.judged_by == JudgedBy::regrowth;
  const bool was_in_vain =
      effect.verdict == Verdict::churn || effect.verdict == Verdict::futile || effect.verdict == Verdict::failed;
  if (effect.verdict == Verdict::churn && effect.refaulted_bytes &&
      !reaches(*effect.refaulted_bytes, kTooMuchBelowHundredth, freed_bytes_))
    return Lesson::too_much;
  if (was_in_vain || (by_regrowth && mostly_regrown())) return Lesson::did_not_help;
  const bool to_the_end =
      effect.ended_by == ObservationEnd::observe_for || effect.ended_by == ObservationEnd::next_reclaim;
  if (!to_the_end) return Lesson::none;
  if (effect.verdict == Verdict::effective) return Lesson::helped;
  return by_regrowth ? Lesson::may_have : Lesson::none;
}

bool Observation::mostly_regrown() const {
  return reaches(increase_of(after_.cache_bytes, seen_.cache_bytes), kChurnFromHundredth, freed_bytes_);
}

std::optional<Observation::Judgement> Observation::judge_at_once(const Reclaim& reclaim, std::uint64_t asked_bytes,
                                                                 bool measured) {
  if (reclaim.outcome == ReclaimOutcome::failed) return Judgement{Verdict::failed, {}};
  const bool ended = reclaim.outcome == ReclaimOutcome::done || reclaim.outcome == ReclaimOutcome::partial;
  if (!ended || !measured) return Judgement{};
  // If it ran out of time, how much more it would have freed is not known.
  if (reclaim.stopped_by == StoppedBy::timeout && *reclaim.freed_bytes > 0) return std::nullopt;
  if (*reclaim.freed_bytes == 0 || !reaches(*reclaim.freed_bytes, kFutileBelowHundredth, asked_bytes)) {
    return Judgement{Verdict::futile, JudgedBy::amount};
  }
  return std::nullopt;
}

Observation::Judgement Observation::judge(const Effect& seen, const Learning& learning) const {
  // The cgroups below a remainder read for themselves, too: of many refaults it is not known what they were of.
  const Judgement costs = after_.counts_those_below ? Judgement{Verdict::unknown, JudgedBy::regrowth}
                                                    : Judgement{Verdict::churn, JudgedBy::refaults};
  const bool is_half = seen.refaulted_bytes && reaches(*seen.refaulted_bytes, kChurnFromHundredth, freed_bytes_);
  if (is_half && !after_.counts_those_below) return costs;
  // A cgroup that is due again needs no longer observation.
  const bool long_enough = seen.observed_for_us >= std::min(learning.observe_for_us, kTellingAfter_us) ||
                           seen.ended_by == ObservationEnd::next_reclaim;
  if (seen.observed_for_us == 0 || !long_enough) return {};
  if (is_half || (seen.ended_by && !is_worth_it(seen, learning))) return costs;
  if (seen.refaulted_bytes && (kernel_remembers() || !mostly_regrown())) {
    return {Verdict::effective, JudgedBy::refaults};  // the cache did not grow, so nothing was read again
  }
  return {Verdict::unknown, JudgedBy::regrowth};
}

/// Whether each byte that was read again is outweighed by a byte that stayed free for long enough.
bool Observation::is_worth_it(const Effect& seen, const Learning& learning) {
  const double cost =
      static_cast<double>(seen.refaulted_bytes.value_or(0)) * static_cast<double>(learning.worth_us) / 1e6;
  return static_cast<double>(seen.held_byte_seconds.value_or(0)) >= cost;
}

/// Whether the count of refaults is exact. If not, there may have been more.
bool Observation::kernel_remembers() const { return !left_bytes_ || *left_bytes_ >= freed_bytes_ / kRememberedPerHeld; }

}  // namespace cgmm::core
