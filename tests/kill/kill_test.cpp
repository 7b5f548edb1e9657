// SPDX-License-Identifier: Apache-2.0
// The service is killed at random instants, again and again on the same history, while it writes as fast as it can:
// cgroups that come and go, limits that change, counters of OOM kills that rise, cgroups that are over their threshold
// all the time. What it has said to be on record is there, and so is every reclaim that was made; cooldowns hold.
//
// CGMM_KILL_ROUNDS=3000 build/dev/tests/kill_test for longer; CGMM_KILL_SEED for other instants.
#include <fcntl.h>
#include <sys/stat.h>

#include <cstdlib>
#include <iostream>
#include <map>
#include <memory>
#include <random>

#include "cli/cli_test.hpp"
#include "support/old_history.hpp"
#include "support/pipe.hpp"
#include "support/shown.hpp"

namespace cgmm::test {
namespace {

using std::chrono::microseconds;
using std::chrono::milliseconds;

std::int64_t setting(const char* name, std::int64_t otherwise) {
  const char* const text = std::getenv(name);
  return text == nullptr ? otherwise : std::atoll(text);
}

std::int64_t now_us() {
  return std::chrono::duration_cast<microseconds>(std::chrono::system_clock::now().time_since_epoch()).count();
}

/// memory.force_empty of a kernel that counts: a FIFO, into which every reclaim writes one byte, as the service does on
/// cgroup v1. What is in it stays when the writer is killed.
class CountingLever {
 public:
  explicit CountingLever(const std::string& file) {
    if (::mkfifo(file.c_str(), 0600) != 0) throw std::system_error(errno, std::generic_category(), file);
    fifo_ = std::make_unique<Fd>(::open(file.c_str(), O_RDWR | O_NONBLOCK | O_CLOEXEC));
  }
  std::int64_t count() {
    char bytes[4096];
    for (ssize_t got = 0; (got = ::read(fifo_->get(), bytes, sizeof bytes)) > 0;) count_ += got;
    return count_;
  }

 private:
  std::unique_ptr<Fd> fifo_;
  std::int64_t count_ = 0;
};

/// What a run has said before it was killed.
struct KilledRun {
  std::int64_t began_at_us = 0;
  std::int64_t scan_count = 0;  // on record
  std::int64_t last_scan_at_us = 0;
  bool stopping = false;
  std::vector<std::string> without_row;  // whose reclaim did not wait for a slow disk any longer; it says so
};

KilledRun run_of(const std::string& said, std::int64_t began_at_us) {
  KilledRun run{.began_at_us = began_at_us};
  std::istringstream lines(said);
  for (std::string line; std::getline(lines, line);) {
    const auto at = line.find(" debug: on record: ");
    if (at != std::string::npos && !lines.eof()) {  // the last line may be cut
      std::istringstream words(line.substr(at + 19));
      std::int64_t count = 0;
      std::string scans, up, to;
      words >> count >> scans >> up >> to >> run.last_scan_at_us;
      run.scan_count += count;
    }
    if (line.find(": stopping: ") != std::string::npos) run.stopping = true;
    if (line.find("is not on record yet: going on without") == std::string::npos) continue;
    const auto path = line.find(" of /") + 4;
    run.without_row.push_back(line.substr(path, line.find(' ', path) - path));
  }
  return run;
}

class Kill : public CliTest {
 protected:
  Kill() {
    write_config(
        "policy = 'target'\nwatch = 'leaves'\nthreshold = '25%'\ninterval = '100ms'\ncooldown = '100ms'\nmax_cooldown "
        "= "
        "'300ms'\nobserve_for = '1s'\n"
        "kernel_log = 'off'\ncontainer_logs = 'off'\nkeep_samples = '1h'\nkeep_incidents = '1d'\nkeep_hours = "
        "'2d'\nkeep_events = '1d'\n"
        "max_size = '32MiB'\n"
        "[[rule]]\ncgroup = '/long-*'\ncooldown = '1h'\n");
    make_old_history(file("old.db"), now_us());
  }

