// SPDX-License-Identifier: Apache-2.0
#include "report/metrics.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <map>
#include <optional>
#include <sstream>
#include <stdexcept>
#include <utility>

#include "base/text.hpp"

namespace cgmm::report {
namespace {

constexpr std::string_view kComment = "-- metric ", kExemplar = "-- exemplar ";

/// One series of a metric.
struct Sample {
  std::string labels;
  double value = 0;
  std::string exemplar{};  // "": none
  std::int64_t exemplar_at_us = std::numeric_limits<std::int64_t>::min();
};

/// Up to the next space.
std::string next_word(std::string_view& line) {
  const std::size_t end = line.find(' ');
  std::string word(line.substr(0, end));
  line.remove_prefix(end == std::string_view::npos ? line.size() : end + 1);
  return word;
}

/// For what is between quotes, and for a help text: a backslash and a line feed would end it.
std::string escaped(std::string_view text, bool in_quotes) {
  std::string result;
  for (const char c : base::to_valid_utf8(text)) {
    if (c == '\n') {
      result += "\\n";
      continue;
    }
    if (c == '\\' || (c == '"' && in_quotes)) result += '\\';
    result += c;
  }
  return result;
}

/// nullopt: it is no number.
std::optional<double> number_in(const core::Cell& cell) {
  if (const auto* const integer = std::get_if<std::int64_t>(&cell)) return static_cast<double>(*integer);
  if (const auto* const real = std::get_if<double>(&cell)) return *real;
  return std::nullopt;
}

/// So that it is read back as the same number.
std::string written(double value) {
  std::array<char, 32> text{};
  const auto end = std::to_chars(text.begin(), text.end(), value).ptr;
  return {text.begin(), end};
}

std::string text_of(const core::Cell& cell) {
  if (const auto* const text = std::get_if<std::string>(&cell)) return *text;
  if (const auto* const integer = std::get_if<std::int64_t>(&cell)) return std::to_string(*integer);
  const auto* const real = std::get_if<double>(&cell);
  return real == nullptr ? "" : written(*real);
}

/// {a="b",c="d"}; "" without labels. One without a text is none.
std::string labels_of(const core::Table& answer, const std::vector<core::Cell>& row,
                      const std::vector<std::size_t>& labels) {
  std::string text;
  for (const std::size_t column : labels) {
    const std::string value = text_of(row[column]);
    if (value.empty()) continue;
    text += (text.empty() ? "{" : ",") + answer.columns[column] + "=\"" + escaped(value, true) + '"';
  }
  return text.empty() ? text : text + '}';
}

std::size_t column_of(const core::Table& answer, std::string_view name) {
  const auto found = std::ranges::find(answer.columns, name);
  if (found == answer.columns.end()) throw std::logic_error("no column " + std::string(name) + " for a metric");
  return static_cast<std::size_t>(found - answer.columns.begin());
}

/// The newest of those that are one series. It stays after the value, as OpenMetrics has it.
void add_exemplar(Sample& sample, const Metric& metric, const core::Table& answer, const std::vector<core::Cell>& row) {
  const std::string id = text_of(row[column_of(answer, metric.exemplar_id)]);
  const auto* const at_us = std::get_if<std::int64_t>(&row[column_of(answer, metric.exemplar_at_us)]);
  if (id.empty() || at_us == nullptr || *at_us < 0 || *at_us < sample.exemplar_at_us) return;
  const std::string micros = std::to_string(*at_us % 1'000'000);
  sample.exemplar_at_us = *at_us;
  sample.exemplar = " # {" + metric.exemplar_id + "=\"" + escaped(id, true) + "\"} 1 " +
                    std::to_string(*at_us / 1'000'000) + '.' + std::string(6 - micros.size(), '0') + micros;
}

std::string render_one(const Metric& metric, const core::Table& answer, const std::vector<std::size_t>& labels,
                       MetricsForm form) {
  const bool is_open = form == MetricsForm::openmetrics;
  const std::string end = metric.type == "counter" ? "_total" : metric.type == "info" ? "_info" : "";
  const std::string family = is_open ? metric.name : metric.name + end;
  const std::string type = metric.type == "info" && !is_open ? "gauge" : metric.type;
  const std::size_t column = column_of(answer, metric.column);
  std::vector<Sample> samples;
  std::map<std::string, std::size_t, std::less<>> places;
  for (const std::vector<core::Cell>& row : answer.rows) {
    const auto value = number_in(row[column]);
    if (!value) continue;
    std::string text = labels_of(answer, row, labels);
    const auto [place, is_new] = places.try_emplace(text, samples.size());
    if (is_new) {
      samples.push_back({.labels = std::move(text), .value = *value});
    } else {
      double& before = samples[place->second].value;
      before = metric.type == "counter" ? before + *value : *value;
    }
    if (is_open && !metric.exemplar_id.empty()) add_exemplar(samples[place->second], metric, answer, row);
  }
  if (samples.empty()) return "";
  std::string text =
      "# HELP " + family + ' ' + escaped(metric.help, is_open) + "\n# TYPE " + family + ' ' + type + '\n';
  for (const Sample& sample : samples)
    text += metric.name + end + sample.labels + ' ' + written(sample.value) + sample.exemplar + '\n';
  return text;
}

}  // namespace

std::vector<Metric> metrics_of(std::string_view sql) {
  std::vector<Metric> metrics;
  std::istringstream lines{std::string(sql)};
  for (std::string line; std::getline(lines, line);) {
    std::string_view rest = line;
    if (base::drop_prefix(rest, kExemplar)) {
      const std::string column = next_word(rest);
      const auto of = std::ranges::find(metrics, column, &Metric::column);
      if (of == metrics.end()) throw std::logic_error("an exemplar of no metric: " + column);
      of->exemplar_id = next_word(rest);
      of->exemplar_at_us = next_word(rest);
      continue;
    }
    if (!base::drop_prefix(rest, kComment)) continue;
    Metric metric;
    metric.column = next_word(rest);
    metric.type = next_word(rest);
    const std::size_t colon = rest.find(": ");
    metric.name = rest.substr(0, colon);
    if (colon != std::string_view::npos) metric.help = rest.substr(colon + 2);
    metrics.push_back(std::move(metric));
  }
  return metrics;
}

std::string render_metrics(const std::vector<Metric>& metrics, const core::Table& answer, MetricsForm form) {
  std::vector<std::size_t> labels;
  for (std::size_t column = 0; column < answer.columns.size(); ++column) {
    const bool is_label = std::ranges::none_of(metrics, [&](const Metric& metric) {
      return answer.columns[column] == metric.column || answer.columns[column] == metric.exemplar_id ||
             answer.columns[column] == metric.exemplar_at_us;
    });
    if (is_label) labels.push_back(column);
  }
  std::string text;
  for (const Metric& metric : metrics) text += render_one(metric, answer, labels, form);
  return text;
}

std::string end_of_metrics(MetricsForm form) { return form == MetricsForm::openmetrics ? "# EOF\n" : ""; }

}  // namespace cgmm::report
