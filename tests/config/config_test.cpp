// SPDX-License-Identifier: Apache-2.0
#include "config.hpp"

#include <gtest/gtest.h>

#include <cstdint>
#include <filesystem>
#include <initializer_list>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace cgmm::config {
namespace {

using core::Threshold;

Config parse_here(std::string_view toml, const Overrides& overrides = {}) {
  return parse(toml, "config.toml", overrides);
}

/// What parse() has to say against it; "" when nothing.
std::string error_of(std::string_view toml, const Overrides& overrides = {}) {
  try {
    parse_here(toml, overrides);
  } catch (const ConfigError& error) {
    return error.what();
  }
  return "";
}

TEST(Config, OfAnEmptyFileIsTheDefaults) {
  EXPECT_EQ(parse_here(""), Config{});
  EXPECT_EQ(parse_here("\xef\xbb\xbf# only a comment\r\n"), Config{});
}

TEST(Config, TakesEveryKey) {
  const Config config = parse_here(R"(
parent = "/sys/fs/cgroup/kubepods.slice"
reclaim_scope = "containers"
threshold = "512Mi"
reclaim_to = "128Mi"
policy = "target"
reclaim_step = "16MiB"
reclaim_timeout = "1m"
max_pressure = "12.5%"
interval = "500ms"
cooldown = "1h30m"
adaptive = false
max_cooldown = "1d"
worth = "20m"
observe_for = "2m"
dry_run = true
lock_memory = true
database = "history.db"
keep_samples = "30d"
archive = false
archive_after = "4h"
reports_dir = "/srv/reports"
log_level = "warn"
)");
  Config expected;
  expected.parent = "/sys/fs/cgroup/kubepods.slice";
  expected.policy.scope = core::ReclaimScope::containers;
  expected.policy.defaults = {.threshold = Threshold::of_bytes(512 << 20),
                              .reclaim_to = Threshold::of_bytes(128 << 20),
                              .cooldown_us = 5'400'000'000,
                              .policy = core::ReclaimPolicy::target};
  expected.policy.bounds = {.step_bytes = 16 << 20, .timeout_us = 60'000'000, .max_pressure_pct = 12.5};
  expected.policy.learning = {
      .observe_for_us = 120'000'000, .max_cooldown_us = 86'400'000'000, .worth_us = 1'200'000'000, .adaptive = false};
  expected.interval_us = 500'000;
  expected.dry_run = true;
  expected.lock_memory = true;
  expected.database = "history.db";
  expected.retention.samples_us = 30 * base::kDay_us;
  expected.retention.archive = false;
  expected.retention.archive_after_us = 4 * base::kHour_us;
  expected.reports_dir = "/srv/reports";
  expected.log_level = LogLevel::warn;
  EXPECT_EQ(config, expected);
}

TEST(Config, TakesTheTableShip) {
  const Config config = parse_here(R"(
[ship]
url = "https://a:8443"
database = "fleet"
user = "u"
password_file = "/p"
ca_file = "/ca"
client_cert_file = "/cert"
client_key_file = "/key"
proxy = "http://proxy:3128"
node = "n1"
samples = "incidents"
events_every = "1s"
samples_every = "1m"
batch_rows = 100
batch_bytes = "1MiB"
state_file = "/s"
[ship.labels]
cluster = "c"
zone = "z"
pool = "p"
)");
  EXPECT_EQ(config.ship, (Ship{.urls = {"https://a:8443"},
                               .database = "fleet",
                               .user = "u",
                               .password_file = "/p",
                               .ca_file = "/ca",
                               .client_cert_file = "/cert",
                               .client_key_file = "/key",
                               .proxy = "http://proxy:3128",
                               .node = "n1",
                               .cluster = "c",
                               .zone = "z",
                               .pool = "p",
                               .samples = ShippedSamples::incidents,
                               .events_every_us = 1'000'000,
                               .samples_every_us = 60'000'000,
                               .batch_rows = 100,
                               .batch_bytes = 1 << 20,
                               .state_file = "/s"}));
  EXPECT_EQ(parse_here("[ship]\nurl = ['http://a', 'https://b']").ship.urls.size(), 2u);
}

TEST(Config, NamesTheMistakeInTheTableShip) {
  for (const auto& [text, said] : std::vector<std::pair<std::string, std::string>>{
           {"ship = 1", "ship = 1: expected a section that begins with [ship]"},
           {"[ship]\nurl = 'ftp://a'", "ship.url = \"ftp://a\": expected an address such as"},
           {"[ship]\nproxy = 'https://me:secret@proxy'", "ship.proxy = \"https://...@proxy\": expected"},
           {"[ship]\nurl = []", "ship.url = [...]: expected an address such as"},
           {"[ship]\nurl = [1]", "ship.url = [...]: expected an address such as"},
           {"[ship]\ndatabase = 'a; DROP'", "expected a name of letters, digits"},
           {"[ship]\nca_file = 'ca.pem'", "expected the absolute path of a file"},
           {"[ship]\nlabels = 1", "ship.labels = 1: expected"},
           {"[ship]\nlabels = { zon = 'a' }", "did you mean \"zone\"?"},
           {"[ship]\nevent_every = '5s'", "did you mean \"events_every\"?"},
           {"[ship]\nclient_key_file = '/k'", "client_cert_file and client_key_file together"}}) {
    try {
      parse_here(text);
      ADD_FAILURE() << text;
    } catch (const ConfigError& error) {
      EXPECT_NE(std::string(error.what()).find(said), std::string::npos) << error.what();
    }
  }
}

TEST(Config, TakesRulesInTheirOrder) {
  const Config config = parse_here(R"(
threshold = "10%"
[[rule]]
cgroup = "*/postgresql.service"
reclaim = false
[[rule]]
cgroup = "/kubepods/*"
threshold = "256Mi"
cooldown = 60
)");
  core::Rule postgresql, kubepods;
  postgresql.cgroup = "*/postgresql.service";
  postgresql.reclaim = false;
  kubepods.cgroup = "/kubepods/*";
  kubepods.threshold = Threshold::of_bytes(256 << 20);
  kubepods.cooldown_us = 60'000'000;
  const std::vector<core::Rule> expected = {postgresql, kubepods};
  EXPECT_EQ(config.policy.rules, expected);
  EXPECT_EQ(config.policy.defaults.threshold, Threshold::of_percent(10));
}

TEST(Config, TakesNumbersAsSecondsAndAsBytes) {
  EXPECT_EQ(parse_here("interval = 5").interval_us, 5'000'000);
  EXPECT_EQ(parse_here("interval = 0.25").interval_us, 250'000);
  EXPECT_EQ(parse_here("interval = \"5\"").interval_us, 5'000'000);
  EXPECT_EQ(parse_here("cooldown = 0").policy.defaults.cooldown_us, 0);
  EXPECT_EQ(parse_here("threshold = 1048576").policy.defaults.threshold, Threshold::of_bytes(1 << 20));
}

TEST(Config, TakesTheBoundsOfEverySetting) {
  EXPECT_EQ(parse_here("interval = \"100ms\"").interval_us, 100'000);
  EXPECT_EQ(parse_here("interval = \"1d\"").interval_us, 86'400'000'000);
  EXPECT_EQ(parse_here("cooldown = \"365d\"").policy.defaults.cooldown_us, 31'536'000'000'000);
  EXPECT_EQ(parse_here("threshold = \"0%\"").policy.defaults.threshold, Threshold::of_percent(0));
  EXPECT_EQ(parse_here("threshold = \"100%\"").policy.defaults.threshold, Threshold::of_percent(100));
}

// The expectations that several messages share.
constexpr std::string_view kSize =
    R"(a size such as "512Mi" or "100MB", or a percentage of the cgroup's limit such as "25%")";
constexpr std::string_view kInterval = R"(a duration from "100ms" to "1d" such as "10s", or a number of seconds)";
constexpr std::string_view kCooldown = R"(a duration up to "365d" such as "30s", or a number of seconds)";
constexpr std::string_view kPercent = "a percentage between 0% and 100%";
constexpr std::string_view kOneOfTheKeys =
    "one of parent, reclaim_scope, max_cgroups, threshold, reclaim_to, policy, reclaim_step, reclaim_timeout, "
    "max_pressure, "
    "interval, "
    "cooldown, "
    "adaptive, max_cooldown, worth, observe_for, watch_over, watch_max, kernel_log, container_logs, dry_run, "
    "lock_memory, "
    "database, "
    "max_size, keep_samples, archive, archive_after, keep_incidents, keep_hours, keep_events, reports_dir, log_level, "
    "rule, ship";
constexpr std::string_view kLogLevel = R"("trace", "debug", "info", "warn", "error" or "off")";
constexpr std::string_view kStep = R"(a size of at least "4KiB", such as "64MiB")";
constexpr std::string_view kTimeout = R"(a duration between "100ms" and "1h" such as "10s")";
constexpr std::string_view kPressure = R"(a percentage between 0% and 100% such as "10%")";
constexpr std::string_view kWatchMax = "a number of cgroups between 0 and 1000";
constexpr std::string_view kMaxCgroups = "a number of cgroups between 1 and 100000";
constexpr std::string_view kKernelLog = R"("auto", "off" or the path of a file such as "/dev/kmsg")";
constexpr std::string_view kContainerLogs = R"("auto", "off" or the path of a directory such as "/var/log")";
constexpr std::string_view kObserve = R"(a duration between "1s" and "1h" such as "5m")";
constexpr std::string_view kFile = "the path of a file";
constexpr std::string_view kParent = R"("auto" or the path of a directory)";
constexpr std::string_view kGlob =
    R"(a glob on the cgroup's path, from its leading / on, such as "/kubepods/*" or "*/nginx*")";
constexpr std::string_view kSections = "sections that begin with [[rule]], in two pairs of brackets";
constexpr std::string_view kScope = R"("auto", "containers" or "all")";
constexpr std::string_view kBool = "true or false";

std::string message(std::string_view what, std::string_view expected) {
  return std::string{what}.append(": expected ").append(expected);
}

struct Malformed {
  std::string toml;
  std::string_view what;
  std::string_view expected;
};

TEST(Config, NamesFileLineKeyValueAndExpectationOfAMistake) {
  const std::initializer_list<Malformed> cases = {
      // unknown keys
      {"intervall = \"10s\"", R"(config.toml:1: intervall = "10s")", R"(a known key; did you mean "interval"?)"},
      {"log-level = \"info\"", R"(config.toml:1: log-level = "info")", R"(a known key; did you mean "log_level"?)"},
      {"swappiness = 60", "config.toml:1: swappiness = 60", kOneOfTheKeys},
      {"[limits]\nsize = 1", "config.toml:1: limits = {...}", kOneOfTheKeys},
      {"\"a\\u001bb\" = 1", R"(config.toml:1: "a\u001bb" = 1)", kOneOfTheKeys},
      // bad units
      {"reclaim_step = \"25%\"", R"(config.toml:1: reclaim_step = "25%")", kStep},
      {"reclaim_step = \"1KiB\"", R"(config.toml:1: reclaim_step = "1KiB")", kStep},
      {"reclaim_step = 0", "config.toml:1: reclaim_step = 0", kStep},
      {"reclaim_timeout = \"10ms\"", R"(config.toml:1: reclaim_timeout = "10ms")", kTimeout},
      {"reclaim_timeout = \"2h\"", R"(config.toml:1: reclaim_timeout = "2h")", kTimeout},
      {"max_pressure = 10", "config.toml:1: max_pressure = 10", kPressure},
      {"max_pressure = \"101%\"", R"(config.toml:1: max_pressure = "101%")", kPressure},
      {"max_pressure = \"64MiB\"", R"(config.toml:1: max_pressure = "64MiB")", kPressure},
      {"observe_for = \"0s\"", R"(config.toml:1: observe_for = "0s")", kObserve},
      {"max_cooldown = \"366d\"", R"(config.toml:1: max_cooldown = "366d")", kCooldown},
      {"watch_over = 85", "config.toml:1: watch_over = 85", kPressure},
      {"watch_max = -1", "config.toml:1: watch_max = -1", kWatchMax},
      {"watch_max = \"20\"", R"(config.toml:1: watch_max = "20")", kWatchMax},
      {"watch_max = 1001", "config.toml:1: watch_max = 1001", kWatchMax},
      {"max_cgroups = 0", "config.toml:1: max_cgroups = 0", kMaxCgroups},
      {"max_cgroups = 100001", "config.toml:1: max_cgroups = 100001", kMaxCgroups},
      {"max_cgroups = \"20000\"", R"(config.toml:1: max_cgroups = "20000")", kMaxCgroups},
      {"kernel_log = \"kmsg\"", R"(config.toml:1: kernel_log = "kmsg")", kKernelLog},
      {"kernel_log = false", "config.toml:1: kernel_log = false", kKernelLog},
      {"container_logs = \"\"", R"(config.toml:1: container_logs = "")", kContainerLogs},
      {"adaptive = 1", "config.toml:1: adaptive = 1", "true or false"},
      {"\n\nthreshold = \"25 bananas\"", R"(config.toml:3: threshold = "25 bananas")", kSize},
      {"interval = \"10 parsecs\"", R"(config.toml:1: interval = "10 parsecs")", kInterval},
      {"cooldown = \"1w\"", R"(config.toml:1: cooldown = "1w")", kCooldown},
      {"threshold = \"150%\"", R"(config.toml:1: threshold = "150%")", kPercent},
      {"reclaim_to = \"150%\"", R"(config.toml:1: reclaim_to = "150%")", kPercent},
      {"reclaim_to = \"half\"", R"(config.toml:1: reclaim_to = "half")",
       R"("auto", a size such as "256Mi", or a percentage of the cgroup's limit such as "10%")"},
      // negative numbers
      {"threshold = -1", "config.toml:1: threshold = -1", kSize},
      {"threshold = \"-5%\"", R"(config.toml:1: threshold = "-5%")", kPercent},
      {"interval = -10", "config.toml:1: interval = -10", kInterval},
      {"cooldown = \"-1s\"", R"(config.toml:1: cooldown = "-1s")", kCooldown},
      {"cooldown = -0.5", "config.toml:1: cooldown = -0.5", kCooldown},
      // out of bounds
      {"interval = 0", "config.toml:1: interval = 0", kInterval},
      {"interval = \"99ms\"", R"(config.toml:1: interval = "99ms")", kInterval},
      {"interval = \"1d1s\"", R"(config.toml:1: interval = "1d1s")", kInterval},
      {"interval = nan", "config.toml:1: interval = nan", kInterval},
      {"cooldown = inf", "config.toml:1: cooldown = inf", kCooldown},
      {"cooldown = 9223372036854775807", "config.toml:1: cooldown = 9223372036854775807", kCooldown},
      {"threshold = \"99999999999999999999\"", R"(config.toml:1: threshold = "99999999999999999999")", kSize},
      // wrong types
      {"threshold = 0.25", "config.toml:1: threshold = 0.25", kSize},
      {"threshold = [\"25%\"]", "config.toml:1: threshold = [...]", kSize},
      {"interval = true", "config.toml:1: interval = true", kInterval},
      {"interval = 00:00:10", "config.toml:1: interval = 00:00:10", kInterval},
      {"dry_run = \"true\"", R"(config.toml:1: dry_run = "true")", kBool},
      {"lock_memory = 1", "config.toml:1: lock_memory = 1", kBool},
      {"dry_run = 1", "config.toml:1: dry_run = 1", kBool},
      {"database = 5", "config.toml:1: database = 5", kFile},
      {"log_level = 3", "config.toml:1: log_level = 3", kLogLevel},
      // words and paths
      {"reclaim_scope = \"pods\"", R"(config.toml:1: reclaim_scope = "pods")", kScope},
      {"watch = \"pods\"", R"(config.toml:1: watch = "pods")", R"("auto", "containers" or "leaves")"},
      {"reclaim_scope = \"all\"\nwatch = \"auto\"", R"(config.toml:2: watch = "auto")",
       "to be left out, because reclaim_scope has replaced it"},
      {"max_size = \"25%\"", R"(config.toml:1: max_size = "25%")",
       R"(a size between "32MiB" and "1TiB" such as "1GiB")"},
      {"max_size = \"1MiB\"", R"(config.toml:1: max_size = "1MiB")",
       R"(a size between "32MiB" and "1TiB" such as "1GiB")"},
      {"keep_samples = \"1m\"", R"(config.toml:1: keep_samples = "1m")",
       R"(a duration between "1h" and "3650d" such as "2d")"},
      {"log_level = \"loud\"", R"(config.toml:1: log_level = "loud")", kLogLevel},
      {"database = \"\"", R"(config.toml:1: database = "")", kFile},
      {"reports_dir = \"\"", R"(config.toml:1: reports_dir = "")", "the path of a directory"},
      {"parent = \"\"", R"(config.toml:1: parent = "")", kParent},
      {"database = \"a\\u0000b\"", R"(config.toml:1: database = "a\u0000b")", kFile},
      // several keys that do not go together
      {"threshold = \"10%\"\nreclaim_to = \"10%\"", R"(config.toml:2: reclaim_to = "10%")",
       "less than the threshold, 10%"},
      {"reclaim_to = \"25.5%\"", R"(config.toml:1: reclaim_to = "25.5%")", "less than the threshold, 25%"},
      {"reclaim_to = \"1GiB\"\nthreshold = \"512Mi\"", R"(config.toml:1: reclaim_to = "1GiB")",
       "less than the threshold, 512MiB"},
  };
  for (const auto& [toml, what, expected] : cases) EXPECT_EQ(error_of(toml), message(what, expected)) << toml;
}

TEST(Config, NamesTheRuleOfAMistake) {
  const std::initializer_list<Malformed> cases = {
      {"[[rule]]\nreclaim = false", "config.toml:1: rule[1]",
       R"(one of the keys cgroup and workload, which tell where it holds: workload = "shop/db/*")"},
      {"[[rule]]\ncgroup = \"*\"\nworkload = \"*\"\nreclaim = false", "config.toml:1: rule[1]",
       R"(one of the keys cgroup and workload, which tell where it holds: workload = "shop/db/*")"},
      {"[[rule]]\nworkload = \"\"", "config.toml:2: rule[1].workload = \"\"",
       R"(a glob on the workload, such as "shop/db/*" for namespace/name/container)"},
      {"[[rule]]\ncgroup = \"*\"", "config.toml:1: rule[1]",
       "threshold, cooldown or reclaim beside cgroup or workload"},
      {"[[rule]]\ncgroup = \"*\"\nreclaim = true\n[[rule]]\ncgroup = \"*\"\nthreshold = \"x\"",
       R"(config.toml:6: rule[2].threshold = "x")", kSize},
      {"[[rule]]\ncgroup = \"*\"\nreclaim = \"no\"", R"(config.toml:3: rule[1].reclaim = "no")", kBool},
      {"[[rule]]\ncgroup = \"*\"\ncooldown = -1", "config.toml:3: rule[1].cooldown = -1", kCooldown},
      {"[[rule]]\ncgroup = \"\"\nreclaim = false", R"(config.toml:2: rule[1].cgroup = "")", kGlob},
      {"[[rule]]\ncgroup = \"kubepods/*\"\nreclaim = false", R"(config.toml:2: rule[1].cgroup = "kubepods/*")", kGlob},
      {"[[rule]]\ncgroups = \"*\"\nreclaim = false", R"(config.toml:2: rule[1].cgroups = "*")",
       R"(a known key; did you mean "cgroup"?)"},
      {"[[rule]]\ncgroup = \"*\"\npriority = 1", "config.toml:3: rule[1].priority = 1",
       "one of cgroup, workload, threshold, cooldown, reclaim"},
      {"[[rule]]\ncgroup = \"*\"\nreclaim = true\ninterval = \"5s\"", R"(config.toml:4: rule[1].interval = "5s")",
       "above the first [[rule]], because it holds for the whole service"},
      {"[rule]\ncgroup = \"*\"\nreclaim = false", "config.toml:1: rule = {...}", kSections},
      {"rule = \"*\"", R"(config.toml:1: rule = "*")", kSections},
      {"rule = [1]", "config.toml:1: rule = 1", kSections},
      {"[[rules]]\ncgroup = \"*\"", "config.toml:1: rules = [...]", R"(a known key; did you mean "rule"?)"},
      {"reclaim_to = \"20%\"\n[[rule]]\ncgroup = \"*\"\nthreshold = \"15%\"",
       R"(config.toml:4: rule[1].threshold = "15%")", "more than reclaim_to, 20%"},
  };
  for (const auto& [toml, what, expected] : cases) EXPECT_EQ(error_of(toml), message(what, expected)) << toml;
}

TEST(Config, TellsOfTheFirstMistakeInTheFileFirst) {
  EXPECT_EQ(error_of("watch = 1\nadvice = 2"),
            R"(config.toml:1: watch = 1: expected "auto", "containers" or "leaves")");
}

TEST(Config, ShowsAValueWithoutItsControlCharactersAndCutsALongOne) {
  EXPECT_EQ(error_of(R"(watch = "a\u001b[31m\n\"b\\")"),
            R"(config.toml:1: watch = "a\u001b[31m\n\"b\\": expected "auto", "containers" or "leaves")");
  EXPECT_EQ(error_of("watch = \"" + std::string(99, 'x') + "\u00e9" + std::string(5000, 'x') + "\""),
            "config.toml:1: watch = \"" + std::string(99, 'x') + R"(...": expected "auto", "containers" or "leaves")");
}

TEST(Config, NamesTheLineOfASyntaxError) {
  EXPECT_EQ(error_of("parent = \"auto\"\n\ninterval = 10s\n").substr(0, 36), "config.toml:3: not valid TOML: Error");
  EXPECT_EQ(error_of("threshold = \"10%\"\nthreshold = \"20%\"").substr(0, 36), "config.toml:2: not valid TOML: Error");
  EXPECT_EQ(error_of("database = \"\xff\"").substr(0, 36), "config.toml:1: not valid TOML: Encou");
}

// What toml++ asserts not to be, or calls unreachable: found by tests/fuzz/config_fuzzer.cpp.
TEST(Config, ASyntaxErrorIsNoAccident) {
  for (const char* const toml : {"[[;rule]]\ncgroup = \"/x\"\n", "[;]\n", "[[\u00e9]]\n", "interval\u00e9 = 1\n",
                                 "\u023d = 1\n", "interval = 1 \u00e9\n", "a.\u00e9 = 1\n"}) {
    EXPECT_TRUE(error_of(toml).starts_with("config.toml:1: not valid TOML: ")) << toml << ": " << error_of(toml);
  }
}

TEST(Overrides, WinOverTheFile) {
  Overrides overrides;
  overrides.parent = "/sys/fs/cgroup/memory/docker";
  overrides.threshold = "100MB";
  overrides.interval = "5";
  overrides.cooldown = "120";
  overrides.database = "/tmp/h.db";
  overrides.log_level = "ERROR";
  overrides.dry_run = true;
  Config expected;
  expected.parent = "/sys/fs/cgroup/memory/docker";
  expected.policy.defaults.threshold = Threshold::of_bytes(100'000'000);
  expected.policy.defaults.cooldown_us = 120'000'000;
  expected.interval_us = 5'000'000;
  expected.database = "/tmp/h.db";
  expected.log_level = LogLevel::error;
  expected.dry_run = true;
  EXPECT_EQ(parse_here("threshold = \"1%\"\ninterval = 60\ndry_run = false\nlog_level = \"info\"", overrides),
            expected);
}

TEST(Overrides, ThatAreAbsentLeaveTheFileAlone) { EXPECT_TRUE(parse_here("dry_run = true").dry_run); }

TEST(Overrides, NameTheOptionOfAMistake) {
  using Member = std::optional<std::string> Overrides::*;
  struct Case {
    Member member;
    std::string typed;
    std::string_view what;
    std::string_view expected;
  };
  const std::initializer_list<Case> cases = {
      {&Overrides::threshold, "25 bananas", R"(--threshold = "25 bananas")", kSize},
      {&Overrides::threshold, "101%", R"(--threshold = "101%")", kPercent},
      {&Overrides::interval, "0", R"(--interval = "0")", kInterval},
      {&Overrides::cooldown, "-1", R"(--cooldown = "-1")", kCooldown},
      {&Overrides::parent, "", R"(--parent = "")", kParent},
      {&Overrides::database, "", R"(--database = "")", kFile},
      {&Overrides::log_level, "loud", R"(--log-level = "loud")", kLogLevel},
  };
  for (const auto& [member, typed, what, expected] : cases) {
    Overrides overrides;
    overrides.*member = typed;
    EXPECT_EQ(error_of("", overrides), message(what, expected));
  }
}

TEST(Overrides, OfTheThresholdStayAboveReclaimToOfTheFile) {
  Overrides overrides;
  overrides.threshold = "5%";
  EXPECT_EQ(error_of("reclaim_to = \"10%\"", overrides),
            R"(config.toml:1: reclaim_to = "10%": expected less than the threshold, 5%)");
}

TEST(EffectiveLogLevel, TakesTheKeyThenRustLogThenInfo) {
  EXPECT_EQ(effective_log_level(parse_here("log_level = \"off\""), "debug"), LogLevel::off);
  EXPECT_EQ(effective_log_level(Config{}, "debug"), LogLevel::debug);
  EXPECT_EQ(effective_log_level(Config{}, nullptr), LogLevel::info);
}

TEST(EffectiveLogLevel, UnderstandsRustLogAsEnvLoggerDoes) {
  const std::initializer_list<std::pair<const char*, LogLevel>> cases = {
      {"", LogLevel::info},
      {"info", LogLevel::info},
      {"WARN", LogLevel::warn},
      {"off", LogLevel::off},
      {"cgroup_memory_manager=debug,other=warn", LogLevel::debug},
      {"cgroup-memory-manager=error", LogLevel::error},
      {"cgroup_memory_manager", LogLevel::trace},
      {"cgroup_memory_manager=trace,warn", LogLevel::trace},
      {"warn, cgroup_memory_manager = debug", LogLevel::debug},
      {"warn,error", LogLevel::error},
      {"cgroup_memory_manager=warn,cgroup_memory_manager=error", LogLevel::error},
      {"debug/scan", LogLevel::debug},
      {"other=trace", LogLevel::info},
      {"other", LogLevel::info},
      {"loud", LogLevel::info},
      {"cgroup_memory_manager=loud,warn", LogLevel::warn},
      {",,=,", LogLevel::info},
  };
  for (const auto& [rust_log, level] : cases) EXPECT_EQ(effective_log_level(Config{}, rust_log), level) << rust_log;
}

}  // namespace
}  // namespace cgmm::config
