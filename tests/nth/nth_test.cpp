// SPDX-License-Identifier: Apache-2.0
// In SQLite's manner: the n-th memory allocation, the n-th write, the n-th open fails, once or from then on, in the
// service (a start, scans, a reclaim, a stop) and in every command that reads. Each time the program ends with exit
// code 0, 1 or 2, says why if it is not 0, and leaves a history that is whole and that the service goes on with.
//
// A few n of each kind of call, the same on every day. CGMM_NTH_POINTS=1000 build/dev/tests/nth_test for more of them,
// CGMM_NTH_POINTS=all for all (of allocations there are a hundred thousand in a start); CGMM_NTH_CALL=malloc for one
// kind.
#include <cmath>
#include <cstdlib>
#include <deque>
#include <iomanip>
#include <iostream>
#include <set>
#include <sstream>

#include "cli/cli_test.hpp"
#include "support/shown.hpp"

namespace cgmm::test {
namespace {

using std::chrono::seconds;

/// The kinds of fail_nth.cpp, in their order.
const std::vector<std::string> kCalls{"malloc", "write",  "read",   "open",   "fsync",   "ftruncate",
                                      "mmap",   "rename", "unlink", "stat",   "readdir", "lock",
                                      "change", "socket", "event",  "thread", "poll"};

enum class How { once, on };

struct Failure {
  std::string call;
  std::int64_t at = 0;
  How how = How::once;
};

std::string in_words(const Failure& failure) {
  return failure.call + " " + std::to_string(failure.at) + (failure.how == How::on ? " and all after it" : "");
}

constexpr const char* kKernelLog =
    "6,7,1000000,-;oom-kill:constraint=CONSTRAINT_MEMCG,nodemask=(null),cpuset=/,mems_allowed=0,oom_memcg=/web,"
    "task_memcg=/web,task=java,pid=77,uid=0\n"
    "3,8,1000010,-;Memory cgroup out of memory: Killed process 77 (java) total-vm:9000kB, anon-rss:8000kB, "
    "file-rss:0kB, "
    "shmem-rss:0kB, UID:0 pgtables:60kB oom_score_adj:0\n";

/// Where one run takes place: a hierarchy, a configuration and a history of its own.
struct Place {
  FakeCgroups cgroups;
  TempDir files;
  std::filesystem::path file(const std::string& name) const { return files.path() / name; }
  std::filesystem::path database() const { return file("history.db"); }
  std::vector<std::string> service(const std::string& cycles) const {
    return {"--config", file("config.toml"), "--parent", cgroups.root(), "--database",
            database(), "--interval",        "100ms",    "--cycles",     cycles};
  }
};

/// What one run was to do.
struct Scenario {
  const char* name;
  std::vector<std::string> arguments;  // of a command that reads; none: it is the service
  bool on_old_history = true;
  bool has_one_answer = true;  // whenever it is asked
};
void PrintTo(const Scenario& scenario, std::ostream* stream) { *stream << scenario.name; }

const Scenario kScenarios[] = {
    {.name = "FirstStart", .arguments = {}, .on_old_history = false, .has_one_answer = false},
    {.name = "LaterStart", .arguments = {}, .has_one_answer = false},
    {.name = "Usage", .arguments = {"history", "too", "much"}},
    {.name = "Summary", .arguments = {"report"}, .has_one_answer = false},
    {.name = "History", .arguments = {"history", "web", "--format", "csv"}},
    {.name = "Status", .arguments = {"status"}, .has_one_answer = false},
    {.name = "IncidentShow", .arguments = {"incident", "show", "latest"}},
    {.name = "Query", .arguments = {"query", "SELECT path, usage_bytes FROM v_sample ORDER BY at_us, path"}},
    {.name = "Output", .arguments = {"query", "SELECT count(*) FROM v_sample", "--output", "OUTPUT"}},
    {.name = "Check", .arguments = {"check"}, .has_one_answer = false},
    {.name = "Backup", .arguments = {"history", "backup", "BACKUP"}, .has_one_answer = false}};

class Nth : public CliTest, public ::testing::WithParamInterface<std::tuple<Scenario, How>> {
 protected:
  void SetUp() override {
    if (const std::string reason = CGMM_NTH_SKIP; !reason.empty()) {
      GTEST_SKIP() << "*** SKIPPED, NOTHING WAS TESTED: " << reason;
    }
    write(file("kmsg"), "");
    make_old_history();
    write(file("kmsg"), kKernelLog);
  }

