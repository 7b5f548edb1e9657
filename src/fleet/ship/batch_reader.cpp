// SPDX-License-Identifier: Apache-2.0
#include "fleet/ship/batch_reader.hpp"

#include <algorithm>
#include <array>
#include <iterator>
#include <stdexcept>
#include <utility>
#include <variant>

#include "fleet/ship/embedded.hpp"
#include "report/catalog.hpp"
#include "store/reader.hpp"

namespace cgmm::fleet {
namespace {

/// Roughly, before compression.
constexpr std::int64_t kChangeBytes = 1024;
/// Each may be a kill, with the samples of ten minutes.
constexpr std::int64_t kMostChanges = 512;
constexpr std::int64_t kSampleBytes = 200;
constexpr std::int64_t kHourBytes = 250;
/// No history has so many; and there is room for as many timelines as seconds in 270 years.
constexpr std::int64_t kRevisionsOfTimeline = std::int64_t{1} << 30;

struct Source {
  std::string_view name;   // of the file
  std::string_view table;  // of the fleet
  Kind kind;
};
/// In the order in which they are sent: a cgroup before what refers to it.
constexpr std::array<Source, 15> kSources = {{{"cgroup", "cgroup", Kind::changes},
                                              {"restart", "restart", Kind::changes},
                                              {"cgroup_limit", "cgroup_limit", Kind::changes},
                                              {"oom_kill", "oom_kill", Kind::changes},
                                              {"oom_process", "oom_process", Kind::changes},
                                              {"oom_node", "oom_node", Kind::changes},
                                              {"counted_kill", "oom_kill", Kind::changes},
                                              {"stuck", "stuck", Kind::changes},
                                              {"incident_sample", "sample", Kind::changes},
                                              {"reclaim", "reclaim", Kind::changes},
                                              {"cooldown", "cooldown", Kind::changes},
                                              {"service_event", "service_event", Kind::changes},
                                              {"scan", "scan", Kind::samples},
                                              {"sample", "sample", Kind::samples},
                                              {"sample_hour", "sample_hour", Kind::hours}}};

std::int64_t number_in(const core::Cell& cell) {
  const auto* number = std::get_if<std::int64_t>(&cell);
  return number ? *number : 0;
}

/// The first row; empty: there is none.
std::vector<core::Cell> first_row(store::Reader& reader, std::string_view name,
                                  const core::Parameters& parameters = {}) {
  core::Table table = reader.run(shipped_sql(name), parameters);
  return table.rows.empty() ? std::vector<core::Cell>() : std::move(table.rows.front());
}

/// Its only value; nullopt: NULL.
std::optional<std::int64_t> reaches(store::Reader& reader, std::string_view name, const core::Parameters& parameters) {
  const auto row = first_row(reader, name, parameters);
  return row.empty() || std::holds_alternative<std::monostate>(row[0]) ? std::nullopt
                                                                       : std::optional(number_in(row[0]));
}

std::string history_id_of(store::Reader& reader) {
  const auto row = first_row(reader, "plan_ends", {{"sent_scan_id", std::int64_t{0}}});
  const auto* id = std::get_if<std::string>(&row.at(0));
  return id ? *id : "";
}

/// Passes rows on with the revisions of their timeline, and notes what the scans say.
class Passing final : public core::RowSink {
 public:
  Passing(core::RowSink& to, std::int64_t timeline) : to_(to), more_(timeline * kRevisionsOfTimeline) {}
  void begin(const std::vector<std::string>& columns) override {
    sample_count = row_count = 0;
    const auto place_of = [&](std::string_view name) {
      return static_cast<std::size_t>(std::ranges::find(columns, name) - columns.begin());
    };
    revision_ = place_of("revision");
    sample_count_ = place_of("cgroup_count");
    started_at_ = place_of("started_at_us");
    to_.begin(columns);
  }
  void add(std::vector<core::Cell> row) override {
    ++row_count;
    if (sample_count_ < row.size()) sample_count += number_in(row[sample_count_]);
    if (started_at_ < row.size()) last_at_us = number_in(row[started_at_]);
    if (revision_ < row.size()) row[revision_] = number_in(row[revision_]) + more_;
    to_.add(std::move(row));
  }

  std::int64_t sample_count = 0;
  std::int64_t row_count = 0;
  std::int64_t last_at_us = 0;

