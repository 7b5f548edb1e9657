// SPDX-License-Identifier: Apache-2.0
#include "cli/answer.hpp"

#include "cli/commands.hpp"
#include "store/error.hpp"

namespace cgmm::cli {

core::Table answer_to(const report::Report& report, store::Reader& reader, const core::Parameters& parameters) {
  try {
    core::Table table = reader.run(report.sql, parameters);
    table.title = report.title;
    table.report = report.name;
    return table;
  } catch (const store::StoreError& error) {
    if (!report.own || error.kind() != store::StoreError::Kind::bad_query) throw;
    throw UsageError("report \"" + report.name + "\" of reports_dir: " + error.what());
  }
}

core::Table answer_to(std::string_view name, store::Reader& reader, const core::Parameters& parameters) {
  return answer_to(report::built_in(name), reader, parameters);
}

}  // namespace cgmm::cli
