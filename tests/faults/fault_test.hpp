// SPDX-License-Identifier: Apache-2.0
#pragma once

// What every row of the fault matrix starts from: the service on a fake hierarchy, with its history in a directory of
// its own that may be a file system of its own, and what has to hold of every fault. While it lasts: scans go on, and a
// cgroup that comes to be over its threshold is reclaimed. After it, without a restart: scans are recorded again, the
// fault has a beginning and an end on record, what was reclaimed meanwhile is on record, and every scan that was made
// is there or was said to be lost.
//
// Mounts are made in a mount namespace of the test's own: nobody else sees them.

#include <SQLiteCpp/SQLiteCpp.h>
#include <gtest/gtest.h>
#include <sched.h>
#include <signal.h>
#include <sys/mount.h>

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <fstream>
#include <functional>
#include <optional>
#include <regex>
#include <sstream>
#include <string>
#include <system_error>
#include <vector>

#include "support/eventually.hpp"
#include "support/fake_cgroups.hpp"
#include "support/fault_row.hpp"
#include "support/service_process.hpp"
#include "support/temp_dir.hpp"

namespace cgmm::test {

inline constexpr std::uint64_t kMiB = 1024 * 1024;
inline constexpr const char* kLever = "memory.force_empty";
inline constexpr FakeMemory kOver{.file_bytes = 60 * kMiB,
                                  .anon_bytes = 8 * kMiB};  // of 100 MiB, with a threshold of 25 %
inline constexpr FakeMemory kBelow{.file_bytes = 20 * kMiB, .anon_bytes = 60 * kMiB};

/// A file system at `point` for as long as this lives.
class Mount {
 public:
  Mount(std::filesystem::path point, const char* type, const std::string& options) : point_(std::move(point)) {
    std::filesystem::create_directories(point_);
    check(::mount("cgmm-test", point_.c_str(), type, 0, options.c_str()));
  }
  /// The directory `source` there once more.
  Mount(std::filesystem::path point, const std::filesystem::path& source) : point_(std::move(point)) {
    std::filesystem::create_directories(point_);
    check(::mount(source.c_str(), point_.c_str(), nullptr, MS_BIND, nullptr));
  }
  ~Mount() { unmount(); }
  Mount(const Mount&) = delete;
  Mount& operator=(const Mount&) = delete;

  /// As long as nobody has a file there open for writing.
  void make_read_only(bool read_only) const {
    check(::mount(nullptr, point_.c_str(), nullptr, MS_REMOUNT | MS_BIND | (read_only ? MS_RDONLY : 0), nullptr));
  }
  void unmount() {
    if (mounted_) ::umount2(point_.c_str(), MNT_DETACH);
    mounted_ = false;
  }

 private:
  void check(int result) const {
    if (result != 0) throw std::system_error(errno, std::generic_category(), point_);
  }
  std::filesystem::path point_;
  bool mounted_ = true;
};

class FaultTest : public ::testing::Test {
 protected:
  /// What is done, and what has to be seen of it.
  struct Fault {
    std::string row;   // of the table
    std::string name;  // as in service_event.fault; empty: it is none, it only must do no harm
    std::function<void()> begin;
    std::function<void()> end;
    std::function<bool()> lasts_until{};   // what has to happen before it ends
    bool reclaims = true;                  // whether there is anything to reclaim meanwhile
    bool history_stays = true;             // else the file is another one afterwards, with what could be carried over
    std::string lost{};                    // to be shown, where it is not scans
    std::chrono::seconds ends_within{30};  // for its end to be told
  };

  void SetUp() override {
    static const bool own_mounts =
        ::unshare(CLONE_NEWNS) == 0 && ::mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr) == 0;
    if (!own_mounts) GTEST_SKIP() << "\n*** SKIPPED, NOTHING WAS TESTED: only root can have mounts of its own ***";
    std::filesystem::create_directories(disk());
    put("/before", kOver);
    put("/below", kBelow);
  }

  void TearDown() override {
    service_.reset();
    if (HasFailure()) ADD_FAILURE() << "The service said at last:\n" << tail(log());
  }

