// SPDX-License-Identifier: Apache-2.0
#include "service.hpp"

#include <fcntl.h>
#include <signal.h>
#include <unistd.h>

#include <fstream>
#include <optional>
#include <stdexcept>
#include <utility>

#include "base/units.hpp"
#include "daemon/clock.hpp"
#include "stop.hpp"
#include "store/reader.hpp"

namespace cgmm::bench {
namespace {

constexpr std::int64_t kLookEvery_us = 3'000;
constexpr std::int64_t kPatience_us = 60'000'000;

/// In the child. Returns where it can't be started.
int run(const Service::Options& options) {
  std::filesystem::create_directories(options.directory);
  const std::string config = options.directory / "config.toml";
  const std::string database = options.directory / "history.db";
  std::ofstream(config) << "# the defaults\n" << std::flush;
  const int log = ::open((options.directory / "log").c_str(), O_WRONLY | O_CREAT | O_APPEND, 0600);
  ::dup2(log, STDOUT_FILENO);
  ::dup2(log, STDERR_FILENO);
  const std::string interval = base::duration_setting(options.interval_us);
  const char* const arguments[] = {options.program.c_str(),
                                   "run",
                                   "--config",
                                   config.c_str(),
                                   "--database",
                                   database.c_str(),
                                   "--parent",
                                   options.parent.c_str(),
                                   "--interval",
                                   interval.c_str(),
                                   "--threshold",
                                   "1TiB",
                                   nullptr};
  ::execv(options.program.c_str(), const_cast<char* const*>(arguments));
  return 127;
}

std::string last_line(const std::filesystem::path& log) {
  std::ifstream stream(log);
  std::string last;
  for (std::string line; std::getline(stream, line);) last = line;
  return last;
}

std::optional<std::int64_t> first_number(const core::Table& table) {
  if (table.rows.empty()) return std::nullopt;
  const auto* const value = std::get_if<std::int64_t>(&table.rows.front().front());
  return value == nullptr ? std::nullopt : std::optional(*value);
}

/// nullopt: there is no database yet, or no scan in it.
std::optional<std::int64_t> first_scan(const std::filesystem::path& database) {
  try {
    return first_number(store::Reader(database).run("SELECT started_at_us FROM scan ORDER BY scan_id LIMIT 1"));
  } catch (const store::StoreError&) {
    return std::nullopt;
  }
}

}  // namespace

Service::Service(Options options)
    : options_(std::move(options)),
      exec_at_us_(daemon::steady_now_us()),
      child_(options_.cgroup, [this] { return run(options_); }) {
  std::optional<std::int64_t> scan_at_us;
  while (!(scan_at_us = first_scan(database()))) {
    wait_for(kLookEvery_us);
    if (daemon::steady_now_us() - exec_at_us_ > kPatience_us || !child_.is_running()) {
      throw std::runtime_error("the service records nothing; it says: " + last_line(options_.directory / "log"));
    }
  }
  start_us_ = daemon::steady_now_us() - exec_at_us_;
  first_scan_at_us_ = *scan_at_us - daemon::wall_now_us() + daemon::steady_now_us();
}

std::int64_t Service::next_scan_at_us(std::int64_t now_us) const {
  const std::int64_t intervals = (now_us - first_scan_at_us_) / options_.interval_us;
  return first_scan_at_us_ + (intervals + 1) * options_.interval_us;
}

std::int64_t Service::stop() {
  const std::int64_t began_us = daemon::steady_now_us();
  ::kill(pid(), SIGTERM);
  const int code = child_.wait();
  const std::int64_t taken_us = daemon::steady_now_us() - began_us;
  if (code != 0) throw std::runtime_error("the service ended with exit code " + std::to_string(code));
  return taken_us;
}

std::int64_t Service::ask(const std::string& sql) const {
  return first_number(store::Reader(database()).run(sql)).value_or(0);
}

}  // namespace cgmm::bench