  /// An epoch is some rounds on one history: a new one, or one of an earlier version.
  void begin_epoch(bool on_old_history) {
    for (const char* const end : {"", "-wal", "-shm", ".lock"}) std::filesystem::remove(database().string() + end);
    for (auto& [path, lever] : levers_) cgroups().remove(path);
    for (auto& path : passing_) cgroups().remove(path);
    for (int i = 0; i < kBusy; ++i) cgroups().remove("/busy-" + std::to_string(i));
    levers_.clear();
    passing_.clear();
    runs_.clear();
    oom_kills_ = 0;
    counted_oom_kills_.reset();
    epoch_began_at_us_ = now_us();
    if (on_old_history) std::filesystem::copy_file(file("old.db"), database());
    for (int i = 0; i < 3; ++i) {
      add_over("/long-" + std::to_string(i));
      add_over("/short-" + std::to_string(i));
    }
    for (int i = 0; i < kBusy; ++i) cgroups().put("/busy-" + std::to_string(i), v1_files(kBelow));
  }

  void add_over(const std::string& path) {
    Files files = v1_files(kOver);
    files.erase("memory.force_empty");
    cgroups().put(path, files);
    levers_.emplace(path, cgroups().root() + path + "/memory.force_empty");
  }

  /// A file of a cgroup as the kernel changes it: at once.
  void replace(const std::string& path, const std::string& name, const std::string& content) {
    const std::string file = cgroups().root() + path + "/" + name;
    cgroups().put_file(path, name + ".new", content);
    std::filesystem::rename(file + ".new", file);
  }

  void change_something() {
    const std::string busy = "/busy-" + std::to_string(random_() % kBusy);
    FakeMemory memory = kBelow;
    switch (random_() % 4) {
      case 0: {  // one comes, over its threshold every other time
        const std::string name = std::to_string(++made_);
        if (made_ % 2 == 0) add_over("/long-passing-" + name);
        else cgroups().put(passing_.emplace_back("/passing-" + name), v1_files(kBelow));
        break;
      }
      case 1:  // one goes
        if (passing_.size() > 5) {
          cgroups().remove(passing_.front());
          passing_.erase(passing_.begin());
        }
        break;
      case 2:
        memory.limit_bytes = (100 + random_() % 100) * kMiB;
        replace(busy, "memory.limit_in_bytes", std::to_string(memory.limit_bytes) + "\n");
        replace(busy, "memory.stat", v1_files(memory).at("memory.stat"));
        break;
      default:  // the kernel has killed in busy-0; not before its counter is known, nor more than one scan makes rows
                // of
        if (!counted_oom_kills_ || oom_kills_ >= *counted_oom_kills_ + 16) break;
        memory.oom_kills = ++oom_kills_;
        replace("/busy-0", "memory.oom_control", v1_files(memory).at("memory.oom_control"));
    }
  }

  /// Starts the service and kills it; says what it had said by then.
  KilledRun run_and_kill() {
    std::filesystem::remove(log());
    const std::int64_t began_at_us = now_us();
    const auto between = [&](int from, int to) {
      return microseconds(std::uniform_int_distribution<int>(from * 1000, to * 1000)(random_));
    };
    const auto began = std::chrono::steady_clock::now();
    auto service = start({"--log-level", "debug"});
    auto kill_at = began + (random_() % 10 == 0 ? between(0, 4 * usual_ms_) : between(0, usual_ms_));
    if (random_() % 8 == 0) {
      change_until(began + between(usual_ms_ / 4, usual_ms_));
      service.signal(SIGTERM);
      kill_at = std::chrono::steady_clock::now() + between(0, 30);
    }
    change_until(kill_at);
    service.kill();
    return run_of(content_of(log()), began_at_us);
  }

