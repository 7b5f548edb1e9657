// SPDX-License-Identifier: Apache-2.0
#include <signal.h>
#include <unistd.h>

#include <spdlog/spdlog.h>

#include <chrono>
#include <cstdint>
#include <cstdlib>
#include <filesystem>
#include <functional>
#include <optional>
#include <string>
#include <system_error>

#include "base/text.hpp"
#include "cli/commands.hpp"
#include "cli/log_level.hpp"
#include "cli/output.hpp"
#include "cli/ship_parts.hpp"
#include "daemon/clock.hpp"
#include "daemon/resources.hpp"
#include "daemon/service/log.hpp"
#include "daemon/service/signals.hpp"
#include "fleet/engine/clickhouse.hpp"
#include "fleet/ship/shipper.hpp"

namespace cgmm::cli {
namespace {

using cgmm::fleet::ClickHouse;
using cgmm::fleet::Shipper;
using cgmm::fleet::StateFile;
using Say = std::function<void(const std::string& sentence)>;

constexpr std::chrono::seconds kTimeout{60};

/// For --dry-run.
class Nowhere final : public cgmm::fleet::Destination {
 public:
  void insert(std::string_view, const std::vector<std::string>&, std::string_view) override {}
};

cgmm::fleet::ShipperSettings settings_of(const config::Config& config) {
  const std::string machine_id = this_machine_id();
  const std::string node = node_name(config);
  return {.history = config.database,
          .ship = config.ship,
          .node = node,
          .machine_id = machine_id,
          .seed = std::hash<std::string>{}(machine_id + node)};
}

cgmm::fleet::ShipperHooks hooks_of(const config::Config& config, ClickHouse* engine, Say info, Say warn) {
  cgmm::fleet::ShipperHooks hooks{.wall_now_us = daemon::wall_now_us,
                                  .clock_difference_us = {},
                                  .last_sent_at_us = {},
                                  .info = std::move(info),
                                  .warn = std::move(warn)};
  if (engine == nullptr) return hooks;
  hooks.clock_difference_us = [engine]() -> std::optional<std::int64_t> {
    try {
      return engine->clock_difference_us(daemon::wall_now_us);
    } catch (const cgmm::fleet::DestinationError&) {  // of the rows, it is said
      return std::nullopt;
    }
  };
  hooks.last_sent_at_us = [engine, node = node_name(config)](const std::string& history_id) {
    engine->version();  // which settings an insert may have
    return engine->last_sent_at_us(node, history_id);
  };
  return hooks;
}

/// The directory of the file is made if its own directory is there.
StateFile state_file(const config::Config& config, StateFile::Mode mode = StateFile::Mode::keeps) {
  const std::filesystem::path file = config.ship.state_file;
  std::error_code ignored;
  if (mode == StateFile::Mode::keeps) std::filesystem::create_directory(file.parent_path(), ignored);
  return StateFile(file, mode);
}

void write_sent(const Options& options, const std::string& title, const Shipper& shipper) {
  core::Table table{.title = title, .columns = {"table", "rows", "size_bytes", "gzip_bytes"}, .rows = {}};
  for (const auto& [name, sent] : shipper.sent()) {
    table.rows.push_back({name, sent.rows, sent.bytes, sent.gzipped_bytes});
  }
  write_table(options, table);
}

int dry_run(const Options& options, const config::Config& config) {
  Nowhere nowhere;
  const StateFile file = state_file(config, StateFile::Mode::only_reads);
  Shipper shipper(settings_of(config), nowhere, file, hooks_of(config, nullptr, to_stderr, to_stderr));
  shipper.ship_all();
  write_sent(options, "What would be sent", shipper);
  return 0;
}

int once(const Options& options, const config::Config& config) {
  ClickHouse engine(config.ship, kTimeout);
  engine.version();  // one that is too old is refused
  const StateFile file = state_file(config);
  Shipper shipper(settings_of(config), engine, file, hooks_of(config, &engine, to_stderr, to_stderr));
  shipper.ship_all();
  write_sent(options, "What was sent", shipper);
  return 0;
}

/// Until a signal comes.
void send_until_signal(const config::Config& config, int signals) {
  const auto info = [](const std::string& sentence) { spdlog::info("{}", base::escape_for_terminal(sentence)); };
  const auto warn = [](const std::string& sentence) { spdlog::warn("{}", base::escape_for_terminal(sentence)); };
  ClickHouse engine(config.ship, kTimeout, signals);
  const StateFile file = state_file(config);
  Shipper shipper(settings_of(config), engine, file, hooks_of(config, &engine, info, warn));
  info("sends " + config.database.string() + " as node " + node_name(config) + " to " + engine.place());
  shipper.run(signals);
}

/// `warn`: as config::load() takes it.
config::Config configuration(const Options& options, const config::Warn& warn = {}) {
  config::Config config = config::load(options.config, options.overrides, warn);
  if (!options.ship.node.empty()) config.ship.node = options.ship.node;
  return config;
}

/// What the file says now; the earlier settings if that is wrong.
config::Config reloaded(const Options& options, const config::Config& earlier) {
  try {
    config::Config config = configuration(options);
    const ClickHouse checked(config.ship);  // its url
    set_log_level(config);
    spdlog::info("the configuration was read again");
    return config;
  } catch (const std::exception& error) {
    spdlog::warn("the configuration stays as it was: {}", base::escape_for_terminal(error.what()));
    return earlier;
  }
}

/// Returns at SIGTERM and SIGINT; SIGHUP has the configuration read again.
int go_on(const Options& options, config::Config config) {
  daemon::await_signals();
  daemon::keep_little_memory();
  daemon::Log log(/*with_time=*/std::getenv("JOURNAL_STREAM") == nullptr);
  set_log_level(config);
  const base::Fd signals = daemon::open_signals();
  for (;;) {
    send_until_signal(config, signals.get());
    while (const auto signal = daemon::next_signal(signals)) {
      if (*signal == SIGTERM || *signal == SIGINT) return 0;
      if (*signal == SIGHUP) config = reloaded(options, config);
    }
  }
}

}  // namespace

int ship(const Options& options) {
  const ShipOptions& what = options.ship;
  if (int{what.once} + int{what.dry_run} + int{what.check} > 1)
    throw UsageError("--once, --dry-run and --check: expected one of them");
  const config::Config config = configuration(options, to_stderr);
  if (what.check) return check_shipping(options, config);
  if (what.dry_run) return dry_run(options, config);
  return what.once ? once(options, config) : go_on(options, config);
}

}  // namespace cgmm::cli
