// SPDX-License-Identifier: Apache-2.0
#include "simulate/simulation.hpp"

#include <algorithm>
#include <functional>
#include <ranges>

namespace cgmm::simulate {
namespace {

constexpr std::int64_t kGapIntervals = 3;  // without a sample for so long, nobody knows what was

bool is_gap(const Sample& before, const Sample& now) {
  const std::int64_t passed_us = now.at_us - before.at_us;
  return passed_us <= 0 || passed_us > kGapIntervals * std::max<std::int64_t>(before.interval_us, 1);
}

/// The time before the first sample, or after the last one: it is covered if it is no gap.
std::int64_t covered_at_an_end_us(std::int64_t passed_us, const Sample& sample) {
  const bool is_covered = passed_us > 0 && passed_us <= kGapIntervals * std::max<std::int64_t>(sample.interval_us, 1);
  return is_covered ? passed_us : 0;
}

void count(Tally& was, const PastReclaim& reclaim) {
  ++was.reclaim_count;
  was.freed_bytes += static_cast<double>(reclaim.freed_bytes);
  was.held_byte_seconds += reclaim.held_byte_seconds.value_or(0);
  if (reclaim.refaulted_bytes) {
    was.read_back_bytes += static_cast<double>(std::min(*reclaim.refaulted_bytes, reclaim.freed_bytes));
  } else if (reclaim.freed_bytes > 0) {
    ++was.untold_count;
  }
}

}  // namespace

std::string_view in_words(Doubt doubt) {
  constexpr std::string_view kWords[] = {"no reclaim of it is on record",
                                         "its kernel does not count what is read back",
                                         "mapped pages are not on record",
                                         "no reclaim has taken only what is idle",
                                         "what its containers hold is not looked at",
                                         "its kernel tells no pressure",
                                         "a part of the time has no samples"};
  return kWords[static_cast<std::size_t>(doubt)];
}

void Answer::add(const Answer& other) {
  cgroup_count += other.cgroup_count;
  was.add(other.was);
  best.add(other.best);
  expected.add(other.expected);
  worst.add(other.worst);
  lived_us += other.lived_us;
  covered_us += other.covered_us;
  doubts |= other.doubts;
}

Simulation Simulation::learner(const Rules& rules) {
  Simulation only(rules);
  only.only_learns_ = true;
  return only;
}

void Simulation::add_cgroup(std::int64_t key, Subject subject) {
  habits_.try_emplace(subject.workload);
  tracks_[key].subject = std::move(subject);
}

void Simulation::add_reclaim(std::int64_t key, const PastReclaim& reclaim) {
  const auto found = tracks_.find(key);
  if (found != tracks_.end()) found->second.reclaims.push_back(reclaim);
}

void Simulation::add(std::int64_t key, const Sample& sample) {
  const auto found = tracks_.find(key);
  if (found == tracks_.end()) return;
  Track& track = found->second;
  const bool is_first = track.last.at_us == 0;
  if (!is_first && sample.at_us <= track.last.at_us) return;  // the clock was set back
  const bool begins = is_first || is_gap(track.last, sample);
  const Lists freed = take_reclaims(track, sample, begins);
  Habits& habits = habits_[track.subject.workload];
  if (is_learning_) learn(track, habits, sample.at_us);
  std::int64_t passed_us = begins ? 0 : sample.at_us - track.last.at_us;
  if (is_first) passed_us = covered_at_an_end_us(sample.at_us - track.subject.from_us, sample);
  track.last = sample;
  if (only_learns_) return;
  track.answer.covered_us += passed_us;
  const core::Limits limits = limits_at(track, sample.at_us);
  if (track.replays.empty())
    for (const Outlook outlook : {Outlook::best, Outlook::expected, Outlook::worst})
      track.replays.push_back(std::make_unique<Replay>(track.subject, rules_, outlook));
  for (const auto& replay : track.replays) {
    if (begins) {
      replay->begin(sample, limits, habits);
    } else {
      replay->add(sample, freed, limits, habits);
    }
  }
}

/// Those since the sample before: what they took of each list. Where nobody knows what was then, they don't count.
Lists Simulation::take_reclaims(Track& track, const Sample& now, bool is_gap) {
  Lists freed;
  const Lists there = lists_of(track.last.gauges);
  const auto end =
      std::ranges::find_if(track.reclaims, [&](const auto& one) { return one.started_at_us >= now.at_us; });
  for (auto one = track.reclaims.begin(); one != end && !is_gap; ++one) {
    const Lists taken = taken_of(there, static_cast<double>(one->freed_bytes));
    freed.inactive += taken.inactive;
    freed.active += taken.active;
    count(track.answer.was, *one);
    if (is_learning_) track.observed.push_back({*one, taken, there});
  }
  track.reclaims.erase(track.reclaims.begin(), end);
  return freed;
}

core::Limits Simulation::limits_at(Track& track, std::int64_t now_us) {
  const std::vector<LimitChange>& all = track.subject.limits;
  while (track.limit_count < all.size() && all[track.limit_count].at_us <= now_us) ++track.limit_count;
  // The first limit is on record with the first sample, or a moment after it.
  if (all.empty()) return {};
  return all[track.limit_count == 0 ? 0 : track.limit_count - 1].limits;
}

void Simulation::learn(Track& track, Habits& habits, std::int64_t now_us) const {
  std::erase_if(track.observed, [&](const Learning& one) {
    if (!only_learns_ && one.reclaim.known_at_us > now_us) return false;
    habits.add(one.reclaim, one.taken, one.there);
    return true;
  });
}

void Simulation::finish(Track& track) {
  Answer& answer = track.answer;
  answer.workload = track.subject.workload;
  answer.cgroup_count = 1;
  answer.lived_us = std::max<std::int64_t>(track.subject.to_us - track.subject.from_us, 0);
  answer.covered_us += covered_at_an_end_us(track.subject.to_us - track.last.at_us, track.last);
  for (const auto& replay : track.replays) replay->end(core::ObservationEnd::stop);
  if (track.replays.empty()) return;
  answer.best = track.replays[0]->tally();
  answer.expected = track.replays[1]->tally();
  answer.worst = track.replays[2]->tally();
  if (track.replays[1]->is_blind())
    answer.doubt(rules_.feedback == Feedback::refaults ? Doubt::not_counted : Doubt::no_pressure);
  if (answer.expected.reclaim_count == 0) return;
  const Habits& habits = habits_[track.subject.workload];
  const bool takes_idle = track.subject.settings.policy == core::ReclaimPolicy::idle;
  if (!habits.has_reclaims()) {
    answer.doubt(Doubt::no_reclaim);
  } else if (!habits.counts_read_back()) {
    answer.doubt(Doubt::not_counted);
  } else if (!habits.shows_idle()) {
    answer.doubt(Doubt::lists);
  }
  if (takes_idle && !habits.has_reclaims()) answer.doubt(Doubt::mapped);
  if (core::has_remainder(track.subject.kind)) answer.doubt(Doubt::those_below);
}

std::vector<Answer> Simulation::finish() {
  std::map<std::string, Answer> by_workload;
  for (auto& [key, track] : tracks_) {
    if (track.last.at_us == 0) continue;
    finish(track);
    Answer& all = by_workload[track.subject.workload];
    all.workload = track.subject.workload;
    all.add(track.answer);
  }
  std::vector<Answer> answers;
  for (auto& [workload, answer] : by_workload) {
    constexpr std::int64_t kWhole_pct = 100, kNearlyAll_pct = 95;
    if (answer.covered_us * kWhole_pct < answer.lived_us * kNearlyAll_pct) answer.doubt(Doubt::gaps);
    answers.push_back(std::move(answer));
  }
  std::ranges::stable_sort(answers, std::greater{},
                           [](const Answer& one) { return std::max(one.expected.freed_bytes, one.was.freed_bytes); });
  return answers;
}

}  // namespace cgmm::simulate