  /// A machine with much else to do gets a longer time to be killed in.
  void measure_a_start() {
    const auto began = std::chrono::steady_clock::now();
    auto service = start({"--log-level", "debug"});
    ASSERT_TRUE(eventually([&] { return content_of(log()).find(" debug: on record: ") != std::string::npos; }));
    const auto taken = std::chrono::duration_cast<milliseconds>(std::chrono::steady_clock::now() - began);
    usual_ms_ = std::clamp(3 * static_cast<int>(taken.count()), 150, 400);
  }

  /// A slice of the archive is one transaction, after those that sum up hours: many rounds must last for one.
  void measure_a_slice() {
    const auto began = std::chrono::steady_clock::now();
    auto service = start({"--log-level", "debug"});
    ASSERT_TRUE(eventually([&] { return number_so_far("SELECT count(*) FROM archive_chunk") > 0; }));
    const auto taken = std::chrono::duration_cast<milliseconds>(std::chrono::steady_clock::now() - began);
    service.kill();
    usual_ms_ = std::clamp(3 * static_cast<int>(taken.count()) / 2, 150, 5000);
  }

  void change_until(std::chrono::steady_clock::time_point when) {
    while (std::chrono::steady_clock::now() < when) {
      change_something();
      std::this_thread::sleep_until(std::min(when, std::chrono::steady_clock::now() + milliseconds{4}));
    }
  }

  /// On a copy, so that the service finds everything as the kill has left it.
  void check_what_is_left() {
    if (!std::filesystem::exists(database())) return;
    const auto copy = file("copy.db");
    for (const char* const end : {"", "-wal"}) {
      std::filesystem::remove(copy.string() + end);
      if (std::filesystem::exists(database().string() + end)) {
        std::filesystem::copy_file(database().string() + end, copy.string() + end);
      }
    }
    SQLite::Database db(copy, SQLite::OPEN_READWRITE);
    ++integrity_checks_;
    ASSERT_EQ(db.execAndGet("PRAGMA integrity_check").getString(), "ok");
    if (db.execAndGet("PRAGMA user_version").getInt() == 0) return;
    check_scans(db);
    check_reclaims(db);
    check_oom_kills(db);
    check_hours(db);
  }

  /// Every one that was said to be on record, all of it, and none twice.
  void check_scans(SQLite::Database& db) {
    SQLite::Statement scans(
        db, "SELECT count(*), count(DISTINCT started_at_us) FROM scan WHERE started_at_us BETWEEN ? AND ?");
    for (const KilledRun& run : runs_) {
      if (run.scan_count == 0) continue;
      scans.reset();
      scans.bind(1, run.began_at_us);
      scans.bind(2, run.last_scan_at_us);
      ASSERT_TRUE(scans.executeStep());
      ASSERT_EQ(scans.getColumn(0).getInt64(), run.scan_count);
      ASSERT_EQ(scans.getColumn(1).getInt64(), run.scan_count);
    }
    SQLite::Statement torn(db,
                           "SELECT count(*) FROM scan WHERE started_at_us >= ? AND cgroup_count <> "
                           "(SELECT count(*) FROM sample WHERE sample.scan_id = scan.scan_id)");
    torn.bind(1, epoch_began_at_us_);
    ASSERT_TRUE(torn.executeStep());
    ASSERT_EQ(torn.getColumn(0).getInt64(), 0);
  }

