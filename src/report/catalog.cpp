// SPDX-License-Identifier: Apache-2.0
#include "report/catalog.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <map>
#include <sstream>
#include <stdexcept>
#include <system_error>
#include <utility>

#include "base/fd.hpp"
#include "base/text.hpp"
#include "report/embedded.hpp"

namespace cgmm::report {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kMaxFileBytes = 1024 * 1024;
constexpr std::array<std::string_view, 6> kNotReports = {"history_", "incident_", "live_", "metric_",
                                                         "part_",    "simulate_"};  // files that begin with these
// Put in the place of "(NAME)". Some have others in them, which come after them here.
constexpr std::array<std::string_view, 15> kParts = {
    "metric_total", "near_miss",    "open_fault",  "measured",    "lost",           "sampled_hour", "coverage", "gap",
    "named_kill",   "told_reclaim", "window_last", "window_part", "window_restart", "restart",      "replica"};

// The tables of the weekly report, in the order in which they are read. None of them reads all of `sample`, which has
// millions of rows after a week.
constexpr std::array<std::string_view, 7> kSummary = {
    "summary", "kills_by_workload", "stuck_by_workload", "effects", "limits", "restarts", "failures",
};

const core::EmbeddedText* find_embedded(std::string_view name) {
  const auto found = std::ranges::find(kReports, name, &core::EmbeddedText::name);
  return found == kReports.end() ? nullptr : &*found;
}

Report make_report(std::string_view name, std::string_view sql, bool own) {
  return {.name = std::string(name),
          .title = title_of(name, sql),
          .sql = with_parts(std::string(sql)),
          .own = own,
          .most_important = most_important_of(sql)};
}

Report make_report(const core::EmbeddedText& text) { return make_report(text.name, text.text, false); }

bool is_report(const core::EmbeddedText& text) {
  return std::ranges::none_of(kNotReports, [&](std::string_view prefix) { return text.name.starts_with(prefix); });
}

[[noreturn]] void fail(int error, const std::string& doing, const fs::path& path) {
  throw std::system_error(error, std::generic_category(), doing + " " + path.string());
}

/// Files of /proc have no size. Reading one (/proc/kmsg) may wait for ever.
std::string read_file(const fs::path& file) {
  const base::Fd fd(::open(file.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY));
  if (!fd) fail(errno, "can't open the report", file);
  struct stat info{};
  if (::fstat(fd.get(), &info) != 0) fail(errno, "can't read the report", file);
  if (!S_ISREG(info.st_mode)) fail(EINVAL, "it is no regular file any more:", file);
  if (info.st_size == 0) fail(ENODATA, "an empty file is no report:", file);
  std::string text(kMaxFileBytes + 1, '\0');
  std::size_t size = 0;
  for (ssize_t got = 1; got > 0 && size < text.size(); size += static_cast<std::size_t>(got)) {
    got = ::read(fd.get(), text.data() + size, text.size() - size);
    if (got < 0) fail(errno, "can't read the report", file);
  }
  if (size > kMaxFileBytes) fail(EFBIG, "over 1 MiB is no report:", file);
  text.resize(size);
  return text;
}

/// Hidden files belong to editors or Kubernetes. A name that is not UTF-8 could not be shown so that it can be typed.
bool is_report_name(std::string_view name) {
  return !name.empty() && !name.starts_with('.') && name.find('/') == std::string_view::npos &&
         name.find('\0') == std::string_view::npos && base::is_valid_utf8(name);
}

/// nullopt: `file` is not a regular file, or does not exist.
std::optional<Report> read_own(const fs::path& file) {
  std::error_code error;
  const fs::file_status status = fs::status(file, error);  // follows links
  if (status.type() == fs::file_type::none) fail(error.value(), "can't read the report", file);
  if (status.type() != fs::file_type::regular) return std::nullopt;
  return make_report(file.stem().native(), read_file(file), true);
}

}  // namespace

