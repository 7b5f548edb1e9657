// SPDX-License-Identifier: Apache-2.0
#include "serve/routes.hpp"

#include <gtest/gtest.h>

#include <string>

#include "serve/files.hpp"

namespace cgmm::serve {
namespace {

using Words = std::vector<std::string>;

std::optional<Route> route(const std::string& target, const std::string& accept = "", const Pages& pages = {}) {
  auto request = net::parse_target(target);
  if (!request) return std::nullopt;
  request->accept = accept;
  return route_of(*request, pages);
}

Words words(const std::string& target, const Pages& pages = {}) {
  const auto found = route(target, "", pages);
  if (!found) return {"(none)"};
  Words all = found->arguments;
  for (std::string& word : all) {
    if (word.starts_with("--links=")) word = "--links";  // EachPageKnowsItsAddress
  }
  return all;
}

TEST(Routes, EachPageIsASubcommand) {
  EXPECT_EQ(words("/"), words("/now"));
  EXPECT_EQ(words("/report"), (Words{"report", "--format=html", "--links"}));
  EXPECT_EQ(words("/report?since=1d&until=1h&workload=shop/*"),
            (Words{"report", "--since=1d", "--until=1h", "--workload=shop/*", "--format=html", "--links"}));
  EXPECT_EQ(words("/report.json"), (Words{"report", "--format=json"}));
  EXPECT_EQ(words("/now?sort=usage_bytes"), (Words{"report", "now", "--sort=usage_bytes", "--format=html", "--links"}));
  EXPECT_EQ(words("/now.json"), (Words{"report", "now", "--format=json"}));
  EXPECT_EQ(words("/workloads?since=1d"),
            (Words{"report", "memory_by_workload", "--since=1d", "--format=html", "--links"}));
  EXPECT_EQ(words("/reports"), (Words{"report", "--list", "--format=html", "--links"}));
  EXPECT_EQ(words("/report/limits.csv?since=2d"), (Words{"report", "limits", "--since=2d", "--format=csv"}));
  EXPECT_EQ(words("/status.json"), (Words{"status", "--format=json"}));
  EXPECT_EQ(words("/incident"), (Words{"incident", "list", "--format=html", "--links"}));
  EXPECT_EQ(words("/incident?all=1"), (Words{"incident", "list", "--all", "--format=html", "--links"}));
  EXPECT_EQ(words("/incident/16?window=2h"),
            (Words{"incident", "show", "16", "--window=2h", "--format=html", "--links"}));
  EXPECT_EQ(words("/incident/latest.json"), (Words{"incident", "show", "latest", "--format=json"}));
  EXPECT_EQ(words("/workload/shop/web/app?since=1d"),
            (Words{"history", "--workload=shop/web/app", "--since=1d", "--format=html", "--links"}));
  EXPECT_EQ(words("/cgroup/%2Fsystem.slice%2Fa%5B1%5D.service"),
            (Words{"history", "/system.slice/a[[]1].service", "--format=html", "--links"}));
}

TEST(Routes, ANameThatEndsLikeAFormatHasAPage) {
  for (const std::string name : {"a.json", "a.csv", "a.ndjson", "a.html"}) {
    EXPECT_EQ(words("/workload/shop/" + name + ".html"),
              (Words{"history", "--workload=shop/" + name, "--format=html", "--links"}));
    EXPECT_EQ(words("/cgroup/" + name + ".json"), (Words{"history", name, "--format=json"}));
  }
  EXPECT_EQ(words("/status.html"), words("/status"));
  EXPECT_EQ(route("/status.html")->type, route("/status")->type);
}

TEST(Routes, TheLatestKillOfAWorkloadIsThatOfTheWorkload) {
  EXPECT_EQ(words("/incident/latest?workload=shop/web/app"),
            (Words{"incident", "show", "latest", "--workload=shop/web/app", "--format=html", "--links"}));
  EXPECT_EQ(words("/incident/latest.json?cgroup=web&window=1h"),
            (Words{"incident", "show", "latest", "--window=1h", "--cgroup=web", "--format=json"}));
}

TEST(Routes, AParameterThatAPageDoesNotTakeIsAMistake) {
  const auto mistake = [](const std::string& target, const Pages& pages = {}) {
    const auto found = route(target, "", pages);
    return found ? found->mistake : "(none)";
  };
  EXPECT_EQ(mistake("/report?foo=1"),
            "\"foo\" is no parameter of this page: it takes since, until, cgroup and workload\n");
  EXPECT_EQ(mistake("/incident/2?since=1d"), "\"since\" is no parameter of this page: it takes window\n");
  EXPECT_EQ(mistake("/status?since=1d"), "\"since\" is no parameter of this page: it takes none\n");
  EXPECT_EQ(mistake("/reports?%0a=1"), "\"\\n\" is no parameter of this page: it takes none\n");
  for (const char* const target :
       {"/?max_time=1", "/now?window=1h", "/now.json?sort=usage_bytes", "/report/limits?sort=workload",
        "/metrics?x=", "/workload/a?workload=b", "/cgroup/a?cgroup=b", "/incident/latest?since=1d", "/report?foo"})
    EXPECT_NE(mistake(target), "") << target;
  for (const char* const target :
       {"/", "/?since=1d&until=1h&cgroup=a&filter=web", "/report?since=1d&until=1h&cgroup=a",
        "/now?sort=usage_bytes&cgroup=", "/now?filter=web&view=tree", "/report/now?filter=web",
        "/workloads?since=1d&sort=kills", "/report/limits.csv?since=1d", "/incident?workload=a",
        "/incident/2?window=1h", "/workload/a?since=1d&until=1h", "/metrics", "/status.json"})
    EXPECT_EQ(mistake(target), "") << target;
  const Pages fleet{.of_fleet = true};
  EXPECT_EQ(mistake("/incident/latest?node=n&workload=a", fleet), "");
  EXPECT_NE(mistake("/incident/node-7/16?since=1d", fleet), "");
}

TEST(Routes, EachPageKnowsItsAddress) {
  EXPECT_EQ(route("/")->arguments.back(), "--links=/now");
  EXPECT_EQ(route("/", "", {.of_fleet = true})->arguments.back(), "--links=/report");
  EXPECT_EQ(route("/workloads?since=1d")->arguments.back(), "--links=/workloads");
  EXPECT_EQ(route("/cgroup/%2Fa%20b")->arguments.back(), "--links=/cgroup//a b");
  EXPECT_EQ(route("/report/limits.json")->arguments.back(), "--format=json");
}

TEST(Files, TheScriptIsInTheProgram) {
  const auto script = file_at("/page.js");
  ASSERT_TRUE(script);
  EXPECT_EQ(script->type, "text/javascript; charset=utf-8");
  EXPECT_EQ(script->body.find("innerHTML"), std::string::npos) << "names may be hostile";
  EXPECT_TRUE(file_at("/openapi.json")->body.starts_with("{"));
  EXPECT_FALSE(file_at("/page.css"));
}

TEST(Routes, WhatIsNoPageIsNone) {
  for (const char* const target : {"/nope", "/report/", "/report/--list", "/report/a%2Fb", "/report/..", "/incident/-1",
                                   "/incident/1%202", "/workload/", "/cgroup/", "/cgroup/--each", "/cgroup/-x"})
    EXPECT_EQ(words(target), Words{"(none)"}) << target;
}

TEST(Routes, APageOfTheFleetIsASubcommandOfFleet) {
  const Pages pages{.of_fleet = true};
  const auto asked = [&](const std::string& target) { return words(target, pages); };
  EXPECT_EQ(asked("/"), (Words{"fleet", "report", "--max-time=5m", "--format=html", "--links"}));
  EXPECT_EQ(asked("/report/nodes.json?node=pool-a-*"),
            (Words{"fleet", "report", "nodes", "--node=pool-a-*", "--max-time=5m", "--format=json"}));
  EXPECT_EQ(asked("/incident?since=1d&workload=shop/*"),
            (Words{"fleet", "incident", "list", "--since=1d", "--workload=shop/*", "--max-time=5m", "--format=html",
                   "--links"}));
  EXPECT_EQ(asked("/incident/node-7/16?window=2h"), (Words{"fleet", "incident", "show", "node-7/16", "--window=2h",
                                                           "--max-time=5m", "--format=html", "--links"}));
  EXPECT_EQ(asked("/incident/latest?node=n&window=2h"),
            (Words{"fleet", "incident", "show", "latest", "--window=2h", "--node=n", "--max-time=5m", "--format=html",
                   "--links"}));
  EXPECT_EQ(asked("/workload/shop/web/app?node=n"), (Words{"fleet", "history", "--workload=shop/web/app", "--node=n",
                                                           "--max-time=5m", "--format=html", "--links"}));
  EXPECT_EQ(asked("/cgroup/-x"),
            (Words{"fleet", "history", "--cgroup=-x", "--max-time=5m", "--format=html", "--links"}));
  for (const char* const target : {"/metrics", "/status", "/incident/16", "/incident/-n/16", "/report/--list"})
    EXPECT_EQ(asked(target), Words{"(none)"}) << target;
  EXPECT_EQ(no_such_page({.path = "/metrics"}, pages),
            "there are no metrics of the fleet: they are those of a node, from `serve` there\n");
}

TEST(Routes, MetricsAreOpenMetricsForWhoeverAsksForThem) {
  EXPECT_EQ(words("/metrics"), Words{"metrics"});
  EXPECT_EQ(route("/metrics")->type, "text/plain; version=0.0.4; charset=utf-8");
  const auto open =
      route("/metrics", "application/openmetrics-text;version=1.0.0,text/plain;q=0.5", {.with_containers = true});
  EXPECT_EQ(open->arguments, (Words{"metrics", "--openmetrics", "--containers"}));
  EXPECT_EQ(open->type, "application/openmetrics-text; version=1.0.0; charset=utf-8");
}

TEST(Routes, AnAnswerHasAPolicyAndAFailureIsASentence) {
  const Route page{.arguments = {"report"}, .type = "text/html"};
  const auto fine = answer_of(page, {.exit_code = 0, .out = "<p>", .err = ""});
  EXPECT_EQ(fine.status, 200);
  EXPECT_EQ(fine.body, "<p>");
  ASSERT_FALSE(fine.headers.empty());
  EXPECT_EQ(fine.headers[0].first, "Content-Security-Policy");
  EXPECT_EQ(answer_of(page, {.exit_code = 1, .out = "<p>not running", .err = ""}).status, 200) << "status says it";
  EXPECT_EQ(answer_of(page, {.exit_code = 1, .out = "", .err = "no"}).status, 500);
  EXPECT_EQ(answer_of(page, {.exit_code = 3, .out = "", .err = "no such cgroup"}).status, 404);
  EXPECT_EQ(answer_of(page, {.exit_code = 2, .out = "", .err = "--since = \"x\": expected"}).status, 400);
  EXPECT_EQ(answer_of(page, {.end = ProgramAnswer::End::too_big, .out = "", .err = ""}).status, 413);
  EXPECT_EQ(answer_of(page, {.end = ProgramAnswer::End::too_slow, .out = "", .err = ""}).status, 503);
  EXPECT_EQ(answer_of(page, {.end = ProgramAnswer::End::killed, .out = "", .err = ""}).status, 500);
}

}  // namespace
}  // namespace cgmm::serve