  FakeCgroups& cgroups() { return cgroups_; }
  std::filesystem::path file(const std::string& name) const { return files_.path() / name; }
  std::filesystem::path disk() const { return file("disk"); }  // where the history is
  std::filesystem::path database() const { return disk() / "history.db"; }
  std::filesystem::path log() const { return file("service.log"); }
  std::filesystem::path trees() const { return trees_; }  // where the fake hierarchy is
  ServiceProcess& service() { return *service_; }
  void put(const std::string& path, const FakeMemory& memory) { cgroups_.put(path, v1_files(memory)); }
  bool was_reclaimed(const std::string& path) { return !cgroups_.file(path, kLever).empty(); }

  struct Start {
    std::string configuration{};     // beside what is needed for ten scans a second and one reclaim of a cgroup
    std::filesystem::path parent{};  // in place of the tree's root
    Environment environment{};
  };
  void start() { start({}); }
  void start(const Start& how) {
    std::string configuration = how.configuration;
    for (const auto& [key, value] : {std::pair{"policy", "target"},
                                     {"threshold", "25%"},
                                     {"cooldown", "1h"},
                                     {"interval", "100ms"},
                                     {"watch", "leaves"},
                                     {"container_logs", "off"},
                                     {"kernel_log", "off"},
                                     {"log_level", "debug"}}) {
      if (configuration.find(key) == std::string::npos) configuration += std::string(key) + " = '" + value + "'\n";
    }
    std::ofstream(file("config.toml")) << configuration;
    const std::string parent = how.parent.empty() ? cgroups_.root() : how.parent.string();
    service_.emplace(
        std::vector<std::string>{"--config", file("config.toml"), "--parent", parent, "--database", database()}, log(),
        how.environment);
  }

  /// The first value of a query, NULL and no row being 0; also where there is no history yet, or none that can be read.
  std::int64_t number(const std::string& sql) const {
    try {
      const SQLite::Database db(database(), SQLite::OPEN_READONLY, 1000);
      SQLite::Statement query(db, sql);
      return query.executeStep() ? query.getColumn(0).getInt64() : 0;
    } catch (const SQLite::Exception&) {
      return 0;
    }
  }
  std::int64_t scan_count(std::int64_t since_us = 0) const {
    return number("SELECT count(*) FROM scan WHERE is_partial IS NOT 1 AND started_at_us >= " +
                  std::to_string(since_us));
  }
  std::int64_t count_in_log(const std::string& what, std::size_t from = 0) const {
    const std::string said = content_of(log());
    std::int64_t count = 0;
    for (auto at = said.find(what, from); at != std::string::npos; at = said.find(what, at + 1)) ++count;
    return count;
  }
  std::int64_t scans_made() const { return count_in_log(" debug: scan: "); }

  static std::int64_t now_us() {
    return std::chrono::duration_cast<std::chrono::microseconds>(std::chrono::system_clock::now().time_since_epoch())
        .count();
  }

