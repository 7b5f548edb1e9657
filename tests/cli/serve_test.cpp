// SPDX-License-Identifier: Apache-2.0
// `serve` as a whole: what it answers is what the other commands say.
#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <memory>
#include <sstream>

#include "cli/cli_test.hpp"

namespace cgmm::test {
namespace {

class Serve : public CliTest {
 protected:
  void SetUp() override {
    cgroups().put("/web", v1_files(kOver));
    cgroups().put("/<b>&\"ird\n", v1_files(kBelow));
    scan(2);
    begin_serving({});
  }
  void TearDown() override {
    if (serving_) {
      serving_->signal(SIGTERM);
      EXPECT_EQ(serving_->wait_for_exit(), 0);
    }
    CliTest::TearDown();
  }

  void end_serving() {
    serving_->signal(SIGTERM);
    EXPECT_EQ(serving_->wait_for_exit(), 0);
    serving_.reset();
    std::filesystem::remove(log());
  }

  void begin_serving(const std::vector<std::string>& more, const std::string& host = "127.0.0.1") {
    std::vector<std::string> arguments{"serve",  "--listen",   host + ":0", "--config",
                                       config(), "--database", database()};
    arguments.insert(arguments.end(), more.begin(), more.end());
    serving_ = std::make_unique<ServiceProcess>(arguments, log());
    ASSERT_TRUE(eventually([&] { return content_of(log()).find("serves http") != std::string::npos; }));
    const std::string said = content_of(log());
    port_ = static_cast<std::uint16_t>(std::stoi(said.substr(said.rfind(host + ":") + host.size() + 1)));
  }

  /// Head and body.
  std::string get(const std::string& target, const std::string& headers = "") const {
    const int fd = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_in place{};
    place.sin_family = AF_INET;
    place.sin_port = htons(port_);
    place.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    EXPECT_EQ(::connect(fd, reinterpret_cast<sockaddr*>(&place), sizeof place), 0);
    const std::string request = "GET " + target + " HTTP/1.0\r\n" + headers + "\r\n";
    EXPECT_EQ(::send(fd, request.data(), request.size(), MSG_NOSIGNAL), static_cast<ssize_t>(request.size()));
    std::string text;
    std::array<char, 65536> bytes;
    for (ssize_t got = 1; got > 0;) {
      got = ::recv(fd, bytes.data(), bytes.size(), 0);
      if (got > 0) text.append(bytes.data(), static_cast<std::size_t>(got));
    }
    ::close(fd);
    return text;
  }
  static std::string body_of(const std::string& answer) { return answer.substr(answer.find("\r\n\r\n") + 4); }
  static bool is(const std::string& answer, int status) {
    return answer.starts_with("HTTP/1.1 " + std::to_string(status) + " ") ||
           answer.starts_with("HTTP/1.0 " + std::to_string(status) + " ");
  }