std::string title_of(std::string_view name, std::string_view sql) {
  if (sql.starts_with("\xef\xbb\xbf")) sql.remove_prefix(3);  // the byte order mark of some editors
  std::istringstream lines{std::string(sql)};
  for (std::string line; std::getline(lines, line);) {
    const std::size_t first = line.find_first_not_of(" \t\r-");
    if (first == std::string::npos) continue;
    if (!line.substr(line.find_first_not_of(" \t")).starts_with("--")) break;
    return line.substr(first, line.find_last_not_of(" \t\r") - first + 1);
  }
  return std::string(name);
}

std::vector<std::string> most_important_of(std::string_view sql) {
  constexpr std::string_view kBegin = "-- Most important first:";
  const std::size_t begin = sql.find(kBegin);
  std::vector<std::string> columns;
  if (begin == std::string_view::npos) return columns;
  std::string_view line = sql.substr(begin + kBegin.size());
  line = line.substr(0, line.find('\n'));
  std::string column;
  for (const char c : line) {
    if (c == ',') columns.push_back(std::exchange(column, ""));
    if (c != ',' && c != ' ' && c != '\t' && c != '\r') column += c;
  }
  columns.push_back(column);
  std::erase(columns, "");
  return columns;
}

std::string with_parts(std::string sql) {
  for (const std::string_view part : kParts) {
    const core::EmbeddedText* const found = find_embedded("part_" + std::string(part));
    if (found == nullptr) continue;
    for (const std::string before : {"FROM (", "JOIN ("}) {
      const std::string place = before + std::string(part) + ")", text = before + "\n" + std::string(found->text) + ")";
      for (std::size_t at = 0; (at = sql.find(place, at)) != std::string::npos; at += text.size())
        sql.replace(at, place.size(), text);
    }
  }
  return sql;
}

Report built_in(std::string_view name) {
  const core::EmbeddedText* const found = find_embedded(name);
  if (found == nullptr) throw std::logic_error("no report " + std::string(name));
  return make_report(*found);
}

std::vector<Report> list_reports(const fs::path& reports_dir, const LeftOut& left_out) {
  std::map<std::string, Report, std::less<>> by_name;
  for (const core::EmbeddedText& text : kReports) {
    if (is_report(text)) by_name.emplace(text.name, make_report(text));
  }
  std::error_code error;
  fs::directory_iterator entry(reports_dir, error);
  const bool is_missing = reports_dir.empty() || error == std::errc::no_such_file_or_directory;
  if (is_missing) error.clear();
  for (; !error && entry != fs::directory_iterator(); entry.increment(error)) {
    const fs::path& file = entry->path();
    const std::string name = file.stem().string();
    if (file.extension() != ".sql" || !is_report_name(name)) continue;
    try {
      auto report = read_own(file);
      if (report) {
        by_name.insert_or_assign(name, *std::move(report));
      } else {
        left_out(file.string() + " is no file");
      }
    } catch (const std::system_error& why) {
      left_out(why.what());
    }
  }
  if (error) fail(error.value(), "can't read the directory of reports", reports_dir);
  std::vector<Report> reports;
  for (auto& [name, report] : by_name) reports.push_back(std::move(report));
  return reports;
}

std::optional<Report> find_report(const fs::path& reports_dir, std::string_view name) {
  if (!reports_dir.empty() && is_report_name(name)) {
    if (auto own = read_own(reports_dir / (std::string(name) + ".sql"))) return own;
  }
  const core::EmbeddedText* const found = find_embedded(name);
  return found != nullptr && is_report(*found) ? std::optional(make_report(*found)) : std::nullopt;
}

std::vector<Report> metric_queries() {
  std::vector<Report> queries;
  for (const core::EmbeddedText& text : kReports) {
    if (text.name.starts_with("metric_")) queries.push_back(make_report(text));
  }
  return queries;
}

std::vector<Report> summary_reports() {
  std::vector<Report> reports;
  for (const std::string_view name : kSummary) reports.push_back(built_in(name));
  return reports;
}

}  // namespace cgmm::report
