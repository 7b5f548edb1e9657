// SPDX-License-Identifier: Apache-2.0
#include "daemon/sampling/sampler.hpp"

#include <algorithm>
#include <exception>
#include <memory>
#include <utility>

#include "base/time.hpp"
#include "daemon/clock.hpp"
#include "kernel/memory_stat.hpp"

namespace cgmm::daemon {
namespace {

constexpr std::int64_t kLimitsEvery_us = base::kMinute_us;  // a limit rarely moves; a reclaim reads it again anyway

/// Staggers periodic work by key: what was found at once is not due at once.
std::int64_t staggered_us(core::CgroupKey key, std::int64_t every_us) {
  constexpr std::int64_t kSteps = 60;
  return every_us / kSteps * (key % kSteps);
}

constexpr int kQuietScans = 2;

/// Not from the future either: the clock may have been set back.
bool is_fresh(const LimitsRead& read, std::int64_t now_us) {
  const std::int64_t age_us = now_us - read.at_us.value_or(0);
  return read.at_us && age_us >= 0 && age_us < kLimitsEvery_us;
}

/// What was not read is as it was.
void fill_in_unread(Tracked& tracked, const kernel::ReadOptions& options, kernel::Reading& reading) {
  core::MemorySample& sample = reading.sample;
  const auto keep = [&](core::Counter counter) { sample.counters.set(counter, tracked.last.counters[counter]); };
  if (reading.has_no_new_hits) keep(core::Counter::limit_hits);
  if (options.with_oom_control) {
    tracked.may_stand_still = reading.may_stand_still;
  } else {
    keep(core::Counter::oom_kills);
    sample.stands_still = false;
  }
}

/// A counter that can't be read now is compared with its last value later.
void remember(core::Counters& previous, const core::Counters& now) {
  for (std::size_t i = 0; i < core::Counters::kSize; ++i) {
    const auto counter = static_cast<core::Counter>(i);
    if (const auto value = now[counter]) previous.set(counter, *value);
  }
}

kernel::Events events_of(core::CgroupKind kind) {
  switch (kind) {
    case core::CgroupKind::container:
      return kernel::Events::whole;
    case core::CgroupKind::leaf:
      return kernel::Events::own_or_whole;
    default:
      return kernel::Events::own;
  }
}

}  // namespace

Sampler::Sampler(const kernel::Hierarchy& hierarchy, core::Policy policy)
    : finder_(hierarchy), policy_(std::move(policy)) {}

void Sampler::set_hierarchy(const kernel::Hierarchy& hierarchy) {
  finder_.set_hierarchy(hierarchy);
  near_limit_.forget();
}

Sampler::Result Sampler::scan(std::int64_t now_us) {
  const std::int64_t began_us = steady_now_us();
  Result result;
  result.scan.started_at_us = now_us;
  try {
    const auto found = finder_.find(began_us, result);
    finder_.controller().begin_pass();
    count_node_kills();
    remainders_ = {};
    exclusions_ = {};
    result.scan.rows.reserve(found.size());
    for (Tracked* const tracked : found) {
      keep_with_those_below(*tracked, began_us, result);
      read(*tracked, began_us, result);
    }
  } catch (const std::exception& error) {
    result.parent_error = error.what();
    result.note_error(result.parent_error);
  }
  finder_.end_scan(result);
  near_limit_.end_scan(finder_.cgroups(), began_us);
  scanned_at_us_ = now_us;
  end_pass(result, began_us);
  return result;
}

std::optional<Sampler::Result> Sampler::sample_near_limit(std::int64_t now_us) {
  const std::int64_t began_us = steady_now_us();
  Result result;
  result.scan.started_at_us = now_us;
  result.scan.is_partial = true;
  finder_.controller().begin_pass();
  const std::vector<Tracked*>& near = near_limit_.find(began_us, finder_);
  for (Tracked* const tracked : near) {
    if (tracked->has_remainder()) read_with_those_below(*tracked, began_us, result);
  }
  for (Tracked* const tracked : near) {
    const bool is_read = tracked->last.at_us == now_us;  // with its pod
    if (!tracked->has_remainder() && !is_read) read(*tracked, began_us, result);
  }
  if (result.scan.rows.empty()) return std::nullopt;
  near_limit_.choose(finder_.cgroups());
  result.scan.unread.clear();  // a partial scan does not say which cgroups there are
  end_pass(result, began_us);
  return result;
}

/// A pod, for instance: its containers, and then its remainder. Those that no scan has found yet are read, too: what
/// they hold is not the remainder's.
void Sampler::read_with_those_below(Tracked& above, std::int64_t steady_us, Result& result) try {
  remainders_ = {};
  for (const core::CgroupId& id : above.cgroup.children()) {
    const auto known = finder_.cgroups().find(id.inode);
    if (known != finder_.cgroups().end() && known->second.cgroup.path() == id.path) {
      if (known->second.has_remainder()) return;  // only a scan reads more than one level
      read(known->second, steady_us, result);
    } else if (auto untracked = finder_.controller().open(id)) {
      const auto reading = finder_.controller().read(*untracked, {.with_pressure = false});
      if (reading) remainders_.add(above.place.depth + 1U, reading->sample.gauges);
    }
  }
  read(above, steady_us, result);
} catch (const std::exception& error) {
  result.note_error(error.what());
}

/// The node's count tells whether any cgroup's can have risen. A kill is counted there a moment before the cgroup's own
/// count, so that is read once more after a change.
void Sampler::count_node_kills() {
  const auto before =
      std::exchange(node_oom_kills_, finder_.hierarchy().real ? kernel::node_oom_kills() : std::nullopt);
  scans_without_kill_ = node_oom_kills_ && node_oom_kills_ == before ? scans_without_kill_ + 1 : 0;
}

/// Which files are left out, because they have the same values as when they were read last. Once a minute, and between
/// two scans, none is.
kernel::ReadOptions Sampler::options_for(const Tracked& tracked, const Result& result) const {
  kernel::ReadOptions options{.with_peak = !tracked.has_remainder() && (!tracked.told || has_limit(tracked)),
                              .events = events_of(tracked.place.kind)};
  const bool is_whole = result.scan.is_partial || !tracked.told || tracked.limits_read.problem ||
                        !is_fresh(tracked.limits_read, result.scan.started_at_us);
  if (is_whole) return options;
  options.with_oom_control = scans_without_kill_ < kQuietScans || tracked.may_stand_still ||
                             !tracked.last.counters.has(core::Counter::oom_kills);
  const auto limit_bytes = tracked.limits_read.hierarchical_limit_bytes;
  const bool has_own_limit = tracked.told->limits.limit_bytes.has_value();
  if (limit_bytes && tracked.last.counters.has(core::Counter::limit_hits) &&
      (!has_own_limit || tracked.last.peak_bytes))
    options.no_hits = {{.hierarchical_limit_bytes = *limit_bytes,
                        .peak_bytes = has_own_limit ? tracked.last.peak_bytes : std::nullopt}};
  return options;
}

/// Adds the cgroup's row, unless it has vanished, or can't be read, which is counted.
void Sampler::read(Tracked& tracked, std::int64_t steady_us, Result& result) {
  std::optional<kernel::Reading> reading;
  try {
    const bool is_new = !tracked.told;
    const kernel::ReadOptions options = options_for(tracked, result);
    reading = finder_.controller().read(tracked.cgroup, options);
    if (!reading) {
      note_untold(tracked, result);
      return remainders_.pass_on(tracked.place.depth);
    }
    if (!reading->problem.empty()) result.note_error(reading->problem);
    for (const kernel::NoNumber& one : reading->no_numbers) {
      auto& value = result.untold.no_numbers[one.key.empty() ? one.file : one.file + " " + one.key];
      if (value.cgroup_count++ == 0) value.first = tracked.cgroup.path() + ": " + one.text;
    }
    fill_in_unread(tracked, options, *reading);
    const core::MemorySample whole = reading->sample;
    if (!keep_remainder(tracked, reading->sample)) {
      if (tracked.told) result.scan.unread.push_back(tracked.key);
      tracked.is_seen = true;
      return;
    }
    refresh_limits(tracked, *reading, result.scan.started_at_us);
    if (is_new) result.appeared.push_back(tracked.told);
    take_row(tracked, reading->sample, result);
    // Nobody was killed from that scan's begin to this one's. The kernel log's clock is not this one, so a kill just
    // after the begin of this one may have a time before it.
    if (!options.with_oom_control) tracked.kills_counted_at_us = scanned_at_us_;
    if (tracked.limits_read.problem) result.note_error(*tracked.limits_read.problem);
    if (!result.scan.is_partial) find_candidate(tracked, reading->sample.gauges, whole.counters, steady_us, result);
    tracked.cache_bytes = core::reclaimable_bytes(whole.gauges);
    near_limit_.follow(tracked, whole.gauges, steady_us);
  } catch (const std::exception& error) {
    if (!reading) remainders_.add(tracked.place.depth, std::nullopt);
    result.scan.unread.push_back(tracked.key);
    result.note_error(error.what());
  }
  tracked.is_seen = true;
}

/// One without numbers: it has vanished, or there is no memory controller in it. Of the latter nothing is known that
/// could be recorded.
void Sampler::note_untold(const Tracked& tracked, Result& result) {
  if (tracked.has_remainder() || !finder_.controller().lacks_memory(tracked.cgroup)) return;
  Untold& untold = result.untold;
  const std::string path = tracked.cgroup.path();
  if (untold.without_controller_count++ == 0) untold.without_controller = path;
  if (!core::recognise_container(path, finder_.hierarchy().parent_path.size())) untold.are_containers = false;
}

/// Below the machine's memory. The peak of others tells little, and reading it costs one more file.
bool Sampler::has_limit(const Tracked& tracked) const {
  const auto limit_bytes = tracked.limits().effective_limit_bytes;
  const std::uint64_t memory_bytes = finder_.hierarchy().memory_bytes;
  return limit_bytes && (memory_bytes == 0 || *limit_bytes < memory_bytes);
}

/// Leaves in the sample what the cgroup holds beyond those below it, if any are. False: that is not known.
bool Sampler::keep_remainder(Tracked& tracked, core::MemorySample& sample) {
  const core::Gauges whole = sample.gauges;
  std::optional<core::Gauges> own = whole;
  if (tracked.has_remainder()) {
    sample.counters = core::own_counters(sample.counters);
    if (finder_.controller().includes_those_below(tracked.cgroup)) own = remainders_.of(tracked.place.depth, whole);
    if (!tracked.place.is_whole) own = std::nullopt;
  }
  remainders_.add(tracked.place.depth, whole);
  sample.gauges = own.value_or(core::Gauges{});
  return own.has_value();
}

void Sampler::take_row(Tracked& tracked, const core::MemorySample& now, Result& result) {
  core::ScanRow& row = result.scan.rows.emplace_back();
  row.cgroup = tracked.told;
  row.gauges = now.gauges;
  const bool was_made = !tracked.last.at_us && tracked.made_after_us != 0;  // since the scan before
  row.gauges.set(
      core::Gauge::peak,
      core::peak_since(was_made ? base::OptionalNumber<std::uint64_t>(0) : tracked.last.peak_bytes, now.gauges));
  row.increases = core::increase(tracked.last.counters, now.counters);
  row.oom_kills_total = now.counters[core::Counter::oom_kills];
  follow_stuck(tracked, now, result);
  remember(tracked.last.counters, now.counters);
  tracked.last.peak_bytes = now.gauges[core::Gauge::peak];
  tracked.last.at_us = result.scan.started_at_us;
  if (const auto kill_count = row.increases.value_or(core::Counter::oom_kills, 0); kill_count > 0) {
    result.oom_kills.push_back(
        {.id = tracked.told->id,
         .since_at_us = tracked.kills_counted_at_us == 0 ? std::nullopt : std::optional(tracked.kills_counted_at_us),
         .at_us = result.scan.started_at_us,
         .count = kill_count});
  }
  if (row.oom_kills_total) tracked.kills_counted_at_us = result.scan.started_at_us;
}

/// Its row is the last one.
void Sampler::follow_stuck(Tracked& tracked, const core::MemorySample& now, Result& result) const {
  core::ScanRow& row = result.scan.rows.back();
  const bool was_stuck = tracked.is_stuck();
  row.stuck = core::follow_stuck(tracked.stuck, now, row.increases, tracked.last.at_us, result.scan.started_at_us);
  if (row.stuck == core::StuckState::yes) result.scan.stuck.push_back({tracked.key, *tracked.stuck->stuck()});
  if (was_stuck == tracked.is_stuck()) return;
  const char* const news = was_stuck ? " is no longer stuck"
                           : tracked.stuck->stuck()->kind == core::StuckKind::memory_high
                               ? " is throttled at memory.high: its tasks wait for memory most of the time"
                               : " is out of memory with the OOM killer disabled: its tasks stand still";
  result.stuck_news.push_back(tracked.told->id.path.string() + news);
}

void Sampler::learn(std::vector<core::NamesOf> news) {
  for (core::NamesOf& one : news) {
    const auto found = finder_.cgroups().find(one.id.inode);
    if (found == finder_.cgroups().end() || found->second.cgroup.path() != one.id.path) continue;
    Tracked& tracked = found->second;
    const bool is_less = tracked.names && !tracked.names->container.empty() && one.names.container.empty();
    if (is_less) continue;  // a later look, at a kill, may find nothing any more
    tracked.decision = {};
    tracked.has_final_names = one.is_final;
    const bool has_any = one.names != core::ContainerNames{};
    tracked.names = has_any ? std::make_unique<core::ContainerNames>(std::move(one.names)) : nullptr;
  }
}

/// A cgroup counts as excluded until it is certain that no rule excludes it, or one below it that was not found.
void Sampler::keep_with_those_below(Tracked& tracked, std::int64_t steady_us, Result& result) {
  tracked.is_kept = false;
  if (!policy_.has_exclusions()) return;
  decide(tracked, result);
  const bool is_excluded = !policy_.settings_of(tracked.decision.rule).reclaim || !tracked.place.is_whole ||
                           waits_for_names(tracked, steady_us);
  tracked.is_kept = exclusions_.add(tracked.place.depth, is_excluded);
}

/// Which rule is the cgroup's. It is looked up once, until the rules or the names change.
void Sampler::decide(Tracked& tracked, Result& result) const {
  if (tracked.decision.policy == policy_number_) return;
  ++result.rule_lookup_count;
  const std::string path = tracked.cgroup.path();
  const core::ContainerIdentity identity = core::identity_of(path, finder_.hierarchy().parent_path.size());
  const core::ContainerNames names = tracked.names ? *tracked.names : core::ContainerNames{};
  const bool is_final = !core::may_get_names(identity) || tracked.has_final_names;
  const core::Rule* const rule = policy_.rule_for(path, core::workload_of(names, identity, path));
  tracked.decision = {.rule = rule, .policy = policy_number_, .waits_for_names = !is_final && policy_.may_change(rule)};
}

/// Not for ever: names come with the record of a scan, and the disk may take none.
bool Sampler::waits_for_names(Tracked& tracked, std::int64_t steady_us) {
  if (!tracked.decision.waits_for_names) return false;
  if (tracked.names_wanted_at_us == 0) tracked.names_wanted_at_us = steady_us;
  return steady_us - tracked.names_wanted_at_us < core::kLookForNames_us;
}

/// Whether it is due for a reclaim. `whole`: with those below it, which a reclaim of it may harm.
void Sampler::find_candidate(Tracked& tracked, const core::Gauges& now, const core::Counters& whole,
                             std::int64_t steady_us, Result& result) {
  decide(tracked, result);
  core::ReclaimSettings settings = policy_.settings_of(tracked.decision.rule);
  settings.reclaim = settings.reclaim && !tracked.is_kept;
  const auto limit_bytes = core::limit_for(settings.policy, tracked.told->limits);
  const bool is_over = core::over_threshold(now, limit_bytes, settings);
  if (is_over) tracked.ever_over = true;
  const bool is_new = tracked.cache_watch.is_new();
  const bool is_alone = tracked.cache_watch.leaves_alone(is_over, settings.policy == core::ReclaimPolicy::idle,
                                                         core::cache_use_of(now, whole), page_bytes_);
  if (is_over && (is_alone ? is_new : !waits_for_names(tracked, steady_us))) {
    const bool has_rule = tracked.decision.rule != nullptr && tracked.decision.rule->reclaim == true;
    (is_alone ? result.left_alone : result.candidates)
        .push_back({tracked.told->id, now, limit_bytes, settings, tracked.place.kind, has_rule});
  }
  if (tracked.ever_over) result.sightings.push_back(core::sighting_of(tracked.cgroup.inode(), {now, whole}));
}

/// A limit that can't be read is taken to be what it was.
void Sampler::refresh_limits(Tracked& tracked, const kernel::Reading& reading, std::int64_t now_us) {
  const bool is_known = is_fresh(tracked.limits_read, now_us) && !tracked.limits_read.problem;
  const core::CgroupRef told = tracked.told;
  auto oom_kills = told ? told->oom_kills_before : base::OptionalNumber<std::uint64_t>();
  if (!oom_kills) oom_kills = reading.sample.counters[core::Counter::oom_kills];
  const bool is_same = told && told->oom_kills_before == oom_kills && told->kind == tracked.place.kind;
  if (is_known && is_same && reading.hierarchical_limit_bytes == tracked.limits_read.hierarchical_limit_bytes) return;
  tracked.limits_read.hierarchical_limit_bytes = reading.hierarchical_limit_bytes;
  const bool is_staggered = !tracked.limits_read.at_us && finder_.hierarchy().real;
  tracked.limits_read.at_us = now_us - (is_staggered ? staggered_us(tracked.key, kLimitsEvery_us) : 0);
  std::string problem;
  core::Limits limits = finder_.controller().read_limits(tracked.cgroup, reading, problem);
  tracked.limits_read.problem = problem.empty() ? nullptr : std::make_unique<std::string>(problem);
  if (told && !problem.empty()) limits = told->limits;
  if (is_same && told->limits == limits) return;
  tracked.told = std::make_shared<core::TrackedCgroup>(
      core::TrackedCgroup{.key = tracked.key,
                          .id = tracked.cgroup.shared_id(),
                          .parent_length = static_cast<std::uint32_t>(finder_.hierarchy().parent_path.size()),
                          .limits = limits,
                          .oom_kills_before = oom_kills,
                          .made_after_us = tracked.made_after_us,
                          .kind = tracked.place.kind});
}

void Sampler::end_pass(Result& result, std::int64_t began_us) {
  result.scan.duration_us = steady_now_us() - began_us;
  const std::int64_t cpu_before_us = std::exchange(cpu_us_, thread_cpu_us());
  result.scan.cpu_us = std::max<std::int64_t>(cpu_us_ - cpu_before_us, 0);
}

}  // namespace cgmm::daemon