  std::unique_ptr<ServiceProcess> serving_;
  std::uint16_t port_ = 0;
};

TEST_F(Serve, EveryPageIsThere) {
  for (const char* const target : {"/", "/report", "/report?since=1d", "/reports", "/report/cgroups", "/now",
                                   "/workloads", "/status", "/incident", "/cgroup/%2Fweb", "/workload/%2Fweb"}) {
    const std::string answer = get(target);
    EXPECT_TRUE(is(answer, 200)) << target << '\n' << answer.substr(0, 300);
    EXPECT_NE(answer.find("Content-Security-Policy: default-src 'none';"), std::string::npos) << target;
    EXPECT_NO_THROW(Html(body_of(answer))) << target;
    EXPECT_NE(answer.find("<nav>"), std::string::npos) << target;
  }
  EXPECT_NE(get("/report/cgroups").find("<a href=\"/cgroup//web\">/web</a>"), std::string::npos)
      << get("/report/cgroups");
}

TEST_F(Serve, JsonAndMetricsAreThoseOfTheCommands) {
  const auto rows = nlohmann::json::parse(body_of(get("/report/cgroups.json")));
  EXPECT_EQ(rows, rows_of({"report", "cgroups"}));
  const std::string metrics = get("/metrics");
  EXPECT_NE(metrics.find("text/plain; version=0.0.4"), std::string::npos);
  EXPECT_NE(metrics.find("\ncgmm_last_scan_cgroups 2\n"), std::string::npos) << metrics;
  EXPECT_TRUE(get("/metrics", "Accept: application/openmetrics-text;version=1.0.0\r\n").ends_with("# EOF\n"));
}

TEST_F(Serve, ANameThatIsNotShownAsItIsIsALinkAllTheSame) {
  const std::string list = get("/report/cgroups");
  const std::string link = "/cgroup//%3Cb%3E%26%22ird%0A";
  EXPECT_NE(list.find("<a href=\"" + link + "\">/&lt;b&gt;&amp;&quot;ird\\n</a>"), std::string::npos) << list;
  EXPECT_EQ(list.find("<b>"), std::string::npos);
  const std::string page = get(link);
  EXPECT_TRUE(is(page, 200)) << page;
  EXPECT_NE(page.find("&quot;ird\\n"), std::string::npos) << page;
}

TEST_F(Serve, AnOomKillIsALinkWhereverItsNumberIs) {
  SQLite::Database(database(), SQLite::OPEN_READWRITE, 5000)
      .exec(
          "UPDATE cgroup SET workload = 'shop/web/app' WHERE path = '/web';"
          "INSERT INTO oom_kill (oom_kill_id, cgroup_id, killed_at_us, source, scope, victim_comm, victim_pid) "
          "SELECT 15 + started_at_us % 2, cgroup_id, started_at_us, 'kernel_log', 'cgroup', 'nginx', 4711 FROM cgroup, "
          "(SELECT started_at_us / 2 * 2 AS started_at_us FROM scan UNION SELECT started_at_us / 2 * 2 + 1 FROM scan "
          "ORDER BY 1 DESC LIMIT 2) WHERE path = '/web'");
  const std::string link = "<a href=\"/incident/16\">16</a>";
  for (const char* const target :
       {"/incident", "/report/oom_kills", "/report/memory_before_kill", "/cgroup//web",
        "/cgroup//web?since=2020-01-01&until=2100-01-01", "/workload/shop/web/app?since=1h"}) {
    const std::string answer = get(target);
    EXPECT_NE(answer.find(link), std::string::npos) << target << answer.substr(answer.find("<main>"));
  }
  EXPECT_NE(get("/incident/16").find("<a href=\"/incident/15\">15</a>"), std::string::npos) << "an earlier one";
}

TEST_F(Serve, ANameThatEndsLikeAFormatIsALinkToItsPage) {
  SQLite::Database(database(), SQLite::OPEN_READWRITE, 5000)
      .exec("UPDATE cgroup SET workload = 'shop/web/a.json' WHERE path = '/web'");
  const std::string list = get("/workloads"), link = "/workload/shop/web/a.json.html";
  ASSERT_NE(list.find("<a href=\"" + link + "\">"), std::string::npos) << list;
  EXPECT_NE(get(link).find("<h2>shop/web/a.json</h2>"), std::string::npos) << get(link);
  EXPECT_EQ(nlohmann::json::parse(body_of(get("/workload/shop/web/a.json.json"))).at(0).at("workload"),
            "shop/web/a.json");
}

TEST_F(Serve, AMistakeIsASentence) {
  EXPECT_TRUE(is(get("/nope"), 404));
  EXPECT_TRUE(is(get("/report/nope"), 400)) << get("/report/nope");
  EXPECT_TRUE(is(get("/?since=x"), 400));
  EXPECT_NE(get("/?since=x").find("--since = \"x\": expected"), std::string::npos);
  EXPECT_TRUE(is(get("/incident/99"), 404)) << get("/incident/99");
}

TEST_F(Serve, AMistakeInABrowserIsAPageThatLeadsOn) {
  for (const char* const target : {"/nope", "/?since=x", "/?foo=<b>", "/incident/99"}) {
    const std::string answer = get(target, "Accept: text/html,*/*;q=0.8\r\n");
    EXPECT_NE(answer.find("Content-Security-Policy: default-src 'none';"), std::string::npos) << target;
    EXPECT_NE(answer.find("<a href=\"/now\">Now</a>"), std::string::npos) << answer;
    EXPECT_NO_THROW(Html(body_of(answer))) << answer;
    EXPECT_EQ(get(target).find("<nav>"), std::string::npos) << "a program gets a sentence";
  }
}

TEST_F(Serve, TheLatestKillOfAWorkloadIsNotThatOfAnother) {
  SQLite::Database(database(), SQLite::OPEN_READWRITE, 5000)
      .exec(
          "UPDATE cgroup SET workload = 'shop/web/app' WHERE path = '/web';"
          "INSERT INTO oom_kill (oom_kill_id, cgroup_id, killed_at_us, source, scope, victim_comm, victim_pid) "
          "SELECT 15, cgroup_id, (SELECT max(started_at_us) FROM scan), 'kernel_log', 'cgroup', 'nginx', 4711 "
          "FROM cgroup WHERE path = '/web'");
  EXPECT_TRUE(is(get("/incident/latest.json?workload=shop/web/app"), 200));
  EXPECT_TRUE(is(get("/incident/latest.json?workload=shop/other"), 404))
      << get("/incident/latest.json?workload=shop/other");
  EXPECT_TRUE(is(get("/incident/latest?foo=1"), 400));
}

TEST_F(Serve, GoesOnWithoutAHistory) {
  std::filesystem::rename(database(), file("away"));
  EXPECT_TRUE(is(get("/"), 500)) << get("/");
  EXPECT_TRUE(is(get("/healthz"), 200));
  std::filesystem::rename(file("away"), database());
  EXPECT_TRUE(is(get("/"), 200));
}

TEST_F(Serve, LocalhostIsThisMachine) {
  end_serving();
  begin_serving({}, "localhost");
  EXPECT_TRUE(is(get("/healthz"), 200));
  EXPECT_TRUE(is(get("/healthz", "Host: evil.example\r\n"), 421)) << "as for 127.0.0.1";
  EXPECT_EQ(content_of(log()).find("warning"), std::string::npos) << content_of(log());
}

TEST_F(Serve, WithATokenWhoeverProbesNeedsNone) {
  end_serving();
  std::ofstream(file("token")) << "secret\n";
  begin_serving({"--token-file", file("token")});
  EXPECT_TRUE(is(get("/healthz"), 200));
  for (const char* const page : {"/", "/metrics", "/now/events", "/openapi.json", "/page.js"})
    EXPECT_TRUE(is(get(page), 401)) << page;
  EXPECT_TRUE(is(get("/", "Authorization: Bearer secret\r\n"), 200));
  EXPECT_TRUE(is(get("/", "Authorization: Basic YWRtaW46c2VjcmV0\r\n"), 200)) << "admin:secret, as a browser says it";
}

TEST_F(Serve, RefusesAnAddressThatIsNone) {
  for (const char* const place : {"127.0.0.1", ":9748", "a.example:9748", "127.0.0.1:x", "127.0.0.1:70000"}) {
    const Answer answer = ask({"serve", "--listen", place});
    EXPECT_NE(answer.exit_code, 0) << place;
    EXPECT_TRUE(answer.err.find("is no address") != std::string::npos ||
                answer.err.find("--listen = \"") != std::string::npos)
        << answer.err;
    EXPECT_EQ(answer.err.find("warning"), std::string::npos) << answer.err;
  }
  const Answer half = ask({"serve", "--cert", "a.pem"});
  EXPECT_EQ(half.exit_code, 2);
  EXPECT_NE(half.err.find("--cert and --key: expected both or neither"), std::string::npos) << half.err;
}

}  // namespace
}  // namespace cgmm::test
