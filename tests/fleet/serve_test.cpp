// SPDX-License-Identifier: Apache-2.0
// `serve --fleet`: pages of all nodes from a real ClickHouse, and every link in them.
#include <gtest/gtest.h>

#include <chrono>
#include <filesystem>
#include <fstream>
#include <map>
#include <memory>
#include <regex>
#include <set>
#include <string>
#include <vector>

#include "fleet/real_engine.hpp"
#include "net/http.hpp"
#include "support/eventually.hpp"
#include "support/html.hpp"
#include "support/program.hpp"
#include "support/service_process.hpp"

namespace cgmm::fleet {
namespace {

using test::content_of;
using test::RealEngine;
using test::run_program;

constexpr std::chrono::minutes kPatience{3};
constexpr const char* kOddNode = "od/d\"[a]*'\\";
/// The time of the made histories.
const std::string kWindow = "since=2026-11-18T11:00:00Z&until=2026-11-19T18:00:00Z";

TEST(ServeFleet, NeedsToKnowWhereClickHouseIs) {
  const test::TempDir directory;
  const std::filesystem::path config = directory.path() / "config.toml";
  std::ofstream(config) << "";
  const auto refused = [&](std::vector<std::string> more) {
    more.insert(more.begin(), {"serve", "--fleet", "--listen", "127.0.0.1:0", "--config", config});
    const test::Answer answer = run_program(more);
    EXPECT_EQ(answer.exit_code, 2) << answer.out;
    return answer.err;
  };
  EXPECT_NE(refused({}).find("--fleet: expected url in [ship]"), std::string::npos) << refused({});
  EXPECT_NE(refused({"--containers"}).find("--containers is for metrics"), std::string::npos);
  EXPECT_NE(refused({"--database", "x"}).find("--database is of one node"), std::string::npos);
}

class FleetPages : public ::testing::Test {
 protected:
  void SetUp() override {
    if (!engine_.is_there()) GTEST_SKIP() << "*** SKIPPED, NOTHING WAS TESTED: it takes Debian's clickhouse-server ***";
    ASSERT_EQ(run_program({"fleet", "init", "--config", engine_.config().string()}).exit_code, 0);
    ship("odd", 7, "od/d\\\"[a]*'\\\\");  // in TOML
    ship("plain", 8, "node-8");
    serving_ = std::make_unique<test::ServiceProcess>(
        std::vector<std::string>{"serve", "--fleet", "--listen", "127.0.0.1:0", "--config", engine_.config().string()},
        log());
    ASSERT_TRUE(test::eventually([&] { return content_of(log()).find("serves http") != std::string::npos; }));
    const std::string said = content_of(log());
    url_ = "http://127.0.0.1:" + std::to_string(std::stoi(said.substr(said.rfind("127.0.0.1:") + 10)));
  }
  void TearDown() override {
    if (!serving_) return;
    serving_->signal(SIGTERM);
    EXPECT_EQ(serving_->wait_for_exit(), 0);
  }

  std::filesystem::path log() const { return directory_.path() / "log"; }
  net::HttpAnswer get(const std::string& target) const {
    net::HttpClient client({.url = url_, .total_timeout = kPatience});
    return client.send({.method = "GET", .target = target, .headers = {}, .body = ""});
  }
  /// A page, read as strictly as XML.
  test::Html page(const std::string& target) const {
    const net::HttpAnswer answer = get(target);
    EXPECT_EQ(answer.status, 200) << target << '\n' << answer.body.substr(0, 500);
    return test::Html(answer.status == 200 ? answer.body : "<html></html>");
  }
  /// Of a page, each address that it leads to, but the navigation's.
  std::set<std::string> links_in(const std::string& target) const {
    std::set<std::string> links;
    for (const test::HtmlElement& link : page(target).all("a")) links.insert(link.attributes.at("href"));
    for (const char* const common :
         {"/report", "/report/nodes", "/report/memory_by_workload", "/incident", "/report/effects", "/reports"})
      EXPECT_EQ(links.erase(common), 1u) << common << " in " << target;
    for (const char* const time : {"?since=1h", "?since=1d", "?since=7d", "?since=30d"}) {
      const bool has_it = std::erase_if(links, [&](const std::string& link) { return link.starts_with(time); }) > 0;
      EXPECT_EQ(has_it, target != "/reports") << time << " in " << target;
    }
    return links;
  }