  static const Scenario& scenario() { return std::get<0>(GetParam()); }
  static How how() { return std::get<1>(GetParam()); }
  static bool is_service() { return scenario().arguments.empty(); }

  /// As a run of the service leaves it, with a reclaim and an OOM kill on record, and as a killed one leaves it: some
  /// of it is still in the WAL.
  void make_old_history() {
    const auto place = make_place(/*with_history=*/false);
    const Answer answer = program(place->service("3"));
    ASSERT_EQ(answer.exit_code, 0) << answer.err;
    copy(place->database(), file("old.db"));
    SQLite::Database db(file("old.db"), SQLite::OPEN_READWRITE);
    db.exec(
        "INSERT INTO oom_kill (cgroup_id, killed_at_us, source, scope, victim_comm, victim_pid, cause) "
        "SELECT cgroup_id, last_seen_at_us, 'kernel_log', 'cgroup', 'python3', 42, 'anon_growth' FROM cgroup "
        "WHERE path = '/web'");
    for (const char* const end : {"", "-wal"}) copy(file("old.db").string() + end, file("left.db").string() + end);
  }

  std::unique_ptr<Place> make_place(bool with_history) const {
    auto place = std::make_unique<Place>();
    place->cgroups.put("/web", v1_files(kOver));
    place->cgroups.put("/db", v1_files(kBelow));
    const std::filesystem::path config = place->file("config.toml");
    write(config, "policy = 'target'\nthreshold = '25%'\ncooldown = '1h'\nkernel_log = '" + file("kmsg").string() +
                      "'\ncontainer_logs = '" + place->files.path().string() + "'\nreports_dir = '" +
                      place->file("reports").string() + "'\n");
    std::filesystem::permissions(config, std::filesystem::perms(0644));
    write(place->file("reports") / "mine.sql", "-- Mine\nSELECT 1 AS one");
    if (with_history) {
      for (const char* const end : {"", "-wal"}) copy(file("left.db").string() + end, place->database().string() + end);
    }
    return place;
  }
  static void copy(const std::filesystem::path& from, const std::filesystem::path& to) {
    std::filesystem::copy_file(from, to);
  }

  struct Run {
    Failure failure;
    std::unique_ptr<Place> place;
    ChildProcess child;
    std::string said_out() const { return content_of(place->file("out")); }
    std::string said_err() const { return content_of(place->file("err")); }
  };

  /// Without a failure, the calls are counted.
  Run start(const std::optional<Failure>& failure) const {
    auto place = make_place(scenario().on_old_history);
    std::vector<std::string> arguments = scenario().arguments;
    for (std::string& one : arguments) {
      if (one == "BACKUP" || one == "OUTPUT") one = place->file(one);
    }
    if (is_service()) arguments = place->service("2");
    else arguments.insert(arguments.end(), {"--config", place->file("config.toml"), "--database", place->database()});
    if (arguments.front() == "check") arguments.insert(arguments.end(), {"--parent", place->cgroups.root()});
    Environment environment{{"LD_PRELOAD", CGMM_FAIL_NTH}, {"CGMM_FAIL_COUNT", place->file("counts")}};
    if (failure) {
      environment.insert(environment.end(), {{"CGMM_FAIL_CALL", failure->call},
                                             {"CGMM_FAIL_AT", std::to_string(failure->at)},
                                             {"CGMM_FAIL_ON", failure->how == How::on ? "1" : "0"}});
    }
    const Streams streams{place->file("out"), place->file("err")};
    auto child = ChildProcess::fork_off([&] { return become_program(arguments, streams, environment); });
    return {failure.value_or(Failure{}), std::move(place), std::move(child)};
  }

