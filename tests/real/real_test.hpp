// SPDX-License-Identifier: Apache-2.0
#pragma once

// What every test on real cgroups starts from: a hierarchy of its own, a place for files on a disk, and the
// service watching that hierarchy with its history in that place.

#include <SQLiteCpp/SQLiteCpp.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdint>
#include <filesystem>
#include <fstream>
#include <optional>
#include <string>
#include <vector>

#include "support/eventually.hpp"
#include "support/real_cgroup.hpp"
#include "support/service_process.hpp"
#include "support/temp_dir.hpp"
#include "support/workload.hpp"

namespace cgmm::test {

inline constexpr std::uint64_t kMiB = 1024 * 1024;

class RealTest : public ::testing::Test {
 protected:
  void SetUp() override {
    if (const auto reason = RealCgroupTree::missing()) {
      GTEST_SKIP() << "\n*** SKIPPED, NOTHING WAS TESTED: " << *reason << " ***";
    }
    tree_.emplace();
    write_config("");
  }

  void TearDown() override {
    if (HasFailure() && std::filesystem::exists(log())) {
      std::ifstream log_file(log());
      ADD_FAILURE() << "The service said:\n" << log_file.rdbuf();
    }
  }

  RealCgroupTree& tree() { return *tree_; }
  std::filesystem::path file(const std::string& name) const { return files_.path() / name; }
  virtual std::filesystem::path database() const { return file("history.db"); }
  std::filesystem::path config() const { return file("config.toml"); }
  std::filesystem::path log() const { return file("service.log"); }

  /// The service on this test's hierarchy, scanning five times a second; `more` may override that.
  ServiceProcess start_service(const std::vector<std::string>& more = {}) {
    std::vector<std::string> arguments{"--config", config(), "--parent", tree().dir(), "--database", database()};
    if (std::find(more.begin(), more.end(), "--interval") == more.end()) {
      arguments.insert(arguments.end(), {"--interval", "200ms"});
    }
    arguments.insert(arguments.end(), more.begin(), more.end());
    return ServiceProcess(arguments, log());
  }

  /// What the configuration file holds from now on. Where it names no policy, a reclaim goes down to its target at
  /// once.
  void write_config(const std::string& toml) const {
    const bool names_policy = toml.find("policy =") != std::string::npos;
    std::ofstream(config()) << (names_policy ? "" : "policy = 'target'\n") << toml;
    std::filesystem::permissions(config(),
                                 std::filesystem::perms(0644));  // whatever the umask is: others may not write it
  }

  /// The first value of a query on the history, NULL and no row being 0.
  std::int64_t number(const std::string& sql) const {
    const SQLite::Database db(database(), SQLite::OPEN_READONLY, 5000);
    SQLite::Statement query(db, sql);
    return query.executeStep() ? query.getColumn(0).getInt64() : 0;
  }
  std::string text(const std::string& sql) const {
    const SQLite::Database db(database(), SQLite::OPEN_READONLY, 5000);
    SQLite::Statement query(db, sql);
    return query.executeStep() ? query.getColumn(0).getString() : "";
  }

  std::int64_t scan_count() const {
    try {
      return number("SELECT count(*) FROM scan");
    } catch (const SQLite::Exception&) {
      return 0;  // the service has only just been started: no file, or no tables yet
    }
  }
  /// Waits for scans to be recorded from now on. After two of them, one that began after this call has been.
  bool wait_for_scans(std::int64_t count, std::chrono::milliseconds deadline = std::chrono::seconds{30}) const {
    const std::int64_t before = scan_count();
    return eventually([&] { return scan_count() >= before + count; }, deadline);
  }

  std::string where_path(const std::string& cgroup) const { return " WHERE path = '" + tree_->path_of(cgroup) + "'"; }
  std::int64_t reclaim_count(const std::string& cgroup) const {
    return number("SELECT count(*) FROM v_reclaim" + where_path(cgroup));
  }
  std::int64_t finished_reclaim_count(const std::string& cgroup) const {
    return number("SELECT count(*) FROM v_reclaim" + where_path(cgroup) + " AND outcome <> 'started'");
  }
  std::int64_t event_count(const std::string& kind) const {
    return number("SELECT count(*) FROM service_event WHERE kind = '" + kind + "'");
  }
  /// As of the last scan.
  std::int64_t cache_bytes(const std::string& cgroup) const {
    return number("SELECT reclaimable_cache_bytes FROM v_sample" + where_path(cgroup) + " ORDER BY at_us DESC LIMIT 1");
  }

 private:
  TempDir files_{disk_dir()};
  std::optional<RealCgroupTree> tree_;
};

}  // namespace cgmm::test
