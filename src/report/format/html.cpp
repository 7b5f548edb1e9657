// SPDX-License-Identifier: Apache-2.0
#include "report/format/html.hpp"

#include <algorithm>
#include <optional>
#include <ranges>
#include <type_traits>

#include "base/time.hpp"
#include "base/units.hpp"
#include "core/glob.hpp"
#include "report/embedded.hpp"
#include "report/format/html_links.hpp"
#include "report/format/layout.hpp"

// Every tag is closed and every attribute quoted, so a page is also well-formed XML. Tests check that.

namespace cgmm::report {
namespace {

constexpr std::size_t kShort = 14;            // terminal columns; never broken
constexpr std::size_t kWidestOnOneLine = 36;  // terminal columns; a wider text may break anywhere

constexpr std::string_view kBegin =
    "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\"/>\n"
    "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; ";
// A second defence after escaping: nothing can run a script or send a request. In a page of `serve` nothing but its own
// script.
constexpr std::string_view kOwnScript = "script-src 'self'; connect-src 'self'; ";
constexpr std::string_view kHead = "style-src 'unsafe-inline'; img-src data:; base-uri 'none'; form-action ";
constexpr std::string_view kAfterPolicy =
    "\"/>\n"
    "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\"/>\n"
    "<meta name=\"color-scheme\" content=\"light dark\"/>\n"
    "<meta name=\"referrer\" content=\"no-referrer\"/>\n"
    "<link rel=\"icon\" href=\"data:,\"/>\n";  // without it, a browser requests one

const std::optional<PagesOf>& linked = linked_pages();

/// Whether it is the number of an incident: "16", "s2".
bool is_number(std::string_view text) {
  const std::size_t digits = text.find_first_of("0123456789");
  return digits <= 1 && text.find_first_not_of("0123456789", digits) == std::string_view::npos;
}

/// The address of the page of this name. The end of a name is not to be taken for a format.
std::string page_of(std::string_view place, std::string_view name) {
  const bool ends_like_format =
      name.ends_with(".json") || name.ends_with(".ndjson") || name.ends_with(".csv") || name.ends_with(".html");
  return std::string(place) + escape_path(name) + (ends_like_format ? ".html" : "");
}

/// The page about what is in the column; "": there is none.
std::string link_of(std::string_view heading, std::string_view text) {
  if (!linked || text.empty() || text.starts_with('(') || text.starts_with('-')) return "";
  if (heading == "workload") return page_of("/workload/", text);
  if (heading == "pod" && text.find(' ') != std::string_view::npos) return "";  // only a part of its id is known
  if (heading == "cgroup" || heading == "path" || heading == "pod") return page_of("/cgroup/", text);
  if (heading == "name") return page_of("/report/", text);
  const bool is_id = heading == "id" || heading == "oom kill id";
  if (*linked == PagesOf::node) return is_id && is_number(text) ? "/incident/" + std::string(text) : "";
  if (heading == "node") return "/report?node=" + escape_path(core::glob_of(text));
  const std::size_t slash = text.rfind('/');  // of NODE/ID: a number alone does not tell of which node it is
  const bool is_place = slash != std::string_view::npos && slash > 0 && is_number(text.substr(slash + 1));
  return is_id && is_place ? "/incident/" + escape_path(text) : "";
}

std::string element(std::string_view name, std::string_view attributes, std::string_view html) {
  std::string out = "<" + std::string(name);
  if (!attributes.empty()) out += " " + std::string(attributes);
  return out.append(">").append(html).append("</").append(name).append(">");
}

/// The length of the time at the begin of `text`, such as "2026-11-23T03:12:00.123Z"; 0: there is none.
std::size_t time_length(std::string_view text) {
  constexpr std::string_view kShape = "0000-00-00T00:00:00";
  const auto has_shape = [](char c, char shape) { return shape == '0' ? c >= '0' && c <= '9' : c == shape; };
  if (text.size() < kShape.size() || !std::ranges::equal(text.substr(0, kShape.size()), kShape, has_shape)) return 0;
  const std::size_t end = text.find_first_not_of(".0123456789", kShape.size());
  return end != std::string_view::npos && text[end] == 'Z' ? end + 1 : 0;
}

/// What is to be typed; in a page of `serve` a link to what that would say.
std::string command(std::string_view text) {
  const auto [address, link] = page_of_command(text);
  return address.empty() ? element("code", "", escape_html(text))
                         : element("a", "href=\"" + address + "\"", escape_html(link));
}

/// A sentence for people: a time is not broken, and what is between backticks is to be typed.
std::string sentence(std::string_view text) {
  std::string out;
  std::size_t done = 0;
  const auto take = [&](std::size_t i, std::size_t length, const std::string& html) {
    out += escape_html(text.substr(done, i - done)) + html;
    done = i + length;
  };
  for (std::size_t i = 0; i < text.size(); i = std::max(i + 1, done)) {
    const std::size_t close = text[i] == '`' ? text.find('`', i + 1) : std::string_view::npos;
    if (close != std::string_view::npos) {
      take(i, close + 1 - i, command(text.substr(i + 1, close - i - 1)));
    } else if (const std::size_t length = time_length(text.substr(i)); length > 0) {
      take(i, length, element("time", "", escape_html(text.substr(i, length))));
    }
  }
  return out + escape_html(text.substr(done));
}

/// The CSS class of a word for a result; "" for other words.
std::string_view tone_of(std::string_view heading, std::string_view text) {
  constexpr std::string_view kHeadings = "|verdict|outcome|result|state|when|";
  constexpr std::string_view kGood = "|effective|done|ok|running|",
                             kWarn = "|churn|futile|partial|interrupted|warning|";
  constexpr std::string_view kBad = "|failed|kill|killed|problem|not running|";
  const auto has = [](std::string_view words, std::string_view word) {
    return words.find("|" + std::string(word) + "|") != std::string_view::npos;
  };
  if (!has(kHeadings, heading)) return "";
  text.remove_prefix(std::min(text.find_first_not_of(' '), text.size()));
  const std::string_view word = text.substr(0, std::min(text.find(" ("), text.find(" so far")));
  return has(kGood, word) ? "good" : has(kWarn, word) ? "warn" : has(kBad, word) ? "bad" : "";
}

/// `text` from humanise(), in the row under `heading`; `exact`: what it shows, as it is.
std::string cell(std::string_view heading, const std::string& text, std::string_view exact) {
  if (text == "-" || text == "0" || text == "0 B") return element("span", "class=\"nil\"", text);
  if (heading == "trend") return element("span", "class=\"trend\" aria-hidden=\"true\"", escape_html(text));
  const std::string_view tone = tone_of(heading, text);
  const std::string safe = escape_html(text);
  exact.remove_prefix(std::min(exact.find_first_not_of(' '), exact.size()));
  const std::string link = link_of(heading, exact);
  if (!link.empty()) return element("a", "href=\"" + link + "\"", safe);
  return tone.empty() ? safe : element("span", "class=\"badge " + std::string(tone) + "\"", safe);
}

/// The columns as a page shows them: names first, then the most important ones, so that a phone shows what matters.
/// Without those that tell nothing in any row.
std::vector<std::size_t> columns_shown(const HumanTable& table) {
  constexpr std::size_t kNamesAmong = 3;
  std::vector<std::size_t> shown;
  for (const std::size_t i : table.by_importance) {
    if (std::ranges::any_of(table.rows, [&](const auto& row) { return row[i] != "-"; })) shown.push_back(i);
  }
  if (shown.empty()) return table.by_importance;
  const auto end = shown.begin() + static_cast<std::ptrdiff_t>(std::min(shown.size(), kNamesAmong));
  const auto name = std::find_if(shown.begin(), end, [&](std::size_t i) { return table.kinds[i] == ColumnKind::name; });
  if (name != end) std::rotate(shown.begin(), name, name + 1);
  return shown;
}

/// `all` as a page shows it. `columns` are the names of its columns, or none.
HumanTable arranged(const HumanTable& all, std::vector<std::string>& columns) {
  if (all.is_upright) return all;
  const std::vector<std::size_t> shown = columns_shown(all);
  const auto chosen = [&shown](const auto& from) {
    std::remove_cvref_t<decltype(from)> to;
    for (const std::size_t i : shown) to.push_back(from[i]);
    return to;
  };
  HumanTable table{.title = all.title,
                   .headings = chosen(all.headings),
                   .right_aligned = chosen(all.right_aligned),
                   .kinds = chosen(all.kinds),
                   .by_importance = {},
                   .rows = {},
                   .exact = {},
                   .alarms = {}};
  for (std::size_t at = 0; at < all.rows.size(); ++at) {
    table.rows.push_back(chosen(all.rows[at]));
    table.exact.push_back(chosen(all.exact[at]));
    table.alarms.push_back(chosen(all.alarms[at]));
  }
  if (!columns.empty()) columns = chosen(columns);
  return table;
}

/// The kind of each column: numbers (or texts padded like numbers), times, names, long texts, or short texts.
std::vector<std::string> classes_of(const HumanTable& table) {
  std::vector<std::string> classes;
  for (std::size_t i = 0; i < table.headings.size(); ++i) {
    std::size_t width = display_width(table.headings[i]);
    for (const auto& row : table.rows) width = std::max(width, display_width(row[i]));
    const bool is_long = width > kWidestOnOneLine;
    const bool is_padded = std::ranges::any_of(table.rows, [&](const auto& row) { return row[i].starts_with(' '); });
    const bool is_right = table.right_aligned[i] || is_padded;
    const bool is_name = table.kinds[i] == ColumnKind::name;
    const bool is_one_line = table.kinds[i] == ColumnKind::number || width <= kShort;  // a time, or a few words
    classes.emplace_back(is_right      ? "class=\"num\""
                         : is_name     ? "class=\"name\""
                         : is_long     ? "class=\"long\""
                         : is_one_line ? "class=\"at\""
                                       : "");
  }
  return classes;
}

/// `columns`: of a table that can be sorted, else empty. `kept`: what the links keep of the address.
std::string table_element(const HumanTable& table, std::span<const std::string> columns = {},
                          std::string_view sorted_by = "", std::string_view kept = "") {
  const std::vector<std::string> classes = classes_of(table);
  std::string out = table.is_upright ? "<table class=\"down\"><tbody>\n" : "<table><thead><tr>";
  for (std::size_t i = 0; i < table.headings.size() && !table.is_upright; ++i) {
    const std::string text = escape_html(table.headings[i]);
    std::string attributes = classes[i] + (classes[i].empty() ? "" : " ") + "scope=\"col\"";
    if (i < columns.size() && columns[i] == sorted_by)
      attributes += table.right_aligned[i] ? R"( aria-sort="descending")" : R"( aria-sort="ascending")";
    out += element("th", attributes,
                   i < columns.size() && columns[i] != "trend"
                       ? element("a", "href=\"?sort=" + escape_path(columns[i]) + std::string(kept) + "\"", text)
                       : text);
  }
  if (!table.is_upright) out += "</tr></thead>\n<tbody>\n";
  for (std::size_t at = 0; at < table.rows.size(); ++at) {
    const auto& row = table.rows[at];
    const auto& exact = table.exact[at];
    out += "<tr>";
    if (table.is_upright) {
      out += element("th", "scope=\"row\"", escape_html(row[0])) +
             element("td", "class=\"long\"", cell(row[0], row[1], exact[1]));
    } else {
      for (std::size_t i = 0; i < row.size(); ++i)
        out += element("td", classes[i], cell(table.headings[i], row[i], exact[i]));
    }
    out += "</tr>\n";
  }
  return out + "</tbody></table>";
}

/// What is said of the table stands over and below it.
std::string with_remarks(const core::Table& table) {
  const auto remark = [](const std::string& text) { return text.empty() ? "" : html_paragraph(text, Weight::remark); };
  return remark(table.about) + html_table(table) + remark(table.below);
}

}  // namespace

std::string html_page(std::string_view title, std::string_view body) {
  const std::string safe_title = escape_html(title);
  std::string out(kBegin);
  if (linked) out += kOwnScript;
  out.append(kHead).append(linked ? "'self'" : "'none'").append(kAfterPolicy);
  if (linked) out += "<script src=\"/page.js\" defer=\"defer\"></script>\n";
  out += element("title", "", safe_title) + "\n<style>\n";
  for (const core::EmbeddedText& style : kStyles) out += style.text;
  return out.append("</style>\n</head>\n<body>\n").append(navigation()) + "<main>\n" + element("h1", "", safe_title) +
         "\n" + std::string(body) + data_links() + "</main>\n</body>\n</html>\n";
}

std::string html_section(std::string_view title, std::string_view body, std::string_view id) {
  const std::string heading = title.empty() ? "" : element("h2", "", escape_html(title)) + "\n";
  return "<section" + (id.empty() ? "" : " id=\"" + std::string(id) + "\"") + ">\n" + heading + std::string(body) +
         "</section>\n";
}

std::string html_section_of(const core::Table& table) { return html_section(table.title, with_remarks(table)); }

std::string html_heading(std::string_view text) { return element("h3", "", escape_html(text)) + "\n"; }

std::string html_paragraph(std::string_view text, Weight weight) {
  constexpr std::string_view kAttributes[] = {"class=\"lead\"", "", "class=\"remark\""};
  return element("p", kAttributes[static_cast<std::size_t>(weight)], sentence(text)) + "\n";
}

std::string html_preformatted(std::string_view text) {
  std::string lines;
  for (const auto line : std::views::split(text, '\n')) {
    lines += (line.begin() == text.begin() ? "" : "\n") + escape_html(std::string_view(line.begin(), line.end()));
  }
  return element("pre", "", lines) + "\n";
}

std::string html_time_span(std::int64_t from_at_us, std::int64_t to_at_us) {
  return element("p", "class=\"remark\"",
                 element("time", "", base::format_time(from_at_us)) + " to " +
                     element("time", "", base::format_time(to_at_us))) +
         "\n";
}

std::string html_window_links(TimeSpan window, TimeSpan shown, std::int64_t now_us) {
  if (linked != PagesOf::node) return "";
  const auto [since_at_us, until_at_us] = window;
  const std::int64_t half_us = (until_at_us - since_at_us) / 2, quarter_us = (shown.to_us - shown.from_us) / 4;
  // `key` is what does the same in the script.
  const auto link = [&](std::string_view key, std::string_view text, std::int64_t from_us, std::int64_t to_us) {
    return element("a",
                   "data-key=\"" + std::string(key) + "\" href=\"?since=" + base::format_utc(from_us, true) +
                       "&amp;until=" + base::format_utc(to_us, true) + "\"",
                   text) +
           " ";
  };
  std::string links = link("ArrowLeft", "Earlier", since_at_us - half_us, until_at_us - half_us);
  const std::int64_t later_us = std::min(until_at_us + half_us, now_us);
  if (later_us - until_at_us > base::kSecond_us)
    links += link("ArrowRight", "Later", since_at_us + later_us - until_at_us, later_us);
  if (quarter_us > base::kSecond_us) links += link("+", "Closer", shown.from_us + quarter_us, shown.to_us - quarter_us);
  links += link("-", "Wider", since_at_us - half_us, until_at_us + half_us);
  links += element("a", "data-key=\"0\" href=\"?\"", "Newest");
  return element("p", "class=\"window\"",
                 links + " " +
                     element("span", "class=\"with-script\" hidden=\"hidden\"",
                             "Drag over a chart to look closer." +
                                 element("span", "class=\"keys\"", " Keys: \u2190 \u2192 + \u2212 0"))) +
         "\n";
}

std::string html_tiles(std::span<const Tile> tiles) {
  std::string out = "<div class=\"tiles\">\n";
  for (const Tile& tile : tiles) {
    const std::string remark = tile.remark.empty() ? "" : element("small", "", sentence(tile.remark));
    out +=
        element("div", tile.is_alarm ? "class=\"tile alarm\"" : "class=\"tile\"",
                element("span", "", escape_html(tile.name)) + element("strong", "", escape_html(tile.value)) + remark) +
        "\n";
  }
  return out + "</div>\n";
}

std::string html_list(std::span<const std::pair<std::string, std::string>> all) {
  std::string out = "<dl>\n";
  for (const auto& [label, text] : all) {
    out += element("dt", "", escape_html(label)) + element("dd", "", sentence(text)) + "\n";
  }
  return out + "</dl>\n";
}

std::string html_table(const core::Table& table) { return html_table(table, ""); }

std::string html_table(const core::Table& table, std::string_view sorted_by, const Query& kept) {
  const HumanTable whole = humanise(table, /*may_be_upright=*/sorted_by.empty());
  if (whole.rows.empty()) return html_paragraph("(none)", Weight::remark);
  const bool has_links = !sorted_by.empty() && whole.headings.size() == table.columns.size();
  std::vector<std::string> columns = has_links ? table.columns : std::vector<std::string>();
  const HumanTable human = table.keeps_names ? whole : arranged(whole, columns);
  std::string in_links;
  for (const auto& [name, value] : kept) in_links.append("&amp;").append(name).append("=").append(escape_path(value));
  // Focusable, so that the keyboard can scroll it.
  const std::string more = table.more_rows == 0 ? "" : html_paragraph(more_rows_text(table), Weight::remark);
  return element("div", "class=\"scroll\" tabindex=\"0\"", table_element(human, columns, sorted_by, in_links)) + "\n" +
         more;
}

std::string render_html(const core::Table& table, const Style&) {
  return html_page(table.title.empty() ? "cgroup-memory-manager" : table.title, html_section("", with_remarks(table)));
}

std::string render_html(std::span<const core::Table> tables) {
  std::string body;
  for (const core::Table& table : tables) body += html_section_of(table);
  return html_page("cgroup-memory-manager", body);
}

}  // namespace cgmm::report
