// SPDX-License-Identifier: Apache-2.0
#include <cstdint>
#include <string>

#include "base/text.hpp"
#include "base/units.hpp"
#include "cli/commands.hpp"
#include "cli/output.hpp"
#include "cli/output_file.hpp"
#include "report/format/row.hpp"
#include "report/format/row_writer.hpp"
#include "store/read/export_file.hpp"
#include "store/read/samples_export.hpp"
#include "store/reader.hpp"

namespace cgmm::cli {
namespace {

void write_rows(const Options& options, store::SamplesExport& samples) {
  OutputFile file(options.output, 0640);  // as the history, which it is a part of
  report::RowWriter rows(options.archive.format == ExportFormat::csv ? report::Format::csv : report::Format::ndjson,
                         report::Times::as_they_are);
  while (samples.next(rows)) file.write(rows.take());
  end_time_bound();
  file.finish();
}

/// Where there are samples, for who has asked for another time.
std::string why_none(store::Reader& reader, const Window& window) {
  const core::Table ends = reader.run(
      "SELECT (SELECT started_at_us FROM scan WHERE scan_id = (SELECT min(scan_id) FROM sample)) AS from_at_us, "
      "(SELECT started_at_us FROM scan WHERE scan_id = (SELECT max(scan_id) FROM sample)) AS to_at_us");
  const report::Row row(ends);
  const auto from = row.known("from_at_us"), to = row.known("to_at_us");
  const std::string none =
      "no samples between " + base::format_time(window.since_us) + " and " + base::format_time(window.until_us);
  if (!from || !to) return none + ", the history has none";
  return none + ", the history has " + base::format_time(*from) + " to " + base::format_time(*to);
}

int write_export(const Options& options) {
  const Window window = parse_window(options);
  const bool is_sqlite = options.archive.format == ExportFormat::sqlite;
  if (is_sqlite && options.output.empty())
    throw UsageError("--format sqlite writes a file: name one that is not there yet with --output");
  const std::filesystem::path database = load_for_reading(options).config.database;
  store::Reader reader(database);
  store::SamplesExport samples(reader, window.since_us, window.until_us);
  if (is_sqlite) {
    store::ExportFile file(options.output);
    file.write(samples);
  } else {
    write_rows(options, samples);
  }
  if (samples.sample_count() == 0) {
    to_stderr(why_none(reader, window));
  } else if (!options.output.empty()) {
    to_stderr(options.output + " has " +
              base::counted(static_cast<std::uint64_t>(samples.sample_count()), "sample", "samples") +
              titled("", window));
  }
  return 0;
}

}  // namespace

int archive(const Options& options) {
  if (options.archive.what != "export") throw UsageError("archive: expected: export");
  return write_export(options);
}

}  // namespace cgmm::cli
