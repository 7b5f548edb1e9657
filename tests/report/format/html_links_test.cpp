// SPDX-License-Identifier: Apache-2.0
// Pages of `serve` lead to each other, to other times, and to the same for programs.
#include "report/format/html_links.hpp"

#include <gtest/gtest.h>

#include "support/html.hpp"

namespace cgmm::report {
namespace {

class Links : public testing::Test {
 protected:
  // A process makes one page; here others follow.
  void TearDown() override { link_pages(std::nullopt); }
  static void at(const std::string& path, Place place = {}) {
    place.path = path;
    link_pages(PagesOf::node, std::move(place));
  }
  static std::string said(const std::string& sentence) { return html_paragraph(sentence); }
};

TEST_F(Links, ThePageThatIsLookedAtIsMarked) {
  at("/now");
  EXPECT_NE(navigation().find("<a href=\"/now\" aria-current=\"page\">Now</a>"), std::string::npos) << navigation();
  EXPECT_EQ(navigation().find("Since"), std::string::npos) << "it is of one instant";
  for (const char* const without : {"/incident/2", "/incident/latest", "/status", "/reports", ""}) {
    at(without);
    EXPECT_EQ(navigation().find("Since"), std::string::npos) << without;
  }
}

TEST_F(Links, TheTimeThatIsLookedAtIsMarkedAndOtherTimesKeepTheRest) {
  at("/report", {.path = "", .asked = {{"since", "7d"}, {"until", "now"}, {"workload", "shop/*"}, {"window", "30m"}}});
  const std::string html = navigation();
  EXPECT_NE(html.find("<a href=\"/report\" aria-current=\"page\">Report</a>"), std::string::npos) << html;
  EXPECT_NE(html.find("<a href=\"?since=7d&amp;workload=shop/%2A\" aria-current=\"true\">7 days</a>"),
            std::string::npos)
      << html;
  EXPECT_NE(html.find("<a href=\"?since=1h&amp;workload=shop/%2A\">1 hour</a>"), std::string::npos) << html;
  EXPECT_EQ(data_links(),
            "<p class=\"data\">For programs: <a href=\"/report.json?since=7d&amp;workload=shop/%2A\">JSON</a> <a "
            "href=\"/report.csv?since=7d&amp;workload=shop/%2A\">CSV</a></p>\n");
  at("/incident/16", {.path = "", .asked = {{"since", "30d"}, {"window", "2h"}}});
  EXPECT_EQ(data_links(), "<p class=\"data\">For programs: <a href=\"/incident/16.json?window=2h\">JSON</a></p>\n");
  at("/incident/latest", {.path = "", .asked = {{"workload", "a"}, {"window", "2h"}}});
  EXPECT_NE(data_links().find("?window=2h&amp;workload=a"), std::string::npos) << "else it is the kill of another";
}

TEST_F(Links, WhatACommandSaysIsALink) {
  at("/report", {.path = "", .asked = {{"since", "7d"}, {"cgroup", "web"}}});
  EXPECT_EQ(said("`incident show 16` tells."), "<p><a href=\"/incident/16\">incident 16</a> tells.</p>\n");
  EXPECT_EQ(said("`incident show latest`"), "<p><a href=\"/incident/latest\">the latest OOM kill</a></p>\n");
  EXPECT_EQ(said("`incident show latest --workload a/b`"),
            "<p><a href=\"/incident/latest?workload=a/b\">the latest OOM kill of a/b</a></p>\n");
  EXPECT_EQ(said("`incident list --all`"), "<p><a href=\"/incident?all=1\">the whole list</a></p>\n");
  EXPECT_EQ(said("`report gaps`"), "<p><a href=\"/report/gaps\">report gaps</a></p>\n");
  EXPECT_EQ(said("`report cgroups --since 1h`"), "<p><a href=\"/report/cgroups?since=1h\">report cgroups</a></p>\n");
  EXPECT_EQ(said("`status`"), "<p><a href=\"/status\">the page of the service</a></p>\n");
  EXPECT_EQ(said("`--format csv`"), "<p><a href=\"/report.csv?since=7d&amp;cgroup=web\">CSV</a></p>\n");
  EXPECT_EQ(said("`--since 2d --until 1d`"), "<p><a href=\"?since=2d&amp;until=1d&amp;cgroup=web\">2d to 1d</a></p>\n");
  for (const char* const command : {"check", "<b>", "report", "history web", " "})
    EXPECT_EQ(said(std::string("`") + command + "`").find("<a"), std::string::npos) << command;
}

TEST_F(Links, APageThatIsMailedHasNone) {
  EXPECT_EQ(navigation(), "");
  EXPECT_EQ(data_links(), "");
  EXPECT_EQ(said("`incident show 16`"), "<p><code>incident show 16</code></p>\n");
}

}  // namespace
}  // namespace cgmm::report