  /// The calls of a run without a failure, by their kind. Its answer is that of all others.
  std::map<std::string, std::int64_t> count_calls() {
    Run run = start(std::nullopt);
    EXPECT_TRUE(run.child.wait_for_exit(seconds{60})) << run.said_err();
    answer_ = run.said_out();
    std::map<std::string, std::int64_t> counts;
    std::ifstream stream(run.place->file("counts"), std::ios::binary);
    for (const std::string& call : kCalls) stream.read(reinterpret_cast<char*>(&counts[call]), sizeof(std::int64_t));
    EXPECT_TRUE(stream);
    return counts;
  }

  /// A service that can't sample goes on trying, and is told to stop.
  std::optional<int> exit_code_of(Run& run) const {
    if (is_service() && !run.child.wait_for_exit(seconds{20})) run.child.signal(SIGTERM);
    return run.child.wait_for_exit(seconds{60});
  }

  void check(Run& run) {
    SCOPED_TRACE(in_words(run.failure));
    const std::optional<int> exit_code = exit_code_of(run);
    const std::string out = run.said_out(), err = run.said_err();
    ASSERT_TRUE(exit_code) << "it does not end; it said:\n" << out << err;
    ++ended_with_[run.failure.call][*exit_code];
    ASSERT_GE(*exit_code, 0) << "ended by a signal; it said:\n" << out << err;
    ASSERT_LE(*exit_code, 2) << out << err;
    expect_no_accident(out + err);
    EXPECT_TRUE(*exit_code == 0 || !(out + err).empty()) << "exit code " << *exit_code << " without a word";
    EXPECT_TRUE(*exit_code != 0 || !scenario().has_one_answer || out == answer_) << "not the whole answer:\n" << out;
    if (run.failure.call != "unlink") check_files_made(*run.place, *exit_code == 0);
    check_history(*run.place, run.failure.call == "read" && run.failure.how == How::on);
    if (HasNonfatalFailure()) std::cout << "exit code " << *exit_code << ", it said:\n" << out << err << std::endl;
  }

  void check_files_made(const Place& place, bool is_fine) const {
    for (const auto& entry : std::filesystem::directory_iterator(place.files.path())) {
      const std::string name = entry.path().filename();
      EXPECT_EQ(name.find("OUTPUT.new"), std::string::npos) << name << " was left";
      EXPECT_TRUE(name != "BACKUP" || is_sound(entry.path())) << "half a backup";
    }
    for (const char* const name : {"BACKUP", "OUTPUT"}) {
      const auto& wanted = scenario().arguments;
      const bool is_due = is_fine && std::ranges::find(wanted, name) != wanted.end();
      EXPECT_TRUE(!is_due || std::filesystem::exists(place.file(name))) << name << " was not made";
    }
  }

  static bool is_sound(const std::filesystem::path& database) {
    const SQLite::Database db(database, SQLite::OPEN_READWRITE);
    SQLite::Statement check(db, "PRAGMA integrity_check");
    return check.executeStep() && check.getColumn(0).getString() == "ok";
  }