  /// One row of the matrix, with the service running.
  void survives(const Fault& fault) {
    ASSERT_TRUE(eventually([&] { return scan_count() >= 3 && was_reclaimed("/before"); }));
    cgroups_.put_file("/before", kLever, "");  // reclaimed again, it would not stay so
    const auto said_before = std::filesystem::file_size(log());
    const std::int64_t began_at_us = now_us();
    const std::int64_t scans_before = scans_made();
    fault.begin();
    EXPECT_TRUE(eventually([&] { return scans_made() >= scans_before + 10; })) << "scans did not go on";
    if (fault.reclaims) {
      put("/during", kOver);
      EXPECT_TRUE(eventually([&] { return was_reclaimed("/during"); })) << "reclaim did not go on";
    }
    if (!fault.name.empty()) {
      EXPECT_TRUE(eventually([&] {
        return count_in_log(" warning: ", said_before) + count_in_log(" error: ", said_before) > 0;
      })) << "nothing was said of the fault";
    }
    if (fault.lasts_until) {
      EXPECT_TRUE(eventually(fault.lasts_until, std::chrono::seconds{60}))
          << "what it was to last until did not happen";
    }
    const std::int64_t scans_during = scans_made() - scans_before;
    fault.end();
    const std::int64_t ended_at_us = now_us();

    EXPECT_TRUE(eventually([&] { return scan_count(ended_at_us) >= 2; })) << "scans are not recorded again";
    const std::int64_t recovered_us = now_us() - ended_at_us;
    put("/after", kOver);
    EXPECT_TRUE(eventually([&] { return was_reclaimed("/after"); })) << "reclaim does not go on after it";
    std::string begin_seen = "none";
    if (!fault.name.empty()) {
      const std::string of_fault =
          " FROM service_event WHERE fault = '" + fault.name + "' AND at_us >= " + std::to_string(began_at_us);
      EXPECT_TRUE(eventually([&] { return number("SELECT count(*)" + of_fault + " AND kind = 'fault_end'") > 0; },
                             fault.ends_within))
          << "its end is not on record";
      const std::int64_t told_at_us = number("SELECT min(at_us)" + of_fault + " AND kind = 'fault_begin'");
      EXPECT_GT(told_at_us, 0) << "its beginning is not on record";
      begin_seen = seconds_of(told_at_us - began_at_us);
    }
    const auto reclaims = [&](const std::string& path) {
      return number("SELECT count(*) FROM v_reclaim WHERE outcome <> 'started' AND path = '" + path + "'");
    };
    EXPECT_TRUE(eventually([&] { return reclaims("/after") == 1; }));
    if (fault.reclaims) {
      EXPECT_TRUE(eventually([&] { return reclaims("/during") == 1; })) << "a reclaim is not on record";
    }
    EXPECT_EQ(cgroups_.file("/before", kLever), "") << "its cooldown of an hour did not hold";
    EXPECT_TRUE(service().running());
    service().signal(SIGTERM);
    EXPECT_EQ(service().wait_for_exit(), 0);
    const std::int64_t lost = lost_scans(began_at_us);
    if (fault.history_stays) {
      EXPECT_EQ(scans_made(), scan_count() + lost) << "made, and on record or said to be lost";
      EXPECT_EQ(number("SELECT count(*) - count(DISTINCT started_at_us) FROM scan"), 0) << "on record twice";
    }
    expect_sound();
    if (HasFailure()) return;
    show_fault({.row = fault.row,
                .name = fault.name.empty() ? "none" : fault.name,
                .begin_seen = begin_seen,
                .scans = std::to_string(scans_during),
                .reclaims = fault.reclaims ? "1" : "none to make",
                .lost = fault.lost.empty() ? std::to_string(lost) + " scans" : fault.lost,
                .recovered = seconds_of(recovered_us)});
  }

  void expect_sound() const {
    const SQLite::Database db(database(), SQLite::OPEN_READONLY, 1000);
    SQLite::Statement check(db, "PRAGMA integrity_check");
    ASSERT_TRUE(check.executeStep());
    EXPECT_EQ(check.getColumn(0).getString(), "ok");
  }

  /// As the gaps on record say.
  std::int64_t lost_scans(std::int64_t since_us) const {
    const SQLite::Database db(database(), SQLite::OPEN_READONLY, 1000);
    SQLite::Statement query(
        db, "SELECT detail FROM service_event WHERE kind = 'gap' AND at_us >= " + std::to_string(since_us));
    std::int64_t count = 0;
    static const std::regex kLost("([0-9]+) scans? (and [0-9]+ other records )?(was|were) lost");
    while (query.executeStep()) {
      const std::string detail = query.getColumn(0).getString();
      std::smatch found;
      if (std::regex_search(detail, found, kLost)) count += std::stoll(found[1]);
    }
    return count;
  }

 private:
  static std::string tail(const std::filesystem::path& file) {
    constexpr std::size_t kTailBytes = 6000;
    const std::string said = content_of(file);
    return said.substr(said.size() > kTailBytes ? said.size() - kTailBytes : 0);
  }

  static const std::filesystem::path& made(const std::filesystem::path& directory) {
    std::filesystem::create_directory(directory);
    return directory;
  }

  TempDir files_;
  const std::filesystem::path trees_ = files_.path() / "trees";
  FakeCgroups cgroups_{made(trees_)};
  std::optional<ServiceProcess> service_;
};

}  // namespace cgmm::test
