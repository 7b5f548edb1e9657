// SPDX-License-Identifier: Apache-2.0
#include <chrono>
#include <cstdint>
#include <optional>
#include <string>

#include "base/text.hpp"
#include "cli/commands.hpp"
#include "cli/fleet_parts.hpp"
#include "cli/output.hpp"
#include "config.hpp"
#include "core/table.hpp"
#include "fleet/engine/clickhouse.hpp"
#include "fleet/engine/schema.hpp"

namespace cgmm::cli {
namespace {

constexpr std::chrono::minutes kTimeout{5};  // a statement on a cluster waits for all servers, up to three minutes
constexpr cgmm::fleet::EngineVersion kToday{26, 0};  // without a server to ask

void print(const Options& options, const cgmm::fleet::SchemaSettings& settings) {
  std::string text;
  for (const core::EmbeddedText& file : cgmm::fleet::kSchema) {
    for (const std::string& statement : cgmm::fleet::statements_of(file.text, settings)) text += statement + ";\n\n";
  }
  write_output(options, text);
}

}  // namespace

int fleet_init(const Options& options) {
  const config::Config config = config::load(options.config, options.overrides, to_stderr);
  cgmm::fleet::SchemaSettings settings{.database = config.ship.database,
                                       .cluster = options.fleet.cluster,
                                       .version = kToday,
                                       .keep_samples_days = options.fleet.keep_samples_days,
                                       .keep_hours_days = options.fleet.keep_hours_days};
  if (options.fleet.print && config.ship.urls.empty()) {
    to_stderr("url in [ship] is not set: these are the statements for ClickHouse of today");
    print(options, settings);
    return 0;
  }
  cgmm::fleet::ClickHouse engine(config.ship, kTimeout);
  settings.version = engine.version_number();
  if (options.fleet.print) {
    print(options, settings);
    return 0;
  }
  const std::int64_t before = cgmm::fleet::schema_of(engine, settings.database);
  const std::int64_t now = cgmm::fleet::make_schema(engine, settings);
  const std::string where = "Database " + settings.database + " on " + engine.place() + " (ClickHouse " +
                            base::escape_for_terminal(engine.version()) + ")";
  write_output(options, where +
                            (before == now ? " already has the tables of version " : " has the tables of version ") +
                            std::to_string(now) +
                            (now > cgmm::fleet::newest_schema() ? ", which a newer program has made" : "") + ".\n");
  return 0;
}

}  // namespace cgmm::cli
