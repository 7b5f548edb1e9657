// SPDX-License-Identifier: Apache-2.0
#include "store/history.hpp"

#include <SQLiteCpp/SQLiteCpp.h>
#include <sqlite3.h>
#include <sys/resource.h>

#include <algorithm>
#include <csignal>
#include <limits>
#include <stdexcept>

#include "store/fixture.hpp"

namespace cgmm::store {
namespace {

using core::Cooldown;
using core::Reclaim;
using core::ReclaimMethod;
using core::ReclaimOutcome;
using core::Scan;
using core::ScanRow;

using HistoryTest = StoreTest;

const std::string kContainerId = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";
const std::string kPodUid = "11112222-3333-4444-5555-666677778888";
const core::CgroupRef kContainer =
    test::tracked(1, {"/kubepods/burstable/pod" + kPodUid + "/cri-containerd-" + kContainerId + ".scope", 1});

const core::CgroupRef kA = test::tracked(1, {"/a", 1});
const core::CgroupRef kB = test::tracked(2, {"/b", 1});
const core::CgroupRef kC = test::tracked(3, {"/c", 1});
const core::CgroupRef kD = test::tracked(4, {"/d", 1});

ScanRow row_of(const core::CgroupRef& cgroup, std::uint64_t usage_bytes = 0) {
  ScanRow row{.cgroup = cgroup};
  row.gauges.set(core::Gauge::usage, usage_bytes);
  return row;
}

Scan scan_at(std::int64_t at_us) { return {.started_at_us = at_us}; }

/// Of these cgroups.
Scan scan_of(std::int64_t at_us, const std::vector<core::CgroupRef>& cgroups) {
  Scan scan = scan_at(at_us);
  for (const core::CgroupRef& cgroup : cgroups) scan.rows.push_back(row_of(cgroup));
  return scan;
}

Reclaim started_reclaim(std::int64_t reclaim_id, const core::CgroupId& id) {
  return {.reclaim_id = reclaim_id, .id = id, .started_at_us = kNoon, .threshold_bytes = 1000};
}

TEST_F(HistoryTest, StoresAScanAsOneRowAndASampleACgroupInTheOrderOfTheirIds) {
  History history(file());
  Scan scan{.started_at_us = kNoon, .duration_us = 5, .late_us = 6, .interval_us = 8, .error_count = 7};
  scan.rows = {row_of(kC, 1023), row_of(kA, 1024), row_of(kB, 1024 * 1024 + 1)};
  scan.rows[0].gauges.set(core::Gauge::swap, std::uint64_t{0});
  scan.rows[0].increases.set(core::Counter::pgfault, std::uint64_t{11});
  scan.rows[0].increases.set(core::Counter::psi_full_us, std::uint64_t{12});
  store(history, scan);

  EXPECT_EQ(query("SELECT started_at_us, duration_us, cgroup_count, error_count, late_us, interval_us FROM scan"),
            std::to_string(kNoon) + "|5|3|7|6|8\n");
  EXPECT_EQ(query("SELECT path, usage_kib, anon_kib, swap_kib, pgfault, pgmajfault, psi_full_us "
                  "FROM sample JOIN cgroup USING (cgroup_id) ORDER BY scan_id, cgroup_id"),
            "/a|1|NULL|NULL|NULL|NULL|NULL\n"
            "/b|1024|NULL|NULL|NULL|NULL|NULL\n"
            "/c|0|NULL|0|11|NULL|12\n");
}

/// The scans of the same cgroups are the quick ones: rows in another order are none of them.
TEST_F(HistoryTest, RowsGoToTheirCgroupsInWhateverOrderAScanHasThem) {
  History history(file());
  Scan first = scan_at(kNoon);
  first.rows = {row_of(kC, 3072), row_of(kA, 1024), row_of(kB, 2048)};
  const Scan same = first;
  Scan turned = same;
  std::ranges::reverse(turned.rows);
  Scan partial = same;
  partial.is_partial = true;
  partial.rows = {row_of(kB, 2048)};
  Scan other = same;
  other.rows[0] = row_of(kD, 4096);
  store(history, first, same, turned, partial, same, partial, other);
  EXPECT_EQ(query("SELECT scan_id, group_concat(cgroup_id || ':' || usage_kib, ' ') FROM sample GROUP BY scan_id"),
            "1|1:1 2:2 3:3\n2|1:1 2:2 3:3\n3|1:1 2:2 3:3\n4|2:2\n5|1:1 2:2 3:3\n6|2:2\n7|1:1 2:2 4:4\n");
}

TEST_F(HistoryTest, TheKernelsOwnCounterIsStoredAlsoWhereTheScanThatSawItMoveWasLost) {
  History history(file());
  const auto scan_with = [](std::uint64_t total, std::uint64_t increase) {
    Scan scan = scan_at(kNoon);
    scan.rows = {row_of(kA, 1024)};
    scan.rows[0].oom_kills_total = total;
    scan.rows[0].increases.set(core::Counter::oom_kills, increase);
    return scan;
  };
  store(history, scan_with(3, 0));
  EXPECT_EQ(query("SELECT oom_kills_total FROM cgroup"), "3\n");
  store(history, scan_with(4, 1));
  EXPECT_EQ(query("SELECT oom_kills_total FROM cgroup"), "4\n");
  Scan after_a_lost_one = scan_with(5, 0);
  after_a_lost_one.rows.push_back(row_of(kB));
  store(history, after_a_lost_one);
  EXPECT_EQ(query("SELECT oom_kills_total FROM cgroup WHERE path = '/a'"), "5\n");
}

TEST_F(HistoryTest, EveryGaugeAndCounterHasTheColumnThatIsNamedAfterIt) {
  History history(file());
  Scan scan = scan_of(kNoon, {kA});
  std::string columns;
  std::string expected;
  std::uint64_t value = 100;
  for (std::size_t i = 0; i < core::Gauges::kSize; ++i, ++value) {
    scan.rows[0].gauges.set(static_cast<core::Gauge>(i), value * 1024);
    columns += std::string(core::kGaugeNames[i]) + "_kib, ";
    expected += std::to_string(value) + "|";
  }
  for (std::size_t i = 0; i < core::Counters::kSize; ++i, ++value) {
    scan.rows[0].increases.set(static_cast<core::Counter>(i), value);
    columns += std::string(core::kCounterNames[i]) + ", ";
    expected += std::to_string(value) + "|";
  }
  store(history, scan);
  EXPECT_EQ(query("SELECT " + columns + "scan_id FROM sample"), expected + "1\n");
}

TEST_F(HistoryTest, ANumberThatSqlCannotHoldIsTheLargestThatItCan) {
  History history(file());
  Scan scan = scan_of(kNoon, {kA});
  scan.rows[0].increases.set(core::Counter::pgfault, std::numeric_limits<std::uint64_t>::max());
  store(history, scan);
  EXPECT_EQ(query("SELECT pgfault FROM sample"), "9223372036854775807\n");
}

TEST_F(HistoryTest, StoresWhatThePathTellsAndNullWhereItTellsNothing) {
  History history(file());
  store(history, scan_of(kNoon, {kB, kContainer}));
  EXPECT_EQ(query("SELECT path, runtime, container_id, pod_uid, qos_class, pod FROM cgroup ORDER BY path"),
            "/b|NULL|NULL|NULL|NULL|NULL\n" + kContainer->id.path.string() + "|containerd|" + kContainerId + "|" +
                kPodUid + "|burstable|NULL\n");
}

TEST_F(HistoryTest, ACgroupMadeAgainUnderItsPathIsAnother) {
  History history(file());
  const auto again = test::tracked(2, {"/a", std::numeric_limits<std::uint64_t>::max()});
  store(history, scan_of(kNoon, {kA}), scan_of(kNoon + kSecond, {again}));
  EXPECT_EQ(query("SELECT cgroup_id, path, inode, vanished_at_us IS NULL FROM cgroup"), "1|/a|1|0\n2|/a|-1|1\n");
  EXPECT_EQ(query("SELECT cgroup_id FROM sample"), "1\n2\n");
}

TEST_F(HistoryTest, AVanishedCgroupWasLastSeenInTheScanBefore) {
  History history(file());
  Scan second = scan_at(kNoon + kSecond);  // in which it is there, but can't be read
  second.unread = {1};
  store(history, scan_of(kNoon, {kA}), second, scan_at(kNoon + 2 * kSecond));
  EXPECT_EQ(
      query("SELECT first_seen_at_us, last_seen_at_us, vanished_at_us FROM cgroup"),
      std::to_string(kNoon) + "|" + std::to_string(kNoon + kSecond) + "|" + std::to_string(kNoon + 2 * kSecond) + "\n");
}

TEST_F(HistoryTest, WhoIsMissingFromAScanOfAllHasVanished) {
  History history(file());
  Scan partial = scan_of(kNoon + kSecond, {kA});
  partial.is_partial = true;
  store(history, scan_of(kNoon, {kA, kB}), partial);
  EXPECT_EQ(query("SELECT path, vanished_at_us IS NULL FROM cgroup"), "/a|1\n/b|1\n");
  store(history, scan_of(kNoon + 2 * kSecond, {kB, kC}));
  EXPECT_EQ(query("SELECT path, vanished_at_us IS NULL FROM cgroup"), "/a|0\n/b|1\n/c|1\n");
}

/// So it is when the parent is set to another directory and back.
TEST_F(HistoryTest, TheSameCgroupUnderAnotherKeyGoesOn) {
  History history(file());
  const auto again = test::tracked(9, kA->id);
  store(history, scan_of(kNoon, {kA}), scan_of(kNoon + kSecond, {again}));
  EXPECT_EQ(query("SELECT path, vanished_at_us IS NULL FROM cgroup"), "/a|1\n");
  EXPECT_EQ(query("SELECT cgroup_id FROM sample"), "1\n1\n");
}

TEST_F(HistoryTest, ACgroupWhoseFirstScanWasLostIsOnRecordWithItsNextRowOfEitherKind) {
  History history(file());
  const auto limited = test::tracked(2, kB->id, {.limit_bytes = 512});
  history.begin();
  history.record(scan_of(kNoon, {kA, limited}));
  history.rollback();
  Scan partial = scan_of(kNoon + kSecond, {limited});
  partial.is_partial = true;
  store(history, partial, scan_of(kNoon + 2 * kSecond, {kA, limited}));
  EXPECT_EQ(query("SELECT path, (first_seen_at_us - " + std::to_string(kNoon) +
                  ") / 1000000, limit_bytes FROM cgroup JOIN cgroup_limit USING (cgroup_id)"),
            "/b|1|512\n/a|2|NULL\n");
  EXPECT_EQ(query("SELECT scan_id, cgroup_id FROM sample"), "1|1\n2|1\n2|2\n");
}

TEST_F(HistoryTest, TellsOnceWhoCameOnRecord) {
  History history(file());
  store(history, scan_of(kNoon, {kA}));
  ASSERT_EQ(history.take_appeared(), std::vector{kA});
  history.begin();
  history.record(scan_of(kNoon + kSecond, {kA, kB}));
  history.rollback();
  EXPECT_TRUE(history.take_appeared().empty());
  store(history, scan_of(kNoon + 2 * kSecond, {kA, kB}));
  store(history, scan_of(kNoon + 3 * kSecond, {kA, kB}));
  EXPECT_EQ(history.take_appeared(), std::vector{kB});
}

TEST_F(HistoryTest, ARowWithoutACgroupIsAMistakeInTheProgram) {
  History history(file());
  history.begin();
  EXPECT_THROW(history.record(scan_of(kNoon, {kA, nullptr})), std::logic_error);
  history.rollback();
  EXPECT_EQ(query("SELECT count(*) FROM scan"), "0\n");
}

TEST_F(HistoryTest, RecordingOutsideOfATransactionIsAMistakeInTheProgram) {
  History history(file());
  EXPECT_THROW(history.record(scan_at(kNoon)), std::logic_error);
  EXPECT_THROW(history.commit(), std::logic_error);
  history.begin();
  EXPECT_THROW(history.begin(), std::logic_error);
  history.rollback();
  history.rollback();  // nothing to undo is fine
}

TEST_F(HistoryTest, StoresALimitOnlyWhenItDiffersFromTheOneBeforeAlsoAcrossARestart) {
  const core::Limits half{.limit_bytes = 512, .effective_limit_bytes = 512};
  const core::Limits none{.effective_limit_bytes = 9000, .high_bytes = 5};
  {
    History history(file());
    store(history, scan_of(kNoon, {test::tracked(1, {"/a", 1}, half)}));
    store(history, scan_of(kNoon + 1, {test::tracked(1, {"/a", 1}, half)}));
    store(history, scan_of(kNoon + 2, {test::tracked(1, {"/a", 1}, none)}));
  }
  History history(file());
  store(history, scan_of(kNoon + 3, {test::tracked(8, {"/a", 1}, none), test::tracked(9, {"/b", 1})}));
  EXPECT_EQ(query("SELECT cgroup_id, changed_at_us - " + std::to_string(kNoon) +
                  ", limit_bytes, effective_limit_bytes, high_bytes FROM cgroup_limit"),
            "1|0|512|512|NULL\n1|2|NULL|9000|5\n2|3|NULL|NULL|NULL\n");
}

TEST_F(HistoryTest, KeepsPathsWholeWhateverBytesTheyHave) {
  std::vector<std::string> paths = {"/line\nbreak",
                                    "/it's \"quoted\"",
                                    "/<script>alert(1)</script>",
                                    "-rf",
                                    "=cmd|' /C calc'!A0",
                                    "/\xff\xfe\x80 not UTF-8",
                                    "/\xc3",
                                    "/tab\tand\x1b[31m",
                                    "/" + std::string(254, 'n'),
                                    "",
                                    "/%s%n?1:x;DROP TABLE cgroup;--"};
  std::string deep;
  while (deep.size() < 4096) deep += "/" + std::string(15, 'd');
  paths.push_back(deep);
  std::ranges::sort(paths);  // as they are stored
  {
    History history(file());
    Scan scan = scan_at(kNoon);
    for (std::size_t i = 0; i < paths.size(); ++i) {
      scan.rows.push_back(row_of(test::tracked(static_cast<core::CgroupKey>(i), {paths[i], 1})));
    }
    store(history, scan);
  }
  const core::Table table = Reader(file()).run("SELECT path, typeof(path) FROM cgroup ORDER BY cgroup_id");
  ASSERT_EQ(table.rows.size(), paths.size());
  for (std::size_t i = 0; i < paths.size(); ++i) {
    EXPECT_EQ(table.rows[i][0], core::Cell(paths[i]));
    EXPECT_EQ(table.rows[i][1], core::Cell("text"));
  }
  EXPECT_EQ(refusal_of([&] { query("SELECT * FROM sample WHERE"); }).first, StoreError::Kind::bad_query);
  History history(file());
  for (const std::string& path : paths) store(history, core::CgroupCooldown{{path, 1}, {kNoon, kNoon + kSecond, 1}});
  const auto handover = history.begin_run(kNoon, "");
  ASSERT_EQ(handover.cooldowns.size(), paths.size());
  for (const std::string& path : paths) EXPECT_TRUE(handover.cooldowns.contains({path, 1})) << path;
}

TEST_F(HistoryTest, AReclaimRecordedAgainReplacesItsRow) {
  History history(file());
  Reclaim reclaim = started_reclaim(4, {"/a", 1});
  reclaim.method = ReclaimMethod::memory_reclaim;
  reclaim.requested_bytes = 300;
  reclaim.before.set(core::Gauge::usage, std::uint64_t{2000});
  reclaim.before.set(core::Gauge::swap, std::uint64_t{1});
  store(history, reclaim);
  EXPECT_EQ(query("SELECT outcome, duration_us, usage_before_bytes, usage_after_bytes, error FROM reclaim"),
            "started|NULL|2000|NULL|NULL\n");
  reclaim.outcome = ReclaimOutcome::partial;
  reclaim.duration_us = 77;
  reclaim.freed_bytes = 500;
  reclaim.error = "EAGAIN";
  reclaim.stopped_by = core::StoppedBy::nothing_left;
  reclaim.step_count = 3;
  reclaim.psi_some_us = 250;
  reclaim.after.emplace();
  reclaim.after->set(core::Gauge::usage, std::uint64_t{1500});
  reclaim.after->set(core::Gauge::file, std::uint64_t{8});
  store(history, reclaim);
  EXPECT_EQ(query("SELECT reclaim_id, cgroup_id, started_at_us, duration_us, method, threshold_bytes, "
                  "requested_bytes, "
                  "usage_before_bytes, usage_after_bytes, file_before_bytes, file_after_bytes, swap_before_bytes, "
                  "swap_after_bytes, freed_bytes, outcome, error, stopped_by, step_count, psi_some_us FROM reclaim"),
            "4|1|" + std::to_string(kNoon) +
                "|77|memory.reclaim|1000|300|2000|1500|NULL|8|1|NULL|500|partial|EAGAIN|nothing_left|3|250\n");
}

TEST_F(HistoryTest, AnEffectAndACooldownAreReplacedByWhatIsKnownLater) {
  History history(file());
  const core::CgroupCooldown cooldown{{"/a", 1}, {kNoon, kNoon + 30 * kSecond, 0}};
  store(history, cooldown, started_reclaim(4, {"/a", 1}), started_reclaim(5, {"/b", 1}), core::Effect{.reclaim_id = 4});
  EXPECT_EQ(query("SELECT * FROM reclaim_effect"), "4|0|NULL|NULL|NULL|unknown|NULL|NULL\n");
  EXPECT_EQ(query("SELECT * FROM cooldown WHERE cgroup_id = 1"),
            "1|" + std::to_string(kNoon) + "|" + std::to_string(kNoon + 30 * kSecond) + "|0|10\n");
  core::Effect churn{.reclaim_id = 4,
                     .observed_for_us = 20 * kSecond,
                     .refaulted_bytes = 100,
                     .regrown_bytes = 200,
                     .held_byte_seconds = 300,
                     .verdict = core::Verdict::churn,
                     .judged_by = core::JudgedBy::refaults,
                     .ended_by = core::ObservationEnd::next_reclaim};
  store(history, churn, core::CgroupCooldown{{"/a", 1}, {kNoon, kNoon + 60 * kSecond, 1}});
  EXPECT_EQ(query("SELECT * FROM reclaim_effect"), "4|20000000|100|200|300|churn|refaults|next_reclaim\n");
  EXPECT_EQ(query("SELECT verdict, refaulted_bytes, judged_by, effect_ended_by FROM v_reclaim WHERE reclaim_id = 4"),
            "churn|100|refaults|next_reclaim\n");
  EXPECT_EQ(query("SELECT until_us, strikes FROM cooldown WHERE cgroup_id = 1"),
            std::to_string(kNoon + 60 * kSecond) + "|1\n");
}

TEST_F(HistoryTest, WhatWasWatchedWhenTheServiceDiedEndsThere) {
  {
    History history(file());
    history.begin_run(kNoon, "");
    store(history, started_reclaim(1, {"/a", 1}),
          core::Effect{.reclaim_id = 1, .observed_for_us = 7, .verdict = core::Verdict::churn});
  }
  History history(file());
  history.begin_run(kNoon + kSecond, "");
  EXPECT_EQ(query("SELECT observed_for_us, verdict, ended_by FROM reclaim_effect"), "7|churn|stop\n");
}

TEST_F(HistoryTest, ACgroupFirstKnownFromItsReclaimLearnsItsContainerWhenItIsScanned) {
  History history(file());
  store(history, started_reclaim(1, kContainer->id));
  EXPECT_EQ(query("SELECT runtime FROM cgroup"), "NULL\n");
  store(history, scan_of(kNoon + kSecond, {kContainer}));
  EXPECT_EQ(query("SELECT runtime, container_id, pod_uid FROM cgroup"),
            "containerd|" + kContainerId + "|" + kPodUid + "\n");
}

TEST_F(HistoryTest, StoresOomKillsAndWhatHappenedToTheService) {
  History history(file());
  store(history, core::CountedOomKills{.id = {"/a", 1}, .since_at_us = {}, .at_us = kNoon, .count = 1},
        core::ServiceEvent{.at_us = kNoon, .kind = "gap", .detail = "3 scans"},
        core::ServiceEvent{.at_us = kNoon, .kind = "fault_end", .detail = ""});
  EXPECT_EQ(query("SELECT killed_at, path, source, scope, victim_pid FROM v_oom_kill"),
            "2026-11-25T12:00:00Z|/a|counter|cgroup|NULL\n");
  EXPECT_EQ(query("SELECT kind, detail FROM service_event"), "gap|3 scans\nfault_end|NULL\n");
}

TEST_F(HistoryTest, NodeFactsReplaceThoseOfTheStartBefore) {
  History history(file());
  store(history, core::NodeFacts{{{"kernel", std::string("6.1")}, {"old", std::int64_t{1}}}});
  store(history,
        core::NodeFacts{
            {{"kernel", std::string("6.12")}, {"page_size_bytes", std::int64_t{4096}}, {"x", {}}, {"y", 1.5}}});
  EXPECT_EQ(query("SELECT key, value, typeof(value) FROM node WHERE key <> 'history_id'"),
            "kernel|6.12|text\npage_size_bytes|4096|integer\nx|NULL|null\ny|1.500000|real\n");
}

TEST_F(HistoryTest, ARollbackForgetsWhatWasLearnedInTheTransaction) {
  History history(file());
  const auto limited = [](std::uint64_t limit_bytes) { return test::tracked(1, kA->id, {.limit_bytes = limit_bytes}); };
  Scan first = scan_of(kNoon, {limited(1), kB});
  first.rows[0].oom_kills_total = 1;
  store(history, first);

  Scan lost = scan_of(kNoon + kSecond, {limited(2), kC});
  lost.rows[0].oom_kills_total = 2;
  history.begin();
  history.record(lost);
  history.rollback();
  EXPECT_EQ(query("SELECT path, vanished_at_us, oom_kills_total FROM cgroup"), "/a|NULL|1\n/b|NULL|NULL\n");

  // /b is back, and the changes of /a are news once more.
  lost.started_at_us = kNoon + 3 * kSecond;
  lost.rows[1] = row_of(kB);
  Scan gone = scan_of(kNoon + 4 * kSecond, {lost.rows[0].cgroup});
  store(history, lost, gone);
  EXPECT_EQ(
      query("SELECT path, (last_seen_at_us - " + std::to_string(kNoon) + ") / 1000000, oom_kills_total FROM cgroup"),
      "/a|0|2\n/b|3|NULL\n");
  EXPECT_EQ(query("SELECT limit_bytes FROM cgroup_limit WHERE cgroup_id = 1 ORDER BY changed_at_us"), "1\n2\n");
}

/// While it lives, a write of this process beyond the first 64 KiB of a file fails, as on a full disk.
class NoLargerFiles {
 public:
  NoLargerFiles() {
    ::signal(SIGXFSZ, SIG_IGN);
    ::getrlimit(RLIMIT_FSIZE, &usual_);
    const rlimit small{.rlim_cur = 64 << 10, .rlim_max = usual_.rlim_max};
    ::setrlimit(RLIMIT_FSIZE, &small);
  }
  ~NoLargerFiles() { ::setrlimit(RLIMIT_FSIZE, &usual_); }
  NoLargerFiles(const NoLargerFiles&) = delete;
  NoLargerFiles& operator=(const NoLargerFiles&) = delete;

