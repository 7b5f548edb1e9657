// SPDX-License-Identifier: Apache-2.0
#include "report/incident/stuck.hpp"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "report/catalog.hpp"
#include "support/made_history.hpp"
#include "support/unwrapped.hpp"

namespace cgmm::report {
namespace {

constexpr std::int64_t kSecond = 1'000'000;

class StuckPage : public testing::Test {
 protected:
  StuckPage() {
    history.exec("INSERT INTO node VALUES ('page_size_bytes', 4096)");
    history.add_cgroup(1, "/kubepods/c1", "shop/web/app", 1024);
    for (int i = 0; i < 100; ++i) {
      history.add_scan(i * kSecond);
      history.add_sample(i * kSecond, 1, 300 * 1024);
    }
  }
  void add(const std::string& kind, const std::string& ended_by) {
    history.exec(
        "INSERT INTO stuck (cgroup_id, kind, began_at_us, last_seen_at_us, ended_at_us, ended_by, usage_bytes, "
        "limit_bytes, high_events, psi_full_us) VALUES (1, '" +
        kind + "', 0, 100000000, nullif(" + (ended_by == "over" ? "110000000" : "0") + ", 0), nullif('" + ended_by +
        "', ''), 314572800, 314572800, 30000, 98000000)");
  }
  std::string shown(Format format) {
    const core::Parameters parameters{
        {"stuck_id", std::int64_t{1}}, {"since_us", std::int64_t{0}}, {"until_us", std::int64_t{200} * kSecond}};
    return render_stuck({.stuck = history.run(built_in("incident_stuck").sql, parameters),
                         .samples = history.run(built_in("incident_stuck_samples").sql, parameters)},
                        format, {});
  }
  test::MadeHistory history;
};

TEST_F(StuckPage, SaysHowLongItWasThrottledAndByWhat) {
  add("memory_high", "over");
  const std::string text = shown(Format::text);
  EXPECT_TRUE(text.starts_with("Incident s1: throttled at memory.high, from 1970-01-01T00:00:00Z on\n")) << text;
  EXPECT_NE(
      test::unwrapped(text).find(
          "It was over its memory.high of 300.0 MiB (usage up to 300.0 MiB), and the kernel slowed its tasks down "
          "30 000 times: for 98 % of 1m 40s all of its tasks waited for memory. Nothing was killed."),
      std::string::npos)
      << text;
  EXPECT_NE(test::unwrapped(text).find(
                "It was over at 1970-01-01T00:01:50Z; last seen so at 1970-01-01T00:01:40Z, after 1m 40s."),
            std::string::npos)
      << text;
  EXPECT_NE(test::unwrapped(text).find("Its samples, 30 of 100"), std::string::npos) << text;
}

TEST_F(StuckPage, SaysThatItStandsStillAndWhatIsNotKnown) {
  add("under_oom", "");
  EXPECT_NE(shown(Format::markdown).find("OOM killer disabled"), std::string::npos);
  EXPECT_NE(shown(Format::text).find("It goes on, as far as is known"), std::string::npos);
  history.exec("UPDATE stuck SET ended_by = 'unknown'");
  EXPECT_NE(shown(Format::text).find("When it ended is not known"), std::string::npos);
}

TEST_F(StuckPage, HasEverySampleInJsonAndIsAPageInHtml) {
  add("memory_high", "");
  const auto json = nlohmann::json::parse(shown(Format::json));
  EXPECT_EQ(json["stuck"]["kind"], "memory_high");
  EXPECT_EQ(json["samples"].size(), 100u);
  EXPECT_EQ(json["words"].size(), 3u);
  EXPECT_TRUE(shown(Format::html).starts_with("<!doctype html>") || shown(Format::html).starts_with("<!DOCTYPE html>"));
  EXPECT_THROW(shown(Format::csv), std::invalid_argument);
}

}  // namespace
}  // namespace cgmm::report