 private:
  void ship(const std::string& name, int seed, const std::string& node) const {
    const std::string history = (directory_.path() / name).string() + ".db";
    test::output_of("python3 " CGMM_SOURCE_DIR "/tests/fleet/made_history.py '" + history + "' " +
                    std::to_string(seed));
    const std::string config =
        engine_.config("node = \"" + node + "\"\nstate_file = \"" + history + ".json\"\n").string();
    const test::Answer answer =
        run_program({"ship", "--once", "--config", config, "--database", history}, {}, kPatience);
    EXPECT_EQ(answer.exit_code, 0) << answer.err;
  }

  RealEngine engine_{"one"};
  test::TempDir directory_;
  std::unique_ptr<test::ServiceProcess> serving_;
  std::string url_;
};

TEST_F(FleetPages, EachIsThereAndEachLinkLeadsToOne) {
  std::map<std::string, std::string> from;  // one link of each kind and page
  const auto collect = [&](const std::string& target) {
    std::map<std::string, std::string> kinds;
    for (const std::string& link : links_in(target)) kinds.emplace(link.substr(0, link.find_first_of("/?=", 1)), link);
    for (const auto& [kind, link] : kinds) from.emplace(link, target);
  };
  for (const std::string page : {"/", "/report", "/incident", "/report/nodes", "/report/oom_kills", "/report/effects",
                                 "/report/kills_by_node", "/report/memory_by_workload"})
    collect(page + "?" + kWindow);
  for (const std::string& link : links_in("/reports")) from.emplace(link, "/reports");
  ASSERT_GE(from.size(), 15u);
  for (const auto& [link, page_of_it] : from) {
    const bool takes_time =
        !link.starts_with("/incident/") && !link.starts_with("/reports") && link.find("since=") == std::string::npos;
    const std::string time = (link.find('?') == std::string::npos ? "?" : "&") + kWindow;
    const net::HttpAnswer answer = get(link + (takes_time ? time : ""));
    // Of what was killed before it was ever sampled there is nothing to be shown.
    const bool has_none = answer.body.find("ClickHouse has no samples of") != std::string::npos;
    EXPECT_EQ(answer.status, has_none ? 404 : 200) << link << " of " << page_of_it << '\n'
                                                   << answer.body.substr(0, 300);
  }
  const std::string workload = get("/workload/shop/db/postgres?" + kWindow).body;
  EXPECT_NE(workload.find("Node node-8"), std::string::npos);
  EXPECT_NE(workload.find("Node od/d"), std::string::npos);
  const std::string one = get("/workload/shop/db/postgres?node=node-8&" + kWindow).body;
  EXPECT_EQ(one.find("od/d"), std::string::npos);
}

TEST_F(FleetPages, AnOddNodeHasItsLinks) {
  std::set<std::string> nodes = links_in("/report/nodes?" + kWindow);
  std::erase_if(nodes, [](const std::string& link) { return !link.starts_with("/report?node="); });
  ASSERT_EQ(nodes.size(), 2u);
  for (const std::string& link : nodes) {
    const net::HttpAnswer answer =
        get("/report/nodes.json" + link.substr(std::string("/report").size()) + "&" + kWindow);
    EXPECT_EQ(answer.status, 200) << link;
    const bool is_odd = link.find("node-8") == std::string::npos;
    EXPECT_EQ(answer.body.find("node-8") == std::string::npos, is_odd) << link << answer.body;
    EXPECT_EQ(answer.body.find("od/d") != std::string::npos, is_odd) << link << answer.body;
  }
  bool has_odd = false;
  for (const std::string& link : links_in("/incident?node=od*&" + kWindow)) {
    if (has_odd || !link.starts_with("/incident/")) continue;
    has_odd = true;
    const net::HttpAnswer incident = get(link);
    EXPECT_EQ(incident.status, 200) << link << incident.body;
    EXPECT_NE(incident.body.find(" on od/d&quot;[a]*&#39;\\"), std::string::npos) << incident.body.substr(0, 900);
  }
  EXPECT_TRUE(has_odd);
}

TEST_F(FleetPages, WhatIsNotThereIsASentence) {
  EXPECT_EQ(get("/metrics").status, 404);
  EXPECT_NE(get("/metrics").body.find("there are no metrics of the fleet"), std::string::npos);
  EXPECT_NE(get("/status").body.find("/report/nodes tells"), std::string::npos);
  EXPECT_EQ(get("/incident/node-8/99999").status, 404);
  EXPECT_EQ(get("/report/nope").status, 400);
  EXPECT_EQ(get("/healthz").body, "ok\n");
}

}  // namespace
}  // namespace cgmm::fleet
