// SPDX-License-Identifier: Apache-2.0
#include "cli/commands.hpp"
#include "cli/output.hpp"
#include "cli/settings.hpp"
#include "store/reader.hpp"

namespace cgmm::cli {

int query(const CommonOptions& common, const QueryOptions& options) {
  store::Reader reader(load_for_reading(common).config.database);
  const core::Table table = reader.run(options.sql);
  write_output(options.output, report::render(table, options.output.format, style_for(options.output)));
  return 0;
}

}  // namespace cgmm::cli
