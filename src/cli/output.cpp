// SPDX-License-Identifier: Apache-2.0
#include "cli/output.hpp"

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <optional>
#include <regex>
#include <system_error>
#include <utility>
#include <vector>

#include "base/text.hpp"
#include "base/units.hpp"
#include "cli/output_file.hpp"
#include "cli/terminal.hpp"
#include "daemon/clock.hpp"
#include "report/format/escape.hpp"
#include "report/format/row_writer.hpp"
#include "report/why_none.hpp"
#include "store/error.hpp"

namespace cgmm::cli {
namespace {

std::int64_t parse_point(const std::string& option, const std::string& text, std::int64_t now) {
  if (const auto at_us = base::parse_when(text, now)) return *at_us;
  throw UsageError(option + " = \"" + text +
                   "\": expected a duration before now such as \"7d\" or \"90m\", or a time in UTC such as "
                   "\"2026-11-23\" or \"2026-11-23T03:12:00Z\"");
}

/// What `database` is in a file with a mistake somewhere, in a line that TOML allows in its simplest form.
std::optional<std::string> database_named_in(const std::filesystem::path& file) {
  constexpr std::size_t kMostLines = 10'000;
  static const std::regex kDatabase(R"(\s*database\s*=\s*(["'])([^"'\\]+)\1\s*(#.*)?)");
  std::ifstream lines(file);
  std::string line;
  for (std::size_t count = 0; count < kMostLines && std::getline(lines, line) && !line.starts_with('['); ++count) {
    std::smatch found;
    if (line.size() < 5000 && std::regex_match(line, found, kDatabase)) return found[2].str();
  }
  return std::nullopt;
}

void read_rows(const report::Report& report, store::Reader& reader, const core::Parameters& parameters,
               core::RowSink& rows) {
  try {
    reader.run(report.sql, parameters, rows);
  } catch (const store::StoreError& error) {
    if (!report.own || error.kind() != store::StoreError::Kind::bad_query) throw;
    throw UsageError("report \"" + report.name + "\" of reports_dir: " + error.what());
  }
}

}  // namespace

void to_stderr(const std::string& sentence) {
  std::cerr << "cgroup-memory-manager: " << base::escape_for_terminal(sentence) << '\n';
}

ReaderConfig load_for_reading(const Options& options) {
  std::error_code ignored;
  const bool has_file = options.config || std::filesystem::exists(config::kDefaultFile, ignored);
  try {
    return {config::load(options.config, options.overrides, to_stderr), has_file, ""};
  } catch (const config::ConfigError& error) {
    config::Overrides overrides = options.overrides;
    if (!overrides.database) {
      const std::filesystem::path file = options.config.value_or(config::kDefaultFile);
      if (!std::filesystem::is_regular_file(file, ignored)) throw;
      overrides.database = database_named_in(file);
    }
    config::Config defaults = config::parse("", "", overrides);
    const std::string database = options.overrides.database ? "" : ", with the database " + defaults.database.string();
    to_stderr(std::string(error.what()) + "; going on without a configuration file" + database);
    return {std::move(defaults), false, error.what()};
  }
}

void write_output(const Options& options, std::span<const std::string> parts) {
  end_time_bound();
  if (!options.output.empty()) {
    OutputFile file(options.output);
    file.write(parts);
    return file.finish();
  }
  const bool is_shown = options.format == report::Format::text && goes_to_terminal(options);
  std::vector<std::string> in_ascii;
  if (is_shown && style_for(options).ascii) {
    for (const std::string& part : parts) in_ascii.push_back(report::to_ascii(part));
    parts = in_ascii;
  }
  if (!is_shown || !shown_in_pager(options, parts)) OutputFile("").write(parts);
}

void write_output(const Options& options, const std::string& text) { write_output(options, std::span(&text, 1)); }

void write_table(const Options& options, const core::Table& table) {
  write_output(options, report::render(table, options.format, style_for(options)));
}

core::Parameters Window::parameters() const {
  return {{"since_us", since_us}, {"until_us", until_us}, {"cgroup_glob", cgroup_glob}};
}

std::string parse_glob(const Options& options) {
  const std::string& glob = options.cgroup;
  if (!glob.empty() && !options.workload.empty())
    throw UsageError("--workload \"" + options.workload + "\" and the cgroup \"" + glob +
                     "\": expected one of the two");
  if (!options.workload.empty()) return options.workload;
  if (glob.empty()) return "*";
  return glob.front() == '/' || glob.front() == '*' ? glob : "*" + glob + "*";
}

Window parse_window(const Options& options) {
  const std::int64_t now = daemon::wall_now_us();
  Window window;
  window.until_us = std::min(parse_point("--until", options.until, now), now);  // the future is not a gap
  window.since_us = parse_point("--since", options.since, now);
  const bool moves_with_now = base::parse_when(options.since, 0) != base::parse_when(options.since, 1);
  window.up_to_now = moves_with_now && window.until_us == now;
  if (window.since_us >= window.until_us) {
    throw UsageError("--since " + base::format_utc(window.since_us) + " is not before --until " +
                     base::format_utc(window.until_us));
  }
  window.cgroup_glob = parse_glob(options);
  return window;
}

std::string span_text(const Window& window) {
  return base::format_time(window.since_us) + " to " + base::format_time(window.until_us);
}

std::string titled(const std::string& title, const Window& window) { return title + ", " + span_text(window); }

Window window_before(const Window& window) {
  Window before = window;
  before.until_us = window.since_us;
  before.since_us = window.since_us - (window.until_us - window.since_us);
  return before;
}

void write_answer(const Options& options, const report::Report& report, store::Reader& reader,
                  const core::Parameters& parameters, const std::string& about) {
  if (report::is_for_programs(options.format)) {
    const bool is_query = report.name.empty();  // it keeps exactly its columns
    report::RowWriter rows(options.format, is_query ? report::Times::as_they_are : report::Times::in_words_too);
    read_rows(report, reader, parameters, rows);
    write_output(options, rows.finish());
  } else {
    core::Table table = answer_to(report, reader, parameters, kMostRowsForPeople);
    table.about = about;
    if (table.rows.empty() && report::has_window(report) && !report.name.empty())
      table.below = report::why_none(answer_to("part_window_record", reader, parameters), report);
    write_table(options, table);
  }
}

core::Table answer_to(const report::Report& report, store::Reader& reader, const core::Parameters& parameters,
                      std::size_t most_rows) {
  core::FirstRows rows(most_rows);
  read_rows(report, reader, parameters, rows);
  rows.table.title = report.title;
  rows.table.report = report.name;
  rows.table.most_important = report.most_important;
  rows.table.keeps_names = report.name.empty();  // `query`
  return std::move(rows.table);
}

core::Table answer_to(std::string_view name, store::Reader& reader, const core::Parameters& parameters,
                      std::size_t most_rows) {
  return answer_to(report::built_in(name), reader, parameters, most_rows);
}

}  // namespace cgmm::cli
