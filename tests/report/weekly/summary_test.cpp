// SPDX-License-Identifier: Apache-2.0
#include "report/weekly/summary.hpp"

#include <gtest/gtest.h>

#include <vector>

#include "report/answer.hpp"

namespace cgmm::report {
namespace {

constexpr std::int64_t kDayUs = std::int64_t{24} * 3600 * 1'000'000;
constexpr std::int64_t kUntilUs = std::int64_t{1'795'403'520} * 1'000'000;  // 2026-11-23T03:12:00Z

core::Table row_of(const Values& cells) { return answer_of("summary", {cells}); }

core::Cell integer(std::int64_t value) { return value; }

using Cells = Values;

std::string last_days(std::int64_t days, const Cells& cells, const std::vector<Finding>& findings = {},
                      Format format = Format::text) {
  return summary_sentence(row_of(cells), findings, {kUntilUs - days * kDayUs, kUntilUs, true}, format);
}

/// A week with scans and so many reclaims that freed so much, and what else there is.
std::string week(std::int64_t reclaims, std::int64_t freed_bytes, Cells cells = {}) {
  cells.insert({{"scans", integer(2)},
                {"covered_pct", 100.0},
                {"cgroups", integer(3)},
                {"reclaims", integer(reclaims)},
                {"freed_bytes", integer(freed_bytes)},
                {"observed_least_us", integer(300'000'000)},
                {"observed_most_us", integer(300'000'000)}});
  const std::string sentence = last_days(7, cells);
  const std::string begin = "In the last 7 days ";
  const std::string end = " No OOM kill was seen. 2 scans covered 100 % of the time and saw 3 cgroups.";
  EXPECT_TRUE(sentence.starts_with(begin) && sentence.ends_with(end)) << sentence;
  return sentence.substr(begin.size(), sentence.size() - begin.size() - end.size());
}

constexpr std::int64_t kGiB = std::int64_t{1} << 30;

TEST(SummarySentence, LeadsWithTheAnswer) {
  EXPECT_EQ(last_days(7, {{"scans", integer(60'433)},
                          {"covered_pct", 99.93},
                          {"cgroups", integer(214)},
                          {"reclaims", integer(42)},
                          {"freed_bytes", integer(13'207'024'435)},
                          {"cgroups_relieved", integer(4)},
                          {"watched_reclaims", integer(42)},
                          {"watched_freed_bytes", integer(13'207'024'435)},
                          {"refaulted_bytes", integer(3'328'599'655)},
                          {"observed_reclaims", integer(42)},
                          {"observed_freed_bytes", integer(13'207'024'435)},
                          {"stayed_free_bytes", integer(6'603'512'217)},
                          {"held_byte_seconds", integer(3600 * kGiB * 7)},
                          {"observed_least_us", integer(300'000'000)},
                          {"observed_most_us", integer(300'000'000)},
                          {"oom_kills", integer(0)}}),
            "In the last 7 days 42 reclaims freed 12.3 GiB in 4 cgroups. 3.1 GiB of it (25 %) was read back "
            "within 5 minutes. 6.1 GiB of it (50 %) was still free at the end of the observation (held: 7.0 GiB·h). "
            "No OOM kill was seen. 60 433 scans covered 99.9 % of the time and saw 214 cgroups.");
}

TEST(SummarySentence, TellsOfCgroupsThatWereStuckAndNotKilled) {
  const auto told = [](std::int64_t throttled, std::int64_t under_oom) {
    return last_days(
        7, {{"scans", integer(1)}, {"stuck_throttled", integer(throttled)}, {"stuck_under_oom", integer(under_oom)}});
  };
  const auto ends = [&](std::int64_t throttled, std::int64_t under_oom, const std::string& end) {
    const std::string text = told(throttled, under_oom);
    EXPECT_NE(text.find("No OOM kill was seen." + end + " 1 scan covered "), std::string::npos) << text;
  };
  ends(0, 0, "");
  ends(1, 0, " A cgroup was throttled at memory.high to a near standstill once: `incident` lists it.");
  ends(0, 1, " A cgroup stood still once, out of memory with its OOM killer disabled: `incident` lists it.");
  ends(
      3, 2,
      " A cgroup was throttled at memory.high to a near standstill 3 times, and one stood still 2 times, out of memory "
      "with its OOM killer disabled: `incident` lists them.");
}

TEST(SummarySentence, SaysWhatBecameOfWhatWasFreed) {
  struct Case {
    std::string why;
    std::int64_t reclaims;
    Cells cells;
    std::string text;
  };
  const auto watched = [](std::int64_t reclaims, std::int64_t freed_bytes, std::int64_t refaulted_bytes) {
    return Cells{
        {"watched_reclaims", integer(reclaims)},        {"watched_freed_bytes", integer(freed_bytes)},
        {"refaulted_bytes", integer(refaulted_bytes)},  {"observed_reclaims", integer(reclaims)},
        {"observed_freed_bytes", integer(freed_bytes)}, {"stayed_free_bytes", integer(freed_bytes - refaulted_bytes)}};
  };
  const auto with = [](Cells cells, const Cells& more) {
    for (const auto& [column, cell] : more) cells[column] = cell;
    return cells;
  };
  const auto observed = [](std::int64_t reclaims, std::int64_t freed_bytes, std::int64_t stayed_free_bytes) {
    return Cells{{"observed_reclaims", integer(reclaims)},
                 {"observed_freed_bytes", integer(freed_bytes)},
                 {"stayed_free_bytes", integer(stayed_free_bytes)}};
  };
  const std::string still_free = " was still free at the end of the observation";
  const std::vector<Case> cases = {
      {"a history from before reclaims were watched",
       2,
       {},
       "2 reclaims freed 4.0 GiB. How much of it was read back or stayed free is not known."},
      {"watched for too short a time",
       2,
       {{"unknown_reclaims", integer(1)}},
       "2 reclaims freed 4.0 GiB. It was observed for too short a time to tell how much of it was read back or stayed "
       "free."},
      {"watched for too short a time to tell what was read back", 2,
       with(observed(1, 3 * kGiB, kGiB), {{"unknown_reclaims", integer(1)}}),
       "2 reclaims freed 4.0 GiB. It was observed for too short a time to tell how much of it was read back. Of the "
       "3.0 GiB freed by the one that was observed, 1.0 GiB (33 %)" +
           still_free + "."},
      {"one", 1, watched(1, 4 * kGiB, kGiB),
       "1 reclaim freed 4.0 GiB. 1.0 GiB of it (25 %) was read back within 5 minutes. 3.0 GiB of it (75 %)" +
           still_free + "."},
      {"more grew again than was read back", 1, with(watched(1, 4 * kGiB, kGiB), observed(1, 4 * kGiB, kGiB / 2)),
       "1 reclaim freed 4.0 GiB. 1.0 GiB of it (25 %) was read back within 5 minutes. 512.0 MiB of it (13 %)" +
           still_free + "."},
      {"what stayed free is not on record", 1, with(watched(1, 4 * kGiB, kGiB), observed(0, 0, 0)),
       "1 reclaim freed 4.0 GiB. 1.0 GiB of it (25 %) was read back within 5 minutes. How much stayed free is not "
       "known."},
      {"nothing came back", 2, watched(2, 4 * kGiB, 0),
       "2 reclaims freed 4.0 GiB. Nothing of it was read back within 5 minutes. 4.0 GiB of it (100 %)" + still_free +
           "."},
      {"all came back", 2, watched(2, 4 * kGiB, 4 * kGiB),
       "2 reclaims freed 4.0 GiB. 4.0 GiB of it (100 %) was read back within 5 minutes. Nothing of it" + still_free +
           "."},
      {"not quite all", 2, watched(2, 4 * kGiB, 4 * kGiB - 1),
       "2 reclaims freed 4.0 GiB. 4.0 GiB of it (99 %) was read back within 5 minutes. 1 B of it (under 1 %)" +
           still_free + "."},
      {"some were watched", 42, watched(40, 2 * kGiB, kGiB),
       "42 reclaims freed 4.0 GiB. Of the 2.0 GiB freed by the 40 that were observed, 1.0 GiB (50 %) was read back "
       "within 5 minutes. 1.0 GiB of that (50 %)" +
           still_free + "."},
      {"one was watched", 42, watched(1, 2 * kGiB, 0),
       "42 reclaims freed 4.0 GiB. Of the 2.0 GiB freed by the one that was observed, nothing was read back within 5 "
       "minutes. 2.0 GiB of that (100 %)" +
           still_free + "."},
      {"some failed", 3, with(watched(2, 4 * kGiB, kGiB), {{"failed_reclaims", integer(1)}}),
       "3 reclaims freed 4.0 GiB (1 failed). 1.0 GiB of it (25 %) was read back within 5 minutes. 3.0 GiB of it (75 "
       "%)" +
           still_free + "."},
      {"held for a while", 2,
       with(watched(2, 4 * kGiB, 0), {{"held_byte_seconds", integer(60 * kGiB)},
                                      {"observed_least_us", integer(60'000'000)},
                                      {"observed_most_us", integer(60'000'000)}}),
       "2 reclaims freed 4.0 GiB. Nothing of it was read back within a minute. 4.0 GiB of it (100 %)" + still_free +
           " (held: 17.1 MiB·h)."},
      {"not all for as long", 1, with(watched(1, 4 * kGiB, 0), {{"observed_least_us", integer(8'000'000)}}),
       "1 reclaim freed 4.0 GiB. Nothing of it was read back while it was observed (8 s to 5m). 4.0 GiB of it (100 %)" +
           still_free + "."},
      {"an odd time", 1,
       with(watched(1, 4 * kGiB, 0),
            {{"observed_least_us", integer(90'000'000)}, {"observed_most_us", integer(90'000'000)}}),
       "1 reclaim freed 4.0 GiB. Nothing of it was read back within 1m 30s. 4.0 GiB of it (100 %)" + still_free + "."},
      {"refaults are not counted", 2,
       with(observed(2, 4 * kGiB, kGiB), {{"regrowth_reclaims", integer(2)},
                                          {"regrowth_freed_bytes", integer(4 * kGiB)},
                                          {"regrown_bytes", integer(3 * kGiB)},
                                          {"held_byte_seconds", integer(3600 * kGiB)}}),
       "2 reclaims freed 4.0 GiB. The kernel can't tell what was read back, but 3.0 GiB of it (75 %) grew again within "
       "5 minutes. 1.0 GiB of it (25 %)" +
           still_free + " (held: 1.0 GiB·h)."},
      {"some refaults can't be told", 40,
       with(with(watched(10, 2 * kGiB, kGiB / 2), observed(40, 3 * kGiB, kGiB)),
            {{"regrowth_reclaims", integer(30)},
             {"regrowth_freed_bytes", integer(kGiB)},
             {"regrown_bytes", integer(kGiB)}}),
       "40 reclaims freed 4.0 GiB. Of the 2.0 GiB freed by the 10 that were observed, 512.0 MiB (25 %) was read back "
       "within 5 minutes. Of the 1.0 GiB freed by the 30 for which the kernel can't tell, 1.0 GiB (100 %) grew again. "
       "Of the 3.0 GiB freed by the 40 that were observed, 1.0 GiB (33 %)" +
           still_free + "."},
      {"some were observed for too short a time", 149,
       with(with(watched(40, kGiB, 0), observed(149, 4 * kGiB, 2 * kGiB)),
            {{"too_short_reclaims", integer(109)},
             {"too_short_freed_bytes", integer(3 * kGiB)},
             {"unknown_reclaims", integer(109)}}),
       "149 reclaims freed 4.0 GiB. Of the 1.0 GiB freed by the 40 that were observed, nothing was read back within 5 "
       "minutes. Another 109 (3.0 GiB) were observed for too short a time to tell. 2.0 GiB of the 4.0 GiB (50 %)" +
           still_free + "."},
      {"one was", 41, with(watched(40, 4 * kGiB, 0), {{"too_short_reclaims", integer(1)}}),
       "41 reclaims freed 4.0 GiB. Nothing of it was read back within 5 minutes. Another one was observed for too "
       "short "
       "a time to tell. 4.0 GiB of it (100 %)" +
           still_free + "."},
      {"dry runs as well",
       1,
       {{"dry_runs", integer(1)}},
       "1 reclaim freed 4.0 GiB. How much of it was read back or stayed free is not known. A dry run would have made 1 "
       "reclaim."},
  };
  for (const Case& c : cases) EXPECT_EQ(week(c.reclaims, 4 * kGiB, c.cells), c.text) << c.why;
}

TEST(SummarySentence, CountsInTheSingular) {
  EXPECT_EQ(last_days(1, {{"scans", integer(1)},
                          {"covered_pct", integer(50)},
                          {"gaps", integer(1)},
                          {"cgroups", integer(1)},
                          {"reclaims", integer(1)},
                          {"freed_bytes", integer(1024)},
                          {"cgroups_relieved", integer(1)},
                          {"oom_kills", integer(1)}}),
            "In the last day 1 reclaim freed 1.0 KiB in 1 cgroup. How much of it was read back or stayed free is not "
            "known. 1 OOM kill was seen. 1 scan covered 50.0 % of the time (1 gap) and saw 1 cgroup.");
}

TEST(SummarySentence, SaysOfHowManyKillsTheCgroupIsNotKnown) {
  const auto kills = [](std::int64_t count, std::int64_t unknown) {
    return last_days(7, {{"oom_kills", integer(count)}, {"oom_kills_of_unknown", integer(unknown)}});
  };
  const std::string why =
      " the cgroup is not known: the kernel's log does not name it, and it can have been one of several.";
  EXPECT_TRUE(kills(5, 0).ends_with("5 OOM kills were seen.")) << kills(5, 0);
  EXPECT_TRUE(kills(5, 2).ends_with("5 OOM kills were seen. Of 2" + why)) << kills(5, 2);
  EXPECT_TRUE(kills(1, 1).ends_with("1 OOM kill was seen. Of it" + why)) << kills(1, 1);
}

TEST(SummarySentence, SaysPlainlyThatThereWasNothing) {
  EXPECT_EQ(last_days(7, {}), "In the last 7 days, there was no scan.");
  EXPECT_EQ(summary_sentence({}, {}, {kUntilUs - kDayUs, kUntilUs}), "In the last day, there was no scan.");
  EXPECT_EQ(last_days(7, {{"oom_kills", integer(1)}}), "In the last 7 days, there was no scan. 1 OOM kill was seen.");
  EXPECT_EQ(last_days(7, {{"scans", integer(2)}, {"covered_pct", 100.0}}),
            "In the last 7 days no reclaim was made. No OOM kill was seen. 2 scans covered 100 % of the time "
            "and saw no cgroup.");
  EXPECT_EQ(last_days(7, {{"reclaims", integer(1)}}), "In the last 7 days 1 reclaim freed nothing. There was no scan.");
  EXPECT_EQ(last_days(7, {{"covered_pct", 100.0}, {"interval_us", integer(10'000'000)}}),
            "In the last 7 days, there was no scan of all cgroups: one comes every 10 s.");
}

TEST(SummarySentence, DoesNotCallADryRunFreed) {
  EXPECT_EQ(week(0, 0, {{"dry_runs", integer(3)}}), "a dry run would have made 3 reclaims.");
  EXPECT_EQ(week(2, 0, {{"dry_runs", integer(3)}, {"failed_reclaims", integer(2)}}),
            "all 2 reclaims failed. A dry run would have made 3 reclaims.");
}

TEST(SummarySentence, TellsFailuresAndFutility) {
  EXPECT_EQ(week(1, 0, {{"failed_reclaims", integer(1)}}), "the only reclaim failed.");
  EXPECT_EQ(week(3, 0, {{"failed_reclaims", integer(3)}}), "all 3 reclaims failed.");
  EXPECT_EQ(week(3, 0), "3 reclaims freed nothing.");
  EXPECT_EQ(week(3, 0, {{"failed_reclaims", integer(1)}}), "3 reclaims freed nothing (1 failed).");
}

TEST(SummarySentence, NamesTheTime) {
  const core::Table none = row_of({});
  const auto about = [&](std::int64_t span_us, bool up_to_now) {
    const std::string sentence = summary_sentence(none, {}, {kUntilUs - span_us, kUntilUs, up_to_now});
    return sentence.substr(0, sentence.find(", there was no scan."));
  };
  EXPECT_EQ(about(kDayUs, false), "From 2026-11-22T03:12:00Z to 2026-11-23T03:12:00Z");
  EXPECT_EQ(about(kDayUs * 3 / 2, true), "In the last 36 hours");
  EXPECT_EQ(about(5'400'000'000, true), "In the last 90 minutes");
  EXPECT_EQ(about(3'600'000'000, true), "In the last hour");
}

TEST(SummarySentence, DoesNotClaimAWeekForAHistoryOfADay) {
  const Cells cells{
      {"history_begins_at_us", integer(kUntilUs - kDayUs)}, {"scans", integer(10'000)}, {"covered_pct", 100.0}};
  EXPECT_TRUE(last_days(7, cells).starts_with(
      "Since the history begins at 2026-11-22T03:12:00Z, no reclaim was made. No OOM kill was seen. 10 000 scans "))
      << last_days(7, cells);
  const std::string past = summary_sentence(row_of(cells), {}, {kUntilUs - 7 * kDayUs, kUntilUs, false});
  EXPECT_TRUE(past.starts_with("Since the history begins at 2026-11-22T03:12:00Z until 2026-11-23T03:12:00Z, no "))
      << past;
}

/// Of a cgroup that only churns, where `advice` is known.
Finding churning(const std::string& name, std::optional<core::AdviceKind> advice) {
  Finding finding{.workload = name, .evidence = {.path = name, .churn_count = 3}, .advice = {}};
  if (advice) finding.advice = core::Advice{*advice, std::uint64_t{64} << 20, "because", name};
  return finding;
}

TEST(SummarySentence, NamesThoseThatOnlyChurnAndWhatToDo) {
  const auto about = [](const std::vector<Finding>& findings, Format format = Format::text) {
    const std::string sentence =
        last_days(7, {{"scans", integer(1)}, {"reclaims", integer(9)}, {"covered_pct", 100.0}}, findings, format);
    const std::string begin = "In the last 7 days 9 reclaims freed nothing. No OOM kill was seen. ";
    EXPECT_TRUE(sentence.starts_with(begin)) << sentence;
    return sentence.substr(begin.size(), sentence.find("1 scan covered") - begin.size());
  };
  const Finding a = churning("A", core::AdviceKind::raise_threshold);
  const Finding b = churning("B", core::AdviceKind::exclude);
  Finding c = churning("C", core::AdviceKind::lower_threshold);
  c.evidence.effective_count = 3;
  const Finding d = churning("D", std::nullopt);
  EXPECT_EQ(about({}), "");
  EXPECT_EQ(about({a}), "This cgroup only churns: A. Advice: raise the threshold of A to 64 MiB (rule below). ");
  EXPECT_EQ(about({a, b, c}),
            "These cgroups only churn: A, B. Advice: raise the threshold of A to 64 MiB; exclude B from reclaim; "
            "lower the threshold of C to 64 MiB (rules below). ");
  EXPECT_EQ(about({d}), "This cgroup only churns: D. ");
  EXPECT_EQ(about({a, b, d, b, b}),
            "These cgroups only churn: A, B, D and 2 more. Advice: raise the threshold of A to 64 MiB; exclude B "
            "from reclaim; exclude B from reclaim; exclude B from reclaim (rules below). ");
  EXPECT_TRUE(about({b, b, b, b, b}).ends_with("exclude B from reclaim; and 2 more (rules below). "));
  Finding futile{.workload = "F", .evidence = {.path = "F", .futile_count = 3}, .advice = {}};
  EXPECT_EQ(about({d, futile}), "This cgroup only churns: D. Reclaiming frees almost nothing in: F. ");
  futile.is_spared = true;
  Finding spared = d;
  spared.is_spared = true;
  EXPECT_EQ(about({spared, futile}), "") << "it is not reclaimed any more";
  const Finding hostile = churning("/a_b\n<x>", std::nullopt);
  EXPECT_EQ(about({hostile}), "This cgroup only churns: /a_b\\n<x>. ");
  EXPECT_EQ(about({hostile}, Format::markdown), "This cgroup only churns: /a\\_b\\\\n&lt;x&gt;. ");
}

TEST(SummarySentences, AreTheSameOneByOneTheAnswerFirst) {
  const core::Table row = row_of({{"scans", integer(2)}, {"covered_pct", 100.0}, {"oom_kills", integer(1)}});
  EXPECT_EQ(summary_sentences(row, {}, {kUntilUs - kDayUs, kUntilUs, true}),
            (std::vector<std::string>{"In the last day no reclaim was made.", "1 OOM kill was seen.",
                                      "2 scans covered 100 % of the time and saw no cgroup."}));
}

}  // namespace
}  // namespace cgmm::report
