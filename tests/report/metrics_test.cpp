// SPDX-License-Identifier: Apache-2.0
#include "report/metrics.hpp"

#include <gtest/gtest.h>

#include <cstdint>

#include "report/catalog.hpp"

namespace cgmm::report {
namespace {

constexpr std::string_view kSql =
    "-- Kills\n"
    "-- metric kills counter cgmm_kills: Kills, with a \\ in its help.\n"
    "-- metric share gauge cgmm_share: A part.\n"
    "SELECT 1;\n";

std::string text(const core::Table& answer, MetricsForm form = MetricsForm::prometheus) {
  return render_metrics(metrics_of(kSql), answer, form);
}

TEST(Metrics, ColumnsThatAreNoMetricsAreLabels) {
  EXPECT_EQ(text({.title = "",
                  .columns = {"namespace", "kills", "number", "share"},
                  .rows = {{"shop", std::int64_t{3}, std::int64_t{7}, 0.5}, {{}, std::int64_t{0}, {}, {}}}}),
            "# HELP cgmm_kills_total Kills, with a \\\\ in its help.\n"
            "# TYPE cgmm_kills_total counter\n"
            "cgmm_kills_total{namespace=\"shop\",number=\"7\"} 3\n"
            "cgmm_kills_total 0\n"
            "# HELP cgmm_share A part.\n"
            "# TYPE cgmm_share gauge\n"
            "cgmm_share{namespace=\"shop\",number=\"7\"} 0.5\n");
}

TEST(Metrics, OpenMetricsNamesTheFamilyAndHasAnEnd) {
  EXPECT_EQ(
      text({.title = "", .columns = {"kills", "share"}, .rows = {{std::int64_t{3}, {}}}}, MetricsForm::openmetrics),
      "# HELP cgmm_kills Kills, with a \\\\ in its help.\n# TYPE cgmm_kills counter\ncgmm_kills_total 3\n");
  EXPECT_EQ(end_of_metrics(MetricsForm::openmetrics), "# EOF\n");
  EXPECT_EQ(end_of_metrics(MetricsForm::prometheus), "");
}

TEST(Metrics, InfoIsAGaugeInTheTextFormat) {
  const auto metrics = metrics_of("-- metric value info cgmm_service: The program.\n");
  const core::Table answer{.title = "", .columns = {"version", "value"}, .rows = {{"1.2", std::int64_t{1}}}};
  EXPECT_EQ(render_metrics(metrics, answer, MetricsForm::prometheus),
            "# HELP cgmm_service_info The program.\n# TYPE cgmm_service_info gauge\n"
            "cgmm_service_info{version=\"1.2\"} 1\n");
  EXPECT_EQ(render_metrics(metrics, answer, MetricsForm::openmetrics),
            "# HELP cgmm_service The program.\n# TYPE cgmm_service info\ncgmm_service_info{version=\"1.2\"} 1\n");
}

TEST(Metrics, HostileNamesStayInTheirQuotes) {
  const std::string said =
      text({.title = "", .columns = {"name", "kills", "share"}, .rows = {{"a\"} 9\nb\\c\xff", std::int64_t{1}, {}}}});
  EXPECT_NE(said.find("cgmm_kills_total{name=\"a\\\"} 9\\nb\\\\\\\\c\\\\xff\"} 1\n"), std::string::npos) << said;
}

TEST(Metrics, TheSameLabelsAreOneSample) {
  const core::Table answer{.title = "",
                           .columns = {"name", "kills", "share"},
                           .rows = {{"a", std::int64_t{1}, 0.25}, {"a", std::int64_t{2}, 0.5}}};
  const std::string said = text(answer);
  EXPECT_NE(said.find("cgmm_kills_total{name=\"a\"} 3\n"), std::string::npos) << said;
  EXPECT_NE(said.find("cgmm_share{name=\"a\"} 0.5\n"), std::string::npos) << said;
}

TEST(Metrics, ACounterTellsItsNewestInOpenMetrics) {
  const auto metrics = metrics_of("-- metric kills counter cgmm_kills: Kills.\n-- exemplar kills id at_us\n");
  const core::Table answer{.title = "",
                           .columns = {"name", "kills", "id", "at_us"},
                           .rows = {{"a", std::int64_t{1}, std::int64_t{16}, std::int64_t{1'795'403'520'000'123}},
                                    {"a", std::int64_t{2}, std::int64_t{9}, std::int64_t{1'795'403'519'000'000}},
                                    {"b", std::int64_t{0}, {}, {}}}};
  EXPECT_EQ(render_metrics(metrics, answer, MetricsForm::openmetrics),
            "# HELP cgmm_kills Kills.\n# TYPE cgmm_kills counter\n"
            "cgmm_kills_total{name=\"a\"} 3 # {id=\"16\"} 1 1795403520.000123\n"
            "cgmm_kills_total{name=\"b\"} 0\n");
  EXPECT_EQ(render_metrics(metrics, answer, MetricsForm::prometheus),
            "# HELP cgmm_kills_total Kills.\n# TYPE cgmm_kills_total counter\n"
            "cgmm_kills_total{name=\"a\"} 3\ncgmm_kills_total{name=\"b\"} 0\n");
  EXPECT_THROW(metrics_of("-- exemplar kills id at_us\n"), std::logic_error);
}

TEST(Metrics, AnswersWithoutTheColumnAreAMistake) {
  EXPECT_THROW(text({.title = "", .columns = {"kills"}, .rows = {}}), std::logic_error);
}

TEST(Metrics, EveryQueryHasMetricsWithAHelpAndAName) {
  const auto queries = metric_queries();
  ASSERT_GT(queries.size(), 5u);
  for (const Report& query : queries) {
    const auto metrics = metrics_of(query.sql);
    EXPECT_FALSE(metrics.empty()) << query.name;
    for (const Metric& metric : metrics) {
      EXPECT_TRUE(metric.name.starts_with("cgmm_")) << metric.name;
      EXPECT_FALSE(metric.name.ends_with("_total")) << metric.name;
      EXPECT_TRUE(metric.help.ends_with(".")) << metric.name;
      EXPECT_TRUE(metric.type == "counter" || metric.type == "gauge" || metric.type == "info") << metric.type;
    }
  }
}

}  // namespace
}  // namespace cgmm::report
