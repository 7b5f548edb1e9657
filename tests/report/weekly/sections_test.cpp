// SPDX-License-Identifier: Apache-2.0
#include "report/weekly/sections.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <vector>

#include "report/answer.hpp"
#include "report/catalog.hpp"
#include "report/format/row.hpp"

namespace cgmm::report {
namespace {

using core::Cell;
using core::Table;

Cell integer(std::int64_t value) { return value; }

class Weekly : public testing::Test {
 protected:
  Weekly() {
    for (const char* const name :
         {"kills_by_workload", "stuck_by_workload", "effects", "limits", "restarts", "failures"}) {
      tables_.push_back(empty_answer(name));
      tables_.back().report = name;
      tables_.back().title = built_in(name).title;
    }
  }
  Table& table(const std::string& name) { return *std::ranges::find(tables_, name, &Table::report); }
  WeeklySections sections() const { return weekly_sections(summary_, earlier_, tables_); }

  static std::vector<std::string> titles(const std::vector<Table>& tables) {
    std::vector<std::string> all;
    for (const Table& one : tables) all.push_back(one.title);
    return all;
  }

  std::vector<Table> tables_;
  Table summary_ = answer_of("summary", {{{"scans", integer(9)}, {"reclaims", integer(0)}}});
  Table earlier_ = answer_of("summary", {{{"scans", integer(0)}, {"reclaims", integer(0)}}});
};

TEST_F(Weekly, OfAQuietWeekIsShort) {
  EXPECT_EQ(titles(sections().before_advice),
            (std::vector<std::string>{"OOM kills by workload", "What reclaim brought, and what it cost"}));
  EXPECT_EQ(titles(sections().after_advice), std::vector<std::string>{"Coverage"});
}

TEST_F(Weekly, HasASectionWithoutRowsWhereSamplesAreGone) {
  table("limits").below = "The samples of this window are gone.";
  ASSERT_EQ(titles(sections().after_advice).front(), "Limits: too small, too large, or reached by a leak");
  EXPECT_EQ(sections().after_advice.front().below, "The samples of this window are gone.");
}

TEST_F(Weekly, BeginsWithTheKillsAndSaysWhatToDo) {
  add_row(table("kills_by_workload"), {{"workload", "shop/cart/app"}, {"kills", integer(5)}, {"watched", integer(1)}});
  add_row(table("kills_by_workload"), {{"workload", "/elsewhere"}, {"kills", integer(3)}, {"watched", integer(0)}});
  add_row(table("kills_by_workload"), {{"workload", "shop/api/app"}, {"kills", integer(2)}, {"watched", integer(1)}});
  add_row(table("limits"), {{"workload", "shop/cart/app"}, {"leak_bytes_per_second", 2.5}, {"advice", "leaks"}});
  add_row(table("limits"), {{"workload", "shop/api/app"}, {"advice", "raise it to 64 MiB"}});
  add_row(table("limits"), {{"workload", "shop/ok/app"}, {"advice", ""}});
  add_row(table("limits"), {{"workload", "shop/api"}, {"limit_of", "pod"}, {"advice", "raise the pod's limit"}});
  const WeeklySections all = sections();
  const Table& kills = all.before_advice.front();
  ASSERT_EQ(kills.rows.size(), 2u);
  EXPECT_EQ(Row(kills, 0).text("advice"), "leaks; a higher limit only lasts longer");
  EXPECT_EQ(Row(kills, 1).text("advice"), "raise it to 64 MiB") << "its own comes before its pod's";
  Table& causes = table("kills_by_workload");
  causes.rows[0][column_of(causes, "causes")] = "shmem";
  EXPECT_EQ(Row(sections().before_advice.front()).text("advice"), "leaks") << "a tmpfs may stay full after a restart";
  EXPECT_EQ(kills.below, "3 kills were outside of what is watched, or nobody knows where");
  ASSERT_EQ(titles(all.after_advice).front(), "Limits: too small, too large, or reached by a leak");
  EXPECT_EQ(all.after_advice.front().rows.size(), 3u) << "only where there is something to do";
  Table& limits = table("limits");
  limits.rows[1][column_of(limits, "advice")] = "";
  EXPECT_EQ(Row(sections().before_advice.front(), 1).text("advice"), "raise the pod's limit");
}

TEST_F(Weekly, ShowsTenRowsAndHowManyMore) {
  for (int i = 0; i < 1087; ++i) {
    add_row(table("kills_by_workload"), {{"workload", "w"}, {"kills", integer(1)}, {"watched", integer(1)}});
    add_row(table("restarts"), {{"workload", "w"}, {"restarts", integer(1)}});
    add_row(table("effects"), {{"workload", "w"}});
  }
  const WeeklySections all = sections();
  EXPECT_EQ(all.before_advice[0].rows.size(), 10u);
  EXPECT_EQ(all.before_advice[0].below, "and 1077 more: `report kills_by_workload` has all");
  EXPECT_EQ(all.before_advice.back().below, "and 1077 more: `report effects` has all");
  EXPECT_EQ(all.after_advice[0].below, "and 1077 more: `report restarts` has all");
}

TEST_F(Weekly, ComparesWithTheTimeBeforeWhereThatIsOnRecord) {
  const auto compared = [&] { return sections().before_advice.back(); };
  EXPECT_EQ(compared().rows.size(), 1u);
  EXPECT_EQ(Row(compared()).cell("stayed_free_bytes"), Cell()) << "nothing was observed";
  earlier_ = answer_of("summary", {{{"scans", integer(9)},
                                    {"reclaims", integer(4)},
                                    {"observed_reclaims", integer(3)},
                                    {"stayed_free_bytes", integer(12)}}});
  ASSERT_EQ(compared().rows.size(), 2u);
  EXPECT_EQ(Row(compared(), 1).text("window"), "the one before");
  EXPECT_EQ(Row(compared(), 1).integer("stayed_free_bytes"), 12);
}

}  // namespace
}  // namespace cgmm::report
