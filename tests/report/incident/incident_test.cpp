// SPDX-License-Identifier: Apache-2.0
// What is said of an OOM kill, for each cause and for whatever is not known.
#include "report/incident/incident.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <stdexcept>

#include "base/text.hpp"
#include "report/format/escape.hpp"
#include "report/incident/made_incident.hpp"
#include "report/incident/words.hpp"

namespace cgmm::report {
namespace {

TEST_F(IncidentTest, TheFirstFiveLinesSayWhoWhyAndWhetherReclaimWouldHaveHelped) {
  const std::string page = render_incident(made(), Format::text, {});
  EXPECT_TRUE(
      page.starts_with("OOM kill 7 at 2026-11-23T03:12:00.123Z\n"
                       "who     python3 (pid 4319) in container app of pod shop/web-7d9c5b8f6d-x2x4z\n"
                       "why     Its heap and stacks (anon) grew from 41.0 MiB to 250.0 MiB in 5 s\n"
                       "        (41.8 MiB/s) and hit its limit of 256.0 MiB.\n"
                       "cache   1.3 MiB of page cache were left at the kill (under 1 % of the limit):\n"
                       "        dropping it would not have helped; the kernel had dropped the rest\n"
                       "        already.\n"))
      << page;
}

TEST_F(IncidentTest, ABurstAtTheEndIsToldFromTheWholeGrowth) {
  kill["grew_from_at_us"] = number(kKilledUs - 1790 * kSecondUs);
  EXPECT_EQ(why(made()),
            "Its heap and stacks (anon) grew from 41.0 MiB to 250.0 MiB in 5 s (41.8 MiB/s) and hit its limit of "
            "256.0 MiB.")
      << "it stood still before";
  about["grew_from_anon_bytes"] = number(11 * kMiB);
  EXPECT_EQ(why(made()),
            "Its heap and stacks (anon) grew from 11.0 MiB to 250.0 MiB in 29m 50s, the last 209.0 MiB in 5 s "
            "(41.8 MiB/s), and hit its limit of 256.0 MiB.");
}

TEST_F(IncidentTest, GrowthOfOtherKindsIsNamed) {
  kill["cause"] = text("shmem");
  kill["shmem_bytes"] = number(200 * kMiB);
  EXPECT_EQ(why(made()),
            "Its tmpfs and shared memory grew from 0 B to 200.0 MiB in 1 s (200.0 MiB/s) and hit its limit of "
            "256.0 MiB. The kernel counts that as cache, but can't drop it.");
  kill["cause"] = text("kernel_memory");
  kill["kernel_bytes"] = number(104 * kMiB);
  EXPECT_TRUE(why(made()).starts_with("Its kernel memory (slab, page tables, sockets) grew from 4.0 MiB to 104.0"))
      << why(made());
}

TEST_F(IncidentTest, GrowthWhoseSampleIsGoneIsToldOfAllThatCannotBeDropped) {
  about["grew_from_anon_bytes"] = Cell{};
  EXPECT_EQ(why(made()),
            "Its memory, most of it heap and stacks (anon), grew from 45.0 MiB to 254.0 MiB in 5 s (41.8 MiB/s) "
            "and hit its limit of 256.0 MiB.");
}

TEST_F(IncidentTest, WithoutGrowthItIsSaidWhatTheMemoryWas) {
  forget({"grew_from_at_us", "grew_from_bytes", "grew_to_bytes"});
  EXPECT_EQ(why(made()),
            "Of the 256.0 MiB in use at its limit of 256.0 MiB, 250.0 MiB were heap and stacks (anon); it did not "
            "grow in the samples before.");
  samples.rows.clear();
  EXPECT_TRUE(why(made()).ends_with("; there are no samples of how it came to that.")) << why(made());
  EXPECT_EQ(said("growth"), "");
}

TEST_F(IncidentTest, CacheThatCouldNotBeDropped) {
  kill["cause"] = text("cache");
  kill["cache_bytes"] = number(200 * kMiB);
  kill["dirty_bytes"] = number(190 * kMiB);
  EXPECT_EQ(why(made()),
            "Of the 256.0 MiB in use at its limit of 256.0 MiB, 200.0 MiB were page cache that the kernel "
            "could not "
            "drop in time: 190.0 MiB of it had to be written to disk first.");
  EXPECT_EQ(would_reclaim_have_helped(made()),
            "200.0 MiB of page cache were left at the kill (78 % of the limit): the kernel had tried and could not "
            "drop it: 190.0 MiB of it waiting to be written; a reclaim would not have freed it either. Writing it "
            "back earlier may have helped.");
  kill["dirty_bytes"] = Cell{};
  EXPECT_TRUE(why(made()).ends_with("is not known.")) << why(made());
  EXPECT_TRUE(
      would_reclaim_have_helped(made()).ends_with("could not drop it: in use, locked or waiting to be "
                                                  "written; a reclaim would not have freed it either."))
      << would_reclaim_have_helped(made());
}

TEST_F(IncidentTest, CacheThatIsLockedCouldNotHaveBeenDroppedEarlierEither) {
  kill["cause"] = text("cache");
  kill["cache_bytes"] = number(200 * kMiB);
  kill["dirty_bytes"] = number(kMiB);
  EXPECT_TRUE(why(made()).ends_with("it was in use or locked, and 1.0 MiB of it had to be written first."))
      << why(made());
  EXPECT_EQ(would_reclaim_have_helped(made()),
            "200.0 MiB of page cache were left at the kill (78 % of the limit): the kernel had tried and could "
            "not drop it: in use or locked, 1.0 MiB of it waiting to be written; a reclaim would not have freed "
            "it either.");
  kill["dirty_bytes"] = number(0);
  EXPECT_TRUE(why(made()).ends_with("it was in use or locked.")) << why(made());
  EXPECT_TRUE(would_reclaim_have_helped(made()).ends_with(
      "could not drop it: in use or locked; a reclaim would not have freed it either."))
      << would_reclaim_have_helped(made());
}

TEST_F(IncidentTest, ALimitTooSmall) {
  kill["cause"] = text("limit_too_small");
  EXPECT_EQ(why(made()),
            "It did not grow, but lived at its limit of 256.0 MiB: in every sample before the kill, nine tenths of "
            "that or more was memory that can't be dropped.");
  about["first_seen_at_us"] = number(kKilledUs - 12 * kSecondUs);
  about["earlier_kills"] = number(3);
  EXPECT_EQ(why(made()),
            "Killed 12 s after it was first seen, as 3 times before: its limit of 256.0 MiB is too small for its "
            "start, or it leaks from its start on. Its heap and stacks (anon) grew from 41.0 MiB to 250.0 MiB in 5 "
            "s "
            "(41.8 MiB/s).");
  forget({"grew_from_at_us"});
  EXPECT_TRUE(why(made()).ends_with("or it leaks from its start on.")) << why(made());
}

TEST_F(IncidentTest, ALimitThatWasLoweredBeforeTheKillBelongsToTheAnswer) {
  for (const std::int64_t before_s : {4, 900}) {
    add_row(limit_changes, {{"path", text("/kubepods/pod1/c1")},
                            {"changed_at_us", number(kKilledUs - before_s * kSecondUs)},
                            {"limit_before_bytes", number(320 * kMiB)},
                            {"limit_bytes", number(256 * kMiB)}});
  }
  EXPECT_TRUE(
      why(made()).ends_with("its limit of 256.0 MiB. Its limit was lowered from 320.0 MiB to 256.0 MiB 4 s before."))
      << why(made());
  for (std::size_t i = 0; i < 3; ++i) samples.rows[i][column_of(samples, "limit_bytes")] = number(320 * kMiB);
  EXPECT_NE(render_incident(made(), Format::text, {}).find("usage, limit 256.0 MiB\n"), std::string::npos);
  samples.rows[0][column_of(samples, "usage_bytes")] = number(300 * kMiB);
  EXPECT_NE(render_incident(made(), Format::text, {}).find("usage, limit 256.0 MiB at the kill\n"), std::string::npos)
      << "a line at the top would be the old limit's";
  limit_changes.rows[0][column_of(limit_changes, "changed_at_us")] = number(kKilledUs);
  EXPECT_TRUE(why(made()).ends_with(" to 256.0 MiB after the last sample before the kill.")) << why(made());
  kill["scope"] = kill["cause"] = text("node");
  EXPECT_EQ(why(made()).find("lowered"), std::string::npos) << why(made());
}

TEST_F(IncidentTest, AnAncestorsLimitNamesWhoSharesIt) {
  kill["cause"] = text("ancestor_limit");
  kill["limit_path"] = text("/kubepods/pod1");
  kill["limit_bytes"] = number(512 * kMiB);
  add_sharer("shop/web/proxy", 37, 53, true);
  add_sharer("shop/web/app", 256, 256, false);
  EXPECT_EQ(why(made()),
            "It did not hit its own limit, but the limit of /kubepods/pod1 above it, 512.0 MiB, which it shares. Of "
            "the 2 cgroups that share it, shop/web/proxy grew most: 37.0 MiB to 53.0 MiB in 9 s; shop/web/app "
            "(the victim's) held 256.0 MiB. Its heap and stacks (anon) grew from 41.0 MiB to 209.0 MiB in 4 s "
            "(42.0 MiB/s) before.");
  EXPECT_NE(said("memory").find("of /kubepods/pod1 above it with all below it"), std::string::npos) << said("memory");
  kill["limit_path"] = text("/kubepods.slice/kubepods-pod1f0c2a3b_1111_2222_3333_444455556666.slice");
  EXPECT_TRUE(why(made()).starts_with(
      "It did not hit its own limit, but the limit of pod shop/web-7d9c5b8f6d-x2x4z, 512.0 MiB, which"))
      << why(made());
}

TEST_F(IncidentTest, AtAPodsLimitItAddsUp) {
  kill["cause"] = text("ancestor_limit");
  kill["limit_path"] = text("/kubepods/pod1");
  kill["limit_bytes"] = number(512 * kMiB);
  add_row(shares, {{"at_us", number(kKilledUs - 2 * kSecondUs)},
                   {"running_count", number(1)},
                   {"running_bytes", number(380 * kMiB)},
                   {"remainder_bytes", number(104 * kMiB)},
                   {"remainder_cache_bytes", number(2 * kMiB)},
                   {"remainder_tmpfs_bytes", number(100 * kMiB)}});
  const std::string sum =
      " above it, 512.0 MiB, which it shares. In the scan 2 s before, 1 running cgroup held 380.0 MiB, and 104.0 MiB "
      "belonged to none, 100.0 MiB of it tmpfs and shared memory.";
  EXPECT_NE(why(made()).find(sum + " Whose that was is not on record."), std::string::npos) << why(made());
  add_row(ended, {{"cgroup", text("shop/web/\x1b[2Jinit")},
                  {"ended_by_us", number(kKilledUs - 180 * kSecondUs)},
                  {"tmpfs_bytes", number(100 * kMiB)}});
  EXPECT_NE(
      why(made()).find(sum + " shop/web/\\x1b[2Jinit was gone 3m before the kill; in its last sample it had 100.0 MiB "
                             "of tmpfs and shared memory."),
      std::string::npos)
      << why(made());
  shares.rows[0][column_of(shares, "remainder_bytes")] = number(4 * 1024);
  EXPECT_NE(why(made()).find("held 380.0 MiB, and 4.0 KiB belonged to none. "), std::string::npos) << why(made());
}

TEST_F(IncidentTest, AtThePodsLimitTheCauseIsToldAndWhoseLimitItWas) {
  kill["limit_path"] = text("/kubepods/pod1f0c2a3b-1111-2222-3333-444455556666");
  kill["path"] = kill["victim_path"] = text("/kubepods/pod1f0c2a3b-1111-2222-3333-444455556666/c1");
  about["own_limit_bytes"] = number(256 * kMiB);
  const std::string grew =
      "Its heap and stacks (anon) grew from 41.0 MiB to 209.0 MiB in 4 s (42.0 MiB/s) up to the last sample, 1 s "
      "before. ";
  EXPECT_EQ(why(made()), grew + "The limit of its pod, 256.0 MiB, which is also its own, was hit.");
  EXPECT_NE(said("memory").find("of pod shop/web-7d9c5b8f6d-x2x4z with all below it"), std::string::npos);
  about["own_limit_bytes"] = Cell{};
  EXPECT_EQ(why(made()), grew + "The limit of its pod, 256.0 MiB, was hit.") << "whether it has one is not known";
  about["own_limit_is_known"] = number(1);
  EXPECT_EQ(why(made()), grew + "It has no limit of its own; the limit of its pod, 256.0 MiB, was hit.");
  samples.rows.clear();
  about["samples_are_gone"] = number(1);
  EXPECT_EQ(
      why(made()),
      "Its memory that can't be dropped grew from 45.0 MiB to 254.0 MiB in the last 5 s before the kill. It has no "
      "limit of its own; the limit of its pod, 256.0 MiB, was hit.");
  EXPECT_EQ(said("unseen"), "Its samples from before the kill are gone (keep_samples).");
  kill["cause"] = text("shmem");
  kill["grew_from_at_us"] = Cell{};
  kill["shmem_bytes"] = number(240 * kMiB);
  EXPECT_EQ(
      why(made()),
      "Of the 256.0 MiB in use in its pod at the kill, 240.0 MiB were tmpfs and shared memory; the samples of how it "
      "came to that are gone (keep_samples). The kernel counts that as cache, but can't drop it. It has no limit of "
      "its own; the limit of its pod, 256.0 MiB, was hit.");
  kill["cause"] = text("limit_too_small");
  about["first_seen_at_us"] = number(kKilledUs - 2 * kSecondUs);
  about["earlier_kills"] = number(9);
  EXPECT_EQ(
      why(made()),
      "Killed 2 s after it was first seen, as 9 times before: the limit of its pod, 256.0 MiB, for it has none of "
      "its own, is too small for its start, or it leaks from its start on.");
}

TEST_F(IncidentTest, AtTheLimitOfAnotherItsOwnMemoryIsCalledSoAndNeighboursPlayNoPart) {
  add_row(neighbours,
          {{"path", text("/kubepods/pod1")}, {"cgroup", text("the pod")}, {"grown_bytes", number(70 * kMiB)}});
  add_row(neighbours,
          {{"path", text("/kubepods/pod2/c")}, {"cgroup", text("shop/db")}, {"grown_bytes", number(90 * kMiB)}});
  const auto page = [&] { return render_incident(made(), Format::text, {}); };
  EXPECT_NE(page().find("shop/db"), std::string::npos);
  EXPECT_EQ(page().find("the pod"), std::string::npos) << "its own pod is no neighbour";
  EXPECT_NE(page().find("\nusage, limit 256.0 MiB"), std::string::npos);
  kill["limit_path"] = text("/kubepods/pod1");
  EXPECT_EQ(page().find("shop/db"), std::string::npos);
  EXPECT_NE(page().find("\nusage of its cgroup alone, limit 256.0 MiB"), std::string::npos);
  EXPECT_NE(render_incident(made(), Format::html, {}).find("Memory of its cgroup alone up to the kill"),
            std::string::npos);
}

TEST_F(IncidentTest, GapsBeforeItWasThereAreNotTold) {
  samples.rows.clear();
  add_sample(samples, kKilledUs - 10 * kSecondUs, 41, 20);
  about["first_seen_at_us"] = number(kKilledUs - 10 * kSecondUs);
  about["history_begins_at_us"] = number(kKilledUs - 90 * kSecondUs);
  add_row(gaps, {{"from_at_us", number(kKilledUs - 60 * kSecondUs)},
                 {"to_at_us", number(kKilledUs - 20 * kSecondUs)},
                 {"missing_us", number(30 * kSecondUs)},
                 {"why", text("the service was stopped")}});
  EXPECT_EQ(said("unseen"), "");
  add_sample(samples, kKilledUs - 70 * kSecondUs, 41, 20);
  std::ranges::rotate(samples.rows, samples.rows.end() - 1);
  EXPECT_NE(said("unseen").find("No scan from"), std::string::npos) << "an earlier one with its path was there";
}

TEST_F(IncidentTest, OfAVictimThatDidNotGrowNoGrowthIsTold) {
  kill["cause"] = text("ancestor_limit");
  kill["limit_path"] = text("/kubepods/pod1");
  samples.rows.clear();
  for (std::int64_t before_s : {5, 4, 3, 2, 1}) add_sample(samples, kKilledUs - before_s * kSecondUs, 41, 20);
  kill["grew_from_bytes"] = kill["grew_to_bytes"] = number(45 * kMiB);
  add_sharer("shop/web/app", 256, 256, false);
  EXPECT_TRUE(
      why(made()).ends_with(" By the last sample, shop/web/app (the victim's) held 256.0 MiB; no growth was sampled."))
      << why(made());
}

TEST_F(IncidentTest, TheNodesMemory) {
  kill["cause"] = text("node");
  kill["scope"] = text("node");
  forget({"limit_path", "limit_bytes", "grew_from_at_us"});
  EXPECT_EQ(why(made()),
            "The node's memory (8.0 GiB) had run out, and no limit was hit: the kernel chose this process.");
}

TEST_F(IncidentTest, TheCounterAloneTellsBetweenWhichInstantsAndNotWho) {
  by_counter_alone();
  EXPECT_EQ(incident_title(made()), "OOM kill 7 between 2026-11-23T03:11:59.123Z and 2026-11-23T03:12:00.123Z");
  EXPECT_EQ(said("who"), "a process whose name is not known in container app of pod shop/web-7d9c5b8f6d-x2x4z");
  EXPECT_EQ(
      said("told"),
      "Only the cgroup's counter shows this kill: between 2026-11-23T03:11:59.123Z and 2026-11-23T03:12:00.123Z a "
      "process was killed, but not which. The kernel log was not read: can't be read: Operation not permitted.");
  EXPECT_EQ(why(made()),
            "Its heap and stacks (anon) grew from 41.0 MiB to 209.0 MiB in 4 s (42.0 MiB/s) up to the last sample, "
            "1 s before; its limit was 256.0 MiB, and the counter does not tell which limit was hit.");
  EXPECT_EQ(would_reclaim_have_helped(made()),
            "4.0 MiB of page cache (2 % of the limit) were there in the last sample, 1 s before the kill. The "
            "kernel drops what it can before it kills, so dropping it earlier would hardly have helped; how much "
            "was left at the kill is not known.");
  EXPECT_EQ(said("victim"), "");
}

TEST_F(IncidentTest, TheScanThatSawTheCounterRiseIsNoSampleBeforeTheKill) {
  add_sample(samples, kKilledUs, 1, 0);
  const auto at_us = column_of(samples, "at_us");
  std::ranges::sort(samples.rows, {}, [&](const auto& row) { return std::get<std::int64_t>(row[at_us]); });
  by_counter_alone();
  const Table table = samples_around(made());
  ASSERT_EQ(table.rows.size(), std::size_t{11});
  EXPECT_EQ(table.rows[7][0], text("  -1.0 s"));
  EXPECT_EQ(table.rows[8][0], text("  +0.0 s")) << "what was left of it";
  forget({"measured_at_us", "grew_from_at_us"});
  EXPECT_TRUE(would_reclaim_have_helped(made()).starts_with("4.0 MiB of page cache")) << "not of the corpse";
  kill["measured_at_us"] = number(kKilledUs);
  kill["cache_bytes"] = number(0);
  EXPECT_TRUE(would_reclaim_have_helped(made()).starts_with("4.0 MiB of page cache"))
      << "an older version recorded the corpse";
  kill["earliest_at_us"] = Cell{};
  EXPECT_TRUE(would_reclaim_have_helped(made()).starts_with("4.0 MiB of page cache"));
  const auto points = chart_points(made(), &MemoryPoint::anon);
  const auto corpse = std::ranges::find(points, kKilledUs, &ChartPoint::at_us);
  ASSERT_NE(corpse, points.end());
  EXPECT_FALSE((corpse - 1)->value) << "a chart does not join it to the life before";
}

TEST_F(IncidentTest, OfAKillWithoutASampleBeforeNothingIsSaidOfGrowth) {
  samples.rows.clear();
  add_sample(samples, kKilledUs, 1, 0);
  by_counter_alone();
  kill["measured_at_us"] = number(kKilledUs);
  kill["earliest_at_us"] = number(kKilledUs - 60 * kSecondUs);
  forget({"grew_from_at_us"});
  for (const char* const cause : {"anon_growth", "shmem", "limit_too_small", "cache"}) {
    kill["cause"] = text(cause);
    EXPECT_EQ(why(made()).find("did not grow"), std::string::npos) << why(made());
    EXPECT_EQ(why(made()).find("1.0 MiB"), std::string::npos) << why(made());
  }
  EXPECT_TRUE(would_reclaim_have_helped(made()).ends_with("nor how much there was."));
  EXPECT_TRUE(said("unseen").starts_with("Nothing of it was sampled before the kill")) << said("unseen");
}

TEST_F(IncidentTest, WhereNothingIsKnownThatIsSaid) {
  kill = {{"oom_kill_id", number(7)},
          {"killed_at_us", number(kKilledUs)},
          {"source", text("counter")},
          {"path", text("/web")}};
  about = {{"first_seen_at_us", number(kKilledUs - kSecondUs)}};
  samples.rows.clear();
  EXPECT_EQ(incident_title(made()), "OOM kill 7 before 2026-11-23T03:12:00.123Z");
  EXPECT_EQ(why(made()),
            "Too little is known: the cgroup was not sampled in this window before the kill, and the "
            "kernel log does not mention the kill.");
  EXPECT_EQ(would_reclaim_have_helped(made()),
            "It is not known whether dropping page cache would have helped, nor how much there was.");
  EXPECT_EQ(said("unseen"),
            "Nothing of it was sampled before the kill in this window: it was first seen at "
            "2026-11-23T03:11:59.123Z.");
  for (const char* const label : {"memory", "victim", "growth", "again"}) EXPECT_EQ(said(label), "") << label;
  kill = {{"oom_kill_id", number(7)}, {"killed_at_us", number(kKilledUs)}, {"source", text("kernel_log")}};
  about = {};
  EXPECT_EQ(said("who"), "a process whose name is not known in an unknown cgroup");
  EXPECT_TRUE(why(made()).starts_with("Too little is known: its cgroup is not known")) << why(made());
  EXPECT_FALSE(render_incident(made(), Format::text, {}).empty());
}

TEST_F(IncidentTest, HowItIsKnownWhoseTheKillWasIsSaid) {
  EXPECT_EQ(said("told"), "") << "the kernel's log names it";
  kill["victim_path"] = Cell{};
  kill["cgroup_by"] = text("pid");
  EXPECT_EQ(said("told"),
            "The kernel log does not name the cgroup: the process had been seen in this one a few seconds before.");
  kill["cgroup_by"] = text("counter");
  EXPECT_EQ(said("told"),
            "The kernel log does not name the cgroup: this one's counter alone rose by as many kills as the log "
            "leaves open.");
  for (const Cell& older : {text("guess"), Cell{}}) {
    kill["cgroup_by"] = older;
    EXPECT_EQ(said("told"),
              "The kernel log does not name the cgroup. An earlier version took the first one whose counter rose: it "
              "may be another one.");
  }
}

TEST_F(IncidentTest, OfAKillWhoseCgroupIsNotKnownTheCandidatesAreNamed) {
  const std::string unnamed = "The kernel log does not name the cgroup (it does of ten kills in five seconds only)";
  forget({"path", "victim_path", "namespace", "pod", "container", "pod_uid", "container_id", "runtime"});
  kill["cgroup_by"] = text("unknown");
  EXPECT_EQ(said("told"), unnamed + ", and no counter of a tracked cgroup rose: it is not tracked, or gone.");
  EXPECT_EQ(said("again"), "") << "nobody's earlier kills are known";
  kill["cgroup_by"] = Cell{};
  EXPECT_EQ(said("told"), unnamed + ". It is decided when the counters of all cgroups have been read.");
  kill["cgroup_by"] = text("candidates");
  EXPECT_EQ(said("told"), unnamed + ". Which ones it can have been is not on record here.");
  const auto with_candidate = [&](const char* name) {
    add_row(candidates, {{"cgroup", text(name)}});
    return said("told");
  };
  EXPECT_EQ(with_candidate("a"), unnamed + ". The counters say: it was a, or one that is not tracked.");
  EXPECT_EQ(with_candidate("b"), unnamed + ". The counters say: it was a or b, or one that is not tracked.");
  EXPECT_EQ(with_candidate("c\n"), unnamed + ". The counters say: it was a, b or c\\n, or one that is not tracked.");
  with_candidate("d");
  with_candidate("e");
  EXPECT_EQ(with_candidate("f"),
            unnamed + ". The counters say: it was a, b, c\\n, d, e or another, or one that is not tracked.");
}

TEST_F(IncidentTest, OfARowThatStandsForManyKillsTheirNumberAndTimeAreSaid) {
  kill["kill_count"] = number(240);
  kill["last_killed_at_us"] = number(kKilledUs + 1800 * kSecondUs);
  const std::string many = "It stands for 240 kills up to 2026-11-23T03:42:00Z, of which this is the first.";
  EXPECT_EQ(said("again"), many + " No other kill of it on record.");
  about["earlier_kills"] = Cell{};
  EXPECT_EQ(said("again"), many);
}

TEST_F(IncidentTest, OfAKillThatAnOlderVersionRecordedTheSamplesTell) {
  forget({"cause", "measured_by", "measured_at_us", "usage_bytes", "anon_bytes", "cache_bytes", "limit_bytes",
          "grew_from_at_us", "limit_path"});
  EXPECT_EQ(why(made()),
            "No cause was recorded. In the last sample, 1 s before, 209.0 MiB of 217.0 MiB in use were heap "
            "and stacks (anon); its limit was 256.0 MiB, and why it was killed is not known.");
  EXPECT_TRUE(would_reclaim_have_helped(made()).starts_with("4.0 MiB of page cache (2 % of the limit) were there"))
      << would_reclaim_have_helped(made());
  kill["scope"] = text("node");
  EXPECT_TRUE(why(made()).starts_with("The node's memory (8.0 GiB) had run out")) << why(made());
}

TEST_F(IncidentTest, EveryColumnMayBeNull) {
  for (const std::string cause :
       {"anon_growth", "shmem", "kernel_memory", "cache", "limit_too_small", "ancestor_limit", "node", "later"}) {
    for (const auto& [column, value] : leak()) {
      kill = leak();
      kill["cause"] = cause;
      kill[column] = Cell{};
      for (const Format format : {Format::text, Format::markdown, Format::json}) {
        EXPECT_FALSE(render_incident(made(), format, {}).empty());
      }
    }
  }
}

TEST_F(IncidentTest, NamesFallBackToIdsAndPaths) {
  EXPECT_EQ(place_of(made()), "container app of pod shop/web-7d9c5b8f6d-x2x4z");
  forget({"container"});
  EXPECT_EQ(place_of(made()), "container 3fa91c7d5e2b of pod shop/web-7d9c5b8f6d-x2x4z");
  forget({"pod", "namespace"});
  EXPECT_EQ(place_of(made()), "container 3fa91c7d5e2b of pod 1f0c2a3b-1111-2222-3333-444455556666");
  forget({"pod_uid"});
  EXPECT_EQ(place_of(made()), "containerd container 3fa91c7d5e2b");
  forget({"container_id"});
  EXPECT_EQ(place_of(made()), "cgroup /kubepods/pod1/c1");
  forget({"path"});
  EXPECT_EQ(place_of(made()), "cgroup /kubepods/pod1/c1, which is not tracked");
}

TEST_F(IncidentTest, AGroupAndANestedVictimAreTold) {
  kill["process_count"] = number(4);
  kill["victim_path"] = text("/kubepods/pod1/c1/worker");
  kill["limit_path"] = text("/kubepods/pod1/c1/worker");
  EXPECT_TRUE(said("who").starts_with("python3 (pid 4319) and 3 other processes with it (memory.oom.group) in "));
  EXPECT_TRUE(said("victim").ends_with("It ran in /kubepods/pod1/c1/worker.")) << said("victim");
  EXPECT_TRUE(why(made()).ends_with("and hit the limit of 256.0 MiB of /kubepods/pod1/c1/worker.")) << why(made());
}

TEST_F(IncidentTest, GapsAndABeginningOfTheHistoryAreSaid) {
  add_row(gaps, {{"from_at_us", number(kKilledUs - 60 * kSecondUs)},
                 {"to_at_us", number(kKilledUs + 60 * kSecondUs)},
                 {"missing_us", number(110 * kSecondUs)},
                 {"why", text("the service was stopped")}});
  EXPECT_EQ(said("unseen"),
            "No scan from 2026-11-23T03:11:00Z to 2026-11-23T03:13:00Z (1m 50s missing): the service was "
            "stopped. The kill "
            "itself lies in that gap.");
  gaps.rows.clear();
  add_row(gaps, {{"from_at_us", number(kKilledUs + 60 * kSecondUs)},
                 {"to_at_us", number(kKilledUs + 160 * kSecondUs)},
                 {"missing_us", number(90 * kSecondUs)},
                 {"why", text("the service was stopped")}});
  EXPECT_EQ(said("unseen"), "") << "it lies after the kill";
  gaps.rows.clear();
  about["history_begins_at_us"] = number(kKilledUs - 90 * kSecondUs);
  EXPECT_EQ(said("unseen"), "The history begins at 2026-11-23T03:10:30Z, 1m 30s before the kill.");
}

TEST_F(IncidentTest, AStoppedServiceIsSaidEvenWhereThatIsNoGap) {
  about["not_running_from_at_us"] = number(kKilledUs - kSecondUs);
  about["not_running_to_at_us"] = number(kKilledUs + 2 * kSecondUs);
  EXPECT_EQ(said("unseen"),
            "The service was not running at the kill (from 2026-11-23T03:11:59.123Z to "
            "2026-11-23T03:12:02.123Z).");
  about["had_crashed"] = number(1);
  EXPECT_TRUE(said("unseen").starts_with("The service had crashed: it recorded nothing from 2026-11-23T03:11:59"))
      << said("unseen");
  about["had_crashed"] = number(0);
  kill["source"] = text("counter");
  EXPECT_TRUE(said("unseen").ends_with(": the kill may lie in that time.")) << said("unseen");
}

TEST_F(IncidentTest, EarlierAndLaterKillsOfTheWorkloadAreCounted) {
  add_row(earlier, {{"id", number(5)},
                    {"killed_at_us", number(kKilledUs - 7200 * kSecondUs)},
                    {"before_us", number(7200 * kSecondUs)},
                    {"victim", text("python3")},
                    {"cause", text("anon_growth")}});
  about["earlier_kills"] = number(12);
  about["earlier_kills_in_7_days"] = number(9);
  about["later_kills"] = number(2);
  EXPECT_EQ(said("again"),
            "12 earlier kills of it, 9 in the 7 days before, the last one 2h before; killed 2 times since.");
  EXPECT_NE(render_incident(made(), Format::text, {}).find("python3  anon growth\n"), std::string::npos);
  const auto json = nlohmann::json::parse(render_incident(made(), Format::json, {}));
  EXPECT_EQ(json["earlier_kills"][0]["cause"], "anon_growth");
  EXPECT_EQ(json["earlier_kills"][0]["killed_at"], "2026-11-23T01:12:00.123000Z") << "each time is there in words";
  EXPECT_EQ(json["samples"][0]["at"], "2026-11-23T02:42:10.123000Z");
  EXPECT_EQ(json["window"]["until_us"], kUntilUs);
  EXPECT_TRUE(json["window"]["until"].is_string());
}

TEST_F(IncidentTest, TheChartOfATerminalMarksEveryKillOfItsTime) {
  const auto marks = [&] {
    const std::string shown = render_incident(made(), Format::text, {});
    const std::size_t begin = shown.find("kills  ");
    return shown.substr(begin, shown.find('\n', begin) - begin);
  };
  const auto count_of = [](std::string line) {
    int count = 0;
    for (std::size_t at = line.find("\u25b2"); at != std::string::npos; at = line.find("\u25b2", at + 1)) ++count;
    return count;
  };
  EXPECT_EQ(count_of(marks()), 1) << marks();
  for (const int before_s : {600, 1200, 86'400})
    add_row(earlier, {{"id", number(before_s)}, {"killed_at_us", number(kKilledUs - before_s * kSecondUs)}});
  EXPECT_EQ(count_of(marks()), 3) << marks();
}

TEST_F(IncidentTest, InJsonTheTimeOfTheKillIsExact) {
  kill["killed_at"] = text("2026-11-23T03:12:00Z");  // of a view: without the fraction
  const auto json = nlohmann::json::parse(render_incident(made(), Format::json, {}));
  EXPECT_EQ(json["kill"]["killed_at"], "2026-11-23T03:12:00.123000Z");
}

TEST_F(IncidentTest, EarlierKillsThatWereAllInSevenDaysAreCountedOnce) {
  add_row(earlier, {{"id", number(5)}, {"before_us", number(60 * kSecondUs)}});
  about["earlier_kills"] = about["earlier_kills_in_7_days"] = number(9);
  EXPECT_EQ(said("again"), "9 earlier kills of it, all in the 7 days before, the last one 1m before.");
}

TEST_F(IncidentTest, WhereThereIsNoOtherKillThatIsSaid) {
  EXPECT_EQ(said("again"), "No other kill of it on record.");
  about["other_kills_in_pod"] = number(53);
  EXPECT_EQ(said("again"), "The name of its container is not known. Other kills in the same pod: 53.");
  about["other_kills_in_pod"] = number(0);
  about["later_kills"] = number(1);
  EXPECT_EQ(said("again"), "The first kill of it on record; killed 1 time since.");
}

TEST_F(IncidentTest, OnlyWhatBelongsToTheKillIsTakenFromTheReports) {
  for (const char* const path : {"/kubepods/pod1/c1", "/kubepods/pod1/c?", "/kubepods/pod1/c1/nested", "/other"}) {
    add_row(reclaims, {{"path", text(path)}, {"freed_bytes", number(1)}});
    add_row(neighbours, {{"path", text(path)}, {"cgroup", text(path)}, {"grown_bytes", number(9 * kMiB)}});
  }
  for (int i = 0; i < 6; ++i) {
    add_row(neighbours, {{"path", text("/more")}, {"cgroup", text("/more")}, {"grown_bytes", number(i)}});
  }
  const Incident incident = made();
  EXPECT_EQ(incident.tables.reclaims.rows.size(), 1u);
  EXPECT_EQ(incident.tables.neighbours.rows.size(), 5u);
  const std::string page = render_incident(incident, Format::text, {});
  EXPECT_NE(page.find("/other"), std::string::npos) << page;
  EXPECT_EQ(page.find("/nested"), std::string::npos) << page;
  EXPECT_EQ(page.find("/more"), std::string::npos) << "grew by less than 1 MiB\n" << page;
}

TEST_F(IncidentTest, SamplesAroundTheKillAreTheLastBeforeTheKernelsOwnAndTheFirstAfter) {
  const Table table = samples_around(made());
  std::vector<std::string> when;
  for (const auto& row : table.rows) when.push_back(std::get<std::string>(row.front()));
  EXPECT_EQ(when, (std::vector<std::string>{"-29m 50s", "    -15m", " -10.0 s", "  -5.0 s", "  -4.0 s", "  -3.0 s",
                                            "  -2.0 s", "  -1.0 s", "    kill", "  +1.0 s", "  +2.0 s", "  +3.0 s"}));
  EXPECT_EQ(table.rows[8][1], number(256 * kMiB));
  EXPECT_EQ(table.rows[8][5], Cell{100.0});
}

TEST_F(IncidentTest, FitsEightyColumnsAndMarksTheKill) {
  const std::string page = render_incident(made(), Format::text, {});
  EXPECT_NE(page.find("   kills  "), std::string::npos) << page;
  EXPECT_NE(page.find("▲\n"), std::string::npos) << page;
  EXPECT_NE(page.find("╌╌╌"), std::string::npos) << page;
  for (std::size_t at = 0; at < page.size();) {
    const std::size_t end = page.find('\n', at);
    EXPECT_LE(display_width(page.substr(at, end - at)), 80u) << page.substr(at, end - at);
    at = end + 1;
  }
}

TEST_F(IncidentTest, OfAShortLifeTheChartsEndSoonAfterTheKill) {
  samples.rows.clear();
  for (std::int64_t before_s = 20; before_s > -200; --before_s)
    add_sample(samples, kKilledUs - before_s * kSecondUs, 41, 20);
  EXPECT_EQ(chart_points(made(), &MemoryPoint::usage).back().at_us, kKilledUs + 10 * kSecondUs);
  add_sample(samples, kKilledUs - 100 * kSecondUs, 41, 20);
  std::ranges::rotate(samples.rows, samples.rows.end() - 1);
  EXPECT_EQ(chart_points(made(), &MemoryPoint::usage).back().at_us, kKilledUs + 25 * kSecondUs);
}

TEST_F(IncidentTest, HostileNamesAreHarmlessInEveryFormat) {
  constexpr const char* kHostile = "/a\n\x1b[31m\"|b\",<script>`*\xff\xe2\x80\xae";
  for (const char* const column :
       {"victim_comm", "namespace", "pod", "container", "path", "victim_path", "limit_path"}) {
    kill[column] = text(kHostile);
  }
  kill["cause"] = text("ancestor_limit");
  add_row(sharers, {{"cgroup", text(kHostile)}, {"usage_bytes", number(1)}, {"cgroups_below", number(1)}});
  add_row(neighbours, {{"path", text(kHostile)}, {"cgroup", text(kHostile)}, {"grown_bytes", number(9 * kMiB)}});
  add_row(reclaims, {{"path", text(kHostile)}, {"outcome", text(kHostile)}});
  for (const Format format : {Format::text, Format::markdown, Format::json}) {
    const std::string page = render_incident(made(), format, {});
    EXPECT_TRUE(base::is_valid_utf8(page));
    EXPECT_EQ(page.find('\x1b'), std::string::npos);
    EXPECT_EQ(page.find("\xe2\x80\xae"), std::string::npos) << page;
    EXPECT_EQ(page.find("\n\x1b"), std::string::npos);
    EXPECT_TRUE(format != Format::markdown || page.find("<script") == std::string::npos) << page;
    EXPECT_TRUE(format != Format::json || nlohmann::json::accept(page)) << page;
  }
}

TEST_F(IncidentTest, JsonIsExact) {
  const auto json = nlohmann::json::parse(render_incident(made(), Format::json, {}));
  EXPECT_EQ(json["kill"]["killed_at_us"], kKilledUs);
  EXPECT_EQ(json["kill"]["victim_comm"], "python3");
  EXPECT_EQ(json["cause"]["cause"], "anon_growth");
  EXPECT_EQ(json["cause"]["why"], why(made()));
  EXPECT_EQ(json["window"]["since_us"], kSinceUs);
  EXPECT_EQ(json["samples"].size(), samples.rows.size());
  EXPECT_EQ(json["samples"][0]["usage_bytes"], 65 * kMiB);
  for (const char* const name : {"reclaims", "limit_changes", "neighbours", "sharers", "gaps", "earlier_kills"}) {
    EXPECT_TRUE(json[name].is_array()) << name;
  }
  EXPECT_EQ(json["words"][0]["label"], "who");
}

TEST_F(IncidentTest, MarkdownHasHeadingsAndTheChartInACodeBlock) {
  const std::string page = render_incident(made(), Format::markdown, {});
  EXPECT_TRUE(page.starts_with("# OOM kill 7 at 2026-11-23T03:12:00.123Z\n\n- **who**: python3")) << page;
  EXPECT_NE(page.find("\n```text\nusage, limit 256.0 MiB"), std::string::npos) << page;
  EXPECT_NE(page.find("\n## Samples around the kill\n\n| when | usage |"), std::string::npos) << page;
}

TEST_F(IncidentTest, CsvIsRefused) { EXPECT_THROW(render_incident(made(), Format::csv, {}), std::invalid_argument); }

}  // namespace
}  // namespace cgmm::report
