// SPDX-License-Identifier: Apache-2.0
#include "report/format/render.hpp"

#include <algorithm>
#include <array>
#include <stdexcept>

#include "report/format/layout.hpp"

namespace cgmm::report {
namespace {

struct Renderer {
  Format format;
  std::string_view name;
  std::string (*render)(const core::Table& table, const Style& style);
};
constexpr auto kRenderers = std::to_array<Renderer>({{Format::text, "text", render_text},
                                                     {Format::markdown, "markdown", render_markdown},
                                                     {Format::html, "html", render_html},
                                                     {Format::csv, "csv", render_csv},
                                                     {Format::json, "json", render_json},
                                                     {Format::ndjson, "ndjson", render_ndjson}});

}  // namespace

std::optional<Format> parse_format(std::string_view name) {
  const auto* const found = std::ranges::find(kRenderers, name, &Renderer::name);
  return found != kRenderers.end() ? std::optional(found->format) : std::nullopt;
}

std::string render(const core::Table& table, Format format, const Style& style) {
  return std::ranges::find(kRenderers, format, &Renderer::format)->render(table, style);
}

std::string render(std::span<const core::Table> tables, Format format, const Style& style) {
  if (format == Format::json) return render_json(tables);
  if (format == Format::html) return render_html(tables);
  if (holds_one_table(format) && tables.size() > 1) {
    throw std::invalid_argument(
        "CSV and NDJSON hold one table; name one report, or choose text, markdown, html or json");
  }
  std::string out;
  for (const core::Table& table : tables) out += (out.empty() ? "" : "\n") + render(table, format, style);
  return out;
}

}  // namespace cgmm::report