 private:
  core::RowSink& to_;
  std::int64_t more_;
  std::size_t revision_ = 0, sample_count_ = 0, started_at_ = 0;
};

}  // namespace

std::string shipped_sql(std::string_view name) {
  const auto found = std::ranges::find(kShipped, name, &core::EmbeddedText::name);
  if (found == kShipped.end()) throw std::logic_error("no fleet/ship/" + std::string(name) + ".sql");
  return report::with_parts(std::string(found->text));
}

BatchReader::BatchReader(std::filesystem::path history, std::string node, const config::Ship& settings)
    : history_(std::move(history)),
      node_(std::move(node)),
      bounds_{.rows = settings.batch_rows, .bytes = settings.batch_bytes},
      has_all_samples_(settings.samples == config::ShippedSamples::all) {}

Ends BatchReader::ends(std::int64_t sent_scan_id) const {
  store::Reader reader(history_);
  const auto row = first_row(reader, "plan_ends", {{"sent_scan_id", sent_scan_id}});
  const auto* id = std::get_if<std::string>(&row.at(0));
  if (!id)
    throw ShipError("the history " + history_.string() +
                    " is of an earlier version, and can't be sent; start the service of this version, which brings it "
                    "up to date");
  return {.history_id = *id,
          .newest = {.changes = number_in(row.at(1)), .samples = number_in(row.at(2)), .hours = number_in(row.at(3))},
          .newest_hour_at_us = number_in(row.at(4)),
          .newest_scan_at_us = number_in(row.at(6)),
          .last_revision = number_in(row.at(5)),
          .sent_at_us =
              std::holds_alternative<std::monostate>(row.at(7)) ? std::nullopt : std::optional(number_in(row.at(7)))};
}

std::int64_t BatchReader::samples_up_to(std::int64_t scan_id) const {
  store::Reader reader(history_);
  return reaches(reader, "plan_old_samples", {{"end", scan_id}}).value_or(0);
}

std::int64_t BatchReader::rows_at_once(std::int64_t bytes_a_row) const {
  return std::clamp<std::int64_t>(bounds_.bytes / bytes_a_row, 1, bounds_.rows);
}

std::optional<Planned> BatchReader::next(Kind kind, std::int64_t after, std::int64_t end) const {
  if (after >= end) return std::nullopt;
  store::Reader reader(history_);
  const core::Parameters from_to{{"after", after}, {"end", end}};
  if (kind == Kind::hours) {
    const auto row = first_row(reader, "plan_hours", from_to);
    if (row.empty()) return std::nullopt;
    const std::int64_t hour_at_us = number_in(row.at(0));
    return Planned{.range = {.kind = kind, .after = hour_at_us - 1, .to = hour_at_us}, .cursor = number_in(row.at(1))};
  }
  core::Parameters parameters = from_to;
  parameters["rows"] =
      kind == Kind::changes ? std::min(rows_at_once(kChangeBytes), kMostChanges) : rows_at_once(kSampleBytes);
  const auto to = reaches(reader, kind == Kind::changes ? "plan_changes" : "plan_samples", parameters);
  if (!to) return std::nullopt;
  return Planned{.range = {.kind = kind, .after = after, .to = *to}, .cursor = *to};
}

std::optional<Planned> BatchReader::next_old_hours(std::int64_t after, std::int64_t end) const {
  if (after >= end) return std::nullopt;
  store::Reader reader(history_);
  const auto to =
      reaches(reader, "plan_old_hours", {{"after", after}, {"end", end}, {"rows", rows_at_once(kHourBytes)}});
  if (!to) return std::nullopt;
  return Planned{.range = {.kind = Kind::hours, .after = after, .to = *to}, .cursor = *to};
}

std::optional<Batch> BatchReader::read(const Range& range, const std::string& history_id, Incidents incidents,
                                       std::int64_t timeline) const {
  constexpr std::array<std::string_view, 3> kUnits = {"revision", "scan_id", "hour_us"};
  const std::string unit(kUnits[static_cast<std::size_t>(range.kind)]);
  const core::Parameters parameters{
      {"node", node_}, {"history_id", history_id}, {"after_" + unit, range.after}, {"to_" + unit, range.to}};
  store::Reader reader(history_);
  Batch batch;
  for (const Source& source : kSources) {
    if (source.kind != range.kind) continue;
    if (source.name == "sample" && !has_all_samples_) continue;
    if (source.name == "incident_sample" && incidents == Incidents::without_samples) continue;
    PieceWriter pieces(source.table, bounds_);
    Passing rows(pieces, timeline);
    reader.run(shipped_sql(source.name), parameters, rows);
    std::ranges::move(pieces.finish(), std::back_inserter(batch.pieces));
    if (source.name == "scan") {
      batch.scan_count = rows.row_count;
      batch.recorded_sample_count = rows.sample_count;
      batch.last_scan_at_us = rows.last_at_us;
    }
    if (source.name == "sample") batch.sample_count = rows.row_count;
  }
  if (history_id_of(reader) != history_id) return std::nullopt;
  return batch;
}

std::vector<Piece> BatchReader::read_node(core::Parameters facts) const {
  facts["node"] = node_;
  store::Reader reader(history_);
  PieceWriter pieces("node", bounds_);
  reader.run(shipped_sql("node"), facts, pieces);
  return pieces.finish();
}

}  // namespace cgmm::fleet