  void check_reclaims(SQLite::Database& db) {
    std::map<std::string, std::pair<std::int64_t, std::int64_t>> rows;  // all, and those that say that they were made
    SQLite::Statement query(
        db,
        "SELECT path, count(*), count(*) FILTER (WHERE outcome IN ('done', 'partial')) FROM reclaim "
        "JOIN cgroup USING (cgroup_id) GROUP BY path");
    while (query.executeStep()) {
      rows[query.getColumn(0).getString()] = {query.getColumn(1).getInt64(), query.getColumn(2).getInt64()};
    }
    std::map<std::string, std::int64_t> without_row;
    for (const KilledRun& run : runs_) {
      if (run.stopping) continue;  // it asks the kernel no more
      for (const std::string& path : run.without_row) ++without_row[path];
    }
    for (auto& [path, lever] : levers_) {
      const std::int64_t made = lever.count();
      const auto [row_count, made_count] = rows[path];
      ASSERT_LE(made_count, made) << path << ": on record, but never made";
      ASSERT_LE(made, row_count + without_row[path]) << path << ": made, but not on record";
      if (path.starts_with("/long-")) {
        ASSERT_LE(made, 1 + without_row[path]) << path << " has a cooldown of an hour";
        ASSERT_LE(row_count, 1 + without_row[path]) << path << " has a cooldown of an hour";
      }
    }
  }

  /// The kills that the counter on record tells of, each.
  void check_oom_kills(SQLite::Database& db) {
    SQLite::Statement query(
        db,
        "SELECT oom_kills_total, (SELECT count(*) FROM oom_kill WHERE oom_kill.cgroup_id = cgroup.cgroup_id) "
        "FROM cgroup WHERE path = '/busy-0'");
    if (!query.executeStep()) return;
    counted_oom_kills_ = static_cast<std::uint64_t>(query.getColumn(0).getInt64());
    ASSERT_EQ(query.getColumn(0).getInt64(), query.getColumn(1).getInt64());
  }

  /// An hour is rolled up as a whole, once, and samples are dropped only then.
  void check_hours(SQLite::Database& db) {
    if (db.execAndGet("PRAGMA user_version").getInt() < 4) return;
    const std::string of_old = " JOIN cgroup c USING (cgroup_id) WHERE c.path GLOB '/old-*'";
    ASSERT_EQ(
        db.execAndGet("SELECT count(*) FROM sample_hour" + of_old +
                      " AND (sample_count <> 60 OR pgfault <> 600 OR usage_avg_kib <> 1000 OR usage_max_kib <> 1000)")
            .getInt(),
        0);
    const int hours = db.execAndGet("SELECT count(DISTINCT hour_at_us) FROM sample_hour" + of_old).getInt();
    most_hours_ = std::max(most_hours_, hours);
    ASSERT_EQ(db.execAndGet("SELECT count(*) FROM scan WHERE cgroup_count = " + std::to_string(kOldCgroups) +
                            " AND started_at_us < " + std::to_string(epoch_began_at_us_) +
                            " AND scan_id > (SELECT coalesce(max(scan_id), 0) FROM rolled_up) AND scan_id NOT IN "
                            "(SELECT scan_id FROM sample)")
                  .getInt(),
              0)
        << "dropped and not rolled up";
  }

