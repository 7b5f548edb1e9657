// SPDX-License-Identifier: Apache-2.0
#pragma once

// A history in which a bit of everything happens, as the service writes it.

#include <SQLiteCpp/SQLiteCpp.h>

#include <cstdint>
#include <filesystem>
#include <random>
#include <string>
#include <utility>

#include "store/history.hpp"
#include "support/temp_dir.hpp"
#include "support/tracked.hpp"

namespace cgmm::fleet {

inline constexpr std::int64_t kSecond = 1'000'000;
inline constexpr std::int64_t kMinute = 60 * kSecond;
inline constexpr std::int64_t kHour = 60 * kMinute;
inline constexpr std::int64_t kNoon = 1'795'608'000 * kSecond;  // 2026-11-25T12:00:00Z

class MadeUpHistory {
 public:
  explicit MadeUpHistory(std::filesystem::path file, std::uint64_t seed = 1)
      : file_(begun(std::move(file))), history_(file_), random_(seed) {
    history_.set_retention({});
    history_.begin_run(now_us_, "");
  }

  struct GoesOn {};
  /// With a file that is there, an hour after its last scan.
  MadeUpHistory(std::filesystem::path file, GoesOn, std::uint64_t seed)
      : file_(std::move(file)), history_(file_), random_(seed) {
    const auto last = SQLite::Database(file_.string()).execAndGet("SELECT max(started_at_us) FROM scan").getInt64();
    now_us_ = last + kHour;
    history_.set_retention({});
    history_.begin_run(now_us_, "");
    reclaim_count_ =
        SQLite::Database(file_.string()).execAndGet("SELECT coalesce(max(reclaim_id), 0) FROM reclaim").getInt64();
    sequence_ = 1000 * seed;
  }

  /// Of all cgroups. The time goes on by `step_us`.
  void scan(std::int64_t step_us = 10 * kSecond) {
    now_us_ += step_us;
    core::Scan scan{.started_at_us = now_us_, .interval_us = 10 * kSecond};
    for (core::CgroupKey key = 1; key <= kCgroups; ++key) {
      core::ScanRow row{.cgroup = test::tracked(key, id_of(key), {.limit_bytes = limit_of(key)})};
      row.gauges.set(core::Gauge::anon, random_() % (1 << 30));
      row.gauges.set(core::Gauge::usage, random_() % (1 << 30));
      row.increases.set(core::Counter::pgfault, random_() % 1000);
      if (key == 3 && is_stuck_) {
        row.stuck = core::StuckState::yes;
        scan.stuck = {{.key = key, .stuck = {.kind = core::StuckKind::under_oom, .began_at_us = now_us_}}};
      }
      scan.rows.push_back(std::move(row));
    }
    store(scan);
  }
  void kill(std::uint64_t key) {
    const core::CgroupId id = id_of(key);
    store(core::CountedOomKills{.id = id, .since_at_us = now_us_ - 10 * kSecond, .at_us = now_us_, .count = 1});
  }
  void logged_kill() {
    core::OomKill kill{.killed_at_us = now_us_, .position = {.boot_id = "boot", .sequence = ++sequence_}};
    kill.id = id_of(2);
    kill.logged.sequence = sequence_;
    kill.logged.victim_path = kill.logged.limit_path = kill.id.path;
    kill.logged.victim_comm = "ja\tva\\\n";
    auto& processes = kill.logged.dump.processes.emplace();
    processes.count = static_cast<std::int64_t>(1 + random_() % 3);
    for (std::int64_t pid = 1; pid <= processes.count; ++pid)
      processes.top.push_back({.pid = pid, .comm = "p", .rss_bytes = random_() % 10'000});
    kill.logged.dump.node = core::NodeMemory{.total_bytes = 1 << 30, .free_bytes = random_() % 10'000};
    store(kill);
  }
  void reclaim() {
    ++reclaim_count_;
    const core::CgroupId id = id_of(1 + random_() % kCgroups);
    store(core::Reclaim{.reclaim_id = reclaim_count_, .id = id, .started_at_us = now_us_, .freed_bytes = 5000},
          core::CgroupCooldown{id, {.last_reclaim_at_us = now_us_, .until_us = now_us_ + kMinute}});
  }
  void effect() {
    if (reclaim_count_ == 0) return reclaim();
    store(core::Effect{
        .reclaim_id = 1 + static_cast<std::int64_t>(random_() % static_cast<std::uint64_t>(reclaim_count_)),
        .observed_for_us = kMinute,
        .refaulted_bytes = random_() % 5000,
        .regrown_bytes = random_() % 5000,
        .verdict = core::Verdict::effective});
  }
  void name() {
    store(core::NamedCgroup{
        .id = id_of(1 + random_() % kCgroups),
        .names = {.pod_namespace = "shop", .pod = "web" + std::to_string(random_() % 3), .container = "app"}});
  }
  void event() { store(core::ServiceEvent{.at_us = now_us_, .kind = "gap", .detail = "of a test"}); }
  void change_limit() { limit_bytes_ += 4096; }
  void turn_stuck() { is_stuck_ = !is_stuck_; }
  void maintain(std::int64_t more_us = 0) {
    for (int i = 0; i < 30; ++i) history_.maintain(now_us_ + more_us);
  }

  /// From now on, samples of more than ten minutes ago move to the archive in maintain().
  void archive() {
    history_.set_retention({.samples_us = 10'000 * kHour, .archive = true, .archive_after_us = 10 * kMinute});
  }

  /// One of all these, now and then an hour later.
  void something() {
    switch (random_() % 12) {
      case 0:
        return kill(1 + random_() % kCgroups);
      case 1:
        return logged_kill();
      case 2:
        return reclaim();
      case 3:
        return effect();
      case 4:
        return name();
      case 5:
        return event();
      case 6:
        return change_limit();
      case 7:
        return turn_stuck();
      case 8:
        return maintain();
      case 9:
        return scan(kHour);
      default:
        return scan();
    }
  }

  store::History& history() { return history_; }
  std::int64_t now_us() const { return now_us_; }
  const std::filesystem::path& file() const { return file_; }

  template <class... Records>
  void store(const Records&... records) {
    history_.begin();
    (history_.record(records), ...);
    history_.commit();
  }

  static constexpr core::CgroupKey kCgroups = 4;

 private:
  /// A new history takes a while to be made, so it is made once and copied; but it is another one each time.
  static std::filesystem::path begun(std::filesystem::path file) {
    static const test::TempDir directory;
    static const std::filesystem::path empty = directory.path() / "empty.db";
    if (!std::filesystem::exists(empty)) const store::History made(empty);
    std::filesystem::copy_file(empty, file);
    SQLite::Database(file.string(), SQLite::OPEN_READWRITE)
        .exec("UPDATE node SET value = lower(hex(randomblob(16))) WHERE key = 'history_id'");
    return file;
  }
  static core::CgroupId id_of(std::uint64_t key) { return {"/" + std::to_string(key), key}; }
  std::int64_t limit_of(core::CgroupKey key) const { return limit_bytes_ + key; }

  std::filesystem::path file_;
  store::History history_;
  std::mt19937_64 random_;
  std::int64_t now_us_ = kNoon;
  std::int64_t limit_bytes_ = 1 << 30;
  std::int64_t reclaim_count_ = 0;
  std::uint64_t sequence_ = 0;
  bool is_stuck_ = false;
};

}  // namespace cgmm::fleet