 private:
  rlimit usual_{};
};

TEST_F(HistoryTest, AFullDiskLosesTheTransactionAndNothingElse) {
  History history(file());
  store(history, scan_of(kNoon, {kA}));
  history.begin();
  history.record(scan_of(kNoon + kSecond, {kA, kB}));
  {
    const NoLargerFiles full;
    const std::string more_than_fits_in_memory(16 << 20, 'x');
    EXPECT_THROW(history.record(core::ServiceEvent{.at_us = kNoon, .kind = "gap", .detail = more_than_fits_in_memory}),
                 SQLite::Exception);
    EXPECT_THROW(history.record(scan_at(kNoon)), SQLite::Exception);  // not stored outside of the lost transaction
    EXPECT_THROW(history.commit(), SQLite::Exception);
  }
  history.rollback();
  store(history, scan_of(kNoon + 2 * kSecond, {kA}));
  EXPECT_EQ(query("SELECT path FROM cgroup"), "/a\n");
  EXPECT_EQ(query("SELECT count(*) FROM scan"), "2\n");
}

/// SQLite takes memory to roll back, too.
TEST_F(HistoryTest, ATransactionThatCouldNotBeRolledBackForWantOfMemoryIsUndoneBeforeTheNextOne) {
  History history(file());
  history.begin();
  history.record(scan_of(kNoon, {kA}));
  sqlite3_hard_heap_limit64(1);
  history.rollback();
  sqlite3_hard_heap_limit64(0);
  history.transact([&] { history.record(scan_of(kNoon + 1, {kA})); });
  EXPECT_EQ(query("SELECT started_at_us FROM scan"), std::to_string(kNoon + 1) + "\n");
}

TEST_F(HistoryTest, AnOpenTransactionIsUndoneWhenTheHistoryIsClosed) {
  {
    History history(file());
    history.begin();
    history.record(scan_at(kNoon));
  }
  EXPECT_EQ(query("SELECT count(*) FROM scan"), "0\n");
}

TEST_F(HistoryTest, TheLogDoesNotGrowWithTheNumberOfScans) {
  History history(file());
  Scan scan = scan_at(kNoon);
  for (core::CgroupKey key = 1; key <= 200; ++key) {
    scan.rows.push_back(row_of(test::tracked(key, {"/" + std::to_string(key), 1}), 1 << 20));
  }
  for (int i = 0; i < 200; ++i) {
    store(history, scan);
    history.maintain(scan.started_at_us);
    scan.started_at_us += 10 * kSecond;
  }
  EXPECT_LT(std::filesystem::file_size(file().string() + "-wal"), 3u << 20);
}

TEST_F(HistoryTest, TheViewsHaveWhatPeopleRead) {
  History history(file());
  store(history, core::NodeFacts{{{"page_size_bytes", std::int64_t{4096}}}});
  Scan scan = scan_at(kNoon);
  const std::string path = kContainer->id.path.string();
  const auto container = test::tracked(1, kContainer->id, {.limit_bytes = 4096, .effective_limit_bytes = 4096});
  scan.rows = {row_of(container, 10 * 1024)};
  scan.rows[0].gauges.set(core::Gauge::file, std::uint64_t{8 * 1024});
  scan.rows[0].gauges.set(core::Gauge::shmem, std::uint64_t{3 * 1024});
  scan.rows[0].increases.set(core::Counter::refault_file, std::uint64_t{2});
  Scan later = scan_at(kNoon + 90 * kSecond);
  later.unread = {1};
  store(history, scan, started_reclaim(1, container->id), later);
  EXPECT_EQ(query("SELECT name, path, first_seen_at, last_seen_at, vanished, limit_bytes FROM v_cgroup"),
            "0123456789ab (pod 11112222)|" + path + "|2026-11-25T12:00:00Z|2026-11-25T12:01:30Z|0|4096\n");
  EXPECT_EQ(query("SELECT at, path, usage_bytes, anon_bytes, reclaimable_cache_bytes, refault_file_bytes "
                  "FROM v_sample"),
            "2026-11-25T12:00:00Z|" + path + "|10240|NULL|5120|8192\n");
  EXPECT_EQ(query("SELECT started_at, path, outcome, verdict FROM v_reclaim"),
            "2026-11-25T12:00:00Z|" + path + "|started|NULL\n");
}

}  // namespace
}  // namespace cgmm::store
