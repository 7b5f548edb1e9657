// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <cstddef>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/text.hpp"
#include "cli/fleet_parts.hpp"
#include "cli/history_answer.hpp"
#include "cli/output.hpp"
#include "cli/terminal.hpp"
#include "config.hpp"
#include "core/table.hpp"
#include "fleet/ask/asker.hpp"
#include "fleet/look/copy.hpp"
#include "fleet/look/find.hpp"
#include "report/format/html.hpp"
#include "report/format/row_writer.hpp"
#include "report/format/wrap.hpp"
#include "report/history/sections.hpp"

namespace cgmm::cli {
namespace {

namespace look = cgmm::fleet;

/// For people; for programs there is no such bound.
constexpr std::size_t kMostNodes = 8;

/// One history in which something was found.
struct OfNode {
  look::HistoryName name;
  std::unique_ptr<store::Reader> reader;
  std::vector<report::Section> sections;
};

/// Puts the node before the columns, and takes several answers after another for one.
class WithNode final : public core::RowSink {
 public:
  explicit WithNode(core::RowSink& into) : into_(into) {}
  void of(const std::string& node) { node_ = node; }
  void begin(const std::vector<std::string>& columns) override {
    if (std::exchange(has_begun_, true)) return;
    std::vector<std::string> all{"node"};
    all.insert(all.end(), columns.begin(), columns.end());
    into_.begin(all);
  }
  void add(std::vector<core::Cell> row) override {
    row.insert(row.begin(), node_);
    into_.add(std::move(row));
  }

 private:
  core::RowSink& into_;
  std::string node_;
  bool has_begun_ = false;
};

std::string heading_of(const std::vector<look::HistoryName>& all, const look::HistoryName& one) {
  const bool has_several = std::ranges::count(all, one.node, &look::HistoryName::node) > 1;
  return "Node " + one.node + (has_several ? ", history " + one.history_id : "");
}

std::string and_more(std::size_t more) {
  return "... and " + std::to_string(more) +
         " more with such cgroups: narrow --node or the glob, or take `--format csv`";
}

class Answer {
 public:
  Answer(look::Asker& asker, const Options& options, const Window& window)
      : asker_(asker),
        options_(options),
        window_(window),
        names_(look::histories_with(asker, options.fleet.node, window.cgroup_glob, window.since_us, window.until_us)) {}

  /// The next one in which something was measured; nullopt: there is none.
  std::optional<OfNode> next() {
    while (next_ < names_.size()) {
      const look::HistoryName& name = names_[next_++];
      auto reader = std::make_unique<store::Reader>(
          look::copy_for_history(asker_, name, window_.since_us, window_.until_us, window_.cgroup_glob));
      const core::Table cgroups = answer_to("history_cgroups", *reader, window_.parameters());
      std::vector<report::Section> sections =
          report::sections_of(cgroups, options_.each || is_path(cgroups, options_.cgroup));
      if (sections.empty()) continue;
      has_found_ = true;
      return OfNode{name, std::move(reader), std::move(sections)};
    }
    if (!has_found_) throw_none();
    return std::nullopt;
  }

  const std::vector<look::HistoryName>& names() const { return names_; }
  std::size_t left() const { return names_.size() - next_; }

 private:
  [[noreturn]] void throw_none() const {
    const std::string& node = options_.fleet.node;
    throw NotFoundError("ClickHouse has no samples of a " +
                        (options_.workload.empty() ? "cgroup that matches \"" + options_.cgroup
                                                   : "workload that matches \"" + options_.workload) +
                        "\" in this window" + (node.empty() ? "" : " on a node that matches \"" + node + "\"") +
                        "; `fleet report nodes` tells what it has of each node");
  }

  look::Asker& asker_;
  const Options& options_;
  const Window& window_;
  std::vector<look::HistoryName> names_;
  std::size_t next_ = 0;
  bool has_found_ = false;
};

std::string text_of(Answer& answer, const Window& window, const report::Style& style) {
  std::string text;
  for (std::size_t count = 0; count < kMostNodes; ++count) {
    std::optional<OfNode> one = answer.next();
    if (!one) return text;
    text += report::wrapped(base::escape_for_terminal(heading_of(answer.names(), one->name)), style) + "\n" +
            history_text(one->sections, *one->reader, window, std::nullopt, style);
  }
  return text + (answer.left() > 0 ? report::wrapped(and_more(answer.left()), style) : "");
}

std::string page_of(Answer& answer, const Window& window) {
  std::string body;
  for (std::size_t count = 0; count < kMostNodes; ++count) {
    std::optional<OfNode> one = answer.next();
    if (!one) break;
    body += report::html_section(heading_of(answer.names(), one->name), "") +
            history_html(one->sections, *one->reader, window, std::nullopt);
  }
  if (answer.left() > 0) body += report::html_section("", report::html_paragraph(and_more(answer.left())));
  return report::html_page("Memory history", body);
}

void write_rows(Answer& answer, const Options& options, const Window& window) {
  const report::Report report = report::built_in("history");
  const bool is_for_programs = report::is_for_programs(options.format);
  report::RowWriter writer(is_for_programs ? options.format : report::Format::csv);
  core::FirstRows first(kMostRowsForPeople);
  WithNode rows(is_for_programs ? static_cast<core::RowSink&>(writer) : first);
  while (std::optional<OfNode> one = answer.next()) {
    rows.of(one->name.node);
    one->reader->run(report.sql, window.parameters(), rows);
  }
  if (is_for_programs) {
    write_output(options, writer.finish());
  } else {
    first.table.title = "History";
    first.table.report = report.name;
    first.table.most_important = report.most_important;
    first.table.most_important.insert(first.table.most_important.begin(), "node");
    write_table(options, first.table);
  }
}

}  // namespace

int fleet_history(const Options& options) {
  if (options.cgroup.empty() && options.workload.empty())
    throw UsageError("fleet history: of what? A glob or a part of a name was expected, or --workload GLOB");
  const Window window = parse_window(options);
  look::Asker asker(config::load(options.config, options.overrides, to_stderr).ship, time_of(options.bounds));
  Answer answer(asker, options, window);
  if (answer.names().size() == 1 && answer.names().front().node == options.fleet.node) {
    const std::optional<OfNode> one = answer.next();  // as `history` on that node
    write_history(options, one->sections, *one->reader, window, std::nullopt);
  } else if (options.format == report::Format::text) {
    write_output(options, text_of(answer, window, style_for(options)));
  } else if (options.format == report::Format::html) {
    write_output(options, page_of(answer, window));
  } else {
    write_rows(answer, options, window);
  }
  return 0;
}

}  // namespace cgmm::cli
