// SPDX-License-Identifier: Apache-2.0
#include "core/advice.hpp"

#include <gtest/gtest.h>

#include <limits>
#include <vector>

#include "base/text.hpp"
#include "core/glob.hpp"
#include "support/hostile.hpp"

namespace cgmm::core {
namespace {

constexpr std::uint64_t kMiB = 1024 * 1024;
constexpr std::uint64_t kGiB = 1024 * kMiB;

/// Nine of ten churned, with up to 50 MiB of cache over a threshold of 32 MiB.
ReclaimEvidence churning() {
  return {.path = "/web",
          .effective_count = 1,
          .churn_count = 9,
          .freed_bytes = 400 * kMiB,
          .refaulted_bytes = 300 * kMiB,
          .cache_wanted_bytes = 50 * kMiB,
          .threshold_bytes = 32 * kMiB,
          .effective_limit_bytes = 100 * kMiB,
          .window_us = 7 * base::kDay_us};
}

ReclaimEvidence effective() {
  return {.path = "/batch",
          .effective_count = 3,
          .freed_bytes = kGiB,
          .refaulted_bytes = 40 * kMiB,
          .threshold_bytes = 256 * kMiB,
          .held_byte_seconds = 300.0 * kGiB,
          .reclaiming_us = 1'500'000,
          .window_us = base::kDay_us};
}

/// What is advised, as "raise 63"; "" for nothing.
std::string advised(const ReclaimEvidence& evidence) {
  const auto advice = advise(evidence);
  if (!advice) return "";
  EXPECT_EQ(advice->path, evidence.path);
  EXPECT_EQ(advice->threshold_bytes % kMiB, 0U);
  const std::string mebibytes = std::to_string(advice->threshold_bytes / kMiB);
  switch (advice->kind) {
    case AdviceKind::raise_threshold:
      return "raise " + mebibytes;
    case AdviceKind::lower_threshold:
      return "lower " + mebibytes;
    case AdviceKind::exclude:
      return "exclude";
  }
  return "?";
}

TEST(Advise, RaisesTheThresholdOverWhatAChurningCgroupWants) {
  struct Case {
    std::string why;
    void (*change)(ReclaimEvidence&);
    std::string advice;
  };
  const std::vector<Case> cases = {
      {"a quarter more, rounded up", [](ReclaimEvidence&) {}, "raise 63"},
      {"exact where it is whole", [](ReclaimEvidence& e) { e.cache_wanted_bytes = 48 * kMiB; }, "raise 60"},
      {"a byte more rounds up", [](ReclaimEvidence& e) { e.cache_wanted_bytes = 48 * kMiB + 1; }, "raise 61"},
      {"without a limit it always fits",
       [](ReclaimEvidence& e) {
         e.effective_limit_bytes.reset();
         e.cache_wanted_bytes = 8000 * kMiB;
       },
       "raise 10000"},
      {"just under 90 % of the limit", [](ReclaimEvidence& e) { e.cache_wanted_bytes = 71 * kMiB; }, "raise 89"},
      {"90 % of the limit is too near", [](ReclaimEvidence& e) { e.cache_wanted_bytes = 72 * kMiB; }, "exclude"},
      {"over the limit", [](ReclaimEvidence& e) { e.effective_limit_bytes = 40 * kMiB; }, "exclude"},
      {"futile counts as well",
       [](ReclaimEvidence& e) {
         e.churn_count = 0;
         e.futile_count = 9;
       },
       "raise 63"},
      {"three are enough",
       [](ReclaimEvidence& e) {
         e.effective_count = 1;
         e.churn_count = 1;
         e.futile_count = 1;
       },
       "raise 63"},
      {"what grew again may be new, and is not judged",
       [](ReclaimEvidence& e) {
         e.churn_count = 1;
         e.regrown_count = 99;
       },
       ""},
      {"two are not",
       [](ReclaimEvidence& e) {
         e.effective_count = 0;
         e.churn_count = 2;
       },
       ""},
      {"half is not most", [](ReclaimEvidence& e) { e.effective_count = 9; }, ""},
      {"more than half is", [](ReclaimEvidence& e) { e.effective_count = 8; }, "raise 63"},
      {"what is wanted is not known", [](ReclaimEvidence& e) { e.cache_wanted_bytes.reset(); }, ""},
      {"the threshold is there already", [](ReclaimEvidence& e) { e.threshold_bytes = 63 * kMiB; }, ""},
      {"no number is large enough",
       [](ReclaimEvidence& e) {
         e.effective_limit_bytes.reset();
         e.cache_wanted_bytes = std::numeric_limits<std::int64_t>::max();
       },
       "exclude"},
      {"nothing was judged", [](ReclaimEvidence& e) { e.effective_count = e.churn_count = 0; }, ""},
      {"what stayed free was worth it", [](ReclaimEvidence& e) { e.held_byte_seconds = 300.0 * 300 * kMiB; }, ""},
      {"not quite", [](ReclaimEvidence& e) { e.held_byte_seconds = 250.0 * 300 * kMiB; }, "raise 63"},
      {"it costs next to nothing", [](ReclaimEvidence& e) { e.refaulted_bytes = 11 * kMiB; }, ""},
      {"nothing but time",
       [](ReclaimEvidence& e) {
         e.refaulted_bytes = 0;
         e.reclaiming_us = 200'000;
       },
       "raise 63"},
  };
  for (const Case& c : cases) {
    ReclaimEvidence evidence = churning();
    c.change(evidence);
    EXPECT_EQ(advised(evidence), c.advice) << c.why;
  }
}

TEST(Advise, LowersTheThresholdWhereAlmostNothingIsReadAgain) {
  struct Case {
    std::string why;
    void (*change)(ReclaimEvidence&);
    std::string advice;
  };
  const std::vector<Case> cases = {
      {"half of it", [](ReclaimEvidence&) {}, "lower 128"},
      {"in whole MiB", [](ReclaimEvidence& e) { e.threshold_bytes = 257 * kMiB + 5; }, "lower 128"},
      {"never under 16 MiB",
       [](ReclaimEvidence& e) {
         e.threshold_bytes = 24 * kMiB;
         e.refaulted_bytes = kMiB;
         e.reclaiming_us = 50'000;
       },
       "lower 16"},
      {"it is there already", [](ReclaimEvidence& e) { e.threshold_bytes = 16 * kMiB; }, ""},
      {"it is lower already", [](ReclaimEvidence& e) { e.threshold_bytes = kMiB; }, ""},
      {"two are not enough", [](ReclaimEvidence& e) { e.effective_count = 2; }, ""},
      {"one that churned is too many",
       [](ReclaimEvidence& e) {
         e.effective_count = 99;
         e.churn_count = 1;
       },
       ""},
      {"a twentieth is too much", [](ReclaimEvidence& e) { e.refaulted_bytes = e.freed_bytes / 20 + 1; }, ""},
      {"just under a twentieth", [](ReclaimEvidence& e) { e.refaulted_bytes = e.freed_bytes / 20 - 1; }, "lower 128"},
      {"one that grew again may have been read back", [](ReclaimEvidence& e) { e.regrown_count = 1; }, ""},
      {"nothing was freed", [](ReclaimEvidence& e) { e.freed_bytes = e.refaulted_bytes = 0; }, ""},
      {"3.3 MiB·h for 136 ms each time",
       [](ReclaimEvidence& e) {
         e.threshold_bytes = 32 * kMiB;
         e.freed_bytes = 48 * kMiB;
         e.refaulted_bytes = 0;
         e.held_byte_seconds = 3.3 * 3600 * kMiB;
         e.reclaiming_us = 3 * 136'000;
       },
       ""},
      {"little time", [](ReclaimEvidence& e) { e.reclaiming_us = 2'000'000; }, "lower 128"},
      {"much time", [](ReclaimEvidence& e) { e.reclaiming_us = 600'000'000; }, ""},
  };
  for (const Case& c : cases) {
    ReclaimEvidence evidence = effective();
    c.change(evidence);
    EXPECT_EQ(advised(evidence), c.advice) << c.why;
  }
}

/// The same, beside a configuration in force.
std::string advised(const ReclaimEvidence& evidence, const Policy& policy) {
  const auto advice = advise(evidence, policy);
  if (!advice) return "";
  EXPECT_EQ(advice->reason, advise(evidence)->reason);
  return in_words(*advice);
}

Threshold of(const std::string& text) { return Threshold::parse(text).value(); }

TEST(Advise, IsNotAboutWhatIsInForceAlready) {
  const std::string raise = "raise the threshold to 63 MiB";
  const std::string lower = "lower the threshold to 128 MiB";
  struct Case {
    std::string why;
    Policy policy;
    std::string churning, effective;
    bool spares_churning = false;
  };
  const auto threshold = [](const std::string& text) { return ReclaimSettings{.threshold = of(text)}; };
  const Rule web{.cgroup = "/*", .threshold = of("1GiB"), .cooldown_us = {}, .reclaim = {}};
  const std::vector<Case> cases = {
      {"the threshold for all is higher already", {.defaults = threshold("1GiB")}, "", lower, true},
      {"it is exactly that", {.defaults = threshold("63MiB")}, "", "", true},
      {"just below", {.defaults = threshold("62MiB")}, raise, ""},
      {"a share of the limit: 50 MiB", {.defaults = threshold("50%")}, raise, lower},
      {"a share of the limit: 63 MiB", {.defaults = threshold("63%")}, "", lower, true},
      {"it is lower already", {.defaults = threshold("128MiB")}, "", "", true},
      {"just above", {.defaults = threshold("129MiB")}, "", lower, true},
      {"the rule is what counts", {.defaults = threshold("1MiB"), .rules = {web}}, "", lower, true},
      {"the first rule that matches decides, for the defaults too",
       {.defaults = threshold("1MiB"),
        .rules = {{.cgroup = "/*", .threshold = {}, .cooldown_us = 1, .reclaim = {}}, web}},
       raise,
       ""},
      {"it is not reclaimed at all",
       {.defaults = threshold("40MiB"),
        .rules = {{.cgroup = "*", .threshold = {}, .cooldown_us = {}, .reclaim = false}}},
       "",
       "",
       true},
      {"what is left is below", {.defaults = {.threshold = of("50%"), .reclaim_to = of("62MiB")}}, raise, lower},
      {"all would be left", {.defaults = {.threshold = of("50%"), .reclaim_to = of("63MiB")}}, "", lower},
      {"all would be left here too", {.defaults = {.threshold = of("50%"), .reclaim_to = of("128MiB")}}, "", ""},
      {"a share that is below: 102 MiB", {.defaults = {.threshold = of("40%"), .reclaim_to = of("10%")}}, raise, lower},
      {"a share that is not: 154 MiB", {.defaults = {.threshold = of("40%"), .reclaim_to = of("15%")}}, raise, ""},
  };
  for (const Case& c : cases) {
    ReclaimEvidence batch = effective();
    batch.effective_limit_bytes = kGiB;
    EXPECT_EQ(advised(churning(), c.policy), c.churning) << c.why;
    EXPECT_EQ(advised(batch, c.policy), c.effective) << c.why;
    EXPECT_EQ(spares(c.policy, churning()), c.spares_churning) << c.why;
  }
}

TEST(Advise, ExcludesACgroupThatIsReclaimedAtAnyThreshold) {
  ReclaimEvidence full = churning();
  full.cache_wanted_bytes = 80 * kMiB;
  Policy policy{.defaults = {.threshold = of("1GiB")}};
  EXPECT_EQ(advised(full, policy), "exclude it from reclaim");
  EXPECT_FALSE(spares(policy, full));
  full.effective_limit_bytes.reset();
  policy.defaults.threshold = of("25%");
  EXPECT_EQ(advised(full, policy), "") << "without a limit there is no share of it, and no reclaim";
  EXPECT_TRUE(spares(policy, full));
}

TEST(Advise, KeepsTheCooldownOfTheRuleThatItIsPutAbove) {
  Policy policy{.defaults = {.threshold = of("1MiB"), .cooldown_us = 1},
                .rules = {{.cgroup = "/w*", .threshold = {}, .cooldown_us = 600'000'000, .reclaim = {}}}};
  EXPECT_EQ(rule_of(advise(churning(), policy).value()),
            "[[rule]]\ncgroup = \"/web\"\nthreshold = \"63MiB\"\ncooldown = \"10m\"\n");
  ReclaimEvidence full = churning();
  full.cache_wanted_bytes = 80 * kMiB;
  EXPECT_EQ(rule_of(advise(full, policy).value()), "[[rule]]\ncgroup = \"/web\"\nreclaim = false\n");
  policy.rules[0].cgroup = "/x*";
  EXPECT_EQ(rule_of(advise(churning(), policy).value()), "[[rule]]\ncgroup = \"/web\"\nthreshold = \"63MiB\"\n");
}

TEST(Advise, GivesItsReasonInNumbers) {
  EXPECT_EQ(advise(churning())->reason,
            "9 of the 10 reclaims at the threshold of 32.0 MiB did not help: 300.0 MiB of the 400.0 MiB "
            "that was freed (75 %) was read back; its cache was up to 50.0 MiB. Over another 7 days, "
            "that saves 300.0 MiB read again and 0 s of reclaiming, and gives up 0 B·h kept free.");
  ReclaimEvidence evidence = churning();
  evidence.effective_count = 0;
  evidence.futile_count = 1;
  evidence.cache_wanted_bytes = 80 * kMiB;
  EXPECT_EQ(advise(evidence)->reason,
            "None of the 10 reclaims at the threshold of 32.0 MiB helped: 300.0 MiB of the 400.0 MiB "
            "that was freed (75 %) was read back, and 1 freed almost nothing; its cache was up to "
            "80.0 MiB, and a threshold above that is too near to its limit of 100.0 MiB. Over another 7 days, "
            "that saves 300.0 MiB read again and 0 s of reclaiming, and gives up 0 B·h kept free.");
  evidence.churn_count = 0;
  evidence.futile_count = 3;
  evidence.freed_bytes = evidence.refaulted_bytes = 0;
  evidence.cache_wanted_bytes = 40 * kMiB;
  evidence.reclaiming_us = 2'000'000;
  evidence.held_byte_seconds = 3600.0 * kMiB;
  EXPECT_EQ(advise(evidence)->reason,
            "None of the 3 reclaims at the threshold of 32.0 MiB helped: all freed almost nothing; its cache was up to "
            "40.0 MiB. Over another 7 days, that saves 0 B read again and 2 s "
            "of reclaiming, and gives up 1.0 MiB·h kept free.");
  EXPECT_EQ(advise(effective())->reason,
            "All of the 3 reclaims at the threshold of 256.0 MiB were effective: only 40.0 MiB of the "
            "1.0 GiB that was freed (4 %) was read back. Over another day, that may keep another 32.0 "
            "MiB·h free, for another 40.0 MiB read again and 1.5 s of reclaiming.");
}

TEST(Advise, SaysWhyNothingIsAdvisedForACgroupThatOnlyChurns) {
  ReclaimEvidence evidence = churning();
  evidence.effective_count = 0;
  EXPECT_EQ(why_no_advice(evidence, nullptr), "") << "there is advice";
  const Policy policy{.defaults = {.threshold = of("32MiB")}};
  EXPECT_EQ(why_no_advice(evidence, &policy), "");
  const Policy spares_it{.defaults = {.threshold = of("63MiB")}};
  EXPECT_EQ(why_no_advice(evidence, &spares_it), "") << "the configuration does it already";
  const std::string begin =
      "None of the 9 reclaims at the threshold of 32.0 MiB helped: 300.0 MiB of the 400.0 MiB that was freed (75 %) "
      "was "
      "read back";
  const Policy has_target{.defaults = {.threshold = of("90MiB"), .reclaim_to = of("70MiB")},
                          .rules = {{.cgroup = "/web", .threshold = of("50MiB"), .cooldown_us = {}, .reclaim = {}}}};
  EXPECT_EQ(why_no_advice(evidence, &has_target),
            begin +
                "; its cache was up to 50.0 MiB. No rule is advised: a threshold of 63.0 MiB is not "
                "over reclaim_to.");
  ReclaimEvidence free = evidence;
  free.held_byte_seconds = 3600.0 * kGiB;
  EXPECT_EQ(why_no_advice(free, &policy),
            begin +
                "; its cache was up to 50.0 MiB. No rule is advised: over another 7 days, one that "
                "leaves it alone saves 300.0 MiB read again and 0 s of reclaiming, and gives up 1.0 GiB·h kept free. "
                "That is not worth a rule.");
  evidence.cache_wanted_bytes.reset();
  EXPECT_EQ(why_no_advice(evidence, &policy), begin + ". No rule is advised: how much cache it needs is not known.");
  evidence.cache_wanted_bytes = 10 * kMiB;
  EXPECT_EQ(why_no_advice(evidence, &policy),
            begin +
                "; its cache was up to 10.0 MiB. No rule is advised: its threshold is over that "
                "already.");
  EXPECT_EQ(why_no_advice(effective(), &policy), "") << "its reclaims help";
}

TEST(Advise, SaysWhatToDoInWordsAndAsARule) {
  const Advice raise = advise(churning()).value();
  EXPECT_EQ(in_words(raise), "raise the threshold to 63 MiB");
  EXPECT_EQ(in_words(raise, "web"), "raise the threshold of web to 63 MiB");
  EXPECT_EQ(rule_of(raise), "[[rule]]\ncgroup = \"/web\"\nthreshold = \"63MiB\"\n");
  const Advice lower = advise(effective()).value();
  EXPECT_EQ(in_words(lower), "lower the threshold to 128 MiB");
  EXPECT_EQ(rule_of(lower), "[[rule]]\ncgroup = \"/batch\"\nthreshold = \"128MiB\"\n");
  const Advice exclude{.kind = AdviceKind::exclude, .threshold_bytes = 0, .reason = "", .path = "/db"};
  EXPECT_EQ(in_words(exclude), "exclude it from reclaim");
  EXPECT_EQ(in_words(exclude, "db"), "exclude db from reclaim");
  EXPECT_EQ(rule_of(exclude), "[[rule]]\ncgroup = \"/db\"\nreclaim = false\n");
}

TEST(Advise, NamesTheWorkloadWhereItOutlastsTheCgroup) {
  ReclaimEvidence evidence = churning();
  evidence.path = "/kubepods/pod1/c1";
  for (const char* const workload : {"", "/kubepods/pod1/c1", "pod/0f5b1c2d-1111-2222-3333-444455556666"}) {
    evidence.workload = workload;
    EXPECT_EQ(rule_of(advise(evidence).value()), "[[rule]]\ncgroup = \"/kubepods/pod1/c1\"\nthreshold = \"63MiB\"\n");
  }
  evidence.workload = "shop/w[e]b/app";
  EXPECT_EQ(rule_of(advise(evidence).value()), "[[rule]]\nworkload = \"shop/w[[]e]b/app\"\nthreshold = \"63MiB\"\n");
  const Policy spared{.defaults = {.threshold = of("1MiB")}, .rules = {{.workload = "shop/*", .reclaim = false}}};
  EXPECT_FALSE(advise(evidence, spared));
  EXPECT_TRUE(spares(spared, evidence));
}

TEST(OnlyChurns, IsSaidWhereNotOneWasEffective) {
  ReclaimEvidence evidence = churning();
  EXPECT_FALSE(only_churns(evidence));
  evidence.effective_count = 0;
  EXPECT_TRUE(only_churns(evidence));
  evidence.churn_count = 2;
  EXPECT_FALSE(only_churns(evidence)) << "of two nobody can tell";
  EXPECT_FALSE(only_churns(effective()));
}

TEST(FreesNothing, IsSaidInPlaceOfChurnWhereAllWereFutile) {
  ReclaimEvidence evidence{.path = "/web", .futile_count = 3};
  EXPECT_TRUE(frees_nothing(evidence));
  EXPECT_FALSE(only_churns(evidence));
  evidence.churn_count = 1;
  EXPECT_FALSE(frees_nothing(evidence));
  EXPECT_TRUE(only_churns(evidence));
  EXPECT_FALSE(frees_nothing({.path = "/web", .futile_count = 2})) << "of two nobody can tell";
  EXPECT_FALSE(frees_nothing({.path = "/web"}));
}

TEST(GlobOf, MatchesThatPathAndNoNeighbour) {
  struct Case {
    std::string path, glob;
    std::vector<std::string> neighbours;
  };
  const std::vector<Case> cases = {
      {"/web", "/web", {"/web2", "/we", "/web/x", "/a/web"}},
      {"/a*b", "/a[*]b", {"/axb", "/ab", "/a**b"}},
      {"/a?b", "/a[?]b", {"/axb"}},
      {"/a[bc]d", "/a[[]bc]d", {"/abd", "/acd", "/a[bc]", "/a[bd]d"}},
      {"/a]b", "/a]b", {"/ab"}},
      {"/[", "/[[]", {"/", "/[["}},
      {"/[^a]*", "/[[]^a][*]", {"/b", "/[^a]x"}},
      {"/a\\*", "/a\\[*]", {"/a\\x", "/a*"}},
      {"/\xe6\x97\xa5", "/\xe6\x97\xa5", {"/\xe6\x97\xa6"}},
      {"/a\xff"
       "b",
       "/a?b",
       {"/ab", "/axxb",
        "/a\xff"
        "c"}},
      {"/a\xe2\x82", "/a?", {"/a", "/axy"}},
      {"/a\xc0\xaf\x80", "/a?", {"/a", "/axy"}},
      {"/a\xc3\xa9\x80z", "/a?z", {"/az", "/a\xc3\xa9\xc3\xa9z"}},
      {"/\xff\xfe", "/??", {"/\xff", "/\xff\xfe\xfd"}},
      {"/\x80\x80", "/??", {"/\x80", "/\x80\x80\x80"}},
  };
  for (const Case& c : cases) {
    EXPECT_EQ(glob_of(c.path), c.glob);
    EXPECT_TRUE(glob_matches(c.glob, c.path)) << c.glob;
    for (const std::string& neighbour : c.neighbours) {
      EXPECT_FALSE(glob_matches(c.glob, neighbour)) << c.glob << " on " << neighbour;
    }
  }
}

TEST(RuleOf, AHostilePathIsThreeLinesThatHarmNobody) {
  for (const auto& [label, path] : test::hostile_texts()) {
    const std::string rule = rule_of({.kind = AdviceKind::exclude, .threshold_bytes = 0, .reason = "", .path = path});
    EXPECT_TRUE(base::is_valid_utf8(rule)) << label;
    EXPECT_TRUE(rule.starts_with("[[rule]]\ncgroup = \"") && rule.ends_with("\"\nreclaim = false\n")) << label;
    const std::string line = rule.substr(9, rule.size() - 9 - 17);
    EXPECT_EQ(line.find('\n'), std::string::npos) << label;
    EXPECT_EQ(base::escape_for_terminal(line), line) << label;
    EXPECT_EQ(line.find_first_of("<>"), std::string::npos) << label;
    EXPECT_TRUE(glob_matches(glob_of(path), path)) << label;
  }
}

}  // namespace
}  // namespace cgmm::core
