// SPDX-License-Identifier: Apache-2.0
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <cstdint>
#include <cstdlib>
#include <exception>
#include <filesystem>
#include <fstream>
#include <string>
#include <string_view>
#include <system_error>

#include "base/text.hpp"
#include "base/time.hpp"
#include "base/units.hpp"
#include "cli/findings.hpp"
#include "cli/output.hpp"
#include "cli/ship_parts.hpp"
#include "cli/terminal.hpp"
#include "daemon/clock.hpp"
#include "fleet/engine/clickhouse.hpp"
#include "fleet/engine/schema.hpp"
#include "fleet/ship/batch_reader.hpp"
#include "fleet/ship/ship_state.hpp"
#include "store/reader.hpp"

namespace cgmm::cli {
namespace {

using cgmm::fleet::ClickHouse;

constexpr std::chrono::seconds kTimeout{20};
constexpr std::int64_t kClockDifference_us = 10 * base::kSecond_us;  // over this, times of nodes can't be compared

constexpr std::array<const char*, 14> kTables = {"node",          "cgroup",   "restart", "cgroup_limit", "oom_kill",
                                                 "oom_process",   "oom_node", "stuck",   "reclaim",      "cooldown",
                                                 "service_event", "scan",     "sample",  "sample_hour"};

template <class Check>
bool guarded(const char* item, const char* advice, Findings& findings, Check check_it) {
  try {
    check_it();
    return true;
  } catch (const std::exception& error) {
    findings.problem(item, error.what(), advice);
    return false;
  }
}

void check_settings(const config::Config& config, Findings& findings) {
  findings.ok("node", "is called " + node_name(config));
  const config::Ship& ship = config.ship;
  struct stat file{};
  if (!ship.password_file.empty() && ::stat(ship.password_file.c_str(), &file) == 0 && (file.st_mode & 0007) != 0) {
    findings.warning("password", "everybody may read or write " + ship.password_file, "chmod o= " + ship.password_file);
  }
  const auto is_plain = [](const std::string& url) { return url.starts_with("http://"); };
  if (!ship.password_file.empty() && std::ranges::any_of(ship.urls, is_plain))
    findings.warning("password", "it goes over the network as it is: a url begins with http://", "use https://");
  const auto has_password = [](const std::string& url) { return url.find('@') != std::string::npos; };
  if (std::ranges::any_of(ship.urls, has_password))
    findings.warning("password", "everybody who reads the configuration sees what stands before the @ of a url",
                     "use user and password_file");
  if (has_password(ship.proxy))
    findings.warning("password", "everybody who reads the configuration sees what stands before the @ of proxy",
                     "let only root and the group adm read the configuration");
}

void check_state(const config::Config& config, const cgmm::fleet::Ends& ends, Findings& findings) {
  const std::filesystem::path file = config.ship.state_file;
  bool is_bad = false;
  const auto state = cgmm::fleet::StateFile(file, cgmm::fleet::StateFile::Mode::only_reads).read(is_bad);
  if (is_bad) {
    findings.warning("state", file.string() + " can't be understood", "remove it: the whole history is sent again");
  } else if (!state) {
    findings.ok("state", "nothing was sent yet; " + file.string() + " is made then");
  } else {
    const bool is_in_backfill = state->backfill != state->backfill_end;
    findings.ok("state", std::string("everything up to scan ") + std::to_string(state->forward.samples) + " of " +
                             std::to_string(ends.newest.samples) + " was sent" +
                             (is_in_backfill ? ", but for what was there at the first start" : ""));
    if (state->lost_scans > 0 || state->lost_samples > 0) {
      findings.warning("state",
                       base::counted(state->lost_scans, "scan") + " and " +
                           base::counted(state->lost_samples, "sample") + " were deleted before they were sent",
                       "send more often, or keep samples for longer (keep_samples, max_size)");
    }
    if (state->refused_rows > 0) {
      findings.warning("state", base::counted(state->refused_rows, "row") + " were left out: ClickHouse refuses them",
                       "the log of `ship` has them, with ClickHouse's words");
    }
    if (state->failing) {
      findings.problem("state",
                       "nothing was sent since " + base::format_time(state->failing->since_us) + ": " +
                           base::escape_for_terminal(state->failing->why),
                       "do what it says");
    }
  }
}

void check_history(const config::Config& config, Findings& findings) {
  cgmm::fleet::Ends ends;
  const bool is_there = guarded("history", "name another with --database, or start the service", findings, [&] {
    ends = cgmm::fleet::BatchReader(config.database, "", config.ship).ends(0);
    findings.ok("history", config.database.string() + ", history_id " + ends.history_id);
  });
  if (is_there) guarded("state", "run this as root", findings, [&] { check_state(config, ends, findings); });
}

/// An insert of no row needs the same right and the same columns as one of many.
void check_tables(const config::Config& config, ClickHouse& engine, Findings& findings) {
  const std::int64_t there = cgmm::fleet::schema_of(engine, config.ship.database);
  const std::int64_t newest = cgmm::fleet::newest_schema();
  if (there < newest) {
    return findings.problem(
        "tables",
        there == 0 ? "database " + config.ship.database + " has no tables of the fleet"
                   : "they are of version " + std::to_string(there) + ", and " + std::to_string(newest) + " is needed",
        "run `cgroup-memory-manager fleet init`");
  }
  store::Reader reader(config.database);
  for (const char* table : kTables) {
    core::Parameters nothing;
    for (const char* parameter : {"machine_id", "cluster", "zone", "pool", "clock_difference_us", "lost_samples",
                                  "lost_rows", "refused_rows", "now_us", "node", "history_id", "after_revision",
                                  "to_revision", "after_scan_id", "to_scan_id", "after_hour_us", "to_hour_us"}) {
      nothing[parameter] = std::int64_t{0};
    }
    engine.insert(table, reader.run(cgmm::fleet::shipped_sql(table), nothing).columns, "");
  }
  findings.ok("tables", "database " + config.ship.database + " has them, of version " + std::to_string(there) +
                            ", and they take rows of this user");
}

void check_clock(ClickHouse& engine, Findings& findings) {
  const std::int64_t difference_us = engine.clock_difference_us(daemon::wall_now_us);
  if (std::abs(difference_us) <= kClockDifference_us) return findings.ok("clock", "as on the server");
  findings.warning("clock",
                   "it is " + base::format_duration_us(std::abs(difference_us)) +
                       (difference_us > 0 ? " ahead of" : " behind") + " the server's",
                   "set both by NTP: times of several nodes can't be compared");
}

void check_engine(const config::Config& config, Findings& findings) {
  constexpr const char* kAsItSays = "do what it says";
  const auto check_it = [&] {
    ClickHouse engine(config.ship, kTimeout);
    findings.ok("connection", "ClickHouse " + engine.version() + " at " + engine.place() + " answers");
    guarded("tables", kAsItSays, findings, [&] { check_tables(config, engine, findings); });
    guarded("clock", kAsItSays, findings, [&] { check_clock(engine, findings); });
  };
  guarded("connection", kAsItSays, findings, check_it);
}

}  // namespace

std::string node_name(const config::Config& config) {
  if (!config.ship.node.empty()) return config.ship.node;
  std::array<char, 256> name{};
  if (::gethostname(name.data(), name.size() - 1) != 0 || name[0] == '\0')
    throw std::system_error(errno, std::generic_category(), "the host has no name; set node in [ship]");
  return name.data();
}

std::string this_machine_id() {
  std::string id;
  std::ifstream("/etc/machine-id") >> id;
  return id;
}

int check_shipping(const Options& options, const config::Config& config) {
  Findings findings;
  guarded("node", "set node in [ship]", findings, [&] { check_settings(config, findings); });
  check_history(config, findings);
  check_engine(config, findings);
  if (options.format == report::Format::text) {
    write_output(options, list_of(findings.table, style_for(options)));
  } else {
    write_table(options, findings.table);
  }
  return findings.exit_code;
}

}  // namespace cgmm::cli
