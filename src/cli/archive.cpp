// SPDX-License-Identifier: Apache-2.0
#include <cstdint>
#include <string>

#include "base/text.hpp"
#include "base/units.hpp"
#include "cli/commands.hpp"
#include "cli/output.hpp"
#include "cli/output_file.hpp"
#include "report/format/row_writer.hpp"
#include "store/read/export_file.hpp"
#include "store/read/samples_export.hpp"
#include "store/reader.hpp"

namespace cgmm::cli {
namespace {

void write_rows(const Options& options, store::SamplesExport& samples) {
  OutputFile file(options.output);
  report::RowWriter rows(options.archive.format == ExportFormat::csv ? report::Format::csv : report::Format::ndjson,
                         report::Times::as_they_are);
  while (samples.next(rows)) file.write(rows.take());
  end_time_bound();
  file.finish();
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
  if (!options.output.empty()) {
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