  static constexpr int kBusy = 8;
  std::map<std::string, CountingLever> levers_;  // by the cgroup's path
  std::vector<std::string> passing_;
  std::vector<KilledRun> runs_;  // of this epoch
  std::int64_t epoch_began_at_us_ = 0;
  std::uint64_t oom_kills_ = 0;  // in busy-0, and as the history has it
  std::optional<std::uint64_t> counted_oom_kills_;
  std::int64_t made_ = 0;
  std::int64_t integrity_checks_ = 0;
  int usual_ms_ = 150;  // from the start to the kill at most
  int most_hours_ = 0;
  const std::int64_t seed_ = setting("CGMM_KILL_SEED", now_us() % 1'000'000);
  std::mt19937 random_{static_cast<unsigned>(seed_)};
};

TEST_F(Kill, AtAnyInstantLosesNothingThatWasOnRecord) {
  constexpr int kRoundsAnEpoch = 25;
  const std::int64_t rounds = setting("CGMM_KILL_ROUNDS", 300);
  std::int64_t at_start = 0, running = 0, stopping = 0, scans = 0, reclaims = 0, without_row = 0, kills = 0;
  for (std::int64_t round = 0; round < rounds; ++round) {
    SCOPED_TRACE("round " + std::to_string(round) + ", CGMM_KILL_SEED=" + std::to_string(seed_));
    if (round % kRoundsAnEpoch == 0) {
      for (auto& [path, lever] : levers_) reclaims += lever.count();
      begin_epoch(/*on_old_history=*/round / kRoundsAnEpoch % 2 == 0);
      if (round == 0) {
        ASSERT_NO_FATAL_FAILURE(measure_a_start());
        begin_epoch(/*on_old_history=*/true);
      }
    }
    const KilledRun& run = runs_.emplace_back(run_and_kill());
    ++(run.stopping ? stopping : run.scan_count == 0 ? at_start : running);
    scans += run.scan_count;
    without_row += static_cast<std::int64_t>(run.without_row.size());
    ASSERT_NO_FATAL_FAILURE(check_what_is_left());
    kills = std::max(kills, static_cast<std::int64_t>(oom_kills_));
  }
  for (auto& [path, lever] : levers_) reclaims += lever.count();
  if (rounds >= 100) {  // else it has not tested what it says
    EXPECT_GT(at_start, 0);
    EXPECT_GT(running, 0);
    EXPECT_GT(stopping, 0);
    EXPECT_GT(scans, rounds / 10);
    EXPECT_GT(reclaims, rounds / 2);
    EXPECT_GT(most_hours_, 5) << "hours of the old history, rolled up between kills";
  }
  std::ostringstream line;
  line << rounds << " rounds: killed " << at_start << " times before the first scan was on record, " << running
       << " times after it, " << stopping << " times while stopping; " << integrity_checks_ << " integrity checks ok, "
       << scans << " scans that were said to be on record are, " << reclaims
       << " reclaims that were made are on record (" << without_row << " did not wait for the disk), cooldowns held";
  show("kill", line.str());
}

TEST_F(Kill, WhileItArchivesLosesNoSampleAndHasNoneTwice) {
  write_config("watch = 'leaves'\ninterval = '100ms'\ndry_run = true\nkernel_log = 'off'\ncontainer_logs = 'off'\n");
  begin_epoch(/*on_old_history=*/true);
  ASSERT_NO_FATAL_FAILURE(measure_a_slice());
  begin_epoch(/*on_old_history=*/true);
  const std::vector<std::string> question = {"query",
                                             "SELECT count(*), count(DISTINCT scan_id), sum(scan_id), sum(usage_kib), "
                                             "sum(pgfault), sum(held_kib) FROM sample WHERE cgroup_id <= 20",
                                             "--format", "csv"};
  const Answer before = ask(question);
  ASSERT_EQ(before.exit_code, 0) << before.err;
  constexpr std::int64_t kLastBlock = kOldHours * 60 / 1440 - 1;  // that is whole
  constexpr int kMostRounds = 400;
  std::int64_t archived = 0;
  int rounds = 0;
  for (; archived < (kLastBlock + 1) * 1440 - 1 && rounds < kMostRounds; ++rounds) {
    SCOPED_TRACE("round " + std::to_string(rounds) + ", CGMM_KILL_SEED=" + std::to_string(seed_));
    run_and_kill();
    const Answer now = ask(question);
    ASSERT_EQ(now.out, before.out) << now.err;
    const Answer place = ask({"query", "SELECT coalesce(max(scan_id), 0) FROM archived", "--format", "csv"});
    archived = std::stoll(place.out.substr(place.out.find('\n') + 1));
  }
  EXPECT_LT(rounds, kMostRounds);
  EXPECT_EQ(number("SELECT count(*) FROM archive_chunk WHERE cgroup_id <= 20"), (kLastBlock + 1) * kOldCgroups);
  show("kill archive", std::to_string(rounds) + " rounds killed while samples moved: each was there once after each");
}

}  // namespace
}  // namespace cgmm::test
