// SPDX-License-Identifier: Apache-2.0
#include "figures.hpp"

#include <sys/sysinfo.h>
#include <sys/utsname.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <iterator>
#include <numeric>

#include "base/units.hpp"
#include "daemon/clock.hpp"

namespace cgmm::bench {
namespace {

constexpr const char* kTitle =
    "<!-- SPDX-License-Identifier: Apache-2.0 -->\n# What it costs, measured\n\n"
    "Written by `bench/run` with its parts and `bench/vm/run`; [docs/costs.md](../docs/costs.md) says what "
    "they do.\n";

std::string padded(const std::string& text, std::size_t width, bool to_right) {
  const std::string blank(width - std::min(width, text.size()), ' ');
  return to_right ? blank + text : text + blank;
}

std::string processor() {
  std::ifstream stream("/proc/cpuinfo");
  for (std::string line; std::getline(stream, line);) {
    if (line.starts_with("model name")) return line.substr(line.find(':') + 2);
  }
  return "unknown processor";
}

std::string text_of(const std::filesystem::path& file) {
  std::ifstream stream(file);
  return {std::istreambuf_iterator<char>(stream), {}};
}

}  // namespace

double Measured::median() const {
  if (values_.empty()) return 0;
  std::vector<double> sorted = values_;
  std::ranges::sort(sorted);
  return (sorted[sorted.size() / 2] + sorted[(sorted.size() - 1) / 2]) / 2;
}

double Measured::mean() const {
  return values_.empty() ? 0
                         : std::accumulate(values_.begin(), values_.end(), 0.0) / static_cast<double>(values_.size());
}

double Measured::least() const { return values_.empty() ? 0 : std::ranges::min(values_); }
double Measured::most() const { return values_.empty() ? 0 : std::ranges::max(values_); }

std::string fixed(double value, int digits) {
  char text[64];
  std::snprintf(text, sizeof text, "%.*f", digits, value);
  return text;
}

std::string spread(const Measured& measured, double unit, int digits) {
  return fixed(measured.median() / unit, digits) + " (" + fixed(measured.least() / unit, digits) + "-" +
         fixed(measured.most() / unit, digits) + ")";
}

std::string Table::text() const {
  std::vector<std::size_t> widths(rows_.front().size());
  for (const auto& row : rows_) {
    for (std::size_t i = 0; i < row.size(); ++i) widths[i] = std::max(widths[i], row[i].size());
  }
  std::string text;
  for (std::size_t line = 0; line < rows_.size(); ++line) {
    for (std::size_t i = 0; i < widths.size(); ++i) {
      text += "| " + padded(i < rows_[line].size() ? rows_[line][i] : "", widths[i], i > 0) + " ";
    }
    text += "|\n";
    if (line > 0) continue;
    for (std::size_t i = 0; i < widths.size(); ++i) text += "|-" + std::string(widths[i], '-') + (i == 0 ? "-" : ":");
    text += "|\n";
  }
  return text;
}

std::string table_of(const std::vector<Bound>& bounds) {
  Table table({"bound", "at most", "measured", ""});
  for (const Bound& one : bounds) {
    table.row({one.what, fixed(one.at_most, one.digits), fixed(one.measured, one.digits),
               one.measured <= one.at_most ? "met" : "not met"});
  }
  return table.text();
}

std::string provenance(const std::string& commit) {
  utsname system{};
  ::uname(&system);
  struct sysinfo memory{};
  ::sysinfo(&memory);
  double load[1] = {};
  ::getloadavg(load, 1);
  return processor() + ", " + std::to_string(::sysconf(_SC_NPROCESSORS_ONLN)) + " processors, " +
         base::format_bytes(memory.totalram * memory.mem_unit) + ", Linux " + system.release + ", commit " + commit +
         ", " + base::format_utc(daemon::wall_now_us()) + ", load " + fixed(load[0]);
}

void publish(const std::filesystem::path& results, const std::string& title, const std::string& text) {
  const std::string heading = "\n## " + title + "\n";
  const std::string section = heading + "\n" + text;
  std::fputs(section.c_str(), stdout);
  if (results.empty()) return;
  std::string all = text_of(results);
  if (all.empty()) all = kTitle;
  const std::size_t begin = std::min(all.find(heading), all.size());
  const std::size_t end = begin == all.size() ? begin : std::min(all.find("\n## ", begin + 1), all.size());
  all.replace(begin, end - begin, section);
  std::ofstream(results) << all;
}

}  // namespace cgmm::bench
