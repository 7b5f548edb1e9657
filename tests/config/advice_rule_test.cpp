// SPDX-License-Identifier: Apache-2.0
// The rule that `report` advises, pasted into a configuration, decides for the cgroup it was made for.
#include <gtest/gtest.h>

#include "base/text.hpp"
#include "config.hpp"
#include "core/advice.hpp"
#include "support/hostile.hpp"

namespace cgmm::config {
namespace {

using core::Advice;
using core::AdviceKind;

constexpr std::uint64_t kMiB = 1024 * 1024;

TEST(AdvisedRule, SurvivesTheConfigurationWithEveryHostilePath) {
  std::vector<test::Hostile> paths = test::hostile_texts();
  paths.push_back({"glob", "/a*b?c[d-f]]g[^h]"});
  paths.push_back({"tag in a fence", "/```\n</script>"});
  paths.push_back({"triple quotes", "/\"\"\"'''"});
  paths.push_back({"every control", "/\x01\x02\x08\x09\x0b\x0c\x0d\x1f\x7f"});
  for (const auto& [label, name] : paths) {
    if (name.find('\0') != std::string::npos) continue;  // no file name has one
    const std::string path = "/" + name;
    const Advice advice{.kind = AdviceKind::raise_threshold, .threshold_bytes = 64 * kMiB, .reason = "", .path = path};
    const Config config = parse("cooldown = \"5m\"\n" + core::rule_of(advice), "pasted");
    ASSERT_EQ(config.policy.rules.size(), 1U) << label;
    const core::Rule* const rule = config.policy.rule_for(path, "");
    ASSERT_NE(rule, nullptr) << label << ": " << config.policy.rules[0].cgroup;
    EXPECT_EQ(rule->threshold, core::Threshold::of_bytes(64 * kMiB)) << label;
    EXPECT_EQ(config.policy.settings_for(path, "").cooldown_us, 300'000'000) << label;
    std::vector<std::string> neighbours = {path + "x", path + "/x", "/x" + path};
    if (base::is_valid_utf8(path)) neighbours.push_back(path.substr(0, path.size() - 1));  // else one `?` takes both
    for (const std::string& neighbour : neighbours) {
      EXPECT_EQ(config.policy.rule_for(neighbour, ""), nullptr) << label << " takes " << neighbour;
    }
  }
}

TEST(AdvisedRule, DecidesBeforeTheRulesBelowIt) {
  const Advice advice{.kind = AdviceKind::exclude, .threshold_bytes = 0, .reason = "", .path = "/kubepods/a*"};
  const Config config =
      parse(core::rule_of(advice) + "[[rule]]\ncgroup = \"/kubepods/*\"\nthreshold = \"1GiB\"\n", "pasted");
  EXPECT_FALSE(config.policy.settings_for("/kubepods/a*", "").reclaim);
  EXPECT_TRUE(config.policy.settings_for("/kubepods/ab", "").reclaim);
}

TEST(AdvisedRule, ChangesTheThresholdAndNothingElseOfTheRuleBelowIt) {
  const std::string below = "[[rule]]\ncgroup = \"/w*\"\nthreshold = \"32MiB\"\ncooldown = \"90s\"\n";
  const core::ReclaimEvidence evidence{.path = "/web",
                                       .churn_count = 3,
                                       .freed_bytes = 30 * kMiB,
                                       .refaulted_bytes = 30 * kMiB,
                                       .cache_wanted_bytes = 40 * kMiB,
                                       .threshold_bytes = 32 * kMiB,
                                       .effective_limit_bytes = 100 * kMiB};
  const core::Policy before = parse(below, "before").policy;
  const auto advice = core::advise(evidence, before);
  ASSERT_TRUE(advice);
  const core::Policy after = parse(core::rule_of(*advice) + below, "after").policy;
  core::ReclaimSettings settings = before.settings_for("/web", "");
  settings.threshold = core::Threshold::of_bytes(50 * kMiB);
  EXPECT_EQ(after.settings_for("/web", ""), settings);
  EXPECT_FALSE(core::advise(evidence, after)) << "it is in force";
  EXPECT_TRUE(core::spares(after, evidence));
  EXPECT_FALSE(core::advise(evidence, parse("threshold = \"1GiB\"\n", "high").policy));
}

}  // namespace
}  // namespace cgmm::config
