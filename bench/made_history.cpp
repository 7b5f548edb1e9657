// SPDX-License-Identifier: Apache-2.0
#include "made_history.hpp"

#include <algorithm>
#include <memory>
#include <random>
#include <string>
#include <vector>

#include "base/time.hpp"
#include "core/container.hpp"
#include "made_up.hpp"
#include "stop.hpp"
#include "store/history.hpp"

namespace cgmm::bench {
namespace {

using base::kHour_us;
using base::kMinute_us;
using base::kSecond_us;

std::vector<core::CgroupRef> containers(core::CgroupKey count, std::uint64_t limit_bytes) {
  std::vector<core::CgroupRef> made;
  for (core::CgroupKey key = 1; key <= count; ++key) {
    made.push_back(std::make_shared<core::TrackedCgroup>(core::TrackedCgroup{
        .key = key, .id = id_of(key), .parent_length = 0, .limits = {limit_bytes, limit_bytes, {}}}));
  }
  return made;
}

core::NamedCgroup named(core::CgroupKey key) {
  const std::string workload = "w" + std::to_string(key / kReplicas);
  const core::CgroupId id = id_of(key);
  return {.id = id,
          .container = core::identity_of(id.path, 0),
          .names = {"shop", workload + "-" + std::to_string(key % kReplicas), "app"}};
}

/// The rows of scan after scan.
class Rows {
 public:
  explicit Rows(const MadeHistory& made)
      : cgroups_(containers(made.containers, made.is_archived ? std::uint64_t{2} << 30 : std::uint64_t{256} << 20)) {
    if (!made.is_archived) return;
    for (const core::CgroupRef& cgroup : cgroups_) lives_.emplace_back(cgroup->key);
  }

  core::Scan scan(std::int64_t at_us, std::int64_t interval_us) {
    core::Scan scan{.started_at_us = at_us, .duration_us = 4000, .interval_us = interval_us};
    for (std::size_t i = 0; i < cgroups_.size(); ++i)
      scan.rows.push_back(lives_.empty() ? busy_row(cgroups_[i], random_) : lives_[i].row(cgroups_[i]));
    return scan;
  }

  core::CgroupId any() { return cgroups_[random_() % cgroups_.size()]->id; }
  std::uint64_t number() { return random_(); }

 private:
  std::minstd_rand random_{42};
  std::vector<core::CgroupRef> cgroups_;
  std::vector<Lifelike> lives_;  // empty: all are busy
};

template <class Record>
void commit(store::History& history, const Record& record) {
  history.begin();
  history.record(record);
  history.commit();
}

}  // namespace

core::CgroupId id_of(core::CgroupKey key) {
  return {"/kubepods/burstable/pod1f0c2a3b-9d11/" + std::string(59, 'c') + std::to_string(10'000 + key), 1000 + key};
}

void make_history(const std::filesystem::path& file, const MadeHistory& made) {
  store::History history(file);
  core::RetentionSettings retention;
  if (made.is_archived) {
    retention.archive = true;
    retention.samples_us = made.length_us + base::kDay_us;
  }
  history.set_retention(retention);
  const std::int64_t begin_us = made.end_us - made.length_us;
  history.begin_run(begin_us, "a benchmark");
  commit(history, core::NodeFacts{{{"page_size_bytes", std::int64_t{4096}}}});
  Rows rows(made);
  std::int64_t reclaims = 0;
  std::int64_t next_reclaim_us = begin_us + kHour_us;
  std::int64_t next_kill_us = begin_us + 6 * kHour_us;
  std::int64_t interval_us = 0;
  for (std::int64_t at_us = begin_us; at_us < made.end_us; at_us += interval_us) {
    check_stop();
    interval_us = at_us < made.end_us - made.full_us ? kHour_us : 10 * kSecond_us;
    commit(history, rows.scan(at_us, interval_us));
    if (at_us == begin_us) {
      for (core::CgroupKey key = 1; key <= made.containers; ++key) commit(history, named(key));
    }
    const core::CgroupId any = rows.any();
    if (at_us >= next_reclaim_us) {
      commit(history, core::Reclaim{.reclaim_id = ++reclaims,
                                    .id = any,
                                    .started_at_us = at_us,
                                    .duration_us = 20'000,
                                    .freed_bytes = 64 << 20,
                                    .outcome = core::ReclaimOutcome::done});
      commit(history, core::CgroupCooldown{any, {at_us, at_us + 30 * kSecond_us, 0}});
      commit(history, core::Effect{.reclaim_id = reclaims,
                                   .observed_for_us = 300 * kSecond_us,
                                   .refaulted_bytes = rows.number() % 8 << 20,
                                   .regrown_bytes = rows.number() % 8 << 20,
                                   .held_byte_seconds = 300 << 20,
                                   .verdict = core::Verdict::effective});
      next_reclaim_us += 10 * kMinute_us;
    }
    if (at_us >= next_kill_us) {
      commit(history, core::CountedOomKills{.id = any, .since_at_us = at_us - interval_us, .at_us = at_us, .count = 1});
      next_kill_us += 6 * kHour_us;
    }
    history.maintain(at_us);
  }
  while (history.maintain_slice(made.end_us)) check_stop();
  history.end_run(made.end_us, "over");
}

}  // namespace cgmm::bench
