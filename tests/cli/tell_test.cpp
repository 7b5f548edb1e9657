// SPDX-License-Identifier: Apache-2.0
// What the operator tells the service: how much to say, and by SIGHUP what to do differently from now on.
#include "cli/cli_test.hpp"

namespace cgmm::test {
namespace {

class Tell : public CliTest {
 protected:
  Tell() { cgroups().put("/web", v1_files(kOver)); }

  std::string said(const std::string& rust_log, const std::vector<std::string>& options = {}) const {
    const Environment environment = rust_log.empty() ? Environment{} : Environment{{"RUST_LOG", rust_log}};
    const Answer answer = scan(1, options, environment);
    EXPECT_EQ(answer.out, "") << "the log goes to standard error";
    return answer.err;
  }
  static bool has(const std::string& text, const std::string& part) { return text.find(part) != std::string::npos; }
  bool wait_for_event(const std::string& kind, std::int64_t count = 1) const {
    return eventually([&] { return event_count(kind) == count; });
  }
  bool was_reclaimed() { return !cgroups().file("/web", "memory.force_empty").empty(); }
};

TEST_F(Tell, TheLogNamesWhatWasReclaimedAndWhatIsGone) {
  const std::string id(64, 'a');
  cgroups().put("/docker/" + id, v1_files(kBelow));
  auto service = start();
  ASSERT_TRUE(wait_for_scans(1));
  const auto logs = [&](const std::string& text) {
    return eventually([&] { return content_of(log()).find(text) != std::string::npos; });
  };
  EXPECT_TRUE(logs(" info: new cgroup: docker aaaaaaaaaaaa\n"));
  cgroups().remove("/docker/" + id);
  EXPECT_TRUE(logs(" info: gone: docker aaaaaaaaaaaa\n"));
  service.signal(SIGTERM);
  EXPECT_EQ(service.wait_for_exit(), 0);
}

TEST_F(Tell, RustLogSetsWhatIsSaid) {
  for (const char* const info : {"", "info", "cgroup_memory_manager=info", "nonsense=="}) {
    const std::string text = said(info);
    EXPECT_TRUE(has(text, " info: new cgroup: /web\n")) << text;
    EXPECT_FALSE(has(text, " debug: ")) << text;
  }
  const std::string debug = said("debug");
  EXPECT_TRUE(has(debug, " info: new cgroup: /web\n")) << debug;
  EXPECT_TRUE(has(debug, " debug: scan: 1 cgroups")) << debug;
  const std::string warn = said("warn");
  EXPECT_FALSE(has(warn, " info: ")) << warn;
  EXPECT_TRUE(has(warn, " warning: " + cgroups().root() + " is not the kernel's")) << warn;
  EXPECT_EQ(said("error"), "");
  EXPECT_EQ(said("off"), "");
}

TEST_F(Tell, TheOptionWinsOverTheKeyAndTheKeyOverRustLog) {
  EXPECT_EQ(said("debug", {"--log-level", "error"}), "");
  EXPECT_TRUE(has(said("error", {"--log-level", "debug"}), " debug: "));
  write_config("log_level = 'error'");
  EXPECT_EQ(said("debug"), "");
  EXPECT_TRUE(has(said("error", {"--log-level", "debug"}), " debug: "));
}

TEST_F(Tell, UnderTheJournalTheTimeIsLeftToIt) {
  const Answer answer = scan(1, {}, {{"JOURNAL_STREAM", "8:1"}});
  EXPECT_TRUE(answer.err.starts_with("info: cgroup-memory-manager ")) << answer.err;
}

TEST_F(Tell, SighupPutsANewConfigurationIntoForce) {
  write_config("threshold = '90%'");
  auto service = start();
  ASSERT_TRUE(wait_for_scans(2));
  EXPECT_FALSE(was_reclaimed());

  write_config("threshold = '25%'\ncooldown = '2h'");
  service.signal(SIGHUP);
  EXPECT_TRUE(eventually([&] { return was_reclaimed(); }));
  ASSERT_TRUE(wait_for_event("config_change"));
  const std::string now =
      "parent " + cgroups().root() +
      ", threshold 25%, interval 100ms, cooldown 2h, reclaims down to half the threshold in steps of "
      "64.0 MiB for up to 10s (cgroup v2: at a pressure of up to 10%), each observed for 5m, up to 20 over 85% of "
      "their limit "
      "sampled every second, 0 rules, a history of up to 1.0 GiB: samples 100d (archived after 2h), incidents 90d, "
      "hours 400d, "
      "events 400d";
  EXPECT_EQ(text("SELECT detail FROM service_event WHERE kind = 'config_change'"), now);
  EXPECT_TRUE(eventually([&] { return has(service.output(), " info: configuration reloaded: " + now); }))
      << service.output();
}

TEST_F(Tell, SighupWithAWrongConfigurationKeepsTheOldOneAndSaysWhy) {
  write_config("threshold = '90%'");
  auto service = start();
  ASSERT_TRUE(wait_for_scans(1));

  write_config("threshold = '25%'\ntreshold = '10%'");
  service.signal(SIGHUP);
  ASSERT_TRUE(wait_for_event("config_error"));
  const std::string why =
      config().string() + ":3: treshold = \"10%\": expected a known key; did you mean \"threshold\"?";
  EXPECT_EQ(text("SELECT detail FROM service_event WHERE kind = 'config_error'"), why);
  EXPECT_TRUE(eventually([&] { return has(service.output(), " error: the configuration stays as it was: " + why); }))
      << service.output();

  std::filesystem::remove(config());
  service.signal(SIGHUP);
  ASSERT_TRUE(wait_for_event("config_error", 2));

  ASSERT_TRUE(wait_for_scans(2));
  EXPECT_FALSE(was_reclaimed()) << "the threshold is 90 % still";
  EXPECT_EQ(event_count("config_change"), 0);
  service.signal(SIGTERM);
  EXPECT_EQ(service.wait_for_exit(), 0);
}

TEST_F(Tell, SighupDoesNotOverrideTheOptionsItWasStartedWith) {
  auto service = start({"--threshold", "90%"});
  ASSERT_TRUE(wait_for_scans(1));
  write_config("threshold = '25%'");
  service.signal(SIGHUP);
  ASSERT_TRUE(wait_for_event("config_change"));
  ASSERT_TRUE(wait_for_scans(2));
  EXPECT_FALSE(was_reclaimed());
}

TEST_F(Tell, SighupChangesHowLongTheHistoryStays) {
  scan();
  SQLite::Database(database(), SQLite::OPEN_READWRITE, 5000)
      .exec("UPDATE scan SET started_at_us = started_at_us - 3 * 3600000000");
  auto service = start();
  ASSERT_TRUE(wait_for_scans(1));
  const std::string old = "SELECT count(*) FROM v_sample WHERE at_us < 1e6 * unixepoch() - 2 * 3600000000";
  ASSERT_EQ(number(old), 1);
  write_config("keep_samples = '1h'\nkeep_incidents = '1h'\nthreshold = '90%'");
  service.signal(SIGHUP);
  EXPECT_TRUE(eventually([&] { return number(old) == 0; }));
  EXPECT_FALSE(has(service.output(), "take effect at the next start")) << service.output();
}

TEST_F(Tell, SighupWithAParentThatIsGoneKeepsTheOldOne) {
  FakeCgroups other;
  other.put("/db", v1_files(kBelow));
  write_config("parent = '" + other.root() + "'");
  ServiceProcess service({"--config", config(), "--database", database(), "--interval", "100ms"}, log());
  ASSERT_TRUE(wait_for_scans(1));

  write_config("parent = '/nope'");
  service.signal(SIGHUP);
  ASSERT_TRUE(wait_for_event("config_error"));
  ASSERT_TRUE(wait_for_scans(2));
  EXPECT_EQ(number("SELECT cgroup_count FROM scan ORDER BY scan_id DESC LIMIT 1"), 1);

  write_config("parent = '" + cgroups().root() + "'\nthreshold = '90%'");
  service.signal(SIGHUP);
  EXPECT_TRUE(eventually([&] { return number("SELECT count(*) FROM v_sample WHERE path = '/web'") > 0; }));
}

}  // namespace
}  // namespace cgmm::test