  /// As it was left, on a copy; and that the service goes on with it.
  void check_history(const Place& place, bool can_read_nothing) {
    std::set<std::string> names;
    for (const auto& entry : std::filesystem::directory_iterator(place.files.path())) {
      const std::string& name = *names.insert(entry.path().filename()).first;
      const bool is_put_aside =
          name.starts_with("history.db.") && name != "history.db.lock" && name != "history.db.sock";
      // What can never be read is put aside, and a new one is begun.
      EXPECT_TRUE(!is_put_aside || can_read_nothing) << "a sound history became " << name;
    }
    if (!is_service()) return;
    std::filesystem::create_directory(place.file("copy"));
    for (const std::string name : {"history.db", "history.db-wal"}) {
      if (names.contains(name)) std::filesystem::copy_file(place.file(name), place.file("copy") / name);
    }
    EXPECT_TRUE(!names.contains("history.db") || is_sound(place.file("copy") / "history.db"));
    const Answer next = program(place.service("1"));
    EXPECT_EQ(next.exit_code, 0) << "the next start: " << next.err;
    EXPECT_TRUE(is_sound(place.database()));
    const SQLite::Database db(place.database(), SQLite::OPEN_READONLY, 5000);
    SQLite::Statement recorded(db,
                               "SELECT count(*) FROM scan WHERE started_at_us >= (SELECT max(at_us) FROM service_event "
                               "WHERE kind = 'start')");
    EXPECT_TRUE(recorded.executeStep());
    EXPECT_EQ(recorded.getColumn(0).getInt(), 1) << "the next start has recorded nothing";
  }

  /// From 1 to `count`: all if that is few, else some, closer to each other at the beginning and at the end.
  static std::vector<std::int64_t> points_of(const std::string& call, std::int64_t count) {
    const char* const wanted = std::getenv("CGMM_NTH_POINTS");
    std::int64_t most = call == "malloc" ? 8 : how() == How::once ? 3 : 2;
    // The words of the command line take many small pieces of memory in few calls of a library.
    if (call == "malloc" && std::string_view(scenario().name) == "Usage") most = count / 16;
    if (wanted != nullptr) most = std::string_view(wanted) == "all" ? count : std::max(2LL, std::atoll(wanted));
    std::vector<std::int64_t> points;
    for (std::int64_t i = 0; i < std::min(most, count); ++i) {
      const double part = static_cast<double>(i) / static_cast<double>(most - 1);
      const double at = part * part * (3 - 2 * part) * static_cast<double>(count - 1);
      points.push_back(1 + (count <= most ? i : std::llround(at)));
    }
    return points;
  }

  std::string answer_;                                    // without a failure
  std::map<std::string, std::map<int, int>> ended_with_;  // by the kind of call and the exit code
};

TEST_P(Nth, FailsAndItEndsInGoodOrder) {
  constexpr std::size_t kAtOnce = 16;  // most wait for something
  const std::map<std::string, std::int64_t> counts = count_calls();
  std::deque<Run> runs;
  const auto check_first = [&] {
    check(runs.front());
    runs.pop_front();
  };
  for (const std::string& call : kCalls) {
    if (const char* const only = std::getenv("CGMM_NTH_CALL"); only != nullptr && call != only) continue;
    if (call == "poll" && how() == How::on) continue;  // where nothing can ever wait, nobody can be told to stop
    for (const std::int64_t n : points_of(call, counts.at(call))) {
      runs.push_back(start(Failure{.call = call, .at = n, .how = how()}));
      if (runs.size() == kAtOnce) check_first();
    }
  }
  while (!runs.empty()) check_first();
  std::ostringstream table;
  for (const auto& [call, by_code] : ended_with_) {
    table << std::left << std::setw(10) << call << std::right << std::setw(7) << counts.at(call) << " calls";
    for (const auto& [code, times] : by_code) table << ", exit code " << code << ": " << times;
    table << "\n";
  }
  show(std::string("nth/") + scenario().name + (how() == How::on ? "-on" : "-once"), table.str());
}

INSTANTIATE_TEST_SUITE_P(All, Nth,
                         ::testing::Combine(::testing::ValuesIn(kScenarios), ::testing::Values(How::once, How::on)),
                         [](const auto& tested) {
                           return std::string(std::get<0>(tested.param).name) +
                                  (std::get<1>(tested.param) == How::on ? "_on" : "_once");
                         });

}  // namespace
}  // namespace cgmm::test
