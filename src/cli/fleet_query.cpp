// SPDX-License-Identifier: Apache-2.0
#include <string>

#include "cli/fleet_parts.hpp"
#include "cli/output.hpp"
#include "config.hpp"
#include "core/table.hpp"
#include "fleet/ask/asker.hpp"
#include "report/format/row_writer.hpp"

namespace cgmm::cli {

int fleet_query(const Options& options) {
  cgmm::fleet::Asker asker(config::load(options.config, options.overrides, to_stderr).ship, time_of(options.bounds));
  try {
    if (report::is_for_programs(options.format)) {
      report::RowWriter rows(options.format, report::Times::as_they_are);
      asker.run(options.sql, rows);
      write_output(options, rows.finish());
    } else {
      core::FirstRows rows(kMostRowsForPeople);
      asker.run(options.sql, rows);
      rows.table.keeps_names = true;
      write_table(options, rows.table);
    }
  } catch (const cgmm::fleet::DestinationError& error) {
    if (error.refusal() == cgmm::fleet::Refusal::wrong_text) throw UsageError(error.what());
    throw;
  }
  return 0;
}

}  // namespace cgmm::cli
