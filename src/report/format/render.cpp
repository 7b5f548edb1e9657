// SPDX-License-Identifier: Apache-2.0
#include "report/format/render.hpp"

#include <stdexcept>

#include "report/format/layout.hpp"

namespace cgmm::report {

std::optional<Format> parse_format(std::string_view name) {
  if (name == "text") return Format::text;
  if (name == "markdown") return Format::markdown;
  if (name == "html") return Format::html;
  if (name == "csv") return Format::csv;
  if (name == "json") return Format::json;
  return std::nullopt;
}

std::string render(const core::Table& table, Format format, const Style& style) {
  switch (format) {
    case Format::text:
      return render_text(table, style);
    case Format::markdown:
      return render_markdown(table);
    case Format::html:
      return render_html(table);
    case Format::csv:
      return render_csv(table);
    case Format::json:
      return render_json(table);
  }
  throw std::invalid_argument("unknown format");
}

std::string render(std::span<const core::Table> tables, Format format, const Style& style) {
  if (format == Format::json) return render_json(tables);
  if (format == Format::html) return render_html(tables);
  if (format == Format::csv && tables.size() > 1) {
    throw std::invalid_argument("CSV holds one table; name one report, or choose text, markdown, html or json");
  }
  std::string out;
  for (const core::Table& table : tables) {
    if (!out.empty()) out += '\n';
    out += render(table, format, style);
  }
  return out;
}

}  // namespace cgmm::report
